//! XML bodies: one well-formed document, read by paths that know namespaces, and written again from what was read.

use super::{ANY_TYPE, XML, at, forwarded, kind, post, post_as, values};
use bytes::Bytes;
use scopegate::model::Reason;
use scopegate::request::{
    BodyLimits, Charset, Dialect, ParamError, ParamValues, RawList, RawParamType, RequestView, Unnamed,
};

fn dialect() -> Dialect {
    Dialect { namespaces: vec![("o".into(), "urn:orders".into())], ..Dialect::default() }
}

fn written(body: &str) -> String {
    let dialect = dialect();
    let view = post("/", XML, body.as_bytes(), &dialect).unwrap_or_else(|error| panic!("{body}: {error}"));
    String::from_utf8(forwarded(&view).1.to_vec()).unwrap()
}

fn refused(body: &str) {
    let dialect = dialect();
    match post("/", XML, body.as_bytes(), &dialect) {
        Ok(view) => panic!("{body} was read as {:?}", forwarded(&view)),
        Err(error) => assert_eq!(error.reason(), Reason::MalformedBody, "{body}"),
    }
}

fn read(body: &str, path: &str) -> Result<Vec<String>, ParamError> {
    let dialect = dialect();
    let view = post("/", XML, body.as_bytes(), &dialect).unwrap_or_else(|error| panic!("{body}: {error}"));
    let found = view.values(&at("xml", path, &dialect))?;
    Ok(found.as_slice().iter().map(|value| (*value).to_owned()).collect())
}

#[test]
fn a_document_is_forwarded_as_it_was_read() {
    for (sent, expected) in [
        ("<order><warehouse>HF</warehouse></order>", "<order><warehouse>HF</warehouse></order>"),
        ("<a b = 'x\ty&#9;\"&lt;' ></a >", "<a b=\"x y&#9;&quot;&lt;\"/>"),
        ("<a>1<![CDATA[ <&]]>&#65;&#x41;&amp;]]&gt;</a>", "<a>1 &lt;&amp;AA&amp;]]&gt;</a>"),
        ("<a><!-- one -->x<!-- two --></a><!-- three -->\n", "<a>x</a>"),
        ("<?xml version='1.0'?>\n<a>\r\nx\ry&#13;</a>", "<?xml version=\"1.0\" encoding=\"utf-8\"?><a>\nx\ny&#13;</a>"),
        (
            "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><a/>",
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><a/>",
        ),
        (
            "<o:a xmlns:o='urn:orders' o:b='1'><c xmlns='u'/></o:a>",
            "<o:a xmlns:o=\"urn:orders\" o:b=\"1\"><c xmlns=\"u\"/></o:a>",
        ),
    ] {
        assert_eq!(written(sent), expected, "{sent}");
        assert_eq!(written(expected), expected, "{expected}");
    }
    let dialect = dialect();
    let (content_type, _) = forwarded(&post("/", XML, b"<a/>", &dialect).unwrap());
    assert_eq!(content_type, "application/xml; charset=utf-8");
}

