//! Versions, certificates by name, application protocols, resumption, fingerprints.

use std::io::{Read, Write};

use scopegate::config::UnknownName;

use crate::bench::{Authority, Bench, client, client_offering, folder, is_closed, settings, tcp, visit};

#[test]
fn the_certificate_is_chosen_by_the_name_that_the_client_asks_for() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let mut settings = settings(&folder, &authority);
    settings.tls.certificates.push(authority.write(folder.path(), "second", &["second.example.test", "*.wild.test"]));
    let bench = Bench::start(settings);
    let config = client(&authority, &[], None);
    assert!(visit(&bench, &config, "first.example.test").unwrap().contains("covers=first.example.test\n"));
    for name in ["second.example.test", "SECOND.example.test", "any.wild.test"] {
        let told = visit(&bench, &config, name).unwrap();
        assert!(told.contains("covers=second.example.test,*.wild.test\n"), "{told}");
        assert!(told.contains(&format!("sni={} ", name.to_ascii_lowercase())), "{told}");
    }
    bench.end();
}

#[test]
fn a_name_without_certificate_gets_the_default_or_is_refused_as_configured() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let mut chosen = settings(&folder, &authority);
    chosen.tls.certificates.push(authority.write(folder.path(), "second", &["second.example.test"]));
    chosen.tls.default = Some("second.example.test".into());
    let config = client(&authority, &[], None);
    let bench = Bench::start(chosen.clone());
    // The client sees a certificate for another name, and says so by that error.
    let error = visit(&bench, &config, "unknown.example.test").unwrap_err().to_string();
    assert!(error.contains("second.example.test"), "{error}");
    bench.end();

    chosen.tls.unknown_name = UnknownName::Refuse;
    let bench = Bench::start(chosen);
    let error = visit(&bench, &config, "unknown.example.test").unwrap_err().to_string();
    assert!(error.contains("alert"), "{error}");
    assert!(visit(&bench, &config, "second.example.test").is_ok());
    assert_eq!(bench.end().of(r#"scopegate_tls_handshake_failures_total{cause="name"}"#), "1");
}

#[test]
fn the_protocol_is_what_the_client_offers_first_choice_of_ours() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let bench = Bench::start(settings(&folder, &authority));
    for (offer, expected) in
        [(&["http/1.1", "h2"][..], "protocol=h2 "), (&["http/1.1"], "protocol=http/1.1 "), (&[], "protocol=http/1.1 ")]
    {
        let told = visit(&bench, &client(&authority, offer, None), "first.example.test").unwrap();
        assert!(told.contains(expected), "{offer:?}: {told}");
    }
    assert!(visit(&bench, &client(&authority, &["spdy/3"], None), "first.example.test").is_err());
    bench.end();
}

#[test]
fn aes_128_is_preferred_and_a_client_that_begins_with_chacha20_gets_its_way() {
    use rustls::CipherSuite::{
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384,
        TLS13_CHACHA20_POLY1305_SHA256,
    };
    let (folder, authority) = (folder(), Authority::new("ours"));
    let bench = Bench::start(settings(&folder, &authority));
    let (aes128, aes256, chacha) = (TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256);
    let old128 = TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    let old256 = TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;
    let old_chacha = TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
    for (offered, chosen) in [
        (&[aes256, chacha, aes128][..], aes128),
        (&[aes256, chacha], aes256),
        (&[chacha, aes256, aes128], chacha),
        (&[old256, old_chacha, old128], old128),
        (&[old_chacha, old256], old_chacha),
    ] {
        let config = client_offering(&authority, offered);
        let told = visit(&bench, &config, "first.example.test").unwrap();
        assert!(told.contains(&format!("cipher={} ", chosen.as_str().unwrap())), "{offered:?}: {told}");
    }
    bench.end();
}

/// A hello as a client of TLS 1.1 sends it, with these extensions.
fn old_hello(extensions: &[u8]) -> Vec<u8> {
    let length = [0, u8::try_from(extensions.len()).unwrap()];
    let body = [&[3, 2][..], &[7; 32], &[0], &[0, 4, 0xc0, 0x13, 0x00, 0x2f], &[1, 0], &length, extensions].concat();
    let message = [&[1, 0, 0, u8::try_from(body.len()).unwrap()][..], &body].concat();
    [&[22, 3, 1, 0, u8::try_from(message.len()).unwrap()][..], &message].concat()
}

