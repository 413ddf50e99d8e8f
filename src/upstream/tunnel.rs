//! What makes an upgrade to a WebSocket agreed: the page's origin, the key and its answer (RFC 6455); copies no bytes itself.

use super::outside::Outside;
use crate::wire::head::{RequestHead, ResponseHead, list_items};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use compact_str::CompactString;

/// Why an upgrade is not agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TunnelError {
    /// A page of another origin asked for it.
    #[error("the page that asked is of an origin that is not listed")]
    Origin,
    /// The request carries several origins.
    #[error("several Origin fields")]
    Origins,
    /// The application's 101 does not answer this request.
    #[error("the 101 of the application does not fit: {0}")]
    Answer(&'static str),
}

/// Judges the `Origin` of a request for a WebSocket. Browsers always send one; a request without is of a program, which carries no
/// ambient session of a page.
///
/// SECURITY: without this check any page could use the session of its visitor (`a_page_of_another_origin_gets_no_tunnel`).
///
/// # Errors
/// Where the origin is not among `origins` (in lower case, `scheme://host[:port]`) or, where that is empty, not the outside's own.
pub fn judge_origin(head: &RequestHead, origins: &[CompactString], outside: &Outside<'_>) -> Result<(), TunnelError> {
    let Some(origin) = head.single("origin").map_err(|_| TunnelError::Origins)? else { return Ok(()) };
    let origin = std::str::from_utf8(origin).map_err(|_| TunnelError::Origin)?.to_ascii_lowercase();
    let listed = if origins.is_empty() {
        origin.split_once("://").is_some_and(|(scheme, authority)| {
            let theirs = Outside { https: outside.https, authority };
            scheme == outside.scheme()
                && theirs.host().eq_ignore_ascii_case(outside.host())
                && theirs.port() == outside.port()
        })
    } else {
        origins.iter().any(|known| *known == origin)
    };
    if listed { Ok(()) } else { Err(TunnelError::Origin) }
}

/// The answer to a key: base64 of SHA-1 over the key and a fixed text (RFC 6455 section 4.2.2).
#[must_use]
pub fn accept_of(key: &[u8]) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"].concat());
    base64::engine::general_purpose::STANDARD.encode(hash.as_ref())
}

/// Judges the application's 101: it must change to the WebSocket protocol and answer the key that was sent, and choose among the
/// subprotocols and extensions that were offered.
///
/// # Errors
/// In what way it does not fit.
pub(super) fn judge_answer(request: &RequestHead, answer: &ResponseHead) -> Result<(), TunnelError> {
    let wrong = |what| Err(TunnelError::Answer(what));
    if !matches!(answer.single("upgrade"), Ok(Some(protocol)) if protocol.eq_ignore_ascii_case(b"websocket")) {
        return wrong("no change to websocket");
    }
    if !answer.connection_options().any(|option| option.eq_ignore_ascii_case(b"upgrade")) {
        return wrong("no Connection: upgrade");
    }
    let Ok(Some(key)) = request.single("sec-websocket-key") else { return wrong("no key was sent") };
    if answer.single("sec-websocket-accept").ok().flatten() != Some(accept_of(key).as_bytes()) {
        return wrong("the key is not answered");
    }
    let offered = |name: &'static str, chosen: &[u8]| list_items(request.values(name)).any(|item| item == chosen);
    match answer.single("sec-websocket-protocol") {
        Ok(None) => {}
        Ok(Some(chosen)) if offered("sec-websocket-protocol", chosen) => {}
        _ => return wrong("a subprotocol that was not offered"),
    }
    let bare = |item: &[u8]| item.split(|&b| b == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    for extension in list_items(answer.values("sec-websocket-extensions")) {
        if !list_items(request.values("sec-websocket-extensions")).any(|item| bare(item) == bare(extension)) {
            return wrong("an extension that was not offered");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::limit::HeadLimits;

    const OUTSIDE: Outside<'_> = Outside { https: true, authority: "wms.example.test" };

    fn request(fields: &str) -> RequestHead {
        let text = format!(
            "GET /live HTTP/1.1\r\nHost: wms.example.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
        );
        RequestHead::parse(text.as_bytes(), &HeadLimits::default()).unwrap().0
    }

    fn answer(fields: &str) -> ResponseHead {
        let text = format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n");
        ResponseHead::parse(text.as_bytes(), &HeadLimits::default()).unwrap().0
    }

    #[test]
    fn a_page_of_another_origin_gets_no_tunnel() {
        let judge = |origin: &str, listed: &[&str]| {
            let listed: Vec<CompactString> = listed.iter().map(|&text| text.into()).collect();
            judge_origin(&request(&format!("Origin: {origin}\r\n")), &listed, &OUTSIDE)
        };
        assert_eq!(judge("https://wms.example.test", &[]), Ok(()));
        assert_eq!(judge("https://WMS.example.test:443", &[]), Ok(()));
        for other in ["http://wms.example.test", "https://evil.test", "null", "https://wms.example.test:8443", ""] {
            assert_eq!(judge(other, &[]), Err(TunnelError::Origin), "{other}");
        }
        assert_eq!(judge("https://intranet.test", &["https://intranet.test"]), Ok(()));
        assert_eq!(judge("https://wms.example.test", &["https://intranet.test"]), Err(TunnelError::Origin));
        assert_eq!(judge_origin(&request(""), &[], &OUTSIDE), Ok(()));
        let twice = "Origin: https://wms.example.test\r\nOrigin: https://evil.test\r\n";
        assert_eq!(judge_origin(&request(twice), &[], &OUTSIDE), Err(TunnelError::Origins));
    }

    #[test]
    fn a_101_must_answer_the_key_that_was_sent() {
        // the example of RFC 6455 section 1.3
        let right =
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        assert_eq!(judge_answer(&request(""), &answer(right)), Ok(()));
        let offers = "Sec-WebSocket-Protocol: chat, stomp\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
        for (more, fits) in [
            ("Sec-WebSocket-Protocol: stomp\r\n", true),
            ("Sec-WebSocket-Protocol: mqtt\r\n", false),
            ("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: stomp\r\n", false),
            ("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n", true),
            ("Sec-WebSocket-Extensions: x-mux\r\n", false),
        ] {
            assert_eq!(judge_answer(&request(offers), &answer(&format!("{right}{more}"))).is_ok(), fits, "{more}");
        }
        for wrong in [
            "",
            "Upgrade: websocket\r\nConnection: Upgrade\r\n",
            "Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
            "Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAALMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        ] {
            assert!(judge_answer(&request(""), &answer(wrong)).is_err(), "{wrong}");
        }
    }
}
