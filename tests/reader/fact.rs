//! Single facts of the tables, asked of the real readers without a gateway; what a request as a whole means is tried elsewhere.

use std::io::BufReader;
use std::net::TcpStream;

use scopegate::request::{Base, Charset, Dialect, Duplicates, Naming, Place};
use serde_json::Value;

use crate::launch::Kind;
use crate::seen::Seen;
use crate::world::ask;

/// A question to a reader.
#[derive(Clone, Copy)]
struct Ask<'a> {
    method: &'a str,
    target: &'a str,
    name: &'a str,
    fields: &'a [(&'a str, &'a str)],
    body: &'a str,
}

const GET: Ask<'_> = Ask { method: "GET", target: "/x", name: "w", fields: &[], body: "" };
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const PARTS: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=XX");

impl Ask<'_> {
    /// What the reader answers; `None` where it refuses.
    fn of(&self, kind: Kind) -> Option<Value> {
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: reader.test\r\nX-Read: {}\r\n", self.method, self.target, self.name);
        for (name, value) in self.fields {
            head += &format!("{name}: {value}\r\n");
        }
        if self.method != "GET" || !self.body.is_empty() {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        let mut open: Option<BufReader<TcpStream>> = None;
        let answer = ask(kind, &mut open, format!("{head}\r\n{}", self.body).as_bytes());
        serde_json::from_slice(&answer.body).ok().filter(|_| answer.status == 200)
    }

    /// What the accessors of a place give, each with its name.
    fn all(&self, kind: Kind, place: &str) -> Vec<(String, Seen)> {
        let answer = self.of(kind).unwrap_or_default();
        let accessors = answer["seen"][place].as_array().cloned().unwrap_or_default();
        accessors.iter().map(|one| (one[0].as_str().unwrap().to_owned(), Seen::of(&one[1]))).collect()
    }

    /// What the usual accessor of a place gives.
    fn first(&self, kind: Kind, place: &str) -> Seen {
        self.all(kind, place).into_iter().next().map_or(Seen::Nothing, |(_, seen)| seen)
    }

    /// Whether the usual accessor of a place gives this text.
    fn gives(&self, kind: Kind, place: &str, text: &str) -> bool {
        self.first(kind, place) == Seen::text(text)
    }
}

fn base(kind: Kind) -> Base {
    match kind {
        Kind::Php => Base::Php,
        Kind::Servlet => Base::Servlet,
        Kind::Django => Base::Django,
        Kind::Werkzeug => Base::Werkzeug,
        Kind::Node => Base::NodeQs,
        Kind::CgiPm => Base::CgiPm,
    }
}

/// Every reader with the table that is said to describe it.
fn every() -> impl Iterator<Item = (Kind, Dialect)> {
    Kind::ALL.into_iter().map(|kind| (kind, Dialect::of(base(kind))))
}

#[test]
fn of_equal_names_the_first_the_last_or_all_are_read() {
    for (kind, facts) in every() {
        let seen = Ask { target: "/x?w=1&w=2", ..GET }.first(kind, "query");
        let expected = match facts.duplicates {
            Duplicates::First => Seen::text("1"),
            Duplicates::Last => Seen::text("2"),
            Duplicates::List => Seen::List(vec![b"1".to_vec(), b"2".to_vec()]),
            Duplicates::Join | Duplicates::Unknown => panic!("no reader here does so"),
        };
        assert_eq!(seen, expected, "{kind:?}");
    }
}

#[test]
fn names_are_the_same_name_where_the_table_says_so() {
    for (kind, facts) in every() {
        let reads = |sent: &str, name: &str| {
            let target = format!("/x?{}=1", sent.replace('[', "%5B").replace(']', "%5D"));
            Ask { target: &target, name, ..GET }.first(kind, "query")
        };
        let has_brackets = matches!(facts.naming, Naming::Php | Naming::Brackets);
        assert_eq!(reads("w[id]", "w") != Seen::Nothing, has_brackets, "{kind:?}");
        assert_eq!(reads("w[id]", "w[id]"), Seen::text("1"), "{kind:?}");
        for sent in ["user.name", "user+name", "user%20name"] {
            let same = reads(sent, "user_name") == Seen::text("1");
            assert_eq!(same, facts.naming == Naming::Php, "{kind:?} {sent}");
        }
        assert_eq!(reads("W", "w"), Seen::Nothing, "{kind:?}");
    }
}

