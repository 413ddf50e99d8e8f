//! `demo`: what it prints can be done, and it ends when it is told to.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::folder;
use crate::support::browser::Browser;

#[test]
fn the_five_commands_of_the_demo_show_what_they_promise() {
    let folder = folder(&[]);
    let place = folder.path().join("demo");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_scopegate"))
        .args(["demo", "--port", "0", "--folder", place.to_str().unwrap()])
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = Vec::new();
    for line in BufReader::new(demo.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let last = line.contains("Ctrl-C ends the demo");
        told.push(line);
        if last {
            break;
        }
    }
    let text = told.join("\n");
    let (_, rest) = text.split_once("https://wms.localhost:").unwrap_or_else(|| panic!("{text}"));
    let port: u16 = rest.split('/').next().unwrap().parse().unwrap();
    let authority = CertificateDer::from_pem_file(place.join("authority.crt")).unwrap();
    let mut keeper = Browser::new(SocketAddr::from(([127, 0, 0, 1], port)), "wms.localhost", &authority);
    let paths: Vec<&str> = text
        .lines()
        .filter(|line| line.trim_start().starts_with("curl ") && line.contains("https://wms.localhost"))
        .map(|line| line.split(&format!(":{port}/wms")).nth(1).unwrap().trim_end_matches('\''))
        .collect();
    let [sign_in, allowed, filled, no_right, elsewhere] = paths[..] else { panic!("{paths:?}") };
    assert_eq!(sign_in, "/login.do");
    let seen =
        keeper.post("/wms/login.do", &[("username", "keeper.hf"), ("password", scopegate::demo::data::PASSWORD)]);
    assert_eq!(seen.status, 302);
    let mut get = |path: &str| keeper.get(&format!("/wms{path}"));
    assert_eq!(get(allowed).status, 200);
    let seen = get(filled);
    assert!(seen.status == 200 && seen.text().contains("HF") && !seen.text().contains("<td>SH"), "{}", seen.text());
    assert_eq!(get(no_right).reason(), Some("not-granted"));
    assert_eq!(get(elsewhere).reason(), Some("out-of-scope"));
    let journal = place.join("journal");
    let found = crate::scopegate(&["audit", "query", "--journal", journal.to_str().unwrap(), "--limit", "10"]);
    found.says(0, &["not-granted", "out-of-scope", "keeper.hf"]);
    assert!(text.contains("audit query --journal") && text.contains("/metrics"), "{text}");
    Command::new("kill").args(["-TERM", &demo.id().to_string()]).status().unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(0));
}
