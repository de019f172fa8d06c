//! Where features are best: a linear probe on the pooled features of each depth, cross-validated on training items.
//!
//! One pass through the body gives the features of all depths. Probes of all depths see the same items in the same folds, so
//! that depths are compared item by item.

use burn::tensor::{Tensor, TensorData};

use super::advisor::Advisor;
use super::{Depth, Together};
use crate::data::{Dataset, Variant, folds, target_rows};
use crate::learner::evaluate::Tally;
use crate::learner::head::{Division, Folds, HeadSolver, Problem, Standard, divide};
use crate::learner::{Evaluation, LearnerError};
use crate::metrics::Interval;
use crate::stage::Network;

/// More items than this tell depths hardly better apart.
const PROBED: usize = 2000;
/// With fewer, each fold would have a handful.
const FEWEST: usize = 100;
/// One in this many passes is an item that is probed, because computing probes takes time, too.
const PASSES: u64 = 16;
/// A probe on all depths gets no more features than this.
const TOGETHER: usize = 4096;
/// Parts of the cross-validation.
const FOLDS: usize = 5;

/// The results of the probes.
pub(super) struct Depths {
    pub depths: Vec<Depth>,
    pub together: Option<Together>,
    /// How many items were probed.
    pub items: usize,
    /// The features of the best depth, if it is clearly better than the last.
    pub clearly_better: Option<Features>,
}

/// The features of a depth.
pub(super) struct Features {
    /// The stage that gives them, by its place.
    pub stage: usize,
    /// How many there are of an item.
    pub width: usize,
    /// Item by item.
    pub rows: Vec<f32>,
}

/// A depth's probe.
struct Probe {
    evaluation: Evaluation,
    folds: Folds,
    /// The heads of all folds, each solved for on the other items.
    heads: Vec<f64>,
    features: Tensor<2>,
}

