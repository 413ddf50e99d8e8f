//! Properties: canonical forms are fixed points, all servers read them alike, independent readers see the judged values.

use super::{FORM, JSON, MULTIPART, at, forwarded, parse, post};
use proptest::prelude::*;
use scopegate::request::{
    Allowance, Base, CanonicalTarget, Charset, Cookies, Dialect, SecretNames, TargetLimits, redact_target,
};

/// Every dialect as it is, and with everything allowed.
fn dialects() -> Vec<Dialect> {
    let bases =
        [Base::Strict, Base::Php, Base::Servlet, Base::Aspnet, Base::Django, Base::Werkzeug, Base::NodeQs, Base::CgiPm];
    let mut all = Vec::new();
    for base in bases {
        let dialect = Dialect::of(base);
        let path_parameters = vec!["jsessionid".into()];
        all.push(Dialect { allow: Allowance::ALL.into_iter().collect(), path_parameters, ..dialect.clone() });
        all.push(Dialect {
            charset: Charset::Gbk,
            query_charset: Charset::Gbk,
            path_charset: Charset::Gbk,
            ..dialect.clone()
        });
        all.push(dialect);
    }
    all
}

/// Targets made of what attacks are made of.
fn targets() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/",
        "//",
        ".",
        "..",
        "%2e",
        "%2E",
        "%2f",
        "%5c",
        "\\",
        ";",
        "%3b",
        ";jsessionid=1",
        "a",
        "B",
        "admin",
        "%61",
        "%25",
        "%2565",
        "%00",
        "%c0%ae",
        "%e4%bb%93",
        "%ef%bc%8f",
        "?",
        "&",
        "=",
        "a=1",
        "w[]=2",
        "w.x=3",
        "+",
        "%20",
        "%",
        "%zz",
        "#",
        " ",
        "~",
        "*",
        ":",
        "@",
        "%ff",
        "仓",
        ".php",
        "index.php",
        "%B2%D6",
        "%0d%0a",
        "K",
        "\u{212a}",
        "%E2%84%AA",
        "|",
        "x;y",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// How servers that are laxer than ours come to the path that they serve.
pub fn readings(path: &[u8]) -> [Vec<u8>; 3] {
    let decode = |text: &[u8]| percent_encoding::percent_decode(text).collect::<Vec<u8>>();
    let resolve = |path: &[u8]| {
        let mut out: Vec<&[u8]> = Vec::new();
        let ends = path.ends_with(b"/") || path.ends_with(b"/.") || path.ends_with(b"/..");
        for segment in path.split(|b| *b == b'/') {
            match segment {
                b"" | b"." => {}
                b".." => drop(out.pop()),
                _ => out.push(segment),
            }
        }
        let mut resolved = out.iter().flat_map(|s| [&b"/"[..], s].concat()).collect::<Vec<u8>>();
        if ends || resolved.is_empty() {
            resolved.push(b'/');
        }
        resolved
    };
    // Apache and nginx: decode once, merge slashes, resolve dots
    let apache = resolve(&decode(path));
    // Tomcat: strip path parameters, then the same
    let stripped = path.split(|b| *b == b'/').map(|s| s.split(|b| *b == b';').next().unwrap_or_default());
    let tomcat = resolve(&decode(&stripped.collect::<Vec<_>>().join(&b'/')));
    // IIS and double decoders: decode twice, backslashes are slashes, trailing dots and spaces go
    let twice: Vec<u8> = decode(&decode(path)).iter().map(|b| if *b == b'\\' { b'/' } else { *b }).collect();
    let trimmed = twice.split(|b| *b == b'/').map(|s| match s {
        b"." | b".." => s,
        _ => {
            let end = s.iter().rposition(|b| !matches!(b, b'.' | b' ')).map_or(0, |at| at + 1);
            &s[..end]
        }
    });
    [apache, tomcat, resolve(&trimmed.collect::<Vec<_>>().join(&b'/'))]
}

