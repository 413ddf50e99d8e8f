//! How threads are scheduled on which no request runs; starts none.

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
};

/// What the library makes a nice value of 0, on its scale from 0 to 99.
const ORDINARY: u8 = 47;

/// Takes the calling thread back to ordinary scheduling where the process was given real time (`chrt`, `CPUSchedulingPolicy=` of
/// systemd): beside workers of the same priority, syncs of the journal and reloads hold up every request for as long as they run.
pub fn leave_real_time() {
    let in_real_time = matches!(thread_schedule_policy(), Ok(ThreadSchedulePolicy::Realtime(_)));
    if in_real_time && let Ok(ordinary) = ThreadPriorityValue::try_from(ORDINARY) {
        let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
        // The system lets every thread take less; where it did not, this one would go on as it is.
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(ordinary), policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::getpriority_process;
    use thread_priority::RealtimeThreadSchedulePolicy;

    #[test]
    fn a_thread_that_leaves_real_time_is_scheduled_as_others_are() {
        let thread = std::thread::spawn(|| {
            let real_time = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
            // where the system gives this user no real time, nothing is there to be left
            let given = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, real_time).is_ok();
            let nice = || getpriority_process(None).unwrap();
            let expected = if given { 0 } else { nice() };
            leave_real_time();
            let ordinary = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
            assert_eq!((thread_schedule_policy(), nice()), (Ok(ordinary), expected));
        });
        thread.join().unwrap();
    }
}
