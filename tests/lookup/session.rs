//! What a side request does to the session of whoever asks.

use serde_json::json;

use crate::world::{World, answer, orders, page};

const RULES: &str = r#"
identity:
  legacy-session:
    session: {cookie: SID}
    sign-in: {post: /login, user: {form: user}, succeeded: {status: 302}, confirm: {header: X-User}}
    sign-out: {any: /logout}
lookups:
  order: {key: int, request: {get: "/api/order/{key}"}, value: {json: /warehouse}}
  shown: {key: int, response: {}, value: {json: /warehouse}, cap: 4KiB}
routes:
  - {id: held, match: "GET /api/order/{id:int}", permission: order:view, scope: {warehouse: {lookup: shown, key: {path: id}}, channel: ignored}}
  - {id: login-page, match: GET /login, public: true}
  - {id: login, match: POST /login, public: true, params: {user: {at: {form: user}}}}
  - {id: logout, match: GET /logout, public: true}
  - {id: card, match: "GET /order/{id:int}", permission: order:view, scope: {warehouse: {lookup: order, key: {path: id}}, channel: ignored}}
"#;

/// Signs in as the name that is typed, and gives another session with each question about an order.
fn rotating() -> World {
    let count = std::sync::atomic::AtomicU64::new(1);
    World::new(RULES, move |received| {
        let session = received.field("cookie").unwrap_or_default().to_owned();
        let next = || count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        match received.line() {
            "POST /login" => {
                let user = received.body.strip_prefix("user=").unwrap();
                Some(format!(
                    "HTTP/1.1 302 Found\r\nLocation: /\r\nX-User: {user}\r\nSet-Cookie: SID=s0; Path=/\r\nContent-Length: 0\r\n\r\n"
                ))
            }
            line if line.starts_with("GET /api/order/") => {
                let told = orders(received).unwrap();
                Some(told.replacen(
                    "\r\n",
                    &format!("\r\nSet-Cookie: SID=s{}; Path=/; HttpOnly\r\nSet-Cookie: tracking=1\r\n", next()),
                    1,
                ))
            }
            _ => page(&session),
        }
    })
}

#[test]
fn a_session_that_a_lookup_renews_goes_on() {
    let world = rotating();
    let mut keeper = world.anybody();
    assert_eq!(keeper.post("/login", &[("user", "keeper.hf")]).status, 302);
    world.application.take();
    for round in 1..=3 {
        let seen = keeper.get("/order/5");
        let all = world.application.take();
        // the question goes in the session that the person has, the request in the one that took its place
        assert_eq!(seen.status, 200, "{}", seen.text());
        let sent = |at: usize| all[at].field("cookie").unwrap().split(';').next().unwrap().to_owned();
        assert_eq!((sent(0), sent(1)), (format!("SID=s{}", round - 1), format!("SID=s{round}")));
        assert_eq!(keeper.cookie("SID"), Some(&*format!("s{round}")));
    }
}

#[test]
fn a_session_that_a_lookup_renews_reaches_whoever_is_refused() {
    let world = rotating();
    let mut keeper = world.anybody();
    keeper.post("/login", &[("user", "keeper.hf")]);
    world.application.take();
    let seen = keeper.get("/order/6");
    assert_eq!((seen.status, seen.reason()), (403, Some("out-of-scope")));
    assert_eq!((keeper.cookie("SID"), keeper.cookie("tracking")), (Some("s1"), None), "only the session");
    let seen = keeper.get("/order/5");
    assert_eq!(seen.status, 200, "{}", seen.text());
    assert_eq!(world.application.take().len(), 3);
}

#[test]
fn a_session_that_a_refused_answer_renews_goes_on() {
    let world = rotating();
    let mut keeper = world.anybody();
    keeper.post("/login", &[("user", "keeper.hf")]);
    world.application.take();
    // out of scope, unknown, and in scope
    for (round, (id, status)) in [(6, 403), (7, 403), (5, 200), (6, 403), (5, 200)].into_iter().enumerate() {
        let target = format!("/api/order/{id}");
        let seen = keeper.get(&target);
        assert_eq!(seen.status, status, "{target}: {}", seen.text());
        let received = world.application.take();
        assert_eq!(received.len(), 1);
        // each goes in the session that the last one made, though its answer was refused
        let sent = received[0].field("cookie").unwrap().split(';').next().unwrap();
        assert_eq!(sent, format!("SID=s{round}"));
        assert_eq!(keeper.cookie("SID"), Some(&*format!("s{}", round + 1)), "{target}");
        let set: Vec<_> = seen.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")).collect();
        let only_the_session = set.iter().all(|(_, cookie)| cookie.starts_with("SID="));
        assert_eq!(only_the_session, status == 403, "{set:?}");
        // once the cookie of a refused card has come, no other is left behind by it
        keeper.set_cookie("tracking", "");
    }
}

#[test]
fn an_application_session_that_is_over_asks_to_sign_in() {
    let world = World::new(RULES, |received| match received.line() {
        "POST /login" => Some(
            "HTTP/1.1 302 Found\r\nLocation: /\r\nX-User: keeper.hf\r\nSet-Cookie: SID=s0\r\nContent-Length: 0\r\n\r\n"
                .to_owned(),
        ),
        _ => answer("401 Unauthorized", "text/html", ""),
    });
    let mut keeper = world.anybody();
    keeper.post("/login", &[("user", "keeper.hf")]);
    world.application.take();
    let seen = keeper.get("/order/5");
    let record = world.refused(&seen, "unauthenticated", "unauthenticated", &["GET /api/order/5"]);
    assert_eq!(record["subject"], json!("keeper.hf"));
}
