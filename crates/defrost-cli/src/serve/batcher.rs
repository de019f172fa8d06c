//! Requests become batches: one thread owns the network and takes whatever waits, up to a batch.
//!
//! It never waits for a batch to fill: while it computes, the next one gathers by itself. A panic in the network costs
//! the inputs that cause it, and nobody else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::metrics::Metrics;
use crate::found::Found;

/// What became of an input.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What the network makes of it.
    Found(Found),
    /// Why it can't be predicted.
    Unusable(String),
    /// The network failed on it.
    Failed,
}

/// An input that waits for its answer.
pub struct Job<I> {
    input: I,
    reply: oneshot::Sender<Answer>,
    place: Place,
}

/// A place in the queue; it is free again when this is dropped.
pub type Place = OwnedSemaphorePermit;

/// Where inputs wait.
pub struct Queue<I> {
    jobs: Sender<Job<I>>,
    places: Arc<Semaphore>,
    length: usize,
}

/// A queue for `length` requests, and its other end.
pub fn queue<I>(length: usize) -> (Queue<I>, Receiver<Job<I>>) {
    let (jobs, receiver) = mpsc::channel(length);
    (Queue { jobs, places: Arc::new(Semaphore::new(length)), length }, receiver)
}

impl<I> Queue<I> {
    /// A place, if there is one: to be had before a request is read, so that what is held in memory is bounded.
    pub fn place(&self) -> Option<Place> {
        self.places.clone().try_acquire_owned().ok()
    }

    /// Lines up and waits for the answer.
    pub async fn ask(&self, place: Place, input: I) -> Answer {
        let (reply, answer) = oneshot::channel();
        // There is room for as many as there are places.
        match self.jobs.try_send(Job { input, reply, place }) {
            Ok(()) => answer.await.unwrap_or(Answer::Failed),
            Err(_) => Answer::Failed,
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    /// How many may wait.
    pub fn length(&self) -> usize {
        self.length
    }
}

/// Answers what comes, until nobody can ask any more.
pub fn work<I>(
    mut jobs: Receiver<Job<I>>,
    limit: usize,
    metrics: &Metrics,
    answer: impl Fn(&[I]) -> Vec<Result<Found, String>>,
) {
    while let Some(first) = jobs.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < limit
            && let Ok(next) = jobs.try_recv()
        {
            batch.push(next);
        }
        // Whoever has hung up needs no answer.
        batch.retain(|job| !job.reply.is_closed());
        let (inputs, replies): (Vec<I>, Vec<_>) =
            batch.into_iter().map(|job| (job.input, (job.reply, job.place))).unzip();
        let started = Instant::now();
        let answers = answers(&inputs, &answer);
        if !answers.is_empty() {
            metrics.batch(answers.len(), started.elapsed());
        }
        for ((reply, _place), answer) in replies.into_iter().zip(answers) {
            // An error: whoever asked has gone meanwhile.
            let _ = reply.send(answer);
        }
    }
}

/// An answer an input. Where the network panics over several, each is tried by itself.
fn answers<I>(inputs: &[I], answer: &impl Fn(&[I]) -> Vec<Result<Found, String>>) -> Vec<Answer> {
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
    use std::sync::Mutex;

    use super::*;

    /// Answers these inputs, all of which wait when the work begins, and tells how large the batches were.
    fn ask(inputs: &[i32], length: usize, limit: usize) -> (Vec<Answer>, Vec<usize>) {
        let sizes = Mutex::new(vec![]);
        let (queue, jobs) = queue(length);
        let mut replies = vec![];
        for &input in inputs {
            let (reply, answer) = oneshot::channel();
            let place = queue.place().unwrap();
            queue.jobs.try_send(Job { input, reply, place }).ok().unwrap();
            replies.push(answer);
        }
        assert_eq!(queue.waiting(), inputs.len());
        drop(queue);
        work(jobs, limit, &Metrics::new(), |inputs: &[i32]| {
            sizes.lock().unwrap().push(inputs.len());
            assert!(!inputs.contains(&13), "an unlucky number");
            let answer = |&input: &i32| if input < 0 { Err("negative".to_owned()) } else { Ok(input) };
            inputs.iter().map(answer).map(|answer| answer.map(|input| Found::Number(input as f32))).collect()
        });
        (
            replies.into_iter().map(|mut reply| reply.try_recv().unwrap()).collect(),
            sizes.into_inner().unwrap(),
        )
    }

    #[test]
    fn what_waits_is_taken_together_up_to_a_batch() {
        let (answers, sizes) = ask(&[1, -2, 3, 4, 5], 5, 4);
        assert_eq!(sizes, [4, 1]);
        assert!(matches!(answers[2], Answer::Found(Found::Number(3.0))));
        assert!(matches!(&answers[1], Answer::Unusable(reason) if reason == "negative"));
    }

    #[test]
    fn a_panic_costs_the_input_that_causes_it() {
        let (answers, sizes) = ask(&[1, 13, 2, 3], 4, 3);
        assert_eq!(sizes, [3, 1, 1, 1, 1]);
        let failed: Vec<bool> = answers.iter().map(|answer| matches!(answer, Answer::Failed)).collect();
        assert_eq!(failed, [false, true, false, false]);
    }

    #[test]
    fn there_are_as_many_places_as_the_queue_is_long() {
        let (queue, _jobs) = queue::<i32>(2);
        let places = (queue.place(), queue.place());
        assert!(places.0.is_some() && places.1.is_some() && queue.place().is_none());
        drop(places);
        assert!(queue.place().is_some());
    }

    #[test]
    fn nobody_is_answered_who_has_gone() {
        let (queue, jobs) = queue(1);
        let (reply, answer) = oneshot::channel();
        let place = queue.place().unwrap();
        queue.jobs.try_send(Job { input: 1, reply, place }).ok().unwrap();
        drop((answer, queue));
        work(jobs, 1, &Metrics::new(), |inputs: &[i32]| {
            assert!(inputs.is_empty());
            vec![]
        });
    }
}
