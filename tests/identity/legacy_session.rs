//! The watched sign-in: whom the application confirms is who is asking, whatever was typed and whoever was before.

use crate::world::{START, World, compile, faults};
use scopegate::identity::session::SessionSettings;
use scopegate::identity::sign_in::Verdict;
use scopegate::model::{Reason, SubjectId};
use scopegate::request::{Base, Dialect};
use std::time::Duration;

const BY_HEADER: &str = "
legacy-session:
  session: {cookie: JSESSIONID, idle: 30m, lifetime: 8h}
  sign-in: {post: /login.do, user: {form: username}, succeeded: {status: 302, location: /main.do}, confirm: {header: X-User}}
  sign-out: {any: /logout.do}
";

const SIGN_IN: &str = "POST /login.do HTTP/1.1\nCookie: JSESSIONID=old\nContent-Type: application/x-www-form-urlencoded\n\nusername=typed&password=x";
const WELCOME: &str = "302 Found\nLocation: /main.do\nX-User: clerk\nSet-Cookie: JSESSIONID=new; Path=/; HttpOnly";
const WITH_NEW: &str = "GET /stock HTTP/1.1\nCookie: JSESSIONID=new";
const WITH_OLD: &str = "GET /stock HTTP/1.1\nCookie: JSESSIONID=old";

fn signed_in(name: &str) -> Option<Verdict> {
    Some(Verdict::SignedIn { name: name.into(), subject: SubjectId::new(name) })
}

#[tokio::test]
async fn whom_the_application_confirms_is_who_is_asking_not_who_was_typed() {
    let world = World::new(BY_HEADER).await;
    assert_eq!(world.who(WITH_OLD).await, None);
    let (verdict, settlement) = world.exchange(SIGN_IN, WELCOME).await;
    assert_eq!(verdict, signed_in("clerk"));
    assert_eq!(settlement.set_cookies, None, "the application's cookies are as they are");
    assert_eq!(world.who(WITH_NEW).await.as_deref(), Some("clerk"));
    assert_eq!(world.who(WITH_OLD).await, None, "the session from before is nobody's");
    let identified = world.identify(WITH_NEW).await.unwrap();
    assert!(identified.session.is_some() && identified.since == Some(START));
}

#[tokio::test]
async fn an_ignored_sign_in_form_changes_nothing() {
    let world = World::new(BY_HEADER).await;
    world.exchange(SIGN_IN, WELCOME).await;
    let again = SIGN_IN.replace("=old", "=new");
    for ignored in [
        "200 OK\nX-User: engineer\n\nwrong password",
        "302 Found\nLocation: /login.do?error\nX-User: engineer",
        "302 Found\nLocation: /main.domain\nX-User: engineer",
        "302 Found\nX-User: engineer",
        "500 Oops\nLocation: /main.do\nX-User: engineer",
    ] {
        let (verdict, settlement) = world.exchange(&again, ignored).await;
        assert_eq!((verdict, settlement.changes.len()), (Some(Verdict::Ignored), 0), "{ignored}");
        assert_eq!(world.who(WITH_NEW).await.as_deref(), Some("clerk"), "{ignored}");
    }
    // a failed sign-in that hands out another session does not hand out the identity
    world.exchange(&again, "200 OK\nSet-Cookie: JSESSIONID=other").await;
    assert_eq!(world.who("GET /stock HTTP/1.1\nCookie: JSESSIONID=other").await, None);
}

#[tokio::test]
async fn a_form_without_the_typed_name_is_no_sign_in() {
    let world = World::new(BY_HEADER).await;
    let other = SIGN_IN.replace("username=typed&", "");
    assert_eq!(world.exchange(&other, WELCOME).await.0, None);
    assert_eq!(world.exchange(&SIGN_IN.replace("/login.do", "/other.do"), WELCOME).await.0, None);
    let twice = SIGN_IN.replace("username=typed", "username=a&username=b");
    assert_eq!(world.exchange(&twice, WELCOME).await.0, signed_in("clerk"), "what the answer says counts");
}

#[tokio::test]
async fn a_session_that_survives_a_sign_in_is_bound_anew() {
    let world = World::new(BY_HEADER).await;
    let keeps = "302 Found\nLocation: /main.do\nX-User: clerk";
    world.exchange(SIGN_IN, keeps).await;
    assert_eq!(world.who(WITH_OLD).await.as_deref(), Some("clerk"));
    world.exchange(SIGN_IN, &keeps.replace("clerk", "engineer")).await;
    assert_eq!(world.who(WITH_OLD).await.as_deref(), Some("engineer"), "the next person at the terminal");
    // accepted, but nobody is named: the application may have signed in anyone
    let (verdict, _) = world.exchange(SIGN_IN, "302 Found\nLocation: /main.do").await;
    assert!(matches!(verdict, Some(Verdict::Unconfirmed(_))));
    assert_eq!(world.who(WITH_OLD).await, None);
}

