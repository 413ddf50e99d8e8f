//! Which device a request comes from: a signed stable cookie, and what its user agent says; never who uses it.

mod agent;
mod cookie;

pub use agent::{Agent, Agents};
pub use cookie::{CookieSettings, DeviceCookie};

use super::cookie as cookies;
use super::key::{KeyError, MasterKey};
use super::recent::Recent;
use crate::model::Device;
use compact_str::CompactString;
use smallvec::SmallVec;
use std::rc::Rc;
use std::sync::Arc;

/// User agents and cookies longer than this together are read anew each time.
const REMEMBERED: usize = 2048;

/// Reads devices on one core.
#[derive(Debug)]
pub struct DeviceReader {
    cookie: DeviceCookie,
    agents: Arc<Agents>,
    recent_agents: Recent<Rc<Agent>>,
    recent_cookies: Recent<Option<CompactString>>,
    /// Devices that are known, by all that they were read from but the connection.
    recent: Recent<Rc<Device>>,
}

/// The device of a request.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The device. Its `id` is set also where it is only issued by this answer; then it is not `known`.
    pub device: Device,
    /// The Set-Cookie field that gives the device its identifier, where it had none.
    pub issue: Option<String>,
    /// Whether whoever sends the same fields again comes from the same device.
    pub lasting: bool,
}

impl DeviceReader {
    /// A reader for one core.
    #[must_use]
    pub fn new(key: &MasterKey, agents: Arc<Agents>, cookie: CookieSettings) -> Self {
        Self {
            cookie: DeviceCookie::new(key, cookie),
            agents,
            recent_agents: Recent::new(1024),
            recent_cookies: Recent::new(4096),
            recent: Recent::new(1024),
        }
    }

    /// Reads the device out of the User-Agent and Cookie fields. `tls` is the fingerprint of the connection. A device
    /// without identifier gets one, to be set by the answer; the cookie itself never reaches the application.
    ///
    /// # Errors
    /// When the system gives no random bytes for a new identifier.
    pub fn read<'a>(
        &self,
        user_agent: Option<&[u8]>,
        cookie_fields: impl Iterator<Item = &'a [u8]> + Clone,
        tls: Option<CompactString>,
    ) -> Result<Seen, KeyError> {
        let user_agent = user_agent.unwrap_or_default();
        let key = self.remembered_as(user_agent, cookie_fields.clone());
        if let Some(device) = key.as_ref().and_then(|key| self.recent.get(key)) {
            let device = Device { tls, ..Device::clone(&device) };
            return Ok(Seen { device, issue: None, lasting: true });
        }
        let agent = self.agent(user_agent);
        let mut device = Device {
            id: None,
            known: false,
            browser: agent.browser.clone(),
            system: agent.system.clone(),
            kind: agent.kind,
            tls: None,
        };
        // A forged or foreign cookie counts as none; of several, the first that verifies.
        device.id = cookies::cookies(cookie_fields)
            .filter(|cookie| cookie.name == self.cookie.name().as_bytes())
            .find_map(|cookie| self.recent_cookies.get_or(cookie.value, || self.cookie.verify(cookie.value)));
        device.known = device.id.is_some();
        if device.known {
            let lasting = key.is_some();
            if let Some(key) = key {
                self.recent.insert(&key, Rc::new(device.clone()));
            }
            return Ok(Seen { device: Device { tls, ..device }, issue: None, lasting });
        }
        let (id, issue) = self.cookie.issue()?;
        Ok(Seen { device: Device { id: Some(id), tls, ..device }, issue: Some(issue), lasting: false })
    }

    /// What a device is remembered by: a browser sends the same fields with nearly every request. `None` where they are too long
    /// for that, or user agents cannot be told yet.
    fn remembered_as<'a>(
        &self,
        user_agent: &[u8],
        cookie_fields: impl Iterator<Item = &'a [u8]>,
    ) -> Option<SmallVec<[u8; 512]>> {
        let mut key = SmallVec::from_slice(user_agent);
        for field in cookie_fields {
            // no field holds a line feed, so that what they hold is never taken for one another
            key.push(b'\n');
            key.extend_from_slice(field);
        }
        (self.agents.is_ready() && key.len() <= REMEMBERED).then_some(key)
    }

    fn agent(&self, user_agent: &[u8]) -> Rc<Agent> {
        let user_agent = user_agent.get(..agent::MAX_LENGTH).unwrap_or(user_agent);
        if !self.agents.is_ready() {
            return Rc::new(self.agents.parse(&String::from_utf8_lossy(user_agent)));
        }
        self.recent_agents.get_or(user_agent, || Rc::new(self.agents.parse(&String::from_utf8_lossy(user_agent))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> DeviceReader {
        DeviceReader::new(&MasterKey::from_bytes(&[3; 32]), Arc::default(), CookieSettings::default())
    }

    #[test]
    fn a_device_keeps_the_identifier_that_it_was_given() {
        let reader = reader();
        let first = reader.read(None, std::iter::empty(), None).unwrap();
        assert!(!first.device.known);
        let set = first.issue.unwrap();
        assert!(set.contains("; Secure") && set.contains("; HttpOnly") && set.contains("; Path=/"), "{set}");
        let pair = set.split(';').next().unwrap().as_bytes();
        let second = reader.read(None, std::iter::once(pair), None).unwrap();
        assert!(second.device.known && second.issue.is_none());
        assert_eq!(second.device.id, first.device.id);
    }

    #[test]
    fn a_forged_device_cookie_counts_as_none() {
        let reader = reader();
        let issued = reader.read(None, std::iter::empty(), None).unwrap();
        let pair = issued.issue.unwrap().split(';').next().unwrap().to_owned();
        let foreign = DeviceReader::new(&MasterKey::from_bytes(&[4; 32]), Arc::default(), CookieSettings::default());
        assert!(!foreign.read(None, std::iter::once(pair.as_bytes()), None).unwrap().device.known);
        for at in reader.cookie.name().len() + 1..pair.len() {
            let mut forged = pair.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let seen = reader.read(None, std::iter::once(forged.as_slice()), None).unwrap();
            assert!(!seen.device.known && seen.device.id != issued.device.id, "byte {at}");
        }
        for wrong in ["__Host-scopegate-device=", "__Host-scopegate-device=a.b", "__host-scopegate-device=x"] {
            assert!(!reader.read(None, std::iter::once(wrong.as_bytes()), None).unwrap().device.known);
        }
    }
}
