//! The application's cookie hidden behind the gateway's own: the client never holds anything that the application takes.

use crate::world::World;
use scopegate::identity::presented::CookieField;

const HIDDEN: &str = "
legacy-session:
  session: {cookie: JSESSIONID, hide: true}
  sign-in: {post: /login.do, user: {form: username}, succeeded: {status: 302}, confirm: {header: X-User}}
  sign-out: {any: /logout.do}
";

const NAME: &str = "__Host-scopegate-s-wms";

fn sealed(set_cookies: Option<Vec<Vec<u8>>>) -> String {
    let fields = set_cookies.expect("the fields are replaced");
    let own = fields.iter().map(|field| String::from_utf8(field.clone()).unwrap()).find(|f| f.starts_with(NAME));
    own.expect("a sealed cookie").split(';').next().unwrap().to_owned()
}

fn sign_in(cookie: &str) -> String {
    format!("POST /login.do HTTP/1.1\nCookie: {cookie}\nContent-Type: application/x-www-form-urlencoded\n\nusername=x")
}

#[tokio::test]
async fn the_client_never_sees_the_applications_cookie_and_the_application_always_does() {
    let world = World::new(HIDDEN).await;
    let first = "200 OK\nSet-Cookie: JSESSIONID=anonymous; Path=/\nSet-Cookie: theme=dark";
    let (_, settlement) = world.exchange("GET /login.do HTTP/1.1", first).await;
    let fields = settlement.set_cookies.clone().unwrap();
    assert!(fields.contains(&b"theme=dark".to_vec()));
    assert!(fields.iter().all(|field| !String::from_utf8_lossy(field).contains("anonymous")), "{fields:?}");
    let before = sealed(settlement.set_cookies);
    let (_, settlement) =
        world.exchange(&sign_in(&before), "302 Found\nX-User: clerk\nSet-Cookie: JSESSIONID=secret-1").await;
    let after = sealed(settlement.set_cookies);
    let identified = world.identify(&format!("GET / HTTP/1.1\nCookie: theme=dark; {after}")).await.unwrap();
    assert_eq!(identified.subject.unwrap().as_str(), "clerk");
    assert_eq!(identified.cookie, CookieField::Replaced(b"theme=dark; JSESSIONID=secret-1".as_slice().into()));
}

#[tokio::test]
async fn a_sealed_cookie_from_before_the_sign_in_is_worth_nothing_after_it() {
    let world = World::new(HIDDEN).await;
    let (_, settlement) = world.exchange("GET /login.do HTTP/1.1", "200 OK\nSet-Cookie: JSESSIONID=kept").await;
    let planted = sealed(settlement.set_cookies);
    // the application does not rotate its id at sign-in: fixation, were the cookie not sealed anew
    let (_, settlement) = world.exchange(&sign_in(&planted), "302 Found\nX-User: clerk").await;
    let after = sealed(settlement.set_cookies);
    assert_eq!(world.who(&format!("GET / HTTP/1.1\nCookie: {after}")).await.as_deref(), Some("clerk"));
    assert_eq!(world.who(&format!("GET / HTTP/1.1\nCookie: {planted}")).await, None);
}

#[tokio::test]
async fn the_applications_own_cookie_from_a_client_never_reaches_it() {
    let world = World::new(HIDDEN).await;
    let stolen = world.identify("GET / HTTP/1.1\nCookie: JSESSIONID=stolen; theme=dark").await.unwrap();
    assert_eq!((stolen.subject, stolen.cookie), (None, CookieField::Replaced(b"theme=dark".as_slice().into())));
    let forged = world.identify(&format!("GET / HTTP/1.1\nCookie: {NAME}=c3RvbGVu")).await.unwrap();
    assert_eq!((forged.subject, forged.cookie), (None, CookieField::Removed));
}

#[tokio::test]
async fn rotation_and_sign_out_reach_the_sealed_cookie() {
    let world = World::new(HIDDEN).await;
    let (_, settlement) = world.exchange(&sign_in("a=1"), "302 Found\nX-User: clerk\nSet-Cookie: JSESSIONID=s1").await;
    let one = sealed(settlement.set_cookies);
    let (_, settlement) =
        world.exchange(&format!("GET / HTTP/1.1\nCookie: {one}"), "200 OK\nSet-Cookie: JSESSIONID=s2").await;
    let two = sealed(settlement.set_cookies);
    assert_eq!(world.who(&format!("GET / HTTP/1.1\nCookie: {two}")).await.as_deref(), Some("clerk"));
    let answer = "200 OK\nSet-Cookie: JSESSIONID=; Max-Age=0";
    let (_, settlement) = world.exchange(&format!("GET /logout.do HTTP/1.1\nCookie: {two}"), answer).await;
    assert_eq!(sealed(settlement.set_cookies), format!("{NAME}="));
    assert_eq!(world.who(&format!("GET / HTTP/1.1\nCookie: {two}")).await, None);
}
