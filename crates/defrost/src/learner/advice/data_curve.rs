//! What more data would bring: heads computed from a quarter, half and all of the training items, tested on the same
//! validation items. Smaller parts are drawn several times, to reduce the effect of chance.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};

use super::CurvePoint;
use super::advisor::Advisor;
use super::budget::STEP;
use super::trials::Tried;
use crate::data::{Dataset, Subset, Variant, folds, target_rows};
use crate::learner::decision::Criterion;
use crate::learner::evaluate::Tally;
use crate::learner::head::{HeadSolver, Problem, Standard};
use crate::learner::{Evaluation, Gain, LearnerError};
use crate::metrics::Interval;
use crate::prefix::Prefix;
use crate::stage::Network;

/// The curve is measured with at most this many training items.
const CURVE: usize = 8000;
/// One in this many passes is an item of the curve, because computing its heads takes time, too.
const PASSES: u64 = 8;
/// A part has at least this many items.
const LEAST: usize = 8;
/// All, half, a quarter.
const PARTS: [usize; 3] = [4, 2, 1];

/// The curve, and where it leads.
pub(super) struct DataCurve {
    pub points: Vec<CurvePoint>,
    /// The expected gain from twice as many items.
    pub more: Option<Gain>,
}

/// A head that was solved for on rows of features.
pub(super) struct Fitted {
    standard: Standard,
    weights: Vec<f64>,
    penalty: f64,
    width: usize,
}

impl Fitted {
    /// The predictions for the validation items with these features.
    pub fn judged<N: Network>(&self, advisor: &Advisor<'_, N>, rows: &[f32]) -> Evaluation {
        let bench = &advisor.bench;
        let valid: Vec<usize> = (0..bench.valid.len()).collect();
        let features = TensorData::new(rows.to_vec(), [valid.len(), self.width]);
        let features = self.standard.apply(Tensor::from_data(features, &bench.device));
        let targets: Vec<_> = valid.iter().map(|&item| bench.valid.target(item)).collect();
        let targets = target_rows(&targets, bench.outputs, &bench.device);
        let problem = Problem { features, targets, items: valid.len(), loss: bench.loss.clone() };
        let mut tally = Tally::new(&bench.loss, &bench.options.metrics);
        tally.add(&*bench.valid, &valid, problem.scores(&self.weights));
        tally.finish()
    }
}

