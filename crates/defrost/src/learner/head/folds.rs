//! The heads of a cross-validation, one a fold, each computed without its fold's items.
//!
//! They are found together: to read the features costs more than to multiply them, so they are read once for all heads.

use burn::tensor::{Int, Tensor};

use super::problem::{Problem, indices};

/// The items of a fold, and all others.
pub(in crate::learner) type Division = (Vec<usize>, Vec<usize>);

/// Divides the first items by the fold of each. A fold that has none of them, or all, is left out.
pub(in crate::learner) fn divide(fold_of: &[usize], items: usize, folds: usize) -> Vec<Division> {
    let division = |fold| (0..items).partition(|&item| fold_of[item] == fold);
    (0..folds).map(division).filter(|(held, rest): &Division| !held.is_empty() && !rest.is_empty()).collect()
}

/// A problem whose items are divided into folds.
pub(in crate::learner) struct Folds {
    problem: Problem,
    folds: Vec<Fold>,
}

/// A fold.
struct Fold {
    /// The rows that its head is computed from: all variants of the items outside of it.
    rest: Tensor<1, Int>,
    /// The rows that judge its head: its items as they are.
    held: Tensor<1, Int>,
}

impl Folds {
    /// Of a problem, and which of its items are in each fold. Items that are in none are left out.
    pub fn new(problem: Problem, division: &[Division]) -> Self {
        let device = problem.features.device();
        let fold = |(held, rest): &Division| {
            let rest: Vec<usize> = rest.iter().flat_map(|&item| problem.rows_of(item)).collect();
            Fold { rest: indices(&rest, &device), held: indices(held, &device) }
        };
        Self { folds: division.iter().map(fold).collect(), problem }
    }

    /// Whether there are none, as of a single item.
    pub fn is_empty(&self) -> bool {
        self.folds.is_empty()
    }

    /// How many numbers all heads have.
    pub fn size(&self) -> usize {
        self.problem.size() * self.folds.len()
    }

    /// The sum of the heads' losses, each for the items outside of its fold, with the penalty; and its gradient.
    pub fn evaluate(&self, heads: &[f64], penalty: f64) -> (f64, Vec<f64>) {
        self.problem.descend(heads, penalty, |scores| {
            let losses = self.folds.iter().enumerate().map(|(place, fold)| {
                let targets = self.problem.targets.clone().select(0, fold.rest.clone()).autodiff();
                self.problem.loss.forward(self.scores_of(scores.clone(), place, &fold.rest), targets)
            });
            losses.reduce(|sum, loss| sum + loss).expect("a cross-validation has folds")
        })
    }

    /// The mean loss over all items, each judged by the head that does not know it.
    pub fn held_out_loss(&self, heads: &[f64]) -> f64 {
        let scores = self.problem.scores(heads);
        let (mut sum, mut items) = (0.0, 0);
        for (place, fold) in self.folds.iter().enumerate() {
            let held = fold.held.dims()[0];
            let targets = self.problem.targets.clone().select(0, fold.held.clone());
            sum += self.problem.measured(self.scores_of(scores.clone(), place, &fold.held), targets)
                * held as f64;
            items += held;
        }
        sum / items.max(1) as f64
    }

    /// The scores of each fold's items, `[items, outputs]`, by the head that does not know them.
    pub fn held_out_scores(&self, heads: &[f64]) -> Vec<Tensor<2>> {
        let scores = self.problem.scores(heads);
        let held = |(place, fold): (usize, &Fold)| self.scores_of(scores.clone(), place, &fold.held);
        self.folds.iter().enumerate().map(held).collect()
    }

    /// The weights of a fold's head for each output, `[outputs][features]`.
    pub fn weights_of<'a>(&self, fold: usize, heads: &'a [f64]) -> impl Iterator<Item = &'a [f64]> + use<'a> {
        let ([_, features], [_, outputs]) = (self.problem.features.dims(), self.problem.targets.dims());
        heads.chunks(features).skip(fold * outputs).take(outputs)
    }

    /// These rows of the scores of a fold's head.
    fn scores_of(&self, scores: Tensor<2>, fold: usize, rows: &Tensor<1, Int>) -> Tensor<2> {
        let [all, _] = scores.dims();
        let [_, outputs] = self.problem.targets.dims();
        scores.slice([0..all, fold * outputs..(fold + 1) * outputs]).select(0, rows.clone())
    }
}
