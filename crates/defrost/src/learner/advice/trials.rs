//! Which plan is best: short trials, by successive halving. All plans but the gradual one start from the same head; the better half of them gets
//! as much again, until two are left (Jamieson and Talwalkar, arXiv 1502.07943).

use super::Trial;
use super::advisor::Advisor;
use super::depths::{Depths, Features};
use super::plans::AdvisedPlan;
use crate::learner::best::Best;
use crate::learner::decision::Prior;
use crate::learner::phase::Start;
use crate::learner::{Evaluation, Gain, Kept, LearnerError};
use crate::metrics::Interval;
use crate::platform::Instant;
use crate::recipe::{FineTune, Method, ResolvedPhase};
use crate::stage::Network;

/// The width of a 95 % interval in standard errors.
const WIDTH: f64 = 3.92;
/// A trial has at least this fraction of the training items.
const LEAST: usize = 4;

/// A plan that was tried.
pub(super) struct Tried {
    pub trial: Trial,
    pub evaluation: Evaluation,
    /// How much more of the metric than the head alone it should reach, all that is known counted in.
    pub expected: f64,
    /// Passes of the whole training under this plan.
    pub cost: u64,
}

impl Tried {
    /// The same, still in the race at the end.
    fn finished(mut self) -> Self {
        self.trial.finished = true;
        self
    }
}

/// How a trial trains.
#[derive(Clone, Copy, PartialEq)]
struct Length {
    items: usize,
    epochs: usize,
}

