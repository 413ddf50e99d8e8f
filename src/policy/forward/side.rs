//! Requests of the gateway's own: probes after a sign-in, lookups, health checks; of a client's head nothing goes along but what is named.

use super::{BodyPlan, Head, Parcel, SideRequest};
use crate::endpoint::{HostPolicy, UpstreamSpec};
use crate::model::{Effect, RequestId};
use crate::policy::fields::host_for;
use crate::request::{ForwardBody, ForwardError, ForwardHead, ForwardedFor, write_forward_head};
use crate::rules::App;
use compact_str::CompactString;
use smallvec::SmallVec;
use std::sync::Arc;

/// In whose name a request of the gateway's own is made. Nothing else of a client's head goes with it.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// Of whoever asks.
    Caller {
        /// The name that the application is told, where it is told one.
        subject: Option<&'a str>,
        /// The whole Cookie field, as the application gets it; empty for none.
        cookies: &'a [u8],
        /// The `Authorization` field, where it reaches the application; empty for none.
        authorization: &'a [u8],
    },
    /// Of a service account.
    Account {
        /// The field that carries the credential.
        header: &'a str,
        /// The credential.
        secret: &'a str,
    },
}

impl SideRequest {
    /// Reads a page of the application with the caller's session right after a sign-in. `path` begins with `/`; `cookies` is
    /// the whole Cookie field, `host` the authority that the client used.
    ///
    /// # Errors
    /// When one of them cannot stand in a head.
    pub fn probe(app: &App, host: &str, path: &str, cookies: &[u8], request: RequestId) -> Result<Self, ForwardError> {
        let by_address = matches!(app.upstream.host, HostPolicy::Address);
        let id = request.to_string();
        let set: SmallVec<[_; 1]> = app.headers.request_id.iter().map(|name| (name.as_str(), id.as_str())).collect();
        Self::get(&app.upstream, &host_for(&app.upstream, Some(host)), by_address, path, &[(b"Cookie", cookies)], &set)
    }

    /// Asks the application about an object. `target` begins with `/`, `host` is the authority that the client used.
    ///
    /// # Errors
    /// When one of them cannot stand in a head.
    pub fn lookup(
        app: &App,
        host: &str,
        target: &str,
        credential: &Credential<'_>,
        request: RequestId,
    ) -> Result<Self, ForwardError> {
        let by_address = matches!(app.upstream.host, HostPolicy::Address);
        let id = request.to_string();
        let mut set: SmallVec<[_; 2]> =
            app.headers.request_id.iter().map(|name| (name.as_str(), id.as_str())).collect();
        let fields: &[(&[u8], &[u8])] = match credential {
            Credential::Caller { subject, cookies, authorization } => {
                if let (Some(name), Some(subject)) = (&app.headers.user, subject) {
                    set.push((name.as_str(), *subject));
                }
                &[(b"Cookie", cookies), (b"Authorization", authorization)]
            }
            Credential::Account { header, secret } => {
                set.push((*header, *secret));
                &[]
            }
        };
        Self::get(&app.upstream, &host_for(&app.upstream, Some(host)), by_address, target, fields, &set)
    }

    /// Asks the application whether it is well, as the `health:` block says; `None` where it has none.
    ///
    /// # Errors
    /// When the path cannot stand in a head.
    #[must_use]
    pub fn health(upstream: &Arc<UpstreamSpec>) -> Option<Result<Self, ForwardError>> {
        let health = upstream.health.as_ref()?;
        // a check is of one address, so that its name is the one to send
        let (host, by_address) = match (&health.host, &upstream.host) {
            (Some(host), _) | (None, HostPolicy::Name(host)) => (host.clone(), false),
            (None, _) => (host_for(upstream, None), true),
        };
        Some(Self::get(upstream, &host, by_address, &health.path, &[], &[]))
    }

    fn get(
        upstream: &Arc<UpstreamSpec>,
        host: &str,
        by_address: bool,
        path: &str,
        fields: &[(&[u8], &[u8])],
        set: &[(&str, &str)],
    ) -> Result<Self, ForwardError> {
        if !path.starts_with('/') || !path.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'#') {
            return Err(ForwardError::Control("path of a side request"));
        }
        let head = ForwardHead {
            method: "GET",
            target: path.as_bytes(),
            host,
            body: ForwardBody::None,
            set,
            strip: &[],
            header_edits: &[],
            cookie_edits: &[],
            client: ForwardedFor::default(),
            upgrade: None,
        };
        let mut bytes = Vec::with_capacity(256);
        let own: [(&[u8], &[u8]); 2] = [(b"Accept", b"*/*"), (b"User-Agent", b"scopegate")];
        let fields = own.into_iter().chain(fields.iter().copied()).filter(|(_, value)| !value.is_empty());
        write_forward_head(&mut bytes, &head, fields)?;
        let parcel = Parcel {
            upstream: Arc::clone(upstream),
            method: CompactString::const_new("GET"),
            head: Head::new(bytes, by_address),
            body: BodyPlan::None,
            effect: Effect::None,
            upgrade: false,
            obligation: None,
        };
        Ok(Self(Box::new(parcel)))
    }
}
