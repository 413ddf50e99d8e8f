//! The settings as the codec wants them; adds nothing.

use std::time::Duration;

use super::settings::Settings;
use crate::wire::limit::{ChunkLimits, ClientSettings, H1Settings, H2Settings, HeadLimits, MOST_FIELDS, PaceLimits};

/// Time to read the rest of a refused body; a closing connection is read on while `limits.discard` bytes come in it.
const DISCARD_TIME: Duration = Duration::from_secs(3);
/// Time after which a closing connection is read no more (nginx's `lingering_time` is as long).
const LINGER_TIME: Duration = Duration::from_secs(30);

impl Settings {
    fn head(&self) -> HeadLimits {
        HeadLimits { head_bytes: self.limits.head, fields: self.limits.fields, target_bytes: self.limits.target }
    }

    /// For HTTP/1.1 towards clients.
    #[must_use]
    pub fn h1(&self) -> H1Settings {
        H1Settings {
            head: self.head(),
            chunk: ChunkLimits::default(),
            first_byte: self.limits.first_byte_time,
            head_within: self.limits.head_time,
            keep_alive: self.limits.idle_time,
            body: PaceLimits { silence: self.limits.body_time, rate: self.limits.rate },
            answer: PaceLimits { silence: self.limits.answer_time, rate: self.limits.rate },
            drain_bytes: u64::try_from(self.limits.discard).unwrap_or(u64::MAX),
            drain_within: DISCARD_TIME,
            linger_within: LINGER_TIME,
            requests: u64::try_from(self.limits.requests_per_connection).unwrap_or(u64::MAX),
        }
    }

    /// For HTTP/2 towards clients.
    #[must_use]
    pub fn h2(&self) -> H2Settings {
        H2Settings {
            head: self.head(),
            streams: self.http2.streams,
            resets: self.http2.resets,
            early_resets: self.http2.pending_resets,
            control_frames: self.http2.control_frames,
            stream_window: self.http2.stream_window,
            connection_window: self.http2.connection_window,
            send_buffer: self.http2.send_buffer,
            idle: self.limits.idle_time,
            ping_interval: self.http2.ping_interval,
            ping_timeout: self.http2.ping_time,
            body: PaceLimits { silence: self.limits.body_time, rate: self.limits.rate },
            answer_silence: self.limits.answer_time,
            drain_within: DISCARD_TIME,
        }
    }

    /// For HTTP/1.1 towards applications, where their rules say nothing else.
    #[must_use]
    pub fn upstream_client(&self) -> ClientSettings {
        ClientSettings {
            head: HeadLimits { head_bytes: self.limits.upstream_head, fields: MOST_FIELDS, target_bytes: 0 },
            answer_within: self.limits.upstream_answer_time,
            body_silence: self.limits.upstream_idle_time,
            ..ClientSettings::default()
        }
    }
}
