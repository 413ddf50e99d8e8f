//! User agents: browser, system and kind out of the string that clients send; a claim, never a proof.

use crate::model::DeviceKind;
use compact_str::{CompactString, format_compact};
use regex::Regex;
use std::sync::OnceLock;
use ua_parser::{Extractor, Regexes, os, user_agent};

/// The patterns of uap-core (see NOTICE).
const PATTERNS: &str = include_str!("regexes.yaml");

/// How much of a user agent is read, in bytes.
pub(super) const MAX_LENGTH: usize = 512;

/// What a user agent says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// Browser family and major version.
    pub browser: CompactString,
    /// System family and major version.
    pub system: CompactString,
    /// The kind of device.
    pub kind: DeviceKind,
}

/// Reads user agents, once its patterns are compiled.
#[derive(Default)]
pub struct Agents {
    patterns: OnceLock<Patterns>,
}

struct Patterns {
    extractor: Extractor<'static>,
    terminal: Regex,
    program: Regex,
}

/// The patterns of uap-core cannot be compiled, which its test rules out.
#[derive(Debug, thiserror::Error)]
#[error("the patterns for user agents cannot be compiled: {0}")]
pub struct PatternError(String);

/// Hand-held scanners and vehicle-mounted terminals by maker or model, as they stand in user agents.
const TERMINAL: &str = r"(?x)
    \b(?: Zebra | Symbol | Honeywell | Intermec | Datalogic | Dolphin | ScanPal | Psion | Casio\ DT | Urovo | UROVO
        | Newland | NLS-MT\d+ | Seuic | SEUIC | iData | Chainway | Bluebird | Unitech | Memor\ ?\d+ | Skorpio | Falcon\ X )\b
    | ;\s*(?: TC\d{2}[A-Z]? | MC\d{2,4}[A-Z]{0,2} | ET\d{2}[A-Z]? | EC\d{2} | WT\d{4} | VC\d{2,4} | L10
        | CT\d{2}(?:\ ?XP)? | CK\d{2} | CN\d{2}[A-Z]? | EDA\d{2}[a-z]? | VM\d[A-Z]? | RT10[A-Z]? | DT\d{2} | i6\d{3}[A-Z]? )
        (?: \s*(?:Build|[;)]))
    | \bWindows\ CE\b";

/// Programs that uap-core does not call so.
const PROGRAM: &str = r"(?ix)
    ^(?: curl | wget | python | go-http-client | java | okhttp | apache-httpclient | postmanruntime | insomnia | libwww-perl
       | lwp | ruby | php | guzzlehttp | axios | node | undici | reqwest | hyper | dart | perl | powershell | httpie | k6
       | jakarta | restsharp | winhttp )\b
    | \b(?: bot | crawler | spider | headlesschrome | phantomjs | selenium )\b";

impl Agents {
    /// Compiles the patterns, which takes some tenths of a second: to be called off the cores, at start. Until it is
    /// done, user agents are read as unknown.
    ///
    /// # Errors
    /// When the patterns cannot be compiled.
    pub fn prepare(&self) -> Result<(), PatternError> {
        if self.patterns.get().is_some() {
            return Ok(());
        }
        let told = |error: &dyn std::fmt::Display| PatternError(error.to_string());
        let regexes: Regexes<'static> = serde_yaml::from_str(PATTERNS).map_err(|error| told(&error))?;
        let extractor = Extractor::try_from(regexes).map_err(|error| told(&error))?;
        let terminal = Regex::new(TERMINAL).map_err(|error| told(&error))?;
        let program = Regex::new(PROGRAM).map_err(|error| told(&error))?;
        let _ = self.patterns.set(Patterns { extractor, terminal, program });
        Ok(())
    }

    /// Whether [`Agents::prepare`] is done.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.patterns.get().is_some()
    }

    /// Reads a user agent; everything unknown before [`Agents::prepare`] is done.
    #[must_use]
    pub fn parse(&self, text: &str) -> Agent {
        let Some(patterns) = self.patterns.get() else { return Agent::default() };
        let browser = patterns.extractor.ua.extract(text);
        let system = patterns.extractor.os.extract(text);
        let device = patterns.extractor.dev.extract(text);
        let family = device.as_ref().map_or("", |device| device.device.as_ref());
        let kind = patterns.kind(text, system.as_ref(), family);
        Agent {
            browser: browser.as_ref().map(browser_name).unwrap_or_default(),
            system: system.as_ref().map(system_name).unwrap_or_default(),
            kind,
        }
    }
}

