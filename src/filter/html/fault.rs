//! Why a page cannot be judged; every case ends the answer, none passes it on.

/// What about a page has no reading that the gateway and every browser share, or goes beyond a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HtmlError {
    /// A tag or declaration is longer than [`super::token::LONGEST_TAG`].
    TagTooLong,
    /// Elements are nested deeper than [`super::tree::DEEPEST`].
    TooDeep,
    /// A row or a masked element is longer than what may be held back.
    HeldTooLarge,
    /// A NUL byte: browsers drop or replace it, depending on where it stands.
    Nul,
    /// Markup that browsers read in different ways, or in a way that depends on their settings.
    Ambiguous(&'static str),
    /// The page ended inside a tag.
    Cut,
    /// An element that is judged is not closed where it must be.
    Unclosed,
    /// A table that is judged has cells over several rows.
    RowSpan,
    /// A filtered table or list stands inside a row of another.
    Nested,
    /// The column that a rule names by its title is not there, or there twice.
    NoColumn,
    /// A row has more or fewer columns than the titles above it.
    RowShape,
    /// No row is left on the page, and the rule does not tell that from what is not there.
    Empty,
    /// What a rule filters is not on the page.
    NoTable,
    /// A selector reaches through an element whose place in the tree is not certain.
    UncertainAncestor,
    /// The page declares another character set than the one it was read in.
    Charset,
}

impl HtmlError {
    /// What is wrong, in a few words.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::TagTooLong => "a tag is too long",
            Self::TooDeep => "elements are nested too deep",
            Self::HeldTooLarge => "a row or masked element is too large",
            Self::Nul => "a NUL stands in it",
            Self::Ambiguous(why) => why,
            Self::Cut => "it ends inside a tag",
            Self::Unclosed => "an element that a rule names is not closed",
            Self::RowSpan => "a table that a rule names has a cell over several rows",
            Self::Nested => "a table that a rule names stands in a row of another",
            Self::NoColumn => "the title of a column was not found exactly once",
            Self::RowShape => "a row has other columns than its titles",
            Self::Empty => "no row is left on it",
            Self::NoTable => "a table or list that a rule names is missing",
            Self::UncertainAncestor => "the end of an element that a rule names is not certain",
            Self::Charset => "it declares another character set",
        }
    }
}
