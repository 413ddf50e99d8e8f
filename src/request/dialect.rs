//! How an application really reads a request: the facts that there are, one table of them a dialect; nothing here reads a request itself.

mod raw;
mod table;
mod told;

use super::allowance::Allowances;
use super::charset::Charset;
use super::method::OverrideHeaders;
use compact_str::CompactString;

pub use raw::RawDialect;

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
    /// Whether the application decodes percent escapes in cookie values; `None` where that is not known.
    pub cookie_escapes: Option<bool>,
    /// Whether a value is cut at `&` where a cookie is read.
    pub cookie_lists: bool,
    /// Whether a comma ends a cookie as `;` does.
    pub cookie_commas: bool,
    /// How a cookie's value begins where the application reads something else than its text.
    pub cookie_prefixes: Vec<CompactString>,
    /// The methods with which the application reads a form in the body.
    pub form_methods: Vec<CompactString>,
    /// The content types that the application reads as JSON; `+json` stands for every type with that suffix.
    pub json_types: Vec<CompactString>,
    /// Whether whoever asks for a parameter wherever it stands finds that of the query when the request is a POST.
    pub query_of_post: bool,
    /// Parameter names by which the application drops or changes other parameters, or that it drops.
    pub refused_names: Vec<CompactString>,
    /// Whether the application takes references such as `&amp;` in names of files for what they stand for.
    pub file_name_references: bool,
    /// Whether the application reads other letters than those of ASCII in the head of a part as another character set has them.
    pub part_names_ascii: bool,
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
    pub override_headers: OverrideHeaders,
    /// Parameter names that change the method.
    pub override_params: Vec<CompactString>,
    /// The prefixes that rules write in paths into XML, and the namespaces that they stand for.
    pub namespaces: Vec<(CompactString, CompactString)>,
    /// The spellings that are accepted although they are refused by default.
    pub allow: Allowances,
}

impl Default for Dialect {
    fn default() -> Self {
        Self::of(Base::Strict)
    }
}

impl Dialect {
    /// Whether `place` is among those that the application reads as one.
    #[must_use]
    pub fn merges(&self, place: Place) -> bool {
        self.merge.contains(&place)
    }
}
