//! Rules and people out of text, and questions to them, by the public way in.

use scopegate::diagnostics::Report;
use scopegate::model::{Device, Outcome, Reason, SubjectId, Timestamp};
use scopegate::policy::inquiry::{Answer, Inquiry};
use scopegate::policy::{Claim, Origin};
use scopegate::rules::load::{File, Loaded, load_files};
use std::path::Path;

/// Rules and people.
pub struct Setting(pub Loaded);

/// What came out of a question.
#[derive(Debug)]
pub struct Found {
    pub outcome: Outcome,
    pub reason: Reason,
    pub detail: String,
    pub assignment: Option<String>,
    /// The query that is forwarded.
    pub query: Vec<(String, String)>,
    pub target: String,
}

impl Setting {
    pub fn load(files: &[(String, String)]) -> Self {
        let files: Vec<File> =
            files.iter().map(|(name, text)| File { name: name.clone(), text: text.clone() }).collect();
        match load_files(&files, Path::new(""), Report::new()) {
            Ok(loaded) => Self(loaded),
            Err(report) => panic!("{report}\n{}", files.iter().map(|f| f.text.as_str()).collect::<String>()),
        }
    }

    pub fn of(files: &[(&str, &str)]) -> Self {
        Self::load(&files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect::<Vec<_>>())
    }

    pub fn ask(&self, who: Option<&str>, host: &str, target: &str, ip: &str, now: i64) -> Found {
        let now = Timestamp::from_micros(now * 1_000_000);
        let mut inquiry = Inquiry::new("GET", &format!("https://{host}{target}"), now);
        inquiry.who = who.map(str::to_owned);
        inquiry.client = ip.parse().unwrap();
        self.inquire(&inquiry)
    }

    /// What a stream that is permitted here was permitted for, and its target as it is forwarded; `None` where it is refused.
    pub fn stream(&self, who: Option<&str>, host: &str, target: &str, ip: &str, now: i64) -> Option<(Claim, String)> {
        let Loaded { set, people, .. } = &self.0;
        let mut inquiry =
            Inquiry::new("GET", &format!("https://{host}{target}"), Timestamp::from_micros(now * 1_000_000));
        inquiry.who = who.map(str::to_owned);
        inquiry.client = ip.parse().unwrap();
        inquiry.ask(set, people, |answer, _| {
            let Answer::Judged(judged) = &answer else { return None };
            let (subject, device) = (who.map(SubjectId::new), Device::default());
            let origin = Origin { subject: subject.as_ref(), client: inquiry.client, device: &device, upgraded: false };
            let app = set.app_for_host(host).unwrap();
            let route = app.routes.iter().find(|route| target.starts_with(&format!("/{}?", route.id))).unwrap();
            let claim = Claim::of(set, app, Some(route), judged.judgement(), judged.tested(), &origin);
            let mut target = Vec::new();
            judged.view().write_target(&mut target);
            (answer.outcome() == Outcome::Permit).then(|| (claim, String::from_utf8(target).unwrap()))
        })
    }

    /// Whether a stream would still be permitted.
    pub fn holds(&self, claim: &Claim, now: i64) -> bool {
        let Loaded { set, people, .. } = &self.0;
        let (app, route) = claim.find(set);
        let now = Timestamp::from_micros(now * 1_000_000);
        claim.holds(set, people, app.map(|app| &**app), route.map(|route| &**route), now)
    }

    pub fn inquire(&self, inquiry: &Inquiry) -> Found {
        let Loaded { set, people, .. } = &self.0;
        inquiry.ask(set, people, |answer, _| {
            let judgement = answer.judgement();
            let (mut query, mut target) = (Vec::new(), Vec::new());
            if let Answer::Judged(judged) = &answer {
                judged.view().write_target(&mut target);
                let own = |value: &scopegate::request::Value| (value.name().to_owned(), value.value().to_owned());
                query = judged.view().target().query().iter().map(own).collect();
            }
            let subject = inquiry.who.as_deref().and_then(|who| people.named(who));
            let deciding = judgement.deciding().first().zip(subject);
            Found {
                outcome: answer.outcome(),
                reason: judgement.reason(),
                detail: judgement.detail().display(set).to_string(),
                assignment: deciding.map(|(d, s)| s.assignments[d.assignment as usize].id.to_string()),
                query,
                target: String::from_utf8(target).unwrap(),
            }
        })
    }
}
