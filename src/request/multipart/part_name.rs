//! Names in the head of a part that readers change: trimmed, decoded, resolved.

use crate::request::dialect::Dialect;

/// Whether readers trim, decode or resolve the name of a file (`a_file_name_that_its_reader_changes_is_refused`).
pub(super) fn is_odd_file_name(name: &str, dialect: &Dialect) -> bool {
    has_odd_edge(name)
        || has_escaped_quote(name)
        || (dialect.part_names_ascii && !name.is_ascii())
        || (dialect.file_name_references && name.contains('&'))
}

/// Tomcat trims names in the head of a part, Django takes line ends of every kind off.
pub(super) fn has_odd_edge(name: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control();
    name.starts_with(is_odd) || name.ends_with(is_odd)
}

/// Browsers write a quote and line ends as `%22`, `%0D` and `%0A`, and some readers read them so.
pub(super) fn has_escaped_quote(name: &str) -> bool {
    let escapes = [&b"%22"[..], b"%0d", b"%0a"];
    name.as_bytes().windows(3).any(|window| escapes.iter().any(|escape| window.eq_ignore_ascii_case(escape)))
}
