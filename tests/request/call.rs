//! Calls: SOAP envelopes, XML-RPC and JSON-RPC; one operation, which every part of the request names alike.

use super::{JSON, at, forwarded, kind, post_as, values};
use scopegate::request::{BodyError, ContentTypes, Dialect, ParamError, ParamValues, RawParamType, RequestView};

const S11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const S12: &str = "http://www.w3.org/2003/05/soap-envelope";
const WSA: &str = "http://www.w3.org/2005/08/addressing";

fn dialect() -> Dialect {
    Dialect { namespaces: vec![("o".into(), "urn:orders".into())], ..Dialect::default() }
}

fn types(of: &str) -> ContentTypes {
    let (soap, xml_rpc, json_rpc) = (of == "soap", of == "xml-rpc", of == "json-rpc");
    ContentTypes { soap, xml_rpc, json_rpc, ..ContentTypes::default() }
}

/// An envelope of this version with these parts.
fn envelope(version: &str, header: &str, body: &str) -> String {
    let header =
        if header.is_empty() { String::new() } else { format!("<s:Header xmlns:w=\"{WSA}\">{header}</s:Header>") };
    format!("<s:Envelope xmlns:s=\"{version}\">{header}<s:Body>{body}</s:Body></s:Envelope>")
}

const CREATE: &str = "<o:create xmlns:o=\"urn:orders\"><warehouse>HF</warehouse><o:no>7</o:no></o:create>";

/// What of a call is forwarded: the SOAPAction or content type, and the body; or why not.
fn soap(fields: &[(&str, &str)], body: &str, template: Option<&str>) -> Result<(Option<String>, String), String> {
    let dialect = dialect();
    let types = ContentTypes { soap_action: template.map(Into::into), ..types("soap") };
    let view = post_as(&types, "/", fields, body.as_bytes(), &dialect).map_err(|error| error.to_string())?;
    let edit = view.header_edits().first().and_then(|(_, value)| value.as_ref().map(ToString::to_string));
    Ok((edit, forwarded(&view).0))
}

fn soap_11(action: &str, body: &str) -> Result<(Option<String>, String), String> {
    soap(&[("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", action)], body, None)
}

#[test]
fn the_operation_and_its_arguments_are_read_below_the_envelope() {
    let dialect = dialect();
    for (version, content_type) in [(S11, "text/xml"), (S12, "application/soap+xml")] {
        let fields = [("Content-Type", content_type)];
        let body = envelope(version, "", CREATE);
        let mut view = post_as(&types("soap"), "/", &fields, body.as_bytes(), &dialect).unwrap();
        assert_eq!(values(&view, &at("soap", "operation", &dialect)), ["create"]);
        assert_eq!(values(&view, &at("soap", "/warehouse", &dialect)), ["HF"]);
        assert_eq!(values(&view, &at("soap", "/o:no", &dialect)), ["7"]);
        assert!(matches!(view.values(&at("soap", "/no", &dialect)), Err(ParamError::Spelling { .. })));
        view.set(&at("soap", "/warehouse", &dialect), &kind(RawParamType::Text), &["SH"]).unwrap();
        assert_eq!(values(&view, &at("soap", "/warehouse", &dialect)), ["SH"]);
        assert_eq!(forwarded(&view).1, body.replace("HF", "SH"));
    }
}

#[test]
fn an_envelope_that_is_not_one_operation_is_refused() {
    let text = [("Content-Type", "text/xml")];
    let refused = |body: &str| assert!(soap(&text, body, None).is_err(), "{body}");
    refused("<order/>");
    refused(&envelope(S12, "", CREATE));
    refused(&envelope("urn:other", "", CREATE));
    refused(&envelope(S11, "", ""));
    refused(&envelope(S11, "", "text"));
    refused(&envelope(S11, "", &format!("{CREATE}stray")));
    refused(&envelope(S11, "", &format!("{CREATE}<delete/>")));
    refused(&format!("<s:Envelope xmlns:s=\"{S11}\"><s:Body>{CREATE}</s:Body><s:Body><delete/></s:Body></s:Envelope>"));
    refused(&format!("<s:Envelope xmlns:s=\"{S11}\"><s:Body>{CREATE}</s:Body><trailer/></s:Envelope>"));
    refused(&format!("<s:Envelope xmlns:s=\"{S11}\"><x:Body xmlns:x=\"urn:x\">{CREATE}</x:Body></s:Envelope>"));
    assert!(soap(&[("Content-Type", "application/soap+xml")], &envelope(S11, "", CREATE), None).is_err());
    assert!(soap(&[("Content-Type", "application/xml")], &envelope(S11, "", CREATE), None).is_err());
    let related = "multipart/related; type=\"text/xml\"; boundary=XX";
    assert!(soap(&[("Content-Type", related)], &envelope(S11, "", CREATE), None).is_err());
}