#[tokio::test]
async fn a_planted_session_is_worth_nothing_after_the_sign_in() {
    let world = World::new(BY_HEADER).await;
    // the attacker planted `old` in the victim's browser; the application rotates, as it should
    world.exchange(SIGN_IN, WELCOME).await;
    assert_eq!(world.who(WITH_OLD).await, None);
}

#[tokio::test]
async fn sign_out_ends_the_session_even_if_the_application_keeps_its_id() {
    let world = World::new(BY_HEADER).await;
    world.exchange(SIGN_IN, WELCOME).await;
    let (verdict, _) =
        world.exchange("GET /logout.do HTTP/1.1\nCookie: JSESSIONID=new", "302 Found\nLocation: /").await;
    assert_eq!(verdict, Some(Verdict::SignedOut));
    assert_eq!(world.who(WITH_NEW).await, None);
    world.exchange(&SIGN_IN.replace("=old", "=new"), "302 Found\nLocation: /main.do\nX-User: engineer").await;
    assert_eq!(world.who(WITH_NEW).await.as_deref(), Some("engineer"));
}

#[tokio::test]
async fn a_rotated_cookie_is_followed_and_the_old_one_fades() {
    let mut world = World::new(BY_HEADER).await;
    world.exchange(SIGN_IN, WELCOME).await;
    world.exchange(WITH_NEW, "200 OK\nSet-Cookie: JSESSIONID=next; Path=/").await;
    assert_eq!(world.who("GET / HTTP/1.1\nCookie: JSESSIONID=next").await.as_deref(), Some("clerk"));
    assert_eq!(world.who(WITH_NEW).await.as_deref(), Some("clerk"), "requests under way");
    world.pass(11);
    assert_eq!(world.who(WITH_NEW).await, None);
    assert_eq!(world.who("GET / HTTP/1.1\nCookie: JSESSIONID=next").await.as_deref(), Some("clerk"));
    // the same value again is the same session; a deletion ends it
    let (_, settlement) =
        world.exchange("GET / HTTP/1.1\nCookie: JSESSIONID=next", "200 OK\nSet-Cookie: JSESSIONID=next").await;
    assert!(settlement.changes.is_empty());
    let gone = "200 OK\nSet-Cookie: JSESSIONID=; Expires=Thu, 01-Jan-1970 00:00:00 GMT";
    world.exchange("GET / HTTP/1.1\nCookie: JSESSIONID=next", gone).await;
    assert_eq!(world.who("GET / HTTP/1.1\nCookie: JSESSIONID=next").await, None);
}

#[tokio::test]
async fn a_session_id_that_the_application_gives_out_again_is_nobodys() {
    let world = World::new(BY_HEADER).await;
    world.exchange(SIGN_IN, WELCOME).await;
    world.exchange("GET /login.do HTTP/1.1", "200 OK\nSet-Cookie: JSESSIONID=new").await;
    assert_eq!(world.who(WITH_NEW).await, None);
}

#[tokio::test]
async fn bindings_end_when_idle_and_in_any_case() {
    let mut world = World::new(BY_HEADER).await;
    world.exchange(SIGN_IN, WELCOME).await;
    for _ in 0..16 {
        world.pass(29 * 60);
        assert_eq!(world.who(WITH_NEW).await.as_deref(), Some("clerk"));
    }
    world.pass(29 * 60);
    assert_eq!(world.who(WITH_NEW).await, None, "eight hours are over");
    world.exchange(SIGN_IN, WELCOME).await;
    world.pass(30 * 60);
    assert_eq!(world.who(WITH_NEW).await, None, "idle for half an hour");
}

#[tokio::test]
async fn bindings_end_as_the_settings_say_where_the_application_says_nothing() {
    let mut world = World::new(&BY_HEADER.replace(", idle: 30m, lifetime: 8h", "")).await;
    let (idle, lifetime) = (Duration::from_secs(60), Duration::from_secs(150));
    world.set(SessionSettings { idle, lifetime, ..SessionSettings::default() }).await;
    world.exchange(SIGN_IN, WELCOME).await;
    for _ in 0..2 {
        world.pass(59);
        assert!(world.who(WITH_NEW).await.is_some());
    }
    world.pass(59);
    assert_eq!(world.who(WITH_NEW).await, None, "the lifetime is over");
    world.exchange(SIGN_IN, WELCOME).await;
    world.pass(60);
    assert_eq!(world.who(WITH_NEW).await, None, "idle for a minute");
}

