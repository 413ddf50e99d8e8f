//! Answers that are broken, endless, slow or unasked: a clean error or a cut body, never something that looks complete.

use super::application::{Application, Step, send};
use super::{Bench, OK, change, read, spec};
use std::time::Duration;
use tokio::task::LocalSet;

/// What the forwarder makes of an application that does this to a change, and how often that was received.
async fn outcome(steps: Vec<Step>) -> (Result<(u16, String), String>, usize) {
    let test = async {
        let application = Application::always(steps).await;
        let (bench, spec) = (Bench::new(), spec(&[&application], "answer-timeout: 20s, body-timeout: 10s, retries: 2"));
        let result = bench.ask(&spec, change("/a")).await;
        // whatever that was, the next request gets an answer of its own or none
        let next = bench.ask(&spec, read("/b")).await;
        assert!(!matches!(&next, Ok((_, body)) if body.contains("evil")), "{next:?}");
        let received = application.seen.borrow().iter().filter(|seen| seen.text.starts_with("POST")).count();
        (result, received)
    };
    LocalSet::new().run_until(test).await
}

fn failed(reason: &str) -> (Result<(u16, String), String>, usize) {
    (Err(reason.to_owned()), 1)
}

#[tokio::test(start_paused = true)]
async fn broken_heads_are_a_clean_502() {
    for steps in [
        vec![Step::Close],
        vec![send("HTTP/1.1 200 OK\r\nContent-Le"), Step::Close],
        vec![send("220 mail.example.test ESMTP\r\n\r\n")],
        vec![send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")],
        vec![send("HTTP/2.0 200 OK\r\n\r\n")],
        vec![send("\0\0\0\0\r\n\r\n")],
        vec![send(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(100_000)))],
        vec![send(format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: a\r\n".repeat(500)))],
        vec![send("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n")],
    ] {
        let text = steps.iter().map(|step| if let Step::Send(text) = step { &text[..text.len().min(60)] } else { "" });
        let text: String = text.collect();
        assert_eq!(outcome(steps).await, failed("upstream-protocol"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_lengths_and_odd_codings_are_a_clean_502() {
    for fields in [
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 2, 2\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let steps = vec![send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n2\r\nok\r\n0\r\n\r\nevil"))];
        assert_eq!(outcome(steps).await, failed("upstream-protocol"), "{fields}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_never_looks_complete() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_owned(),
        format!("{chunked}4\r\nhalf\r\n"),
        format!("{chunked}4\r\nhalf\r\n0\r\n"),
        format!("{chunked}9\r\nhalf"),
        format!("{chunked}4\r\nhalf!!"),
        format!("{chunked}xyz\r\nhalf"),
        format!("{chunked}ffffffffffffffffff\r\nhalf"),
    ] {
        let (result, received) = outcome(vec![send(text.as_str()), Step::Close]).await;
        assert!(result.as_ref().is_err_and(|error| error.starts_with("cut: ")), "{text}: {result:?}");
        assert_eq!(received, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_without_length_ends_with_its_connection() {
    let steps = vec![send("HTTP/1.1 200 OK\r\n\r\nall of it"), Step::Close];
    assert_eq!(outcome(steps).await, (Ok((200, "all of it".to_owned())), 1));
    let steps = vec![send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), Step::Close];
    assert_eq!(outcome(steps).await, (Ok((200, "ok".to_owned())), 1));
}

#[tokio::test(start_paused = true)]
async fn a_few_interim_answers_are_swallowed_and_a_storm_is_not() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
    let steps = |count: usize| vec![send(format!("HTTP/1.1 100 Continue\r\n\r\n{}{OK}", hint.repeat(count)))];
    assert_eq!(outcome(steps(3)).await, (Ok((200, "ok".to_owned())), 1));
    assert_eq!(outcome(steps(1000)).await, failed("upstream-protocol"));
    // one at a time, each in time
    let slow: Vec<Step> =
        (0..1000).flat_map(|_| [send(hint), Step::Wait(Duration::from_millis(100))]).chain([send(OK)]).collect();
    assert_eq!(outcome(slow).await, failed("upstream-protocol"));
}

#[tokio::test(start_paused = true)]
async fn an_unsolicited_101_is_a_clean_502() {
    let text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    assert_eq!(outcome(vec![send(text), send("HTTP/1.1 200 OK\r\n\r\nevil")]).await, failed("upstream-protocol"));
}

#[tokio::test(start_paused = true)]
async fn silence_and_a_dripping_head_end_in_a_504() {
    let began = tokio::time::Instant::now();
    assert_eq!(outcome(vec![Step::Hang]).await, failed("upstream-timeout"));
    // the change, then the read that `outcome` sends behind it
    assert_eq!(began.elapsed().as_secs(), 40);
    let drip: Vec<Step> = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
        .chars()
        .flat_map(|c| [send(c.to_string()), Step::Wait(Duration::from_secs(5))])
        .collect();
    assert_eq!(outcome(drip).await, failed("upstream-timeout"));
}

#[tokio::test(start_paused = true)]
async fn a_body_may_drip_but_not_stand_still() {
    let head = send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    let drip = |wait: u64| {
        let body = "slow".chars().flat_map(move |c| [Step::Wait(Duration::from_secs(wait)), send(c.to_string())]);
        std::iter::once(head.clone()).chain(body).collect::<Vec<_>>()
    };
    assert_eq!(outcome(drip(9)).await, (Ok((200, "slow".to_owned())), 1));
    let (result, _) = outcome(drip(11)).await;
    assert!(result.is_err_and(|error| error.starts_with("cut: ")));
}
