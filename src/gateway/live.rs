//! The rules and people in force, as one value that is swapped whole; never half of a new set.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::rules::{People, RuleSet};

/// The rules with the people whose roles and scopes were compiled against them.
#[derive(Debug)]
pub struct Live {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// The people.
    pub people: Arc<People>,
}

/// What is in force now.
#[derive(Debug)]
pub struct InForce(ArcSwap<Live>);

impl InForce {
    /// Begins with `live`.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self(ArcSwap::from_pointee(live))
    }

    /// What governs a request that begins now, to its end.
    #[must_use]
    pub fn pin(&self) -> Arc<Live> {
        self.0.load_full()
    }

    /// Puts `live` in force for requests that begin from now on. Gives what was in force, by which requests may still be governed.
    pub fn replace(&self, live: Live) -> Arc<Live> {
        self.0.swap(Arc::new(live))
    }
}
