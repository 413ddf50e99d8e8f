//! `dialect:` as rules spell it, and how it becomes a table of facts; the tables themselves stand elsewhere.

use super::{Base, Dialect, Duplicates, Naming, Place};
use crate::request::allowance::Allowance;
use crate::request::charset::Charset;
use crate::request::method::OverrideHeaders;
use compact_str::CompactString;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// `dialect:` as the rules spell it: a name, or a name with single facts overridden.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawDialect(RawFacts);

/// A dialect with single facts overridden: `{base: php, merge: [query, form], max-params: 500}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawFacts {
    /// The table of facts to begin with.
    #[serde(default)]
    base: Base,
    /// Character set of query, forms, text fields and cookies.
    charset: Option<Charset>,
    /// Character set of the query, where it is another than that of forms: Tomcat reads the query by `URIEncoding` of the
    /// connector and forms by what the page calls `setCharacterEncoding` with.
    query_charset: Option<Charset>,
    /// Character set of the path; that of the query unless given.
    path_charset: Option<Charset>,
    /// What the application makes of a repeated name.
    duplicates: Option<Duplicates>,
    /// Which names are the same name.
    names: Option<Naming>,
    /// The places that are read as one.
    merge: Option<Vec<Place>>,
    /// Whether `;` separates parameters.
    semicolon_separates: Option<bool>,
    /// Whether `+` in query and forms is a space.
    plus_is_space: Option<bool>,
    /// Whether percent escapes in cookie values are decoded.
    cookie_escapes: Option<bool>,
    /// Whether a cookie's value is cut at `&`.
    cookie_lists: Option<bool>,
    /// Whether a comma ends a cookie.
    cookie_commas: Option<bool>,
    /// How a cookie's value begins where the application reads something else than its text, for example `j:`.
    cookie_prefixes: Option<Vec<String>>,
    /// Methods with which the application reads a form in the body.
    form_methods: Option<Vec<String>>,
    /// Content types that the application reads as JSON; `+json` stands for every type with that suffix.
    json_types: Option<Vec<String>>,
    /// Whether the application finds a parameter of the query also when the request is a POST, where it asks for one wherever it stands.
    query_of_post: Option<bool>,
    /// Parameter names that are never accepted, because the application drops them or others by them.
    refused_names: Option<Vec<String>>,
    /// Whether references such as `&amp;` in names of files are resolved.
    file_name_references: Option<bool>,
    /// Whether names in the head of a part must be ASCII, because the application reads others in another character set.
    part_names_ascii: Option<bool>,
    /// Whether letter case in paths is ignored.
    fold_path: Option<bool>,
    /// Path parameters (`;name=value`) that are accepted, for example `[jsessionid]`.
    path_parameters: Option<Vec<String>>,
    /// Extensions of scripts that take the rest of the path as PATH_INFO.
    script_extensions: Option<Vec<String>>,
    /// Scripts that may be followed by PATH_INFO, for example `[index.php]`.
    path_info: Option<Vec<String>>,
    /// Number of parameters above which a request is refused.
    max_params: Option<usize>,
    /// Depth of `a[b][c]` above which a request is refused.
    max_depth: Option<usize>,
    /// Header names that change the method.
    override_headers: Option<Vec<String>>,
    /// Parameter names that change the method.
    override_params: Option<Vec<String>>,
    /// Prefixes for paths into XML, each with the namespace that it stands for: `{o: "urn:orders"}`.
    namespaces: Option<BTreeMap<String, String>>,
    /// Spellings that are accepted although they are refused by default.
    allow: Option<Vec<Allowance>>,
}

impl RawDialect {
    /// The dialect of this name, without overrides.
    #[must_use]
    pub fn of(base: Base) -> Self {
        Self(RawFacts { base, ..RawFacts::default() })
    }

    /// The same with this character set, if one is given; those of query and path stay where they are given by themselves.
    #[must_use]
    pub fn with_charset(mut self, charset: Option<Charset>) -> Self {
        self.0.charset = charset.or(self.0.charset);
        self
    }

    /// The facts of the named table with the overrides put in.
    #[must_use]
    pub fn compile(self) -> Dialect {
        fn put<T>(fact: &mut T, given: Option<T>) {
            if let Some(given) = given {
                *fact = given;
            }
        }
        fn lower(list: Option<Vec<String>>) -> Option<Vec<CompactString>> {
            list.map(|list| list.iter().map(|word| word.to_ascii_lowercase().into()).collect())
        }
        fn exact(list: Vec<String>) -> Vec<CompactString> {
            list.into_iter().map(CompactString::from).collect()
        }
        let raw = self.0;
        let mut dialect = Dialect::of(raw.base);
        let query_charset = raw.query_charset.or(raw.charset);
        put(&mut dialect.path_charset, raw.path_charset.or(query_charset));
        put(&mut dialect.query_charset, query_charset);
        put(&mut dialect.charset, raw.charset);
        put(&mut dialect.duplicates, raw.duplicates);
        put(&mut dialect.naming, raw.names);
        put(&mut dialect.merge, raw.merge);
        put(&mut dialect.semicolon_separates, raw.semicolon_separates);
        put(&mut dialect.plus_is_space, raw.plus_is_space);
        put(&mut dialect.cookie_escapes, raw.cookie_escapes.map(Some));
        put(&mut dialect.cookie_lists, raw.cookie_lists);
        put(&mut dialect.cookie_commas, raw.cookie_commas);
        put(&mut dialect.cookie_prefixes, raw.cookie_prefixes.map(exact));
        put(&mut dialect.form_methods, raw.form_methods.map(exact));
        put(&mut dialect.json_types, lower(raw.json_types));
        put(&mut dialect.query_of_post, raw.query_of_post);
        put(&mut dialect.refused_names, raw.refused_names.map(exact));
        put(&mut dialect.file_name_references, raw.file_name_references);
        put(&mut dialect.part_names_ascii, raw.part_names_ascii);
        put(&mut dialect.fold_path, raw.fold_path);
        dialect.has_path_parameters |= raw.path_parameters.is_some();
        put(&mut dialect.path_parameters, lower(raw.path_parameters));
        put(&mut dialect.script_extensions, lower(raw.script_extensions));
        put(&mut dialect.path_info, raw.path_info.map(exact));
        put(&mut dialect.max_params, raw.max_params);
        put(&mut dialect.max_depth, raw.max_depth);
        put(&mut dialect.override_headers, lower(raw.override_headers).map(OverrideHeaders::from));
        put(&mut dialect.override_params, raw.override_params.map(exact));
        let pairs = |map: BTreeMap<String, String>| map.into_iter().map(|(a, b)| (a.into(), b.into())).collect();
        put(&mut dialect.namespaces, raw.namespaces.map(pairs));
        put(&mut dialect.allow, raw.allow.map(|allow| allow.into_iter().collect()));
        dialect
    }
}

impl<'de> Deserialize<'de> for RawDialect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrFacts;
        impl<'de> Visitor<'de> for NameOrFacts {
            type Value = RawDialect;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a dialect or a mapping with `base`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<RawDialect, E> {
                Base::deserialize(de::value::StrDeserializer::new(name)).map(RawDialect::of)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawDialect, A::Error> {
                RawFacts::deserialize(de::value::MapAccessDeserializer::new(map)).map(RawDialect)
            }
        }
        deserializer.deserialize_any(NameOrFacts)
    }
}

impl schemars::JsonSchema for RawDialect {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Dialect".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let name = generator.subschema_for::<Base>();
        let facts = generator.subschema_for::<RawFacts>();
        schemars::json_schema!({ "anyOf": [name, facts] })
    }
}
