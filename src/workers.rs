//! Threads that share the work on a frame.

use std::io;
use std::num::NonZero;
use std::thread::{self, JoinHandle};

use rayon_core::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// The calling thread and, for more than one, threads of their own that wait for work.
///
/// When this is dropped, they have ended.
#[derive(Debug, Default)]
pub struct Workers {
    /// All but the calling thread; `None` if it is alone.
    others: Option<Others>,
}

#[derive(Debug)]
struct Others {
    /// Dropped before the threads, which it tells to end.
    pool: ThreadPool,
    threads: Threads,
}

/// Threads that are waited for when this is dropped.
#[derive(Debug)]
struct Threads(Vec<JoinHandle<()>>);

/// Fewer threads could be made than were asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only {made} of {wanted} threads could be made: {cause}")]
pub struct TooFewThreads {
    /// The threads there are, the calling thread included.
    pub made: usize,
    /// The threads that were asked for.
    pub wanted: usize,
    /// What the system said.
    pub cause: String,
}

impl Workers {
    /// `n` threads, or as many as the CPU has if `n` is 0; the calling thread is one of them.
    ///
    /// If the system does not give so many, there are fewer, and the second value says so.
    pub fn new(n: usize) -> (Self, Option<TooFewThreads>) {
        let wanted = match n {
            0 => thread::available_parallelism().map_or(1, NonZero::get),
            n => n,
        };
        let (mut made, mut cause) = (wanted, None);
        let others = loop {
            if made == 1 {
                break None;
            }
            match Others::new(made - 1) {
                Ok(others) => break Some(others),
                Err(error) => cause = Some(error.to_string()),
            }
            made /= 2;
        };
        (Self { others }, cause.map(|cause| TooFewThreads { made, wanted, cause }))
    }

    /// The number of threads, the calling thread included.
    pub fn count(&self) -> usize {
        1 + self.others.as_ref().map_or(0, |others| others.threads.0.len())
    }

    /// Calls `work` with each of `tasks`, side by side, and returns when all calls have. The first
    /// task is the calling thread's.
    pub fn for_each<T: Send>(&self, tasks: &mut [T], work: impl Fn(&mut T) + Sync) {
        match (&self.others, tasks) {
            (Some(others), [first, rest @ ..]) if !rest.is_empty() => {
                others.pool.in_place_scope(|scope| {
                    for task in rest {
                        scope.spawn(|_| work(task));
                    }
                    work(first);
                });
            }
            (_, tasks) => tasks.iter_mut().for_each(work),
        }
    }
}

impl Others {
    fn new(n: usize) -> Result<Self, ThreadPoolBuildError> {
        let mut threads = Threads(Vec::with_capacity(n));
        let spawn = |thread: rayon_core::ThreadBuilder| -> io::Result<()> {
            let name = format!("histomatch-{}", thread.index() + 1);
            threads.0.push(thread::Builder::new().name(name).spawn(|| thread.run())?);
            Ok(())
        };
        // If this fails, those threads that were made end. They are waited for here, too: what
        // they took must be free again before others are made.
        let pool = ThreadPoolBuilder::new().num_threads(n).spawn_handler(spawn).build()?;
        Ok(Self { pool, threads })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for thread in self.0.drain(..) {
            // A thread of the pool hands panics on to the caller; there is no other outcome.
            let _ = thread.join();
        }
    }
}
