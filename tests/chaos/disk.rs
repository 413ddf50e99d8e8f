//! A full disk, on a real file system of a few megabytes: strict requests are refused first, then all, loudly; service comes back.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::site::{KEEPER, Site};
use crate::until;

const CHILD: &str = "SCOPEGATE_CHAOS_DISK";
const FULL: &str = "scopegate_journal_full";

/// Fills the file system that holds `file` to its last byte.
fn fill(file: &Path) {
    let mut ballast = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    for size in [64 << 10, 4 << 10, 1] {
        let block = vec![0; size];
        while ballast.write_all(&block).is_ok() {}
    }
}

#[test]
fn a_full_disk_refuses_strict_requests_then_all_and_none_once_there_is_room() {
    if std::env::var_os(CHILD).is_none() {
        // The test runs again in a mount namespace of its own, where it may mount.
        let mut mounts = Command::new("unshare");
        mounts
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"])
            .stderr(Stdio::null());
        if !mounts.status().is_ok_and(|status| status.success()) {
            eprintln!("this machine lets nobody mount: only the told disk of `tests/audit.rs` is tried");
            return;
        }
        let mut again = Command::new("unshare");
        again.args(["--user", "--map-root-user", "--mount"]).arg(std::env::current_exe().unwrap());
        again.args([
            "--exact",
            "disk::a_full_disk_refuses_strict_requests_then_all_and_none_once_there_is_room",
            "--nocapture",
        ]);
        assert!(again.env(CHILD, "1").status().unwrap().success());
        return;
    }
    let site = Site::new("journal: {reserve: 256KiB, sync-interval: 20ms}");
    // The store lies on it as well as the journal.
    let state = site.path("state");
    std::fs::create_dir_all(&state).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "none"]).arg(&state).status();
    assert!(mount.unwrap().success());
    let gateway = site.start();
    let mut keeper = site.keeper();
    let mut connection = keeper.connect().unwrap();
    let mut count = 0;
    // What is asked is either received and answered well, or refused and not received.
    let mut ask = |strict: bool| {
        count += 1;
        let n = format!("d{count}.");
        let answer = if strict {
            keeper.post_on(&mut connection, "/change", &format!("n={n}")).unwrap()
        } else {
            keeper.get_on(&mut connection, &format!("/list?n={n}")).unwrap()
        };
        let reason = answer.reason().map(str::to_owned);
        assert_eq!(site.application.has(&n), reason.is_none(), "{answer:?}");
        match (answer.status, reason.as_deref()) {
            (200, None) => true,
            (503, Some("record-failed")) => false,
            _ => panic!("{answer:?}"),
        }
    };
    assert!(ask(false) && ask(true));
    assert!(gateway.metric(FULL) < 0.5);

    let ballast = state.join(".ballast");
    fill(&ballast);
    let mut served = 0;
    while gateway.metric(FULL) < 0.5 {
        assert!(ask(false), "ordinary requests go on while the reserve lasts");
        served += 1;
    }
    assert!(!ask(true), "strict requests are refused as soon as the reserve is touched");
    assert!(ask(false));
    // A sign-in either holds or is refused.
    let sign_in = || {
        let mut client = site.client();
        let answer = client.post("/login", &format!("user={KEEPER}&password=x")).unwrap();
        let status = client.get("/list?n=signed-in.").unwrap().status;
        match (answer.status, answer.reason()) {
            (302, None) => assert_eq!(status, 200),
            (503, Some("identity-unavailable" | "record-failed")) => assert_ne!(status, 200),
            _ => panic!("{answer:?}"),
        }
        answer.status == 302
    };
    sign_in();
    assert!(gateway.logged("strict records are refused"));
    until("the reserve is used up", || {
        let taken = ask(false);
        served += usize::from(taken);
        (!taken).then_some(())
    });
    assert!(!ask(true));
    until("the metric is loud", || (gateway.metric(FULL) > 1.5).then_some(()));
    assert!(gateway.metric("scopegate_journal_errors_total{operation=\"write\"}") > 0.0);
    assert!(gateway.logged("every request is refused"));
    assert!(served > 50, "the reserve served {served} requests");

    std::fs::remove_file(ballast).unwrap();
    until("ordinary requests are served again", || ask(false).then_some(()));
    until("strict requests are served again", || ask(true).then_some(()));
    until("people can sign in again", || sign_in().then_some(()));
    until("the metric forgets", || (gateway.metric(FULL) < 0.5).then_some(()));
    gateway.stop();
    site.verify();
    site.everything_received_is_on_record();
}
