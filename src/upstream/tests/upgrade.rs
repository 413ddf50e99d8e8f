//! Upgrades: only a 101 that answers the key becomes a tunnel, and a tunnel's connection is never used again.

use super::application::{Application, send};
use super::{Bench, OK, Request, read, spec};
use crate::wire::body::AnswerBody;
use tokio::task::LocalSet;

const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn socket() -> Request {
    Request {
        head: "GET /live HTTP/1.1\r\nHost: wms.example.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            .to_owned(),
        upgrade: true,
        ..read("/live")
    }
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_is_never_pooled() {
    let test = async {
        let application =
            Application::start(|connection, _| vec![send(if connection == 0 { AGREED } else { OK })]).await;
        let (bench, spec) = (Bench::new(), spec(&[&application], ""));
        let answer = bench.send(&spec, socket()).await.unwrap();
        assert!(matches!(answer.body, AnswerBody::Tunnel(_)) && answer.head.status == 101);
        drop(answer);
        assert_eq!(bench.ask(&spec, read("/a")).await, Ok((200, "ok".to_owned())));
        assert_eq!(application.connections(), [0, 1]);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_101_that_does_not_answer_the_key_is_a_clean_502() {
    for wrong in [
        AGREED.replace("s3pP", "AAAA"),
        AGREED.replace("Sec-WebSocket-Accept", "X-Accept"),
        AGREED.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"),
    ] {
        let test = async {
            let application = Application::start(move |_, _| vec![send(wrong.as_str())]).await;
            let (bench, spec) = (Bench::new(), spec(&[&application], "retries: 3"));
            assert_eq!(bench.ask(&spec, socket()).await, Err("upstream-protocol".to_owned()));
            assert_eq!(application.count(), 1);
        };
        LocalSet::new().run_until(test).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_is_declined_is_an_ordinary_answer() {
    let test = async {
        let application = Application::start(|_, _| vec![send(OK)]).await;
        let (bench, spec) = (Bench::new(), spec(&[&application], ""));
        assert_eq!(bench.ask(&spec, socket()).await, Ok((200, "ok".to_owned())));
        assert_eq!(bench.ask(&spec, read("/a")).await, Ok((200, "ok".to_owned())));
        // what was asked to change its protocol is not trusted with another request
        assert_eq!(application.connections(), [0, 1]);
    };
    LocalSet::new().run_until(test).await;
}
