//! Which host is meant: the Host field, the absolute target, the certificate and the scheme agree, or nothing is forwarded.

use crate::world::{KEY, World};

const RULES: &str = "routes:\n  - {id: stock.list, match: GET /stock, permission: stock:view}\n";

fn ask(world: &World, target: &str, host: &str) -> (u16, Option<String>) {
    let seen =
        world.raw(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Api-Key: {KEY}\r\n\r\n"));
    (seen.status, seen.reason().map(str::to_owned))
}

#[test]
fn a_host_that_disagrees_with_certificate_target_or_scheme_is_refused() {
    let world = World::new(RULES);
    for (target, host, status, reason) in [
        // the certificate is for another name
        ("/stock", "erp.test", 421, "host-mismatch"),
        ("https://erp.test/stock", "erp.test", 421, "host-mismatch"),
        // the absolute target names another host than the field
        ("https://erp.test/stock", "wms.test", 421, "host-mismatch"),
        ("https://wms.test/stock", "erp.test", 421, "host-mismatch"),
        ("https://wms.test:8443/stock", "wms.test", 421, "host-mismatch"),
        // the scheme is not the one of the connection
        ("http://wms.test/stock", "wms.test", 421, "host-mismatch"),
        // no authority at all
        ("/stock", "", 400, "bad-host"),
        ("https://u@wms.test/stock", "wms.test", 400, "bad-host"),
    ] {
        assert_eq!(ask(&world, target, host), (status, Some(reason.to_owned())), "{target} at {host}");
    }
    assert!(world.application.take().is_empty());
}

#[test]
fn an_absolute_target_that_agrees_is_forwarded_in_origin_form() {
    let world = World::new(RULES);
    for (target, host) in
        [("https://wms.test/stock", "wms.test"), ("https://WMS.test/stock", "wms.test"), ("/stock", "wms.test.")]
    {
        assert_eq!(ask(&world, target, host).0, 200, "{target} at {host}");
    }
    for received in world.application.take() {
        assert_eq!(received.line(), "GET /stock HTTP/1.1");
        assert_eq!(received.values("host").len(), 1);
    }
}
