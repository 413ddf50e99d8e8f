//! Deadlines, in time that stands still until nobody has anything to do.

use crate::answers::Script;
use crate::support::{Reading, Recorder, Seen, read_until, run, serve};
use bytes::Bytes;
use http_body::{Body, Frame};
use scopegate::model::Reason;
use scopegate::wire::body::{AnswerBody, Completion};
use scopegate::wire::error::WireError;
use scopegate::wire::limit::{H1Settings, PaceLimits};
use scopegate::wire::server::{Answer, End};
use scopegate::wire::stop::Stop;
use scopegate::wire::writer::AnswerHead;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, Sleep};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

fn seconds(since: Instant) -> u64 {
    since.elapsed().as_secs()
}

#[test]
fn a_silent_connection_is_closed_without_an_answer() {
    run(async {
        let service = Rc::new(Recorder::new());
        let (mut client, serving) = serve(&service, H1Settings::default(), Stop::never());
        let began = Instant::now();
        let mut answered = Vec::new();
        client.read_to_end(&mut answered).await.unwrap();
        assert_eq!((seconds(began), serving.await.unwrap().end), (10, End::NoRequest));
        assert!(answered.is_empty() && service.seen.take().is_empty());
    });
}

#[test]
fn a_head_that_drips_in_is_refused_in_time() {
    run(async {
        let service = Rc::new(Recorder::new());
        let (mut client, serving) = serve(&service, H1Settings::default(), Stop::never());
        let began = Instant::now();
        let mut sent = 0;
        while !serving.is_finished() && sent < 1000 {
            let _ = client.write_all(b"X").await;
            sent += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let end = serving.await.unwrap().end;
        assert_eq!(end, End::Refused(Reason::ClientTimeout));
        assert!(seconds(began) <= 15, "{}", seconds(began));
        assert!(matches!(&service.seen.take()[..], [Seen::Rejected { reason: Reason::ClientTimeout, .. }]));
    });
}

#[test]
fn an_idle_connection_is_closed_after_its_time_and_not_before() {
    run(async {
        let service = Rc::new(Recorder::new());
        let (mut client, serving) = serve(&service, H1Settings::default(), Stop::never());
        for _ in 0..3 {
            client.write_all(GET).await.unwrap();
            read_until(&mut client, "ok").await;
            tokio::time::sleep(Duration::from_secs(70)).await;
        }
        let began = Instant::now();
        client.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(seconds(began), 5);
        assert_eq!(serving.await.unwrap().end, End::Idle);
    });
}

/// A body that comes after 70 s.
struct Late(Option<Pin<Box<Sleep>>>);

impl Body for Late {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        let Some(sleep) = &mut self.0 else { return Poll::Ready(None) };
        ready!(sleep.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"late")))))
    }
}

#[test]
fn a_connection_is_idle_from_the_end_of_its_last_answer() {
    run(async {
        let service = Rc::new(Recorder::answering(|_| {
            let late = Late(Some(Box::pin(tokio::time::sleep(Duration::from_secs(70)))));
            Answer::new(AnswerHead::new(200), AnswerBody::stream(late))
        }));
        let (mut client, serving) = serve(&service, H1Settings::default(), Stop::never());
        client.write_all(GET).await.unwrap();
        read_until(&mut client, "late\r\n0\r\n\r\n").await;
        let began = Instant::now();
        client.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!((seconds(began), serving.await.unwrap().end), (75, End::Idle));
    });
}

#[test]
fn a_body_that_stops_is_given_up() {
    run(async {
        let service = Rc::new(Recorder::new());
        let (mut client, _serving) = serve(&service, H1Settings::default(), Stop::never());
        let began = Instant::now();
        client.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab").await.unwrap();
        client.read_to_end(&mut Vec::new()).await.unwrap();
        assert!((30..40).contains(&seconds(began)));
        assert!(matches!(&service.seen.take()[..], [Seen::Request { body: Err(Reason::ClientTimeout), .. }]));
    });
}

