//! Signed statements of how far every series of a run has got; makes and reads them, verifies no series itself.

use super::chain::{Hash, Link};
use super::line::Line;
use super::record::Entry;
use super::signer::{PublicKey, Signer};
use crate::model::Timestamp;

/// Why a checkpoint was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// The run began; binds the runs that were there before.
    Open,
    /// Time had passed, or a segment was completed.
    Progress,
    /// The run ended in order; nothing follows.
    Close,
    /// The run was closed by recovery; nothing follows.
    Recovered,
}

impl Occasion {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Progress => "progress",
            Self::Close => "close",
            Self::Recovered => "recovered",
        }
    }

    /// Whether the run has ended with it.
    #[must_use]
    pub const fn closes(self) -> bool {
        matches!(self, Self::Close | Self::Recovered)
    }
}

/// How far one series has got.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Bound {
    /// The series.
    pub name: String,
    /// Number of its last record.
    pub records: u64,
    /// The segment that holds it.
    pub segment: u64,
    /// That record's hash.
    pub head: String,
}

/// The last checkpoint of an earlier run, as it was when this run began.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Earlier {
    /// The run.
    pub run: String,
    /// Number of its last checkpoint.
    pub seq: u64,
    /// That checkpoint's hash.
    pub hash: String,
}

/// A checkpoint as read.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Checkpoint {
    /// The node.
    pub node: String,
    /// The run.
    pub run: String,
    /// Number in the series of checkpoints.
    pub seq: u64,
    /// When it was made.
    pub time: String,
    /// Why.
    pub occasion: Occasion,
    /// The key that signed it.
    pub signer: String,
    /// How far the series had got.
    pub series: Vec<Bound>,
    /// Earlier runs of the node; in the first checkpoint of a run.
    #[serde(default)]
    pub earlier: Vec<Earlier>,
    /// The signature.
    pub signature: String,
}

/// A checkpoint about to be written.
pub(super) struct Statement<'a> {
    pub run: &'a str,
    pub time: Timestamp,
    pub occasion: Occasion,
    pub series: &'a [Bound],
    pub earlier: &'a [Earlier],
    pub signer: &'a Signer,
}

impl Entry for Statement<'_> {
    const KIND: &'static str = "checkpoint";

    fn time(&self) -> Timestamp {
        self.time
    }

    fn members(&self, line: &mut Line) {
        line.text(",\"run\":", self.run);
        line.text(",\"occasion\":", self.occasion.as_str());
        line.text(",\"signer\":", &self.signer.public().fingerprint());
        line.raw(b",\"series\":[");
        for (at, bound) in self.series.iter().enumerate() {
            line.text(if at == 0 { "{\"name\":" } else { ",{\"name\":" }, &bound.name);
            line.number(",\"records\":", bound.records);
            line.number(",\"segment\":", bound.segment);
            line.text(",\"head\":", &bound.head);
            line.raw(b"}");
        }
        line.raw(b"]");
        if !self.earlier.is_empty() {
            line.raw(b",\"earlier\":[");
            for (at, earlier) in self.earlier.iter().enumerate() {
                line.text(if at == 0 { "{\"run\":" } else { ",{\"run\":" }, &earlier.run);
                line.number(",\"seq\":", earlier.seq);
                line.text(",\"hash\":", &earlier.hash);
                line.raw(b"}");
            }
            line.raw(b"]");
        }
        // The buffer begins with the hash of the checkpoint before: what is signed is bound to all before it.
        let message = Hash::of(line.bytes());
        line.text(",\"signature\":", &self.signer.sign(message.as_bytes()));
    }
}

/// Reads a checkpoint out of a line's body; `None` where it is not one.
pub(super) fn read(line: &[u8]) -> Option<Checkpoint> {
    serde_json::from_slice(line).ok()
}

/// Whether the signature in a checkpoint's `body` is one by one of `keys`, given the hash of the checkpoint before.
pub(super) fn signed(before: Hash, body: &[u8], checkpoint: &Checkpoint, keys: &[PublicKey]) -> bool {
    let member = format!(",\"signature\":\"{}\"", checkpoint.signature);
    body.strip_suffix(member.as_bytes()).is_some_and(|statement| {
        let message = Link::after(before).then(statement).hash();
        keys.iter()
            .filter(|key| checkpoint.signer == key.fingerprint())
            .any(|key| key.verifies(message.as_bytes(), &checkpoint.signature))
    })
}
