//! Which connections are used again, and which never.

use super::application::{Application, Step, send};
use super::{Bench, OK, change, read, settle, spec};
use std::future::{Future as _, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::task::LocalSet;

#[tokio::test(start_paused = true)]
async fn a_clean_exchange_leaves_its_connection_to_the_next() {
    let test = async {
        let application = Application::always(vec![send(OK)]).await;
        let (bench, spec) = (Bench::new(), spec(&[&application], ""));
        for request in [change("/a"), read("/b"), change("/c")] {
            assert_eq!(bench.ask(&spec, request).await, Ok((200, "ok".to_owned())));
        }
        assert_eq!(application.connections(), [0, 0, 0]);
        assert_eq!(application.seen.borrow()[0].text, "POST /a HTTP/1.1 | a=1");
        let labels = format!("{{app=\"wms\",address=\"http://{}\"}}", application.address);
        assert!(bench.metric(&format!("scopegate_upstream_reused_total{labels} 2")));
        assert!(bench.metric(&format!("scopegate_upstream_connections_total{labels} 1")));
        assert!(bench.metric(&format!("scopegate_upstream_idle_connections{labels} 1")));
        assert!(bench.metric(&format!("scopegate_upstream_in_flight{labels} 0")));
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn bytes_behind_an_answer_never_reach_the_next_request() {
    for surplus in ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "x"] {
        let test = async {
            let application = Application::start(move |connection, _| {
                vec![send(if connection == 0 { format!("{OK}{surplus}") } else { OK.to_owned() })]
            })
            .await;
            let (bench, spec) = (Bench::new(), spec(&[&application], ""));
            assert_eq!(bench.ask(&spec, read("/a")).await, Ok((200, "ok".to_owned())));
            assert_eq!(bench.ask(&spec, read("/b")).await, Ok((200, "ok".to_owned())));
            assert_eq!(application.connections(), [0, 1]);
        };
        LocalSet::new().run_until(test).await;
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_come_later_spoil_the_idle_connection() {
    let test = async {
        let application = Application::start(|connection, _| match connection {
            0 => vec![send(OK), Step::Wait(Duration::from_secs(1)), send("HTTP/1.1 200 OK\r\n\r\n")],
            _ => vec![send(OK)],
        })
        .await;
        let (bench, spec) = (Bench::new(), spec(&[&application], ""));
        assert!(bench.ask(&spec, change("/a")).await.is_ok());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(bench.ask(&spec, change("/b")).await, Ok((200, "ok".to_owned())));
        assert_eq!(application.connections(), [0, 1]);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_the_application_closed_meanwhile_is_not_used() {
    let test = async {
        let application = Application::always(vec![send(OK), Step::Close]).await;
        let (bench, spec) = (Bench::new(), spec(&[&application], ""));
        assert!(bench.ask(&spec, change("/a")).await.is_ok());
        settle().await;
        assert!(bench.ask(&spec, change("/b")).await.is_ok());
        assert_eq!(application.connections(), [0, 1]);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_not_read_to_its_end_takes_its_connection_along() {
    let test = async {
        let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
        let application =
            Application::start(
                move |connection, _| {
                    if connection == 0 { vec![send(half), Step::Hang] } else { vec![send(OK)] }
                },
            )
            .await;
        let (bench, spec) = (Bench::new(), spec(&[&application], ""));
        let answer = bench.send(&spec, read("/a")).await.unwrap();
        drop(answer);
        assert_eq!(bench.ask(&spec, read("/b")).await, Ok((200, "ok".to_owned())));
        assert_eq!(application.connections(), [0, 1]);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_used_neither_too_late_nor_for_too_long() {
    let test = async {
        let application = Application::always(vec![send(OK)]).await;
        let (bench, spec) = (Bench::new(), spec(&[&application], "idle-timeout: 10s, pool: {lifetime: 25s}"));
        for (wait, connection) in [(0, 0), (9, 0), (11, 1), (9, 1), (9, 1), (9, 2)] {
            tokio::time::sleep(Duration::from_secs(wait)).await;
            assert!(bench.ask(&spec, read("/")).await.is_ok());
            assert_eq!(application.connections().last(), Some(&connection));
        }
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn the_pool_keeps_no_more_than_it_may_and_is_swept() {
    let test = async {
        let application = Application::always(vec![Step::Wait(Duration::from_secs(1)), send(OK)]).await;
        let (bench, spec) = (Bench::new(), spec(&[&application], "pool: {idle-per-core: 2}, idle-timeout: 5s"));
        let tending = bench.forwarder.clone();
        tokio::task::spawn_local(async move { tending.tend().await });
        let (one, two, three) =
            tokio::join!(bench.ask(&spec, read("/1")), bench.ask(&spec, read("/2")), bench.ask(&spec, read("/3")));
        assert!(one.is_ok() && two.is_ok() && three.is_ok());
        let idle = |count: usize| {
            let labels = format!("{{app=\"wms\",address=\"http://{}\"}}", application.address);
            bench.metric(&format!("scopegate_upstream_idle_connections{labels} {count}"))
        };
        assert!(idle(2));
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert!(idle(0));
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn the_connections_of_a_burst_serve_the_next_one() {
    const BURST: usize = 300;
    let test = async {
        let application = Application::always(vec![Step::Meet(Arc::new(Barrier::new(BURST))), send(OK)]).await;
        let (bench, spec) = (Bench::new(), spec(&[&application], ""));
        for _ in 0..2 {
            let mut open: Vec<_> = (0..BURST).map(|_| Box::pin(bench.ask(&spec, read("/")))).collect();
            let all = poll_fn(|cx| {
                open.retain_mut(|one| match one.as_mut().poll(cx) {
                    Poll::Ready(answer) => {
                        assert_eq!(answer, Ok((200, "ok".to_owned())));
                        false
                    }
                    Poll::Pending => true,
                });
                if open.is_empty() { Poll::Ready(()) } else { Poll::Pending }
            });
            all.await;
        }
        assert_eq!(application.count(), 2 * BURST);
        assert_eq!(application.connections().iter().max(), Some(&(BURST - 1)));
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_pools_of_what_it_does_not_change() {
    let test = async {
        let application = Application::always(vec![send(OK)]).await;
        let (bench, first) = (Bench::new(), spec(&[&application], ""));
        bench.install(&first);
        assert!(bench.ask(&first, read("/a")).await.is_ok());
        let same = spec(&[&application], "");
        bench.install(&same);
        assert!(bench.ask(&same, read("/b")).await.is_ok());
        let other = spec(&[&application], "retries: 5");
        bench.install(&other);
        assert!(bench.ask(&other, read("/c")).await.is_ok());
        assert_eq!(application.connections(), [0, 0, 1]);
    };
    LocalSet::new().run_until(test).await;
}
