//! Observe mode forwards what would be refused, but never what belongs to the gateway: also where nobody could be told.

use crate::world::{KEY, World};

const RULES: &str = "mode: observe
identity:
  api-key: {header: X-Api-Key}
  basic: {realm: wms}
  legacy-session:
    session: {cookie: WMSID, hide: true}
    sign-in: {post: /in, user: {form: user}, succeeded: {status: 302}, confirm: {cookie: who}}
headers: {user: X-Remote-User, roles: X-Remote-Roles}
routes:
  - {id: stock.list, match: GET /stock, permission: stock:view}
  - {id: form, match: POST /form, where: {form: {kind: a}}, permission: stock:view, others: forward}
  - {id: home, match: GET /home, public: true}
";

const GATEWAYS_COOKIES: &str = "__Host-scopegate-device=forged; __Host-scopegate-s-wms=forged; WMSID=stolen";

/// What is asked, the credentials, and for which reason it would be refused.
const ASKED: [(&str, &str, &str); 9] = [
    ("GET /stock", "X-Api-Key: wrong\r\n", "invalid-credential"),
    ("GET /stock", "X_Api_Key: wrong\r\n", "unauthenticated"),
    ("GET /stock", "Authorization: Basic d3Jvbmc6d3Jvbmc=\r\n", "invalid-credential"),
    ("GET /stock", "Authorization: Negotiate d3Jvbmc=\r\n", "invalid-credential"),
    ("GET /stock", "", "unauthenticated"),
    ("GET /nowhere", "X-Api-Key: KEY\r\n", "no-route"),
    ("DELETE /stock", "X-Api-Key: KEY\r\n", "method-not-listed"),
    ("GET //stock", "X-Api-Key: KEY\r\n", "ambiguous-target"),
    ("GET /stock?a=1&b=%zz", "X-Api-Key: KEY\r\nAuthorization: Basic d3Jvbmc6d3Jvbmc=\r\n", "ambiguous-target"),
];

const MIXED: &str = "mode: observe
identity: {api-key: {header: X-Api-Key}}
routes:
  - {id: stock.list, match: GET /stock, permission: stock:view}
  - {id: stock.change, match: GET /change, permission: stock:change, mode: enforce}
";

#[test]
fn a_route_that_is_enforced_refuses_strangers_though_its_application_is_only_observed() {
    let world = World::new(MIXED);
    for key in ["", "X-Api-Key: wrong\r\n"] {
        let ask =
            |path: &str| world.raw(&format!("GET {path} HTTP/1.1\r\nHost: wms.test\r\nConnection: close\r\n{key}\r\n"));
        assert_eq!((ask("/stock").status, world.application.take().len()), (200, 1), "{key}");
        let seen = ask("/change");
        assert_eq!((seen.status, world.application.take().len()), (401, 0), "{key}: {:?}", seen.reason());
    }
}

#[test]
fn what_may_mean_an_enforced_route_is_not_observed() {
    let world = World::new(MIXED);
    let ask = |path: &str| world.raw(&format!("GET {path} HTTP/1.1\r\nHost: wms.test\r\nConnection: close\r\n\r\n"));
    for path in ["//change", "/./change", "/change%2f", "/%63hange;a=1", "/stock/..%2fchange"] {
        let seen = ask(path);
        assert_eq!((seen.reason(), world.application.take().len()), (Some("ambiguous-target"), 0), "{path}");
    }
    assert_eq!((ask("/nowhere").status, world.application.take().len()), (200, 1));
}

#[test]
fn a_route_that_is_observed_forwards_strangers_though_its_application_is_enforced() {
    let world =
        World::new(&MIXED.replace("enforce", "other").replace("mode: observe\n", "").replace("other", "observe"));
    let ask = |path: &str| world.raw(&format!("GET {path} HTTP/1.1\r\nHost: wms.test\r\nConnection: close\r\n\r\n"));
    assert_eq!((ask("/stock").status, world.application.take().len()), (401, 0));
    assert_eq!((ask("/change").status, world.application.take().len()), (200, 1));
    let wrong = "GET /change HTTP/1.1\r\nHost: wms.test\r\nConnection: close\r\nX-Api-Key: wrong\r\n\r\n";
    assert_eq!((world.raw(wrong).status, world.application.take().len()), (200, 1));
}

#[test]
fn nothing_of_the_gateways_reaches_an_application_that_is_observed_though_nobody_can_be_told() {
    let world = World::new(RULES);
    for (line, credentials, reason) in ASKED {
        let credentials = credentials.replace("KEY", KEY);
        let seen = world.raw(&format!(
            "{line} HTTP/1.1\r\nHost: wms.test\r\nConnection: close\r\n{credentials}Remote-User: root\r\n\
             X-Remote-User: root\r\nx_remote_user: root\r\nX.Remote.Roles: root\r\nCookie: {GATEWAYS_COOKIES}; theme=dark\r\n\r\n"
        ));
        assert_eq!((seen.status, seen.reason()), (200, None), "{line} {credentials}");
        let received = world.application.take();
        assert_eq!(received.len(), 1, "{line} {credentials}");
        let head = received[0].head.to_lowercase();
        assert_eq!(received[0].values("cookie"), ["theme=dark"], "{line} {credentials} {reason}");
        for field in ["api-key", "api_key", "authorization", "remote", "root", "wrong", "forged", "stolen"] {
            assert!(!head.contains(field), "`{field}` reached the application: {line} {credentials}\n{head}");
        }
    }
    let records = world.end();
    let reasons: Vec<_> = records.iter().filter(|record| record["kind"] == "decision").collect();
    for ((line, credentials, reason), record) in ASKED.iter().zip(&reasons) {
        assert_eq!(
            (&record["decision"], &record["reason"]),
            (&"observed".into(), &(*reason).into()),
            "{line} {credentials}"
        );
    }
    assert_eq!(reasons.len(), ASKED.len());
}
