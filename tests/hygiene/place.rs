//! Values in every place of a request, tried by somebody who may look at one warehouse: what reaches the application is what was judged.

use crate::browser::Browser;
use crate::world::{Received, World};

const FORM: &str = "application/x-www-form-urlencoded";

/// The key of `picker.hf`, who may look at the stock of HF, and change nothing.
const PICKER: &str = "k-91d0b8e6f4";

fn world(rules: &str) -> World {
    World::with(rules, |settings| {
        let roles = "dimensions: {warehouse: {}}\npermissions:\n  stock:view: {effect: none}\n  stock:change: {}\nroles:\n  \
            keeper: {permissions: [stock:view, stock:change]}\n  picker: {permissions: [stock:view]}\n";
        std::fs::write(settings.routes.join("roles.yaml"), roles).unwrap();
        let people = settings.routes.join("people.yaml");
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, PICKER.as_bytes());
        let hash: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let text = std::fs::read_to_string(&people).unwrap()
            + &format!(
                "  picker.hf:\n    api-keys: [{{sha256: \"{hash}\"}}]\n    assignments: [{{role: picker, scope: {{warehouse: [HF]}}}}]\n"
            );
        std::fs::write(people, text).unwrap();
    })
}

fn picker(world: &World) -> Browser {
    world.anybody().with("X-Api-Key", PICKER)
}

/// What the application received as the body of the one request that came through.
fn one(world: &World) -> Received {
    let mut received = world.application.take();
    assert_eq!(received.len(), 1, "{received:#?}");
    received.remove(0)
}

fn send(browser: &mut Browser, target: &str, kind: &str, body: &str) -> (u16, Option<String>) {
    let seen = browser.send("POST", target, &[("Content-Type", kind)], body.as_bytes());
    (seen.status, seen.reason().map(ToOwned::to_owned))
}

/// Every one of these is refused for this reason, and the application hears of none.
fn refused(world: &World, target: &str, kind: &str, reason: &str, bodies: &[&str]) {
    let mut picker = picker(world);
    for body in bodies {
        assert_eq!(send(&mut picker, target, kind, body).1.as_deref(), Some(reason), "{body}");
    }
    assert!(world.application.take().is_empty());
}

