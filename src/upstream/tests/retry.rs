//! How often an application receives a request whose first attempt failed.

use super::application::{Application, Step, nobody, send};
use super::{Bench, OK, Request, change, read, settle, spec};
use crate::policy::BodyPlan;
use crate::wire::body::RequestBody;
use std::time::Duration;
use tokio::task::LocalSet;

fn failed(reason: &str) -> Result<(u16, String), String> {
    Err(reason.to_owned())
}

/// Answers the first request of each connection and closes when it has read the second.
async fn closes_on_second() -> Application {
    let last = std::cell::Cell::new(usize::MAX);
    Application::start(
        move |connection, _| {
            if last.replace(connection) == connection { vec![Step::Close] } else { vec![send(OK)] }
        },
    )
    .await
}

#[tokio::test(start_paused = true)]
async fn a_change_is_never_sent_twice() {
    let test = async {
        // on a new connection, whatever the application does instead of answering
        for steps in [vec![Step::Close], vec![send("HTTP/1.1 200"), Step::Close], vec![send("rubbish\r\n\r\n")]] {
            let (one, two) = (Application::always(steps.clone()).await, Application::always(steps).await);
            let (bench, spec) = (Bench::new(), spec(&[&one, &two], "retries: 3"));
            assert_eq!(bench.ask(&spec, change("/a")).await, failed("upstream-protocol"));
            assert_eq!(one.count() + two.count(), 1);
        }
        // on a pooled connection that the application closes while the request is on its way
        let application = closes_on_second().await;
        let (bench, spec) = (Bench::new(), spec(&[&application], "retries: 3"));
        assert!(bench.ask(&spec, change("/a")).await.is_ok());
        assert_eq!(bench.ask(&spec, change("/b")).await, failed("upstream-protocol"));
        settle().await;
        assert_eq!(application.count(), 2);
        // and not after a time-out
        let (one, two) = (Application::always(vec![Step::Hang]).await, Application::always(vec![Step::Hang]).await);
        let spec = super::spec(&[&one, &two], "retries: 3, answer-timeout: 5s");
        assert_eq!(bench.ask(&spec, change("/a")).await, failed("upstream-timeout"));
        assert_eq!(one.count() + two.count(), 1);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_is_sent_again_on_a_new_connection() {
    let test = async {
        let application = closes_on_second().await;
        let (bench, spec) = (Bench::new(), spec(&[&application], "retries: 0"));
        assert!(bench.ask(&spec, read("/a")).await.is_ok());
        assert_eq!(bench.ask(&spec, read("/b")).await, Ok((200, "ok".to_owned())));
        assert_eq!(application.connections(), [0, 0, 1]);
        // a stale connection is nobody's fault
        let labels = format!("app=\"wms\",address=\"http://{}\"", application.address);
        assert!(bench.metric(&format!("scopegate_upstream_failures_total{{{labels},cause=\"stale\"}} 1")));
        assert!(bench.metric(&format!("scopegate_upstream_failures_total{{{labels},cause=\"protocol\"}} 0")));
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_goes_to_another_address() {
    let test = async {
        let (bad, good) = (Application::always(vec![Step::Close]).await, Application::always(vec![send(OK)]).await);
        let bench = Bench::new();
        assert_eq!(bench.ask(&spec(&[&bad, &good], ""), read("/a")).await, Ok((200, "ok".to_owned())));
        assert_eq!((bad.count(), good.count()), (1, 1));
        assert_eq!(bench.ask(&spec(&[&bad, &good], "retries: 0"), read("/a")).await, failed("upstream-protocol"));
        assert_eq!((bad.count(), good.count()), (2, 1));
        // a judged body can be sent twice
        let query = Request { effect: crate::model::Effect::None, ..change("/search") };
        assert_eq!(bench.ask(&spec(&[&bad, &good], "retries: 2"), query).await, Ok((200, "ok".to_owned())));
        assert_eq!(good.seen.borrow()[1].text, "POST /search HTTP/1.1 | a=1");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_time_out_is_followed_by_another_address_only() {
    let test = async {
        let (silent, good) = (Application::always(vec![Step::Hang]).await, Application::always(vec![send(OK)]).await);
        let bench = Bench::new();
        assert_eq!(
            bench.ask(&spec(&[&silent, &good], "answer-timeout: 5s"), read("/a")).await,
            Ok((200, "ok".to_owned()))
        );
        let began = tokio::time::Instant::now();
        let only = spec(&[&silent], "answer-timeout: 5s, retries: 9");
        assert_eq!(bench.ask(&only, read("/a")).await, failed("upstream-timeout"));
        assert_eq!((began.elapsed().as_secs(), silent.count()), (5, 2));
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_goes_to_another_address_where_the_first_cannot_be_connected_to() {
    let test = async {
        let (nobody, good) = (nobody().await, Application::always(vec![send(OK)]).await);
        let bench = Bench::new();
        assert_eq!(bench.ask(&spec(&[&nobody, &good], ""), change("/a")).await, Ok((200, "ok".to_owned())));
        assert_eq!(good.count(), 1);
        assert_eq!(bench.ask(&spec(&[&nobody], ""), change("/a")).await, failed("upstream-unreachable"));
        // a streamed body has not been touched by then
        let streamed = Request {
            plan: BodyPlan::Streamed { length: Some(3) },
            body: RequestBody::Full("b=2".into()),
            ..change("/b")
        };
        assert_eq!(bench.ask(&spec(&[&nobody, &good], "retries: 2"), streamed).await, Ok((200, "ok".to_owned())));
        assert_eq!(good.seen.borrow()[1].text, "POST /b HTTP/1.1 | b=2");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_streamed_body_is_sent_once_whatever_the_effect() {
    let test = async {
        let (one, two) = (Application::always(vec![Step::Close]).await, Application::always(vec![Step::Close]).await);
        let (bench, spec) = (Bench::new(), spec(&[&one, &two], "retries: 3"));
        let streamed = Request {
            plan: BodyPlan::Streamed { length: Some(3) },
            body: RequestBody::Full("b=2".into()),
            effect: crate::model::Effect::None,
            ..change("/b")
        };
        assert_eq!(bench.ask(&spec, streamed).await, failed("upstream-protocol"));
        assert_eq!(one.count() + two.count(), 1);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_the_clients_fault() {
    let test = async {
        let application = Application::always(vec![send(OK)]).await;
        let (bench, spec) = (Bench::new(), spec(&[&application], "answer-timeout: 5s"));
        let short = Request {
            head: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n".to_owned(),
            plan: BodyPlan::Streamed { length: Some(9) },
            body: RequestBody::Full("b=2".into()),
            ..change("/a")
        };
        assert_eq!(bench.ask(&spec, short).await, failed("body-incomplete"));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(application.count(), 0);
        let labels = format!("app=\"wms\",address=\"http://{}\"", application.address);
        assert!(bench.metric(&format!("scopegate_upstream_failures_total{{{labels},cause=\"protocol\"}} 0")));
    };
    LocalSet::new().run_until(test).await;
}