#[tokio::test]
async fn a_session_by_query_or_in_two_cookies_is_refused() {
    let world = World::new(BY_HEADER).await;
    world.exchange(SIGN_IN, WELCOME).await;
    for request in [
        "GET /stock?JSESSIONID=other HTTP/1.1\nCookie: JSESSIONID=new",
        "GET /stock HTTP/1.1\nCookie: JSESSIONID=new; JSESSIONID=other",
        "GET /stock HTTP/1.1\nCookie: a=1, JSESSIONID=other; JSESSIONID=new",
        "GET /stock HTTP/1.1\nCookie: jsessionid=other; JSESSIONID=new",
    ] {
        assert_eq!(world.refusal(request).await, Reason::InvalidCredential, "{request}");
    }
    let mut servlet = Dialect::of(Base::Servlet);
    servlet.path_parameters = vec!["jsessionid".into()];
    let world = World::with(BY_HEADER, servlet, &[]).await;
    world.exchange(SIGN_IN, WELCOME).await;
    let in_path = |id: &str| format!("GET /stock;jsessionid={id} HTTP/1.1\nCookie: JSESSIONID=new");
    assert_eq!(world.refusal(&in_path("other")).await, Reason::InvalidCredential);
    assert_eq!(world.who(&in_path("new")).await.as_deref(), Some("clerk"), "the same session twice");
}

#[tokio::test]
async fn a_session_is_refused_from_another_device_if_so_configured() {
    let bound = BY_HEADER.replace("idle: 30m", "device: same");
    let mut world = World::new(&bound).await;
    world.exchange(SIGN_IN, WELCOME).await;
    assert_eq!(world.who(WITH_NEW).await.as_deref(), Some("clerk"));
    world.device.id = Some("device-2".into());
    let error = world.identify(WITH_NEW).await.unwrap_err();
    assert_eq!((error.reason, error.subject), (Reason::DeviceMismatch, Some(SubjectId::new("clerk"))));
    world.device.id = None;
    assert_eq!(world.refusal(WITH_NEW).await, Reason::DeviceMismatch);
}

#[tokio::test]
async fn unknown_and_frozen_people_are_refused_by_name() {
    let world = World::new(BY_HEADER).await;
    world.exchange(SIGN_IN, &WELCOME.replace("clerk", "stranger")).await;
    let error = world.identify(WITH_NEW).await.unwrap_err();
    assert_eq!((error.reason, error.subject), (Reason::UnknownSubject, Some(SubjectId::new("stranger"))));
    world.exchange(SIGN_IN, WELCOME).await;
    world.people.frozen.lock().insert("clerk".into());
    assert_eq!(world.refusal(WITH_NEW).await, Reason::Frozen);
    world.people.frozen.lock().clear();
    world.sessions.end_subject(&SubjectId::new("clerk")).await.unwrap();
    assert_eq!(world.who(WITH_NEW).await, None, "a freeze ends sessions for good");
}

#[tokio::test]
async fn nothing_is_bound_when_the_store_fails_and_ended_sessions_have_ended() {
    let world = World::new(BY_HEADER).await;
    world.exchange(SIGN_IN, WELCOME).await;
    world.store.fail(true);
    let key = world.identify(WITH_NEW).await.unwrap().session.unwrap();
    let out = vec![scopegate::identity::session::port::BindingChange::Remove(key)];
    assert!(world.sessions.commit(out).await.is_err());
    assert_eq!(world.who(WITH_NEW).await, None);
}

fn confirmed_by(confirm: &str, succeeded: &str) -> String {
    BY_HEADER.replace("{header: X-User}", confirm).replace("{status: 302, location: /main.do}", succeeded)
}

#[tokio::test]
async fn the_confirmation_may_stand_in_cookie_json_text_or_probe() {
    for (confirm, succeeded, answer) in [
        (
            "{cookie: login_name}",
            "{status: 302}",
            "302 Found\nSet-Cookie: login_name=cl%65rk\nSet-Cookie: JSESSIONID=new",
        ),
        (
            "{json: /user/id}",
            "{body: '\"ok\":true'}",
            "200 OK\nSet-Cookie: JSESSIONID=new\n\n{\"ok\":true,\"user\":{\"id\":\"clerk\"}}",
        ),
        (
            "{body: 'user=([a-z.]+)'}",
            "{status: 200, not-body: 密码错误}",
            "200 OK\nSet-Cookie: JSESSIONID=new\n\n<p>user=clerk</p>",
        ),
        (
            "{header: X-User, pattern: '^CORP/(.+)$'}",
            "{status: 200}",
            "200 OK\nSet-Cookie: JSESSIONID=new\nX-User: CORP/clerk",
        ),
    ] {
        let world = World::new(&confirmed_by(confirm, succeeded)).await;
        assert_eq!(world.exchange(SIGN_IN, answer).await.0, signed_in("clerk"), "{confirm}");
        assert_eq!(world.who(WITH_NEW).await.as_deref(), Some("clerk"), "{confirm}");
    }
    let wrong = World::new(&confirmed_by("{body: 'user=([a-z.]+)'}", "{status: 200, not-body: 密码错误}")).await;
    assert_eq!(wrong.exchange(SIGN_IN, "200 OK\n\nuser=clerk 密码错误").await.0, Some(Verdict::Ignored));
    let packed = "200 OK\nContent-Encoding: gzip\n\nuser=clerk";
    assert!(matches!(wrong.exchange(SIGN_IN, packed).await.0, Some(Verdict::Unconfirmed(_))));
}

