//! What an answer of the application tells of one object, whoever asked for it; believes nothing that has two readings.

use crate::filter::{Coding, decode};
use crate::lookup::{Found, Kind, Lookup, Page};
use crate::model::Reason;
use crate::request::Charset;
use crate::rules::App;
use crate::wire::head::ResponseHead;

/// It could not be told.
pub(in crate::gateway) fn failed(text: impl std::fmt::Display) -> Found {
    Found::Failed(Reason::LookupFailed, text.to_string().into())
}

/// Whether the status is that of an answer which tells; `personal` where it came in the session of whoever asks.
pub(in crate::gateway) fn is_telling(app: &App, head: &ResponseHead, personal: bool) -> Result<(), Found> {
    let status = head.status;
    match status {
        200 => Ok(()),
        403 | 404 | 410 => Err(Found::Unknown(format!("the application answered {status}").into())),
        _ if personal && asks_to_sign_in(app, head) => {
            let text = format!("the application answered {status}: it wants the person to sign in again");
            Err(Found::Failed(Reason::Unauthenticated, text.into()))
        }
        _ => Err(failed(format_args!("the application answered {status}"))),
    }
}

fn asks_to_sign_in(app: &App, head: &ResponseHead) -> bool {
    let location = head.values("location").next().unwrap_or_default();
    let path = location.split(|&byte| byte == b'?').next().unwrap_or_default();
    let page = app.identity.sign_in_page().map(str::as_bytes);
    head.status == 401 || (matches!(head.status, 302 | 303 | 307) && page.is_some_and(|page| path.ends_with(page)))
}

/// What a page tells of its one object.
pub(in crate::gateway) fn of_page(lookup: &Lookup, page: &Page) -> Found {
    match lookup.of_page(page) {
        Ok(Some(values)) => Found::Values(values),
        Ok(None) => Found::Unknown("the answer does not tell".into()),
        Err(error) => failed(error),
    }
}

/// A whole answer, its content codings taken off.
pub(in crate::gateway) fn page(app: &App, lookup: &Lookup, head: &ResponseHead, body: &[u8]) -> Result<Page, Found> {
    let codings = Coding::listed(head.values("content-encoding")).map_err(failed)?;
    let body = decode(&codings, body, lookup.cap).map_err(failed)?;
    let (kind, expected, charset) = (lookup.kind(), lookup.content_type(), app.dialect.charset);
    Page::read(head.values("content-type"), false, &body, kind, expected, charset).map_err(failed)
}

/// A whole JSON answer of these content types and codings, and its length without them; nothing where it is none, or longer than `most`.
pub(in crate::gateway) fn parsed<'a>(
    content_type: impl Iterator<Item = &'a [u8]>,
    codings: &[Coding],
    body: &[u8],
    most: usize,
) -> Option<(Page, usize)> {
    let body = decode(codings, body, most).ok()?;
    let page = Page::read(content_type, false, &body, Kind::Json, None, Charset::Utf8).ok()?;
    Some((page, body.len()))
}
