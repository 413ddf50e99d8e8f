//! Freezes kept in memory, for tests and for the demo; survives nothing.

use crate::model::SubjectId;
use crate::store::ports::{Freeze, FreezeStore, Freezes, Pending};
use parking_lot::Mutex;

/// Keeps freezes in memory.
#[derive(Debug, Default)]
pub struct MemoryFreezes(Mutex<Freezes>);

impl MemoryFreezes {
    fn change(&self, subject: &SubjectId, freeze: Option<Freeze>) -> u64 {
        let mut kept = self.0.lock();
        kept.freezes.retain(|other| other.subject != *subject);
        kept.freezes.extend(freeze);
        kept.sequence += 1;
        kept.sequence
    }
}

impl FreezeStore for MemoryFreezes {
    fn freezes(&self, known: Option<u64>) -> Pending<'_, Option<Freezes>> {
        let kept = self.0.lock().clone();
        Box::pin(std::future::ready(Ok((known != Some(kept.sequence)).then_some(kept))))
    }

    fn freeze(&self, freeze: Freeze) -> Pending<'_, u64> {
        let sequence = self.change(&freeze.subject.clone(), Some(freeze));
        Box::pin(std::future::ready(Ok(sequence)))
    }

    fn thaw(&self, subject: SubjectId) -> Pending<'_, u64> {
        Box::pin(std::future::ready(Ok(self.change(&subject, None))))
    }
}
