//! How a process ends, and how another one takes its sockets over.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::Signal;
use scopegate::server::drain::{Drain, Phase, Signals};
use scopegate::server::hand_over::{HandOver, take_over};
use scopegate::server::listen::Inherited;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::bench::{Authority, Bench, Client, LONG, ask, client, folder, is_closed, settings, shake, tcp, visit};

const NAME: &str = "first.example.test";

#[test]
fn a_request_in_flight_is_finished_and_nothing_new_is_begun() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let gate = Arc::new(Semaphore::new(0));
    let bench = Bench::start_as("only", settings(&folder, &authority), Inherited::new(), Some(Arc::clone(&gate)));
    let address = bench.address;
    let config = client(&authority, &["http/1.1"], None);
    let asking = std::thread::spawn(move || {
        let mut client = shake(tcp(address, "127.0.0.1", b""), &config, NAME);
        ask(&mut client)
    });
    bench.asked.recv_timeout(LONG).unwrap();
    bench.drain.begin();
    bench.sockets.close();
    assert!(matches!(bench.drain.phase(), Phase::Draining { .. }));
    gate.add_permits(1);
    assert!(asking.join().unwrap().unwrap().contains("name=only"));
    bench.running.join();
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn what_does_not_end_in_time_is_closed() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let mut settings = settings(&folder, &authority);
    settings.drain = Duration::from_millis(50);
    let bench = Bench::start_as("only", settings, Inherited::new(), Some(Arc::new(Semaphore::new(0))));
    let mut held: Client = shake(tcp(bench.address, "127.0.0.1", b""), &client(&authority, &[], None), NAME);
    std::io::Write::write_all(held.get_mut(), b"?\n").unwrap();
    bench.asked.recv_timeout(LONG).unwrap();
    bench.drain.begin();
    bench.running.join();
    assert!(is_closed(&mut held));
}

#[test]
fn a_second_call_to_end_does_not_wait_for_the_deadline() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let mut settings = settings(&folder, &authority);
    settings.drain = LONG * 100;
    let bench = Bench::start(settings);
    let mut held = shake(tcp(bench.address, "127.0.0.1", b""), &client(&authority, &[], None), NAME);
    ask(&mut held).unwrap();
    bench.drain.begin();
    bench.drain.end();
    bench.running.join();
}

#[test]
fn signals_reload_then_drain_then_end_at_once() {
    let runtime = Runtime::new().unwrap();
    let drain = Drain::new(LONG * 100);
    let signals = runtime.block_on(async { Signals::listen().unwrap() });
    let (told, reloads) = channel();
    let obeying = runtime.spawn(signals.obey(drain.clone(), move || {
        let told = told.clone();
        async move { told.send(()).unwrap() }
    }));
    let send = |signal| rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
    send(Signal::HUP);
    reloads.recv_timeout(LONG).unwrap();
    assert_eq!(drain.phase(), Phase::Serving);
    send(Signal::TERM);
    runtime.block_on(async { timeout(LONG, drain.begun()).await.unwrap() });
    assert!(matches!(drain.phase(), Phase::Draining { .. }));
    send(Signal::INT);
    runtime.block_on(async { timeout(LONG, obeying).await.unwrap().unwrap() });
    assert_eq!(drain.phase(), Phase::Ended);
}

/// Connects again and again, each time from a fresh socket, until told to stop.
struct Clients {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
    answers: Receiver<std::io::Result<String>>,
}

impl Clients {
    fn start(bench: &Bench, authority: &Authority) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, answers) = channel();
        let config = client(authority, &["http/1.1"], None);
        let address = bench.address;
        let begin = |_| {
            let (stop, sender, config) = (Arc::clone(&stop), sender.clone(), Arc::clone(&config));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let answer = TcpStream::connect(address).and_then(|stream| {
                        stream.set_read_timeout(Some(LONG))?;
                        ask(&mut shake(stream, &config, NAME))
                    });
                    if sender.send(answer).is_err() {
                        return;
                    }
                }
            })
        };
        let threads = (0..4).map(begin).collect();
        Self { stop, threads, answers }
    }

    /// Waits for so many answers of one process; every answer in between must be one.
    fn expect(&self, name: &str, count: usize) {
        let wanted = format!("name={name} ");
        let mut seen = 0;
        while seen < count {
            let answer = self.answers.recv_timeout(LONG).unwrap().expect("a connection was refused or broken off");
            seen += usize::from(answer.contains(&wanted));
        }
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        for answer in self.answers.try_iter() {
            answer.expect("a connection was refused or broken off");
        }
    }
}

