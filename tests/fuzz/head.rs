//! Paths, header fields and SOAP calls, by a grammar with its usual perversions, against readers that know nothing of ours.

use crate::generate::Random;
use crate::place::{XML_PIECES, dialect, pieces, shape, types};
use bytes::Bytes;
use scopegate::request::{
    BodyLimits, CanonicalTarget, JudgedBody, ParamValues, PathSlot, RawLocation, RequestView, TargetLimits,
};

const PATH_PIECES: &[&[u8]] = &[
    b"/",
    b"/",
    b"/",
    b"a",
    b"b",
    b"stock",
    b".",
    b"..",
    b"%2e",
    b"%2E%2e",
    b"%2f",
    b"%5c",
    b"\\",
    b";",
    b";x=1",
    b"%3b",
    b"%25",
    b"%252e",
    b"%",
    b"%4",
    b"%41",
    b"%e4%bb%93",
    b"%c0%ae",
    b"%ff",
    b"%00",
    b"%0a",
    b"+",
    b"~",
    b"%7E",
    b"@",
    b":",
    b"!",
    b"'",
    b"(",
    b"*",
    b"%u002e",
    b"\xe4\xbb\x93",
    b"?",
    b"#",
    b" ",
    b"%20",
];

/// The segments as the plainest server has them: split at slashes, each decoded once.
fn segments(path: &[u8]) -> Option<Vec<String>> {
    let path = path.strip_prefix(b"/")?;
    let decode =
        |segment: &[u8]| percent_encoding::percent_decode(segment).decode_utf8().ok().map(|text| text.into_owned());
    path.split(|byte| *byte == b'/').map(decode).collect()
}

/// A path: what is accepted is read alike by a server that decodes once, by one that decodes twice, and by one that resolves dots.
pub fn path(random: &mut Random) -> Result<bool, String> {
    let sent = [b"/", &pieces(random, PATH_PIECES, 9)[..]].concat();
    let dialect = dialect();
    let Ok(target) = CanonicalTarget::parse(&sent, &dialect, &TargetLimits::default()) else { return Ok(false) };
    let end = sent.iter().position(|byte| *byte == b'?').unwrap_or(sent.len());
    let ours: Vec<String> = target.segments().iter().map(|segment| segment.text().to_owned()).collect();
    let theirs = segments(&sent[..end]);
    let written = segments(target.path().as_bytes());
    if theirs.as_ref() != Some(&ours) || written.as_ref() != Some(&ours) {
        return Err(format!("path: {ours:?}, but {theirs:?} and {written:?}"));
    }
    let again: Option<Vec<String>> = ours
        .iter()
        .map(|text| percent_encoding::percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned()))
        .collect();
    if again.as_ref() != Some(&ours)
        || ours.iter().any(|text| matches!(text.as_str(), "." | "..") || text.contains(['/', '\\', '\0']))
    {
        return Err(format!("path: {ours:?} has another reading"));
    }
    Ok(true)
}

const HEADER_NAMES: [&str; 7] =
    ["X-Warehouse", "x-warehouse", "X_Warehouse", "x.warehouse", "X-Other", "Connection", "Cookie"];
const HEADER_VALUES: &[&[u8]] = &[
    b"HF",
    b"",
    b"HF, SH",
    b" HF ",
    b"\tHF",
    b"x-warehouse",
    b"close",
    b"\xe4\xbb\x93",
    b"H\x01",
    b"a=b",
    b"%48%46",
    b"\"HF\"",
];

