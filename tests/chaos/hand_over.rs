//! One gateway takes over from another while clients come and go: nobody is turned away, sessions hold on both, nothing is cut.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::client::Client;
use crate::site::{KEEPER, Site};
use crate::until;

/// Opens connection after connection; every one must be served.
fn come_and_go(mut client: Client, stop: &AtomicBool, served: &AtomicUsize) {
    while !stop.load(Ordering::Relaxed) {
        let number = served.fetch_add(1, Ordering::Relaxed);
        let answer = client.get(&format!("/list?n=x{number}.")).expect("no connection is refused, reset or cut");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[test]
fn a_new_process_takes_over_without_a_refused_connection_and_with_every_session() {
    let site = Site::new("");
    let mut old = site.start();
    let keeper = site.keeper();
    let (stop, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let last = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| (keeper.clone(), &stop, &served))
            .map(|(client, stop, served)| scope.spawn(move || come_and_go(client, stop, served)))
            .collect();
        let load = |more: usize| {
            let before = served.load(Ordering::Relaxed);
            until("connections are served", || {
                assert!(clients.iter().all(|client| !client.is_finished()), "a client failed");
                (served.load(Ordering::Relaxed) >= before + more).then_some(())
            });
        };
        load(30);

        // In flight on the old process: a download, a sign-in and a sign-out that the application still thinks about.
        let mut download = keeper.connect().unwrap();
        keeper.send(&mut download, "GET", "/export/stream", None).unwrap();
        assert_eq!(keeper.clone().receive_head(&mut download).unwrap().status, 200);
        assert!(download.chunk().unwrap().is_some());
        let mut signs_in = site.client();
        let mut signing_in = signs_in.connect().unwrap();
        signs_in.send(&mut signing_in, "POST", "/login", Some(&format!("user={KEEPER}&password=x&hold=in"))).unwrap();
        let mut signs_out = site.keeper();
        let mut signing_out = signs_out.connect().unwrap();
        signs_out.send(&mut signing_out, "GET", "/logout?hold=out", None).unwrap();
        for hold in ["hold=in", "hold=out"] {
            until("the application thinks about it", || site.application.has(hold).then_some(()));
        }

        let new = site.start_as(site.command(&["--take-over"]));
        until("the old process drains", || old.logged("another process has taken the sockets over").then_some(()));
        load(30);
        assert!(old.is_running(), "what is in flight keeps the old process");

        // The old process answers both; the new one knows at once who signed in, and soon who signed out.
        assert_eq!(signs_out.get("/list?n=still.").unwrap().status, 200);
        site.application.release();
        assert_eq!(signs_in.receive(&mut signing_in).unwrap().status, 302);
        assert_eq!(signs_in.get("/list?n=signed-in.").unwrap().status, 200);
        assert_eq!(signs_out.receive(&mut signing_out).unwrap().status, 200);
        until("the sign-out holds", || (signs_out.get("/list?n=out.").unwrap().status == 401).then_some(()));

        site.application.tick();
        assert_eq!(download.chunk().unwrap().unwrap(), b"chunk 1\n".to_vec());
        site.application.end_streams();
        assert_eq!(download.chunk().unwrap(), None);
        assert!(old.ended().success());
        load(30);

        // And again: whoever took over hands over in turn.
        let mut running = new;
        for _ in 0..2 {
            let next = site.start_as(site.command(&["--take-over"]));
            assert!(running.ended().success());
            load(30);
            running = next;
        }
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().unwrap();
        }
        running
    });
    // The journal of the old process was closed by itself, not recovered by the new one.
    assert!(!site.administered("recovered"));
    last.stop();
    let report = site.verify();
    assert_eq!(report["runs"].as_array().unwrap().len(), 4, "{report}");
    site.everything_received_is_on_record();
    let open = site.decisions();
    let open: Vec<_> = open.iter().filter(|entry| entry.text("completion").as_deref() != Some("complete")).collect();
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_successor_that_cannot_start_leaves_the_old_process_serving() {
    let site = Site::new("");
    let old = site.start();
    let mut keeper = site.keeper();
    site.write_settings("no-such-setting: 1");
    let failed = site.command(&["--take-over"]).output().unwrap();
    assert!(!failed.status.success());
    std::fs::write(site.path("rules-a/wms.yaml"), "app: [").unwrap();
    site.write_settings("");
    let failed = site.command(&["--take-over"]).output().unwrap();
    assert!(!failed.status.success());
    assert_eq!(keeper.get("/list?n=1").unwrap().status, 200);
    assert_eq!(old.ask("/readyz").map(|(status, _)| status), Some(200));
    old.stop();
    site.verify();
}
