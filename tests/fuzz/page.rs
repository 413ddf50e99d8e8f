//! Odd pages through the filter: tags are damaged, nested wrongly and hidden in each other. What is left is the same however it came, and a parser
//! that builds trees as browsers do finds no row of another warehouse and no removed element in it.

use crate::generate::Random;
use crate::support::{Keeper, plan, run};
use scraper::{ElementRef, Html, Selector};

const RULE: &str = "html:\n  rows: {in: table.t, keep: {warehouse: 1}, optional: true}\n  mask: {fields: [.gone]}";

const HF: Keeper = Keeper { keeps: &["HF"], shows: &[] };

const NAMES: [&str; 44] = [
    "a", "b", "i", "u", "nobr", "font", "span", "div", "p", "ul", "ol", "li", "dl", "dt", "dd", "h1", "h2", "form",
    "button", "input", "select", "option", "textarea", "title", "script", "style", "svg", "path", "math", "template",
    "noscript", "iframe", "object", "table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "td", "th",
    "x-y",
];

/// A page of words that stand nowhere else.
struct Page {
    text: String,
    next: usize,
}

impl Page {
    fn word(&mut self) {
        self.text.push_str(&format!("w{}w", self.next));
        self.next += 1;
    }

    fn tag(&mut self, random: &mut Random) {
        let name = NAMES[random.below(NAMES.len())];
        let name = if random.below(6) == 0 { name.to_ascii_uppercase() } else { name.to_owned() };
        match random.below(5) {
            0 | 1 => self.text.push_str(&format!("</{name}>")),
            2 => self.text.push_str(&format!("<{name}>")),
            _ => {
                let attributes = [
                    " class=gone",
                    " class='x gone'",
                    " CLASS=\"gone\"",
                    " class=t",
                    " title='<td>'",
                    " a=b/",
                    "/",
                    " class=\"",
                    " id=x>",
                ];
                self.text.push_str(&format!("<{name}{}>", attributes[random.below(attributes.len())]));
            }
        }
    }

    fn odd(&mut self, random: &mut Random) {
        let pieces = [
            "<!--",
            "-->",
            "--!>",
            "<!",
            "<?",
            "</",
            "<",
            "&lt;",
            "<![CDATA[",
            "]]>",
            "\"",
            "'",
            "<!DOCTYPE html>",
            "\r\n",
            "<table class=t>",
            "</table>",
            "<a <b>",
            "<script><!--",
        ];
        self.text.push_str(pieces[random.below(pieces.len())]);
    }

    fn some(&mut self, random: &mut Random, most: usize) {
        for _ in 0..random.below(most) {
            match random.below(6) {
                0 | 1 => self.word(),
                2 => self.odd(random),
                _ => self.tag(random),
            }
        }
    }
}

fn page(random: &mut Random) -> String {
    let mut page = Page { text: String::new(), next: 1000 };
    if random.below(2) == 0 {
        page.text.push_str("<!DOCTYPE html>");
    }
    page.some(random, 4);
    page.text.push_str("<table class=t>");
    for _ in 0..random.below(5) {
        let place = ["HF", "SH", "H&#70;", "<b>HF</b>", "SH<!--HF-->"][random.below(5)];
        page.text.push_str(&format!("<tr><td>{place}</td><td>"));
        page.word();
        page.some(random, 3);
        page.text.push_str(["</td></tr>", "", "</tr>"][random.below(3)]);
    }
    page.text.push_str(["</table>", "</table>", ""][random.below(3)]);
    page.some(random, 6);
    page.text
}

fn words(text: &str) -> Vec<&str> {
    text.split('w').filter(|word| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit())).collect()
}

/// What a cell says; scripts say nothing.
fn says(cell: ElementRef<'_>) -> String {
    let silent = |name: &str| matches!(name, "script" | "style" | "iframe" | "noscript" | "template");
    let mut said = String::new();
    for node in cell.descendants() {
        let mut within = node.ancestors().take_while(|above| above.id() != cell.id());
        let hidden = within.any(|above| above.value().as_element().is_some_and(|one| silent(one.name())));
        match node.value().as_text() {
            Some(text) if !hidden => said.push_str(text),
            _ => said.push(' '),
        }
    }
    said.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of the filtered tables that may not be seen.
fn hidden(document: &Html) -> Vec<ElementRef<'_>> {
    let is_cell = |cell: &ElementRef<'_>| matches!(cell.value().name(), "td" | "th");
    let all_titles =
        |row: &ElementRef<'_>| row.child_elements().filter(is_cell).all(|cell| cell.value().name() == "th");
    let in_head =
        |row: &ElementRef<'_>| row.parent().and_then(ElementRef::wrap).is_some_and(|one| one.value().name() == "thead");
    let row = Selector::parse("tr").unwrap();
    let rows = document.select(&row).filter(|row| {
        let table = row.ancestors().filter_map(ElementRef::wrap).find(|above| above.value().name() == "table");
        table.is_some_and(|table| table.value().classes().any(|class| class == "t"))
    });
    // Titles pass unjudged.
    rows.filter(|row| !all_titles(row) && !in_head(row))
        .filter(|row| row.child_elements().find(is_cell).is_none_or(|cell| says(cell) != "HF"))
        .collect()
}

/// Whether the page passed; what is wrong with it, and the page, otherwise.
pub fn compare(random: &mut Random) -> Result<bool, (String, String)> {
    let page = page(random);
    let plan = plan(RULE);
    let whole = run(&plan, HF, "text/html", page.as_bytes(), &[page.len()]);
    let sizes = [random.below(7) + 1, random.below(30) + 1];
    let cut = run(&plan, HF, "text/html", page.as_bytes(), &sizes);
    if whole.as_ref().ok() != cut.as_ref().ok() {
        return Err((format!("in pieces of {sizes:?} it is {cut:?}"), page));
    }
    let Ok(left) = whole else { return Ok(false) };
    let left = String::from_utf8(left).unwrap();
    let came = Html::parse_document(&page);
    let gone = Selector::parse(".gone").unwrap();
    let secrets = hidden(&came).into_iter().chain(came.select(&gone)).map(|one| one.html()).collect::<Vec<_>>();
    for secret in &secrets {
        if let Some(word) = words(secret).into_iter().find(|word| left.contains(word)) {
            return Err((format!("{word} of {secret} is in {left}"), page));
        }
    }
    let shown = Html::parse_document(&left);
    match hidden(&shown).into_iter().find(|row| !words(&row.html()).is_empty()) {
        Some(row) => Err((format!("{} is a row of {left}", row.html()), page)),
        None => Ok(true),
    }
}
