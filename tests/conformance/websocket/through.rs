//! Each case sent to the application itself and through the gateway: the gateway takes nothing away, adds nothing, and completes
//! nothing that failed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::case::{Case, Comes, all};
use crate::world::World;

/// The echo application: the `websockets` library, pinned, in an environment of its own below `target`.
struct Echo {
    address: SocketAddr,
    // When this process ends, however it does, the pipe closes and the watching shell ends the server.
    watch: Child,
}

impl Echo {
    fn start() -> Self {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
        let here = checkout.join("tests/conformance/websocket");
        let ready = checkout.join("target/websocket");
        let setup = "set -e; mkdir -p \"$2\"; exec 9>\"$2/lock\"; flock 9\n\
            cmp -s \"$1/requirements.txt\" \"$2/made\" && exit\n\
            rm -rf \"$2/environment\"; python3 -m venv \"$2/environment\"\n\
            \"$2/environment/bin/pip\" install --quiet --disable-pip-version-check --require-hashes -r \"$1/requirements.txt\"\n\
            cp \"$1/requirements.txt\" \"$2/made\"";
        let status = Command::new("bash").args(["-c", setup, "setup"]).arg(&here).arg(&ready).status().unwrap();
        assert!(status.success(), "python3 with venv and the library of the echo application are needed");
        let mut watch = Command::new("bash")
            .args(["-c", "\"$@\" </dev/null & cat >/dev/null; kill $!; wait", "watch"])
            .arg(ready.join("environment/bin/python"))
            .arg("-B")
            .arg(here.join("echo.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // it tells each case that must fail
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(watch.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { address: format!("127.0.0.1:{}", port.trim()).parse().unwrap(), watch }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}

/// What came back after the handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// Data and pongs in their order: first byte and payload.
    frames: Vec<(u8, Vec<u8>)>,
    /// The code of the close, where one was told.
    code: Option<u16>,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Sends a case over a stream on which nothing was said yet.
fn run(stream: &mut dyn Stream, case: &Case) -> Outcome {
    let offer = if case.compressed { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    let request = format!(
        "GET /echo HTTP/1.1\r\nHost: wms.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(head.to_ascii_lowercase().contains("permessage-deflate"), case.compressed, "{head}");
    // what is sent and what comes back must not wait for each other: the library reads on while it echoes
    for piece in case.bytes.chunks(if case.chop == 0 { 1 << 20 } else { case.chop }) {
        if stream.write_all(piece).and_then(|()| stream.flush()).is_err() {
            break;
        }
    }
    let mut answer = Answer::default();
    if !case.then.is_empty() {
        let awaited = case.answers();
        while !answer.ended && answer.outcome.frames.len() < awaited {
            answer.more(stream, case);
        }
        let _ = stream.write_all(&case.then).and_then(|()| stream.flush());
    }
    // a server that has answered the close waits for the client to go
    while !answer.ended {
        answer.more(stream, case);
    }
    answer.outcome
}

/// What has come of a server's frames so far.
#[derive(Default)]
struct Answer {
    bytes: Vec<u8>,
    outcome: Outcome,
    ended: bool,
}

impl Answer {
    fn more(&mut self, stream: &mut dyn Stream, case: &Case) {
        let mut space = vec![0; 65_536];
        match stream.read(&mut space) {
            Ok(count) if count > 0 => self.bytes.extend_from_slice(&space[..count]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("{}: nothing comes any more", case.number)
            }
            _ => self.ended = true,
        }
        while let Some((start, length)) = extent(&self.bytes)
            && self.bytes.len() >= start + length
        {
            let frame: Vec<u8> = self.bytes.drain(..start + length).collect();
            if frame[0] & 0x0f == 8 {
                let code = frame[start..].get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
                (self.outcome.code, self.ended) = (Some(code), true);
                return;
            }
            self.outcome.frames.push((frame[0], frame[start..].to_vec()));
        }
    }
}

/// The lengths of a server's frame: header and payload.
fn extent(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes.get(1)? {
        126 => Some((4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap())))),
        127 => Some((10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap())).unwrap())),
        short => Some((2, usize::from(*short))),
    }
}

const ROUTES: &str = "routes: [{id: echo, match: GET /echo, public: true, upgrade: websocket}]\n";

#[test]
fn every_case_of_websocket_is_as_good_through_the_gateway_as_without_it() {
    let echo = Echo::start();
    let world = World::with(ROUTES, |settings| {
        settings.limits.websocket_message = 16 << 20;
        let app = format!("app: wms\nhosts: [wms.test]\nupstream: {{url: 'http://{}'}}\n{ROUTES}", echo.address);
        std::fs::write(settings.routes.join("wms.yaml"), app).unwrap();
    });
    let cases = all();
    assert!(cases.len() > 200, "{}", cases.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            wrong.extend(compare(case, &echo, &world));
        }
        wrong
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
    world.await_metric("scopegate_tunnels_open", 0);
}

/// What is worse through the gateway, if anything.
fn compare(case: &Case, echo: &Echo, world: &World) -> Option<String> {
    let mut plain = TcpStream::connect(echo.address).unwrap();
    plain.set_nodelay(true).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let direct = run(&mut plain, case);
    let through = run(&mut world.anybody().connect(), case);
    let fits = match case.comes {
        Comes::Good => {
            direct.code.is_some()
                && through == direct
                && (case.then.is_empty() || direct.frames.len() == case.answers())
        }
        // the gateway may end it before the application has said so
        Comes::Failed => {
            !matches!(direct.code, Some(1000 | 1005))
                && !matches!(through.code, Some(1000 | 1005))
                && direct.frames.starts_with(&through.frames)
        }
    };
    (!fits).then(|| {
        let brief = |outcome: &Outcome| {
            let frames: Vec<_> = outcome.frames.iter().map(|(first, payload)| (*first, payload.len())).collect();
            format!("{:?} {frames:?}", outcome.code)
        };
        format!("{}: direct {}, through the gateway {}", case.number, brief(&direct), brief(&through))
    })
}
