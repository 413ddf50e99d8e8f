//! What the head that the application is sent is made of: which fields are ours, which end here, and who is told. The writing
//! itself is `request`'s. Decides nothing.

use crate::endpoint::{Address, HostPolicy, UpstreamSpec};
use crate::filter::{ACCEPT_ENCODING, is_asked_of_the_unfiltered};
use crate::identity::client_addr::ClientAddr;
use crate::identity::presented::CookieField;
use crate::model::RequestId;
use crate::request::{Edit, ForwardBody, ForwardError, ForwardHead, ForwardedFor, folds_to, write_forward_head};
use crate::rules::App;
use crate::wire::framing::Framing;
use crate::wire::head::RequestHead;
use compact_str::CompactString;
use smallvec::SmallVec;

/// Who is told to the application.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told<'a> {
    /// The name of the subject; `None` for nobody.
    pub subject: Option<&'a str>,
    /// The roles that decided.
    pub roles: &'a [&'a str],
}

/// What is needed, beside the judged request, to write what is forwarded.
#[derive(Clone, Copy, Debug)]
pub struct ForwardParts<'a> {
    /// The head as it came.
    pub head: &'a RequestHead,
    /// How the client delimits the body.
    pub framing: Framing,
    /// The id of the request.
    pub request: RequestId,
    /// Where the client is.
    pub client: &'a ClientAddr,
    /// Whether the client speaks TLS, to the gateway or to a trusted proxy before it.
    pub https: bool,
    /// Who is asking.
    pub told: Told<'a>,
    /// Names of fields whose credentials were meant for the gateway.
    pub strip: &'a [CompactString],
    /// The Cookie field that reaches the application.
    pub cookies: &'a CookieField,
    /// Whether the answer must come without content coding, because the gateway reads it.
    pub plain_answer: bool,
    /// Whether the request asks for an upgrade that is well formed.
    pub upgrade: bool,
}

/// What differs between a judged request, one that is sent on as it came, and one of the gateway's own.
pub(super) struct Shape<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a [u8],
    pub(super) body: ForwardBody<'a>,
    pub(super) header_edits: &'a [Edit],
    pub(super) cookie_edits: &'a [Edit],
    pub(super) upgrade: bool,
    /// Whether the answer is filtered, so that nothing of it may be asked for which only the unfiltered one has.
    pub(super) filtered: bool,
}

/// Writes the head of a client's request.
///
/// SECURITY: the application's identity fields go in every spelling, also where nobody is told, and ours are written last
/// (`an_identity_header_in_any_spelling_is_replaced`, `connection_cannot_strip_what_is_set`).
pub(super) fn write(app: &App, parts: &ForwardParts<'_>, shape: &Shape<'_>) -> Result<Vec<u8>, ForwardError> {
    let headers = &app.headers;
    let mut strip: SmallVec<[&str; 8]> = parts.strip.iter().map(CompactString::as_str).collect();
    strip.extend([&headers.user, &headers.roles, &headers.request_id].into_iter().flatten().map(CompactString::as_str));
    strip.push("Remote-User");
    if parts.plain_answer {
        strip.push("Accept-Encoding");
    }
    let (id, roles);
    let mut set: SmallVec<[(&str, &str); 4]> = SmallVec::new();
    if shape.filtered {
        set.push(("Accept-Encoding", ACCEPT_ENCODING));
    }
    if let Some(name) = &headers.request_id {
        id = parts.request.to_hex();
        set.push((name, std::str::from_utf8(&id).unwrap_or_default()));
    }
    if let Some(subject) = parts.told.subject {
        set.extend(headers.user.iter().map(|name| (name.as_str(), subject)));
        if let Some(name) = &headers.roles {
            roles = parts.told.roles.join(",");
            set.push((name, &roles));
        }
    }
    let outside = parts.head.authority();
    let head = ForwardHead {
        method: shape.method,
        target: shape.target,
        host: &host_for(&app.upstream, outside),
        body: shape.body,
        set: &set,
        strip: &strip,
        header_edits: shape.header_edits,
        cookie_edits: shape.cookie_edits,
        client: ForwardedFor {
            chain: &parts.client.chain,
            proto: if parts.https { "https" } else { "http" },
            host: outside.unwrap_or_default(),
            x_forwarded: true,
            forwarded: false,
        },
        upgrade: shape.upgrade.then_some("websocket"),
    };
    let mut out = Vec::with_capacity(1024);
    let as_sent = matches!(parts.cookies, CookieField::Unchanged);
    let replaced = match parts.cookies {
        CookieField::Replaced(field) => Some((&b"Cookie"[..], field.as_ref())),
        CookieField::Unchanged | CookieField::Removed => None,
    };
    let kept = parts.head.raw_fields().filter(|(name, _)| as_sent || !folds_to(name, "cookie"));
    // SECURITY: parts and validators are of the unfiltered answer (`nothing_is_asked_for_that_only_the_unfiltered_answer_has`).
    let kept = kept.filter(|(name, _)| !shape.filtered || !is_asked_of_the_unfiltered(name, shape.method));
    write_forward_head(&mut out, &head, kept.chain(replaced))?;
    Ok(out)
}

/// The `Host` that the upstream block asks for; that of the first address where it depends on which one is dialled.
pub(super) fn host_for(upstream: &UpstreamSpec, outside: Option<&str>) -> CompactString {
    match (&upstream.host, outside) {
        (HostPolicy::Name(name), _) => name.clone(),
        (HostPolicy::Keep, Some(outside)) => outside.into(),
        (HostPolicy::Keep, None) | (HostPolicy::Address, _) => {
            upstream.addresses.first().map(Address::authority).unwrap_or_default().into()
        }
    }
}
