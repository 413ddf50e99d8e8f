//! The serving threads: each with a runtime of its own, sharing nothing; what they run is given.

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

use super::error::ServerError;

/// Which of the workers it is, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerIndex(pub usize);

/// How workers are run.
#[derive(Clone, Copy, Debug)]
pub struct Workers {
    /// How many.
    pub count: NonZeroUsize,
    /// Threads that each may use for work that takes long (password hashes).
    pub blocking_threads: NonZeroUsize,
}

/// The running workers.
#[derive(Debug)]
pub struct Running {
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Waits until every worker has returned. Blocks: call it from the main thread.
    pub fn join(self) {
        for thread in self.threads {
            // A worker that panicked has aborted the process.
            let _ = thread.join();
        }
    }

    /// Whether every worker has returned.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }
}

/// Starts the workers. `init` is called on each one's thread and gives what it runs; the worker ends when that returns,
/// and whatever it had spawned locally is dropped then.
///
/// A panic in a worker aborts the process: without one worker a part of the connections would hang for ever.
///
/// # Errors
/// When a thread or its runtime cannot be had.
pub fn run<I, F>(workers: Workers, init: I) -> Result<Running, ServerError>
where
    I: Fn(WorkerIndex) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + 'static,
{
    let init = Arc::new(init);
    let mut threads = Vec::with_capacity(workers.count.get());
    for index in 0..workers.count.get() {
        let init = Arc::clone(&init);
        let thread = std::thread::Builder::new().name(format!("worker-{index}"));
        // a runtime for tasks that stay on their thread is made there; whether that went well is told here
        let (tell, told) = mpsc::sync_channel(1);
        let body = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| match runtime(index, workers.blocking_threads) {
                Ok(runtime) => {
                    let _ = tell.send(Ok(()));
                    runtime.block_on(async { init(WorkerIndex(index)).await });
                }
                Err(error) => {
                    let _ = tell.send(Err(error));
                }
            }));
            if outcome.is_err() {
                tracing::error!(worker = index, "a worker panicked, the process ends");
                let _ = io::Write::flush(&mut io::stderr());
                std::process::abort();
            }
        };
        threads.push(thread.spawn(body).map_err(ServerError::Worker)?);
        told.recv().map_err(io::Error::other).flatten().map_err(ServerError::Worker)?;
    }
    Ok(Running { threads })
}

/// The runtime of a worker, made on its thread. It schedules tasks that are not `Send` itself, which a `LocalSet` does a second time
/// inside of one task of a runtime.
fn runtime(index: usize, blocking_threads: NonZeroUsize) -> io::Result<LocalRuntime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(blocking_threads.get())
        .thread_name(format!("blocking-{index}"))
        .build_local(LocalOptions::default())
}
