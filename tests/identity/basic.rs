//! HTTP Basic against the local list.

use crate::world::World;
use argon2::password_hash::{PasswordHasher, SaltString};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use scopegate::identity::source::SourceKind;
use scopegate::model::Reason;

fn hash(password: &str) -> std::sync::Arc<str> {
    let params = argon2::Params::new(64, 1, 1, None).unwrap();
    let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let salt = SaltString::from_b64("c2FsdHNhbHQ").unwrap();
    argon.hash_password(password.as_bytes(), &salt).unwrap().to_string().into()
}

fn request(user: &str, password: &str) -> String {
    format!("GET / HTTP/1.1\nAuthorization: Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn the_right_password_is_the_person_and_a_changed_one_is_not() {
    let world = World::new("basic: {realm: WMS}").await;
    world.people.passwords.lock().insert("clerk".into(), hash("pass:word"));
    let identified = world.identify(&request("clerk", "pass:word")).await.unwrap();
    assert_eq!((identified.subject.unwrap().as_str(), identified.source), ("clerk", Some(SourceKind::Basic)));
    assert_eq!(identified.strip.as_slice(), ["authorization"], "the password stays here");
    assert!(world.identify(&request("clerk", "pass:word")).await.is_ok());
    world.people.passwords.lock().insert("clerk".into(), hash("other"));
    assert_eq!(world.refusal(&request("clerk", "pass:word")).await, Reason::InvalidCredential);
    assert!(world.identify(&request("clerk", "other")).await.is_ok());
    let challenges: Vec<_> = world.chain.challenges().collect();
    assert_eq!(challenges, ["Basic realm=\"WMS\", charset=\"UTF-8\""]);
}

#[tokio::test]
async fn guessing_is_slowed_down_by_address_and_name() {
    let mut world = World::new("basic: {}").await;
    world.people.passwords.lock().insert("clerk".into(), hash("right"));
    for _ in 0..5 {
        assert_eq!(world.refusal(&request("clerk", "guess")).await, Reason::InvalidCredential);
    }
    assert_eq!(world.refusal(&request("clerk", "right")).await, Reason::TooManyAttempts);
    world.pass(30);
    assert!(world.identify(&request("clerk", "right")).await.is_ok());
}

#[tokio::test]
async fn malformed_credentials_are_refused() {
    let world = World::new("basic: {}").await;
    for wrong in ["Basic", "Basic !", "Basic bm9jb2xvbg==", "Bearer x", "bgkubmE6eA=="] {
        let request = format!("GET / HTTP/1.1\nAuthorization: {wrong}");
        assert_eq!(world.refusal(&request).await, Reason::InvalidCredential, "{wrong}");
    }
}
