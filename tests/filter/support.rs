//! Rules, people and answers for the tests of filters: small enough to be read beside the test.

use std::rc::Rc;

use scopegate::diagnostics::yaml::{Document, Spanned};
use scopegate::diagnostics::{Diagnostic, Mark, Report, Style};
use scopegate::filter::{
    Begun, Bounds, Chain, DimensionNo, FilterError, GrantNo, Judge, Names, Plan, RawAnswer, Tally, Terms, Transform,
};
use scopegate::wire::head::ResponseHead;
use scopegate::wire::limit::HeadLimits;
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    answer: Spanned<RawAnswer>,
}

/// Numbers names in the order in which they are met.
#[derive(Default)]
struct Numbers {
    dimensions: Vec<String>,
    permissions: Vec<String>,
    report: Report,
}

fn number(list: &mut Vec<String>, name: &str) -> u16 {
    let at = list.iter().position(|known| known == name).unwrap_or_else(|| {
        list.push(name.to_owned());
        list.len() - 1
    });
    u16::try_from(at).unwrap()
}

impl Names for Numbers {
    fn dimension(&mut self, name: &Spanned<String>) -> Option<DimensionNo> {
        Some(DimensionNo(number(&mut self.dimensions, name)))
    }

    fn permission(&mut self, name: &Spanned<String>) -> Option<GrantNo> {
        Some(GrantNo(number(&mut self.permissions, name)))
    }

    fn error(&mut self, mark: Mark, message: String) -> &mut Diagnostic {
        self.report.error(&"rule.yaml".into(), mark, message)
    }
}

/// The plan of an `answer:` block; dimensions and permissions are numbered in the order in which they are named.
pub fn plan(block: &str) -> Plan {
    let text = format!("answer:\n{}", block.lines().map(|line| format!("  {line}\n")).collect::<String>());
    let mut report = Report::new();
    let file: Option<File> = Document::parse("rule.yaml", &text, &mut report).and_then(|file| file.decode(&mut report));
    let mut names = Numbers::default();
    let plan = Plan::compile(&file.unwrap_or_else(|| panic!("{}", report.render(Style::Plain))).answer, &mut names);
    assert!(!names.report.has_errors(), "{}", names.report.render(Style::Plain));
    plan
}

/// Who sees rows of certain warehouses, and of some of those what the grants show.
#[derive(Clone)]
pub struct Keeper {
    /// Of these; `*` stands for all.
    pub keeps: &'static [&'static str],
    /// For each grant the warehouses in whose rows it is held; `*` for all, and outside of rows.
    pub shows: &'static [&'static [&'static str]],
}

fn within(list: &[&str], row: &[(DimensionNo, &str)]) -> bool {
    list.contains(&"*") || (!row.is_empty() && row.iter().all(|(_, value)| list.contains(value)))
}

impl Judge for Keeper {
    fn keeps(&self, row: &[(DimensionNo, &str)]) -> bool {
        within(self.keeps, row)
    }

    fn shows(&self, grant: GrantNo, row: &[(DimensionNo, &str)]) -> bool {
        within(self.shows[usize::from(grant.0)], row)
    }

    fn may_show(&self, grant: GrantNo) -> bool {
        !self.shows[usize::from(grant.0)].is_empty()
    }

    fn is_refused(&self, _: &str, _: &str) -> bool {
        false
    }

    fn keeps_all(&self, _: &[DimensionNo]) -> bool {
        self.keeps.contains(&"*")
    }
}

/// The head of an answer of this content type.
pub fn head(content_type: &str) -> ResponseHead {
    let text = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: 1\r\n\r\n");
    ResponseHead::parse(text.as_bytes(), &HeadLimits::default()).unwrap().0
}

/// The chain of an answer of this content type, and its counts.
pub fn chain(plan: &Plan, judge: Keeper, content_type: &str) -> (Chain, Rc<Tally>) {
    let tally = Rc::<Tally>::default();
    let terms = Terms {
        judge: Rc::new(judge),
        tally: Rc::clone(&tally),
        bounds: Bounds { ..plan.bounds },
        occasion: Rc::default(),
    };
    match plan.begin(&head(content_type), terms).unwrap() {
        Begun::Filtered(chain, _) => (chain, tally),
        Begun::Whole(..) | Begun::Bodiless | Begun::Withheld => panic!("the answer is not filtered"),
    }
}

/// What is left of `body` when it comes in pieces whose sizes `sizes` gives in turn.
pub fn run(plan: &Plan, judge: Keeper, kind: &str, body: &[u8], sizes: &[usize]) -> Result<Vec<u8>, FilterError> {
    let (mut chain, _) = chain(plan, judge, kind);
    let (mut out, mut rest, mut sizes) = (Vec::new(), body, sizes.iter().cycle());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len()));
        chain.push(piece, &mut out)?;
        rest = after;
    }
    chain.finish(&mut out)?;
    Ok(out)
}

/// What is left of the JSON text `body`, whole and cut at every byte, which must be the same.
pub fn json(plan: &Plan, judge: Keeper, body: &str) -> Result<String, FilterError> {
    let whole = run(plan, judge.clone(), "application/json", body.as_bytes(), &[body.len()]);
    let cut = run(plan, judge, "application/json", body.as_bytes(), &[1]);
    assert_eq!(whole.as_ref().err(), cut.as_ref().err(), "of {body:.200}");
    let whole = whole?;
    assert_eq!(whole, cut.unwrap(), "of {body:.200}");
    Ok(String::from_utf8(whole).unwrap())
}
