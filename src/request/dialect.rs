//! How an application really reads a request, as one table of facts a dialect; nothing here reads a request itself.

use super::allowance::{Allowance, Allowances};
use super::charset::Charset;
use compact_str::CompactString;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// The dialects that are known by name.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// Nothing is known of the application: whatever any of the others would read differently is refused.
    #[default]
    Strict,
    /// PHP. Sources: `main/php_variables.c` (`php_register_variable_ex`), `php.ini` (`request_order`, `max_input_vars`).
    Php,
    /// Java servlets. Sources: Servlet 6.0 section 3.1 (parameters) and 3.5 (path parameters), Tomcat `Parameters.java`.
    Servlet,
    /// ASP.NET. Sources: `HttpRequest.Item`, `HttpValueCollection`, `requestPathInvalidCharacters`.
    Aspnet,
    /// Django. Source: `django/http/request.py` (`QueryDict.__getitem__`), `DATA_UPLOAD_MAX_NUMBER_FIELDS`.
    Django,
    /// Werkzeug and Flask. Source: `werkzeug/datastructures/structures.py` (`MultiDict.__getitem__`, `CombinedMultiDict`).
    Werkzeug,
    /// Node with `qs` (Express `extended`). Source: `qs/lib/parse.js` (`depth` 5, `parameterLimit` 1000).
    NodeQs,
    /// Perl with CGI.pm. Source: `CGI.pm` (`parse_params`, `init`).
    CgiPm,
}

/// What the application makes of a name that is given more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Duplicates {
    /// It takes the first.
    First,
    /// It takes the last.
    Last,
    /// It joins them with commas.
    Join,
    /// It makes a list of them.
    List,
    /// Not known.
    Unknown,
}

/// Which names the application reads as the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Naming {
    /// Only what is spelled the same.
    Exact,
    /// Letter case is ignored.
    Caseless,
    /// `a[b]` is an element of `a`; spaces and dots in `a` are underscores.
    Php,
    /// `a[b]` is an element of `a`.
    Brackets,
    /// Not known: a name that any of the others would read as the same is refused.
    Any,
}

/// A place in the request that the application merges with others under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The query.
    Query,
    /// The form in the body, urlencoded or multipart.
    Form,
    /// The cookies.
    Cookie,
}

impl Place {
    /// The name in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Form => "form",
            Self::Cookie => "cookie",
        }
    }
}

/// The facts of one application's reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Which table the facts began as.
    pub base: Base,
    /// The character set of forms, text fields and cookies.
    pub charset: Charset,
    /// The character set of the query.
    pub query_charset: Charset,
    /// The character set of the path.
    pub path_charset: Charset,
    /// What becomes of repeated names.
    pub duplicates: Duplicates,
    /// Which names are the same name.
    pub naming: Naming,
    /// The places that are read as one.
    pub merge: Vec<Place>,
    /// Whether `;` separates parameters as `&` does.
    pub semicolon_separates: bool,
    /// Whether `+` in query and forms is a space.
    pub plus_is_space: bool,
    /// Whether a query that is one word without `=` is read as the parameter `keywords`.
    pub keyword_query: bool,
    /// Whether the application decodes percent escapes in cookie values.
    pub cookie_escapes: bool,
    /// Whether letter case in paths is ignored.
    pub fold_path: bool,
    /// Whether `;name=value` in a path segment is a parameter that the application strips.
    pub has_path_parameters: bool,
    /// The path parameters that are accepted, in lower case.
    pub path_parameters: Vec<CompactString>,
    /// File extensions of scripts that take the rest of the path as PATH_INFO.
    pub script_extensions: Vec<CompactString>,
    /// The scripts that may be followed by PATH_INFO.
    pub path_info: Vec<CompactString>,
    /// Characters that the application does not take in paths, beside those that nobody may use.
    pub path_refused: Vec<char>,
    /// The number of parameters above which the application ignores the rest or fails.
    pub max_params: usize,
    /// The depth of `a[b][c]` above which the application reads names differently.
    pub max_depth: usize,
    /// Header names that change the method.
    pub override_headers: Vec<CompactString>,
    /// Parameter names that change the method.
    pub override_params: Vec<CompactString>,
    /// The prefixes that rules write in paths into XML, and the namespaces that they stand for.
    pub namespaces: Vec<(CompactString, CompactString)>,
    /// The spellings that are accepted although they are refused by default.
    pub allow: Allowances,
}

/// Headers by which frameworks let a client change the method (FAILURES, method override).
const OVERRIDE_HEADERS: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