impl Patterns {
    fn kind(&self, text: &str, system: Option<&os::ValueRef<'_>>, device: &str) -> DeviceKind {
        let system = system.map_or("", |system| system.os.as_ref());
        if self.terminal.is_match(text) {
            return DeviceKind::Terminal;
        }
        if device == "Spider" || self.program.is_match(text) {
            return DeviceKind::Program;
        }
        match system {
            "iOS" if device.contains("iPad") => DeviceKind::Tablet,
            "iOS" | "Windows Phone" | "Windows Mobile" | "BlackBerry OS" | "KaiOS" => DeviceKind::Phone,
            "Android" | "HarmonyOS" if text.contains("Mobile") => DeviceKind::Phone,
            "Android" | "HarmonyOS" => DeviceKind::Tablet,
            "Windows" | "Mac OS X" | "Linux" | "Chrome OS" | "FreeBSD" | "OpenBSD" | "NetBSD" | "Solaris"
            | "Ubuntu" | "Debian" | "Fedora" | "Red Hat" | "SUSE" | "CentOS" | "Mint" | "Arch Linux" => {
                DeviceKind::Desktop
            }
            _ => DeviceKind::Unknown,
        }
    }
}

fn browser_name(browser: &user_agent::ValueRef<'_>) -> CompactString {
    match browser.major {
        Some(major) => format_compact!("{} {major}", browser.family),
        None => browser.family.as_ref().into(),
    }
}

fn system_name(system: &os::ValueRef<'_>) -> CompactString {
    match system.major.as_deref() {
        Some(major) => format_compact!("{} {major}", system.os),
        None => system.os.as_ref().into(),
    }
}

impl std::fmt::Debug for Agents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agents").field("ready", &self.is_ready()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_user_agents_are_told_apart() {
        let agents = Agents::default();
        assert_eq!(agents.parse("curl/8.5.0"), Agent::default(), "unknown until the patterns are compiled");
        agents.prepare().unwrap();
        let chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0";
        for (text, browser, system, kind) in [
            (
                format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {chrome} Safari/537.36"),
                "Chrome 141",
                "Windows 10",
                DeviceKind::Desktop,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:131.0) Gecko/20100101 Firefox/131.0".into(),
                "Firefox 131",
                "Mac OS X 10",
                DeviceKind::Desktop,
            ),
            (
                format!("Mozilla/5.0 (Linux; Android 14; Pixel 8) {chrome} Mobile Safari/537.36"),
                "Chrome Mobile 141",
                "Android 14",
                DeviceKind::Phone,
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 \
                 Mobile/15E148 Safari/604.1"
                    .into(),
                "Mobile Safari 17",
                "iOS 17",
                DeviceKind::Tablet,
            ),
            (
                format!("Mozilla/5.0 (Linux; Android 11; TC52) {chrome} Mobile Safari/537.36"),
                "Chrome Mobile 141",
                "Android 11",
                DeviceKind::Terminal,
            ),
            (
                format!("Mozilla/5.0 (Linux; Android 10; CT60 Build/QKQ1) {chrome} Mobile Safari/537.36"),
                "Chrome Mobile 141",
                "Android 10",
                DeviceKind::Terminal,
            ),
            ("curl/8.5.0".into(), "curl 8", "", DeviceKind::Program),
            ("python-requests/2.32.3".into(), "Python Requests 2", "", DeviceKind::Program),
        ] {
            let agent = agents.parse(&text);
            assert_eq!((agent.browser.as_str(), agent.kind), (browser, kind), "{text}");
            assert!(agent.system == system || system.is_empty(), "{text}: {}", agent.system);
        }
        assert_eq!(agents.parse("").kind, DeviceKind::Unknown);
    }
}
