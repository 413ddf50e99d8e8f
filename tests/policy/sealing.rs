//! What is forwarded: asserted as the bytes that the application receives.

use crate::setting::Setting;
use scopegate::identity::client_addr::ClientAddr;
use scopegate::identity::presented::CookieField;
use scopegate::model::{Outcome, Reason, RequestId, Timestamp};
use scopegate::policy::approach::{find_route, read_target, settle};
use scopegate::policy::{
    Asker, BodyPlan, Detail, ForwardParts, Forwardable, Judgement, ObservedBody, Question, SideRequest, Told, decide,
    observe, seal,
};
use scopegate::request::{BodyLimits, TargetLimits};
use scopegate::rules::App;
use scopegate::wire::framing::request_framing;
use scopegate::wire::head::RequestHead;
use scopegate::wire::limit::HeadLimits;
use std::sync::Arc;

const ROLES: &str = "
dimensions: {warehouse: {values: [HF, SH]}}
permissions: {stock:view: {effect: none}, stock:edit: {}}
roles: {keeper: {permissions: [stock:view, stock:edit]}}
";
const PEOPLE: &str = "people: {li: {assignments: [{role: keeper, scope: {warehouse: HF}}]}}";
const APP: &str = "
app: wms
hosts: [wms.test]
upstream: {url: \"http://127.0.0.1:9\", host: inside.test}
headers: {user: X-Remote-User, roles: X-Remote-Roles}
identity: {}
routes:
  - {id: view, match: GET /stock, permission: stock:view, scope: {warehouse: {query: w, absent: fill}}}
  - {id: edit, match: POST /edit, permission: stock:edit, scope: {warehouse: {form: w}}, params: {note: {at: {form: note}}}}
  - {id: upload, match: PUT /upload, permission: stock:edit, scope: {warehouse: ignored}, body: {stream: [application/pdf]}}
  - {id: trial, match: GET /trial, permission: stock:view, scope: {warehouse: {query: w}}, mode: observe}
";

fn setting() -> Setting {
    Setting::of(&[("roles.yaml", ROLES), ("people.yaml", PEOPLE), ("wms.yaml", APP)])
}

fn client() -> ClientAddr {
    let ip = "192.0.2.9".parse().unwrap();
    ClientAddr { ip, chain: [ip].into_iter().collect() }
}

fn parts<'a>(head: &'a RequestHead, client: &'a ClientAddr) -> ForwardParts<'a> {
    ForwardParts {
        head,
        framing: request_framing(head).unwrap(),
        request: RequestId::new(1, 2),
        client,
        https: true,
        told: Told { subject: Some("li"), roles: &["keeper"] },
        strip: &[],
        cookies: &CookieField::Unchanged,
        plain_answer: false,
        upgrade: false,
    }
}

fn head_of(text: &str) -> (RequestHead, bytes::Bytes) {
    let (head, length) = RequestHead::parse(text.as_bytes(), &HeadLimits::default()).unwrap();
    (head, bytes::Bytes::copy_from_slice(&text.as_bytes()[length..]))
}

/// Decides what `li` sends and seals it: the head and body that the application receives, or the reason of the refusal.
fn send(text: &str) -> Result<(String, String), Reason> {
    let setting = setting();
    let app: &Arc<App> = setting.0.set.app_for_host("wms.test").unwrap();
    let (head, body) = head_of(text);
    let client = client();
    let parts = parts(&head, &client);
    let judged = (|| {
        let mut view = read_target(app, &head, parts.framing, &TargetLimits::default())?;
        let found = find_route(app, &view)?;
        let route = settle(app, found, &mut view, &BodyLimits::default(), &body)?;
        let asker = Asker::Known(setting.0.people.named("li").unwrap());
        let now = Timestamp::from_micros(0);
        let question = Question {
            rules: &setting.0.set,
            app,
            route,
            asker,
            now,
            client: client.ip,
            device: None,
            facts: scopegate::lookup::Facts::NONE,
        };
        Ok::<_, Judgement>(decide(&question, view))
    })();
    let sealed = judged.and_then(|judged| seal(judged, &parts));
    match sealed {
        Ok((permit, _)) => {
            let parcel = permit.parcel();
            let body = match parcel.body() {
                BodyPlan::None => String::new(),
                BodyPlan::Judged(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                BodyPlan::Streamed { length } => format!("(streamed {length:?})"),
            };
            Ok((String::from_utf8(parcel.head().bytes().to_vec()).unwrap(), body))
        }
        Err(judgement) => Err(judgement.reason()),
    }
}

#[test]
fn the_application_receives_what_was_judged_and_nothing_else() {
    let (head, body) =
        send("GET /st%6fck HTTP/1.1\r\nHost: wms.test\r\nAccept: */*\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n").unwrap();
    assert_eq!(
        head,
        "GET /stock?w=HF HTTP/1.1\r\nHost: inside.test\r\nAccept: */*\r\nX-Forwarded-For: 192.0.2.9\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: wms.test\r\nX-Request-Id: 000000000000000100000002\r\n\
         X-Remote-User: li\r\nX-Remote-Roles: keeper\r\n\r\n"
    );
    assert_eq!(body, "");
}

#[test]
fn an_identity_header_in_any_spelling_is_replaced() {
    for name in ["X-Remote-User", "x_remote_user", "X.Remote.User", "X+REMOTE+USER", "X-Remote_Roles", "x_request_id"] {
        let (head, _) = send(&format!("GET /stock HTTP/1.1\r\nHost: wms.test\r\n{name}: root\r\n\r\n")).unwrap();
        assert!(!head.contains("root"), "{name}\n{head}");
        assert!(head.contains("X-Remote-User: li\r\n"), "{head}");
    }
}

#[test]
fn connection_cannot_strip_what_is_set() {
    let (head, _) =
        send("GET /stock HTTP/1.1\r\nHost: wms.test\r\nConnection: X-Remote-User, X-Forwarded-For, close\r\n\r\n")
            .unwrap();
    assert!(head.contains("X-Remote-User: li\r\n") && head.contains("X-Forwarded-For: 192.0.2.9\r\n"), "{head}");
    assert!(!head.to_ascii_lowercase().contains("connection"), "{head}");
}

#[test]
fn a_judged_body_is_written_again_with_a_length_of_its_own() {
    let form = "w=%48F&note=a%20b";
    let text = format!(
        "POST /edit HTTP/1.1\r\nHost: wms.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let (head, body) = send(&text).unwrap();
    assert_eq!(body, "w=HF&note=a+b");
    assert_eq!(head.matches("Content-Length").count(), 1);
    assert!(head.contains("Content-Length: 13\r\n"), "{head}");
    assert_eq!(send(&text.replace("%48F", "SHx")), Err(Reason::OutOfScope));
}

#[test]
fn only_a_body_that_the_rule_streams_is_streamed() {
    let put = |kind: &str| {
        format!("PUT /upload HTTP/1.1\r\nHost: wms.test\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n")
    };
    let (head, body) = send(&put("application/pdf")).unwrap();
    assert_eq!(body, "(streamed None)");
    assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
    assert_eq!(send(&put("text/html")), Err(Reason::ContentTypeRefused));
    let hidden =
        "GET /stock HTTP/1.1\r\nHost: wms.test\r\nContent-Type: application/pdf\r\nContent-Length: 4\r\n\r\nabcd";
    assert!(send(hidden).is_err());
}

#[test]
fn observe_mode_sends_the_original_but_keeps_the_hygiene() {
    let setting = setting();
    let app = setting.0.set.app_for_host("wms.test").unwrap();
    let (head, _) =
        head_of("GET /tri%61l?w=SH&w=SH HTTP/1.1\r\nHost: wms.test\r\nX_Remote_User: root\r\nTE: x\r\n\r\n");
    let client = client();
    let parts = parts(&head, &client);
    let trial = app.routes.iter().find(|route| route.id == "trial").map(|route| &**route);
    let refused = |reason| Judgement::refused(reason, Detail::None);
    let (observed, judgement) = observe(refused(Reason::OutOfScope), app, trial, &parts, ObservedBody::Unread).unwrap();
    assert_eq!((judgement.outcome(), judgement.reason()), (Outcome::Observed, Reason::OutOfScope));
    let sent = String::from_utf8(observed.parcel().head().bytes().to_vec()).unwrap();
    assert!(sent.starts_with("GET /tri%61l?w=SH&w=SH HTTP/1.1\r\nHost: inside.test\r\n"), "{sent}");
    assert!(!sent.contains("root") && !sent.contains("TE:"), "{sent}");
    for always in
        [Reason::Frozen, Reason::MalformedHead, Reason::MalformedFraming, Reason::UnknownHost, Reason::Overloaded]
    {
        assert!(observe(refused(always), app, trial, &parts, ObservedBody::Unread).is_err(), "{always}");
    }
    assert!(
        observe(refused(Reason::OutOfScope), app, None, &parts, ObservedBody::Unread).is_err(),
        "the application enforces"
    );
}

#[test]
fn a_side_request_cannot_smuggle() {
    let setting = setting();
    let app = setting.0.set.app_for_host("wms.test").unwrap();
    let probe = |path: &str, cookies: &[u8]| SideRequest::probe(app, "wms.test", path, cookies, RequestId::new(1, 1));
    let sent = probe("/me?x=1", b"S=1").unwrap();
    let sent = String::from_utf8(sent.parcel().head().bytes().to_vec()).unwrap();
    assert!(
        sent.starts_with("GET /me?x=1 HTTP/1.1\r\nHost: inside.test\r\n") && sent.contains("Cookie: S=1\r\n"),
        "{sent}"
    );
    for (path, cookies) in [("me", &b""[..]), ("/a b", b""), ("/a\r\nX: y", b""), ("/a#b", b""), ("/a", b"S=1\r\nX: y")]
    {
        assert!(probe(path, cookies).is_err(), "{path:?}");
    }
}

#[test]
fn a_refused_judgement_cannot_be_sealed() {
    assert_eq!(send("GET /stock?w=SH HTTP/1.1\r\nHost: wms.test\r\n\r\n"), Err(Reason::OutOfScope));
    let pretended = Judgement::refused(Reason::Granted, Detail::None);
    assert_eq!((pretended.outcome(), pretended.reason()), (Outcome::Refuse, Reason::InternalFault));
}