const XML_RULES: &str = "dialect: {namespaces: {o: \"urn:orders\"}}
routes:
  - id: stock.find
    match: POST /find
    permission: stock:view
    scope: {warehouse: {xml: \"/o:find/o:warehouse\", absent: fill}}
    params: {page: {at: {xml: \"/o:find/@page\"}, type: int}}
  - id: stock.list
    match: POST /list
    permission: stock:view
    scope: {warehouse: {xml: /list/*/warehouse, type: {list: {of: text}}}}
";

#[test]
fn an_xml_body_reaches_the_application_as_it_was_judged() {
    let world = world(XML_RULES);
    let mut picker = picker(&world);
    let body = "<?xml version=\"1.0\"?>\r\n<!-- x --><f:find page='2' xmlns:f='urn:orders'><f:warehouse><![CDATA[H]]>&#x46;</f:warehouse></f:find>";
    assert_eq!(send(&mut picker, "/find", "text/xml", body).0, 200);
    let received = one(&world);
    assert_eq!(received.values("content-type"), ["text/xml; charset=utf-8"]);
    let text = String::from_utf8(received.body).unwrap();
    assert_eq!(
        text,
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><f:find xmlns:f=\"urn:orders\" page=\"2\"><f:warehouse>HF</f:warehouse></f:find>"
    );
    assert_eq!(send(&mut picker, "/find", "text/xml", "<find xmlns='urn:orders'/>").0, 200);
    assert_eq!(one(&world).body, b"<find xmlns=\"urn:orders\"><warehouse>HF</warehouse></find>");
    let list = "<list><line><warehouse>HF</warehouse></line><row><warehouse>HF</warehouse></row></list>";
    assert_eq!(send(&mut picker, "/list", "application/xml", list).0, 200);
    assert_eq!(one(&world).body, list.as_bytes());
}

#[test]
fn an_xml_body_with_another_reading_is_refused() {
    let world = world(XML_RULES);
    let in_find = |inner: &str| format!("<find xmlns=\"urn:orders\" xmlns:e=\"urn:evil\">{inner}</find>");
    let ambiguous = [
        "<e:warehouse>HF</e:warehouse>",
        "<warehouse>HF</warehouse><e:warehouse>SH</e:warehouse>",
        "<WareHouse>HF</WareHouse>",
    ]
    .map(in_find);
    let texts: Vec<&str> = ambiguous.iter().map(String::as_str).collect();
    refused(&world, "/find", "text/xml", "ambiguous-parameter", &texts);
    let twice = in_find("<warehouse>HF</warehouse><warehouse>SH</warehouse>");
    refused(&world, "/find", "text/xml", "ambiguous-parameter", &[&twice]);
    refused(
        &world,
        "/find",
        "text/xml",
        "out-of-scope",
        &[&in_find("<warehouse>SH</warehouse>"), &in_find("<warehouse> HF </warehouse>")],
    );
    refused(
        &world,
        "/find",
        "text/xml",
        "unknown-parameter",
        &[&in_find("<warehouse>HF</warehouse><depth>all</depth>"), &in_find("<warehouse u=\"1\">HF</warehouse>")],
    );
    let entity = "<!DOCTYPE f [<!ENTITY w \"SH\">]><find xmlns=\"urn:orders\"><warehouse>&w;</warehouse></find>";
    let split = in_find("<warehouse>HF<!-- -->x</warehouse>");
    refused(&world, "/find", "text/xml", "malformed-body", &[entity, &split, "<find", "{}"]);
    refused(
        &world,
        "/find",
        "text/xml; charset=utf-7",
        "content-type-refused",
        &[&in_find("<warehouse>HF</warehouse>")],
    );
    refused(&world, "/find", "application/json", "content-type-refused", &["{\"warehouse\": \"HF\"}"]);
    let one_outside = "<list><line><warehouse>HF</warehouse></line><line><warehouse>SH</warehouse></line></list>";
    refused(&world, "/list", "text/xml", "out-of-scope", &[one_outside]);
    refused(
        &world,
        "/list",
        "text/xml",
        "parameter-type",
        &["<list><line><warehouse>HF</warehouse></line><line/></list>"],
    );
}

const CALL_RULES: &str = "routes:
  - id: stock.service
    match: POST /service.asmx
    operation: {by: {soap: operation}, cases: {List: stock:view, Clear: stock:change}}
    scope: {warehouse: {soap: /warehouse}}
    body: {accept: soap, action: \"urn:stock#{operation}\"}
  - id: stock.call
    match: POST /rpc
    operation: {by: {rpc: method}, cases: {list: stock:view, clear: stock:change}}
    scope: {warehouse: {rpc: /0/warehouse}}
    body: {accept: [json-rpc, xml-rpc]}
  - id: stock.model
    match: POST /web/dataset/call_kw
    where: {rpc: {method: call}}
    operation:
      by: {rpc: /model}
      cases:
        stock.quant: {by: {rpc: /method}, cases: {search_read: stock:view, write: stock:change}}
    scope: {warehouse: {rpc: /kwargs/context/warehouse}}
    params: {args: {at: {rpc: /args/*}, type: {list: {of: text}}}}
    body: {accept: json-rpc}
";

#[test]
fn a_soap_call_is_the_one_that_its_body_names() {
    let world = world(CALL_RULES);
    let mut picker = picker(&world);
    let envelope = |operation: &str| {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><{operation}><warehouse>HF</warehouse></{operation}></s:Body></s:Envelope>"
        )
    };
    let mut call = |operation: &str, action: &[(&str, &str)]| {
        let fields = [&[("Content-Type", "text/xml")], action].concat();
        let seen = picker.send("POST", "/service.asmx", &fields, envelope(operation).as_bytes());
        seen.reason().unwrap_or("permitted").to_owned()
    };
    assert_eq!(call("List", &[("SOAPAction", "\"urn:stock#List\"")]), "permitted");
    assert_eq!(call("List", &[]), "permitted");
    for received in world.application.take() {
        assert_eq!(received.values("soapaction"), ["\"urn:stock#List\""]);
        assert_eq!(received.body, envelope("List").as_bytes());
    }
    assert_eq!(call("Clear", &[("SOAPAction", "\"urn:stock#Clear\"")]), "not-granted");
    assert_eq!(call("Drop", &[("SOAPAction", "\"urn:stock#Drop\"")]), "unknown-operation");
    // servers choose by the one or by the other
    assert_eq!(call("List", &[("SOAPAction", "\"urn:stock#Clear\"")]), "malformed-body");
    assert_eq!(
        call("List", &[("SOAPAction", "\"urn:stock#List\""), ("SoapAction", "\"urn:stock#Clear\"")]),
        "malformed-body"
    );
    assert!(world.application.take().is_empty());
}

#[test]
fn a_call_by_json_or_xml_is_judged_by_its_method_and_arguments() {
    let world = world(CALL_RULES);
    let mut picker = picker(&world);
    let json = |method: &str, warehouse: &str| {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\",\"params\":[{{\"warehouse\":\"{warehouse}\"}}],\"id\":1}}"
        )
    };
    let xml = |method: &str, warehouse: &str| {
        format!(
            "<methodCall><methodName>{method}</methodName><params><param><value><struct><member><name>warehouse</name><value>{warehouse}</value></member></struct></value></param></params></methodCall>"
        )
    };
    for kind in ["application/json", "text/xml"] {
        let body = |method: &str, warehouse: &str| match kind {
            "text/xml" => xml(method, warehouse),
            _ => json(method, warehouse),
        };
        assert_eq!(send(&mut picker, "/rpc", kind, &body("list", "HF")).0, 200);
        assert_eq!(one(&world).body, body("list", "HF").as_bytes());
        refused(&world, "/rpc", kind, "not-granted", &[&body("clear", "HF")]);
        refused(&world, "/rpc", kind, "unknown-operation", &[&body("drop", "HF")]);
        refused(&world, "/rpc", kind, "out-of-scope", &[&body("list", "SH")]);
        refused(&world, "/rpc", kind, "malformed-body", &[&body("system.multicall", "HF")]);
    }
    let batch = format!("[{},{}]", json("list", "HF"), json("clear", "HF"));
    let twice = json("list", "HF").replace("\"id\"", "\"method\":\"clear\",\"id\"");
    refused(
        &world,
        "/rpc",
        "application/json",
        "malformed-body",
        &[&batch, &twice, &twice.replace("method\":\"clear", "Method\":\"clear")],
    );
}

#[test]
fn a_model_and_its_method_select_the_permission_together() {
    let world = world(CALL_RULES);
    let mut picker = picker(&world);
    let call = |model: &str, method: &str| {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"call\",\"params\":{{\"model\":\"{model}\",\"method\":\"{method}\",\"args\":[],\"kwargs\":{{\"context\":{{\"warehouse\":\"HF\"}}}}}},\"id\":7}}"
        )
    };
    assert_eq!(
        send(&mut picker, "/web/dataset/call_kw", "application/json", &call("stock.quant", "search_read")).0,
        200
    );
    assert_eq!(one(&world).body, call("stock.quant", "search_read").as_bytes());
    let path = "/web/dataset/call_kw";
    refused(&world, path, "application/json", "not-granted", &[&call("stock.quant", "write")]);
    refused(
        &world,
        path,
        "application/json",
        "unknown-operation",
        &[&call("stock.quant", "unlink"), &call("res.users", "search_read")],
    );
    refused(
        &world,
        path,
        "application/json",
        "unknown-parameter",
        &[&call("stock.quant", "search_read").replace("\"args\"", "\"domain\":1,\"args\"")],
    );
    refused(
        &world,
        path,
        "application/json",
        "no-route",
        &[&call("stock.quant", "search_read").replace("\"call\"", "\"execute\"")],
    );
}

const BUTTON_RULES: &str = "dialect: cgi-pm
routes:
  - id: stock.form
    match: POST /order.pl
    operation:
      by-name: form
      cases: {submit_view: stock:view, submit_delete: stock:change, print.x: stock:view}
    params: {sku: text}
  - id: stock.page
    match: POST /page.pl
    operation:
      by: {form: action}
      cases:
        view: stock:view
        edit: {by: {form: sub}, cases: {show: stock:view, remove: stock:change}, absent: stock:view}
    others: forward
";

#[test]
fn the_button_that_was_pressed_selects_the_permission() {
    let world = world(BUTTON_RULES);
    let mut keeper = world.keeper();
    for body in ["sku=A&submit_delete=", "sku=A&submit_view=View", "print.x=3&print.y=5&sku=A"] {
        assert_eq!(send(&mut keeper, "/order.pl", FORM, body).0, 200, "{body}");
        assert_eq!(one(&world).body, body.as_bytes());
    }
    let refused = |keeper: &mut Browser, reason: &str, body: &str| {
        assert_eq!(send(keeper, "/order.pl", FORM, body).1.as_deref(), Some(reason), "{body}");
    };
    refused(&mut keeper, "unknown-operation", "sku=A");
    refused(&mut keeper, "unknown-parameter", "sku=A&submit_view=1&submit_all=1");
    refused(&mut keeper, "ambiguous-parameter", "print.x=3&sku=A");
    refused(&mut keeper, "unknown-parameter", "submit_view=1&Submit_Delete=1&sku=A");
    let mut picker = picker(&world);
    refused(&mut picker, "not-granted", "sku=A&submit_delete=Delete");
    assert!(world.application.take().is_empty());
}

#[test]
fn two_buttons_at_once_are_refused() {
    let world = world(BUTTON_RULES);
    refused(
        &world,
        "/order.pl",
        FORM,
        "ambiguous-parameter",
        &[
            "submit_view=1&submit_delete=1",
            "submit_view=&submit_delete=",
            "print.x=1&print.y=1&submit_delete=1",
            "submit_view=1&submit_view=2",
        ],
    );
}

#[test]
fn a_selector_of_another_case_is_refused() {
    let world = world(BUTTON_RULES);
    let mut keeper = world.keeper();
    for body in ["action=edit&sub=remove", "action=edit", "action=view", "action=view&sub="] {
        assert_eq!(send(&mut keeper, "/page.pl", FORM, body).0, 200, "{body}");
    }
    assert_eq!(world.application.take().len(), 4);
    assert_eq!(send(&mut keeper, "/page.pl", FORM, "action=view&sub=remove").1.as_deref(), Some("unknown-operation"));
    refused(
        &world,
        "/page.pl",
        FORM,
        "unknown-operation",
        &["action=edit&sub=drop", "sub=remove", "action=view&sub=remove"],
    );
}

const JSON_IN_RULES: &str = "routes:
  - id: stock.bill
    match: POST /bill
    permission: stock:view
    scope: {warehouse: {json-in: {form: jsonStr, pointer: /head/warehouse}}}
    params: {rows: {at: {json-in: {form: jsonStr, pointer: /rows/*/sku}}, type: {list: {of: text}}}}
  - id: stock.search
    match: GET /search
    permission: stock:view
    scope: {warehouse: {json-in: {query: q, pointer: /warehouse}, absent: fill}}
";

#[test]
fn json_inside_of_a_parameter_is_judged_and_forwarded_as_it_was_read() {
    let world = world(JSON_IN_RULES);
    let mut picker = picker(&world);
    let form = |json: &str| form_urlencoded::Serializer::new(String::new()).append_pair("jsonStr", json).finish();
    let sent = form(r#"{ "head": {"warehouse": "\u0048F"}, "rows": [{"sku": "A"}, {"sku": "B"}] }"#);
    assert_eq!(send(&mut picker, "/bill", FORM, &sent).0, 200);
    let body = one(&world).body;
    let read: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    assert_eq!(
        read,
        [("jsonStr".to_owned(), r#"{"head":{"warehouse":"HF"},"rows":[{"sku":"A"},{"sku":"B"}]}"#.to_owned())]
    );
    assert_eq!(picker.get("/search?q=%7B%7D").status, 200);
    assert_eq!(one(&world).line(), "GET /search?q=%7B%22warehouse%22%3A%22HF%22%7D HTTP/1.1");
    let outside = form(r#"{"head":{"warehouse":"SH"}}"#);
    refused(&world, "/bill", FORM, "out-of-scope", &[&outside]);
    let unnamed = form(r#"{"head":{"warehouse":"HF"},"all":true}"#);
    refused(&world, "/bill", FORM, "unknown-parameter", &[&unnamed]);
    let broken = [
        form(r#"{"head":{"warehouse":"HF","warehouse":"SH"}}"#),
        form(r#"{"head":{"warehouse":"HF"}} {}"#),
        form("{'head':{'warehouse':'HF'}}"),
        form(r#"{"head":{"warehouse":"HF"},"head":{"warehouse":"SH"}}"#),
        format!("{0}&{0}", form(r#"{"head":{"warehouse":"HF"}}"#)),
        form(r#"{"head":{"warehouse":"HF","Warehouse":"SH"}}"#),
    ];
    refused(&world, "/bill", FORM, "ambiguous-parameter", &broken.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(send(&mut picker, "/bill", FORM, "jsonStr=").1.as_deref(), Some("scope-missing"));
}

const FILE_RULES: &str = "routes:
  - id: stock.import
    match: POST /import
    permission: stock:view
    scope: {warehouse: ignored}
    params:
      files: {at: {file-name: sheet}, type: {list: {of: {code: \"[A-Za-z0-9_-]{1,40}\\\\.(csv|xlsx)\"}}}}
      note: {at: {multipart: note}, type: text}
    others: refuse
    body: {accept: multipart, cap: 4KiB}
";

#[test]
fn only_files_with_names_of_the_form_that_the_rule_gives_reach_the_application() {
    let world = world(FILE_RULES);
    let mut picker = picker(&world);
    let part = |disposition: &str, text: &str| {
        format!("--XX\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{text}\r\n")
    };
    let body = |parts: &[String]| format!("{}--XX--\r\n", parts.concat());
    let kind = "multipart/form-data; boundary=XX";
    let file = |name: &str| part(&format!("name=\"sheet\"; filename=\"{name}\""), "a;b");
    for parts in
        [vec![file("a-1.csv")], vec![file("a.csv"), file("b.xlsx")], vec![part("name=\"sheet\"; filename=\"\"", "")]]
    {
        assert_eq!(send(&mut picker, "/import", kind, &body(&parts)).0, 200, "{parts:?}");
        let received = one(&world);
        assert_eq!(String::from_utf8_lossy(&received.body).matches("filename=").count(), parts.len());
    }
    let refused_for = |reason: &str, parts: &[String]| refused(&world, "/import", kind, reason, &[&body(parts)]);
    for name in ["a.php", "a.csv.php", ".csv", "a.csv;.php", "a..csv", "shell.jsp%00.csv", "CON"] {
        refused_for("parameter-type", &[file(name)]);
    }
    for name in ["../../a.csv", "/etc/a.csv", "..\\a.csv", "C:\\a.csv"] {
        refused_for("malformed-body", &[file(name)]);
    }
    refused_for("parameter-type", &[file("a.csv"), file("b.exe")]);
    for name in ["a.csv ", " a.csv", "a%22.csv"] {
        refused_for("ambiguous-parameter", &[file(name)]);
    }
    refused_for("ambiguous-parameter", &[part("name=\"sheet\"", "not a file")]);
    refused_for("ambiguous-parameter", &[part("name=\"sheet\"; filename=\"\"", "content")]);
    refused_for("unknown-parameter", &[part("name=\"other\"; filename=\"a.csv\"", "x")]);
    refused_for("malformed-body", &[part("name=\"sheet\"; filename=\"a.csv\"; filename*=utf-8''b.php", "x")]);
    refused_for("malformed-body", &[part("name=\"sheet\"; filename=\"a.csv\"; filename=\"b.php\"", "x")]);
    refused_for("body-too-large", &[part("name=\"sheet\"; filename=\"a.csv\"", &"x".repeat(5000))]);
}

const CHARSET_RULES: &str = "charset: gbk
dialect: {base: servlet, query-charset: utf-8}
routes:
  - id: stock.find
    match: GET|POST /find
    permission: stock:view
    scope: {warehouse: ignored}
    params: {name: {at: {query: name}, type: text}, note: {at: {form: note}, type: text}}
    others: refuse
";

#[test]
fn the_query_has_the_character_set_of_the_connector_and_the_form_that_of_the_page() {
    let world = world(CHARSET_RULES);
    let mut picker = picker(&world);
    assert_eq!(send(&mut picker, "/find?name=%E4%BB%93", FORM, "note=%B2%D6").0, 200);
    let received = one(&world);
    assert_eq!((received.line(), &received.body[..]), ("POST /find?name=%E4%BB%93 HTTP/1.1", &b"note=%B2%D6"[..]));
    assert_eq!(picker.get("/find?name=%B2%D6").status, 400);
    // half of a character swallows neither the separator nor what follows
    for body in ["note=%B2&name=x", "note=%B2", "note=%81%30%81%30", "note=%80%FF"] {
        let seen = send(&mut picker, "/find", FORM, body);
        assert_eq!(seen.0, 400, "{body}");
    }
    assert!(world.application.take().is_empty());
}

const METHOD_RULES: &str = "routes:
  - {id: stock.list, match: GET /stock, permission: stock:view, scope: {warehouse: {query: warehouse}}}
  - {id: stock.change, match: POST /stock, permission: stock:change, scope: {warehouse: {form: warehouse}}}
  - {id: stock.options, match: OPTIONS /api, public: true}
";

#[test]
fn head_is_judged_as_get_and_options_only_where_a_rule_lists_it() {
    let world = world(METHOD_RULES);
    let mut picker = picker(&world);
    assert_eq!(picker.send("HEAD", "/stock?warehouse=HF", &[], b"").status, 200);
    assert_eq!(one(&world).line(), "HEAD /stock?warehouse=HF HTTP/1.1");
    assert_eq!(picker.send("HEAD", "/stock?warehouse=SH", &[], b"").status, 403);
    let preflight = [("Origin", "https://other.test"), ("Access-Control-Request-Method", "POST")];
    let seen = picker.send("OPTIONS", "/stock", &preflight, b"");
    assert_eq!((seen.status, seen.reason()), (405, Some("method-not-listed")));
    assert_eq!(seen.field("access-control-allow-origin"), None);
    for method in ["PUT", "DELETE", "PATCH", "PROPFIND", "get"] {
        assert!(picker.send(method, "/stock?warehouse=HF", &[], b"").status >= 400, "{method}");
    }
    assert!(world.application.take().is_empty());
    assert_eq!(world.anybody().send("OPTIONS", "/api", &preflight, b"").status, 200);
    assert_eq!(one(&world).line(), "OPTIONS /api HTTP/1.1");
}

#[test]
fn an_empty_list_reaches_the_application_as_an_empty_list() {
    let world = world(
        "routes:
  - id: stock.pick
    match: POST /pick
    permission: stock:view
    scope: {warehouse: ignored}
    params: {skus: {at: {json: /rows/*/sku}, type: {list: {of: text}}}}
",
    );
    let mut picker = picker(&world);
    assert_eq!(send(&mut picker, "/pick", "application/json", "{\"rows\": []}").0, 200);
    assert_eq!(one(&world).body, b"{\"rows\":[]}");
}
