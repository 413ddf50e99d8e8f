//! Signed tokens: what must be taken and, mostly, what must not.

use crate::world::{START, World, faults};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use scopegate::identity::presented::CookieField;
use scopegate::model::Reason;
use scopegate::request::Dialect;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Issuer {
    key: EncodingKey,
    jwk: Value,
}

impl Issuer {
    fn new(id: &str) -> Self {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &aws_lc_rs::rand::SystemRandom::new())
                .unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": id, "alg": "ES256", "use": "sig"});
        Self { key: EncodingKey::from_ec_der(document.as_ref()), jwk }
    }

    fn jwks(issuers: &[&Self]) -> Vec<u8> {
        json!({"keys": issuers.iter().map(|issuer| issuer.jwk.clone()).collect::<Vec<_>>()}).to_string().into_bytes()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        sign(&self.key, Algorithm::ES256, header, claims)
    }

    fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "ES256", "kid": self.jwk["kid"]}), claims)
    }
}

fn sign(key: &EncodingKey, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn claims() -> Value {
    let now = START.as_seconds();
    json!({"iss": "https://sso.test", "aud": "wms", "sub": "clerk", "exp": now + 300, "nbf": now - 10})
}

fn but(key: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => claims.as_object_mut().unwrap().remove(key),
        value => claims.as_object_mut().unwrap().insert(key.into(), value),
    };
    claims
}

const YAML: &str =
    "jwt: {keys: {file: keys.jwks}, algorithms: ES256, issuer: 'https://sso.test', audience: [wms, wms2], leeway: 30s}";

async fn world(issuer: &Issuer, yaml: &str) -> World {
    World::with(yaml, Dialect::default(), &[("keys.jwks", &Issuer::jwks(&[issuer]))]).await
}

fn bearer(token: &str) -> String {
    format!("GET / HTTP/1.1\nAuthorization: Bearer {token}")
}

#[tokio::test]
async fn a_valid_token_is_its_subject_until_it_expires() {
    let issuer = Issuer::new("k1");
    let mut world = world(&issuer, YAML).await;
    let token = issuer.token(&claims());
    let identified = world.identify(&bearer(&token)).await.unwrap();
    assert_eq!(identified.subject.unwrap().as_str(), "clerk");
    assert_eq!(identified.strip.as_slice(), ["authorization"]);
    let several = issuer.token(&but("aud", json!(["other", "wms2"])));
    assert_eq!(world.who(&bearer(&several)).await.as_deref(), Some("clerk"));
    world.pass(329);
    assert_eq!(world.who(&bearer(&token)).await.as_deref(), Some("clerk"), "within the leeway");
    world.pass(1);
    assert_eq!(world.refusal(&bearer(&token)).await, Reason::InvalidCredential, "though its signature is remembered");
}