impl<N: Network> Advisor<'_, N> {
    /// Tries plans until the budget is spent: the head alone first, then those that won rounds, last those that lost.
    pub fn try_plans(&mut self, depths: &Depths) -> Result<Vec<Tried>, LearnerError> {
        let (head, best) = self.try_head()?;
        let mut all = vec![head];
        if let Some(depth) = depths.clearly_better.as_ref().filter(|_| self.options.can_cut) {
            all.extend(self.try_cut(depth, &all[0])?);
        }
        let groups = self.bench.plan().groups().count();
        let mut alive = AdvisedPlan::thawing(groups);
        let mut rounds = alive.len().next_power_of_two().trailing_zeros().max(1) as u64;
        while !alive.is_empty() && !self.can_try(&alive, rounds)? {
            if rounds > 1 {
                rounds = 1;
            } else {
                alive.pop();
            }
        }
        let mut racing: Vec<(AdvisedPlan, Option<(Length, Tried)>)> =
            alive.into_iter().map(|plan| (plan, None)).collect();
        for left in (1..=rounds).rev() {
            let share = self.spent.left() / left / racing.len().max(1) as u64;
            let mut round = vec![];
            for (plan, before) in racing {
                let length = self.length(&plan, share)?;
                let tried = match before.filter(|(earlier, _)| *earlier == length) {
                    Some((_, tried)) => Some(tried),
                    None => self.try_plan(&plan, length, &best, &all[0].evaluation)?,
                };
                round.extend(tried.map(|tried| (length, tried)));
            }
            round.sort_by(|(_, a), (_, b)| {
                self.criterion.order(&b.evaluation, &a.evaluation).then(a.cost.cmp(&b.cost))
            });
            if left > 1 {
                let losers = round.split_off(round.len().div_ceil(2));
                all.extend(losers.into_iter().map(|(_, tried)| tried));
            }
            racing = round
                .into_iter()
                .map(|(length, tried)| (tried.trial.choice.clone(), Some((length, tried))))
                .collect();
        }
        let finished = racing.into_iter().filter_map(|(_, tried)| tried);
        all.extend(finished.map(|(_, tried)| tried.finished()));
        Ok(all)
    }

    /// Whether each of these plans could have the least number of items in this many rounds.
    fn can_try(&self, plans: &[AdvisedPlan], rounds: u64) -> Result<bool, LearnerError> {
        let share = self.spent.left() / rounds / plans.len() as u64;
        for plan in plans {
            if self.passes(plan, self.least())? > share {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn least(&self) -> Length {
        let items = self.train.len();
        let batch = self.bench.options.step_size();
        Length { items: (items / LEAST).max(batch).min(items), epochs: 1 }
    }

    fn phases(&self, plan: &AdvisedPlan, epochs: usize) -> Result<Vec<ResolvedPhase>, LearnerError> {
        let recipe = FineTune { epochs, ..self.recipe.clone() };
        self.bench.resolve(plan.recipe(&recipe, self.bench.plan()))
    }

    /// The cost of a trial, without the head that most plans begin with.
    fn passes(&self, plan: &AdvisedPlan, Length { items, epochs }: Length) -> Result<u64, LearnerError> {
        let phases = self.phases(plan, epochs)?;
        Ok(self.cost(&phases[self.first_of(plan)..], items))
    }

    /// The first phase that a trial trains.
    fn first_of(&self, plan: &AdvisedPlan) -> usize {
        usize::from(!matches!(plan, AdvisedPlan::Gradual | AdvisedPlan::HeadOnly) && self.is_pretrained())
    }

    /// The longest trial within these passes, the least at least: first more items, then more epochs.
    fn length(&self, plan: &AdvisedPlan, passes: u64) -> Result<Length, LearnerError> {
        let mut length = self.least();
        let whole = self.train.len();
        let step = (whole / 16).max(1);
        while length.items < whole {
            let longer = Length { items: (length.items + step).min(whole), ..length };
            if self.passes(plan, longer)? > passes {
                return Ok(length);
            }
            length = longer;
        }
        while length.epochs < self.recipe.epochs {
            let longer = Length { epochs: length.epochs + 1, ..length };
            if self.passes(plan, longer)? > passes {
                break;
            }
            length = longer;
        }
        Ok(length)
    }

    /// The head alone: as the recipe finds it, on as many items as half of the budget allows.
    fn try_head(&mut self) -> Result<(Tried, Option<Best>), LearnerError> {
        let whole = self.train.len();
        let affordable = (1..=LEAST)
            .map(|part| whole / part)
            .find(|&items| self.head_passes(items) <= self.spent.left() / 2);
        let items = affordable.unwrap_or(whole / LEAST).max(self.bench.options.step_size()).min(whole);
        let plan = AdvisedPlan::HeadOnly;
        let phases = self.phases(&plan, 0)?;
        self.tell("the head alone")?;
        self.start_on(items);
        let started = Instant::now();
        self.bench.run_phases(&phases, Start::of_phase(0))?;
        let seconds = started.elapsed().as_secs_f64();
        let best = self.bench.bests.frozen.clone();
        let evaluation = match best.as_ref().and_then(|best| best.evaluation.clone()) {
            Some(evaluation) => evaluation,
            None => self.bench.evaluate()?,
        };
        self.spend(self.head_passes(items) + self.cost(&phases, items));
        let length = Length { items, epochs: phases.iter().map(|phase| phase.epochs).sum() };
        Ok((self.tried(&plan, (evaluation, 0.0), None, (seconds, length))?.finished(), best))
    }

    /// The head alone on what a depth before the last gives.
    fn try_cut(&mut self, known: &Features, head: &Tried) -> Result<Option<Tried>, LearnerError> {
        let started = Instant::now();
        let stages = self.bench.plan().groups().stages();
        let behind = &stages[known.stage + 1..stages.len() - 1];
        let Some(next) = behind.iter().find(|stage| stage.has_parameters()) else { return Ok(None) };
        let plan = AdvisedPlan::Cut { stage: next.name.clone() };
        self.tell("the head alone, cut where features are best")?;
        let valid = self.bench.valid.clone();
        let places: Vec<usize> = (0..valid.len()).collect();
        let asked = self.features_by_depth(&*valid, &places)?;
        self.spend(valid.len() as u64);
        let Some(asked) = asked.into_iter().find(|depth| depth.stage == known.stage) else { return Ok(None) };
        // No more items than the head without a cut was found on, or those would be what is compared.
        let items = (known.rows.len() / known.width.max(1)).min(head.trial.items);
        let length = Length { items, epochs: 1 };
        let rows = &known.rows[..items * known.width];
        let evaluation = self.fitted(rows, 0..items, None)?.judged(self, &asked.rows);
        let seconds = started.elapsed().as_secs_f64();
        let head = Some(&head.evaluation);
        Ok(Some(self.tried(&plan, (evaluation, 0.0), head, (seconds, length))?.finished()))
    }

    /// Trains a plan for so long; none if its loss became NaN.
    fn try_plan(
        &mut self,
        plan: &AdvisedPlan,
        length: Length,
        best: &Option<Best>,
        head: &Evaluation,
    ) -> Result<Option<Tried>, LearnerError> {
        let name = plan.name(self.bench.plan().groups());
        let Length { items, epochs } = length;
        self.tell(format!("{name}: {items} {}, {}", self.options.items, counted(epochs)))?;
        let (phases, first) = (self.phases(plan, epochs)?, self.first_of(plan));
        self.start_on(items);
        if let Some(best) = best.as_ref().filter(|_| first > 0) {
            self.bench.bests.frozen = Some(best.clone());
            self.bench.load_tensors(&best.tensors);
        }
        let started = Instant::now();
        let outcome =
            self.bench.run_phases(&phases, Start::of_phase(first)).and_then(|()| self.bench.decide(&phases));
        self.spend(self.cost(&phases[first..], items));
        match outcome {
            Err(LearnerError::NotFinite { .. }) => return Ok(None),
            outcome => outcome?,
        }
        let seconds = started.elapsed().as_secs_f64();
        let kept = self.bench.bests.kept.take().and_then(|kept| kept.evaluation);
        let (Some(evaluation), Some(decision)) = (kept, &self.bench.decision) else { return Ok(None) };
        let position = match decision.kept {
            Kept::Frozen => 0.0,
            Kept::Between => decision.between.as_ref().map_or(1.0, |between| between.position),
            Kept::Thawed | Kept::Only => 1.0,
        };
        self.tried(plan, (evaluation, position), Some(head), (seconds, length)).map(Some)
    }

    /// What was measured of a plan, beside the head alone; the weights that it ended with lie at this position between the
    /// head alone, 0, and what was trained, 1.
    fn tried(
        &self,
        plan: &AdvisedPlan,
        (evaluation, position): (Evaluation, f64),
        head: Option<&Evaluation>,
        (seconds, length): (f64, Length),
    ) -> Result<Tried, LearnerError> {
        let (metric, Interval { low, high }) = self.criterion.value(&evaluation);
        let compared = head.map(|head| self.criterion.gain(&evaluation, head));
        let prior = Prior::of(position, self.items_per_class());
        let expected = compared.map_or(0.0, |(gain, measured)| match gain {
            // What is clear needs no prior.
            Gain { low, .. } if low > 0.0 => measured.expected(prior).max(low),
            // What lies within one standard error of the head alone is no reason to pay for more.
            Gain { value, low, high } if value <= (high - low) / WIDTH => measured.expected(prior).min(0.0),
            _ => measured.expected(prior),
        });
        let phases = self.phases(plan, self.recipe.epochs)?;
        let solves = phases.iter().any(|phase| phase.method == Method::SolveHead);
        let items = self.train.len();
        let cost = self.cost(&phases, items) + if solves { self.head_passes(items) } else { 0 };
        // A body that ends earlier costs less than all of it.
        let cost = if matches!(plan, AdvisedPlan::Cut { .. }) { cost.saturating_sub(1) } else { cost };
        let trial = Trial {
            plan: plan.name(self.bench.plan().groups()),
            choice: plan.clone(),
            metric,
            low,
            high,
            gain: compared.map(|(gain, _): (Gain, _)| gain),
            seconds,
            items: length.items,
            epochs: length.epochs,
            finished: false,
        };
        Ok(Tried { trial, evaluation, expected, cost })
    }

    /// The whole network, trained on these items for this many epochs, where nothing is pretrained.
    pub fn try_whole(&mut self, items: Vec<usize>, epochs: usize) -> Result<Tried, LearnerError> {
        let plan = AdvisedPlan::All;
        let phases = self.phases(&plan, epochs)?;
        let count = items.len();
        self.tell(format!("everything: {count} {}, {}", self.options.items, counted(epochs)))?;
        self.set_train(items);
        let started = Instant::now();
        self.bench.run_phases(&phases, Start::of_phase(0))?;
        self.bench.restore_best();
        let evaluation = self.bench.best_evaluation()?;
        let seconds = started.elapsed().as_secs_f64();
        self.spend(self.cost(&phases, count));
        let length = Length { items: count, epochs };
        Ok(self.tried(&plan, (evaluation, 1.0), None, (seconds, length))?.finished())
    }
}

/// A number of epochs, in words.
pub(super) fn counted(epochs: usize) -> String {
    if epochs == 1 { "1 epoch".to_owned() } else { format!("{epochs} epochs") }
}