impl<N: Network> Advisor<'_, N> {
    /// Solves for a head on the features of these training items; the penalty is chosen by cross-validation unless there is
    /// one.
    pub fn fitted(
        &self,
        rows: &[f32],
        items: Range<usize>,
        penalty: Option<f64>,
    ) -> Result<Fitted, LearnerError> {
        let bench = &self.bench;
        let (first, count) = (items.start, items.len());
        let width = rows.len() / count.max(1);
        let part = Subset::new(self.train.clone(), items.collect());
        let features = Tensor::from_data(TensorData::new(rows.to_vec(), [count, width]), &bench.device);
        let standard = Standard::of(&features);
        let targets: Vec<_> = (0..count).map(|item| self.train.target(first + item)).collect();
        let targets = target_rows(&targets, bench.outputs, &bench.device);
        let features = standard.apply(features);
        let problem = Problem { features, targets, items: count, loss: bench.head_loss() };
        let solver = HeadSolver::for_items(usize::MAX);
        let stop = || bench.check_stop();
        let penalty = match penalty {
            Some(penalty) => penalty,
            None => {
                let fold_of = folds(&part, solver.folds, bench.options.seed);
                solver.choose_penalty(&problem, &fold_of, stop)?.0
            }
        };
        let (weights, _) = solver.solve(&problem, penalty, stop)?;
        Ok(Fitted { standard, weights, penalty, width })
    }

    /// The curve of the head on the pretrained body's features. Passes are few: what the head was found on is cached.
    pub fn curve_of_heads(&mut self) -> Result<DataCurve, LearnerError> {
        self.tell("what more data would bring")?;
        self.start_over();
        let affordable = (self.spent.passes / PASSES).max((PARTS[0] * LEAST) as u64) as usize;
        let items = self.train.len().min(CURVE).min(affordable);
        let (train, valid) = (self.train.clone(), self.bench.valid.clone());
        let known = self.head_features(&*train, items)?;
        let asked = self.head_features(&*valid, valid.len())?;
        let width = known.len() / items.max(1);
        let mut fractions = vec![];
        for parts in PARTS.into_iter().filter(|parts| items / parts >= LEAST) {
            let (mut drawn, mut penalty) = (vec![], None);
            for part in 0..parts {
                let range = items * part / parts..items * (part + 1) / parts;
                let rows = &known[range.start * width..range.end * width];
                let head = self.fitted(rows, range, penalty)?;
                penalty = Some(head.penalty);
                drawn.push(head.judged(self, &asked));
            }
            fractions.push((parts, items / parts, drawn));
        }
        Ok(self.curve(fractions))
    }

    /// The input of the head, row by row.
    fn head_features(&mut self, data: &dyn Dataset, items: usize) -> Result<Vec<f32>, LearnerError> {
        let bench = &mut self.bench;
        let network = bench.network.as_ref().expect("an optimizer step always gives the network back");
        let prefix = Prefix::of(network, bench.plan.groups().stages().len() - 1);
        let mut rows = vec![];
        for items in (0..items).collect::<Vec<_>>().chunks(bench.options.batch_size.max(1)) {
            let asked = (items, Variant::Original);
            let features = prefix.features(network, data, asked, &bench.device, &mut bench.cache)?;
            if let Some(pooled) = network.pooled(features) {
                rows.extend(pooled.into_data().iter::<f32>());
            }
        }
        Ok(rows)
    }

    /// The curve of the whole network, where nothing is pretrained: each part trains a new one, for as many epochs as the
    /// budget allows. Also returns the trial on all items.
    pub fn curve_of_networks(&mut self) -> Result<(DataCurve, Tried), LearnerError> {
        let items = self.train.len();
        let parts: Vec<usize> =
            PARTS.into_iter().filter(|parts| *parts == 1 || items / parts >= LEAST).collect();
        let trained: usize = parts.iter().map(|parts| items / parts).sum();
        let epoch = STEP * trained as u64 + (self.bench.valid.len() * parts.len()) as u64;
        let epochs = (self.spent.left() / epoch.max(1)).clamp(1, self.recipe.epochs.max(1) as u64) as usize;
        let mut fractions = vec![];
        let mut whole = None;
        for parts in parts {
            let tried = self.try_whole((0..items / parts).collect(), epochs)?;
            fractions.push((parts, items / parts, vec![tried.evaluation.clone()]));
            whole = Some(tried);
        }
        let curve = self.curve(fractions);
        Ok((curve, whole.ok_or(LearnerError::NoItems)?))
    }

    /// Fractions, given as one in how many parts, the items of a part, and the result of each draw.
    fn curve(&self, fractions: Vec<(usize, usize, Vec<Evaluation>)>) -> DataCurve {
        let (criterion, seed) = (&self.criterion, self.bench.options.seed);
        let (asked, trained) = (self.bench.valid.len(), self.train.len() as f64);
        let all: Vec<usize> = (0..asked).collect();
        let interval = |measure: &(dyn Fn(&[usize]) -> Option<f64> + Sync)| {
            let endless = Interval { low: f64::NEG_INFINITY, high: f64::INFINITY };
            Interval::bootstrap(asked, seed, measure).unwrap_or(endless)
        };
        let point = |(_, items, drawn): &(usize, usize, Vec<Evaluation>)| {
            let measure = |places: &[usize]| mean(criterion, drawn, places);
            let Interval { low, high } = interval(&measure);
            let metric = measure(&all).unwrap_or(f64::NAN);
            CurvePoint {
                fraction: *items as f64 / trained,
                items: *items,
                metric,
                low,
                high,
                draws: drawn.len(),
            }
        };
        let points: Vec<CurvePoint> = fractions.iter().map(point).collect();
        let more = fractions.first().zip(fractions.last()).filter(|(first, last)| first.0 > last.0);
        let more = more.and_then(|(first, last)| {
            let doublings = (first.0 as f64 / last.0 as f64).log2();
            // The curve may end before all training items.
            let beyond = (trained / last.1.max(1) as f64).log2();
            let gain = |places: &[usize]| {
                let (few, many) = (mean(criterion, &first.2, places)?, mean(criterion, &last.2, places)?);
                Some(next_doubling((few, many), (doublings, beyond), criterion.is_error()))
            };
            let Interval { low, high } = interval(&gain);
            Some(Gain { value: gain(&all)?, low, high })
        });
        DataCurve { points, more }
    }
}

/// The metric over these places, on average over the draws.
fn mean(criterion: &Criterion, drawn: &[Evaluation], places: &[usize]) -> Option<f64> {
    let values = drawn.iter().map(|evaluation| criterion.at(evaluation, places));
    let values: Vec<f64> = values.collect::<Option<_>>()?;
    Some(values.iter().sum::<f64>() / values.len().max(1) as f64)
}

/// How much better it gets when items double once more, after it went from `few` to `many` in some doublings, and then some
/// more that were not seen: errors fall as a power of the number of items (Hestness and others, arXiv 1712.00409).
fn next_doubling((few, many): (f64, f64), (seen, beyond): (f64, f64), is_error: bool) -> f64 {
    let error = |value: f64| if is_error { value } else { 1.0 - value };
    let (before, now) = (error(few), error(many));
    if before > 0.0 && now >= 0.0 {
        let each = (now / before).powf(1.0 / seen);
        now * each.powf(beyond) * (1.0 - each)
    } else {
        // Not a fraction: a straight line.
        (before - now) / seen
    }
}

#[cfg(test)]
mod tests {
    use super::next_doubling;

    #[test]
    fn errors_fall_as_a_power() {
        // 40 %, 20 %, 10 %: halved each time.
        let next = |few, many, is_error| next_doubling((few, many), (2.0, 0.0), is_error);
        assert!((next(0.6, 0.9, false) - 0.05).abs() < 1e-12);
        assert!((next(4.0, 1.0, true) - 0.5).abs() < 1e-12);
        assert_eq!(next(0.8, 0.8, false), 0.0, "what has not moved is not expected to");
        assert_eq!(next(0.9, 1.0, false), 0.0, "nothing is better than all");
        assert!(next(0.9, 0.8, false) < 0.0);
        assert_eq!(next(3.0, 5.0, false), 1.0);
        let unseen = next_doubling((0.6, 0.9), (2.0, 1.0), false);
        assert!((unseen - 0.025).abs() < 1e-12, "10 %, then 5 % unseen, then 2.5 %");
    }
}