#[tokio::test]
async fn tokens_that_must_not_be_taken() {
    let (issuer, stranger) = (Issuer::new("k1"), Issuer::new("k1"));
    let world = world(&issuer, YAML).await;
    let now = START.as_seconds();
    let none = format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims()));
    let public = Issuer::jwks(&[&issuer]);
    let confused =
        sign(&EncodingKey::from_secret(&public), Algorithm::HS256, &json!({"alg": "HS256", "kid": "k1"}), &claims());
    let good = issuer.token(&claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let swapped =
        format!("{}.{}.{signature}", part(&json!({"alg": "ES256", "kid": "k1"})), part(&but("sub", json!("engineer"))));
    for (what, token) in [
        ("unsigned", none.clone()),
        ("unsigned in other letter case", none.replace(&part(&json!({"alg": "none"})), &part(&json!({"alg": "nOnE"})))),
        ("signed with the public key as secret", confused),
        ("another algorithm", issuer.sign(&json!({"alg": "ES384", "kid": "k1"}), &claims())),
        ("no algorithm", issuer.sign(&json!({"kid": "k1"}), &claims())),
        ("signed by a stranger", stranger.token(&claims())),
        ("an unknown key", issuer.sign(&json!({"alg": "ES256", "kid": "k9"}), &claims())),
        ("critical extensions", issuer.sign(&json!({"alg": "ES256", "kid": "k1", "crit": ["b64"]}), &claims())),
        ("other claims under the signature", swapped),
        ("no signature", format!("{message}.")),
        ("expired", issuer.token(&but("exp", json!(now - 31)))),
        ("never expires", issuer.token(&but("exp", Value::Null))),
        ("expiry as text", issuer.token(&but("exp", json!((now + 300).to_string())))),
        ("not yet valid", issuer.token(&but("nbf", json!(now + 31)))),
        ("odd nbf", issuer.token(&but("nbf", json!("soon")))),
        ("no audience", issuer.token(&but("aud", Value::Null))),
        ("another audience", issuer.token(&but("aud", json!("erp")))),
        ("audience that only begins so", issuer.token(&but("aud", json!("wms3")))),
        ("no issuer", issuer.token(&but("iss", Value::Null))),
        ("another issuer", issuer.token(&but("iss", json!("https://sso.test.evil")))),
        ("no subject", issuer.token(&but("sub", Value::Null))),
        ("empty subject", issuer.token(&but("sub", json!("")))),
        ("not a token", "abc".into()),
        ("four parts", format!("{good}.x")),
        ("nothing", String::new()),
        ("far too long", "a".repeat(17_000)),
    ] {
        assert_eq!(world.refusal(&bearer(&token)).await, Reason::InvalidCredential, "{what}");
    }
    assert_eq!(world.who(&bearer(&good)).await.as_deref(), Some("clerk"), "and the good one is taken");
}

#[tokio::test]
async fn a_token_in_a_cookie_is_read_there_only_and_stays_here() {
    let issuer = Issuer::new("k1");
    let world = world(&issuer, &YAML.replace("leeway: 30s", "cookie: token, subject: /user/name")).await;
    let mut claims = claims();
    claims["user"] = json!({"name": "engineer"});
    let token = issuer.token(&claims);
    let identified = world.identify(&format!("GET / HTTP/1.1\nCookie: a=1; token={token}")).await.unwrap();
    assert_eq!(identified.subject.unwrap().as_str(), "engineer");
    assert_eq!(identified.cookie, CookieField::Replaced(b"a=1".as_slice().into()));
    assert_eq!(world.refusal(&bearer(&token)).await, Reason::InvalidCredential);
    let two = format!("GET / HTTP/1.1\nCookie: token={token}; token=x");
    assert_eq!(world.refusal(&two).await, Reason::InvalidCredential);
}

