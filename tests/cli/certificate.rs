//! `certificate`: to try the gateway with.

use std::os::unix::fs::PermissionsExt as _;

use crate::{folder, scopegate_in};

#[test]
fn a_certificate_and_its_key_are_written_once() {
    let folder = folder(&[]);
    let make = |more: &[&str]| scopegate_in(folder.path(), &[&["certificate", "shop.test"], more].concat());
    make(&[]).says(0, &["certificate: certs/shop.test.crt", "key: certs/shop.test.key"]);
    let (certificate, key) = (folder.path().join("certs/shop.test.crt"), folder.path().join("certs/shop.test.key"));
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&certificate).unwrap();
    make(&[]).fails(&["cannot write `certs/shop.test.key`", "exists"]);
    assert_eq!(std::fs::read(&certificate).unwrap(), before);
    make(&["--force"]).says(0, &[]);
    assert_ne!(std::fs::read(&certificate).unwrap(), before);
    scopegate_in(folder.path(), &["certificate", "../shop"]).fails(&["`../shop` is not a host name"]);
    scopegate_in(folder.path(), &["certificate"]).fails(&["<NAMES>"]);
}