#[test]
fn what_is_not_one_well_formed_document_is_refused() {
    for body in [
        "",
        " ",
        "x",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a/>&amp;",
        "<![CDATA[x]]><a/>",
        "<a b=1/>",
        "<a b/>",
        "<a b='1'c='2'/>",
        "<a b='1' b='2'/>",
        "<a b='<'/>",
        "<1a/>",
        "<a:b:c/>",
        "<:a/>",
        "<a:/>",
        "<a>]]></a>",
        "<a>&nbsp;</a>",
        "<a>&</a>",
        "<a>& amp;</a>",
        "<a>&#0;</a>",
        "<a>&#xFFFF;</a>",
        "<a>&#xD800;</a>",
        "<a>&#+65;</a>",
        "<a>&#x;</a>",
        "<a>&#;</a>",
        "<a>&#X41;</a>",
        "<a>\u{1}</a>",
        "<a>\u{fffe}</a>",
        "<a b='&x;'/>",
        "<a><!-- -- --></a>",
        "<a><!-- x --->",
        "< a/>",
        "<a / >",
        "<a><b></a></b>",
        "<o:a/>",
        "<a o:b='1'/>",
        "<a xmlns:o=''/>",
        "<a xmlns:xml='urn:x'/>",
        "<a xmlns:xmlns='urn:x'/>",
        "<a xmlns='u' xmlns='v'/>",
        "<a xmlns:o='u' xmlns:p='u' o:b='1' p:b='2'/>",
        "<?xml version='1.1'?><a/>",
        "<?xml encoding='utf-8'?><a/>",
        "<?xml version='1.0' standalone='yes' encoding='utf-8'?><a/>",
        " <?xml version='1.0'?><a/>",
        "<a><?xml version='1.0'?></a>",
        "<?xml version='1.0'?><?xml version='1.0'?><a/>",
        "<a\0/>",
        "<?xml version='1.0' encoding='UTF-8\u{b}'?><a/>",
        "<?xml version='1.0' standalone='on'?><a/>",
        "<?xml version='1.0'?>\u{feff}<a/>",
        "\u{feff}\u{feff}<a/>",
        "<a>\u{feff}</a>x",
    ] {
        if body.is_empty() {
            continue;
        }
        refused(body);
    }
}

#[test]
fn a_document_type_an_entity_or_a_processing_instruction_is_refused() {
    refused("<!DOCTYPE a [<!ENTITY w \"SH\">]><a>&w;</a>");
    refused("<!DOCTYPE a SYSTEM \"http://x.test/a.dtd\"><a/>");
    refused("<!doctype a><a/>");
    refused("<a>&w;</a>");
    refused("<?xml-stylesheet href=\"x.xsl\"?><a/>");
    refused("<a><?php echo 1 ?></a>");
    refused("<!ELEMENT a ANY><a/>");
}

#[test]
fn a_comment_that_splits_a_value_is_refused() {
    refused("<order><warehouse>HF<!-- -->SH</warehouse></order>");
    refused("<order><warehouse>HF <!-- --> <!-- -->&#83;H</warehouse></order>");
    refused("<order><warehouse>HF<!-- --><![CDATA[SH]]></warehouse></order>");
    assert_eq!(read("<order><warehouse><!-- -->HF<!-- --></warehouse></order>", "/order/warehouse").unwrap(), ["HF"]);
    assert_eq!(read("<order><warehouse>H<![CDATA[F]]></warehouse></order>", "/order/warehouse").unwrap(), ["HF"]);
}

#[test]
fn markup_that_changes_what_a_document_means_is_refused() {
    const XSI: &str =
        "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xmlns:xsd='http://www.w3.org/2001/XMLSchema'";
    refused("<a xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='/etc/passwd'/></a>");
    refused("<a><Include xmlns='http://www.w3.org/2004/08/xop/include' href='cid:1'/></a>");
    refused(&format!("<a {XSI} xsi:schemaLocation='u http://x.test/a.xsd'/>"));
    refused(&format!("<a {XSI} xsi:noNamespaceSchemaLocation='http://x.test/a.xsd'/>"));
    refused(&format!("<a {XSI} xsi:type='Admin'>1</a>"));
    refused(&format!("<a {XSI} xsi:type='xsd:base64Binary'>SEY=</a>"));
    refused(&format!("<a {XSI} xmlns:x='urn:x' xsi:type='x:string'>1</a>"));
    refused(&format!("<a {XSI} xsi:nil='true'>HF</a>"));
    refused(&format!("<a {XSI} xsi:nil='TRUE'/>"));
    assert!(written(&format!("<a {XSI} xsi:type='xsd:string'>1</a>")).contains(">1</a>"));
    assert!(written(&format!("<a {XSI} xsi:nil='true'/>")).contains("xsi:nil"));
}

