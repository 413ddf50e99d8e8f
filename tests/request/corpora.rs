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

#[test]
fn no_document_that_reaches_out_is_accepted() {
    let Some(root) = corpora() else { return };
    let dialect = Dialect::default();
    let mut bodies: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in std::fs::read_dir(root.join("payloadsall/xxe")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        if name.ends_with(".txt") {
            bodies.extend(bytes.split(|byte| *byte == b'\n').map(|line| (name.clone(), line.to_vec())));
        } else {
            bodies.push((name, bytes));
        }
    }
    for name in ["xml-injection.yml", "community-xxe.yml"] {
        let text = std::fs::read_to_string(root.join("gotestwaf").join(name)).unwrap();
        let case: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let payloads = case["payload"].as_sequence().unwrap().iter().filter_map(|payload| payload.as_str());
        bodies.extend(payloads.map(|payload| (name.to_owned(), payload.as_bytes().to_vec())));
    }
    let (mut accepted, mut seen) = (0, 0);
    for (name, body) in bodies.iter().filter(|(_, body)| !body.is_empty()) {
        seen += 1;
        if let Ok(view) = post("/", super::XML, body, &dialect) {
            accepted += 1;
            let text = String::from_utf8_lossy(body);
            assert!(!text.contains("<!") || text.contains("<![CDATA["), "{name}: {text}");
            println!("accepted: {name}: {text} -> {:?}", super::forwarded(&view).1);
        }
    }
    println!("{accepted} of {seen} documents accepted");
    assert!(seen > 50);
}

#[test]
fn requests_that_a_rule_set_of_others_refuses_are_refused_or_read_in_one_way() {
    let Some(root) = corpora() else { return };
    let dialect = Dialect::default();
    let (mut accepted, mut seen) = (0, 0);
    for folder in
        std::fs::read_dir(root.join("crs")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let text = std::fs::read_to_string(&path).unwrap();
            let Ok(file) = serde_yaml::from_str::<serde_yaml::Value>(&text) else { continue };
            for stage in file["tests"]
                .as_sequence()
                .into_iter()
                .flatten()
                .flat_map(|test| test["stages"].as_sequence().into_iter().flatten())
            {
                let input = &stage["input"];
                let (Some(data), Some(kind)) = (input["data"].as_str(), input["headers"]["Content-Type"].as_str())
                else {
                    continue;
                };
                seen += 1;
                let fields = [("Content-Type", kind)];
                let data = if kind.starts_with("multipart") && !data.contains('\r') {
                    data.replace('\n', "\r\n")
                } else {
                    data.to_owned()
                };
                if let Ok(view) = post("/", &fields, data.as_bytes(), &dialect)
                    && view.is_body_read()
                {
                    accepted += 1;
                    let (content_type, bytes) = super::forwarded(&view);
                    println!(
                        "accepted: {}: {kind}: {data:?} -> {content_type}: {bytes:?}",
                        path.file_name().unwrap().to_string_lossy()
                    );
                }
            }
        }
    }
    println!("{accepted} of {seen} bodies accepted");
    assert!(seen > 50);
}