#[test]
fn a_body_that_drips_is_given_up_although_it_never_stops() {
    run(async {
        let service = Rc::new(Recorder::new());
        let (mut client, serving) = serve(&service, H1Settings::default(), Stop::never());
        let began = Instant::now();
        client.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n").await.unwrap();
        while !serving.is_finished() && seconds(began) < 1000 {
            let _ = client.write_all(b"x").await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(seconds(began) < 50, "{}", seconds(began));
        assert!(matches!(&service.seen.take()[..], [Seen::Request { body: Err(Reason::ClientTimeout), .. }]));
    });
}

#[test]
fn whoever_goes_on_sending_after_the_last_answer_is_listened_to_for_a_while() {
    // what drips in is heard for 3 s, 64 KiB in less than that for half a minute, and for 3 s more when nothing follows
    let always = usize::MAX;
    let cases = [
        (1, 1, always, 3..=4),
        (1, 20_000, always, 3..=4),
        (4, 1 << 16, always, 3..=4),
        (2, 1 << 16, always, 30..=32),
        (2, 1 << 16, 3, 9..=10),
    ];
    for (every, bytes, times, until) in cases {
        run(async {
            let mut service = Recorder::new();
            service.reading = Reading::Nothing;
            let service = Rc::new(service);
            let (mut client, serving) = serve(&service, H1Settings::default(), Stop::never());
            client.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n").await.unwrap();
            read_until(&mut client, "ok").await;
            let began = Instant::now();
            let mut sent = 0;
            while !serving.is_finished() && seconds(began) < 1000 {
                tokio::time::sleep(Duration::from_secs(if sent < times { every } else { 1 })).await;
                if sent < times {
                    let _ = client.write_all(&vec![b'x'; bytes]).await;
                    sent += 1;
                }
            }
            assert!(until.contains(&seconds(began)), "{bytes} in {every} s: {}", seconds(began));
            assert_eq!(serving.await.unwrap().end, End::AsAnnounced);
        });
    }
}

#[test]
fn a_client_that_does_not_read_is_given_up() {
    run(async {
        let body = Bytes::from(vec![b'x'; 1 << 20]);
        let service =
            Rc::new(Recorder::answering(move |_| Answer::new(AnswerHead::new(200), AnswerBody::Full(body.clone()))));
        let settings =
            H1Settings { answer: PaceLimits { silence: Duration::from_secs(20), rate: 240 }, ..H1Settings::default() };
        let (mut client, serving) = serve(&service, settings, Stop::never());
        client.write_all(GET).await.unwrap();
        let began = Instant::now();
        assert_eq!(serving.await.unwrap().end, End::ClientTimeout);
        assert_eq!(seconds(began), 20);
        assert!(matches!(service.ends.borrow()[..], [(Completion::ClientTimeout, _)]));
    });
}

#[test]
fn a_client_that_leaves_an_endless_answer_is_noticed() {
    run(async {
        struct Endless(Script);
        impl http_body::Body for Endless {
            type Data = Bytes;
            type Error = scopegate::wire::error::WireError;
            fn poll_frame(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
                match std::pin::Pin::new(&mut self.0).poll_frame(cx) {
                    std::task::Poll::Ready(None) => std::task::Poll::Pending,
                    other => other,
                }
            }
        }
        let service = Rc::new(Recorder::answering(|_| {
            Answer::new(AnswerHead::new(200), AnswerBody::stream(Endless(Script([Ok("event")].into(), None))))
        }));
        let (mut client, serving) = serve(&service, H1Settings::default(), Stop::never());
        client.write_all(GET).await.unwrap();
        assert!(read_until(&mut client, "event\r\n").await.ends_with("event\r\n"));
        drop(client);
        assert_eq!(serving.await.unwrap().end, End::ClientGone);
        assert_eq!(*service.ends.borrow(), [(Completion::ClientGone, 5)]);
    });
}