fn words(list: &[&str]) -> Vec<CompactString> {
    list.iter().map(|word| CompactString::from(*word)).collect()
}

impl Default for Dialect {
    fn default() -> Self {
        Self::of(Base::Strict)
    }
}

impl Dialect {
    /// The facts of `base`, without overrides.
    #[must_use]
    pub fn of(base: Base) -> Self {
        let strict = Self {
            base,
            charset: Charset::Utf8,
            query_charset: Charset::Utf8,
            path_charset: Charset::Utf8,
            duplicates: Duplicates::Unknown,
            naming: Naming::Any,
            merge: vec![Place::Query, Place::Form],
            semicolon_separates: false,
            plus_is_space: true,
            keyword_query: false,
            cookie_escapes: false,
            fold_path: false,
            has_path_parameters: false,
            path_parameters: Vec::new(),
            script_extensions: Vec::new(),
            path_info: Vec::new(),
            path_refused: Vec::new(),
            max_params: 1000,
            max_depth: 8,
            override_headers: words(&OVERRIDE_HEADERS),
            override_params: words(&["_method"]),
            namespaces: Vec::new(),
            allow: Allowances::NONE,
        };
        match base {
            Base::Strict => strict,
            Base::Php => Self {
                duplicates: Duplicates::Last,
                naming: Naming::Php,
                // `request_order` is "GP" in the php.ini that is shipped; `merge` adds `cookie` where it is not set
                merge: vec![Place::Query, Place::Form],
                cookie_escapes: true,
                script_extensions: words(&["php", "php3", "php4", "php5", "php7", "php8", "phtml", "phar"]),
                // `max_input_vars` = 1000, `max_input_nesting_level` = 64
                max_depth: 64,
                ..strict
            },
            Base::Servlet => {
                Self { duplicates: Duplicates::First, naming: Naming::Exact, has_path_parameters: true, ..strict }
            }
            Base::Aspnet => Self {
                duplicates: Duplicates::Join,
                naming: Naming::Caseless,
                // `HttpRequest.Item` looks in QueryString, Form, Cookies, ServerVariables
                merge: vec![Place::Query, Place::Form, Place::Cookie],
                fold_path: true,
                script_extensions: words(&["aspx", "ashx", "asmx", "axd", "asp", "svc"]),
                // `requestPathInvalidCharacters`; `:` also opens NTFS streams (`::$DATA`)
                // `HttpRequestBase.GetHttpMethodOverride` looks in headers, form and query
                override_params: words(&["X-HTTP-Method-Override"]),
                path_refused: vec!['<', '>', '*', '%', '&', ':', '\\', '?'],
                ..strict
            },
            Base::Django => Self {
                duplicates: Duplicates::Last,
                naming: Naming::Exact,
                merge: Vec::new(),
                override_params: Vec::new(),
                ..strict
            },
            Base::Werkzeug => Self {
                duplicates: Duplicates::First,
                naming: Naming::Exact,
                // `Request.values` combines args and form
                merge: vec![Place::Query, Place::Form],
                override_params: Vec::new(),
                ..strict
            },
            Base::NodeQs => Self {
                duplicates: Duplicates::List,
                naming: Naming::Brackets,
                merge: Vec::new(),
                cookie_escapes: true,
                // Express matches paths without regard to case unless `case sensitive routing` is set
                fold_path: true,
                max_depth: 5,
                ..strict
            },
            Base::CgiPm => Self {
                duplicates: Duplicates::First,
                naming: Naming::Exact,
                // `param` reads the query of a POST only with `$CGI::APPEND_QUERY_STRING`
                merge: Vec::new(),
                semicolon_separates: true,
                keyword_query: true,
                cookie_escapes: true,
                script_extensions: words(&["pl", "cgi"]),
                override_params: Vec::new(),
                ..strict
            },
        }
    }

    /// Whether `place` is among those that the application reads as one.
    #[must_use]
    pub fn merges(&self, place: Place) -> bool {
        self.merge.contains(&place)
    }
}

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
        put(&mut dialect.cookie_escapes, raw.cookie_escapes);
        put(&mut dialect.fold_path, raw.fold_path);
        dialect.has_path_parameters |= raw.path_parameters.is_some();
        put(&mut dialect.path_parameters, lower(raw.path_parameters));
        put(&mut dialect.script_extensions, lower(raw.script_extensions));
        put(&mut dialect.path_info, raw.path_info.map(exact));
        put(&mut dialect.max_params, raw.max_params);
        put(&mut dialect.max_depth, raw.max_depth);
        put(&mut dialect.override_headers, lower(raw.override_headers));
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
