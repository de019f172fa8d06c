//! Where everything computes: on threads of this package's own, while Python's lock is free.
//!
//! Each computation has a pool of threads to itself, which a later one uses again: two computations at once never wait for each other's
//! parts. A process that was forked has none of its parent's threads, so it starts its own.

use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Result as Outcome;
use std::time::Duration;

use defrost::ops::{OutOfMemory, SpinGuard};
use pyo3::exceptions::{PyMemoryError, PyRuntimeError};
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::logs;

/// How often a computation looks for Ctrl-C.
const LOOK: Duration = Duration::from_millis(50);

/// Pools that compute nothing.
static IDLE: Mutex<Vec<Pool>> = Mutex::new(vec![]);
/// Threads of a pool; 0: one for each processor.
static THREADS: AtomicUsize = AtomicUsize::new(0);

struct Pool {
    threads: ThreadPool,
    /// The process they belong to.
    process: u32,
    /// How many were wanted.
    wanted: usize,
}

impl Pool {
    /// One that is idle, or else a new one.
    fn take() -> PyResult<Self> {
        let (process, wanted) = (process::id(), THREADS.load(Ordering::Relaxed));
        while let Some(pool) = lock(&IDLE).pop() {
            if pool.process != process {
                // Its threads are the parent's: there is nothing to end.
                std::mem::forget(pool);
            } else if pool.wanted == wanted {
                return Ok(pool);
            }
        }
        let threads = ThreadPoolBuilder::new().num_threads(wanted).build();
        let threads = threads.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        Ok(Self { threads, process, wanted })
    }
}

/// Does some work on all threads; Ctrl-C raises KeyboardInterrupt when it is done.
pub fn compute<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    compute_until(py, &AtomicBool::new(false), work)
}

/// The same for work that ends early once `stop` is true, which Ctrl-C sets.
pub fn compute_until<T: Send>(
    py: Python<'_>,
    stop: &AtomicBool,
    work: impl FnOnce() -> T + Send,
) -> PyResult<T> {
    logs::forward();
    let pool = Pool::take()?;
    let (outcome, interrupt) = py.detach(|| {
        let outcome = pool.threads.in_place_scope(|scope| {
            let (done, finished) = channel();
            scope.spawn(move |_| {
                let awake = SpinGuard::new();
                let outcome = panic::catch_unwind(AssertUnwindSafe(work));
                drop(awake);
                // The receiver waits for it.
                let _ = done.send(outcome);
            });
            wait(&finished, stop)
        });
        lock(&IDLE).push(pool);
        outcome
    });
    let found = outcome.map_err(|panicked| match panicked.downcast_ref() {
        Some(OutOfMemory { bytes }) => PyMemoryError::new_err(format!(
            "memory for {} MB more is missing; a smaller batch=, size= or cache_limit= needs less, and so does a network that is \
             frozen further",
            bytes.div_ceil(1 << 20)
        )),
        None => panic::resume_unwind(panicked),
    });
    interrupt.map_or(found, Err)
}

/// Waits for the outcome, and lets Python handle signals meanwhile; returns what their handlers raised, too.
fn wait<T>(finished: &Receiver<Outcome<T>>, stop: &AtomicBool) -> (Outcome<T>, Option<PyErr>) {
    let mut interrupt = None;
    loop {
        match finished.recv_timeout(LOOK) {
            Ok(outcome) => return (outcome, interrupt),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(Err(error)) = Python::try_attach(|py| py.check_signals()) {
                    stop.store(true, Ordering::Relaxed);
                    interrupt = Some(error);
                }
            }
            Err(RecvTimeoutError::Disconnected) => unreachable!("the work sends its outcome"),
        }
    }
}

/// What a mutex holds; a panic elsewhere has not left it half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Computes on this many threads from now on; on one for each processor without a number.
#[pyfunction]
#[pyo3(signature = (count=None))]
pub fn set_threads(count: Option<usize>) {
    THREADS.store(count.unwrap_or(0), Ordering::Relaxed);
}

/// How many threads compute.
#[pyfunction]
pub fn threads(py: Python<'_>) -> PyResult<usize> {
    compute(py, defrost::platform::threads)
}
