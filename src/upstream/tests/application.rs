//! An application that records what it receives and answers by a script.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Barrier;

/// What the application does.
#[derive(Clone)]
pub(super) enum Step {
    /// Sends this.
    Send(String),
    /// Waits.
    Wait(Duration),
    /// Waits until as many requests have come to this point as meet there.
    Meet(Arc<Barrier>),
    /// Closes the connection.
    Close,
    /// Does nothing any more, the connection open.
    Hang,
}

pub(super) fn send(text: impl Into<String>) -> Step {
    Step::Send(text.into())
}

/// One request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The number of its connection, from 0.
    pub(super) connection: usize,
    /// Its first line and, behind ` | `, its body.
    pub(super) text: String,
}

pub(super) struct Application {
    pub(super) address: SocketAddr,
    pub(super) seen: Rc<RefCell<Vec<Seen>>>,
}

impl Application {
    /// Runs in the local set of the test. The script gets the numbers of the connection and of the request on all of them.
    pub(super) async fn start(script: impl Fn(usize, usize) -> Vec<Step> + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let (script, record) = (Rc::new(script), Rc::clone(&seen));
        tokio::task::spawn_local(async move {
            for connection in 0.. {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::task::spawn_local(serve(socket, connection, Rc::clone(&script), Rc::clone(&record)));
            }
        });
        Self { address, seen }
    }

    /// An application that always does the same.
    pub(super) async fn always(steps: Vec<Step>) -> Self {
        Self::start(move |_, _| steps.clone()).await
    }

    pub(super) fn count(&self) -> usize {
        self.seen.borrow().len()
    }

    pub(super) fn connections(&self) -> Vec<usize> {
        self.seen.borrow().iter().map(|seen| seen.connection).collect()
    }
}

/// An address on which nothing listens.
pub(super) async fn nobody() -> Application {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Application { address: listener.local_addr().unwrap(), seen: Rc::default() }
}

pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: S,
    connection: usize,
    script: Rc<impl Fn(usize, usize) -> Vec<Step> + ?Sized>,
    record: Rc<RefCell<Vec<Seen>>>,
) {
    while let Some(text) = request(&mut socket).await {
        let number = record.borrow().len();
        record.borrow_mut().push(Seen { connection, text });
        for step in script(connection, number) {
            match step {
                Step::Send(text) => {
                    if socket.write_all(text.as_bytes()).await.is_err() {
                        return;
                    }
                    let _ = socket.flush().await;
                }
                Step::Wait(time) => tokio::time::sleep(time).await,
                Step::Meet(barrier) => {
                    barrier.wait().await;
                }
                Step::Close => return,
                Step::Hang => std::future::pending().await,
            }
        }
    }
}

async fn request<S: AsyncRead + Unpin>(socket: &mut S) -> Option<String> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(read[..end].to_vec()).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            let length: usize = length.map_or(0, |digits| digits.parse().unwrap());
            if read.len() >= end + 4 + length {
                let body = String::from_utf8(read[end + 4..].to_vec()).unwrap();
                return Some(format!("{} | {body}", head.lines().next().unwrap()));
            }
        }
        if socket.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}
