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
    /// Always some, but while it is dropped.
    pool: Option<ThreadPool>,
    threads: Vec<JoinHandle<()>>,
}

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
        let mut cause = None;
        let mut made = wanted;
        while made > 1 {
            match Others::new(made - 1) {
                Ok(others) => {
                    return (Self { others: Some(others) }, too_few(made, wanted, cause));
                }
                Err(error) => cause = Some(error.to_string()),
            }
            made /= 2;
        }
        (Self::default(), too_few(1, wanted, cause))
    }

    /// The number of threads, the calling thread included.
    pub fn count(&self) -> usize {
        1 + self.others.as_ref().map_or(0, |others| others.threads.len())
    }

    /// Calls `work` with each of `tasks`, side by side, and returns when all calls have. The first
    /// task is the calling thread's.
    pub fn for_each<T: Send>(&self, tasks: &mut [T], work: impl Fn(&mut T) + Sync) {
        let pool = self.others.as_ref().and_then(|others| others.pool.as_ref());
        match (pool, tasks) {
            (Some(pool), [first, others @ ..]) if !others.is_empty() => {
                pool.in_place_scope(|scope| {
                    for task in others {
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
        let mut threads = Vec::with_capacity(n);
        let spawn = |thread: rayon_core::ThreadBuilder| -> io::Result<()> {
            let name = format!("histomatch-{}", thread.index() + 1);
            threads.push(thread::Builder::new().name(name).spawn(|| thread.run())?);
            Ok(())
        };
        match ThreadPoolBuilder::new().num_threads(n).spawn_handler(spawn).build() {
            Ok(pool) => Ok(Self { pool: Some(pool), threads }),
            Err(error) => {
                // Those that were made end by themselves. What they took must be free again
                // before others are made.
                join(threads);
                Err(error)
            }
        }
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        // Tells the threads to end.
        self.pool = None;
        join(std::mem::take(&mut self.threads));
    }
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        // A thread of the pool hands panics on to the caller; there is no other outcome.
        let _ = thread.join();
    }
}

fn too_few(made: usize, wanted: usize, cause: Option<String>) -> Option<TooFewThreads> {
    cause.map(|cause| TooFewThreads { made, wanted, cause })
}
