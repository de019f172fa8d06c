//! Requests become batches: one thread owns the network and takes all waiting requests, up to a batch.
//!
//! It never waits for a batch to fill: while it computes, the next requests arrive. Explanations cost more than
//! predictions: no prediction waits for more than one, and they can fill no more than a part of the queue. A panic in the
//! network affects only the inputs that cause it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::inputs::Unusable;
use super::metrics::Metrics;
use crate::show::{Explanation, Found};

/// Of how many requests in the queue one may be for an explanation.
const EXPLANATIONS: usize = 4;

/// The answer for an input.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The prediction.
    Found(Found),
    /// The same, and where in the input.
    Explained(Found, Explanation),
    /// Why there is no answer to it.
    Unusable(Unusable),
    /// The network failed on it.
    Failed,
}

/// An input that waits for its answer.
pub struct Job<I> {
    input: I,
    reply: oneshot::Sender<Answer>,
    slot: Slot,
}

/// What the client wants: a prediction, or an explanation, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The prediction.
    Prediction,
    /// Where in it the network looks, too.
    Explanation,
}

/// A slot in the queue; it is free again when this is dropped.
pub struct Slot {
    wanted: Wanted,
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

/// Where inputs wait.
pub struct Queue<I> {
    jobs: Sender<Job<I>>,
    slots: Arc<Semaphore>,
    explanations: Arc<Semaphore>,
    length: usize,
}

/// A queue for `length` requests, and its other end.
pub fn queue<I>(length: usize) -> (Queue<I>, Receiver<Job<I>>) {
    let (jobs, receiver) = mpsc::channel(length);
    let slots = |count| Arc::new(Semaphore::new(count));
    let explanations = slots(length.div_ceil(EXPLANATIONS));
    (Queue { jobs, slots: slots(length), explanations, length }, receiver)
}

impl<I> Queue<I> {
    /// A slot, if there is one. A request needs it when it has been read.
    pub fn slot(&self, wanted: Wanted) -> Option<Slot> {
        let explanation = match wanted {
            Wanted::Prediction => None,
            Wanted::Explanation => Some(self.explanations.clone().try_acquire_owned().ok()?),
        };
        let slot = self.slots.clone().try_acquire_owned().ok()?;
        Some(Slot { wanted, _permits: [Some(slot), explanation] })
    }

