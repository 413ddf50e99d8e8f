//! The entries of a file that holds one large mapping, as texts of whole lines; never what they mean.
//!
//! INVARIANT: an entry means the same wherever it stands, so that one that was read need not be read again
//! (`an_entry_that_is_taken_over_means_what_it_would_where_it_stands`). Lines alone would not tell where entries begin (a quote, a
//! block scalar or a flow collection may reach over them), so the parser has the word: it must have found an entry exactly where
//! each of these texts begins, and no other, in a mapping without braces. Wherever it has, its state is the same: two open mappings, of these two
//! indentations, and the next key expected; anchors, tags and aliases are refused. What follows a text is a line of that same
//! indentation, which ends every scalar and mapping in it, but for the last one, behind which the file ends (a `...` may stand
//! there). So the last one is always read, and never known.

use super::node::Document;
use crate::diagnostics::Mark;

/// The text of a file by the entries of one mapping below its root.
#[derive(Clone, Debug)]
pub struct EntryTexts<'a> {
    key: &'a str,
    head: &'a str,
    /// The line of each, from 1, and its text.
    entries: Vec<(u32, &'a str)>,
    indentation: usize,
}

impl<'a> EntryTexts<'a> {
    /// Parts a text: behind the line that begins with `key` and a colon each line that is indented as the first one begins an entry.
    /// Blank lines and comments belong to what stands before them. `None` where there is no such line, or no entry.
    #[must_use]
    pub fn of(text: &'a str, key: &'a str) -> Option<Self> {
        let mut begun = false;
        let mut indentation = None;
        // where each entry begins: its line and its place in the text
        let mut begins: Vec<(u32, usize)> = Vec::new();
        let mut at = 0;
        for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
            let content = line.trim_start_matches(' ');
            let spaces = line.len() - content.len();
            let is_content = !content.trim_end().is_empty() && !content.starts_with('#');
            if !begun {
                begun = line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
            } else if is_content && *indentation.get_or_insert(spaces) == spaces {
                begins.push((number, at));
            }
            at += line.len();
        }
        let head = text.get(..begins.first()?.1)?;
        let ends = begins.iter().skip(1).map(|(_, at)| *at).chain([text.len()]);
        let entries = begins.iter().zip(ends).filter_map(|((line, from), to)| Some((*line, text.get(*from..to)?)));
        Some(Self { key, head, entries: entries.collect(), indentation: indentation? })
    }

    /// The text of each entry but the last one.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &'a str> {
        self.entries.iter().take(self.entries.len().saturating_sub(1)).map(|(_, text)| *text)
    }

    /// The text with only those entries, by their position, that are wanted; and the last one.
    pub fn excerpt(&self, mut wanted: impl FnMut(usize) -> bool) -> String {
        let mut excerpt = self.head.to_owned();
        for (at, (_, text)) in self.entries.iter().enumerate() {
            if at + 1 == self.entries.len() || wanted(at) {
                excerpt.push_str(text);
            }
        }
        excerpt
    }

    /// Whether the document, which this text was read into, has exactly these entries, each where it stands here.
    #[must_use]
    pub fn are_those_of(&self, document: &Document) -> bool {
        let Some(mapping) = document.root.get(self.key).filter(|node| node.is_map()) else { return false };
        let found: Vec<Mark> = mapping.entries().map(|(_, mark, _)| mark).collect();
        let stands = |mark: &Mark, line: u32| mark.line == line && mark.column as usize == self.indentation + 1;
        // a mapping in braces begins before its first entry
        let first = self.entries.first().is_some_and(|(line, _)| stands(&mapping.mark, *line));
        first
            && found.len() == self.entries.len()
            && found.iter().zip(&self.entries).all(|(mark, (line, _))| stands(mark, *line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Report;

    fn parted(text: &str) -> Option<Vec<&str>> {
        let document = Document::parse("people.yaml", text, &mut Report::new())?;
        let parts = EntryTexts::of(text, "people").filter(|parts| parts.are_those_of(&document))?;
        Some(parts.entries.iter().map(|(_, text)| *text).collect())
    }

    #[test]
    fn remarks_and_blank_lines_belong_to_what_stands_before_them() {
        let text = "# all\npeople: # of us\n\n# first\n  a: {}\n  # about a\n# and more\n\n  \"b\":\n    title: |\n      # text\n\n      text\n  c: {}";
        let parts = parted(text).unwrap();
        assert_eq!(
            parts,
            ["  a: {}\n  # about a\n# and more\n\n", "  \"b\":\n    title: |\n      # text\n\n      text\n", "  c: {}"]
        );
        assert_eq!(
            EntryTexts::of(text, "people").unwrap().excerpt(|at| at == 0),
            "# all\npeople: # of us\n\n# first\n  a: {}\n  # about a\n# and more\n\n  c: {}"
        );
    }

    #[test]
    fn where_the_parser_finds_others_nothing_is_parted() {
        for text in [
            "people:\n",
            "people: {}\n",
            "people: {\n  a: {},\n  b: {}}\n",
            "people:\n  {a: {},\n  b: {}}\n",
            "people:\n  a: {title: \"x\n  b: y\"}\n  c: {}\n",
            "people:\n  a: {title: x,\n  kind: person}\n  c: {}\n",
            "people:\n  ? a\n  : {}\n",
            "people:\n  - a\n  - b\n",
            "--- |\npeople:\n  a: {}\n  b: {}\n",
            "others:\n  a: {}\n  b: {}\n",
            "people:\r  a: {}\r  b: {}\n  c: {}\n",
        ] {
            assert_eq!(parted(text), None, "{text:?}");
        }
    }
}