#[test]
fn places_are_read_as_one_where_the_table_says_so() {
    for (kind, facts) in every() {
        let seen = |target: &str, cookie: &str, body: &str| {
            let fields = [FORM, ("Cookie", cookie)];
            let request = Ask { method: "POST", target, fields: &fields, body, ..GET };
            let place = if facts.merge.is_empty() { "form" } else { "param" };
            request.all(kind, place).into_iter().any(|(_, seen)| seen == Seen::text("1"))
        };
        assert!(seen("/x", "p=1", "w=1"), "{kind:?}");
        assert_eq!(seen("/x?w=1", "p=1", "p=1"), facts.merges(Place::Query) && facts.merges(Place::Form), "{kind:?}");
        assert_eq!(seen("/x", "w=1", "p=1"), facts.merges(Place::Cookie), "{kind:?}");
    }
}

#[test]
fn the_query_of_a_post_is_found_where_the_table_says_so() {
    for (kind, facts) in every().filter(|(kind, _)| !matches!(kind, Kind::Django | Kind::Node)) {
        let request = Ask { method: "POST", target: "/x?w=1", fields: &[FORM], body: "p=1", ..GET };
        assert_eq!(request.gives(kind, "param", "1"), facts.query_of_post, "{kind:?}");
    }
}

#[test]
fn a_semicolon_separates_where_the_table_says_so() {
    for (kind, facts) in every() {
        let seen = Ask { target: "/x?p=1;w=2", ..GET }.gives(kind, "query", "2");
        assert_eq!(seen, facts.semicolon_separates, "{kind:?}");
        let request = Ask { method: "POST", fields: &[FORM], body: "p=1;w=2", ..GET };
        assert_eq!(request.gives(kind, "form", "2"), facts.semicolon_separates, "{kind:?}");
    }
}

#[test]
fn a_plus_is_a_space_where_the_table_says_so() {
    for (kind, facts) in every() {
        assert!(facts.plus_is_space);
        assert!(Ask { target: "/x?w=a+b", ..GET }.gives(kind, "query", "a b"), "{kind:?}");
        assert!(Ask { method: "POST", fields: &[FORM], body: "w=a+b", ..GET }.gives(kind, "form", "a b"), "{kind:?}");
    }
}

#[test]
fn a_query_of_one_word_is_the_parameter_keywords_where_the_table_says_so() {
    for (kind, facts) in every() {
        let seen = Ask { target: "/x?HF", name: "keywords", ..GET }.all(kind, "query");
        assert_eq!(seen.iter().any(|(_, seen)| *seen == Seen::text("HF")), facts.keyword_query, "{kind:?}");
    }
}

#[test]
fn names_that_the_reader_drops_or_drops_others_by_are_those_of_the_table() {
    for (kind, facts) in every() {
        for name in Dialect::default().refused_names {
            let target = format!("/x?w=1&{name}=2");
            let kept = |name: &str, value: &str| {
                Ask { target: &target, name, ..GET }.all(kind, "query").iter().all(|(_, seen)| match seen {
                    Seen::Text(text) => text == value.as_bytes(),
                    Seen::List(all) => all[..] == [value.as_bytes()],
                    Seen::Nothing | Seen::Other(_) => false,
                })
            };
            // `qs` drops some of them only where Express does not tell it to keep them
            let refused = facts.refused_names.contains(&name) && (kind != Kind::Node || name == "__proto__");
            // PHP has an underscore for the dot, and names are folded so
            let itself = kind == Kind::Php || kept(&name, "2");
            assert_eq!(kept("w", "1") && itself, !refused, "{kind:?} {name}");
        }
    }
}

#[test]
fn as_many_parameters_as_the_table_says_are_read() {
    for (kind, facts) in every() {
        let seen = |count: usize| {
            // gunicorn takes no line of more than 4094 bytes
            let filler = "a&".repeat(count - 1);
            let query = format!("/x?{filler}w=1");
            let in_query = Ask { target: &query, ..GET }.gives(kind, "query", "1");
            let body = format!("{filler}w=1");
            (in_query, Ask { method: "POST", fields: &[FORM], body: &body, ..GET }.gives(kind, "form", "1"))
        };
        assert_eq!(seen(facts.max_params), (true, true), "{kind:?}");
        // the others have no limit of their own for these places
        let has_limit = !matches!(kind, Kind::Werkzeug | Kind::CgiPm);
        assert_eq!(seen(facts.max_params + 2), (!has_limit, !has_limit), "{kind:?}");
    }
}

