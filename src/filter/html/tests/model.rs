//! Random pages against a model that reads the whole page with another parser, which builds the tree that browsers build.

use super::{Html, Sees, html, run};
use proptest::prelude::*;
use scraper::{ElementRef, Selector};

const HF: Sees = Sees(&["HF"], "");

/// What pages are made of. `@` becomes a number that stands nowhere else.
const PIECES: &[&str] = &[
    "@",
    "@",
    "@",
    "@",
    "HF",
    "SH",
    " ",
    "<tr>",
    "<tr>",
    "</tr>",
    "<td>",
    "<td>",
    "</td>",
    "<td>HF",
    "<td>SH",
    "<tr><td>@<td>HF",
    "<tr><td>@<td>SH",
    "<tr><td>@</td><td>SH</td></tr>",
    "<tr><td>@</td><td>HF</td></tr>",
    "<tbody>",
    "</tbody>",
    "<table class=t>",
    "<table>",
    "</table>",
    "</table>",
    "<caption>",
    "</caption>",
    "<col>",
    "<colgroup>",
    "<div>",
    "</div>",
    "<p>",
    "</p>",
    "<span>",
    "</span>",
    "<b>",
    "</b>",
    "<i>",
    "</i>",
    "<a>",
    "</a>",
    "<nobr>",
    "</nobr>",
    "<ul>",
    "<li>",
    "</li>",
    "</ul>",
    "<form>",
    "</form>",
    "<h1>",
    "</h2>",
    "<button>",
    "</button>",
    "<select><option>@",
    "</select>",
    "<dl>",
    "<dd>",
    "<dt>",
    "</dd>",
    "</dl>",
    "<object>",
    "</object>",
    "<center>",
    "</center>",
    "<br>",
    "</br>",
    "<hr>",
    "<input>",
    "<input type=hidden>",
    "<svg>",
    "</svg>",
    "<path/>",
    "<path>",
    "<title>",
    "</title>",
    "<textarea>",
    "</textarea>",
    "<script>",
    "</script>",
    "<style>",
    "</style>",
    "<!--",
    "-->",
    "<!x>",
    "<template>",
    "</template>",
    "<body>",
    "</body>",
    "<html>",
    "</html>",
    "<head>",
    "</head>",
    "<div class=secret>@",
    "<span class=secret>@",
    "<b class=secret>@",
    "<a class=secret>@",
    "<p class=secret>@",
    "<td class=secret>@",
    "<li class=secret>@",
    "<div class=out>",
    "<span class=out>",
    "<em class=inner>@",
    "<u>",
    "</u>",
    "</em>",
    "<font>",
    "</font>",
    "<custom-x>",
    "</custom-x>",
    "<iframe>",
    "</iframe>",
    "<img>",
    "<label>",
    "</label>",
    "<dialog>",
    "</dialog>",
    "<ruby>",
    "<rt>",
    "</ruby>",
    "<optgroup>",
    "<option>",
    "<article>",
    "</article>",
    "<marquee>",
    "</marquee>",
];

fn rule() -> Html {
    html(
        "rows: {in: table.t, keep: {warehouse: 2}, optional: true}\nmask: {fields: [.secret, '.out .inner', '.out > u']}",
    )
}

