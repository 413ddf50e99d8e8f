//! What a rule says of HTML pages, raw and compiled; immutable.

use std::sync::Arc;

use compact_str::CompactString;
use schemars::JsonSchema;
use serde::Deserialize;

use super::link::RawLinks;
use super::place::{Field, Place, selector_of};
use super::selector::{SelectorNo, Selectors};
use super::stage::HtmlStage;
use crate::diagnostics::yaml::{OneOrMany, Spanned};
use crate::filter::judge::{DimensionNo, Judge, Terms};
use crate::filter::plan::{Keep, Mask, types};
use crate::filter::raw::{Names, RawKeep, RawMask};
use crate::request::Charset;

/// HTML pages.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawHtml {
    /// Tables and lists whose rows are judged.
    #[serde(default)]
    pub rows: OneOrMany<Spanned<RawRows>>,
    /// Elements that are masked or removed, anywhere on the page: `td.phone`, `#menu a.cost`, `tr @data-cost` for an attribute.
    #[serde(default)]
    pub mask: OneOrMany<RawMask>,
    /// What becomes of links, forms and buttons that lead to routes which the person is refused: `remove` or `disable`. They stay as they
    /// are without it. Of a form its fields are removed, and what else stands in it stays. It hides what would be refused anyway, and is
    /// no protection.
    #[serde(default)]
    pub links: Option<RawLinks>,
    /// Links that say something by themselves, as the name of a customer in a list does: `td a`. Where they lead to a refusal they lose their
    /// address and stay, also under `links: remove`.
    #[serde(default)]
    pub unlinked: OneOrMany<Spanned<String>>,
    /// Menus and other elements that are there for their links: `li.dropdown`. They go when each of their links was removed.
    #[serde(default)]
    pub menus: OneOrMany<Spanned<String>>,
    /// Whether a mark over the page says who asked for it and when.
    #[serde(default)]
    pub watermark: bool,
    /// Content types that the application uses besides `text/html`.
    #[serde(default)]
    pub types: OneOrMany<Spanned<String>>,
}

/// A table or list whose rows are judged.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawRows {
    /// The table, list or other element that holds the rows: `table#orders`.
    #[serde(rename = "in")]
    pub container: Spanned<String>,
    /// What a row is, where it is neither a row of a table nor an item of a list: `div.card`.
    #[serde(default)]
    pub each: Option<Spanned<String>>,
    /// Which rows are kept: dimension → where its value stands: the title of a column, its number from 1, `@attribute` of the row, or
    /// `css: selector` with or without `@attribute`. Without it all are.
    #[serde(default)]
    pub keep: RawKeep,
    /// Columns, and elements or attributes in a row, that are masked; spelled as in `keep`.
    #[serde(default)]
    pub mask: OneOrMany<RawMask>,
    /// How many first rows hold titles. Default: those in `thead` and those of nothing but `th`, before all others.
    #[serde(default)]
    pub titles: Option<u16>,
    /// Whether the page may lack it. A page without it is withheld otherwise.
    #[serde(default)]
    pub optional: bool,
    /// What becomes of a page of which no row is left: `show` (default), or `withhold`, where the application shows another page when it
    /// finds nothing, so that the difference would tell what it found.
    #[serde(default)]
    pub empty: Spanned<RawEmpty>,
}

/// What becomes of a page of which no row is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawEmpty {
    /// It is shown without rows.
    #[default]
    Show,
    /// The gateway says that there is nothing, with status 404: in the same words as where the application has no such page, or one
    /// without the table. Whoever may see every row, and every field in it, is shown what the application says.
    Withhold,
}

/// A table or list whose rows are judged.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Which element holds them.
    pub container: SelectorNo,
    /// What a row is.
    pub each: Option<SelectorNo>,
    /// Where the values stand.
    pub keep: Vec<Keep<Place>>,
    /// What is masked.
    pub mask: Vec<Mask<Place>>,
    /// How many first rows hold titles.
    pub titles: Option<usize>,
    /// Whether the page may lack it.
    pub optional: bool,
    /// What becomes of a page of which no row is left.
    pub empty: RawEmpty,
}

impl Rows {
    /// Whether the person may see every row of it, and all that stands in them.
    #[must_use]
    pub fn is_open_to(&self, judge: &dyn Judge) -> bool {
        let dimensions: Vec<DimensionNo> = self.keep.iter().map(|keep| keep.dimension).collect();
        let shown = |mask: &Mask<Place>| mask.unless.is_some_and(|grant| judge.shows(grant, &[]));
        judge.keeps_all(&dimensions) && self.mask.iter().all(shown)
    }
}

/// Elements that are masked anywhere on the page.
pub type PageMask = Mask<Field>;

/// What a rule says of a page.
#[derive(Debug)]
pub struct Page {
    /// All selectors.
    pub selectors: Selectors,
    /// Tables and lists.
    pub rows: Vec<Rows>,
    /// Masks of the page.
    pub mask: Vec<PageMask>,
    /// What becomes of links that lead to a refusal.
    pub links: Option<RawLinks>,
    /// Links that stay without their address.
    pub unlinked: Vec<SelectorNo>,
    /// What goes when each of its links was removed.
    pub menus: Vec<SelectorNo>,
    /// Whether a mark says who asked.
    pub watermark: bool,
}