#[test]
fn tls_1_1_is_refused_with_a_fatal_alert() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let bench = Bench::start(settings(&folder, &authority));
    // RFC 8446 section 6.2: handshake_failure and protocol_version. A hello that late clients of TLS 1.1 send has
    // signature algorithms, and gets the alert that names the cause.
    let algorithms = [0, 13, 0, 4, 0, 2, 4, 1];
    for (extensions, expected) in [(&[][..], 40), (&algorithms, 70)] {
        let mut stream = tcp(bench.address, "127.0.0.1", &old_hello(extensions));
        let mut alert = [0; 7];
        stream.read_exact(&mut alert).unwrap();
        assert_eq!((alert[0], &alert[5..]), (21, &[2, expected][..]));
        assert!(is_closed(&mut stream));
    }
    assert_eq!(bench.end().of(r#"scopegate_tls_handshake_failures_total{cause="protocol"}"#), "2");
}

#[test]
fn plain_http_on_the_service_is_refused() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let bench = Bench::start(settings(&folder, &authority));
    let mut stream = tcp(bench.address, "127.0.0.1", b"GET / HTTP/1.1\r\nHost: first.example.test\r\n\r\n");
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    assert!(!all.starts_with(b"HTTP"), "{all:?}");
    bench.end();
}

#[test]
fn a_handshake_that_stalls_is_ended() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let mut settings = settings(&folder, &authority);
    settings.limits.handshake_time = std::time::Duration::from_millis(100);
    let bench = Bench::start(settings);
    let hello = old_hello(&[]);
    let mut silent = tcp(bench.address, "127.0.0.1", b"");
    let mut partial = tcp(bench.address, "127.0.0.1", &hello[..20]);
    assert!(is_closed(&mut silent) && is_closed(&mut partial));
    bench.end();
}

#[test]
fn a_session_is_resumed_on_any_worker_and_after_a_reload() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let bench = Bench::start(settings(&folder, &authority));
    let config = client(&authority, &["http/1.1"], None);
    assert!(visit(&bench, &config, "first.example.test").unwrap().contains("resumed=false"));
    for _ in 0..8 {
        assert!(visit(&bench, &config, "first.example.test").unwrap().contains("resumed=true"));
    }
    assert_eq!(bench.tls.reload().generation, 2);
    assert!(visit(&bench, &config, "first.example.test").unwrap().contains("resumed=true"));
    bench.end();
}

#[test]
fn the_fingerprint_is_the_same_for_each_connection_of_a_program_and_differs_for_another() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let bench = Bench::start(settings(&folder, &authority));
    let print = |protocols: &[&str]| {
        let told = visit(&bench, &client(&authority, protocols, None), "first.example.test").unwrap();
        told.split_whitespace().find_map(|word| word.strip_prefix("print=")).unwrap().to_owned()
    };
    assert_eq!(print(&["h2"]), print(&["h2"]));
    assert_ne!(print(&["h2"]), print(&["http/1.1"]));
    assert!(print(&["h2"]).starts_with("t13d"), "{}", print(&["h2"]));
    bench.end();
}

#[test]
fn a_hello_that_comes_byte_by_byte_is_served() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let bench = Bench::start(settings(&folder, &authority));
    let config = client(&authority, &["h2"], None);
    let name = "first.example.test".try_into().unwrap();
    let mut connection = rustls::ClientConnection::new(config, name).unwrap();
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).unwrap();
    let mut stream = tcp(bench.address, "127.0.0.1", b"");
    stream.set_nodelay(true).unwrap();
    for byte in hello {
        stream.write_all(&[byte]).unwrap();
    }
    let mut client = std::io::BufReader::new(rustls::StreamOwned::new(connection, stream));
    assert!(crate::bench::ask(&mut client).unwrap().contains("print=t13d"));
    bench.end();
}