#[test]
fn names_nest_as_deep_as_the_table_says() {
    for (kind, facts) in every().filter(|(kind, _)| matches!(kind, Kind::Php | Kind::Node)) {
        let seen = |depth: usize| {
            let name = format!("w{}", "[a]".repeat(depth));
            Ask { target: &format!("/x?{name}=1"), name: &name, ..GET }.gives(kind, "query", "1")
        };
        assert!(seen(facts.max_depth), "{kind:?}");
        assert!(!seen(facts.max_depth + 1), "{kind:?}");
    }
}

#[test]
fn a_form_is_read_with_the_methods_of_the_table() {
    let parts = "--XX\r\nContent-Disposition: form-data; name=\"w\"\r\n\r\n1\r\n--XX--\r\n";
    for (kind, facts) in every() {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let is_read =
                [(FORM, "w=1", "form"), (PARTS, parts, "multipart")].into_iter().all(|(field, body, place)| {
                    let seen = Ask { method, fields: &[field], body, ..GET }.all(kind, place);
                    !seen.is_empty()
                        && seen.iter().all(|(_, seen)| *seen != Seen::Nothing && *seen != Seen::List(Vec::new()))
                });
            assert_eq!(is_read, facts.form_methods.iter().any(|known| known == method), "{kind:?} {method}");
        }
    }
}

#[test]
fn json_is_read_by_the_types_of_the_table() {
    // a container of servlets reads no JSON itself
    for (kind, facts) in every().filter(|(kind, _)| *kind != Kind::Servlet) {
        for known in Dialect::of(Base::Php).json_types {
            let media = if known == "+json" { "application/vnd.x+json" } else { known.as_str() };
            let request = Ask { method: "POST", fields: &[("Content-Type", media)], body: "{\"w\": \"1\"}", ..GET };
            assert_eq!(request.gives(kind, "json", "1"), facts.json_types.contains(&known), "{kind:?} {media}");
        }
    }
}

/// The name of a file as the reader has it.
fn file_name(kind: Kind, name: &str) -> bool {
    let body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"w\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n1\r\n--XX--\r\n"
    );
    match (Ask { method: "POST", fields: &[PARTS], body: &body, ..GET }).first(kind, "file-name") {
        Seen::Text(text) => text == name.as_bytes(),
        Seen::List(all) => all[..] == [name.as_bytes()],
        Seen::Nothing | Seen::Other(_) => panic!("{kind:?} sees no file"),
    }
}

#[test]
fn names_in_the_head_of_a_part_are_utf8_where_the_table_says_so() {
    for (kind, facts) in every() {
        assert!(file_name(kind, "bill.csv"), "{kind:?}");
        // bytes of a file's name in CGI.pm and PHP, text elsewhere; both are told in UTF-8
        assert_eq!(file_name(kind, "仓.csv"), !facts.part_names_ascii, "{kind:?}");
    }
}

#[test]
fn references_in_names_of_files_are_resolved_where_the_table_says_so() {
    for (kind, facts) in every() {
        assert_eq!(file_name(kind, "a&amp;b.csv"), !facts.file_name_references, "{kind:?}");
    }
}

#[test]
fn cookies_are_read_as_the_table_says() {
    for (kind, facts) in every() {
        let reads = |field: &str| Ask { fields: &[("Cookie", field)], ..GET }.first(kind, "cookie");
        assert_eq!(reads("w=1"), Seen::text("1"), "{kind:?}");
        let escaped = if facts.cookie_escapes == Some(true) { "HF" } else { "%48F" };
        assert_eq!(reads("w=%48F"), Seen::text(escaped), "{kind:?}");
        assert_eq!(reads("w=1&2"), Seen::text(if facts.cookie_lists { "1" } else { "1&2" }), "{kind:?}");
        assert_eq!(reads("p=1,w=2") == Seen::text("2"), facts.cookie_commas, "{kind:?}");
        for prefix in Dialect::default().cookie_prefixes {
            let value = format!("{prefix}1");
            let kept = reads(&format!("w={value}")) == Seen::text(&value);
            assert_eq!(kept, !facts.cookie_prefixes.contains(&prefix), "{kind:?} {prefix}");
        }
    }
}