#[test]
fn an_argument_that_stands_elsewhere_is_refused() {
    const ENC: &str = "http://schemas.xmlsoap.org/soap/encoding/";
    for argument in [
        "<warehouse href='#id0'/>".to_owned(),
        "<file href='cid:1'/>".to_owned(),
        format!("<a xmlns:e='{ENC}' e:offset='[1]'/>"),
        format!("<a xmlns:e='{ENC}' e:position='[1]'>x</a>"),
        "<a xmlns:e='http://www.w3.org/2003/05/soap-encoding' e:ref='x'/>".to_owned(),
    ] {
        let body = envelope(S11, "", &format!("<create>{argument}</create>"));
        assert!(soap_11("", &body).is_err(), "{argument}");
    }
    let list = format!("<create><a xmlns:e='{ENC}' e:arrayType='x[1]'><i>1</i></a></create>");
    soap_11("", &envelope(S11, "", &list)).unwrap();
}

#[test]
fn the_action_names_the_operation_of_the_body_or_is_refused() {
    let body = envelope(S11, "", CREATE);
    for action in
        ["create", "\"create\"", "urn:orders/create", "\"urn:orders#create\"", "urn:orderscreate", "urn:create"]
    {
        let bare = action.trim_matches('"');
        assert_eq!(soap_11(action, &body).unwrap().0, Some(format!("\"{bare}\"")), "{action}");
    }
    assert_eq!(soap_11("\"\"", &body).unwrap().0, None);
    for action in [
        "delete",
        "urn:orders/delete",
        "urn:other/create",
        "xcreate",
        "create ; delete",
        "\"create",
        "/create",
        "create#",
    ] {
        assert!(soap_11(action, &body).is_err(), "{action}");
    }
    let twice = [("Content-Type", "text/xml"), ("SOAPAction", "create"), ("soapaction", "delete")];
    assert!(soap(&twice, &body, None).is_err());
}

#[test]
fn a_declared_action_is_the_only_one_and_is_written_where_it_is_missing() {
    let body = envelope(S11, "", CREATE);
    let template = Some("http://tempuri.org/IOrders/{operation}");
    let with = |action: &str| soap(&[("Content-Type", "text/xml"), ("SOAPAction", action)], &body, template);
    let expected = Some("\"http://tempuri.org/IOrders/create\"".to_owned());
    assert_eq!(with("\"http://tempuri.org/IOrders/create\"").unwrap().0, expected);
    assert_eq!(with("\"\"").unwrap().0, expected);
    assert_eq!(soap(&[("Content-Type", "text/xml")], &body, template).unwrap().0, expected);
    assert!(with("create").is_err());
    assert!(with("\"http://tempuri.org/IAdmin/create\"").is_err());
    let body = envelope(S12, "", CREATE);
    let (_, content_type) = soap(&[("Content-Type", "application/soap+xml")], &body, template).unwrap();
    assert_eq!(content_type, "application/soap+xml; charset=utf-8; action=\"http://tempuri.org/IOrders/create\"");
}

#[test]
fn the_action_of_soap_1_2_agrees_and_stands_alone() {
    let body = envelope(S12, "", CREATE);
    let with = |kind: &str| soap(&[("Content-Type", kind)], &body, None);
    assert_eq!(
        with("application/soap+xml; action=\"urn:create\"").unwrap().1,
        "application/soap+xml; charset=utf-8; action=\"urn:create\""
    );
    assert!(with("application/soap+xml; action=\"urn:delete\"").is_err());
    let both = [("Content-Type", "application/soap+xml"), ("SOAPAction", "create")];
    assert!(soap(&both, &body, None).is_err());
    let fields = [("Content-Type", "text/xml; action=\"create\""), ("SOAPAction", "create")];
    assert!(soap(&fields, &envelope(S11, "", CREATE), None).is_err());
}

