//! The penalty on a head's weights, chosen by cross-validation, and the head itself.

use super::folds::{Folds, divide};
use super::problem::Problem;
use crate::optim::Lbfgs;

/// How a dense head is solved for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadSolver {
    /// Augmented variants of each item that are tried, beside the item as it is.
    pub variants: usize,
    /// Items at most; of more, some are drawn.
    pub items: usize,
    /// The penalty, if it is not to be chosen by cross-validation.
    pub penalty: Option<f64>,
    /// Parts of a cross-validation.
    pub folds: usize,
    /// Items of a cross-validation at most.
    pub validated_items: usize,
}

/// The result of a cross-validation.
pub(in crate::learner) struct CrossValidated {
    /// The penalty whose heads have the least loss on items that they were not solved for on.
    pub penalty: f64,
    /// That mean loss.
    pub loss: f64,
    /// The heads of all folds.
    pub heads: Vec<f64>,
}

/// Penalties that are tried, strongest first: factors of half the squared norm of the weights, which apply to
/// standardised features.
const PENALTIES: [f64; 9] = [10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3];
/// The search ends after this many penalties in a row that are worse than the best one.
const PATIENCE: usize = 2;
/// A pass through the body for this many augmented images takes about as long as unfrozen training on a few.
const VARIED: usize = 640;

impl HeadSolver {
    /// For this many training items: the fewer there are, the more variants of each.
    pub fn for_items(items: usize) -> Self {
        let variants = (VARIED / items.max(1)).clamp(2, 8);
        Self { variants, items: 50_000, penalty: None, folds: 5, validated_items: 4_000 }
    }

    /// With this penalty, on items as they are.
    pub fn with_penalty(penalty: f64) -> Self {
        Self { variants: 0, penalty: Some(penalty), ..Self::for_items(usize::MAX) }
    }

    /// The penalty whose heads have the least loss on items that they were not solved for on, and that mean loss.
    pub(in crate::learner) fn choose_penalty<E>(
        &self,
        problem: &Problem,
        fold_of: &[usize],
        check: impl FnMut() -> Result<(), E>,
    ) -> Result<(f64, f64), E> {
        let problem = problem.first(self.validated_items);
        let division = divide(fold_of, problem.items, self.folds);
        let found = self.cross_validate(&Folds::new(problem, &division), check)?;
        Ok((found.penalty, found.loss))
    }

    /// The same for these folds. Without any there is nothing to choose by, and the strongest penalty is safest.
    pub(in crate::learner) fn cross_validate<E>(
        &self,
        folds: &Folds,
        mut check: impl FnMut() -> Result<(), E>,
    ) -> Result<CrossValidated, E> {
        let mut heads = vec![0.0; folds.size()];
        let mut best = CrossValidated { penalty: PENALTIES[0], loss: f64::INFINITY, heads: heads.clone() };
        if folds.is_empty() {
            return Ok(best);
        }
        let mut worse = 0;
        for penalty in PENALTIES {
            let minimum = Lbfgs::default().minimize(heads, |heads| {
                check()?;
                Ok(folds.evaluate(heads, penalty))
            })?;
            heads = minimum.point;
            let loss = folds.held_out_loss(&heads);
            if loss < best.loss {
                (best, worse) = (CrossValidated { penalty, loss, heads: heads.clone() }, 0);
            } else {
                worse += 1;
                if worse == PATIENCE {
                    break;
                }
            }
        }
        Ok(best)
    }

    /// A head, the weights of each output and then the biases, and its mean loss with the penalty.
    pub(in crate::learner) fn solve<E>(
        &self,
        problem: &Problem,
        penalty: f64,
        mut check: impl FnMut() -> Result<(), E>,
    ) -> Result<(Vec<f64>, f64), E> {
        let minimum = Lbfgs::default().minimize(vec![0.0; problem.size()], |head| {
            check()?;
            Ok(problem.evaluate(head, penalty))
        })?;
        Ok((minimum.point, minimum.value))
    }
}

#[cfg(test)]
mod tests {
    use super::super::problem::{Standard, indices};
    use super::*;
    use crate::data::{Target, target_rows};
    use crate::recipe::FineTune;
    use burn::tensor::activation::softmax;
    use burn::tensor::{Device, Tensor, TensorData};
    use serde_json::Value;
    use std::convert::Infallible;

    const ITEMS: usize = 60;
    const FEATURES: usize = 5;
    const CLASSES: usize = 3;

    /// The points of `make_head.py`.
    fn points() -> Tensor<2> {
        let point = |item: usize| {
            (0..FEATURES).map(move |axis| {
                let wave = ((item * 7 + axis) as f64 * 12.9898).sin();
                let at_centre = if axis % CLASSES == item % CLASSES { 1.0 } else { 0.0 };
                ((axis + 1) as f64 * (wave + at_centre) + axis as f64) as f32
            })
        };
        let values: Vec<f32> = (0..ITEMS).flat_map(point).collect();
        Tensor::from_data(TensorData::new(values, [ITEMS, FEATURES]), &Device::flex())
    }

