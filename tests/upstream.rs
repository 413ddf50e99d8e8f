//! The forwarder from outside of the crate: it takes sealed values only, and its answers are turned outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    reason = "what stops here fails by stopping"
)]

use http_body_util::BodyExt as _;
use scopegate::policy::SideRequest;
use scopegate::telemetry::Metrics;
use scopegate::upstream::{Defaults, Forwarder, Outside, UpstreamSpec, Upstreams, present};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

/// An application that answers every request with `answer` and keeps the heads as they came.
async fn application(answer: impl Fn(u16) -> String) -> (u16, Rc<RefCell<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (answer, heads): (_, Rc<RefCell<Vec<String>>>) = (answer(port), Rc::default());
    let record = Rc::clone(&heads);
    tokio::task::spawn_local(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (answer, record) = (answer.clone(), Rc::clone(&record));
            tokio::task::spawn_local(async move {
                let mut read = Vec::new();
                while socket.read_buf(&mut read).await.is_ok_and(|count| count > 0) {
                    if read.ends_with(b"\r\n\r\n") {
                        record.borrow_mut().push(String::from_utf8(std::mem::take(&mut read)).unwrap());
                        socket.write_all(answer.as_bytes()).await.unwrap();
                    }
                }
            });
        }
    });
    (port, heads)
}

fn spec(yaml: &str) -> Arc<UpstreamSpec> {
    Arc::new(UpstreamSpec::compile(serde_yaml::from_str(yaml).unwrap(), "erp", Path::new("/")).unwrap())
}

fn forwarder() -> Forwarder {
    let metrics = Metrics::new(10);
    let shared = Upstreams::new(Arc::clone(&metrics), Defaults::default(), tokio::runtime::Handle::current());
    Forwarder::new(shared, metrics.core())
}

#[tokio::test]
async fn a_redirect_and_its_cookies_lead_outside() {
    let test = async {
        let (port, heads) = application(|port| {
            format!(
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/main.do?a=1\r\nContent-Length: 5\r\n\
                 Set-Cookie: JSESSIONID=1; Path=/erp; HttpOnly\r\nSet-Cookie: lang=zh; Domain=127.0.0.1; Path=/erp/x\r\n\
                 Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\r\nmoved"
            )
        })
        .await;
        let spec = spec(&format!(
            "{{url: 'http://127.0.0.1:{port}', host: address, rewrite: {{cookie-path: {{/erp: /}}}}, health: {{path: '/main.do?b=2'}}}}"
        ));
        let answer = forwarder().ask(SideRequest::health(&spec).unwrap().unwrap()).await.unwrap();
        let head =
            present(&answer.head, &spec, &Outside { https: true, authority: "erp.example.test:8443" }, None).unwrap();
        let fields: Vec<String> = head
            .fields()
            .map(|(name, value)| format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
            .collect();
        assert_eq!(
            fields,
            [
                "Location: https://erp.example.test:8443/main.do?a=1",
                "Set-Cookie: JSESSIONID=1; Path=/; HttpOnly; Secure",
                "Set-Cookie: lang=zh; Path=/x; Secure",
            ]
        );
        assert_eq!(answer.body.collect().await.unwrap().to_bytes(), "moved");
        let heads = heads.borrow();
        assert_eq!(heads.len(), 1);
        assert!(
            heads[0].starts_with(&format!("GET /main.do?b=2 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n")),
            "{}",
            heads[0]
        );
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn each_address_is_sent_its_own_host_where_the_rule_says_so() {
    let test = async {
        let ok = |_: u16| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned();
        let ((one, heads_one), (two, heads_two)) = (application(ok).await, application(ok).await);
        let spec = spec(&format!(
            "{{urls: ['http://127.0.0.1:{one}', 'http://127.0.0.1:{two}'], host: address, health: {{path: /}}}}"
        ));
        let forwarder = forwarder();
        for _ in 0..2 {
            let answer = forwarder.ask(SideRequest::health(&spec).unwrap().unwrap()).await.unwrap();
            assert_eq!((answer.head.status, answer.attempts), (200, 1));
        }
        for (port, heads) in [(one, heads_one), (two, heads_two)] {
            assert_eq!(heads.borrow().len(), 1);
            assert!(heads.borrow()[0].contains(&format!("\r\nHost: 127.0.0.1:{port}\r\n")));
        }
    };
    LocalSet::new().run_until(test).await;
}
