//! What the parts take of the settings; reads nothing.

use crate::audit::JournalSettings;
use crate::config::{SameSite, Settings};
use crate::identity::device::CookieSettings;
use crate::identity::session::SessionSettings;
use crate::upstream::Defaults;

pub(super) fn sessions(settings: &Settings) -> SessionSettings {
    let session = &settings.session;
    SessionSettings {
        capacity: session.capacity,
        idle: session.idle,
        lifetime: session.lifetime,
        ..SessionSettings::default()
    }
}

pub(super) fn device_cookie(settings: &Settings) -> CookieSettings {
    let cookie = &settings.device_cookie;
    CookieSettings {
        name: cookie.name.as_ref().into(),
        lifetime: cookie.lifetime,
        same_site: match cookie.same_site {
            SameSite::Lax => "Lax",
            SameSite::Strict => "Strict",
            SameSite::None => "None",
        },
    }
}

pub(super) fn defaults(settings: &Settings) -> Defaults {
    let limits = &settings.limits;
    Defaults {
        connect: limits.upstream_connect_time,
        answer: limits.upstream_answer_time,
        body: limits.upstream_idle_time,
        tunnel: limits.websocket_idle_time,
        message: limits.websocket_message,
        answer_head: limits.upstream_head,
    }
}

pub(super) fn journal(settings: &Settings) -> JournalSettings {
    let journal = &settings.journal;
    JournalSettings {
        segment_bytes: journal.segment,
        reserve_bytes: journal.reserve,
        sync_every: journal.sync_interval,
        checkpoint_every: journal.checkpoint_interval,
        ..JournalSettings::default()
    }
}
