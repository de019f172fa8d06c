//! Training until validation no longer improves.

/// When a phase ends before its last epoch.
///
/// Nobody knows when that will be, so rates can't fall towards it. They stay as they are, and a running average of the
/// weights does what falling rates would: it is what is measured and kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// After this many epochs, at least 1, without an improvement.
    pub epochs: usize,
    /// How much of the average carries over in a step, `0.0..1.0`, where the learner's options have no average of their own.
    pub average: f64,
}
