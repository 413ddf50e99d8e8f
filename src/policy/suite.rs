//! Policy tests: each case decided by the way that every request takes, under a clock that stands still; results as data.
//!
//! It reads no files and no clock; the command `test` and every reload run the same [`run`].

use super::decide::Judged;
use super::explain::Explanation;
use super::inquiry::{Answer, Inquiry, values_at};
use super::judgement::Judgement;
use crate::model::{Outcome, Reason};
use crate::request::RawLocation;
use crate::rules::RuleSet;
use crate::rules::suite::{Case, Expect, Forwarded, Suite};
use serde::Serialize;
use std::fmt;

/// One thing that came out otherwise than expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What: `decision`, `reason`, `route`, `permission`, `role`, `target`, `query warehouse`, ….
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected `{}`, found `{}`", self.what, self.expected, self.found)
    }
}

/// What one case came to.
#[derive(Clone, Debug, Serialize)]
pub struct CaseResult {
    /// What the case shows.
    pub name: String,
    /// `file:line:column`.
    pub place: String,
    /// What came out otherwise; empty where the case passed.
    pub differences: Vec<Difference>,
    /// How the decision came about; present where the case failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

impl CaseResult {
    /// Whether everything came out as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// What the cases of one file came to.
#[derive(Clone, Debug, Serialize)]
pub struct SuiteResult {
    /// The file.
    pub file: String,
    /// The cases in their order.
    pub cases: Vec<CaseResult>,
}

/// What all suites came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Results {
    /// The files in their order.
    pub suites: Vec<SuiteResult>,
}

impl Results {
    /// Every case.
    pub fn cases(&self) -> impl Iterator<Item = &CaseResult> {
        self.suites.iter().flat_map(|suite| &suite.cases)
    }

    /// How many cases failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.cases().filter(|case| !case.passed()).count()
    }

    /// Whether every case passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failed() == 0
    }
}

impl fmt::Display for Results {
    /// One line a case, and below those that failed what differed and how the decision came about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for suite in &self.suites {
            writeln!(f, "{}", suite.file)?;
            for case in &suite.cases {
                writeln!(f, "  {} {}", if case.passed() { "ok    " } else { "FAILED" }, case.name)?;
                for difference in &case.differences {
                    writeln!(f, "         {difference}")?;
                }
                if let Some(explanation) = &case.explanation {
                    writeln!(f, "         at {}", case.place)?;
                    for line in explanation.to_string().lines() {
                        writeln!(f, "         | {line}")?;
                    }
                }
            }
        }
        let (all, failed) = (self.cases().count(), self.failed());
        writeln!(f, "{} passed, {failed} failed", all - failed)
    }
}

/// Runs every case of every suite.
#[must_use]
pub fn run(rules: &RuleSet, suites: &[Suite]) -> Results {
    let suite = |suite: &Suite| SuiteResult {
        file: suite.file.to_string(),
        cases: suite.cases.iter().map(|case| run_case(rules, suite, case)).collect(),
    };
    Results { suites: suites.iter().map(suite).collect() }
}

fn run_case(rules: &RuleSet, suite: &Suite, case: &Case) -> CaseResult {
    Inquiry::of(case).ask(rules, &suite.people, |answer, transcript| {
        let differences = differences(rules, &case.expect, &answer);
        let explanation = (!differences.is_empty()).then(|| match answer {
            Answer::Judged(judged) => transcript.finish(judged),
            Answer::Refused(judgement, app) => transcript.finish_refused(judgement, app),
        });
        CaseResult { name: case.name.clone(), place: case.place.to_string(), differences, explanation }
    })
}

/// Collects differences.
#[derive(Default)]
struct Comparison(Vec<Difference>);

impl Comparison {
    fn equal(&mut self, what: &str, expected: Option<&str>, found: Option<&str>) {
        if let Some(expected) = expected.filter(|&expected| found != Some(expected)) {
            self.differ(what, expected, found.unwrap_or("nothing"));
        }
    }

    /// The same names, in any order.
    fn same(&mut self, what: &str, expected: Option<Vec<&str>>, mut found: Vec<&str>) {
        let Some(mut expected) = expected else { return };
        expected.sort_unstable();
        found.sort_unstable();
        if expected != found {
            let shown = |names: &[&str]| if names.is_empty() { "nothing".to_owned() } else { names.join("`, `") };
            self.differ(what, &shown(&expected), &shown(&found));
        }
    }

