//! What the HTML standard says of element names; nothing about any page.

/// How browsers treat an element, as far as the stack of open elements goes (WHATWG HTML, section 13.2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class(u32);

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Class {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
        }
    };
}

classes! {
    /// Has no content and no end tag.
    VOID = 0;
    /// Its content is text up to its own end tag.
    RAW = 1;
    /// Ends the search of "any other end tag".
    SPECIAL = 2;
    /// Is kept in the list of active formatting elements.
    FORMATTING = 3;
    /// Ends "in scope".
    SCOPE = 4;
    /// Part of a table: caption, colgroup, sections, rows, cells.
    TABLE_PART = 5;
    /// A start tag closes an open `p`.
    CLOSES_P = 6;
    /// An end tag closes the element in scope with everything above it.
    BLOCK_END = 7;
    /// `h1` to `h6`.
    HEADING = 8;
    /// Closed by what "generate implied end tags" closes.
    IMPLIED_END = 9;
    /// An SVG element stands around it, or it is one.
    FOREIGN = 10;
    /// Ends "in button scope" besides.
    BUTTON = 11;
    /// Ends "in list item scope" besides.
    LIST = 12;
    /// Leaves SVG when it stands there.
    BREAKOUT = 13;
}

impl Class {
    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        self.and(other)
    }

    /// Whether it is of one of these classes.
    #[must_use]
    pub const fn is(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    /// The classes of an HTML element with this name in lower case.
    #[must_use]
    pub fn of(name: &str) -> Self {
        const SV: Class = Class::SPECIAL.and(Class::VOID);
        const BLOCK: Class = Class::SPECIAL.and(Class::CLOSES_P).and(Class::BLOCK_END);
        const PART: Class = Class::SPECIAL.and(Class::TABLE_PART);
        const FMT: Class = Class::FORMATTING;
        match name {
            "area" | "base" | "basefont" | "bgsound" | "frame" | "keygen" | "link" | "param" | "source" | "track"
            | "wbr" | "input" => SV,
            "meta" | "br" | "embed" | "img" => SV.and(Self::BREAKOUT),
            "hr" => SV.and(Self::CLOSES_P).and(Self::BREAKOUT),
            "col" => SV.and(Self::TABLE_PART),
            "command" | "image" => Self::VOID,
            "title" | "textarea" | "style" | "iframe" | "noembed" | "noframes" | "script" | "noscript" => {
                Self::SPECIAL.and(Self::RAW)
            }
            "xmp" => Self::SPECIAL.and(Self::RAW).and(Self::CLOSES_P),
            "address" | "article" | "aside" | "details" | "dir" | "fieldset" | "figcaption" | "figure" | "footer"
            | "header" | "hgroup" | "main" | "nav" | "search" | "section" | "summary" | "listing" => BLOCK,
            "dialog" => Self::CLOSES_P.and(Self::BLOCK_END),
            "blockquote" | "center" | "div" | "dl" | "menu" | "pre" => BLOCK.and(Self::BREAKOUT),
            "ol" | "ul" => BLOCK.and(Self::BREAKOUT).and(Self::LIST),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                Self::SPECIAL.and(Self::CLOSES_P).and(Self::HEADING).and(Self::BREAKOUT)
            }
            "button" => Self::SPECIAL.and(Self::BLOCK_END).and(Self::BUTTON),
            "form" => Self::SPECIAL.and(Self::CLOSES_P),
            "p" => Self::SPECIAL.and(Self::CLOSES_P).and(Self::IMPLIED_END).and(Self::BREAKOUT),
            "li" | "dd" | "dt" => Self::SPECIAL.and(Self::IMPLIED_END).and(Self::BREAKOUT),
            "option" | "optgroup" | "rb" | "rp" | "rt" | "rtc" => Self::IMPLIED_END,
            "applet" | "marquee" | "object" => Self::SPECIAL.and(Self::SCOPE),
            "template" | "select" => Self::SPECIAL.and(Self::SCOPE),
            "table" => Self::SPECIAL.and(Self::SCOPE).and(Self::BREAKOUT),
            "caption" | "td" | "th" => PART.and(Self::SCOPE),
            "colgroup" | "tbody" | "tfoot" | "thead" | "tr" => PART,
            "html" => Self::SPECIAL.and(Self::SCOPE),
            "body" | "head" => Self::SPECIAL.and(Self::BREAKOUT),
            "frameset" => Self::SPECIAL,
            "a" | "font" => FMT,
            "b" | "big" | "code" | "em" | "i" | "nobr" | "s" | "small" | "strike" | "strong" | "tt" | "u" => {
                FMT.and(Self::BREAKOUT)
            }
            "ruby" | "span" | "sub" | "sup" | "var" => Self::BREAKOUT,
            _ => Self(0),
        }
    }
}

/// The raw element of this name, as the tokenizer wants it.
#[must_use]
pub fn raw_name(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 9] =
        ["title", "textarea", "style", "iframe", "noembed", "noframes", "script", "noscript", "xmp"];
    NAMES.into_iter().find(|raw| *raw == name)
}
