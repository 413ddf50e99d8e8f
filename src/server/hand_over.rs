//! How a new process takes the listening sockets over from the running one, over a Unix socket; no connection is lost.
//!
//! The new process says `HELLO`; the old one sends each socket in a message of one byte, the role, and then `END`; once
//! it serves, the new one says `READY`, and the old one answers `DRAINING` and drains. Until then, and when the new one
//! goes away before, the old one serves as if nothing had happened. Both hold the same sockets all the while, so that
//! their queues are never closed.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use tokio::net::UnixListener;

use super::drain::Drain;
use super::error::ServerError;
use super::listen::{Inherited, Role, Sockets};

const HELLO: &[u8; 23] = b"scopegate hand-over 1\r\n";
const END: u8 = b'.';
const READY: u8 = b'R';
const DRAINING: u8 = b'D';

/// Time for each step but the new process's start.
const STEP: Duration = Duration::from_secs(10);
/// Time that the new process has to read its rules and to begin to serve.
const START: Duration = Duration::from_secs(120);

const fn code(role: Role) -> u8 {
    match role {
        Role::Https => b'h',
        Role::Redirect => b'r',
        Role::Admin => b'a',
    }
}

fn role(code: u8) -> Option<Role> {
    match code {
        b'h' => Some(Role::Https),
        b'r' => Some(Role::Redirect),
        b'a' => Some(Role::Admin),
        _ => None,
    }
}

/// The old process's side.
#[derive(Debug)]
pub struct HandOver {
    listener: UnixListener,
}

impl HandOver {
    /// Opens the hand-over socket; one that a former process left behind is replaced. Must run in a runtime.
    ///
    /// # Errors
    /// When the socket cannot be made at that place.
    pub fn open(path: &Path) -> Result<Self, ServerError> {
        let failed = |error| ServerError::HandOver { what: "open the hand-over", socket: path.to_owned(), error };
        // Made beside its place and then moved there: at no moment does the place hold a dead socket of ours.
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let make = || {
            let _ = std::fs::remove_file(&beside);
            let listener = UnixListener::bind(&beside)?;
            std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600))?;
            std::fs::rename(&beside, path)?;
            Ok(listener)
        };
        make().map(|listener| Self { listener }).map_err(failed)
    }

    /// Hands the sockets to whoever asks, until one that took them serves or the process drains for another reason.
    /// Then drains, and closes our copies of the sockets. Spawn it on the background runtime.
    pub async fn serve(self, sockets: Arc<Sockets>, drain: Drain) {
        let mut begun = std::pin::pin!(drain.begun());
        loop {
            let asked = tokio::select! {
                () = &mut begun => break,
                asked = self.listener.accept() => asked,
            };
            let Ok((stream, _)) = asked else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let sockets = Arc::clone(&sockets);
            let answer = async move {
                let stream = stream.into_std()?;
                tokio::task::spawn_blocking(move || give(&stream, &sockets)).await.map_err(io::Error::other)?
            };
            let outcome = tokio::select! {
                () = &mut begun => break,
                outcome = answer => outcome,
            };
            match outcome {
                Ok(()) => {
                    tracing::info!("another process has taken the sockets over, draining");
                    drain.begin();
                    break;
                }
                Err(error) => tracing::warn!(%error, "a hand-over was begun and not finished, serving on"),
            }
        }
        sockets.close();
    }
}

/// Sends the sockets and waits until the other side serves.
fn give(mut stream: &UnixStream, sockets: &Sockets) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(STEP))?;
    stream.set_write_timeout(Some(STEP))?;
    let peer = rustix::net::sockopt::socket_peercred(stream)?;
    // SECURITY: the mode of the socket keeps others out already; root of another container may still reach it.
    if peer.uid != rustix::process::geteuid() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the asking process runs as another user"));
    }
    let mut hello = [0; HELLO.len()];
    stream.read_exact(&mut hello)?;
    if hello != *HELLO {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the asking process speaks another version"));
    }
    sockets.each(|role, socket| send(stream, code(role), socket))?;
    stream.write_all(&[END])?;
    stream.set_read_timeout(Some(START))?;
    let mut ready = [0];
    stream.read_exact(&mut ready)?;
    if ready != [READY] {
        return Err(io::ErrorKind::InvalidData.into());
    }
    stream.write_all(&[DRAINING])
}

fn send(stream: &UnixStream, code: u8, socket: &TcpListener) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [socket.as_fd()];
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    sendmsg(stream, &[IoSlice::new(&[code])], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The new process's side: it holds the sockets, and the old process still serves.
#[derive(Debug)]
pub struct TakeOver {
    stream: UnixStream,
    path: PathBuf,
}

/// Asks the running process for its listening sockets. `None` when no process is running. Blocks.
///
/// # Errors
/// When a process answers, but not as it should.
pub fn take_over(path: &Path) -> Result<Option<(Inherited, TakeOver)>, ServerError> {
    let failed = |error| ServerError::HandOver { what: "take over", socket: path.to_owned(), error };
    let stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) if nobody_listens(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let inherited = ask(&stream).map_err(failed)?;
    Ok(Some((inherited, TakeOver { stream, path: path.to_owned() })))
}

fn nobody_listens(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn ask(mut stream: &UnixStream) -> io::Result<Inherited> {
    stream.set_read_timeout(Some(STEP))?;
    stream.set_write_timeout(Some(STEP))?;
    stream.write_all(HELLO)?;
    let mut inherited = Inherited::new();
    loop {
        let (code, descriptor) = receive(stream)?;
        match (role(code), descriptor) {
            (Some(role), Some(socket)) => inherited.push((role, TcpListener::from(socket))),
            (None, None) if code == END => return Ok(inherited),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn receive(stream: &UnixStream) -> io::Result<(u8, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut code = [0];
    let message = recvmsg(stream, &mut [IoSliceMut::new(&mut code)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if message.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut descriptor = None;
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut given) = part {
            descriptor = given.next();
        }
    }
    let [code] = code;
    Ok((code, descriptor))
}

impl TakeOver {
    /// Says that this process serves, and waits until the old one has begun to drain. Blocks. An old process that ends
    /// in the meantime, of itself or not, is no fault: this one holds its sockets and is the only one left to serve.
    ///
    /// # Errors
    /// When the old process does not answer and serves on.
    pub fn ready(self) -> Result<(), ServerError> {
        let failed = |error| ServerError::HandOver { what: "finish the take-over", socket: self.path.clone(), error };
        let mut answer = [0];
        let mut stream = &self.stream;
        if let Err(error) = stream.write_all(&[READY]).and_then(|()| stream.read_exact(&mut answer)) {
            return match UnixStream::connect(&self.path) {
                Err(asked) if nobody_listens(&asked) => {
                    tracing::warn!(%error, "the predecessor ended before it was told to");
                    Ok(())
                }
                _ => Err(failed(error)),
            };
        }
        if answer == [DRAINING] { Ok(()) } else { Err(failed(io::ErrorKind::InvalidData.into())) }
    }
}