    fn differ(&mut self, what: &str, expected: &str, found: &str) {
        self.0.push(Difference { what: what.to_owned(), expected: expected.to_owned(), found: found.to_owned() });
    }
}

fn differences(rules: &RuleSet, expect: &Expect, answer: &Answer<'_, '_>) -> Vec<Difference> {
    let judgement = answer.judgement();
    let catalog = &rules.catalog;
    let mut found = Comparison::default();
    found.equal("decision", expect.outcome.map(Outcome::as_str), Some(answer.outcome().as_str()));
    found.equal("reason", expect.reason.map(Reason::code), Some(judgement.reason().code()));
    let route = match answer {
        Answer::Judged(judged) => Some(judged.route.id.as_str()),
        Answer::Refused(..) => None,
    };
    found.equal("route", expect.route.as_deref(), route);
    let permission = |id| catalog.permission(id).map(|entry| entry.name.as_str());
    found.equal("permission", expect.permission.and_then(permission), judgement.permission().and_then(permission));
    let role = |id| catalog.role(id).map(|role| role.name.as_str());
    let deciding = deciding_role(judgement, expect).or(judgement.deciding().first().map(|deciding| deciding.role));
    found.equal("role", expect.role.and_then(role), deciding.and_then(role));
    let obligation = if let Answer::Judged(judged) = answer { judged.obligation.as_ref() } else { None };
    let dimension = |id| catalog.dimension(id).map_or("?", |dimension| dimension.name.as_str());
    let rows = obligation.into_iter().flat_map(|obligation| obligation.rows_in_force()).map(dimension);
    found.same(
        "rows-by",
        expect.rows_by.as_ref().map(|ids| ids.iter().map(|id| dimension(*id)).collect()),
        rows.collect(),
    );
    let masks = obligation.into_iter().flat_map(|obligation| obligation.masks_in_force()).filter_map(permission);
    let expected = expect.masked_unless.as_ref().map(|ids| ids.iter().filter_map(|id| permission(*id)).collect());
    found.same("masked-unless", expected, masks.collect());
    if let Some(forwarded) = &expect.forwarded {
        match answer {
            Answer::Judged(judged) if judgement.outcome() == Outcome::Permit => compare(&mut found, forwarded, judged),
            _ => found.differ("forwarded", "a request", "nothing"),
        }
    }
    found.0
}

/// Of several roles that decided together, the one that is expected.
fn deciding_role(judgement: &Judgement, expect: &Expect) -> Option<crate::rules::RoleId> {
    expect.role.filter(|role| judgement.deciding().iter().any(|deciding| deciding.role == *role))
}

fn compare(found: &mut Comparison, forwarded: &Forwarded, judged: &Judged<'_, '_>) {
    let mut target = Vec::new();
    judged.view.write_target(&mut target);
    found.equal("target", forwarded.target.as_deref(), Some(&String::from_utf8_lossy(&target)));
    type Expected<'a> = (&'a str, fn(String) -> RawLocation, &'a [(String, Vec<String>)]);
    let places: [Expected<'_>; 3] = [
        ("query", RawLocation::Query, &forwarded.query),
        ("form", RawLocation::Form, &forwarded.form),
        ("json", RawLocation::Json, &forwarded.json),
    ];
    for (kind, place, expected) in places {
        for (name, values) in expected {
            let what = format!("{kind} {name}");
            match values_at(judged, &place(name.clone())) {
                Ok(now) if now == *values => {}
                Ok(now) => found.differ(&what, &values.join("`, `"), &now.join("`, `")),
                Err(error) => found.differ(&what, &values.join("`, `"), &error),
            }
        }
    }
    for name in &forwarded.absent {
        for (kind, place) in [("query", RawLocation::Query as fn(String) -> RawLocation), ("form", RawLocation::Form)] {
            match values_at(judged, &place(name.clone())) {
                Ok(now) if now.is_empty() => {}
                Ok(now) => found.differ(&format!("{kind} {name}"), "nothing", &now.join("`, `")),
                Err(error) => found.differ(&format!("{kind} {name}"), "nothing", &error),
            }
        }
    }
}
