//! An application on raw sockets that answers each request by the script that its path names, and echoes what `/echo/…` asks for.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// What it does with a request whose head it has read.
#[derive(Clone, Debug)]
pub enum Step {
    Send(Vec<u8>),
    /// The bytes one by one, with so long between them.
    Drip(Vec<u8>, Duration),
    /// The same bytes again and again, until nobody takes them.
    Endless(&'static [u8]),
    /// Ends the connection in order.
    Close,
    /// Resets it.
    Reset,
    /// Does nothing until the gateway has had enough.
    Hang,
}

pub fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

pub type Scripts = Arc<HashMap<&'static str, Vec<Step>>>;

/// Listens, and gives its address.
pub fn start(scripts: &Scripts) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let scripts = Arc::clone(scripts);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let scripts = Arc::clone(&scripts);
            std::thread::spawn(move || {
                stream.set_nodelay(true).unwrap();
                serve(stream, &scripts);
            });
        }
    });
    address
}

fn serve(mut stream: TcpStream, scripts: &Scripts) {
    while let Some(target) = head(&mut stream) {
        let path = target.split('?').next().unwrap();
        let steps = match path.strip_prefix("/echo/") {
            Some(echo) => vec![send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{echo}", echo.len()))],
            None => scripts[path.strip_prefix("/f/").unwrap()].clone(),
        };
        for step in steps {
            if run(&mut stream, step).is_none() {
                return;
            }
        }
    }
}

/// `None` when the connection is over.
fn run(stream: &mut TcpStream, step: Step) -> Option<()> {
    match step {
        Step::Send(bytes) => stream.write_all(&bytes).ok(),
        Step::Drip(bytes, pause) => bytes.iter().try_for_each(|byte| {
            stream.write_all(&[*byte]).ok()?;
            std::thread::park_timeout(pause);
            Some(())
        }),
        Step::Endless(bytes) => loop {
            stream.write_all(bytes).ok()?;
        },
        Step::Close => None,
        Step::Reset => {
            let _ = socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
            None
        }
        Step::Hang => {
            while stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
            None
        }
    }
}

/// Reads one head and gives its target; bodies are left where they are, and what is read of them is no head.
fn head(stream: &mut TcpStream) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let text = String::from_utf8(head).ok()?;
    let mut words = text.split(' ');
    matches!(words.next(), Some("GET" | "HEAD" | "POST")).then(|| words.next().unwrap().to_owned())
}
