//! A binding store in memory, for tests and for the demo; survives nothing.

use super::port::{BindingChange, BindingStore, Made, Pending, Since, StoreError, Stored};
use super::{Binding, SessionKey};
use crate::model::Timestamp;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Keeps bindings in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    failing: AtomicBool,
    shared: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    bindings: HashMap<SessionKey, (Binding, u64)>,
    changes: Vec<Made>,
    sequence: u64,
}

impl MemoryStore {
    /// From now on every operation fails, or works again.
    pub fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
    }

    /// From now on the store says that another process works on it, or that none does.
    pub fn share(&self, shared: bool) {
        self.shared.store(shared, Ordering::Relaxed);
    }

    fn answer<T: Send + 'static>(&self, work: impl FnOnce(&mut State) -> T) -> Pending<'_, T> {
        let result = if self.failing.load(Ordering::Relaxed) {
            Err(StoreError::Failed("told to fail".into()))
        } else {
            Ok(work(&mut self.state.lock()))
        };
        Box::pin(std::future::ready(result))
    }
}

impl BindingStore for MemoryStore {
    fn load(&self) -> Pending<'_, Stored> {
        self.answer(|state| Stored {
            bindings: state
                .bindings
                .iter()
                .map(|(key, (binding, sequence))| Made {
                    key: *key,
                    binding: Some(binding.clone()),
                    sequence: *sequence,
                })
                .collect(),
            sequence: state.sequence,
        })
    }

    fn commit(&self, changes: Vec<BindingChange>) -> Pending<'_, Vec<u64>> {
        self.answer(|state| {
            let mut sequences = Vec::new();
            for change in changes {
                state.sequence += 1;
                let sequence = state.sequence;
                let (key, binding) = match change {
                    BindingChange::Put(key, binding) => {
                        state.bindings.insert(key, (binding.clone(), sequence));
                        (key, Some(binding))
                    }
                    BindingChange::Remove(key) => {
                        state.bindings.remove(&key);
                        (key, None)
                    }
                };
                state.changes.push(Made { key, binding, sequence });
                sequences.push(sequence);
            }
            sequences
        })
    }

    fn changes_since(&self, sequence: u64) -> Pending<'_, Since> {
        self.answer(|state| {
            Since::Changes(state.changes.iter().filter(|made| made.sequence > sequence).cloned().collect())
        })
    }

    fn find(&self, key: SessionKey) -> Pending<'_, Option<Made>> {
        self.answer(|state| {
            let (binding, sequence) = state.bindings.get(&key)?;
            Some(Made { key, binding: Some(binding.clone()), sequence: *sequence })
        })
    }

    fn touch(&self, seen: Vec<(SessionKey, Timestamp)>) -> Pending<'_, ()> {
        self.answer(|state| {
            for (key, at) in seen {
                if let Some((binding, _)) = state.bindings.get_mut(&key) {
                    binding.last_seen = binding.last_seen.max(at);
                }
            }
        })
    }

    fn shared(&self) -> bool {
        self.shared.load(Ordering::Relaxed)
    }
}
