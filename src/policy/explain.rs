//! A decision told step by step: which rule and which assignment hit or missed, and why; as data and as readable text.

use super::decide::Judged;
use super::forward::is_observed;
use super::judgement::Judgement;
use super::obligation::Obligation;
use super::trace::{Relevance, Step, Trace};
use crate::lookup::Found;
use crate::model::Outcome;
use crate::request::{RequestView, redact_target};
use crate::rules::table::StepOutcome;
use crate::rules::{App, DimensionId, PermissionId, Route, RuleSet};
use serde::Serialize;
use std::fmt;

/// How a step came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It let the request go on.
    Hit,
    /// It did not concern the request, or did not reach.
    Miss,
    /// It changed the request.
    Change,
    /// It ended the decision.
    Refuse,
}

impl Verdict {
    const fn mark(self) -> char {
        match self {
            Self::Hit => '+',
            Self::Miss => '-',
            Self::Change => '~',
            Self::Refuse => '!',
        }
    }
}

/// One step of an explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What was looked at: `target`, `route`, `operation`, `parameter`, `lookup`, `subject`, `assignment`, `scope`, `condition`, `change`, `answer`.
    pub step: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found, in English.
    pub text: String,
}

/// A whole explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `permit`, `refuse` or `observed`.
    pub decision: &'static str,
    /// The code of the reason.
    pub reason: &'static str,
    /// The status that a client would be answered with.
    pub status: u16,
    /// What the record would say beyond the reason.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The revision of the rules.
    pub revision: String,
    /// The application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The route, with the place where it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The permission that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// The request as it would be forwarded, with secret values replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<String>,
    /// The steps in their order.
    pub steps: Vec<Line>,
}

/// Listens to a decision and writes it down.
#[derive(Debug)]
pub struct Transcript<'a> {
    rules: &'a RuleSet,
    lines: Vec<Line>,
}

impl<'a> Transcript<'a> {
    /// An empty one.
    #[must_use]
    pub fn new(rules: &'a RuleSet) -> Self {
        Self { rules, lines: Vec::new() }
    }

    /// Writes down a step that lies before the decision proper.
    pub fn note(&mut self, step: &'static str, verdict: Verdict, text: impl fmt::Display) {
        self.lines.push(Line { step, verdict, text: text.to_string() });
    }

    /// Writes down which routes came into question.
    pub(super) fn candidates(&mut self, app: &App, view: &RequestView<'_>) {
        for step in app.routes.trace(view.method(), view) {
            let verdict = if matches!(step.outcome, StepOutcome::Hit) { Verdict::Hit } else { Verdict::Miss };
            match &step.route.place {
                Some(place) => {
                    self.note("route", verdict, format_args!("`{}` ({place}): {}", step.route.id, step.outcome))
                }
                None => self.note("route", verdict, format_args!("`{}`: {}", step.route.id, step.outcome)),
            }
        }
    }

    /// The explanation of a request that was decided.
    #[must_use]
    pub fn finish(mut self, judged: &Judged<'_, '_>) -> Explanation {
        let permitted = judged.judgement.outcome() == Outcome::Permit;
        if let Some(obligation) = judged.obligation.as_ref() {
            self.answer(obligation);
        }
        let forwarded = permitted.then(|| forwarded(judged));
        self.close(&judged.judgement, Some(judged.app), Some(judged.route), forwarded)
    }

    /// The explanation of a request that was refused before a route was found.
    #[must_use]
    pub fn finish_refused(mut self, judgement: &Judgement, app: Option<&App>) -> Explanation {
        let detail = judgement.detail().display(self.rules).to_string();
        self.note("request", Verdict::Refuse, format_args!("{}: {detail}", judgement.reason()));
        self.close(judgement, app, None, None)
    }

    fn close(
        self,
        judgement: &Judgement,
        app: Option<&App>,
        route: Option<&Route>,
        forwarded: Option<String>,
    ) -> Explanation {
        let rules = self.rules;
        Explanation {
            decision: outcome(judgement, app, route).as_str(),
            reason: judgement.reason().code(),
            status: judgement.reason().status(),
            detail: judgement.detail().display(rules).to_string(),
            revision: rules.revision.as_str().to_owned(),
            app: app.map(|app| app.name.to_string()),
            route: route.map(|route| match &route.place {
                Some(place) => format!("{} ({place})", route.id),
                None => route.id.to_string(),
            }),
            permission: judgement.permission().map(|id| permission_name(rules, id).to_owned()),
            forwarded,
            steps: self.lines,
        }
    }

    /// Writes down what is done to the answer.
    fn answer(&mut self, obligation: &Obligation) {
        let rules = self.rules;
        let kinds: Vec<&str> = obligation.plan().kinds.iter().map(crate::filter::Kind::name).collect();
        self.note("answer", Verdict::Change, format_args!("only {} is let through", kinds.join(" and ")));
        for id in obligation.rows_in_force() {
            let name = self.dimension(id);
            self.note("answer", Verdict::Change, format_args!("rows are left out whose {name} is not the person's"));
        }
        for id in obligation.masks_in_force() {
            let name = permission_name(rules, id);
            self.note(
                "answer",
                Verdict::Change,
                format_args!("fields are masked in rows where `{name}` is not granted"),
            );
        }
        if obligation.plan().masks_for_everybody() {
            self.note("answer", Verdict::Change, "fields are masked for everybody");
        }
    }

