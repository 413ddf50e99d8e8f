//! All sources together: every credential is an identity of its own, and what is the gateway's stays with it.

use crate::world::{TestPeople, World, faults};
use aws_lc_rs::digest::{SHA256, digest};
use scopegate::identity::presented::CookieField;
use scopegate::identity::source::SourceKind;
use scopegate::model::{Reason, SubjectId};

const ALL: &str = "
legacy-session:
  session: {cookie: SID}
  sign-in: {post: /login, user: {form: u}, succeeded: {status: 302}, confirm: {header: X-User}}
api-key: {header: X-Api-Key, query: api_key}
trusted-header: {name: X-Remote-User, from: 10.0.0.0/8}
client-certificate: {}
record: [trusted-header]
";

fn hash(key: &str) -> [u8; 32] {
    digest(&SHA256, key.as_bytes()).as_ref().try_into().unwrap()
}

async fn world() -> World {
    let mut world = World::new(ALL).await;
    world.people = TestPeople {
        keys: [(hash("key-of-li-na"), SubjectId::new("clerk")), (hash("key-of-wang"), SubjectId::new("engineer"))]
            .into(),
        ..TestPeople::known(&["clerk", "engineer"])
    };
    world.connection.peer = "10.0.0.5:1000".parse().unwrap();
    let sign_in = "POST /login HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\nu=x";
    world.exchange(sign_in, "302 Found\nX-User: clerk\nSet-Cookie: SID=abc").await;
    world
}

#[tokio::test]
async fn credentials_that_agree_are_one_identity_and_the_order_says_which_is_recorded() {
    let world = world().await;
    let request = "GET / HTTP/1.1\nCookie: SID=abc\nX-Api-Key: key-of-li-na\nX-Remote-User: clerk";
    let identified = world.identify(request).await.unwrap();
    assert_eq!(identified.subject.unwrap().as_str(), "clerk");
    assert_eq!(identified.source, Some(SourceKind::TrustedHeader));
    assert!(identified.session.is_some());
    assert_eq!(identified.strip.as_slice(), ["X-Remote-User", "X-Api-Key"]);
    assert_eq!(identified.cookie, CookieField::Unchanged);
}

#[tokio::test]
async fn two_different_subjects_refuse() {
    let mut world = world().await;
    for request in [
        "GET / HTTP/1.1\nCookie: SID=abc\nX-Api-Key: key-of-wang",
        "GET / HTTP/1.1\nX-Remote-User: engineer\nX-Api-Key: key-of-li-na",
        "GET /?api_key=key-of-wang HTTP/1.1\nX-Api-Key: key-of-li-na",
    ] {
        assert_eq!(world.refusal(request).await, Reason::ConflictingIdentities, "{request}");
    }
    world.show_certificate("CN=engineer", "engineer");
    assert_eq!(world.refusal("GET / HTTP/1.1\nCookie: SID=abc").await, Reason::ConflictingIdentities);
}

#[tokio::test]
async fn one_invalid_credential_refuses_whatever_the_others_say() {
    let world = world().await;
    for request in [
        "GET / HTTP/1.1\nCookie: SID=abc\nX-Api-Key: wrong",
        "GET / HTTP/1.1\nCookie: SID=abc\nX-Api-Key:",
        "GET / HTTP/1.1\nCookie: SID=abc\nAuthorization: Bearer a.b.c",
        "GET / HTTP/1.1\nCookie: SID=abc\nAuthorization: Basic Y2xlcms6eA==",
        "GET / HTTP/1.1\nCookie: SID=abc\nAuthorization: Negotiate x",
        "GET / HTTP/1.1\nCookie: SID=abc\nX-Remote-User: li na\u{e9}\u{301} ",
    ] {
        let result = world.identify(request).await;
        assert!(result.is_err(), "{request}: {result:?}");
    }
    let twice = "GET / HTTP/1.1\nX-Api-Key: key-of-li-na\nX-Api-Key: key-of-li-na";
    assert_eq!(world.refusal(twice).await, Reason::RepeatedHeader);
    let twice = "GET / HTTP/1.1\nAuthorization: Basic x\nAuthorization: Basic x";
    assert_eq!(world.refusal(twice).await, Reason::RepeatedHeader);
}

#[tokio::test]
async fn no_credential_is_nobody() {
    let world = world().await;
    assert_eq!(world.who("GET / HTTP/1.1").await, None);
    assert_eq!(world.who("GET / HTTP/1.1\nCookie: SID=unbound; theme=dark").await, None);
}

#[tokio::test]
async fn an_unbound_session_does_not_go_along_with_another_identity() {
    let world = world().await;
    let identified =
        world.identify("GET / HTTP/1.1\nCookie: SID=unbound; theme=dark\nX-Api-Key: key-of-li-na").await.unwrap();
    assert_eq!(identified.subject.unwrap().as_str(), "clerk");
    assert_eq!(identified.cookie, CookieField::Replaced(b"theme=dark".as_slice().into()));
}

#[tokio::test]
async fn a_public_route_is_nobodys_and_the_gateways_credentials_do_not_reach_it() {
    let world = world().await;
    let request = "GET /?api_key=k HTTP/1.1\nCookie: SID=abc; __Host-scopegate-device=d\nAuthorization: Bearer x\nX-Api-Key: wrong\nX-Remote-User: engineer";
    let identified =
        world.on_request(request, async |evidence, presented, _| world.chain.anonymous(evidence, presented)).await;
    assert_eq!(identified.subject, None);
    assert_eq!(identified.strip.as_slice(), ["X-Remote-User", "X-Api-Key", "authorization"]);
    assert_eq!(
        identified.cookie,
        CookieField::Replaced(b"SID=abc".as_slice().into()),
        "the application's own cookie goes along"
    );
    assert_eq!(identified.strip_query.unwrap().name(), "api_key");
}

#[tokio::test]
async fn an_authorization_that_no_source_reads_is_refused_stripped_or_forwarded_as_declared() {
    let request = "GET / HTTP/1.1\nAuthorization: Bearer a.b.c";
    for (setting, stripped) in [("strip", true), ("forward", false)] {
        let world = World::new(&format!("authorization: {setting}")).await;
        let identified = world.identify(request).await.unwrap();
        assert_eq!(identified.strip.contains(&"authorization".into()), stripped, "{setting}");
        assert_eq!(identified.subject, None);
    }
    assert_eq!(World::new("{}").await.refusal(request).await, Reason::InvalidCredential);
}

#[test]
fn a_cookie_cannot_carry_session_and_token() {
    let yaml = format!("{ALL}\njwt: {{keys: {{}}, algorithms: RS256, issuer: i, audience: a, cookie: SID}}");
    let found = faults(&yaml);
    assert!(
        found.iter().any(|fault| fault.starts_with("jwt.0.cookie: `SID` carries the session already")),
        "{found:?}"
    );
}

#[test]
fn every_source_has_its_file_its_tests_and_its_place_in_the_schema() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = schemars::schema_for!(scopegate::identity::chain::raw::RawIdentity);
    for kind in SourceKind::ALL {
        let file = kind.as_str().replace('-', "_");
        let source = std::fs::read_to_string(root.join(format!("src/identity/source/{file}.rs"))).expect(&file);
        assert!(source.contains(&format!("/// ```yaml\n/// {}:", kind.as_str())), "{file} shows no example");
        assert!(root.join(format!("tests/identity/{file}.rs")).exists(), "{file} has no tests");
        assert!(schema.pointer(&format!("/properties/{}", kind.as_str())).is_some(), "{file} is not in the schema");
    }
}
