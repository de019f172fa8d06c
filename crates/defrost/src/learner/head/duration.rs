//! How long the search for a head takes, told from one look at as much data.

use burn::tensor::Tensor;

use super::{Folds, HeadSolver, Problem, divide};
use crate::data::{folds, target_rows};
use crate::learner::Learner;
use crate::platform::Instant;
use crate::stage::{Network, Role};

/// How often a cross-validation looks at all data, and the search for the head itself. Fewer items need fewer looks: 48 photos of 3
/// classes took 50 and 25, 1,000 images of 10 classes 190 and 35.
const LOOKS_TO_CHOOSE: f64 = 150.0;
const LOOKS_TO_SOLVE: f64 = 30.0;

impl<N: Network> Learner<N> {
    /// Seconds of a search among this many variants of each item, without those in which the body computes the features.
    pub(in crate::learner) fn search_seconds(&self, solver: &HeadSolver, variants: usize) -> f64 {
        let weight =
            self.plan.dense_head().and_then(|head| head.parameters.iter().find(|one| one.role != Role::Bias));
        let Some(width) = weight.and_then(|weight| weight.shape.last()) else { return 0.0 };
        let items = self.train.len().min(solver.items);
        let looked_at = items.min(solver.validated_items);
        let targets: Vec<_> = (0..looked_at).map(|item| self.train.target(item)).collect();
        let targets = target_rows(&targets, self.outputs, &self.device).repeat_dim(0, variants);
        let features = Tensor::zeros([looked_at * variants, *width], &self.device);
        let problem = Problem { features, targets, items: looked_at, loss: self.head_loss() };
        let nothing = vec![0.0; problem.size()];
        let solve = seconds(|| problem.evaluate(&nothing, 0.0)) * items as f64 / looked_at.max(1) as f64;

        let division = divide(&folds(&*self.train, solver.folds, self.options.seed), looked_at, solver.folds);
        let folds = Folds::new(problem, &division);
        if solver.penalty.is_some() || folds.is_empty() {
            return LOOKS_TO_SOLVE * solve;
        }
        let nothing = vec![0.0; folds.size()];
        let choose = seconds(|| folds.evaluate(&nothing, 0.0));
        // The penalty is chosen for all variants, and for the items as they are.
        let choices = if variants > 1 { 1.0 + 1.0 / variants as f64 } else { 1.0 };
        LOOKS_TO_CHOOSE * choices * choose + LOOKS_TO_SOLVE * solve
    }
}

/// Seconds that something takes, once it has been done.
fn seconds<T>(act: impl Fn() -> T) -> f64 {
    act();
    let started = Instant::now();
    act();
    started.elapsed().as_secs_f64()
}
