//! Third-party corpora, read when `SCOPEGATE_CORPORA` names their folder: accepted in one way, or refused.

use super::property::{reading, readings};
use super::{JSON, parse, post};
use scopegate::request::Dialect;
use std::path::PathBuf;

fn corpora() -> Option<PathBuf> {
    std::env::var_os("SCOPEGATE_CORPORA").map(PathBuf::from)
}

/// Asserts that an accepted target is read alike by every server; gives whether it was accepted.
fn check(raw: &str) -> bool {
    let Ok(target) = parse(raw, &Dialect::default()) else { return false };
    if target.authority().is_some() {
        return true;
    }
    let ours = reading(&target);
    let raw_path = raw.split('?').next().unwrap();
    for theirs in readings(raw_path.as_bytes()) {
        assert_eq!(String::from_utf8_lossy(&theirs), String::from_utf8_lossy(&ours), "{raw}");
    }
    true
}

#[test]
fn spellings_that_get_past_filters_are_refused_or_read_in_one_way() {
    let Some(root) = corpora() else { return };
    let lines = |name: &str| {
        let bytes = std::fs::read(root.join(name)).unwrap();
        String::from_utf8_lossy(&bytes).lines().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    for end in lines("nomore403/endpaths") {
        println!("{:5} /admin{end}", check(&format!("/admin{end}")));
    }
    for middle in lines("nomore403/midpaths") {
        for raw in [
            format!("/{middle}admin"),
            format!("/{middle}/admin"),
            format!("/x/{middle}/admin"),
            format!("/x{middle}admin"),
        ] {
            println!("{:5} {raw}", check(&raw));
        }
    }
    for name in ["deep_traversal.txt", "directory_traversal.txt", "traversals-8-deep-exotic-encoding.txt"] {
        let (mut accepted, mut all) = (Vec::new(), 0);
        for line in lines(&format!("payloadsall/traversal/{name}")) {
            let line = line.replace("{FILE}", "etc/passwd");
            for raw in [format!("/{line}"), line.clone(), format!("/files/{line}"), format!("/a?f={line}")] {
                all += 1;
                if check(&raw) && !raw.contains('?') {
                    accepted.push(raw);
                }
            }
        }
        println!("{name}: {} of {all} accepted: {accepted:?}", accepted.len());
    }
    for line in lines("payloadsall/crlf/crlfinjection.txt") {
        println!("{:5} {line}", check(&format!("/{}", line.trim_start_matches('/'))));
    }
}

#[test]
fn urls_of_browsers_are_read_as_browsers_mean_them() {
    let Some(root) = corpora() else { return };
    let text = std::fs::read(root.join("wpt-url/urltestdata.json")).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
    let (mut accepted, mut refused) = (0, Vec::new());
    for case in &cases {
        let part = |name: &str| case.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        if let Some(input) = case.get("input").and_then(|v| v.as_str()) {
            check(input);
            check(&format!("/{input}"));
        }
        if !matches!(part("protocol").as_str(), "http:" | "https:") {
            continue;
        }
        let raw = part("pathname") + &part("search");
        match parse(&raw, &Dialect::default()) {
            Ok(target) => {
                accepted += 1;
                let theirs: Vec<u8> = percent_encoding::percent_decode_str(&part("pathname")).collect();
                assert_eq!(reading(&target), theirs, "{raw}");
            }
            Err(error) => refused.push(format!("{raw}: {error}")),
        }
    }
    println!("{accepted} accepted; refused:\n{}", refused.join("\n"));
}

#[test]
fn no_malformed_json_is_accepted() {
    let Some(root) = corpora() else { return };
    let (mut seen, dialect) = (0, Dialect::default());
    for entry in std::fs::read_dir(root.join("jsontestsuite")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".json") {
            continue;
        }
        seen += 1;
        let bytes = std::fs::read(&path).unwrap();
        // an empty body is no body: nothing in it is judged, and nothing of it is forwarded as JSON
        let read = post("/", JSON, &bytes, &dialect);
        match (&name[..2], &read) {
            ("n_", Ok(view)) => assert!(!view.is_body_read(), "{name} was accepted"),
            ("y_", Err(error)) => println!("valid, refused: {name}: {error}"),
            ("i_", Ok(_)) => println!("accepted: {name}"),
            _ => {}
        }
    }
    assert!(seen > 300);
}

#[test]
fn mutated_multipart_bodies_never_hide_the_denied_value() {
    let Some(root) = corpora() else { return };
    let text = std::fs::read(root.join("waffled/mutations.json")).unwrap();
    let data: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let dialect = Dialect::default();
    let mut accepted = 0;
    let mut all = 0;
    for case in data["multipart"].as_array().unwrap() {
        let Some((head, body)) = fields_and_body(case) else { panic!("not understood: {case}") };
        all += 1;
        let fields = [("Content-Type", head.as_str())];
        if let Ok(view) = post("/", &fields, body.as_bytes(), &dialect) {
            accepted += 1;
            let location = super::at("multipart", "field", &dialect);
            println!("accepted: {head:?} {body:?} -> {:?}", view.values(&location));
        }
    }
    println!("{accepted} of {all} accepted");
    for case in data["json_nul"].as_array().into_iter().flatten() {
        let body = case.as_str().map_or_else(|| case.to_string(), ToOwned::to_owned);
        assert!(post("/", JSON, body.as_bytes(), &dialect).is_err(), "{body}");
    }
}

/// The content type and the body of a case, with names and values put in.
fn fields_and_body(case: &serde_json::Value) -> Option<(String, String)> {
    let fill = |text: &str| text.replace("@N@", "field").replace("@A@", "allowed").replace("@V@", "denied");
    let content_type = case.get(1)?.as_str()?;
    let body = case.get(2)?.as_str()?;
    Some((fill(content_type), fill(body)))
}
