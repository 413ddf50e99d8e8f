//! The character set that a page declares for itself; it must be the one in which the page is read.

use super::fault::HtmlError;
use super::selector::Element;
use crate::request::Charset;

/// SECURITY: a page that names another character set may be read in it (`a_page_that_names_another_charset_is_withheld`).
///
/// # Errors
/// [`HtmlError::Charset`] where the element `meta` names another than `own`.
pub fn check(meta: Element<'_>, own: Charset) -> Result<(), HtmlError> {
    let content = meta.get("content").map(|(value, _)| value.to_ascii_lowercase());
    let is_type = meta.get("http-equiv").is_some_and(|(value, _)| value.trim().eq_ignore_ascii_case("content-type"));
    let in_content = content.filter(|_| is_type).and_then(|content| {
        let (_, label) = content.split_once("charset")?;
        let label = label.trim_start().strip_prefix('=')?.trim_start();
        Some(label.trim_matches(['"', '\'']).split([';', ' ', '"', '\'']).next().unwrap_or_default().to_owned())
    });
    let named = meta.get("charset").map(|(value, _)| value.into_owned()).into_iter().chain(in_content);
    for label in named {
        if encoding_rs::Encoding::for_label(label.trim().as_bytes()) != Some(own.encoding()) {
            return Err(HtmlError::Charset);
        }
    }
    Ok(())
}
