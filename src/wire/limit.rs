//! Bounds and deadlines of heads and bodies; plain values with safe defaults, never read from a file here.

use std::time::Duration;

/// The most fields that a head may have, whatever the settings say.
pub const MOST_FIELDS: usize = 128;

/// The most bytes that a head may have, whatever the settings say.
pub const MOST_HEAD_BYTES: usize = u16::MAX as usize;

/// Bounds of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the whole head with its line ends; at most [`MOST_HEAD_BYTES`].
    pub head_bytes: usize,
    /// Number of fields; at most [`MOST_FIELDS`].
    pub fields: usize,
    /// Bytes of the target as sent.
    pub target_bytes: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { head_bytes: 32 * 1024, fields: 100, target_bytes: 8 * 1024 }
    }
}

impl HeadLimits {
    /// The bytes allowed, with the hard bound applied.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.head_bytes.min(MOST_HEAD_BYTES)
    }
}

/// Bounds of what a chunked body carries beside its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLimits {
    /// Bytes of one chunk-size line, its extension included.
    pub line_bytes: usize,
    /// Bytes of all chunk extensions of one body.
    pub extension_bytes: usize,
    /// Bytes of the trailer section.
    pub trailer_bytes: usize,
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self { line_bytes: 256, extension_bytes: 4096, trailer_bytes: 8 * 1024 }
    }
}

/// How slowly one side may move a body: silence and average rate are both bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceLimits {
    /// The longest wait without a byte; also what the average rate is forgiven.
    pub silence: Duration,
    /// Bytes a second that must come on average over the time spent waiting; 0 for no such bound.
    pub rate: u32,
}

impl Default for PaceLimits {
    fn default() -> Self {
        Self { silence: Duration::from_secs(30), rate: 240 }
    }
}

/// Settings of one HTTP/1.1 server connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H1Settings {
    /// Bounds of heads.
    pub head: HeadLimits,
    /// Bounds of chunked bodies.
    pub chunk: ChunkLimits,
    /// From the accepted connection to its first byte.
    pub first_byte: Duration,
    /// From the first byte of a head to its last.
    pub head_within: Duration,
    /// From the end of an answer to the first byte of the next request.
    pub keep_alive: Duration,
    /// How slowly a client may send a body.
    pub body: PaceLimits,
    /// How slowly a client may read an answer.
    pub answer: PaceLimits,
    /// Bytes of an unread body that are read and thrown away to keep a connection.
    pub drain_bytes: u64,
    /// Time for that. A closing connection is read on, and what comes thrown away, while as many bytes come in this time.
    pub drain_within: Duration,
    /// Time after which a closing connection is read no more, however much comes.
    pub linger_within: Duration,
    /// Requests served on one connection before it is closed.
    pub requests: u64,
}

impl Default for H1Settings {
    fn default() -> Self {
        Self {
            head: HeadLimits::default(),
            chunk: ChunkLimits::default(),
            first_byte: Duration::from_secs(10),
            head_within: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            body: PaceLimits::default(),
            answer: PaceLimits::default(),
            drain_bytes: 64 * 1024,
            drain_within: Duration::from_secs(3),
            linger_within: Duration::from_secs(30),
            requests: 100_000,
        }
    }
}

/// Settings of one HTTP/2 server connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H2Settings {
    /// Bounds of heads.
    pub head: HeadLimits,
    /// Streams open at once.
    pub streams: u32,
    /// Streams reset by the client after their request was dispatched, before the connection is ended.
    pub resets: u32,
    /// Streams reset before they were dispatched, and errors of our own making, before the connection is ended.
    pub early_resets: usize,
    /// Frames that ask for nothing (pings, settings, priorities, window updates, empty data, continuations) sent at once before
    /// the connection is ended; a tenth of them is forgiven each second.
    pub control_frames: u64,
    /// Flow-control window of a stream, in bytes.
    pub stream_window: u32,
    /// Flow-control window of the connection, in bytes.
    pub connection_window: u32,
    /// Bytes of an answer buffered for one stream.
    pub send_buffer: usize,
    /// Time without an open stream until the connection is closed; also for the preface.
    pub idle: Duration,
    /// Interval of pings that find dead clients.
    pub ping_interval: Duration,
    /// Time for a ping to be answered.
    pub ping_timeout: Duration,
    /// How slowly a client may send a body.
    pub body: PaceLimits,
    /// The longest time that a stream's answer may wait for the client to take it.
    pub answer_silence: Duration,
    /// Time for which a body is read and thrown away whose request was answered before its end; then its stream is reset.
    pub drain_within: Duration,
}

impl Default for H2Settings {
    fn default() -> Self {
        Self {
            head: HeadLimits::default(),
            streams: 128,
            resets: 100,
            early_resets: 20,
            control_frames: 1000,
            stream_window: 256 * 1024,
            connection_window: 1024 * 1024,
            send_buffer: 128 * 1024,
            idle: Duration::from_secs(75),
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(20),
            body: PaceLimits::default(),
            answer_silence: Duration::from_secs(60),
            drain_within: Duration::from_secs(3),
        }
    }
}

/// Settings of one connection to an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// Bounds of the answer's head.
    pub head: HeadLimits,
    /// Bounds of chunked answers.
    pub chunk: ChunkLimits,
    /// Interim (1xx) answers before the final one.
    pub interim: u32,
    /// To the end of the answer's head: from the last byte of the request that could be written, and where that was at once from
    /// the beginning of the exchange.
    pub answer_within: Duration,
    /// The longest wait without a byte of the answer's body.
    pub body_silence: Duration,
    /// The longest wait for the application to take bytes of the request.
    pub write_silence: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            head: HeadLimits { head_bytes: 60 * 1024, fields: MOST_FIELDS, target_bytes: 0 },
            chunk: ChunkLimits::default(),
            interim: 8,
            answer_within: Duration::from_secs(60),
            body_silence: Duration::from_secs(60),
            write_silence: Duration::from_secs(30),
        }
    }
}