#[test]
fn addressing_agrees_and_credentials_in_the_header_are_refused() {
    let ok = |header: &str| soap_11("", &envelope(S11, header, CREATE)).is_ok();
    assert!(ok("<w:Action>urn:orders/create</w:Action><w:MessageID>1</w:MessageID>"));
    assert!(ok(&format!("<w:ReplyTo><w:Address>{WSA}/anonymous</w:Address></w:ReplyTo>")));
    assert!(ok("<trace>1</trace>"));
    for header in [
        "<w:Action>urn:orders/delete</w:Action>",
        "<w:Action><x/></w:Action>",
        "<w:To>http://other.test/</w:To>",
        "<w:ReplyTo><w:Address>http://other.test/</w:Address></w:ReplyTo>",
        "<w:FaultTo><w:Address>http://other.test/</w:Address></w:FaultTo>",
        "<Security xmlns=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\"/>",
    ] {
        assert!(!ok(header), "{header}");
    }
}

#[test]
fn what_no_rule_names_of_an_envelope_is_found() {
    let dialect = dialect();
    let body = envelope(S11, "<trace>1</trace><w:MessageID>1</w:MessageID>", CREATE);
    let fields = [("Content-Type", "text/xml")];
    let view = post_as(&types("soap"), "/", &fields, body.as_bytes(), &dialect).unwrap();
    let unnamed = |named: &[&str]| {
        let named: Vec<_> = named.iter().map(|name| at("soap", name, &dialect)).collect();
        view.unnamed(&named).into_iter().map(|unnamed| unnamed.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(unnamed(&["/warehouse"]), ["operation", "/no", "Header/trace"]);
    assert_eq!(unnamed(&["operation", "/warehouse", "/o:no"]), ["Header/trace"]);
    let empty = envelope(S11, "", "<ping/>");
    let view = post_as(&types("soap"), "/", &fields, empty.as_bytes(), &dialect).unwrap();
    assert!(view.unnamed(&[at("soap", "operation", &dialect)]).is_empty());
}

fn json_rpc<'h>(body: &str, dialect: &'h Dialect) -> Result<RequestView<'h>, BodyError> {
    post_as(&types("json-rpc"), "/", JSON, body.as_bytes(), dialect)
}

