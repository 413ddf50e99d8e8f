//! The order of system calls, as a trace shows it: nothing reaches an application before its record is written, or synced where strict.

use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::gateway::PROGRAM;
use crate::site::Site;
use crate::until;

/// One line of the trace: what began and what returned, in the order in which it did.
struct Call<'a> {
    thread: &'a str,
    text: &'a str,
}

impl<'a> Call<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (thread, text) = line.trim_start().split_once(' ')?;
        Some(Self { thread, text: text.trim_start() })
    }

    fn is(&self, name: &str) -> bool {
        self.text.strip_prefix(name).is_some_and(|rest| rest.starts_with('('))
    }

    fn returned(&self) -> bool {
        !self.text.ends_with("<unfinished ...>")
    }
}

/// The place in the trace where the call that begins at `from` has returned.
fn end(calls: &[Call<'_>], from: usize, name: &str) -> usize {
    if calls[from].returned() {
        return from;
    }
    let resumed = format!("<... {name} resumed>");
    let mut rest = calls.iter().enumerate().skip(from);
    let found = rest.find(|(_, call)| call.thread == calls[from].thread && call.text.starts_with(&resumed));
    found.expect("every call returns").0
}

#[test]
fn a_trace_shows_the_record_before_the_request_and_the_sync_before_a_strict_one() {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        eprintln!("this machine lets nobody trace (`strace` is missing or forbidden): nothing is shown");
        return;
    }
    let site = Site::new("journal: {sync-interval: 1h}");
    let trace = site.path("trace");
    let mut command = Command::new("strace");
    // `-D`: the gateway is our child, the tracer its own.
    command.args(["-D", "-f", "-yy", "-s", "65536", "-e", "signal=none"]);
    command.args(["-e", "trace=write,writev,pwrite64,sendto,sendmsg,fdatasync,fsync", "-o"]).arg(&trace);
    command.arg(PROGRAM).arg("run").arg("--config").arg(site.path("gateway.yaml"));
    let gateway = site.start_as(command);
    let mut keeper = site.keeper();
    let mut connection = keeper.connect().unwrap();
    for count in 0..5 {
        let list = keeper.get_on(&mut connection, &format!("/list?n=ordinary{count}.")).unwrap();
        let change = keeper.post_on(&mut connection, "/change", &format!("n=strict{count}.")).unwrap();
        assert_eq!((list.status, change.status), (200, 200));
    }
    let tracer = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let tracer = tracer.lines().find_map(|line| line.strip_prefix("TracerPid:")).unwrap().trim().parse().unwrap();
    gateway.stop();
    until("the trace is whole", || kill_process(Pid::from_raw(tracer).unwrap(), Signal::CONT).is_err().then_some(()));

    let text = std::fs::read_to_string(&trace).unwrap();
    let calls: Vec<Call<'_>> = text.lines().filter_map(Call::read).collect();
    let upstream = format!("->{}]", site.application.address);
    for (kind, count) in ["ordinary", "strict"].into_iter().flat_map(|kind| (0..5).map(move |count| (kind, count))) {
        let n = format!("{kind}{count}.");
        let place = |what: &str, found: &dyn Fn(&Call<'_>) -> bool| {
            calls
                .iter()
                .position(|call| call.text.contains(&n) && found(call))
                .unwrap_or_else(|| panic!("no {what} of {n}"))
        };
        let wrote = place("record", &|call| call.is("write") && call.text.contains(".jsonl"));
        let written = end(&calls, wrote, "write");
        let sent = place("request", &|call| call.text.contains(&upstream));
        assert!(written < sent, "{n}: written at {written}, sent at {sent}");
        if kind == "strict" {
            let series = calls[wrote].text.split(['<', '>']).nth(1).unwrap();
            let synced =
                (written..calls.len()).find(|&at| calls[at].is("fdatasync") && calls[at].text.contains(series));
            let synced = end(&calls, synced.expect("a sync of the series"), "fdatasync");
            assert!(synced < sent, "{n}: synced at {synced}, sent at {sent}");
        }
    }
}
