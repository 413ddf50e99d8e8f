//! The real program as a child process: started, looked at through its administration listener, its log and its journal, and ended.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::{NEVER, until};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_scopegate");

pub struct Gateway {
    child: Child,
    pub admin: SocketAddr,
    log: PathBuf,
}

impl Gateway {
    /// Starts a program whose log goes to `log`, and waits until it is ready.
    pub fn start(mut command: Command, admin: SocketAddr, log: PathBuf) -> Self {
        let file = File::create(&log).unwrap();
        let child = command.stderr(Stdio::from(file)).spawn().unwrap();
        let mut gateway = Self { child, admin, log };
        until("the gateway is ready", || {
            if let Some(status) = gateway.child.try_wait().unwrap() {
                panic!("the gateway ended: {status}\n{}", gateway.log());
            }
            gateway.logged("the gateway serves").then_some(())
        });
        gateway
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log says something again, beyond its first `length` bytes.
    pub fn logs_after(&self, length: usize, part: &str) {
        let file = File::open(&self.log).unwrap();
        until(part, || {
            let mut fresh = Vec::new();
            let mut from = &file;
            from.seek(SeekFrom::Start(length as u64)).unwrap();
            from.read_to_end(&mut fresh).unwrap();
            String::from_utf8_lossy(&fresh).contains(part).then_some(())
        });
    }

    pub fn log_length(&self) -> usize {
        usize::try_from(std::fs::metadata(&self.log).unwrap().len()).unwrap()
    }

    pub fn logged(&self, part: &str) -> bool {
        self.log().contains(part)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end of the process.
    pub fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("the gateway ends", || {
            status = self.child.try_wait().unwrap();
            status
        })
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.signal(Signal::KILL);
        assert_eq!(self.ended().signal(), Some(9));
    }

    /// Ends it in order.
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.ended();
        assert!(status.success(), "{status}\n{}", self.log());
    }

    /// Ends it without waiting for anybody.
    pub fn stop_at_once(self) {
        self.signal(Signal::TERM);
        until("it drains", || self.logged("draining").then_some(()));
        self.stop();
    }

    /// Asks the administration listener; `None` where it does not answer.
    pub fn ask(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.admin).ok()?;
        stream.set_read_timeout(Some(NEVER)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// The value of a series as it stands in the exposition, for example `scopegate_journal_full`.
    pub fn metric(&self, series: &str) -> f64 {
        let (_, text) = self.ask("/metrics").expect("the administration listener answers");
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
        line.unwrap_or_else(|| panic!("no series `{series}` in\n{text}"))
    }

    /// Bytes of memory that the process really holds.
    pub fn memory(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.id())).unwrap();
        text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Of a test that failed; one that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of gateway {}\n{}", self.id(), self.log());
        }
    }
}
