//! Parameters in every place, by a grammar with its usual perversions: what ours accepts, independent readers read the same way,
//! before it was judged and after it was written again.

use crate::generate::Random;
use bytes::Bytes;
use scopegate::request::{
    Base, BodyLimits, CanonicalTarget, ContentTypes, Cookies, Dialect, JudgedBody, PathSlot, RawJsonIn, RawLocation,
    RequestView, TargetLimits,
};
use std::fmt::Write as _;

/// Django's facts: names are what they are, so that plain readers can be asked.
pub fn dialect() -> Dialect {
    Dialect { override_params: Vec::new(), ..Dialect::of(Base::Django) }
}

pub fn types(of: &str) -> ContentTypes {
    let has = |kind: &str| of == kind;
    ContentTypes {
        form: has("form"),
        multipart: has("multipart"),
        json: has("json"),
        xml: has("xml"),
        xml_rpc: has("xml-rpc"),
        soap: has("soap"),
        ..ContentTypes::default()
    }
}

/// The body as it would be forwarded; `None` where it is refused.
fn judged(kind: &str, content_type: &str, body: &[u8]) -> Option<(String, Bytes)> {
    let dialect = dialect();
    let target = CanonicalTarget::parse(b"/", &dialect, &TargetLimits::default()).unwrap();
    let mut view = RequestView::new("POST", [("content-type", content_type.as_bytes())], true, target, &dialect);
    view.read_body(&types(kind), &BodyLimits::default(), &Bytes::copy_from_slice(body)).ok()?;
    match view.body() {
        JudgedBody::Bytes { content_type, bytes } => Some((content_type.to_string(), bytes)),
        JudgedBody::None => None,
    }
}

const PAIR_PIECES: &[&[u8]] = &[
    b"a",
    b"b",
    b"wh",
    b"=",
    b"=",
    b"&",
    b"&",
    b"%3d",
    b"%26",
    b"%2B",
    b"+",
    b"%20",
    b"%e4%bb%93",
    b"\xe4\xbb\x93",
    b"%ff",
    b"%",
    b"%0",
    b"%0a",
    b"%00",
    b";",
    b"[",
    b"]",
    b".",
    b"\"",
    b"'",
    b"%25",
    b"%c0%af",
    b"%C3%A9",
    b"~",
    b"*",
    b"#",
    b"?",
    b"/",
];

pub fn pieces(random: &mut Random, of: &[&[u8]], most: usize) -> Vec<u8> {
    (0..random.below(most)).flat_map(|_| random.any(of).to_vec()).collect()
}

type Pairs = Vec<(String, String)>;

/// As the URL standard reads pairs.
fn pairs(bytes: &[u8]) -> Pairs {
    form_urlencoded::parse(bytes).into_owned().filter(|(name, _)| !name.is_empty()).collect()
}

/// A query and a form.
pub fn form(random: &mut Random) -> Result<bool, String> {
    let sent = pieces(random, PAIR_PIECES, 12);
    if let Some((_, written)) = judged("form", "application/x-www-form-urlencoded", &sent) {
        let (before, after) = (pairs(&sent), pairs(&written));
        if before != after {
            return Err(format!("form: {before:?} became {after:?}"));
        }
    }
    let dialect = dialect();
    let target = [b"/?", &sent[..]].concat();
    let Ok(parsed) = CanonicalTarget::parse(&target, &dialect, &TargetLimits::default()) else { return Ok(false) };
    let ours: Pairs = parsed.query().iter().map(|v| (v.name().to_owned(), v.value().to_owned())).collect();
    let mut out = Vec::new();
    parsed.write(&mut out, &dialect);
    let written = out.iter().position(|byte| *byte == b'?').map_or(&[][..], |at| &out[at + 1..]);
    if ours != pairs(&sent) || ours != pairs(written) {
        return Err(format!("query: {ours:?}, but {:?} and {:?}", pairs(&sent), pairs(written)));
    }
    Ok(true)
}

const JSON_PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"a\"",
    b"\"b\"",
    b"\"A\"",
    b"\"\\u0061\"",
    b"\"\\ud83d\\ude00\"",
    b"\"\\ud83d\"",
    b"1",
    b"-0",
    b"1.0",
    b"1e5",
    b"1E+5",
    b"01",
    b"123456789012345678901234567890",
    b"true",
    b"null",
    b"\"\\n\\/\"",
    b"\"\xe4\xbb\x93\"",
    b"\"\t\"",
    b" ",
    b"\n",
    b"/**/",
    b"\"\\u0000\"",
    b"'a'",
    b"NaN",
    b"\"w\":\"HF\"",
    b"{\"w\":[1,2]}",
];