/// A header field: what is accepted stands there once under every spelling that servers fold together, and reaches the next hop.
pub fn header(random: &mut Random) -> Result<bool, String> {
    let dialect = dialect();
    let fields: Vec<(&str, &[u8])> = (0..random.below(5))
        .map(|_| (HEADER_NAMES[random.below(HEADER_NAMES.len())], random.any(HEADER_VALUES)))
        .collect();
    let target = CanonicalTarget::parse(b"/", &dialect, &TargetLimits::default()).unwrap();
    let view = RequestView::new("GET", fields.iter().copied(), false, target, &dialect);
    let location = RawLocation::Header("X-Warehouse".into()).compile(&dialect, |_| None::<PathSlot>).unwrap();
    let folded = |name: &str| name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let mut there: Vec<&[u8]> = Vec::new();
    there.extend(fields.iter().filter(|(name, _)| folded(name) == "X_WAREHOUSE").map(|(_, value)| *value));
    let one = match view.values(&location) {
        Err(_) => return Ok(false),
        Ok(ParamValues::Absent) if there.is_empty() => return Ok(false),
        Ok(ParamValues::One(one)) => one.as_bytes().to_vec(),
        Ok(other) => return Err(format!("header: {other:?}, but {there:?} in {fields:?}")),
    };
    let taken_off =
        fields.iter().any(|(name, value)| *name == "Connection" && value.eq_ignore_ascii_case(b"x-warehouse"));
    if there != [one.as_slice()] || taken_off { Err(format!("header: {one:?} of {fields:?}")) } else { Ok(true) }
}

const OPERATIONS: [&str; 4] = [
    "<o:GetStock xmlns:o=\"urn:o\">",
    "<o:SetStock xmlns:o=\"urn:o\">",
    "<GetStock xmlns=\"urn:o\">",
    "<o:GetStock xmlns:o=\"urn:p\">",
];

/// A SOAP call: the operation that is told is the first element of the body as an independent reader has it, and what is forwarded is the
/// same document.
pub fn soap(random: &mut Random) -> Result<bool, String> {
    let dialect = dialect();
    let open = OPERATIONS[random.below(OPERATIONS.len())];
    let close = open.split([' ', '>']).next().unwrap().replacen('<', "</", 1);
    let header = ["", "<s:Header/>", "<s:Header><t xmlns='urn:t'>1</t></s:Header>", "<s:Body/>"][random.below(4)];
    let sent = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">{header}<s:Body>{open}<w>HF</w>{close}></s:Body></s:Envelope>"
    );
    let mut sent = sent.into_bytes();
    if random.one_in(3) {
        let piece = random.any(XML_PIECES).to_vec();
        let at = random.below(sent.len() + 1);
        sent.splice(at..at, piece);
    }
    let action: &[u8] = random.any(&[b"\"urn:o/GetStock\"", b"\"\"", b"GetStock", b"\"urn:o/SetStock\""]);
    let fields: [(&str, &[u8]); 2] = [("content-type", b"text/xml"), ("soapaction", action)];
    let target = CanonicalTarget::parse(b"/", &dialect, &TargetLimits::default()).unwrap();
    let mut view = RequestView::new("POST", fields, true, target, &dialect);
    if view.read_body(&types("soap"), &BodyLimits::default(), &Bytes::copy_from_slice(&sent)).is_err() {
        return Ok(false);
    }
    let location = RawLocation::Soap("operation".into()).compile(&dialect, |_| None::<PathSlot>).unwrap();
    let Ok(ParamValues::One(ours)) = view.values(&location) else { return Ok(false) };
    let text = std::str::from_utf8(&sent).map_err(|error| error.to_string())?.trim_start_matches('\u{feff}');
    let document = roxmltree::Document::parse(text).map_err(|error| format!("soap: {error} in {text}"))?;
    let bodies: Vec<_> = document
        .root_element()
        .children()
        .filter(|node| node.has_tag_name(("http://schemas.xmlsoap.org/soap/envelope/", "Body")))
        .collect();
    let calls: Vec<_> = bodies.iter().flat_map(|body| body.children()).filter(roxmltree::Node::is_element).collect();
    let names: Vec<&str> = calls.iter().map(|call| call.tag_name().name()).collect();
    if bodies.len() != 1 || names != [ours] {
        return Err(format!("soap: {ours:?}, but {names:?} in {text}"));
    }
    let action = String::from_utf8_lossy(action).replace('"', "");
    if !action.is_empty() && action.rsplit('/').next() != Some(ours) {
        return Err(format!("soap: {ours:?} beside the action {action:?}"));
    }
    let JudgedBody::Bytes { bytes, .. } = view.body() else { return Err("soap: the call is gone".to_owned()) };
    let (before, after) = (shape(text), shape(std::str::from_utf8(&bytes).map_err(|error| error.to_string())?));
    if before == after { Ok(true) } else { Err(format!("soap: {before:?} became {after:?}")) }
}
