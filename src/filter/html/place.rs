//! Where a rule finds things in a page, as its texts spell it; compiled once.

use compact_str::CompactString;

use super::selector::{SelectorNo, Selectors};
use crate::diagnostics::yaml::Spanned;
use crate::filter::raw::Names;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// By what stands in its title.
    Titled(CompactString),
    /// By its number, from 0.
    Number(usize),
}

/// A place in a row.
#[derive(Clone, Debug)]
pub enum Place {
    /// A cell.
    Column(Column),
    /// An attribute of the row's own element.
    RowAttribute(CompactString),
    /// Elements within the row, or an attribute of each.
    Within(Field),
}

/// Elements, or an attribute of each.
#[derive(Clone, Debug)]
pub struct Field {
    /// Which elements.
    pub selector: SelectorNo,
    /// Which attribute; the whole element without one.
    pub attribute: Option<CompactString>,
}

impl Field {
    /// Reads `selector` or `selector @attribute`.
    pub fn compile(text: &Spanned<String>, selectors: &mut Selectors, names: &mut dyn Names) -> Option<Self> {
        Self::read(text, text, selectors, names)
    }

    fn read(place: &Spanned<String>, text: &str, selectors: &mut Selectors, names: &mut dyn Names) -> Option<Self> {
        let (selector, attribute) = match text.rsplit_once('@') {
            Some((selector, attribute)) if is_name(attribute) => {
                (selector, Some(attribute.to_ascii_lowercase().into()))
            }
            _ => (text, None),
        };
        let selector = selector_of(place, selector, selectors, names)?;
        Some(Self { selector, attribute })
    }
}

/// Reads a selector.
pub fn selector_of(
    place: &Spanned<String>,
    text: &str,
    selectors: &mut Selectors,
    names: &mut dyn Names,
) -> Option<SelectorNo> {
    match selectors.add(text) {
        Ok(selector) => Some(selector),
        Err(error) => {
            names
                .error(place.mark, format!("`{}` is not a selector: {error}", place.value))
                .help("write `table#orders`, `td.cost`, `ul.menu > li`, `[data-warehouse]`");
            None
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'))
}

impl Place {
    /// Reads the number of a column, `@attribute` of the row, `css: selector`, or the title of a column.
    pub fn compile(text: &Spanned<String>, selectors: &mut Selectors, names: &mut dyn Names) -> Option<Self> {
        let plain = text.trim();
        if let Some(selector) = plain.strip_prefix("css:") {
            return Field::read(text, selector.trim(), selectors, names).map(Self::Within);
        }
        if let Some(attribute) = plain.strip_prefix('@') {
            if !is_name(attribute) {
                names
                    .error(text.mark, format!("`{}` is not an attribute", text.value))
                    .help("write `@data-warehouse` for an attribute of the row");
                return None;
            }
            return Some(Self::RowAttribute(attribute.to_ascii_lowercase().into()));
        }
        match plain.parse::<usize>() {
            Ok(number) if number > 0 => Some(Self::Column(Column::Number(number - 1))),
            Err(_) if !plain.is_empty() => Some(Self::Column(Column::Titled(super::reference::plain(plain)))),
            _ => {
                names.error(text.mark, format!("`{}` is not a place in a row", text.value)).help(
                    "write the title of a column, its number from 1, `@attribute` of the row, or `css: selector`",
                );
                None
            }
        }
    }
}