    fn problem() -> (Problem, Standard) {
        let points = points();
        let targets: Vec<Target> = (0..ITEMS).map(|item| Target::Class(item % CLASSES)).collect();
        let standard = Standard::of(&points);
        let features = standard.apply(points);
        let targets = target_rows(&targets, CLASSES, &Device::flex());
        (Problem { features, targets, items: ITEMS, loss: Default::default() }, standard)
    }

    /// The problem of these items alone.
    fn rows(problem: &Problem, items: &[usize]) -> Problem {
        let rows = indices(items, &Device::flex());
        Problem {
            features: problem.features.clone().select(0, rows.clone()),
            targets: problem.targets.clone().select(0, rows),
            items: items.len(),
            loss: problem.loss.clone(),
        }
    }

    fn loss(problem: &Problem, head: &[f64]) -> f64 {
        problem.measured(problem.scores(head), problem.targets.clone())
    }

    fn solve(problem: &Problem, penalty: f64) -> Vec<f64> {
        HeadSolver::for_items(ITEMS).solve(problem, penalty, || Ok::<_, Infallible>(())).unwrap().0
    }

    #[test]
    fn the_head_is_scikit_learns() {
        let golden: Value = serde_json::from_str(include_str!("../../../tests/golden/head.json")).unwrap();
        let (problem, standard) = problem();
        for penalty in [0.3, 0.01] {
            let golden = &golden[penalty.to_string()];
            let head = solve(&problem, penalty);
            // The search ends where a step gains less than 1e-5 of the value.
            let (found, expected) = (loss(&problem, &head), golden["loss"].as_f64().unwrap());
            assert!((found - expected).abs() < 2e-3 * expected, "{found} and {expected}");
            // Folded into weight and bias, the head does to the points what it does to standardised ones.
            let (weight, bias) = standard.fold(&head, FEATURES, CLASSES);
            let weight =
                Tensor::<2>::from_data(TensorData::new(weight, [CLASSES, FEATURES]), &Device::flex());
            let bias = Tensor::<2>::from_data(TensorData::new(bias, [1, CLASSES]), &Device::flex());
            let found = softmax(points().matmul(weight.transpose()) + bias, 1).into_data();
            let expected =
                golden["probabilities"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
            for (found, expected) in found.iter::<f64>().zip(expected) {
                assert!((found - expected.as_f64().unwrap()).abs() < 5e-3, "{found} and {expected}");
            }
        }
    }

    #[test]
    fn a_penalty_is_chosen_on_items_that_were_held_out() {
        let (problem, _) = problem();
        let fold_of: Vec<usize> = (0..ITEMS).map(|item| item / CLASSES % 5).collect();
        let solver = HeadSolver::for_items(ITEMS);
        let (penalty, found) = solver.choose_penalty(&problem, &fold_of, || Ok::<_, Infallible>(())).unwrap();
        let held_out = |penalty: f64| {
            let losses = (0..5).map(|fold| {
                let (held, rest): (Vec<usize>, Vec<usize>) =
                    (0..ITEMS).partition(|&item| fold_of[item] == fold);
                let head = solve(&rows(&problem, &rest), penalty);
                loss(&rows(&problem, &held), &head) * held.len() as f64
            });
            losses.sum::<f64>() / ITEMS as f64
        };
        // The search starts each penalty from the one before, for all folds together, and ends a little elsewhere.
        assert!((held_out(penalty) - found).abs() < 1e-2, "{} and {found}", held_out(penalty));
        assert!(held_out(10.0 * penalty) > found - 1e-2 && held_out(penalty / 30.0) > found - 1e-2);
    }

    #[test]
    fn whoever_asks_to_stop_stops_the_search() {
        let (problem, _) = problem();
        let mut left = 3;
        let stop = || {
            left -= 1;
            if left == 0 { Err("stop") } else { Ok(()) }
        };
        assert_eq!(HeadSolver::for_items(ITEMS).solve(&problem, 0.01, stop).unwrap_err(), "stop");
    }

    #[test]
    fn a_head_under_a_strong_penalty_points_the_same_way_and_leaves_a_loss() {
        let (problem, _) = problem();
        let (best, weak) = (solve(&problem, 0.01), solve(&problem, FineTune::new(1).head_penalty));
        assert!(loss(&problem, &weak) > 2.0 * loss(&problem, &best));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert!(dot(&best, &weak) > 0.7 * (dot(&best, &best) * dot(&weak, &weak)).sqrt());
    }
}