    /// Lines up and waits for the answer.
    pub async fn ask(&self, slot: Slot, input: I) -> Answer {
        let (reply, answer) = oneshot::channel();
        // There is room for as many as there are slots.
        match self.jobs.try_send(Job { input, reply, slot }) {
            Ok(()) => answer.await.unwrap_or(Answer::Failed),
            Err(_) => Answer::Failed,
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    /// How many may wait for this.
    pub fn length(&self, wanted: Wanted) -> usize {
        match wanted {
            Wanted::Prediction => self.length,
            Wanted::Explanation => self.length.div_ceil(EXPLANATIONS),
        }
    }
}

/// Answers requests until the queue closes: predictions in batches of at most `limit`, and after each batch one
/// explanation.
pub fn work<I>(
    mut jobs: Receiver<Job<I>>,
    limit: usize,
    metrics: &Metrics,
    predict: impl Fn(&[I]) -> Vec<Result<Found, Unusable>>,
    explain: impl Fn(&I) -> Result<(Found, Explanation), Unusable>,
) {
    let mut explanations = VecDeque::new();
    while let Some(first) = match explanations.is_empty() {
        true => jobs.blocking_recv().map(Some),
        false => Some(jobs.try_recv().ok()),
    } {
        let mut batch = vec![];
        let mut next = first;
        while let Some(job) = next {
            match job.slot.wanted {
                Wanted::Prediction => batch.push(job),
                Wanted::Explanation => explanations.push_back(job),
            }
            next = if batch.len() < limit { jobs.try_recv().ok() } else { None };
        }
        // A client that has hung up needs no answer.
        batch.retain(|job| !job.reply.is_closed());
        let (inputs, replies): (Vec<I>, Vec<_>) =
            batch.into_iter().map(|job| (job.input, (job.reply, job.slot))).unzip();
        let started = Instant::now();
        let answers = answers(&inputs, &predict);
        if !answers.is_empty() {
            metrics.batch(answers.len(), started.elapsed());
        }
        for ((reply, slot), answer) in replies.into_iter().zip(answers) {
            // A client that gets its answer and asks again finds the slot free.
            drop(slot);
            // An error: the client has gone meanwhile.
            let _ = reply.send(answer);
        }
        if let Some(Job { input, reply, slot }) = explanations.pop_front()
            && !reply.is_closed()
        {
            let explained = catch_unwind(AssertUnwindSafe(|| explain(&input)));
            let explained = explained.map(|explained| {
                explained.map_or_else(Answer::Unusable, |(found, explanation)| {
                    Answer::Explained(found, explanation)
                })
            });
            drop(slot);
            let _ = reply.send(explained.unwrap_or(Answer::Failed));
        }
    }
}

/// An answer an input. Where the network panics over several, each is tried by itself.
fn answers<I>(inputs: &[I], answer: &impl Fn(&[I]) -> Vec<Result<Found, Unusable>>) -> Vec<Answer> {
    let answered = catch_unwind(AssertUnwindSafe(|| answer(inputs)));
    match (answered, inputs) {
        (Ok(answers), _) => {
            answers.into_iter().map(|answer| answer.map_or_else(Answer::Unusable, Answer::Found)).collect()
        }
        (Err(_), [_]) => vec![Answer::Failed],
        (Err(_), inputs) => inputs.chunks(1).flat_map(|input| answers(input, answer)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use crate::show::Said;
    use defrost::interpret::HeatMap;

    use super::*;

    /// Answers these inputs, all of which wait when the work begins, and tells how large the batches were.
    fn ask(inputs: &[i32], length: usize, limit: usize) -> (Vec<Answer>, Vec<usize>) {
        let wanted: Vec<(i32, Wanted)> = inputs.iter().map(|&input| (input, Wanted::Prediction)).collect();
        ask_for(&wanted, length, limit)
    }

    /// The same, where explanations count as batches of none.
    fn ask_for(inputs: &[(i32, Wanted)], length: usize, limit: usize) -> (Vec<Answer>, Vec<usize>) {
        let sizes = Mutex::new(vec![]);
        let (queue, jobs) = queue(length);
        let mut replies = vec![];
        for &(input, wanted) in inputs {
            let (reply, answer) = oneshot::channel();
            let slot = queue.slot(wanted).unwrap();
            queue.jobs.try_send(Job { input, reply, slot }).ok().unwrap();
            replies.push(answer);
        }
        assert_eq!(queue.waiting(), inputs.len());
        drop(queue);
        let answer = |input: i32| {
            assert!(input != 13, "an unlucky number");
            if input < 0 { Err("negative".to_owned().into()) } else { Ok(number(input)) }
        };
        let predict = |inputs: &[i32]| {
            if !inputs.is_empty() {
                sizes.lock().unwrap().push(inputs.len());
            }
            inputs.iter().map(|&input| answer(input)).collect()
        };
        let explain = |&input: &i32| {
            sizes.lock().unwrap().push(0);
            answer(input).map(|found| (found, explanation()))
        };
        work(jobs, limit, &Metrics::new(), predict, explain);
        (
            replies.into_iter().map(|mut reply| reply.try_recv().unwrap()).collect(),
            sizes.into_inner().unwrap(),
        )
    }

    fn number(input: i32) -> Found {
        Found {
            said: Said::Number(input as f32),
            familiarity: None,
            notes: vec![],
            warnings: BTreeMap::new(),
            truncated: None,
        }
    }

    fn explanation() -> Explanation {
        Explanation { class: None, heat: HeatMap::of(1, 1, vec![1.0]), fraction: 1.0 }
    }

    #[test]
    fn a_prediction_waits_for_one_explanation_at_most() {
        use Wanted::{Explanation, Prediction};
        let wanted = [
            (1, Explanation),
            (2, Explanation),
            (13, Explanation),
            (4, Prediction),
            (5, Prediction),
            (6, Prediction),
            (-7, Explanation),
        ];
        let (answers, sizes) = ask_for(&wanted, 16, 2);
        assert_eq!(sizes, [2, 0, 1, 0, 0, 0]);
        let kinds = answers.iter().map(|answer| match answer {
            Answer::Found(found) => found.to_text(),
            Answer::Explained(found, _) => format!("{} explained", found.to_text()),
            Answer::Unusable(unusable) => unusable.reason.clone(),
            _ => "failed".to_owned(),
        });
        let kinds: Vec<String> = kinds.collect();
        assert_eq!(kinds, ["1 explained", "2 explained", "failed", "4", "5", "6", "negative"]);
    }

    #[test]
    fn explanations_leave_slots_for_predictions() {
        let (queue, _jobs) = queue::<i32>(8);
        let slots = [(); 3].map(|()| queue.slot(Wanted::Explanation));
        assert_eq!(slots.each_ref().map(Option::is_some), [true, true, false]);
        let slots = [(); 7].map(|()| queue.slot(Wanted::Prediction));
        assert_eq!(slots.iter().flatten().count(), 6);
    }

    #[test]
    fn what_waits_is_taken_together_up_to_a_batch() {
        let (answers, sizes) = ask(&[1, -2, 3, 4, 5], 5, 4);
        assert_eq!(sizes, [4, 1]);
        assert!(matches!(&answers[2], Answer::Found(found) if found.to_text() == "3"));
        assert!(matches!(&answers[1], Answer::Unusable(unusable) if unusable.reason == "negative"));
    }

    #[test]
    fn a_panic_costs_the_input_that_causes_it() {
        let (answers, sizes) = ask(&[1, 13, 2, 3], 4, 3);
        assert_eq!(sizes, [3, 1, 1, 1, 1]);
        let failed: Vec<bool> = answers.iter().map(|answer| matches!(answer, Answer::Failed)).collect();
        assert_eq!(failed, [false, true, false, false]);
    }

    #[test]
    fn there_are_as_many_slots_as_the_queue_is_long() {
        let (queue, _jobs) = queue::<i32>(2);
        let slot = || queue.slot(Wanted::Prediction);
        let slots = (slot(), slot());
        assert!(slots.0.is_some() && slots.1.is_some() && slot().is_none());
        drop(slots);
        assert!(slot().is_some());
    }

    #[test]
    fn nobody_is_answered_who_has_gone() {
        let (queue, jobs) = queue(1);
        let (reply, answer) = oneshot::channel();
        let slot = queue.slot(Wanted::Prediction).unwrap();
        queue.jobs.try_send(Job { input: 1, reply, slot }).ok().unwrap();
        drop((answer, queue));
        let predict = |inputs: &[i32]| {
            assert!(inputs.is_empty());
            vec![]
        };
        work(jobs, 1, &Metrics::new(), predict, |_| Err("never called".to_owned().into()));
    }
}