/// What we say that the path is.
pub fn reading(target: &CanonicalTarget) -> Vec<u8> {
    target.segments().iter().flat_map(|segment| [b"/", segment.text().as_bytes()].concat()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn canonical_targets_are_fixed_points(raw in targets()) {
        for dialect in dialects() {
            if let Ok(target) = parse(&raw, &dialect) {
                let mut once = Vec::new();
                target.write(&mut once, &dialect);
                let again = CanonicalTarget::parse(&once, &dialect, &TargetLimits::default()).unwrap();
                prop_assert_eq!(target.segments(), again.segments());
                let texts = |target: &CanonicalTarget| target.query().iter().map(|v| (v.name().to_owned(), v.value().to_owned())).collect::<Vec<_>>();
                prop_assert_eq!(texts(&target), texts(&again));
                let mut twice = Vec::new();
                again.write(&mut twice, &dialect);
                prop_assert_eq!(once, twice);
            }
        }
    }

    #[test]
    fn every_server_reads_an_accepted_path_as_we_do(raw in targets()) {
        let dialect = Dialect::default();
        if let Ok(target) = parse(&raw, &dialect) {
            let ours = reading(&target);
            let sent = raw.as_bytes().split(|b| *b == b'?').next().unwrap();
            for theirs in readings(sent).into_iter().chain(readings(target.path().as_bytes())) {
                prop_assert_eq!(&theirs, &ours, "{}", raw);
            }
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), text in targets()) {
        for dialect in dialects() {
            for raw in [&bytes[..], text.as_bytes(), &[b"/".as_slice(), &bytes].concat()] {
                let _ = CanonicalTarget::parse(raw, &dialect, &TargetLimits::default());
                let _ = Cookies::parse(raw, &dialect);
                let _ = redact_target(raw, &SecretNames::default(), None);
            }
            for fields in [FORM, JSON, MULTIPART] {
                let _ = post("/", fields, &bytes, &dialect);
                let _ = post("/", fields, &[b"--XX\r\n".as_slice(), &bytes, b"\r\n--XX--"].concat(), &dialect);
            }
        }
    }

    #[test]
    fn a_form_means_the_same_to_an_independent_reader(pairs in prop::collection::vec(("[a-z\u{4e00}-\u{4e20} .&=+%]{1,6}", "[ -~\u{4e00}-\u{4e20}\r\n\t]{0,8}"), 0..6)) {
        let dialect = Dialect::of(Base::Django);
        let sent: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let view = post("/", FORM, format!("{sent}&").as_bytes(), &dialect).unwrap();
        if !pairs.is_empty() {
            let (_, bytes) = forwarded(&view);
            let read: Vec<(String, String)> = form_urlencoded::parse(&bytes).into_owned().collect();
            prop_assert_eq!(read, pairs);
        }
    }

    #[test]
    fn json_means_the_same_to_an_independent_reader(value in json_values(), spaces in "[ \t\r\n]{0,3}") {
        let sent = format!("{spaces}{}{spaces}", serde_json::to_string_pretty(&value).unwrap());
        let dialect = Dialect::default();
        let view = post("/", JSON, sent.as_bytes(), &dialect).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&forwarded(&view).1).unwrap();
        prop_assert_eq!(read, value);
    }

    #[test]
    fn what_we_accept_as_json_others_accept_and_read_alike(text in "[\\[\\]{}:,\"\\\\u0-9a-f .eE+-]{0,24}") {
        if let Ok(view) = post("/", JSON, text.as_bytes(), &Dialect::default()) && !text.is_empty() {
            let sent: serde_json::Value = serde_json::from_str(&text).unwrap();
            let read: serde_json::Value = serde_json::from_slice(&forwarded(&view).1).unwrap();
            prop_assert_eq!(sent, read);
        }
    }

    #[test]
    fn multipart_means_the_same_to_an_independent_reader(
        parts in prop::collection::vec(("[a-z_]{1,8}", "[ -~\u{4e00}-\u{4e20}\r\n]{0,20}", prop::option::of("([a-z][a-z .]{0,7})?")), 1..5)
    ) {
        let dialect = Dialect::of(Base::Django);
        let mut sent = String::new();
        for (name, text, file) in &parts {
            prop_assume!(!text.contains("--XX"));
            let file = file.as_ref().map_or(String::new(), |file| format!("; filename=\"{file}\""));
            sent += &format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{text}\r\n");
        }
        sent += "--XX--\r\n";
        let view = post("/", MULTIPART, sent.as_bytes(), &dialect).unwrap();
        let (content_type, bytes) = forwarded(&view);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = runtime.block_on(async {
            let stream = http_body_util::BodyDataStream::new(http_body_util::Full::new(bytes));
            let mut reader = multer::Multipart::new(stream, multer::parse_boundary(&content_type).unwrap());
            let mut read = Vec::new();
            while let Some(field) = reader.next_field().await.unwrap() {
                let name = field.name().unwrap().to_owned();
                let file = field.file_name().map(ToOwned::to_owned);
                read.push((name, String::from_utf8(field.bytes().await.unwrap().to_vec()).unwrap(), file));
            }
            read
        });
        prop_assert_eq!(read, parts);
    }

    #[test]
    fn a_secret_value_is_never_in_the_record(raw in targets(), name in prop::sample::select(vec!["password", "API-Key", "x[token]", "%70wd", "j_password"])) {
        let target = format!("{raw}?{name}=hunter2&{raw}");
        let shown = redact_target(target.as_bytes(), &SecretNames::default(), None);
        prop_assert!(!shown.contains("hunter2"), "{}", shown);
    }

    #[test]
    fn a_value_that_was_set_is_the_value_that_is_read(value in "[ -~\u{4e00}-\u{4e20}]{1,12}", raw in targets()) {
        let text = super::kind(scopegate::request::RawParamType::Text);
        for dialect in dialects() {
            let Ok(target) = parse(&raw, &dialect) else { continue };
            let mut view = scopegate::request::RequestView::new("GET", [], false, target, &dialect);
            let location = at("query", "warehouse", &dialect);
            if view.set(&location, &text, &[&value]).is_ok() {
                let mut out = Vec::new();
                view.write_target(&mut out);
                let target = CanonicalTarget::parse(&out, &dialect, &TargetLimits::default()).unwrap();
                let again = scopegate::request::RequestView::new("GET", [], false, target, &dialect);
                prop_assert_eq!(super::values(&again, &location), [value.clone()]);
            }
        }
    }
}

fn json_values() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[ -~\u{4e00}-\u{4e20}\u{1f600}\n\t\u{1}]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-z\"\\\\\u{4e00}]{0,4}", inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}
