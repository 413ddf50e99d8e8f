//! Records of administration and of what the gateway did to itself; never of a request.

use super::line::Line;
use super::record::Entry;
use crate::model::Timestamp;

/// What was administered, or what the gateway did to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AdminAction {
    /// A process began.
    Start,
    /// A process ended in order.
    Stop,
    /// The listening sockets went to another process.
    HandOver,
    /// A new rule set or new settings took effect.
    Reload,
    /// A reload failed; the old set goes on.
    ReloadFailed,
    /// A certificate was loaded or exchanged.
    Certificate,
    /// A person was frozen.
    Freeze,
    /// A person was unfrozen.
    Unfreeze,
    /// A role was assigned.
    Grant,
    /// An assignment was taken back.
    Revoke,
    /// Another change of people data or settings.
    Change,
    /// A session was bound to a person by a sign-in.
    SignIn,
    /// A session was ended by a sign-out.
    SignOut,
    /// Recovery closed the series of a process that had ended without closing it.
    Recovered,
    /// Records that could not be held while the disk was full were counted instead.
    Unrecorded,
    /// A sync to stable storage failed.
    SyncFailed,
}

impl AdminAction {
    /// The name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::HandOver => "hand-over",
            Self::Reload => "reload",
            Self::ReloadFailed => "reload-failed",
            Self::Certificate => "certificate",
            Self::Freeze => "freeze",
            Self::Unfreeze => "unfreeze",
            Self::Grant => "grant",
            Self::Revoke => "revoke",
            Self::Change => "change",
            Self::SignIn => "sign-in",
            Self::SignOut => "sign-out",
            Self::Recovered => "recovered",
            Self::Unrecorded => "unrecorded",
            Self::SyncFailed => "sync-failed",
        }
    }
}

/// An event of administration or of the gateway itself.
#[derive(Clone, Copy, Debug)]
pub struct AdminRecord<'a> {
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub action: AdminAction,
    /// Who did it; `None` where the gateway itself did.
    pub actor: Option<&'a str>,
    /// The person that it concerns.
    pub subject: Option<&'a str>,
    /// The thing that it concerns: a role, a file, a session.
    pub object: Option<&'a str>,
    /// Revision of the rules after it; empty where it has none to do with rules.
    pub revision: &'a str,
    /// Sequence number of the people data after it.
    pub people: Option<u64>,
    /// Details.
    pub detail: &'a str,
    /// Further named values.
    pub fields: &'a [(&'a str, &'a str)],
}

impl AdminRecord<'_> {
    /// An event with only its time and name.
    #[must_use]
    pub fn new(time: Timestamp, action: AdminAction) -> Self {
        Self {
            time,
            action,
            actor: None,
            subject: None,
            object: None,
            revision: "",
            people: None,
            detail: "",
            fields: &[],
        }
    }
}

impl Entry for AdminRecord<'_> {
    const KIND: &'static str = "admin";

    fn time(&self) -> Timestamp {
        self.time
    }

    fn members(&self, line: &mut Line) {
        line.plain(",\"action\":\"", self.action.as_str());
        line.raw(b"\"");
        line.optional(",\"actor\":", self.actor);
        line.optional(",\"subject\":", self.subject);
        line.optional(",\"object\":", self.object);
        line.text_unless_empty(",\"revision\":", self.revision);
        if let Some(people) = self.people {
            line.number(",\"people\":", people);
        }
        line.text_unless_empty(",\"detail\":", self.detail);
        line.pairs(",\"fields\":", self.fields);
    }
}