/// A compiled `html:` block.
#[derive(Clone, Debug)]
pub struct Html {
    pub(super) page: Arc<Page>,
    types: Vec<CompactString>,
}

impl Html {
    /// Compiles the block; faults are noted by `names`.
    pub fn compile(raw: &Spanned<RawHtml>, names: &mut dyn Names) -> Self {
        let mut selectors = Selectors::default();
        let rows = raw.rows.iter().filter_map(|raw| rows(raw, &mut selectors, names)).collect();
        let mask = Mask::compile(&raw.mask, names, |text, names| Field::compile(text, &mut selectors, names));
        if raw.rows.is_empty() && mask.is_empty() && raw.links.is_none() && !raw.watermark {
            names
                .error(raw.mark, "`html` neither keeps rows nor masks anything".into())
                .help("write `rows: [{in: \"table#orders\", keep: {warehouse: Warehouse}}]` or `mask: [{fields: [\"td.cost\"]}]`");
        }
        let mut read = |list: &OneOrMany<Spanned<String>>| {
            let one = |text: &Spanned<String>| selector_of(text, text, &mut selectors, names);
            list.iter().filter_map(one).collect::<Vec<_>>()
        };
        let (unlinked, menus) = (read(&raw.unlinked), read(&raw.menus));
        if let Some(text) = raw.unlinked.iter().chain(raw.menus.iter()).next()
            && raw.links != Some(RawLinks::Remove)
        {
            names.error(text.mark, "no links are removed".into()).help("write `links: remove`");
        }
        let page = Page { selectors, rows, mask, links: raw.links, unlinked, menus, watermark: raw.watermark };
        Self { page: Arc::new(page), types: types(&raw.types, names) }
    }

    /// Whether answers of this content type are pages.
    #[must_use]
    pub fn takes(&self, essence: &str) -> bool {
        essence == "text/html" || self.types.iter().any(|own| own == essence)
    }

    pub(in crate::filter) fn start(&self, terms: Terms, charset: Charset) -> HtmlStage {
        HtmlStage::new(Arc::clone(&self.page), terms, charset)
    }

    /// Whether something is masked for everybody.
    #[must_use]
    pub fn masks_for_everybody(&self) -> bool {
        let in_rows = self.page.rows.iter().flat_map(|rows| &rows.mask).any(|mask| mask.unless.is_none());
        in_rows || self.page.mask.iter().any(|mask| mask.unless.is_none())
    }

    /// Whether links are judged.
    #[must_use]
    pub fn judges_links(&self) -> bool {
        self.page.links.is_some()
    }

    /// Whether pages without rows are withheld.
    #[must_use]
    pub fn withholds_empty(&self) -> bool {
        self.page.rows.iter().any(|rows| rows.empty == RawEmpty::Withhold)
    }

    /// Whether pages are marked.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.page.watermark
    }

    /// The dimensions by which rows are kept.
    pub fn dimensions(&self) -> impl Iterator<Item = DimensionNo> {
        self.page.rows.iter().flat_map(|rows| rows.keep.iter().map(|keep| keep.dimension))
    }
}

impl RawHtml {
    /// Every mask of the block.
    pub fn masks(&self) -> impl Iterator<Item = &RawMask> {
        self.rows.iter().flat_map(|rows| rows.mask.iter()).chain(self.mask.iter())
    }
}

fn rows(raw: &Spanned<RawRows>, selectors: &mut Selectors, names: &mut dyn Names) -> Option<Rows> {
    let container = selector_of(&raw.container, &raw.container, selectors, names);
    let each = raw.each.as_ref().map(|text| selector_of(text, text, selectors, names));
    let keep = Keep::compile(&raw.keep, names, |text, names| Place::compile(text, selectors, names));
    let mask = Mask::compile(&raw.mask, names, |text, names| Place::compile(text, selectors, names));
    if raw.keep.is_empty() && raw.mask.is_empty() {
        names
            .error(raw.mark, "`rows` neither keeps rows nor masks anything in them".into())
            .help("write `keep: {warehouse: Warehouse}` or `mask: [{fields: [Cost]}]`");
    }
    if let Some(text) = &raw.each {
        let kept = keep.iter().flat_map(|keep| &keep.places).map(|kept| &kept.place);
        let columns = kept.chain(mask.iter().flat_map(|mask| &mask.fields));
        if columns.into_iter().any(|place| matches!(place, Place::Column(_))) {
            names
                .error(text.mark, "rows that `each` selects have no columns".into())
                .help("write `css: selector` or `@attribute` in `keep` and `mask`");
        }
    }
    if raw.optional && raw.empty.value == RawEmpty::Withhold {
        names
            .error(raw.empty.mark, "a page may lack the table, and is withheld where it has no rows".into())
            .help("take `optional` or `empty` away");
    }
    Some(Rows {
        container: container?,
        each: match each {
            Some(each) => Some(each?),
            None => None,
        },
        keep,
        mask,
        titles: raw.titles.map(usize::from),
        optional: raw.optional,
        empty: raw.empty.value,
    })
}