#[tokio::test]
async fn keys_are_fetched_in_the_background_and_rotated() {
    let (first, second) = (Issuer::new("k1"), Issuer::new("k2"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let pages = [Issuer::jwks(&[&first]), Issuer::jwks(&[&second]), b"broken".to_vec()];
    tokio::spawn(async move {
        for page in pages {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /keys HTTP/1.1\r\n"));
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
            stream.write_all(&[head.as_bytes(), &page].concat()).await.unwrap();
        }
    });
    let mut world = World::new(&YAML.replace("file: keys.jwks", &format!("url: '{url}', refresh: 10m"))).await;
    let (one, two) = (bearer(&first.token(&claims())), bearer(&second.token(&claims())));
    assert_eq!(world.refusal(&one).await, Reason::IdentityUnavailable, "not fetched yet");
    world.ring.want(world.chain.remote_keys());
    world.ring.fetch_due(world.now).await;
    assert_eq!(world.who(&one).await.as_deref(), Some("clerk"));
    assert_eq!(world.refusal(&two).await, Reason::InvalidCredential);
    // the unknown key makes the ring look again, but not at once
    assert!(!world.ring.fetch_due(world.now).await.is_zero());
    assert_eq!(world.refusal(&two).await, Reason::InvalidCredential);
    world.pass(30);
    world.ring.fetch_due(world.now).await;
    assert_eq!(world.who(&two).await.as_deref(), Some("clerk"));
    assert_eq!(
        world.refusal(&one).await,
        Reason::InvalidCredential,
        "the old key is gone, also for what verified before"
    );
    world.pass(200);
    world.ring.want(world.chain.remote_keys());
    world.pass(70);
    assert_eq!(world.who(&two).await.as_deref(), Some("clerk"), "kept over a reload");
    world.pass(400);
    world.ring.fetch_due(world.now).await;
    let late = bearer(&second.token(&but("exp", json!(world.now.as_seconds() + 60))));
    assert_eq!(world.who(&late).await.as_deref(), Some("clerk"), "a broken document changes nothing");
}

#[tokio::test]
async fn a_shared_secret_goes_with_its_own_algorithms_only() {
    let secret = b"0123456789abcdef0123456789abcdef";
    let yaml = YAML.replace("file: keys.jwks", "secret: shared").replace("ES256", "HS256");
    let world = World::with(&yaml, Dialect::default(), &[("shared", secret)]).await;
    let token = sign(&EncodingKey::from_secret(secret), Algorithm::HS256, &json!({"alg": "HS256"}), &claims());
    assert_eq!(world.who(&bearer(&token)).await.as_deref(), Some("clerk"));
    let other = sign(&EncodingKey::from_secret(b"another"), Algorithm::HS256, &json!({"alg": "HS256"}), &claims());
    assert_eq!(world.refusal(&bearer(&other)).await, Reason::InvalidCredential);
}

#[test]
fn a_section_that_would_take_too_much_is_refused() {
    for (wrong, expected) in [
        ("{keys: {file: keys.jwks}, algorithms: [], issuer: i, audience: a}", "jwt.0.algorithms: name the algorithms"),
        (
            "{keys: {file: keys.jwks}, algorithms: none, issuer: i, audience: a}",
            "jwt.0.algorithms: `none` is not one of",
        ),
        (
            "{keys: {url: 'https://a/'}, algorithms: [ES256, RS256], issuer: i, audience: a}",
            "jwt.0.algorithms: are of different kinds",
        ),
        ("{keys: {url: 'https://a/'}, algorithms: HS256, issuer: i, audience: a}", "jwt.0.keys: `secret` goes with"),
        (
            "{keys: {url: 'http://a/'}, algorithms: ES256, issuer: i, audience: a}",
            "jwt.0.keys.url: `http://a/` is fetched in the clear",
        ),
        ("{keys: {file: a, url: b}, algorithms: ES256, issuer: i, audience: a}", "jwt.0.keys: give exactly one of"),
        (
            "{keys: {file: missing}, algorithms: ES256, issuer: i, audience: a}",
            "jwt.0.keys.file: `missing` cannot be read",
        ),
        (
            "{keys: {url: 'https://a/'}, algorithms: ES256, issuer: '', audience: []}",
            "jwt.0.audience: name the audience",
        ),
        (
            "{keys: {url: 'https://a/'}, algorithms: ES256, issuer: i, audience: a, leeway: 1h}",
            "jwt.0.leeway: is more than",
        ),
    ] {
        let found = faults(&format!("jwt: {wrong}"));
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected}\n{found:#?}");
    }
}

#[tokio::test]
async fn keys_are_fetched_over_tls_from_the_named_authority_only() {
    let issuer = Issuer::new("k1");
    let (ours, other) = (certificate(), certificate());
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![ours.cert.der().clone()], ours.signing_key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let page = Issuer::jwks(&[&issuer]);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
            let _ = stream.write_all(&[head.as_bytes(), &page].concat()).await;
            let _ = stream.shutdown().await;
        }
    });
    let yaml = YAML.replace("file: keys.jwks", &format!("url: 'https://localhost:{port}/', ca: ca.pem"));
    let request = bearer(&issuer.token(&claims()));
    for (authority, taken) in [(&other, false), (&ours, true)] {
        let world = World::with(&yaml, Dialect::default(), &[("ca.pem", authority.cert.pem().as_bytes())]).await;
        world.ring.want(world.chain.remote_keys());
        world.ring.fetch_due(world.now).await;
        assert_eq!(world.identify(&request).await.is_ok(), taken);
    }
}

fn certificate() -> rcgen::CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap()
}
