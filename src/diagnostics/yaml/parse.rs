//! From text to tree: takes the strict subset and says where anything else stands.

use super::node::{Document, Key, Kind, Node};
use crate::diagnostics::{Mark, Report};
use compact_str::CompactString;
use rustc_hash::FxHashMap;
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use std::sync::Arc;

/// The deepest nesting that is read; rules need fewer than ten levels.
const DEPTH: usize = 64;

impl Document {
    /// Reads a file's text. Notes what is not in the subset, and gives nothing if anything is not.
    pub fn parse(file: &str, text: &str, report: &mut Report) -> Option<Self> {
        let (file, text): (Arc<str>, Arc<str>) = (Arc::from(file), Arc::from(text));
        report.add_text(&file, &text);
        let mut reader = Reader { file: &file, report, open: Vec::new(), root: None, sound: true };
        reader.read(text.strip_prefix('\u{feff}').unwrap_or(&text));
        let (root, sound) = (reader.root.take(), reader.sound);
        let nothing = || Node { mark: Mark::default(), kind: Kind::Scalar { text: "".into(), plain: true } };
        sound.then(|| Self { file, root: root.unwrap_or_else(nothing) })
    }
}

struct Reader<'a> {
    file: &'a Arc<str>,
    report: &'a mut Report,
    open: Vec<Open>,
    root: Option<Node>,
    sound: bool,
}

/// Up to so many keys are searched one by one.
const SMALL: usize = 16;

/// A list or mapping that has begun and not ended.
struct Open {
    mark: Mark,
    items: Vec<Node>,
    map: Option<Entries>,
}

#[derive(Default)]
struct Entries {
    list: Vec<(Key, Node)>,
    key: Option<Key>,
    /// Only for large mappings; small ones are searched.
    seen: FxHashMap<CompactString, Mark>,
}

impl Entries {
    /// Notes a key; gives the place of the same key before it.
    fn note(&mut self, text: &CompactString, mark: Mark) -> Option<Mark> {
        if self.list.len() < SMALL {
            return self.list.iter().find(|(key, _)| key.text == *text).map(|(key, _)| key.mark);
        }
        if self.seen.is_empty() {
            self.seen.extend(self.list.iter().map(|(key, _)| (key.text.clone(), key.mark)));
        }
        self.seen.insert(text.clone(), mark)
    }
}

impl Reader<'_> {
    fn read(&mut self, text: &str) {
        let mut parser = Parser::new(StrInput::new(text));
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    let at = error.marker();
                    let mark = Mark { line: number(at.line()), column: number(at.col() + 1), width: 0 };
                    self.fault(mark, format!("this is not YAML: {}", plain_words(error.info())));
                    return;
                }
            };
            let mark = mark_of(&span);
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        self.fault(mark, "a second document begins here").help("put it into a file of its own");
                        return;
                    }
                }
                Event::Alias(_) => {
                    self.fault(mark, "an alias (`*name`) stands here").help("write the value out");
                    self.put(Node { mark, kind: Kind::Scalar { text: "".into(), plain: false } });
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.refuse(mark, anchor, tag.is_some());
                    let plain = style == ScalarStyle::Plain;
                    self.put(Node { mark, kind: Kind::Scalar { text: text.into(), plain } });
                }
                Event::SequenceStart(anchor, tag) => {
                    self.refuse(mark, anchor, tag.is_some());
                    self.begin(Open { mark, items: Vec::new(), map: None });
                }
                Event::MappingStart(anchor, tag) => {
                    self.refuse(mark, anchor, tag.is_some());
                    self.begin(Open { mark, items: Vec::new(), map: Some(Entries::default()) });
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(),
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
            if self.open.len() > DEPTH {
                self.fault(mark, format!("this is nested deeper than {DEPTH} levels"));
                return;
            }
        }
    }

    fn fault(&mut self, mark: Mark, message: impl Into<String>) -> &mut crate::diagnostics::Diagnostic {
        self.sound = false;
        self.report.error(self.file, mark, message)
    }

    fn refuse(&mut self, mark: Mark, anchor: usize, tag: bool) {
        if anchor != 0 {
            self.fault(mark, "an anchor (`&name`) stands here")
                .help("take it away and write the value wherever it is used");
        }
        if tag {
            self.fault(mark, "a tag (`!name`) stands here")
                .help("take it away; what a value is follows from where it stands");
        }
    }

    fn begin(&mut self, open: Open) {
        let is_key = self.open.last().and_then(|parent| parent.map.as_ref()).is_some_and(|map| map.key.is_none());
        if is_key {
            self.fault(open.mark, "a list or mapping stands where a key is expected")
                .help("put texts that begin with `{` or `[` into quotes");
        }
        self.open.push(open);
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let kind = match open.map {
            Some(map) => Kind::Map(map.list),
            None => Kind::List(open.items),
        };
        self.put(Node { mark: open.mark, kind });
    }

    fn put(&mut self, node: Node) {
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        let Some(map) = &mut parent.map else {
            parent.items.push(node);
            return;
        };
        match (map.key.take(), node) {
            (Some(key), node) => map.list.push((key, node)),
            (None, Node { mark, kind: Kind::Scalar { text, .. } }) => {
                let first = map.note(&text, mark);
                map.key = Some(Key { text: text.clone(), mark });
                if text == "<<" {
                    self.fault(mark, "a merge key (`<<`) stands here").help("write the entries out");
                } else if let Some(first) = first {
                    let place = first.in_file(self.file);
                    self.fault(mark, format!("`{text}` is given twice")).related(place, "first given here");
                }
            }
            // a key that is a list or mapping was noted when it began
            (None, Node { mark, .. }) => map.key = Some(Key { text: "".into(), mark }),
        }
    }
}

fn mark_of(span: &Span) -> Mark {
    let (start, end) = (span.start, span.end);
    let width = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 0 };
    Mark { line: number(start.line()), column: number(start.col() + 1), width: number(width) }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The parser's message without the words that only its authors need.
fn plain_words(info: &str) -> String {
    let words = info.strip_prefix("while parsing a ").or_else(|| info.strip_prefix("while scanning a "));
    let mut text = words.map_or_else(|| info.to_owned(), |rest| format!("in a {rest}"));
    if let Some(first) = text.get(..1) {
        text.replace_range(..1, &first.to_ascii_lowercase());
    }
    text
}
