//! Threads that share the work on a frame.

use std::num::NonZero;
use std::thread;

use rayon_core::{ThreadPool, ThreadPoolBuilder};

/// The calling thread and, for more than one, threads of their own that wait for work.
///
/// They end when this is dropped.
#[derive(Debug, Default)]
pub struct Workers {
    /// All but the calling thread; `None` if it is alone.
    pool: Option<ThreadPool>,
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
            let pool = ThreadPoolBuilder::new()
                .num_threads(made - 1)
                .thread_name(|i| format!("histomatch-{}", i + 1))
                .build();
            match pool {
                Ok(pool) => return (Self { pool: Some(pool) }, too_few(made, wanted, cause)),
                Err(error) => cause = Some(error.to_string()),
            }
            made /= 2;
        }
        (Self::default(), too_few(1, wanted, cause))
    }

    /// The number of threads, the calling thread included.
    pub fn count(&self) -> usize {
        1 + self.pool.as_ref().map_or(0, ThreadPool::current_num_threads)
    }

    /// Calls `work` with each of `tasks`, side by side, and returns when all calls have. The first
    /// task is the calling thread's.
    pub fn for_each<T: Send>(&self, tasks: &mut [T], work: impl Fn(&mut T) + Sync) {
        match (&self.pool, tasks) {
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

fn too_few(made: usize, wanted: usize, cause: Option<String>) -> Option<TooFewThreads> {
    cause.map(|cause| TooFewThreads { made, wanted, cause })
}