#[tokio::test]
async fn a_probe_page_confirms_who_signed_in_and_its_cookies_reach_the_client() {
    let yaml = confirmed_by(
        "{probe: {get: /profile.do, body: '<b id=\"me\">([^<]+)</b>'}}",
        "{status: 302, location: /main.do}",
    );
    let world = World::new(&yaml).await;
    let page = "200 OK\nSet-Cookie: JSESSIONID=probed\n\n<b id=\"me\">clerk</b>";
    let (verdict, settlement) = world.exchange_with(SIGN_IN, WELCOME, Some(page)).await;
    assert_eq!(verdict, signed_in("clerk"));
    assert_eq!(world.who("GET / HTTP/1.1\nCookie: JSESSIONID=probed").await.as_deref(), Some("clerk"));
    assert_eq!(world.who(WITH_NEW).await, None, "the probe was given another session, which the client gets");
    let set: Vec<_> = settlement.set_cookies.unwrap();
    assert_eq!(set.last().unwrap(), b"JSESSIONID=probed");
    for page in [None, Some("302 Found\nLocation: /login.do"), Some("200 OK\n\nplease sign in")] {
        let (verdict, _) = world.exchange_with(SIGN_IN, WELCOME, page).await;
        assert!(matches!(verdict, Some(Verdict::Unconfirmed(_))), "{page:?}");
        assert_eq!(world.who(WITH_NEW).await, None);
    }
    let (answer, _) =
        crate::world::parse_response("302 Found\nSet-Cookie: JSESSIONID=new\nSet-Cookie: gone=; Max-Age=0");
    let cookies = world.chain.probe_cookies(Some(b"JSESSIONID=old; node=7; gone=1"), &answer, START);
    assert_eq!(cookies.unwrap(), b"node=7; JSESSIONID=new");
}

#[tokio::test]
async fn one_address_with_many_functions_is_watched_by_its_parameters() {
    let yaml = "
legacy-session:
  session: {cookie: PHPSESSID}
  sign-in:
    post: /index.php
    user: {form: name}
    with: {query: {action: login}}
    succeeded: {status: 302}
    confirm: {header: X-User}
  sign-out: {any: /index.php, with: {query: {action: logout}}}
  users: {lowercase: true, map: {admin: engineer}}
";
    let world = World::with(yaml, Dialect::of(Base::Php), &[]).await;
    let post = |action: &str| {
        format!("POST /index.php?action={action} HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\nname=x")
    };
    let answer = "302 Found\nX-User: Admin\nSet-Cookie: PHPSESSID=s1";
    assert_eq!(world.exchange(&post("search"), answer).await.0, None);
    world.exchange(&post("login"), answer).await;
    let inside = "GET /index.php?action=list HTTP/1.1\nCookie: PHPSESSID=s1";
    assert_eq!(world.who(inside).await.as_deref(), Some("engineer"), "mapped from the application's name");
    assert_eq!(world.exchange(inside, "200 OK").await.0, None);
    world.exchange("GET /index.php?action=logout HTTP/1.1\nCookie: PHPSESSID=s1", "200 OK").await;
    assert_eq!(world.who(inside).await, None);
}

#[test]
fn what_is_wrong_with_the_section_is_told_at_once() {
    let found = faults(
        "
legacy-session:
  session: {cookie: [SID, sid]}
  sign-in:
    - {post: /a/../b, user: {form: u}, succeeded: {}, confirm: {}}
    - {user: {form: u}, succeeded: {status: 200}, confirm: {header: X, cookie: Y}}
    - {post: /login?x=1, user: {form: u}, succeeded: {body: '('}, confirm: {body: 'no group'}}
  sign-out: {}
",
    );
    for expected in [
        "legacy-session.session.cookie: `sid` stands twice",
        "legacy-session.sign-in.0.succeeded: say what",
        "legacy-session.sign-in.0.confirm: give exactly one",
        "legacy-session.sign-in.1: give `post` or `get`",
        "legacy-session.sign-in.2.post: `/login?x=1` has a query",
        "legacy-session.sign-in.2.succeeded.body: `(` is not a regular expression",
        "legacy-session.sign-in.2.confirm.body: has no group",
        "legacy-session.sign-out.0: give `any`",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected}\n{found:#?}");
    }
    assert!(compile(BY_HEADER, &Dialect::default(), &[]).is_ok());
}
