//! Heads: what speaks to the gateway, or of the client, or names another target, never reaches the application as the client sent it.

use crate::world::World;

const RULES: &str = "headers: {user: X-Remote-User, roles: X-Remote-Roles, request-id: X-Request-Id}
routes:
  - {id: stock.list, match: GET /stock, permission: stock:view}
  - {id: stock.change, match: POST /stock, permission: stock:change, others: forward}
";

#[test]
fn nothing_that_servers_route_or_trust_by_reaches_the_application_as_sent() {
    let world = World::new(RULES);
    let names = [
        "X-Remote-User",
        "x_remote_user",
        "x.remote.roles",
        "Remote-User",
        "X-Request-Id",
        "X_Forwarded_For",
        "X-Forwarded-Anything",
        "Forwarded",
        "Via",
        "CF-Connecting-IP",
        "X-Real-IP",
        "X-Original-URI",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Override-URL",
        "X-HTTP-DestinationURL",
        "X-Host",
        "Proxy",
        "Proxy-Authorization",
        "TE",
        "Keep-Alive",
    ];
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (*name, "forged")).collect();
    assert_eq!(world.keeper().send("GET", "/stock", &fields, b"").status, 200);
    let received = world.application.take();
    assert!(!received[0].head.contains("forged"), "{}", received[0].head);
    assert_eq!(received[0].values("x-remote-user"), ["keeper.hf"]);
    assert_eq!(received[0].values("x-remote-roles"), ["keeper"]);
    assert_eq!(received[0].values("x-forwarded-for"), ["127.0.0.1"]);
    assert!(received[0].values("x-api-key").is_empty(), "the key was meant for the gateway");
}

#[test]
fn connection_cannot_take_away_who_is_asking_nor_how_the_body_is_read() {
    let world = World::new(RULES);
    let fields = [
        ("Connection", "X-Remote-User, content-type, x-forwarded-for"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let aliased = [&fields[..], &[("content_type", "application/json")]].concat();
    assert_eq!(world.keeper().send("POST", "/stock", &aliased, b"a=1").reason(), Some("content-type-refused"));
    assert!(
        world.application.take().is_empty(),
        "a second type in another spelling is refused where the body is judged"
    );
    assert_eq!(world.keeper().send("POST", "/stock", &fields, b"a=1").status, 200);
    let received = world.application.take();
    assert_eq!(received[0].values("x-remote-user"), ["keeper.hf"]);
    assert_eq!(received[0].values("content-type"), ["application/x-www-form-urlencoded"]);
    assert_eq!(received[0].body, b"a=1");
}