#[test]
fn letter_case_in_paths_counts_where_the_table_says_so() {
    for (kind, facts) in every() {
        let request = Ask { target: "/PATH/Hf", ..GET };
        // those that route by the path themselves; the others only tell it
        if matches!(kind, Kind::Django | Kind::Werkzeug | Kind::Node) {
            assert_eq!(request.gives(kind, "path", "Hf"), facts.fold_path, "{kind:?}");
        }
        assert_eq!(Seen::of(&request.of(kind).unwrap()["path"]), Seen::text("/PATH/Hf"), "{kind:?}");
    }
}

#[test]
fn path_parameters_are_taken_off_where_the_table_says_so() {
    for (kind, facts) in every() {
        let request = Ask { target: "/path/HF;x=y", ..GET };
        let expected = if facts.has_path_parameters { "HF" } else { "HF;x=y" };
        assert_eq!(request.first(kind, "path"), Seen::text(expected), "{kind:?}");
    }
}

#[test]
fn a_script_runs_though_the_path_goes_on_behind_it() {
    assert!(Dialect::of(Base::Php).script_extensions.iter().any(|extension| extension == "php"));
    let request = Ask { target: "/echo.php/HF/x.css", ..GET };
    assert!(request.gives(Kind::Php, "path-info", "HF"));
    // the script of CGI.pm stands at the root, and all of the path is PATH_INFO
    assert!(Dialect::of(Base::CgiPm).script_extensions.iter().any(|extension| extension == "pl"));
    assert!(Ask { target: "/path/HF", ..GET }.gives(Kind::CgiPm, "path", "HF"));
}

#[test]
fn texts_are_utf8_in_every_place() {
    for (kind, facts) in every() {
        let utf8 = scopegate::request::Charset::Utf8;
        assert!([facts.charset, facts.query_charset, facts.path_charset].iter().all(|charset| *charset == utf8));
        assert!(Ask { target: "/x?w=%E4%BB%93", ..GET }.gives(kind, "query", "仓"), "{kind:?}");
        let form = Ask { method: "POST", fields: &[FORM], body: "w=%E4%BB%93", ..GET };
        assert!(form.gives(kind, "form", "仓"), "{kind:?}");
        assert!(Ask { target: "/path/%E4%BB%93", ..GET }.gives(kind, "path", "仓"), "{kind:?}");
    }
}

/// Every sequence of one or two bytes above ASCII that the gateway takes for a text in this character set.
fn sequences(charset: Charset) -> Vec<(Vec<u8>, String)> {
    let leads = (0x80..=0xff_u8).map(|lead| vec![lead]);
    let pairs = (0x80..=0xff_u8).flat_map(|lead| (0x40..=0xff_u8).map(move |trail| vec![lead, trail]));
    let decoded = |bytes: Vec<u8>| charset.decode(&bytes).map(|text| (bytes, text.to_string()));
    leads.chain(pairs).filter_map(decoded).collect()
}

#[test]
fn every_character_of_a_declared_charset_is_read_alike() {
    for (charset, label) in [(Charset::Gbk, "GBK"), (Charset::Gb18030, "GB18030"), (Charset::Big5, "Big5")] {
        let all = sequences(charset);
        assert!(all.len() > 10_000, "{label}: {}", all.len());
        // Django takes forms in UTF-8 only, and gunicorn no line of more than 4094 bytes
        for (kind, place, most) in [(Kind::Servlet, "form", 900), (Kind::Django, "query", 400)] {
            let mut differing = Vec::new();
            for some in all.chunks(most) {
                let escaped = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<String>();
                let list = some.iter().map(|(bytes, _)| format!("w={}", escaped(bytes))).collect::<Vec<_>>().join("&");
                let fields = [FORM, ("X-Read-Charset", label)];
                let target = format!("/x?{list}");
                let request = match place {
                    "form" => Ask { method: "POST", fields: &fields, body: &list, ..GET },
                    _ => Ask { fields: &fields[1..], target: &target, ..GET },
                };
                let Some((_, Seen::List(seen))) = request.all(kind, place).into_iter().nth(1) else {
                    panic!("{kind:?} reads no {label}")
                };
                assert_eq!(seen.len(), some.len());
                let differs = |((bytes, text), seen): (&(Vec<u8>, String), &Vec<u8>)| {
                    (text.as_bytes() != seen)
                        .then(|| format!("{} {text} {}", escaped(bytes), String::from_utf8_lossy(seen)))
                };
                differing.extend(some.iter().zip(&seen).filter_map(differs));
            }
            assert!(differing.is_empty(), "{kind:?} {label}: {} differ: {differing:?}", differing.len());
        }
    }
}
