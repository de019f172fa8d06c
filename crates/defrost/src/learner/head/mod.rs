//! Computing the best dense head: on frozen features the problem is convex, so its best weights can be found directly
//! instead of step by step. (The first half of LP-FT, arXiv 2202.10054.)
//!
//! Features are standardised, and the result is folded into the head's own weight and bias. Cross-validation chooses the
//! penalty on the weights, and whether augmented variants of each item help.

mod duration;
mod folds;
mod problem;
mod solver;

use burn::tensor::{Tensor, TensorData};
use rand::seq::SliceRandom;

pub(super) use self::folds::{Division, Folds, divide};
pub(super) use self::problem::{Problem, Standard};
pub(super) use self::solver::HeadSolver;
use super::{Learner, LearnerError};
use crate::data::{Draws, Variant, folds, target_rows};
use crate::loss::{AnyLoss, Balance, LossOptions};
use crate::stage::{Network, Role};
use crate::weights::Tensors;

impl<N: Network> Learner<N> {
    /// Puts the best weights for the training items' features into the head, which is all that the plan trains; returns their
    /// mean loss with the penalty.
    ///
    /// # Errors
    ///
    /// If an item can't be read, or a stop was requested.
    pub(super) fn solve_head(&mut self, solver: &HeadSolver) -> Result<f64, LearnerError> {
        let plan = self.plan.clone();
        let head = plan.dense_head().ok_or(LearnerError::NoDenseHead)?;
        let items = self.head_items(solver);
        let variants = self.head_variants(solver);
        let (mut rows, mut width) = (vec![], 0);
        for &variant in &variants {
            width = self.feature_rows(&items, variant, &mut rows)?;
        }
        let features = TensorData::new(rows, [items.len() * variants.len(), width]);
        let features = Tensor::<2>::from_data(features, &self.device);
        let targets: Vec<_> = items.iter().map(|&item| self.train.target(item)).collect();
        let targets = target_rows(&targets, self.outputs, &self.device).repeat_dim(0, variants.len());
        let standard = Standard::of(&features);
        let features = standard.apply(features);
        let mut problem = Problem { features, targets, items: items.len(), loss: self.head_loss() };

        let penalty = match solver.penalty {
            Some(penalty) => penalty,
            None => self.choose_problem(solver, &items, &mut problem)?,
        };
        let (weights, loss) = solver.solve(&problem, penalty, || self.check_stop())?;
        tracing::debug!(items = items.len(), variants = variants.len(), penalty, loss, "head computed");
        let (weight, bias) = standard.fold(&weights, width, self.outputs);
        let tensors: Tensors = head
            .parameters
            .iter()
            .map(|parameter| match parameter.role {
                Role::Bias => (parameter.name.clone(), TensorData::new(bias.clone(), [self.outputs])),
                _ => (parameter.name.clone(), TensorData::new(weight.clone(), [self.outputs, width])),
            })
            .collect();
        self.load_tensors(&tensors);
        Ok(loss)
    }

    /// The penalty by cross-validation; the problem is left with the variants that help.
    fn choose_problem(
        &self,
        solver: &HeadSolver,
        items: &[usize],
        problem: &mut Problem,
    ) -> Result<f64, LearnerError> {
        let fold_of = folds(&*self.train, solver.folds, self.options.seed);
        let fold_of: Vec<usize> = items.iter().map(|&item| fold_of[item]).collect();
        let originals = problem.originals();
        let (penalty, loss) = solver.choose_penalty(&originals, &fold_of, || self.check_stop())?;
        if problem.has_variants() {
            let (with_variants, loss_with) =
                solver.choose_penalty(problem, &fold_of, || self.check_stop())?;
            if loss_with < loss {
                return Ok(with_variants);
            }
            *problem = originals;
        }
        Ok(penalty)
    }

    /// As an item is, and as augmentation changes it, unless that changes nothing.
    pub(super) fn head_variants(&self, solver: &HeadSolver) -> Vec<Variant> {
        let seed = self.options.seed;
        let augmented = (0..solver.variants as u64).map(|epoch| Variant::Augmented(Draws { seed, epoch }));
        let mut variants = vec![Variant::Original];
        for variant in augmented {
            let print = self.train.fingerprint(0, variant);
            if variants.iter().all(|&other| self.train.fingerprint(0, other) != print) {
                variants.push(variant);
            }
        }
        variants
    }

    /// The training items to solve on, in an order of the seed's.
    fn head_items(&self, solver: &HeadSolver) -> Vec<usize> {
        let mut items: Vec<usize> = (0..self.train.len()).collect();
        items.shuffle(&mut Draws { seed: self.options.seed, epoch: 0 }.for_order());
        items.truncate(solver.items);
        items
    }

    /// Appends a row of features for each of these training items; returns how many features there are.
    fn feature_rows(
        &mut self,
        items: &[usize],
        variant: Variant,
        rows: &mut Vec<f32>,
    ) -> Result<usize, LearnerError> {
        let mut width = 0;
        for items in items.chunks(self.options.batch_size.max(1)) {
            self.check_stop()?;
            let features = self.features_before_rest(items, variant)?.single::<2>();
            width = features.dims()[1];
            rows.extend(features.into_data().iter::<f32>());
        }
        Ok(width)
    }

    /// Where rare classes are shown more often, they weigh more instead.
    pub(super) fn head_loss(&self) -> AnyLoss {
        match self.options.balance {
            Balance::Sample => {
                let options =
                    LossOptions { label_smoothing: self.options.label_smoothing, balance: Balance::Weights };
                options.apply(self.options.loss.clone(), &*self.train).unwrap_or_else(|_| self.loss.clone())
            }
            Balance::None | Balance::Weights => self.loss.clone(),
        }
    }
}
