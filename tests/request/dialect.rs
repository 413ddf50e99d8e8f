//! The tables of facts and how the rules spell them.

use super::parse;
use scopegate::request::{Allowance, Base, Charset, Dialect, Naming, Place, RawDialect, RawLocation, RawParamType};

fn read(json: &str) -> Result<Dialect, serde_json::Error> {
    serde_json::from_str::<RawDialect>(json).map(RawDialect::compile)
}

#[test]
fn a_dialect_is_a_name_or_a_name_with_facts_overridden() {
    assert_eq!(read(r#""php""#).unwrap(), Dialect::of(Base::Php));
    assert_eq!(read(r#""node-qs""#).unwrap().base, Base::NodeQs);
    let dialect = read(r#"{"base":"php","merge":["query","form","cookie"],"max-params":500,"charset":"gbk","allow":["double-slash"],"path-info":["index.php"]}"#).unwrap();
    assert_eq!(dialect.merge, [Place::Query, Place::Form, Place::Cookie]);
    assert_eq!((dialect.max_params, dialect.charset, dialect.path_charset), (500, Charset::Gbk, Charset::Gbk));
    assert!(dialect.allow.contains(Allowance::DoubleSlash));
    assert_eq!(dialect.naming, Naming::Php);
    assert!(read(r#""cobol""#).is_err());
    assert!(read(r#"{"base":"php","max-parms":500}"#).is_err());
    assert!(read("3").is_err());
}

#[test]
fn locations_and_types_are_externally_tagged() {
    assert_eq!(
        serde_json::from_str::<RawLocation>(r#"{"query":"warehouse"}"#).unwrap(),
        RawLocation::Query("warehouse".into())
    );
    assert_eq!(serde_json::from_str::<RawParamType>(r#""int""#).unwrap(), RawParamType::Int);
    assert!(
        serde_json::from_str::<RawParamType>(r#"{"list":{"of":"int","separator":","}}"#)
            .unwrap()
            .compile()
            .unwrap()
            .is_list()
    );
    assert!(
        serde_json::from_str::<RawParamType>(r#"{"list":{"of":{"list":{"of":"int"}}}}"#).unwrap().compile().is_err()
    );
    assert!(serde_json::from_str::<RawParamType>(r#"{"code":"("}"#).unwrap().compile().is_err());
    assert!(RawLocation::Json("items".into()).compile(&Dialect::default(), |_| None).is_err());
    assert!(RawLocation::Path("id".into()).compile(&Dialect::default(), |_| None).is_err());
    assert!(RawLocation::Header("host".into()).compile(&Dialect::default(), |_| None).is_err());
}

#[test]
fn semicolons_separate_where_cgi_pm_splits_at_them() {
    let cgi = Dialect::of(Base::CgiPm);
    assert_eq!(parse("/a?x=1;y=2", &cgi).unwrap().query().len(), 2);
    assert_eq!(parse("/a?x=1;y=2", &Dialect::default()).unwrap().query().len(), 1);
}

#[test]
fn more_parameters_than_the_application_reads_are_refused() {
    let php = Dialect::of(Base::Php);
    let query: String = (0..1001).map(|i| format!("a{i}=1&")).collect();
    assert!(parse(&format!("/a?{query}"), &php).is_err());
    let deep = "[a]".repeat(6);
    assert!(parse(&format!("/a?x{deep}=1"), &Dialect::of(Base::NodeQs)).is_err());
    assert!(parse(&format!("/a?x{deep}=1"), &php).is_ok());
}