fn json_text(random: &mut Random, depth: usize) -> String {
    match random.below(if depth == 0 { 6 } else { 9 }) {
        0 => "1.50".to_owned(),
        1 => "\"H\\u0046\"".to_owned(),
        2 => "\"\\\"\\\\x\"".to_owned(),
        3 => "-7e2".to_owned(),
        4 => "null".to_owned(),
        5 => "\"仓\"".to_owned(),
        6 => {
            let elements: Vec<String> = (0..random.below(4)).map(|_| json_text(random, depth - 1)).collect();
            format!("[{}]", elements.join(" , "))
        }
        _ => {
            let names = ["a", "b", "w", "x/y", "~", ""];
            let members: Vec<String> = (0..random.below(4))
                .map(|_| format!("\"{}\" :{}", names[random.below(names.len())], json_text(random, depth - 1)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

/// A JSON body, and the same text inside of a field of a form.
pub fn json(random: &mut Random) -> Result<bool, String> {
    let mut sent = json_text(random, 3).into_bytes();
    if random.one_in(3) {
        let piece = random.any(JSON_PIECES).to_vec();
        let at = random.below(sent.len() + 1);
        sent.splice(at..at, piece);
    }
    let Some((_, written)) = judged("json", "application/json", &sent) else { return Ok(false) };
    let read = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).map_err(|error| error.to_string());
    let (before, after) = (read(&sent), read(&written));
    if before.is_err() || before != after {
        return Err(format!("json: {before:?} became {after:?}"));
    }
    let dialect = dialect();
    let form =
        form_urlencoded::Serializer::new(String::new()).append_pair("j", std::str::from_utf8(&sent).unwrap()).finish();
    let target = CanonicalTarget::parse(b"/", &dialect, &TargetLimits::default()).unwrap();
    let fields = [("content-type", &b"application/x-www-form-urlencoded"[..])];
    let mut view = RequestView::new("POST", fields, true, target, &dialect);
    view.read_body(&types("form"), &BodyLimits::default(), &Bytes::from(form)).map_err(|error| error.to_string())?;
    let raw = RawJsonIn { query: None, form: Some("j".into()), multipart: None, param: None, pointer: "/a".into() };
    let location = RawLocation::JsonIn(raw).compile(&dialect, |_| None::<PathSlot>).unwrap();
    view.unfold([&location], 32).map_err(|error| error.to_string())?;
    let JudgedBody::Bytes { bytes, .. } = view.body() else { return Err("the form is gone".to_owned()) };
    let inner = pairs(&bytes);
    if inner.len() != 1 || read(inner[0].1.as_bytes()) != before {
        return Err(format!("json in a form: {inner:?} for {before:?}"));
    }
    // a value that is found is the value that is there
    if let Ok(found) = view.values(&location)
        && let [one] = found.as_slice()
        && let Some(there) = before.as_ref().ok().and_then(|root| root.get("a"))
        && !there.is_array()
    {
        // numbers are kept as they were written, and this reader writes its own spelling
        let same = match there {
            serde_json::Value::String(text) => text == *one,
            other => serde_json::from_str::<serde_json::Value>(one).is_ok_and(|read| read == *other),
        };
        if !same {
            return Err(format!("json: {one:?} was found, {there:?} is there"));
        }
    }
    Ok(true)
}

pub const XML_PIECES: &[&[u8]] = &[
    b"<!-- c -->",
    b"<![CDATA[x<&]]>",
    b"&amp;",
    b"&#65;",
    b"&#x4e00;",
    b"&x;",
    b"&#0;",
    b"<?p x?>",
    b"<!DOCTYPE a>",
    b"<b/>",
    b"<b>",
    b"</b>",
    b"</a>",
    b"<a>",
    b"]]>",
    b"]]",
    b">",
    b"<",
    b"&",
    b"\"",
    b"'",
    b" c='1'",
    b" c=\"&lt;\"",
    b" a='2'",
    b" xmlns='u'",
    b" xmlns:p='u'",
    b"<p:b/>",
    b"<p:b xmlns:p='v'>x</p:b>",
    b"p:",
    b"\r\n",
    b"\r",
    b"\t",
    b"\x0b",
    b"\xef\xbb\xbf",
    b"\xe4\xbb\x93",
    b"=",
    b"/",
    b"--",
    b"\0",
];

fn xml_text(random: &mut Random, depth: usize, out: &mut String) {
    let names = ["a", "b", "w", "p:b", "仓"];
    let name = names[random.below(names.len())];
    let _ = write!(out, "<{name}");
    if name.starts_with("p:") || random.one_in(6) {
        out.push_str(" xmlns:p=\"urn:p\"");
    }
    if random.one_in(6) {
        out.push_str(" xmlns='urn:d'");
    }
    for attribute in ["x='1'", "y = \"a&#10;b\"", "z='\r\n'"] {
        if random.one_in(4) {
            let _ = write!(out, " {attribute}");
        }
    }
    if random.one_in(4) {
        out.push_str(" />");
        return;
    }
    out.push('>');
    for _ in 0..random.below(4) {
        match random.below(6) {
            0 => out.push_str("text"),
            1 => out.push_str(" \r\n "),
            2 => out.push_str("<![CDATA[ <x> ]]>"),
            3 => out.push_str("&lt;&#x41;&quot;"),
            4 => out.push_str("<!-- - -->"),
            _ if depth > 0 => xml_text(random, depth - 1, out),
            _ => {}
        }
    }
    let _ = write!(out, "</{name} >");
}

/// A document as an independent reader has it: names in their namespaces, attributes sorted, texts joined, comments gone.
pub fn shape(text: &str) -> Result<String, String> {
    fn walk(node: roxmltree::Node<'_, '_>, out: &mut String) {
        let _ = write!(out, "<{{{}}}{}", node.tag_name().namespace().unwrap_or_default(), node.tag_name().name());
        let mut attributes: Vec<String> = node
            .attributes()
            .map(|a| format!(" {{{}}}{}={:?}", a.namespace().unwrap_or_default(), a.name(), a.value()))
            .collect();
        attributes.sort();
        out.push_str(&attributes.concat());
        out.push('>');
        let mut joined = String::new();
        for child in node.children() {
            if child.is_text() {
                joined.push_str(child.text().unwrap_or_default());
            } else if child.is_element() {
                let _ = write!(out, "{joined:?}");
                joined.clear();
                walk(child, out);
            }
        }
        let _ = write!(out, "{joined:?}</>");
    }
    // line ends first (XML 1.0 section 2.11): this reader keeps a carriage return in front of a reference
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let document = roxmltree::Document::parse(&text).map_err(|error| error.to_string())?;
    let mut out = String::new();
    walk(document.root_element(), &mut out);
    Ok(out)
}

/// An XML body.
pub fn xml(random: &mut Random) -> Result<bool, String> {
    let mut sent = String::new();
    if random.one_in(4) {
        sent.push_str("<?xml version='1.0' encoding='UTF-8'?>");
    }
    xml_text(random, 3, &mut sent);
    let mut sent = sent.into_bytes();
    for _ in 0..random.below(5).saturating_sub(2) {
        let piece = random.any(XML_PIECES).to_vec();
        let at = random.below(sent.len() + 1);
        sent.splice(at..at, piece);
    }
    let Some((_, written)) = judged("xml", "application/xml", &sent) else { return Ok(false) };
    // `roxmltree` takes no byte order mark off
    let sent = std::str::from_utf8(&sent).map_err(|error| error.to_string())?.trim_start_matches('\u{feff}');
    let (before, after) = (shape(sent), shape(std::str::from_utf8(&written).map_err(|error| error.to_string())?));
    if before.is_err() || before != after {
        return Err(format!("xml: {sent:?}: {before:?} became {after:?}"));
    }
    let again = judged("xml", "application/xml", &written).ok_or("what was written is refused")?;
    if again.1 != written { Err("what was written is written differently again".to_owned()) } else { Ok(true) }
}

const PART_PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"--XX",
    b"--",
    b"\r\n--XX\r\n",
    b"\r\n--XX--",
    b"; filename=\"f.csv\"",
    b"; name=\"b\"",
    b"; filename*=utf-8''x",
    b"\"",
    b"Content-Type: text/plain\r\n",
    b"Content-Type: application/pdf\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"\xe4\xbb\x93",
    b"\xff",
    b":",
    b"\0",
    b"\\",
    b" ",
    b"\t",
];

/// A multipart body.
pub fn multipart(random: &mut Random, runtime: &tokio::runtime::Runtime) -> Result<bool, String> {
    let mut sent = Vec::new();
    for _ in 0..=random.below(3) {
        let name = random.any(&[b"a", b"b", b"\xe4\xbb\x93"]);
        sent.extend_from_slice(b"--XX\r\nContent-Disposition: form-data; name=\"");
        sent.extend_from_slice(name);
        sent.extend_from_slice(b"\"");
        if random.one_in(3) {
            sent.extend_from_slice(b"; filename=\"x.csv\"");
        }
        sent.extend_from_slice(b"\r\n\r\n");
        sent.extend_from_slice(random.any(&[b"HF", b"", b"a\r\nb", b"--XX", b"\r\n", b"-"]));
        sent.extend_from_slice(b"\r\n");
    }
    sent.extend_from_slice(b"--XX--\r\n");
    for _ in 0..random.below(5).saturating_sub(2) {
        let piece = random.any(PART_PIECES).to_vec();
        let at = random.below(sent.len() + 1);
        sent.splice(at..at, piece);
    }
    let Some((content_type, written)) = judged("multipart", "multipart/form-data; boundary=XX", &sent) else {
        return Ok(false);
    };
    let before = runtime.block_on(parts("multipart/form-data; boundary=XX", Bytes::from(sent)));
    let after = runtime.block_on(parts(&content_type, written));
    if before.is_err() || before != after { Err(format!("multipart: {before:?} became {after:?}")) } else { Ok(true) }
}

type Part = (Option<String>, Option<String>, Vec<u8>);

async fn parts(content_type: &str, body: Bytes) -> Result<Vec<Part>, String> {
    let text = |error: multer::Error| error.to_string();
    let stream = http_body_util::BodyDataStream::new(http_body_util::Full::new(body));
    let mut reader = multer::Multipart::new(stream, multer::parse_boundary(content_type).map_err(text)?);
    let mut read = Vec::new();
    while let Some(field) = reader.next_field().await.map_err(text)? {
        let (name, file) = (field.name().map(ToOwned::to_owned), field.file_name().map(ToOwned::to_owned));
        read.push((name, file, field.bytes().await.map_err(text)?.to_vec()));
    }
    Ok(read)
}

const COOKIE_PIECES: &[&[u8]] = &[
    b"a",
    b"b",
    b"=",
    b"=",
    b";",
    b"; ",
    b" ",
    b"\"",
    b",",
    b"$Version=1",
    b"%41",
    b"\xe4",
    b"\t",
    b"wh=HF",
    b"==",
    b"\\",
    b"\x01",
];

/// A cookie field, against the plainest reader that there is (RFC 6265 section 5.4 in reverse).
pub fn cookie(random: &mut Random) -> Result<bool, String> {
    let sent = pieces(random, COOKIE_PIECES, 10);
    let Ok(cookies) = Cookies::parse(&sent, &dialect()) else { return Ok(false) };
    let latin: String = sent.iter().copied().map(char::from).collect();
    let theirs: Pairs = latin
        .split(';')
        .map(str::trim)
        .filter(|piece| !piece.is_empty())
        .map(|piece| piece.split_once('=').map_or((piece, ""), |(name, value)| (name.trim_end(), value.trim_start())))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let ours: Pairs = cookies.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    if ours == theirs { Ok(true) } else { Err(format!("cookies: {ours:?}, but {theirs:?}")) }
}

/// An XML-RPC call: what is forwarded is the same document without the white space between its elements.
pub fn call(random: &mut Random) -> Result<bool, String> {
    let space = |random: &mut Random| [" ", "", "\n", ""][random.below(4)].to_owned();
    let values = [
        "<value>HF</value>",
        "<value><string> x </string></value>",
        "<value><i4>7</i4></value>",
        "<value> <int>1</int> </value>",
        "<value><nil/></value>",
        "<value><struct><member><name>w</name><value>HF</value></member></struct></value>",
        "<value><array><data/></array></value>",
    ];
    let mut sent = format!("<methodCall>{}<methodName>list</methodName><params>", space(random));
    for _ in 0..random.below(3) {
        let _ = write!(sent, "{}<param>{}</param>", space(random), values[random.below(values.len())]);
    }
    sent.push_str("</params></methodCall>");
    let mut sent = sent.into_bytes();
    if random.one_in(3) {
        let piece = random.any(XML_PIECES).to_vec();
        let at = random.below(sent.len() + 1);
        sent.splice(at..at, piece);
    }
    let Some((_, written)) = judged("xml-rpc", "text/xml", &sent) else { return Ok(false) };
    let texts = |bytes: &[u8]| -> Result<Vec<String>, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?.trim_start_matches('\u{feff}');
        let document = roxmltree::Document::parse(text).map_err(|error| error.to_string())?;
        let leaves =
            document.descendants().filter(|node| node.is_element() && !node.children().any(|c| c.is_element()));
        let joined = |node: roxmltree::Node<'_, '_>| {
            node.children().filter_map(|c| if c.is_text() { c.text() } else { None }).collect::<String>()
        };
        Ok(leaves.map(|node| format!("{}={}", node.tag_name().name(), joined(node))).collect())
    };
    let (before, after) = (texts(&sent), texts(&written));
    if before.is_err() || before != after { Err(format!("call: {before:?} became {after:?}")) } else { Ok(true) }
}