impl<N: Network> Advisor<'_, N> {
    /// Probes every depth, and all together.
    pub fn probe_depths(&mut self) -> Result<Depths, LearnerError> {
        let affordable = (self.spent.passes / PASSES).max(FEWEST as u64) as usize;
        let items = self.train.len().min(PROBED).min(affordable);
        self.tell(format!("one pass of {items} {} through the body", self.options.items))?;
        let all: Vec<usize> = (0..items).collect();
        let train = self.train.clone();
        let mut found = self.features_by_depth(&*train, &all)?;
        self.spend(items as u64);

        let fold_of = folds(&*self.train, FOLDS, self.bench.options.seed);
        let division = divide(&fold_of, items, FOLDS);
        let names: Vec<String> =
            found.iter().map(|depth| self.bench.plan().groups().stages()[depth.stage].name.clone()).collect();
        self.tell(format!("a probe of each of {} depths", found.len()))?;
        let mut probes = vec![];
        for depth in &found {
            let features = TensorData::new(depth.rows.clone(), [items, depth.width]);
            let features = Tensor::from_data(features, &self.bench.device);
            let features = Standard::of(&features).apply(features);
            probes.push(self.probe(features, &division)?);
        }
        let Some(last) = probes.last() else {
            return Ok(Depths { depths: vec![], together: None, items, clearly_better: None });
        };
        let depths: Vec<Depth> = probes
            .iter()
            .zip(names)
            .map(|(probe, stage)| {
                let (metric, Interval { low, high }) = self.criterion.value(&probe.evaluation);
                let gain = self.criterion.gain(&probe.evaluation, &last.evaluation).0;
                Depth { stage, features: probe.features.dims()[1], metric, low, high, gain }
            })
            .collect();
        let best = (0..probes.len())
            .max_by(|&a, &b| self.criterion.order(&probes[a].evaluation, &probes[b].evaluation));
        let clearly_better =
            best.filter(|&best| depths[best].gain.low > 0.0).map(|best| found.swap_remove(best));
        let together = if probes.len() > 1 { Some(self.probe_together(&probes, &division)?) } else { None };
        Ok(Depths { depths, together, items, clearly_better })
    }

    /// The pooled features of these items at each depth, input first: one pass, in eval mode. What the head receives stands
    /// for the last depth.
    pub fn features_by_depth(
        &mut self,
        data: &dyn Dataset,
        items: &[usize],
    ) -> Result<Vec<Features>, LearnerError> {
        let network = self.bench.network().valid();
        let stages = self.bench.plan().groups().stages();
        let body = stages.len() - 1;
        let mut depths: Vec<Option<Features>> = (0..body).map(|_| None).collect();
        for items in items.chunks(self.bench.options.batch_size.max(1)) {
            self.bench.check_stop()?;
            let mut x = data.inputs(items, Variant::Original, &self.bench.device)?;
            let mut depth = 0;
            for stage in 0..body {
                x = network.forward(x, stage..stage + 1).without_autodiff();
                // What has no parameters, as pooling, belongs to the stage before it.
                if stages[stage].has_parameters() {
                    depth = stage;
                }
                if stages[stage + 1..body].first().is_some_and(|next| !next.has_parameters()) {
                    continue;
                }
                let Some(pooled) = network.pooled(x.clone()) else { continue };
                let width = pooled.dims()[1];
                let features =
                    depths[depth].get_or_insert_with(|| Features { stage: depth, width, rows: vec![] });
                features.rows.extend(pooled.into_data().iter::<f32>());
            }
        }
        Ok(depths.into_iter().flatten().collect())
    }

    /// The predictions of a probe on standardised features for each item, computed without its fold.
    fn probe(&self, features: Tensor<2>, division: &[Division]) -> Result<Probe, LearnerError> {
        let problem = self.problem(features.clone(), division);
        let folds = Folds::new(problem, division);
        let heads = self.cross_validated(&folds)?;
        let evaluation = self.judged(folds.held_out_scores(&heads).into_iter().zip(division));
        Ok(Probe { evaluation, folds, heads, features })
    }

    /// One probe on all depths. Of very many features it gets those that the probes of single depths, solved for without the
    /// same fold, give the largest weights.
    fn probe_together(&mut self, probes: &[Probe], division: &[Division]) -> Result<Together, LearnerError> {
        self.tell("a probe of all depths together")?;
        let features = Tensor::cat(probes.iter().map(|probe| probe.features.clone()).collect(), 1);
        let problem = self.problem(features, division);
        let width = problem.features.dims()[1];
        let folds = if width <= TOGETHER {
            vec![Folds::new(problem, division)]
        } else {
            let chosen = |fold| problem.with_features(&largest_weights(probes, fold, TOGETHER));
            let alone = |fold: usize| Folds::new(chosen(fold), &division[fold..=fold]);
            (0..division.len()).map(alone).collect()
        };
        let mut scores = vec![];
        for folds in folds {
            scores.extend(folds.held_out_scores(&self.cross_validated(&folds)?));
        }
        let evaluation = self.judged(scores.into_iter().zip(division));
        let (metric, Interval { low, high }) = self.criterion.value(&evaluation);
        let last = &probes[probes.len() - 1].evaluation;
        let gain = self.criterion.gain(&evaluation, last).0;
        Ok(Together { features: width.min(TOGETHER), metric, low, high, gain })
    }

    /// The problem of the items that were probed, over these features.
    fn problem(&self, features: Tensor<2>, division: &[Division]) -> Problem {
        let items = features.dims()[0];
        debug_assert_eq!(items, division.iter().map(|(held, _)| held.len()).sum::<usize>());
        let targets: Vec<_> = (0..items).map(|item| self.train.target(item)).collect();
        let targets = target_rows(&targets, self.bench.outputs, &self.bench.device);
        Problem { features, targets, items, loss: self.bench.head_loss() }
    }

    /// The heads of the folds, with the penalty that suits them.
    fn cross_validated(&self, folds: &Folds) -> Result<Vec<f64>, LearnerError> {
        let solver = HeadSolver::for_items(usize::MAX);
        Ok(solver.cross_validate(folds, || self.bench.check_stop())?.heads)
    }

    /// The predictions for the items of each fold by the head that does not know them.
    fn judged<'a>(&self, scores: impl Iterator<Item = (Tensor<2>, &'a Division)>) -> Evaluation {
        let mut tally = Tally::new(&self.bench.loss, &self.bench.options.metrics);
        for (scores, (held, _)) in scores {
            tally.add(&*self.train, held, scores);
        }
        tally.finish()
    }
}

/// The features that have the largest weights in the heads of a fold, over all probes beside one another.
fn largest_weights(probes: &[Probe], fold: usize, count: usize) -> Vec<usize> {
    let squares = |probe: &Probe| {
        let mut sums = vec![0.0; probe.features.dims()[1]];
        for weights in probe.folds.weights_of(fold, &probe.heads) {
            sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight * weight);
        }
        sums
    };
    let mut ranked: Vec<(usize, f64)> = probes.iter().flat_map(squares).enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut chosen: Vec<usize> = ranked[..count].iter().map(|&(feature, _)| feature).collect();
    chosen.sort_unstable();
    chosen
}
