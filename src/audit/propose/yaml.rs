//! A proposal as YAML that `scopegate check` reads once its permissions have been looked through.

use super::{AppProposal, Parameter, Proposal, RouteProposal};
use std::collections::BTreeSet;
use std::fmt::{self, Display};

impl Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, app) in &self.apps {
            if app.parameters.is_empty() && app.routes.is_empty() {
                continue;
            }
            writeln!(f, "# {}", one_line(name))?;
            app.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for AppProposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (route, parameters) in &self.parameters {
            writeln!(
                f,
                "#\n# `{}`: {} had parameters that it does not name. Give each its type, below the route:",
                one_line(route),
                requests(parameters.requests)
            )?;
            writeln!(f, "#    params:")?;
            let mut taken = BTreeSet::new();
            for Parameter { place, name, requests } in &parameters.names {
                let Some((at, kind)) = written(place, name) else {
                    let name = one_line(name);
                    writeln!(
                        f,
                        "#      # no rule can name `{name}` ({place}): only `others: forward` lets it pass  # {requests}"
                    )?;
                    continue;
                };
                // one name may stand in several places, and a key only once
                let key = if taken.insert(name.clone()) { name.clone() } else { format!("{name} ({place})") };
                writeln!(f, "#      {}: {{at: {at}, type: {kind}}}  # {requests}", scalar(&key))?;
            }
            writeln!(f, "#  or, where none of them matters:\n#    others: forward")?;
        }
        if self.routes.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "#\n# No route matched these. Look through each: its permission, and what data it touches (`scope`)."
        )?;
        writeln!(f, "routes:")?;
        self.routes.iter().try_for_each(|route| write!(f, "{route}"))
    }
}

impl Display for RouteProposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  - id: {}  # {}", scalar(&self.id), requests(self.requests))?;
        writeln!(f, "    match: {}", scalar(&format!("{} {}", self.methods.join("|"), self.path)))?;
        if !self.assets.is_empty() {
            return writeln!(f, "    public: true\n    assets: [{}]", self.assets.join(", "));
        }
        writeln!(f, "    permission: {}", self.permission())?;
        if self.methods.iter().any(|method| method != "GET" && method != "DELETE") {
            writeln!(f, "    body: {{accept: [form]}}  # or json, multipart")?;
        }
        if self.query.is_empty() {
            return Ok(());
        }
        writeln!(f, "    params:")?;
        for name in &self.query {
            let name = scalar(name);
            writeln!(f, "      {name}: {{at: {{query: {name}}}, type: text}}")?;
        }
        Ok(())
    }
}

impl RouteProposal {
    /// A guess that says by its name what it is about: `order:view` or `order:change`.
    fn permission(&self) -> String {
        let word = |part: &&str| {
            *part != "one"
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && part.starts_with(|c: char| c.is_ascii_alphabetic())
        };
        let words: Vec<&str> = self.id.split('.').filter(word).collect();
        // the last part is often the verb, but for what stands before the number of a thing
        let is_thing = self.id == "one" || self.id.contains(".one");
        let resource = match words.as_slice() {
            [] => "page",
            [.., resource] if is_thing || words.len() == 1 => resource,
            [.., resource, _] => resource,
            [resource] => resource,
        };
        let verb = if self.methods.iter().all(|method| method == "GET") { "view" } else { "change" };
        format!("{}:{verb}", resource.to_ascii_lowercase())
    }
}

/// How a rule writes a place, and the type of what stands there; nothing where no rule can name it.
fn written(place: &str, name: &str) -> Option<(String, &'static str)> {
    let at = match (place, place.strip_prefix("json-in.")) {
        (_, Some(holder)) => {
            let (parameter, pointer) = name.split_at_checked(name.find('/')?)?;
            format!("{{json-in: {{{holder}: {}, pointer: {}}}}}", scalar(parameter), scalar(pointer))
        }
        ("query" | "form" | "multipart", _) => format!("{{{place}: {}}}", scalar(name)),
        ("soap", _) if name == "operation" => "{soap: operation}".to_owned(),
        ("rpc", _) if name == "method" => "{rpc: method}".to_owned(),
        ("xml" | "soap", _) if name.ends_with("/text()") => return None,
        ("json" | "xml" | "soap" | "rpc", _) if name.starts_with('/') => format!("{{{place}: {}}}", scalar(name)),
        _ => return None,
    };
    let is_many = name.split('/').any(|step| step == "*");
    Some((at, if is_many { "{list: {of: text}}" } else { "text" }))
}

fn requests(count: u64) -> String {
    format!("{count} request{}", if count == 1 { "" } else { "s" })
}

/// Text as a YAML scalar on one line: plain where that is safe, else in quotes.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.chars().all(plain) && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return text.to_owned();
    }
    // JSON strings are YAML ones, but for what would break the line in some readers.
    let quoted = serde_json::Value::from(text).to_string();
    quoted
        .chars()
        .map(|c| if c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}') { '?' } else { c })
        .collect()
}

/// A name in a comment.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { '?' } else { c }).collect()
}
