//! What observed requests say about rules that are still missing: parameters that routes do not name, and routes. Reads records,
//! never values; writes YAML for people to look through.

mod paths;
mod yaml;

use self::paths::Paths;
use super::filter::Entry;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is proposed for each application.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Proposal {
    /// By its name.
    pub apps: BTreeMap<String, AppProposal>,
}

/// What is proposed for one application.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AppProposal {
    /// Parameters that the route does not name, by its id.
    pub parameters: BTreeMap<String, Parameters>,
    /// Routes for what no route matches.
    pub routes: Vec<RouteProposal>,
    #[serde(skip)]
    paths: Paths,
}

/// How often each parameter was sent: (place, name).
#[derive(Clone, Debug, Default, Serialize)]
pub struct Parameters {
    /// Requests that had one or more.
    pub requests: u64,
    /// The parameters.
    pub names: Vec<Parameter>,
}

/// A parameter, by its name and never by its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// As records call it: `query`, `form`, `multipart`, `json`, `xml`, `soap`, `rpc`, or `json-in.` and the place of what holds the text.
    pub place: String,
    /// Its name.
    pub name: String,
    /// How many requests had it.
    pub requests: u64,
}

/// A route that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteProposal {
    /// A name for it.
    pub id: String,
    /// The methods that were used.
    pub methods: Vec<String>,
    /// The path, with what looks like a number or a code in braces.
    pub path: String,
    /// For static files: their extensions.
    pub assets: Vec<String>,
    /// The names of its query parameters.
    pub query: Vec<String>,
    /// How many requests there were.
    pub requests: u64,
}

impl Proposal {
    /// Takes a decision into account; others are none of its business.
    pub fn add(&mut self, entry: &Entry) {
        let text = |field| entry.text(field).unwrap_or_default();
        let app = text("app");
        if app.is_empty() {
            return;
        }
        match text("reason").as_ref() {
            "unknown-parameter" => {
                let app = self.apps.entry(app.into_owned()).or_default();
                app.parameters.entry(text("route").into_owned()).or_default().add(entry);
            }
            // What cannot be read in one way has no path that a rule could match.
            "ambiguous-target" => {}
            // Who asks is looked at first: where nobody is known yet, a missing route is told by nothing else.
            _ if text("route").is_empty() => {
                let app = self.apps.entry(app.into_owned()).or_default();
                app.paths.add(&text("method"), &super::unescape(&text("target")));
            }
            _ => {}
        }
    }

    /// The proposal, once everything was added.
    #[must_use]
    pub fn finish(mut self) -> Self {
        for app in self.apps.values_mut() {
            app.routes = std::mem::take(&mut app.paths).routes();
        }
        self
    }

    /// Whether nothing is missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.apps.values().all(|app| app.parameters.is_empty() && app.routes.is_empty())
    }
}

impl Parameters {
    fn add(&mut self, entry: &Entry) {
        self.requests += 1;
        let Some(unnamed) = entry.value("unnamed").and_then(serde_json::Value::as_object) else { return };
        for (place, names) in unnamed {
            for name in names.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str) {
                let room = self.names.len() < MOST_NAMES;
                match self.names.iter_mut().find(|known| known.place == *place && known.name == name) {
                    Some(known) => known.requests += 1,
                    None if room => {
                        self.names.push(Parameter { place: place.clone(), name: name.to_owned(), requests: 1 });
                    }
                    None => {}
                }
            }
        }
    }
}

/// The most parameters of a route that are told apart: whoever sends more makes names up.
const MOST_NAMES: usize = 256;