/// Hands a listener with `before` workers over to one with `after`, under load.
fn hand_over(before: usize, after: usize) {
    let (folder, authority, runtime) = (folder(), Authority::new("ours"), Runtime::new().unwrap());
    let mut settings = settings(&folder, &authority);
    settings.workers = NonZeroUsize::new(before).unwrap();
    let socket = settings.hand_over_socket();
    let old = Bench::start_as("old", settings.clone(), Inherited::new(), None);
    let serving = {
        let _within = runtime.enter();
        HandOver::open(&socket).unwrap()
    };
    let served = runtime.spawn(serving.serve(Arc::clone(&old.sockets), old.drain.clone()));
    let clients = Clients::start(&old, &authority);
    clients.expect("old", 40);

    let (inherited, handle) = take_over(&socket).unwrap().expect("a running process");
    assert_eq!(inherited.len(), before);
    settings.listeners.https = vec![old.address];
    settings.workers = NonZeroUsize::new(after).unwrap();
    let new = Bench::start_as("new", settings, inherited, None);
    assert_eq!(new.address, old.address);
    handle.ready().unwrap();
    let successor = {
        let _within = runtime.enter();
        HandOver::open(&socket).unwrap()
    };
    runtime.block_on(served).unwrap();
    old.running.join();
    clients.expect("new", 80);
    clients.end();
    // The new process can be taken over in its turn.
    drop(successor);
    new.end();
}

#[test]
fn no_connection_is_refused_while_a_new_process_takes_over() {
    hand_over(2, 2);
}

#[test]
fn a_process_with_another_number_of_workers_serves_every_socket() {
    hand_over(3, 1);
    hand_over(1, 2);
}

#[test]
fn a_new_process_that_dies_before_it_serves_changes_nothing() {
    let (folder, authority, runtime) = (folder(), Authority::new("ours"), Runtime::new().unwrap());
    let settings = settings(&folder, &authority);
    let socket = settings.hand_over_socket();
    let bench = Bench::start(settings);
    let serving = {
        let _within = runtime.enter();
        HandOver::open(&socket).unwrap()
    };
    runtime.spawn(serving.serve(Arc::clone(&bench.sockets), bench.drain.clone()));
    drop(take_over(&socket).unwrap().unwrap());
    // The next one is served only after the first was given up.
    let (inherited, _handle) = take_over(&socket).unwrap().unwrap();
    assert_eq!(inherited.len(), 2);
    assert_eq!(bench.drain.phase(), Phase::Serving);
    assert!(visit(&bench, &client(&authority, &[], None), NAME).is_ok());
    bench.end();
}

#[test]
fn a_new_process_serves_on_when_its_predecessor_died_meanwhile_and_gives_way_when_that_serves_on() {
    for died in [true, false] {
        let folder = folder();
        let path = folder.path().join("hand-over.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let handle = std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut [0; 23]).unwrap();
                stream.write_all(b".").unwrap();
            });
            take_over(&path).unwrap().unwrap().1
        });
        if died {
            drop(listener);
        }
        assert_eq!(handle.ready().is_ok(), died);
    }
}

#[test]
fn without_a_running_process_there_is_nothing_to_take_over() {
    let folder = folder();
    assert!(take_over(&folder.path().join("hand-over.sock")).unwrap().is_none());
    // A dead process leaves its socket behind.
    drop(UnixListener::bind(folder.path().join("dead.sock")).unwrap());
    assert!(take_over(&folder.path().join("dead.sock")).unwrap().is_none());
}
