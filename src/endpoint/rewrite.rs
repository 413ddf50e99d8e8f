//! What is changed in answers because an application is called otherwise outside: redirects and cookies.

use compact_str::CompactString;

use super::address::{Address, HostPolicy, split_authority};
use super::error::Findings;
use super::raw::RawRewrite;

/// A name that the application calls itself by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Inside {
    /// Lower case, without brackets.
    pub host: CompactString,
    /// Any port where `None`.
    pub port: Option<u16>,
}

/// Changes to answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RewriteSpec {
    /// Whether absolute redirects to an inside name are made to lead outside.
    pub location: bool,
    /// The addresses, the name under `host`, and what the rule lists.
    pub inside: Vec<Inside>,
    /// From a cookie's `Domain` (lower case, without leading dot) to that outside; `None` removes it.
    pub cookie_domain: Vec<(CompactString, Option<CompactString>)>,
    /// From the beginning of a cookie's `Path` to that outside; the longest first.
    pub cookie_path: Vec<(CompactString, CompactString)>,
    /// Whether cookies get `Secure` where the outside is `https`.
    pub secure: bool,
}

impl RewriteSpec {
    /// The addresses and the name under `host` are inside names too.
    pub(super) fn compile(
        raw: RawRewrite,
        addresses: &[Address],
        host: &HostPolicy,
        findings: &mut Findings,
    ) -> RewriteSpec {
        let mut inside: Vec<Inside> =
            addresses.iter().map(|address| Inside { host: address.host.clone(), port: Some(address.port) }).collect();
        if let HostPolicy::Name(name) = host
            && let Some((host, port)) = split_authority(name)
        {
            inside.push(Inside { host: host.into(), port });
        }
        for (i, text) in raw.inside.iter().enumerate() {
            let authority = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or(text);
            match split_authority(authority.strip_suffix('/').unwrap_or(authority)) {
                Some((host, port)) => {
                    // a scheme pins its own port; a bare name stands for any
                    let scheme = if text.starts_with("http://") {
                        Some(80)
                    } else {
                        text.starts_with("https://").then_some(443)
                    };
                    inside.push(Inside { host: host.to_ascii_lowercase().into(), port: port.or(scheme) });
                }
                None => {
                    findings.add(format!("rewrite.inside.{i}"), format!("`{text}` is not a name of the application"))
                }
            }
        }
        let safe = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && b != b';' && b != b',');
        let mut cookie_domain = Vec::new();
        for (from, to) in &raw.cookie_domain {
            if !safe(from) || !safe(to) {
                findings.add("rewrite.cookie-domain", format!("`{from}: {to}` are not domains"));
            }
            let bare = |text: &str| CompactString::from(text.trim_start_matches('.').to_ascii_lowercase());
            cookie_domain.push((bare(from), (!to.is_empty()).then(|| bare(to))));
        }
        let mut cookie_path = Vec::new();
        for (from, to) in &raw.cookie_path {
            if !from.starts_with('/') || !to.starts_with('/') || !safe(from) || !safe(to) {
                findings.add("rewrite.cookie-path", format!("`{from}: {to}` are not paths: both begin with `/`"));
            }
            cookie_path.push((CompactString::from(from.as_str()), CompactString::from(to.as_str())));
        }
        cookie_path.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        RewriteSpec {
            location: raw.location.unwrap_or(true),
            inside,
            cookie_domain,
            cookie_path,
            secure: raw.secure.unwrap_or(true),
        }
    }
}
