//! Certificates exchanged while the gateway runs, as a Kubernetes volume exchanges them.

use crate::site::Site;
use crate::until;

const FAILURES: &str = "scopegate_reloads_total{part=\"certificates\",result=\"failure\"}";
const FAILING_SINCE: &str = "scopegate_reload_failing_since_timestamp_seconds{part=\"certificates\"}";

#[test]
fn an_exchanged_certificate_is_served_to_new_connections_and_a_broken_pair_to_none() {
    let site = Site::new("");
    let first = site.exchange_certificate();
    let gateway = site.start();
    let mut keeper = site.keeper();
    let mut old = keeper.connect().unwrap();
    assert_eq!(old.certificate(), first);
    for _ in 0..3 {
        let next = site.exchange_certificate();
        until("the new certificate is served", || (keeper.connect().unwrap().certificate() == next).then_some(()));
        assert_eq!(keeper.get_on(&mut old, "/list?n=old").unwrap().status, 200, "an open connection goes on");
    }
    let last = keeper.connect().unwrap().certificate();
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let right = std::fs::read_to_string(site.path("tls/now/gateway.crt")).unwrap();
    for (certificate, key) in [(right.as_str(), other.as_str()), ("not a certificate", "nor a key")] {
        let failures = gateway.metric(FAILURES);
        site.exchange_pair(certificate, key);
        until("the failure is counted", || (gateway.metric(FAILURES) > failures).then_some(()));
        assert!(gateway.metric(FAILING_SINCE) > 1e9);
        assert!(gateway.logged("the old ones go on"));
        assert_eq!(keeper.connect().unwrap().certificate(), last);
        assert_eq!(keeper.get_on(&mut old, "/list?n=old").unwrap().status, 200);
    }
    let next = site.exchange_certificate();
    until("the repaired pair is served", || (keeper.connect().unwrap().certificate() == next).then_some(()));
    until("the metric forgets", || (gateway.metric(FAILING_SINCE) < 1.0).then_some(()));
    gateway.stop();
}
