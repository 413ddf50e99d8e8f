//! How busy a core is: how many records are waited for between two looks at its sockets; writes nothing.

use std::cell::Cell;
use tokio::runtime::{Handle, RuntimeMetrics};

/// Up to so many records in a turn, and in the one before it, are written as they come.
///
/// To wait for the others of a turn spares a write for each of them, and lets whatever else is ready go before: where a turn has few
/// records, that costs a request more than the writes cost the core (by measurement, `src/docs/experiments.md`).
const FEW: u32 = 3;

/// The turns of the scheduler of one core, each the time between two looks at its sockets.
pub(super) struct Turns {
    /// Counts the looks; `None` outside of a runtime, where there are no turns.
    runtime: Option<RuntimeMetrics>,
    looks: Cell<u64>,
    now: Cell<u32>,
    before: Cell<u32>,
}

impl Turns {
    /// Those of the calling thread's runtime.
    pub(super) fn of_this_thread() -> Self {
        let runtime = Handle::try_current().ok().map(|handle| handle.metrics());
        Self { runtime, looks: Cell::new(0), now: Cell::new(0), before: Cell::new(0) }
    }

    /// Counts a record that somebody waits for; says whether there are few.
    pub(super) fn has_few(&self) -> bool {
        let Some(runtime) = &self.runtime else { return false };
        let looks = runtime.worker_park_count(0);
        if self.looks.replace(looks) != looks {
            self.before.set(self.now.replace(0));
        }
        self.now.update(|count| count.saturating_add(1));
        self.now.get().max(self.before.get()) <= FEW
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Sleeps, on a clock that does not run by itself: the runtime looks at its sockets meanwhile.
    async fn look() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_of_a_turn_are_few_unless_the_turn_before_had_many() {
        let turns = Turns::of_this_thread();
        let ask = |times: usize| (0..times).map(|_| turns.has_few()).collect::<Vec<_>>();
        assert_eq!(ask(5), [true, true, true, false, false]);
        look().await;
        assert_eq!(ask(2), [false, false], "five were in the turn before");
        look().await;
        assert_eq!(ask(4), [true, true, true, false]);
    }

    #[test]
    fn without_a_runtime_there_are_no_turns() {
        assert!(!Turns::of_this_thread().has_few());
    }
}