#[test]
fn a_path_finds_elements_and_attributes_at_their_place_only() {
    let body = "<order id='7'><warehouse>HF</warehouse><lines><line no='1'><sku>A</sku></line><line no='2'><sku>B</sku></line></lines></order>";
    assert_eq!(read(body, "/order/warehouse").unwrap(), ["HF"]);
    assert_eq!(read(body, "/order/@id").unwrap(), ["7"]);
    assert_eq!(read(body, "/order/lines/line/sku").unwrap(), ["A", "B"]);
    assert_eq!(read(body, "/order/lines/*/@no").unwrap(), ["1", "2"]);
    assert_eq!(read(body, "/order/lines/sku").unwrap(), [""; 0]);
    assert_eq!(read(body, "/warehouse").unwrap(), [""; 0]);
    assert!(matches!(read(body, "/order/lines"), Err(ParamError::NotScalar { .. })));
    assert!(matches!(read("<a><b>1<c/></b></a>", "/a/b"), Err(ParamError::NotScalar { .. })));
}

#[test]
fn an_element_that_stands_twice_is_many_and_one_that_is_missing_in_a_list_is_refused() {
    let dialect = dialect();
    let body = "<order><warehouse>HF</warehouse><warehouse>SH</warehouse></order>";
    let view = post("/", XML, body.as_bytes(), &dialect).unwrap();
    assert!(matches!(view.values(&at("xml", "/order/warehouse", &dialect)), Ok(ParamValues::Many(_))));
    let one = post("/", XML, b"<lines><line><w>HF</w></line></lines>", &dialect).unwrap();
    assert!(matches!(one.values(&at("xml", "/lines/*/w", &dialect)), Ok(ParamValues::Many(_))));
    let partly = "<lines><line><w>HF</w></line><line/></lines>";
    assert!(matches!(read(partly, "/lines/line/w"), Err(ParamError::Partial { .. })));
    assert!(matches!(read(partly, "/lines/*/w"), Err(ParamError::Partial { .. })));
}

#[test]
fn an_element_in_another_namespace_or_case_is_refused() {
    for body in [
        "<order><warehouse xmlns='urn:evil'>HF</warehouse></order>",
        "<order xmlns:e='urn:evil'><e:warehouse>HF</e:warehouse></order>",
        "<order xmlns:e='urn:evil'><warehouse>HF</warehouse><e:warehouse>SH</e:warehouse></order>",
        "<order><Warehouse>HF</Warehouse></order>",
        "<order><warehouse>HF</warehouse><WAREHOUSE>SH</WAREHOUSE></order>",
        "<Order><warehouse>HF</warehouse></Order>",
        "<order xmlns='urn:evil'><warehouse xmlns=''>HF</warehouse></order>",
    ] {
        let error = read(body, "/order/warehouse").unwrap_err();
        assert!(matches!(error, ParamError::Spelling { .. }), "{body}: {error}");
    }
    assert!(matches!(read("<a xmlns:e='u' e:id='1'/>", "/a/@id"), Err(ParamError::Spelling { .. })));
}

#[test]
fn an_attribute_and_an_element_of_one_name_are_refused() {
    let body = "<order warehouse='SH'><warehouse>HF</warehouse></order>";
    assert!(matches!(read(body, "/order/warehouse"), Err(ParamError::Spelling { .. })));
    assert!(matches!(read(body, "/order/@warehouse"), Err(ParamError::Spelling { .. })));
}

#[test]
fn a_declared_prefix_stands_for_its_namespace_under_every_prefix_of_the_client() {
    for body in [
        "<o:order xmlns:o='urn:orders'><o:warehouse>HF</o:warehouse></o:order>",
        "<order xmlns='urn:orders'><warehouse>HF</warehouse></order>",
        "<x:order xmlns:x='urn:orders'><y:warehouse xmlns:y='urn:orders'>HF</y:warehouse></x:order>",
    ] {
        assert_eq!(read(body, "/o:order/o:warehouse").unwrap(), ["HF"], "{body}");
    }
    let foreign = "<o:order xmlns:o='urn:evil'><o:warehouse>HF</o:warehouse></o:order>";
    assert!(read(foreign, "/o:order/o:warehouse").is_err());
    assert_eq!(read(foreign, "/*:order/*:warehouse").unwrap(), ["HF"]);
}

