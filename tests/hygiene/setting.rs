//! Settings have their effect: each of these had none once.

use std::time::Duration;

use crate::world::World;
use scopegate::config::SameSite;

const RULES: &str = "routes:
  - {id: stock.list, match: GET /stock, permission: stock:view}
  - {id: upload, match: POST /upload, permission: stock:change, body: {accept: [multipart]}, others: forward}
  - {id: form, match: POST /form, permission: stock:change, others: forward}
";

#[test]
fn the_device_cookie_is_as_the_settings_say_and_never_reaches_the_application() {
    let world = World::with(RULES, |settings| {
        settings.device_cookie.name = "__Host-scopegate-browser".into();
        settings.device_cookie.lifetime = Duration::from_secs(3600);
        settings.device_cookie.same_site = SameSite::Strict;
    });
    let mut keeper = world.keeper();
    let seen = keeper.get("/stock");
    let set = seen.field("set-cookie").expect("a device cookie").to_owned();
    assert!(set.starts_with("__Host-scopegate-browser="), "{set}");
    assert!(set.contains("; Max-Age=3600;") && set.ends_with("SameSite=Strict"), "{set}");
    let again = keeper.get("/stock");
    assert_eq!((again.status, again.field("set-cookie")), (200, None), "the browser is known again");
    assert!(world.application.take().iter().all(|received| received.values("cookie").is_empty()));
}

#[test]
fn a_multipart_body_of_more_parts_than_the_limit_is_refused() {
    let world = World::with(RULES, |settings| settings.limits.parts = 2);
    let upload = |parts: usize| {
        let part = |i: usize| format!("--XX\r\nContent-Disposition: form-data; name=\"p{i}\"\r\n\r\nv\r\n");
        let body: String = (0..parts).map(part).collect::<String>() + "--XX--\r\n";
        world.keeper().send("POST", "/upload", &[("Content-Type", "multipart/form-data; boundary=XX")], body.as_bytes())
    };
    assert_eq!(upload(2).status, 200);
    assert_eq!(upload(3).reason(), Some("too-many-parameters"));
    assert_eq!(world.application.take().len(), 1);
}

#[test]
fn a_judged_body_is_no_larger_than_the_limit_where_its_rule_says_nothing() {
    let world = World::with(RULES, |settings| settings.limits.body = 64);
    let send = |size: usize| world.keeper().post("/form", &[("a", &"x".repeat(size - 2))]);
    assert_eq!(send(64).status, 200);
    assert_eq!(send(65).reason(), Some("body-too-large"));
    assert_eq!(world.application.take().len(), 1);
}

#[test]
fn every_answer_tells_browsers_to_come_by_https_where_the_settings_say_so() {
    let world = World::with(RULES, |settings| {
        settings.tls.strict_transport = Some("max-age=31536000; includeSubDomains".into());
    });
    for (seen, status) in [(world.keeper().get("/stock"), 200), (world.anybody().get("/stock"), 401)] {
        assert_eq!(
            (seen.status, seen.field("strict-transport-security")),
            (status, Some("max-age=31536000; includeSubDomains"))
        );
    }
    let silent = World::new(RULES);
    assert_eq!(silent.keeper().get("/stock").field("strict-transport-security"), None);
}
