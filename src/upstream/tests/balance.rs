//! Which address gets a request: turn, load, ejection and return, active checks.

use super::application::{Application, Step, nobody, send};
use super::{Bench, OK, change, read, settle, spec};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::LocalSet;

#[tokio::test(start_paused = true)]
async fn requests_go_round() {
    let test = async {
        let (one, two) = (Application::always(vec![send(OK)]).await, Application::always(vec![send(OK)]).await);
        let (bench, spec) = (Bench::new(), spec(&[&one, &two], ""));
        for _ in 0..6 {
            assert!(bench.ask(&spec, read("/")).await.is_ok());
        }
        assert_eq!((one.count(), two.count()), (3, 3));
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn the_least_busy_address_is_chosen() {
    let test = async {
        let slow = Application::always(vec![Step::Wait(Duration::from_secs(30)), send(OK)]).await;
        let fast = Application::always(vec![send(OK)]).await;
        let (bench, spec) = (Rc::new(Bench::new()), spec(&[&slow, &fast], "balance: least-busy"));
        let waiting = {
            let (bench, spec) = (Rc::clone(&bench), spec.clone());
            tokio::task::spawn_local(async move { bench.ask(&spec, read("/slow")).await })
        };
        settle().await;
        for _ in 0..5 {
            assert!(bench.ask(&spec, read("/")).await.is_ok());
        }
        assert_eq!((slow.count(), fast.count()), (1, 5));
        assert!(waiting.await.unwrap().is_ok());
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_address_is_left_alone_and_comes_back_after_one_good_trial() {
    let test = async {
        let broken = Rc::new(Cell::new(true));
        let state = Rc::clone(&broken);
        let one = Application::start(move |_, _| if state.get() { vec![Step::Close] } else { vec![send(OK)] }).await;
        let two = Application::always(vec![send(OK)]).await;
        let (bench, spec) = (Bench::new(), spec(&[&one, &two], "eject: {failures: 2, for: 30s}"));
        let ejected = |count: usize| {
            let labels = format!("{{app=\"wms\",address=\"http://{}\"}}", one.address);
            bench.metric(&format!("scopegate_upstream_ejected{labels} {count}"))
        };
        for _ in 0..10 {
            assert_eq!(bench.ask(&spec, read("/")).await, Ok((200, "ok".to_owned())));
        }
        assert_eq!(one.count(), 2);
        assert!(ejected(1));
        // its time is over, it is still broken: one trial
        tokio::time::sleep(Duration::from_secs(31)).await;
        for _ in 0..10 {
            assert!(bench.ask(&spec, read("/")).await.is_ok());
        }
        assert_eq!(one.count(), 3);
        broken.set(false);
        tokio::time::sleep(Duration::from_secs(31)).await;
        for _ in 0..10 {
            assert!(bench.ask(&spec, read("/")).await.is_ok());
        }
        assert!(one.count() >= 7 && ejected(0), "{}", one.count());
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_cut_in_its_body_counts_as_a_failure() {
    let test = async {
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
        let one = Application::always(vec![send(cut), Step::Close]).await;
        let two = Application::always(vec![send(OK)]).await;
        let (bench, spec) = (Bench::new(), spec(&[&one, &two], "eject: {failures: 2}"));
        for _ in 0..8 {
            let _ = bench.ask(&spec, change("/")).await;
        }
        assert_eq!((one.count(), two.count()), (2, 6));
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn active_checks_take_an_address_out_and_bring_it_back() {
    let test = async {
        let well = Rc::new(Cell::new(true));
        let state = Rc::clone(&well);
        let one = Application::start(move |_, _| {
            vec![send(if state.get() { OK } else { "HTTP/1.1 503 Out\r\nContent-Length: 0\r\n\r\n" })]
        })
        .await;
        let two = Application::always(vec![send(OK)]).await;
        let (bench, spec) = (
            Bench::new(),
            spec(&[&one, &two], "health: {path: /healthz, interval: 10s, expect: 200, fall: 2, rise: 2}"),
        );
        bench.install(&spec);
        let up = |count: usize| {
            let labels = format!("{{app=\"wms\",address=\"http://{}\"}}", one.address);
            bench.metric(&format!("scopegate_upstream_up{labels} {count}"))
        };
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert!(up(1) && one.seen.borrow()[0].text.starts_with("GET /healthz HTTP/1.1"));
        well.set(false);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(up(1), "one failure is not enough");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(up(0));
        for _ in 0..6 {
            assert_eq!(bench.ask(&spec, change("/order")).await, Ok((200, "ok".to_owned())));
        }
        assert!(one.seen.borrow().iter().all(|seen| !seen.text.contains("/order")));
        well.set(true);
        tokio::time::sleep(Duration::from_secs(25)).await;
        assert!(up(1));
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn checks_end_with_their_upstream() {
    let test = async {
        let (one, two) = (Application::always(vec![send(OK)]).await, Application::always(vec![send(OK)]).await);
        let bench = Bench::new();
        bench.install(&spec(&[&one], "health: {path: /, interval: 1s}"));
        tokio::time::sleep(Duration::from_secs(5)).await;
        let before = one.count();
        assert!(before >= 4);
        bench.install(&spec(&[&two], ""));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(one.count(), before);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn where_all_are_down_one_is_tried_all_the_same() {
    let test = async {
        let (one, two) = (nobody().await, nobody().await);
        let (bench, spec) = (Bench::new(), spec(&[&one, &two], "eject: {failures: 1, max-fraction: 1}, retries: 0"));
        for _ in 0..4 {
            assert_eq!(bench.ask(&spec, read("/")).await, Err("upstream-unreachable".to_owned()));
        }
        let text = String::from_utf8(bench.metrics.render()).unwrap();
        assert_eq!(
            text.lines().filter(|line| line.starts_with("scopegate_upstream_ejected{") && line.ends_with(" 1")).count(),
            2
        );
    };
    LocalSet::new().run_until(test).await;
}