#[test]
fn values_are_put_in_and_taken_out_where_the_path_leads() {
    let dialect = dialect();
    let text = kind(RawParamType::Text);
    let list = kind(RawParamType::List(RawList { of: Box::new(RawParamType::Text), separator: None }));
    let changed = |body: &str, change: &dyn Fn(&mut RequestView<'_>)| {
        let mut view = post("/", XML, body.as_bytes(), &dialect).unwrap();
        change(&mut view);
        String::from_utf8(forwarded(&view).1.to_vec()).unwrap()
    };
    let set = |path: &str, kind, values: &'static [&'static str]| {
        let location = at("xml", path, &dialect);
        move |view: &mut RequestView<'_>| view.set(&location, kind, values).unwrap()
    };
    assert_eq!(
        changed("<order><a/></order>", &set("/order/warehouse", &text, &["H<F"])),
        "<order><a/><warehouse>H&lt;F</warehouse></order>"
    );
    assert_eq!(
        changed("<order><w>1</w><a/><w>2</w></order>", &set("/order/w", &list, &["HF", "SH"])),
        "<order><w>HF</w><w>SH</w><a/></order>"
    );
    assert_eq!(changed("<order id='1'/>", &set("/order/@id", &text, &["2"])), "<order id=\"2\"/>");
    assert_eq!(
        changed("<x:order xmlns:x='urn:orders'/>", &set("/o:order/o:w", &text, &["HF"])),
        "<x:order xmlns:x=\"urn:orders\"><x:w>HF</x:w></x:order>"
    );
    assert_eq!(
        changed("<order xmlns='urn:other'><a/></order>", &set("/*:order/w", &text, &["HF"])),
        "<order xmlns=\"urn:other\"><a/><w xmlns=\"\">HF</w></order>"
    );
    let remove = |view: &mut RequestView<'_>| view.remove(&at("xml", "/order/w", &dialect)).unwrap();
    assert_eq!(changed("<order><w/><a/></order>", &remove), "<order><a/></order>");
    let mut view = post("/", XML, b"<order><w/><w/></order>", &dialect).unwrap();
    for (path, values) in [("/order/w/x", ["1"]), ("/other/w", ["1"]), ("/order/*", ["1"]), ("/order/v", ["\u{1}"])] {
        assert!(view.set(&at("xml", path, &dialect), &text, &values).is_err(), "{path}");
    }
}

#[test]
fn elements_attributes_and_texts_that_no_rule_names_are_found() {
    let dialect = dialect();
    let body = "<order id='1'><warehouse u='x'>HF</warehouse><note/>stray<lines><line><sku>A</sku></line><line><sku>B</sku></line></lines></order>";
    let view = post("/", XML, body.as_bytes(), &dialect).unwrap();
    let named = [at("xml", "/order/warehouse", &dialect), at("xml", "/order/@id", &dialect)];
    let found: Vec<String> =
        view.unnamed(&named).iter().map(|Unnamed { place, name }| format!("{place} {name}")).collect();
    assert_eq!(found, ["xml /order/text()", "xml /order/warehouse/@u", "xml /order/note", "xml /order/lines/line/sku"]);
}

