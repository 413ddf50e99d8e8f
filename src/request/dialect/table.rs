//! The tables themselves: what each application is known to do, from its source. `docs/dialects.md` names source and proof of every line.

use super::{Base, Dialect, Duplicates, Naming, Place};
use crate::request::allowance::Allowances;
use crate::request::charset::Charset;
use compact_str::CompactString;

/// Headers by which frameworks let a client change the method (FAILURES, method override).
const OVERRIDE_HEADERS: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Methods that may have a body.
const ANY_METHOD: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Every type that somebody reads as JSON.
const ANY_JSON: [&str; 5] =
    ["application/json", "+json", "text/json", "application/json-rpc", "application/jsonrequest"];

/// Fields that CGI.pm uses itself.
const CGI_FIELDS: [&str; 3] = [".defaults", ".submit", ".cgifields"];

/// Names of the object prototype, which `qs` drops.
const PROTOTYPE: [&str; 12] = [
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
];

fn words(list: &[&str]) -> Vec<CompactString> {
    list.iter().map(|word| CompactString::from(*word)).collect()
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
            cookie_escapes: None,
            cookie_lists: true,
            cookie_commas: true,
            cookie_prefixes: words(&["j:", "s:"]),
            form_methods: words(&["POST"]),
            json_types: words(&["application/json"]),
            query_of_post: false,
            refused_names: [words(&CGI_FIELDS), words(&PROTOTYPE)].concat(),
            file_name_references: true,
            part_names_ascii: true,
            fold_path: false,
            has_path_parameters: false,
            path_parameters: Vec::new(),
            script_extensions: Vec::new(),
            path_info: Vec::new(),
            path_refused: Vec::new(),
            max_params: 1000,
            max_depth: 8,
            override_headers: words(&OVERRIDE_HEADERS).into(),
            override_params: words(&["_method"]),
            namespaces: Vec::new(),
            allow: Allowances::NONE,
        };
        // what only some of them do, so that nobody knows of whoever else it may be
        let known = Self {
            cookie_escapes: Some(false),
            cookie_lists: false,
            cookie_commas: false,
            cookie_prefixes: Vec::new(),
            json_types: words(&ANY_JSON),
            query_of_post: true,
            refused_names: Vec::new(),
            file_name_references: false,
            part_names_ascii: false,
            ..strict.clone()
        };
        match base {
            Base::Strict => strict,
            Base::Php => Self {
                duplicates: Duplicates::Last,
                naming: Naming::Php,
                // `request_order` is "GP" in the php.ini that is shipped; `merge` adds `cookie` where it is not set
                merge: vec![Place::Query, Place::Form],
                cookie_escapes: Some(true),
                script_extensions: words(&["php", "php3", "php4", "php5", "php7", "php8", "phtml", "phar"]),
                // `max_input_vars` = 1000, `max_input_nesting_level` = 64
                max_depth: 64,
                ..known
            },
            Base::Servlet => {
                Self { duplicates: Duplicates::First, naming: Naming::Exact, has_path_parameters: true, ..known }
            }
            Base::Aspnet => Self {
                duplicates: Duplicates::Join,
                naming: Naming::Caseless,
                // `HttpRequest.Item` looks in QueryString, Form, Cookies, ServerVariables
                merge: vec![Place::Query, Place::Form, Place::Cookie],
                fold_path: true,
                script_extensions: words(&["aspx", "ashx", "asmx", "axd", "asp", "svc"]),
                // `HttpRequest.FillInFormCollection` goes by the content type and not by the method
                form_methods: words(&ANY_METHOD),
                // `HttpRequestBase.GetHttpMethodOverride` looks in headers, form and query
                override_params: words(&["X-HTTP-Method-Override"]),
                // `requestPathInvalidCharacters`; `:` also opens NTFS streams (`::$DATA`)
                path_refused: vec!['<', '>', '*', '%', '&', ':', '\\', '?'],
                ..known
            },
            Base::Django => Self {
                duplicates: Duplicates::Last,
                naming: Naming::Exact,
                merge: Vec::new(),
                override_params: Vec::new(),
                // `MultiPartParser.sanitize_file_name` calls `html.unescape`
                file_name_references: true,
                ..known
            },
            Base::Werkzeug => Self {
                duplicates: Duplicates::First,
                naming: Naming::Exact,
                // `Request.values` combines args and form
                merge: vec![Place::Query, Place::Form],
                override_params: Vec::new(),
                // `Request.values` leaves the form out with GET alone
                form_methods: words(&["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
                // `Request.is_json`
                json_types: words(&["application/json", "+json"]),
                ..known
            },
            Base::NodeQs => Self {
                duplicates: Duplicates::List,
                naming: Naming::Brackets,
                merge: Vec::new(),
                cookie_escapes: Some(true),
                // Express matches paths without regard to case unless `case sensitive routing` is set
                fold_path: true,
                max_depth: 5,
                // cookie-parser reads `j:` as JSON and `s:` as signed
                cookie_prefixes: words(&["j:", "s:"]),
                // body-parser goes by the content type and not by the method
                form_methods: words(&ANY_METHOD),
                json_types: words(&["application/json"]),
                refused_names: words(&PROTOTYPE),
                // multer reads names in the head of a part as Latin-1
                part_names_ascii: true,
                ..known
            },
            Base::CgiPm => Self {
                duplicates: Duplicates::First,
                naming: Naming::Exact,
                // `param` reads the query of a POST only with `$CGI::APPEND_QUERY_STRING`
                merge: Vec::new(),
                semicolon_separates: true,
                keyword_query: true,
                cookie_escapes: Some(true),
                script_extensions: words(&["pl", "cgi"]),
                override_params: Vec::new(),
                // `param` reads the query only where the method has no body
                query_of_post: false,
                // `.defaults` deletes every other parameter
                refused_names: words(&CGI_FIELDS),
                // CGI::Cookie splits the field at `;` and `,`, and values at `&`
                cookie_lists: true,
                cookie_commas: true,
                ..known
            },
        }
    }
}