    fn dimension(&self, id: DimensionId) -> &'a str {
        self.rules.catalog.dimension(id).map_or("?", |dimension| dimension.name.as_str())
    }

    fn relevance(&self, relevance: Relevance) -> (Verdict, String) {
        match relevance {
            Relevance::NotGranting => (Verdict::Miss, "its role does not grant the permission".into()),
            Relevance::Ended => (Verdict::Miss, "it has ended".into()),
            Relevance::NotBegun => (Verdict::Miss, "it has not begun".into()),
            Relevance::Limited(id) => (
                Verdict::Miss,
                format!("it is limited in {}, which the route neither binds nor ignores", self.dimension(id)),
            ),
            Relevance::Omits(id) => {
                (Verdict::Miss, format!("it says nothing of {}, which the route binds", self.dimension(id)))
            }
            Relevance::Outside(id) => (Verdict::Miss, format!("it holds no {} that is asked for", self.dimension(id))),
            Relevance::Part => (Verdict::Hit, "it holds a part of what is asked for, or could fill it in".into()),
            Relevance::Whole => (Verdict::Hit, "it holds all that is asked for".into()),
        }
    }
}

/// What the client would meet.
fn outcome(judgement: &Judgement, app: Option<&App>, route: Option<&Route>) -> Outcome {
    let observed = app.is_some_and(|app| is_observed(judgement, app, route));
    if observed { Outcome::Observed } else { judgement.outcome() }
}

/// Method and target as they are sent, with secret values replaced.
fn forwarded(judged: &Judged<'_, '_>) -> String {
    let mut target = Vec::new();
    judged.view.write_target(&mut target);
    format!(
        "{} {}",
        judged.view.method(),
        redact_target(&target, &judged.app.secrets, Some(&judged.route.pattern.text))
    )
}

fn permission_name(rules: &RuleSet, id: PermissionId) -> &str {
    rules.catalog.permission(id).map_or("?", |entry| entry.name.as_str())
}

impl Trace for Transcript<'_> {
    const THOROUGH: bool = true;

    fn step(&mut self, step: Step<'_>) {
        let rules = self.rules;
        match step {
            Step::Operation { permission: None, .. } => self.note("operation", Verdict::Hit, "the route is public"),
            Step::Operation { place, permission: Some(id) } => {
                let name = permission_name(rules, id);
                match place {
                    None => self.note("operation", Verdict::Hit, format_args!("asks for `{name}`")),
                    Some(place) => self.note("operation", Verdict::Hit, format_args!("{place} selects `{name}`")),
                }
            }
            Step::Parameter { place, secret: true, .. } => {
                self.note("parameter", Verdict::Hit, format_args!("{place} is spelled as the rule wants it"));
            }
            Step::Parameter { place, values, .. } => {
                let shown = values.join("`, `");
                self.note("parameter", Verdict::Hit, format_args!("{place} is `{shown}`"));
            }
            Step::Fact { app, fact } => {
                let name = app.lookup(fact.lookup).map_or("?", |lookup| lookup.name.as_str());
                match &fact.found {
                    Found::Values(values) => {
                        self.note(
                            "lookup",
                            Verdict::Hit,
                            format_args!("`{name}` of `{}` is `{}`", fact.key, values.join("`, `")),
                        );
                    }
                    Found::Held => {
                        self.note(
                            "lookup",
                            Verdict::Hit,
                            format_args!("the answer will tell `{name}` of `{}`", fact.key),
                        );
                    }
                    Found::Unknown(why) | Found::Failed(_, why) => {
                        self.note("lookup", Verdict::Miss, format_args!("`{name}` of `{}`: {why}", fact.key));
                    }
                }
            }
            Step::Subject(subject) => {
                self.note("subject", Verdict::Hit, format_args!("`{}` is known and active", subject.id));
            }
            Step::Assignment(assignment, relevance) => {
                let role = rules.catalog.role(assignment.role).map_or("?", |role| role.name.as_str());
                let (verdict, why) = self.relevance(relevance);
                self.note("assignment", verdict, format_args!("`{}` (role {role}): {why}", assignment.id));
            }
            Step::United(from) => {
                self.note("scope", Verdict::Hit, format_args!("{} assignments hold it together", from.len()));
            }
            Step::Condition { at, applies: false, .. } => {
                self.note("condition", Verdict::Miss, format_args!("condition {} is for another operation", at + 1));
            }
            Step::Condition { at, .. } => {
                self.note("condition", Verdict::Hit, format_args!("condition {} holds", at + 1))
            }
            Step::Changed(changes) => {
                for change in changes {
                    let (place, kind) = (&change.place, change.kind.as_str());
                    let values = change.values.join("`, `");
                    self.note("change", Verdict::Change, format_args!("{place} was {kind}: `{values}`"));
                }
                self.note("change", Verdict::Change, "the completed request is judged as if the client had sent it");
            }
            Step::Refused(reason, detail) => {
                self.note("decision", Verdict::Refuse, format_args!("{reason}: {}", detail.display(rules)));
            }
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} (status {})", self.decision, self.reason, self.status)?;
        for (name, value) in [("app", &self.app), ("route", &self.route), ("permission", &self.permission)] {
            if let Some(value) = value {
                writeln!(f, "  {name:<11}{value}")?;
            }
        }
        writeln!(f, "  {:<11}{}", "rules", self.revision)?;
        if !self.detail.is_empty() {
            writeln!(f, "  {:<11}{}", "detail", self.detail)?;
        }
        if let Some(forwarded) = &self.forwarded {
            writeln!(f, "  {:<11}{forwarded}", "forwarded")?;
        }
        writeln!(f, "steps:")?;
        self.steps.iter().try_for_each(|line| writeln!(f, "  {} {:<11}{}", line.verdict.mark(), line.step, line.text))
    }
}
