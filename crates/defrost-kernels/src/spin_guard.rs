//! Threads that spin between the parallel parts of a computation.
//!
//! A training step has about a hundred parallel parts with little in between. A thread of the pool without work falls
//! asleep after some microseconds, and waking it takes longer than many of these parts: the others have done its
//! part by then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::Yield;

/// While it lives, the pool's threads look for work without falling asleep.
///
/// For programs in which one thread at a time computes: a thread that waits for another one's part of some other
/// computation may begin to spin instead, and that computation ends no sooner than this value.
pub struct SpinGuard(Arc<AtomicBool>);

impl SpinGuard {
    /// Wakes all threads of the current pool but the caller, if it is one of them.
    #[expect(clippy::new_without_default, reason = "it does something")]
    pub fn new() -> Self {
        let spinning = Arc::new(AtomicBool::new(true));
        let (threads, caller) = (rayon::current_num_threads(), rayon::current_thread_index());
        if threads == 1 && caller.is_some() {
            return Self(spinning);
        }
        let wanted = spinning.clone();
        rayon::spawn_broadcast(move |thread| {
            while caller != Some(thread.index()) && wanted.load(Ordering::Relaxed) {
                // Leaves the processor to another program that wants it.
                if rayon::yield_now() == Some(Yield::Idle) {
                    std::thread::yield_now();
                }
            }
        });
        Self(spinning)
    }
}

impl Drop for SpinGuard {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[test]
    fn parallel_parts_end_while_it_lives() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        pool.install(|| {
            for _ in 0..2 {
                let _spinning = SpinGuard::new();
                for _ in 0..100 {
                    assert_eq!((0..1000u64).into_par_iter().map(|n| n * n).sum::<u64>(), 332_833_500);
                }
            }
        });
    }
}