#[test]
fn a_document_has_one_character_set() {
    let gbk = Dialect { charset: Charset::Gbk, ..Dialect::default() };
    let post_gbk = |kind: &str, body: &[u8]| {
        let fields = [("Content-Type", kind)];
        let read = post("/", &fields, body, &gbk).map(|view| (forwarded(&view), values(&view, &at("xml", "/a", &gbk))));
        read.map_err(|error| error.reason())
    };
    let declared = b"<?xml version=\"1.0\" encoding=\"GBK\"?><a>\xb2\xd6\xbf\xe2</a>";
    let ((content_type, bytes), found) = post_gbk("text/xml", declared).unwrap();
    assert_eq!((content_type.as_str(), found), ("text/xml; charset=gbk", vec!["仓库".to_owned()]));
    assert_eq!(bytes, Bytes::from_static(b"<?xml version=\"1.0\" encoding=\"gbk\"?><a>\xb2\xd6\xbf\xe2</a>"));
    let ((_, bytes), found) = post_gbk("text/xml; charset=gbk", b"<a>\xb2\xd6&#128512;</a>").unwrap();
    assert_eq!(found, ["仓\u{1f600}"]);
    assert_eq!(bytes, Bytes::from_static(b"<?xml version=\"1.0\" encoding=\"gbk\"?><a>\xb2\xd6&#128512;</a>"));
    assert_eq!(post_gbk("text/xml; charset=utf-8", declared).unwrap_err(), Reason::ContentTypeRefused);
    assert_eq!(
        post_gbk("text/xml", b"<?xml version='1.0' encoding='big5'?><a/>").unwrap_err(),
        Reason::ContentTypeRefused
    );
    assert_eq!(post_gbk("text/xml", b"<a>\xb2\xd6</a>").unwrap_err(), Reason::MalformedBody);
    assert_eq!(post_gbk("text/xml; charset=gbk", b"\xef\xbb\xbf<a/>").unwrap_err(), Reason::ContentTypeRefused);
    // half of a character swallows no markup
    assert_eq!(post_gbk("text/xml; charset=gbk", b"<a>\xb2</a>").unwrap_err(), Reason::ContentTypeRefused);
    let utf16: Vec<u8> = "\u{feff}<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(post_gbk("text/xml", &utf16).is_err());
    assert!(post_gbk("text/xml; charset=utf-16", &utf16).is_err());
}

#[test]
fn a_document_beyond_a_limit_is_refused() {
    let dialect = dialect();
    let read = |body: &str, limits: &BodyLimits| {
        let fields = XML.iter().map(|(name, value)| (*name, value.as_bytes()));
        let mut view = RequestView::new("POST", fields, true, super::parse("/a", &dialect).unwrap(), &dialect);
        view.read_body(&ANY_TYPE, limits, &Bytes::copy_from_slice(body.as_bytes())).map_err(|error| error.reason())
    };
    let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let limits = BodyLimits { depth: 8, nodes: 100, ..BodyLimits::default() };
    assert_eq!((read(&deep(8), &limits), read(&deep(9), &limits)), (Ok(()), Err(Reason::BodyTooDeep)));
    let wide = |width: usize| format!("<a>{}</a>", "<b/>".repeat(width));
    assert_eq!((read(&wide(99), &limits), read(&wide(100), &limits)), (Ok(()), Err(Reason::MalformedBody)));
    let open = "<a>".repeat(300_000);
    assert_eq!(read(&open, &BodyLimits::default()), Err(Reason::BodyTooDeep));
    let spaces: String = (0..200).map(|at| format!(" xmlns:p{at}='urn:{at}'")).collect();
    assert_eq!(read(&format!("<a{spaces}/>"), &BodyLimits::default()), Err(Reason::MalformedBody));
}

#[test]
fn an_envelope_is_not_judged_as_plain_xml() {
    let dialect = dialect();
    let body = b"<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body/></e:Envelope>";
    assert!(post_as(&ANY_TYPE, "/", &[("Content-Type", "text/xml"), ("SOAPAction", "x")], body, &dialect).is_err());
}

#[test]
fn a_parameter_of_the_query_is_refused_where_the_document_has_it_too() {
    let strict = Dialect::default();
    for body in ["<order><warehouse>SH</warehouse></order>", "<warehouse>SH</warehouse>", "<a warehouse='SH'/>"] {
        let view = post("/?warehouse=HF", XML, body.as_bytes(), &strict).unwrap();
        assert!(matches!(view.values(&at("query", "warehouse", &strict)), Err(ParamError::Elsewhere { .. })), "{body}");
    }
}
