//! Certificates that clients show.

use scopegate::config::{ClientCertificates, Settings};
use tempfile::TempDir;

use crate::bench::{Authority, Bench, client, folder, path, settings, visit};

const NAME: &str = "first.example.test";

fn asking(folder: &TempDir, authority: &Authority, people: &Authority, required: bool) -> Settings {
    let mut settings = settings(folder, authority);
    let authorities = path(folder, "people.pem");
    std::fs::write(&authorities, people.pem()).unwrap();
    settings.tls.client_certificates = Some(ClientCertificates { required, authorities, revoked: None });
    settings
}

#[test]
fn a_certificate_of_the_authority_tells_who_it_is() {
    let (folder, ours, people) = (folder(), Authority::new("ours"), Authority::new("people"));
    let bench = Bench::start(asking(&folder, &ours, &people, true));
    let alice = client(&ours, &["h2"], Some(people.issue("alice", &[])));
    let told = visit(&bench, &alice, NAME).unwrap();
    assert!(told.contains("client=alice mail=alice@example.test"), "{told}");
    bench.end();
}

#[test]
fn without_a_certificate_only_the_optional_mode_serves() {
    let (folder, ours, people) = (folder(), Authority::new("ours"), Authority::new("people"));
    let nobody = client(&ours, &["h2"], None);
    let bench = Bench::start(asking(&folder, &ours, &people, true));
    assert!(visit(&bench, &nobody, NAME).is_err());
    bench.end();
    let bench = Bench::start(asking(&folder, &ours, &people, false));
    assert!(visit(&bench, &nobody, NAME).unwrap().contains("client=- "));
    bench.end();
}

#[test]
fn a_certificate_of_another_authority_is_refused_in_both_modes() {
    let (folder, ours, people) = (folder(), Authority::new("ours"), Authority::new("people"));
    // The names of both authorities are equal: the key decides.
    let forged = Authority::new("people");
    let mallory = client(&ours, &["h2"], Some(forged.issue("alice", &[])));
    for required in [true, false] {
        let bench = Bench::start(asking(&folder, &ours, &people, required));
        assert!(visit(&bench, &mallory, NAME).is_err(), "required: {required}");
        assert_eq!(bench.end().of(r#"scopegate_tls_handshake_failures_total{cause="client-certificate"}"#), "1");
    }
}

#[test]
fn a_resumed_session_is_judged_by_the_authorities_of_now() {
    let (folder, ours, people) = (folder(), Authority::new("ours"), Authority::new("people"));
    let settings = asking(&folder, &ours, &people, true);
    let bench = Bench::start(settings);
    let alice = client(&ours, &["h2"], Some(people.issue("alice", &[])));
    assert!(visit(&bench, &alice, NAME).unwrap().contains("resumed=false client=alice"));
    assert!(visit(&bench, &alice, NAME).unwrap().contains("resumed=true client=alice"));
    std::fs::write(path(&folder, "people.pem"), Authority::new("others").pem()).unwrap();
    assert_eq!(bench.tls.reload().problems, Vec::<String>::new());
    assert!(visit(&bench, &alice, NAME).is_err());
    bench.end();
}

#[test]
fn a_broken_client_authority_keeps_the_former_rules() {
    let (folder, ours, people) = (folder(), Authority::new("ours"), Authority::new("people"));
    let bench = Bench::start(asking(&folder, &ours, &people, true));
    std::fs::write(path(&folder, "people.pem"), "not a certificate").unwrap();
    let status = bench.tls.reload();
    assert!(status.problems[0].contains("people.pem"), "{status:?}");
    assert!(visit(&bench, &client(&ours, &["h2"], None), NAME).is_err());
    assert!(visit(&bench, &client(&ours, &["h2"], Some(people.issue("alice", &[]))), NAME).is_ok());
    bench.end();
}