fn numbered(pieces: &[&str]) -> String {
    let mut page = String::new();
    let mut next = 1000;
    for piece in pieces {
        for part in piece.split_inclusive('@') {
            if let Some(part) = part.strip_suffix('@') {
                page.push_str(part);
                page.push_str(&next.to_string());
                next += 1;
            } else {
                page.push_str(part);
            }
        }
    }
    page
}

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn text(element: ElementRef<'_>) -> String {
    let raw = |name: &str| matches!(name, "script" | "style" | "iframe" | "noscript" | "xmp");
    let mut text = String::new();
    for node in element.descendants() {
        if let Some(piece) = node.value().as_text() {
            if !node.ancestors().any(|above| above.value().as_element().is_some_and(|one| raw(one.name()))) {
                text.push_str(piece);
            }
        } else {
            text.push(' ');
        }
    }
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of filtered tables, and whether each may be seen.
fn rows(document: &scraper::Html) -> Vec<(ElementRef<'_>, bool)> {
    let mut rows = Vec::new();
    for row in document.select(&selector("tr")) {
        let table = row.ancestors().filter_map(ElementRef::wrap).find(|above| above.value().name() == "table");
        if !table.is_some_and(|table| table.value().classes().any(|class| class == "t")) {
            continue;
        }
        let cells: Vec<ElementRef<'_>> =
            row.child_elements().filter(|cell| matches!(cell.value().name(), "td" | "th")).collect();
        rows.push((row, cells.get(1).is_some_and(|cell| text(*cell) == "HF")));
    }
    rows
}

fn numbers(html: &str) -> Vec<String> {
    html.split(|c: char| !c.is_ascii_digit()).filter(|word| word.len() == 4).map(str::to_owned).collect()
}

/// Whoever sees what is left must see no row and no element that the model hides.
fn check(page: &str) -> Result<bool, TestCaseError> {
    let Ok(left) = run(&rule(), &HF, page, page.len().max(1)) else { return Ok(false) };
    for size in [1, 3, 8] {
        let cut = run(&rule(), &HF, page, size);
        prop_assert_eq!(cut.as_deref(), Ok(left.as_str()), "in pieces of {}: {}", size, page);
    }
    let came = scraper::Html::parse_document(page);
    for (row, seen) in rows(&came) {
        for number in numbers(&row.html()) {
            prop_assert!(seen || !left.contains(&number), "{} of a hidden row of {} is in {}", number, page, left);
        }
    }
    for secret in [".secret", ".out .inner", ".out > u"] {
        for element in came.select(&selector(secret)) {
            for number in numbers(&element.inner_html()) {
                prop_assert!(!left.contains(&number), "{} of {} in {} is in {}", number, secret, page, left);
            }
        }
    }
    let shown = scraper::Html::parse_document(&left);
    for (row, seen) in rows(&shown) {
        let empty = numbers(&row.html()).is_empty();
        prop_assert!(seen || empty, "a hidden row is made of {} in {}", page, left);
    }
    Ok(true)
}

fn pieces(most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(PIECES), 1..most)
}

proptest! {
    #[test]
    fn random_markup_shows_no_hidden_row(pieces in pieces(14)) {
        check(&numbered(&pieces))?;
    }

    #[test]
    fn a_table_with_odd_markup_in_it_shows_no_hidden_row(
        before in pieces(4), odd in prop::collection::vec((0_usize..40, prop::sample::select(PIECES)), 0..5), standard in any::<bool>()
    ) {
        let mut page: Vec<&str> = if standard { vec!["<!DOCTYPE html>"] } else { Vec::new() };
        page.extend(before);
        let table = "<table/class=t> <tbody> <tr> <td> @ </td> <td> HF </td> </tr> <tr> <td> @ </td> <td> SH </td> </tr> <tr> <td> @ </td> <td> HF </td> </tr> </tbody> </table> <em/class=inner> @ </em> @";
        page.extend(table.split(' '));
        for (at, piece) in odd {
            page.insert(at.min(page.len()), piece);
        }
        check(&numbered(&page))?;
    }
}

/// The other way round: where nothing is odd, everything that may be seen is left.
#[test]
fn a_plain_table_keeps_every_row_that_may_be_seen() {
    let rows: String = (0..40)
        .map(|no| {
            format!("<tr class=r{no}><td>{}</td><td>{}</td></tr>\n", 1000 + no, if no % 3 == 0 { "SH" } else { "HF" })
        })
        .collect();
    let page = format!("<div class=out><form><table class=t>{rows}</table></form></div>");
    let left = run(&rule(), &HF, &page, 100).unwrap();
    let seen: Vec<String> = numbers(&left);
    let expected: Vec<String> = (0..40).filter(|no| no % 3 != 0).map(|no| (1000 + no).to_string()).collect();
    assert_eq!(seen, expected);
}
