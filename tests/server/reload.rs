//! Certificates whose files change while the gateway runs.

use std::path::Path;
use std::sync::Arc;

use scopegate::config::CertificateFiles;
use scopegate::server::tls::{Tls, TlsStatus};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::bench::{Authority, Bench, LONG, client, folder, settings, visit};

/// Waits for a state of the certificates.
fn wait(runtime: &Runtime, tls: &Arc<Tls>, reached: impl FnMut(&TlsStatus) -> bool) -> TlsStatus {
    let mut status = tls.status();
    runtime.block_on(async { timeout(LONG, status.wait_for(reached)).await.unwrap().unwrap().clone() })
}

fn swap(link: &Path, to: &str) {
    let fresh = link.with_file_name("..data_tmp");
    std::os::unix::fs::symlink(to, &fresh).unwrap();
    std::fs::rename(fresh, link).unwrap();
}

#[test]
fn a_kubernetes_volume_that_swaps_its_link_is_noticed_each_time() {
    let (folder, authority, runtime) = (folder(), Authority::new("ours"), Runtime::new().unwrap());
    for (version, name) in [("v1", "one.example.test"), ("v2", "two.example.test"), ("v3", "three.example.test")] {
        let inner = folder.path().join(version);
        std::fs::create_dir(&inner).unwrap();
        authority.write(&inner, "tls", &[name]);
    }
    swap(&folder.path().join("..data"), "v1");
    let files = CertificateFiles { certificate: folder.path().join("tls.pem"), key: folder.path().join("tls.key") };
    std::os::unix::fs::symlink("..data/tls.pem", &files.certificate).unwrap();
    std::os::unix::fs::symlink("..data/tls.key", &files.key).unwrap();
    let mut settings = settings(&folder, &authority);
    settings.tls.certificates = vec![files];
    // Longer than the test: what is noticed is noticed by the watch.
    settings.tls.watch_interval = LONG * 100;
    let bench = Bench::start(settings);
    runtime.spawn(Arc::clone(&bench.tls).watch());
    // Each with settings of its own: a resumed session shows no certificate.
    let fresh = || client(&authority, &[], None);
    assert!(visit(&bench, &fresh(), "one.example.test").is_ok());
    for (version, name) in [("v2", "two.example.test"), ("v3", "three.example.test")] {
        swap(&folder.path().join("..data"), version);
        wait(&runtime, &bench.tls, |status| status.certificates[0].names == [name]);
        assert!(visit(&bench, &fresh(), name).is_ok());
        assert!(visit(&bench, &fresh(), "one.example.test").is_err());
    }
    bench.end();
}

#[test]
fn a_change_is_noticed_by_polling_where_the_system_reports_none() {
    let (folder, authority, runtime) = (folder(), Authority::new("ours"), Runtime::new().unwrap());
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let mut settings = settings(&folder, &authority);
    // The watch is on the folder of the link; the file behind it changes in another one.
    let real = authority.write(&inner, "first", &["one.example.test"]);
    let link = folder.path().join("link");
    std::fs::create_dir(&link).unwrap();
    let files = CertificateFiles { certificate: link.join("first.pem"), key: link.join("first.key") };
    std::os::unix::fs::symlink(&real.certificate, &files.certificate).unwrap();
    std::os::unix::fs::symlink(&real.key, &files.key).unwrap();
    settings.tls.certificates = vec![files];
    settings.tls.watch_interval = std::time::Duration::from_millis(20);
    let bench = Bench::start(settings);
    runtime.spawn(Arc::clone(&bench.tls).watch());
    authority.write(&inner, "first", &["two.example.test"]);
    wait(&runtime, &bench.tls, |status| status.certificates[0].names == ["two.example.test"]);
    bench.end();
}

#[test]
fn a_broken_pair_keeps_the_former_one_and_is_told_and_mended() {
    let (folder, authority, runtime) = (folder(), Authority::new("ours"), Runtime::new().unwrap());
    let mut settings = settings(&folder, &authority);
    settings.tls.certificates.push(authority.write(folder.path(), "second", &["second.example.test"]));
    let bench = Bench::start(settings);
    runtime.spawn(Arc::clone(&bench.tls).watch());
    let config = client(&authority, &[], None);
    // A new certificate whose key has not come yet, and a good change of the other at the same time.
    let (certificate, key) = authority.issue("renewed", &["second.example.test", "more.example.test"]);
    std::fs::write(folder.path().join("second.pem"), certificate).unwrap();
    let status = wait(&runtime, &bench.tls, |status| !status.problems.is_empty());
    assert!(status.problems[0].contains("second.pem") && status.problems[0].contains("second.key"), "{status:?}");
    assert!(visit(&bench, &config, "second.example.test").is_ok());
    assert!(visit(&bench, &config, "more.example.test").is_err());
    authority.write(folder.path(), "first", &["first.example.test", "late.example.test"]);
    wait(&runtime, &bench.tls, |status| status.certificates[0].names.len() == 2);
    assert!(visit(&bench, &config, "late.example.test").is_ok());
    std::fs::write(folder.path().join("second.key"), key).unwrap();
    wait(&runtime, &bench.tls, |status| status.problems.is_empty());
    assert!(visit(&bench, &config, "more.example.test").is_ok());
    bench.end();
}

#[test]
fn a_pair_that_does_not_go_together_is_refused_at_the_start() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let mut settings = settings(&folder, &authority);
    let other = authority.write(folder.path(), "other", &["other.example.test"]);
    settings.tls.certificates[0].key = other.key;
    let error = Tls::load(&settings.tls).unwrap_err().to_string();
    assert!(error.contains("first.pem") && error.contains("other.key"), "{error}");
}

#[test]
fn the_end_of_each_certificate_is_known() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let tls = Tls::load(&settings(&folder, &authority).tls).unwrap();
    let status = tls.status().borrow().clone();
    // The library's default: the first of January 4096.
    assert_eq!(status.certificates[0].not_after.to_string(), "4096-01-01T00:00:00.000000Z");
}
