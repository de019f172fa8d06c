//! Finding a learning rate by trying all of them (arXiv 1506.01186; fastai's `lr_find`).

use serde::Serialize;

use super::suggestions::suggest_on_descent;
use super::{Learner, LearnerError, Suggestions};
use crate::data::Draws;
use crate::optim::StepOptions;
use crate::recipe::Recipe;
use crate::schedule::MOMENTUM;
use crate::stage::Network;

/// Which rates are tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrFindOptions {
    /// The first rate.
    pub start: f64,
    /// The last rate.
    pub end: f64,
    /// How many rates, one a step.
    pub steps: usize,
}

impl Default for LrFindOptions {
    fn default() -> Self {
        Self { start: 1e-7, end: 10.0, steps: 100 }
    }
}

impl LrFindOptions {
    /// The rate of a step: each is the same multiple of the one before.
    fn rate(&self, step: usize) -> f64 {
        let position = step as f64 / self.steps.saturating_sub(1).max(1) as f64;
        self.start * (self.end / self.start).powf(position)
    }
}

/// A rate and the loss it was tried at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RatePoint {
    /// The rate, the same for all groups that train.
    pub lr: f64,
    /// The smoothed loss.
    pub loss: f64,
}

/// The result of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LrFind {
    /// All rates tried.
    pub points: Vec<RatePoint>,
    /// The rates they suggest, read where the loss falls by more than it wavers.
    pub suggestions: Suggestions,
}

impl LrFind {
    /// The rate to train at where a recipe's usual one is `usual`: what `valley` suggests, but at most three times as much and
    /// at least a third; the usual one if nothing is suggested. A hundred steps tell at which rates a loss begins to fall, not
    /// where epochs end, so they move what has proved itself, and don't replace it.
    pub fn rate(&self, usual: f64) -> f64 {
        self.suggestions.valley.map_or(usual, |valley| valley.clamp(usual / FARTHEST, usual * FARTHEST))
    }
}

/// The decay of the running average of losses.
const SMOOTHING: f64 = 0.98;
/// How many times as high or as low as a recipe's usual rate a found one may be.
const FARTHEST: f64 = 3.0;
/// A loss this many times the lowest ends the search.
const RISEN: f64 = 4.0;

impl<N: Network> Learner<N> {
    /// Trains under the current plan, at rates that rise from step to step until the loss explodes, and then
    /// undoes it: weights, statistics and optimizer are what they were, and so is all that is drawn later.
    ///
    /// # Errors
    ///
    /// If nothing would train, there are no items, one can't be read, or a [stop](Self::stop_on) was requested.
    pub fn lr_find(&mut self, options: &LrFindOptions) -> Result<LrFind, LearnerError> {
        self.plan.require_training()?;
        let state = self.state(None);
        let points = self.try_rates(options);
        self.go_back(&state);
        let points = points?;
        Ok(LrFind { suggestions: suggest_on_descent(&points), points })
    }

    /// Tries rates as the first phase of a recipe would train.
    ///
    /// # Errors
    ///
    /// As [`lr_find`](Self::lr_find), and if the recipe does not fit the network.
    pub fn lr_find_for(&mut self, recipe: &Recipe) -> Result<LrFind, LearnerError> {
        if let Some(first) = self.resolve(recipe.clone())?.first() {
            self.freeze_for(first)?;
        }
        self.lr_find(&LrFindOptions::default())
    }

    fn try_rates(&mut self, options: &LrFindOptions) -> Result<Vec<RatePoint>, LearnerError> {
        let (mut points, mut average, mut lowest) = (vec![], 0.0, f64::INFINITY);
        for epoch in self.history.epochs() as u64.. {
            let draws = Draws { seed: self.options.seed, epoch };
            let batches = self.steps(draws);
            if batches.is_empty() {
                return Err(LearnerError::NoItems);
            }
            for (batch, items) in batches.iter().enumerate() {
                let step = points.len();
                if step == options.steps {
                    return Ok(points);
                }
                self.check_stop()?;
                let lr = options.rate(step);
                let settings =
                    StepOptions { rates: vec![lr; self.plan.groups().count()], momentum: MOMENTUM };
                let loss = self.train_batch(items, draws, batch, &settings)?;
                average = average * SMOOTHING + loss * (1.0 - SMOOTHING);
                let loss = average / (1.0 - SMOOTHING.powi(step as i32 + 1));
                if !loss.is_finite() {
                    return Ok(points);
                }
                points.push(RatePoint { lr, loss });
                lowest = loss.min(lowest);
                if loss > RISEN * lowest {
                    return Ok(points);
                }
            }
        }
        Ok(points)
    }
}