#[test]
fn a_json_rpc_call_is_read_by_method_position_and_name() {
    let dialect = dialect();
    let view =
        json_rpc(r#"{"jsonrpc":"2.0","method":"order.delete","params":[{"warehouse":"HF"},7],"id":1}"#, &dialect)
            .unwrap();
    assert_eq!(values(&view, &at("rpc", "method", &dialect)), ["order.delete"]);
    assert_eq!(values(&view, &at("rpc", "/0/warehouse", &dialect)), ["HF"]);
    assert_eq!(values(&view, &at("rpc", "/1", &dialect)), ["7"]);
    let named = [at("rpc", "method", &dialect), at("rpc", "/0/warehouse", &dialect)];
    let unnamed: Vec<String> = view.unnamed(&named).into_iter().map(|unnamed| unnamed.name.to_string()).collect();
    assert_eq!(unnamed, ["/params/*"]);
    let mut view = json_rpc(r#"{"method":"ping","params":{},"id":null}"#, &dialect).unwrap();
    assert!(view.unnamed(&[at("rpc", "method", &dialect)]).is_empty());
    view.set(&at("rpc", "/warehouse", &dialect), &kind(RawParamType::Text), &["HF"]).unwrap();
    assert_eq!(forwarded(&view).1, r#"{"method":"ping","params":{"warehouse":"HF"},"id":null}"#);
}

#[test]
fn an_argument_by_name_is_none_by_position() {
    let dialect = dialect();
    let by_name = json_rpc(r#"{"method":"a","params":{"0":"HF","warehouse":"HF"}}"#, &dialect).unwrap();
    assert!(matches!(by_name.values(&at("rpc", "/0", &dialect)), Err(ParamError::NotScalar { .. })));
    let by_position = json_rpc(r#"{"method":"a","params":["HF"]}"#, &dialect).unwrap();
    assert!(matches!(by_position.values(&at("rpc", "/warehouse", &dialect)), Err(ParamError::NotScalar { .. })));
    let without = json_rpc(r#"{"method":"a"}"#, &dialect).unwrap();
    assert_eq!(without.values(&at("rpc", "/0", &dialect)), Ok(ParamValues::Absent));
}

#[test]
fn a_batch_a_list_of_calls_or_a_broken_call_is_refused() {
    let dialect = dialect();
    for body in [
        r#"[{"method":"a","params":[]}]"#,
        "[]",
        r#""a""#,
        "{}",
        r#"{"method":1}"#,
        r#"{"method":""}"#,
        r#"{"method":["a"]}"#,
        r#"{"method":"a","method":"b"}"#,
        r#"{"method":"a","Method":"b"}"#,
        r#"{"method":"a","params":"x"}"#,
        r#"{"method":"a","jsonrpc":"3.0"}"#,
        r#"{"method":"a","jsonrpc":2}"#,
        r#"{"method":"a","id":{}}"#,
        r#"{"method":"a b"}"#,
        r#"{"method":"system.multicall","params":[[]]}"#,
        r#"{"method":"system\u002emulticall","params":[[]]}"#,
    ] {
        assert!(json_rpc(body, &dialect).is_err(), "{body}");
    }
}

fn xml_rpc<'h>(body: &str, dialect: &'h Dialect) -> Result<RequestView<'h>, BodyError> {
    post_as(&types("xml-rpc"), "/", &[("Content-Type", "text/xml")], body.as_bytes(), dialect)
}

fn call(method: &str, values: &[&str]) -> String {
    let params: String = values.iter().map(|value| format!("<param><value>{value}</value></param>")).collect();
    format!("<methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>")
}

#[test]
fn an_xml_rpc_call_is_read_by_method_position_and_member() {
    let dialect = dialect();
    let object = "<struct><member><name>warehouse</name><value>HF</value></member></struct>";
    let list = "<array><data><value><i4>1</i4></value><value><int>2</int></value></data></array>";
    let view = xml_rpc(&call("order.delete", &[object, list, "<boolean>1</boolean>"]), &dialect).unwrap();
    assert_eq!(values(&view, &at("rpc", "method", &dialect)), ["order.delete"]);
    assert_eq!(values(&view, &at("rpc", "/0/warehouse", &dialect)), ["HF"]);
    assert_eq!(values(&view, &at("rpc", "/1", &dialect)), ["1", "2"]);
    assert_eq!(values(&view, &at("rpc", "/2", &dialect)), ["true"]);
    let named = [at("rpc", "method", &dialect), at("rpc", "/1/*", &dialect)];
    let unnamed: Vec<String> = view.unnamed(&named).into_iter().map(|unnamed| unnamed.name.to_string()).collect();
    assert_eq!(unnamed, ["/*/warehouse", "/*"]);
    let spread = "<?xml version=\"1.0\"?>\n<methodCall>\n <methodName>a</methodName>\n <params>\n <param>\n <value>\n <string> x </string>\n </value></param></params>\n</methodCall>";
    let view = xml_rpc(spread, &dialect).unwrap();
    assert_eq!(values(&view, &at("rpc", "/0", &dialect)), [" x "]);
    let tidy = call("a", &["<string> x </string>"]);
    assert_eq!(forwarded(&view).1, format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>{tidy}"));
}

#[test]
fn an_xml_rpc_call_with_two_readings_is_refused() {
    let dialect = dialect();
    let twice = "<struct><member><name>w</name><value>HF</value></member><member><name>w</name><value>SH</value></member></struct>";
    for body in [
        call("system.multicall", &[]),
        call("", &[]),
        call(" a", &[]),
        call("a", &[twice]),
        call("a", &["x<int>1</int>"]),
        call("a", &["<int>1</int><int>2</int>"]),
        call("a", &["<boolean>true</boolean>"]),
        call("a", &["<Int>1</Int>"]),
        call("a", &["<nil>x</nil>"]),
        call("a", &["<array><data/><data/></array>"]),
        "<methodCall><methodName>a</methodName><methodName>b</methodName></methodCall>".to_owned(),
        "<methodCall><params/><methodName>a</methodName></methodCall>".to_owned(),
        "<methodCall><methodName>a</methodName><params/><params/></methodCall>".to_owned(),
        "<methodCall xmlns='u'><methodName>a</methodName></methodCall>".to_owned(),
        "<methodCall><methodName x='1'>a</methodName></methodCall>".to_owned(),
        "<methodResponse/>".to_owned(),
    ] {
        assert!(xml_rpc(&body, &dialect).is_err(), "{body}");
    }
    // what is encoded once more is never a plain value
    let encoded = xml_rpc(&call("a", &["<base64>SEY=</base64>"]), &dialect).unwrap();
    assert!(matches!(encoded.values(&at("rpc", "/0", &dialect)), Err(ParamError::NotScalar { .. })));
}
