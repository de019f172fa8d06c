//! What hangs on the training loop: observers, the guard against losses that are NaN, accumulated
//! gradients, averaged weights.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::sleep;
use std::time::Duration;

use burn::tensor::{Device, Tensor};
use defrost::data::{DataError, Dataset, Fingerprint, Variant};
use defrost::learner::{
    BatchReport, EarlyStopping, Evaluation, Flow, History, Observer, Position, RolledBack,
};
use defrost::weights::{Tensors, collect};
use defrost::{
    Batch, EpochRecord, FineTune, Learner, LearnerError, LearnerOptions, Phase, Rates, ResolvedPhase,
    StepOptions, Target,
};

use rayon::prelude::*;

use crate::support::{Clusters, Small};

fn learner_of(train: Box<dyn Dataset>, options: LearnerOptions) -> Learner<Small> {
    Learner::new(Small::new(), train, Box::new(Clusters(12)), 3, options).unwrap()
}

fn learner(options: LearnerOptions) -> Learner<Small> {
    learner_of(Box::new(Clusters(40)), options)
}

fn options() -> LearnerOptions {
    LearnerOptions { batch_size: 8, ..LearnerOptions::default() }
}

/// The clusters, poisoned in the batches with these numbers, counted from 0.
struct Poisoned(AtomicUsize, fn(usize) -> bool);

impl Dataset for Poisoned {
    fn len(&self) -> usize {
        40
    }

    fn target(&self, item: usize) -> Target {
        Clusters(40).target(item)
    }

    fn name(&self, item: usize) -> String {
        Clusters(40).name(item)
    }

    fn fingerprint(&self, item: usize, _variant: Variant) -> Fingerprint {
        // No two batches are the same.
        Fingerprint::of(&[&item.to_le_bytes(), &self.0.load(Ordering::Relaxed).to_le_bytes()])
    }

    fn inputs(&self, items: &[usize], variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let batch = self.0.fetch_add(1, Ordering::Relaxed);
        let good: Tensor<2> = Clusters(40).inputs(items, variant, device)?.single();
        Ok(if self.1(batch) { good * f32::NAN } else { good }.into())
    }
}

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn pages(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Diary {
    fn run_started(&mut self, phases: &[ResolvedPhase]) {
        self.note(format!("run of {}", phases.len()));
    }

    fn phase_started(&mut self, phase: &ResolvedPhase) {
        self.note(format!("{} for {}", phase.name, phase.epochs));
    }

    fn epoch_started(&mut self, epoch: usize, _epochs: usize) {
        self.note(format!("epoch {epoch}"));
    }

    fn batch_ended(&mut self, report: &BatchReport) -> Flow {
        if report.position.batch == report.position.batches {
            self.note(format!("{} batches", report.position.batches));
        }
        Flow::Continue
    }

    fn rolled_back(&mut self, event: &RolledBack) {
        self.note(format!("back from batch {} at {}", event.position.batch, event.rate_factor));
    }

    fn evaluated(&mut self, record: &EpochRecord, evaluation: &Evaluation) {
        assert_eq!((record.valid_loss, &record.metrics), (evaluation.loss, &evaluation.metrics));
        self.note(format!("evaluated {}", record.epoch));
    }

    fn epoch_ended(&mut self, record: &EpochRecord) -> Flow {
        self.note(format!("ended {}", record.epoch));
        Flow::Continue
    }

    fn phase_ended(&mut self, name: &str) {
        self.note(format!("{name} ended"));
    }

    fn run_ended(&mut self, history: &History) {
        self.note(format!("run ended after {}", history.epochs()));
    }
}

#[test]
fn observers_are_told_everything_in_order() {
    let mut learner = learner(options());
    let diary = Diary::default();
    learner.observe(Box::new(diary.clone()));
    learner.fine_tune(1).unwrap();
    let phase = |name: &str| {
        [
            format!("{name} for 1"),
            "epoch 1".into(),
            "5 batches".into(),
            "evaluated 1".into(),
            "ended 1".into(),
            format!("{name} ended"),
        ]
    };
    let mut expected = vec!["run of 2".to_owned()];
    expected.extend(phase("frozen").into_iter().chain(phase("thawed")));
    expected.push("run ended after 2".to_owned());
    assert_eq!(diary.pages(), expected);
}

/// Ends training after so many batches.
struct After(usize, Flow);

impl Observer for After {
    fn batch_ended(&mut self, report: &BatchReport) -> Flow {
        if report.position.batch >= self.0 { self.1 } else { Flow::Continue }
    }
}

#[test]
fn observers_can_end_a_phase_or_the_run() {
    let epochs = |flow| {
        let mut learner = learner(options());
        learner.observe(Box::new(After(2, flow)));
        learner.fine_tune(&FineTune { freeze_epochs: 3, ..FineTune::new(3) }).unwrap();
        let records = learner.history().records().iter();
        records.map(|record| format!("{} {}", record.phase, record.epoch)).collect::<Vec<_>>()
    };
    assert_eq!(epochs(Flow::EndRun), ["frozen 1"]);
    assert_eq!(epochs(Flow::EndPhase), ["frozen 1", "thawed 1"]);
    assert_eq!(epochs(Flow::Continue).len(), 6);
}

#[test]
fn time_in_which_an_observer_waits_is_none_of_training() {
    struct Wait;
    impl Observer for Wait {
        fn batch_ended(&mut self, _report: &BatchReport) -> Flow {
            sleep(Duration::from_millis(400));
            Flow::Continue
        }
    }
    let mut learner = learner(options());
    learner.observe(Box::new(Wait));
    learner.fit(1, Rates::One(1e-3)).unwrap();
    let seconds = learner.history().records()[0].seconds;
    assert!(seconds < 1.5, "{seconds}, and five times 0.4 of it were waited");
}

#[test]
fn observers_can_set_the_rate() {
    struct Halt;
    impl Observer for Halt {
        fn batch_started(&mut self, _position: &Position, settings: &mut StepOptions) {
            settings.rates.fill(0.0);
        }
    }
    let mut learner = learner(options());
    learner.observe(Box::new(Halt));
    let before = collect(learner.network());
    learner.fit(1, Rates::One(1.0)).unwrap();
    assert!(before == collect(learner.network()));
}

#[test]
fn early_stopping_waits_for_a_better_epoch() {
    let record = |epoch, accuracy: f64, valid_loss| EpochRecord {
        phase: String::new(),
        epoch,
        train_loss: 0.0,
        valid_loss,
        metrics: [("accuracy".to_owned(), accuracy)].into(),
        seconds: 0.0,
    };
    let mut stopping = EarlyStopping::new(2, Some("accuracy"));
    let flows: Vec<Flow> = [(0.5, 1.0), (0.5, 0.9), (0.5, 1.0), (0.4, 0.1), (0.9, 0.1)]
        .into_iter()
        .map(|(accuracy, loss)| stopping.epoch_ended(&record(1, accuracy, loss)))
        .collect();
    use Flow::{Continue, EndPhase};
    assert_eq!(flows, [Continue, Continue, Continue, EndPhase, Continue]);
}

#[test]
fn a_loss_that_is_no_number_is_taken_back() {
    // The ninth batch is the fourth of the second epoch.
    let poisoned = Poisoned(AtomicUsize::new(0), |batch| batch == 8);
    let mut learner = learner_of(Box::new(poisoned), options());
    learner.unfreeze();
    let diary = Diary::default();
    learner.observe(Box::new(diary.clone()));
    learner.fit(3, Rates::One(1e-2)).unwrap();
    assert!(diary.pages().contains(&"back from batch 4 at 0.5".to_owned()));
    assert_eq!(learner.history().epochs(), 3);

    // The first epoch at the whole rate, the others at half of it.
    let mut expected = learner_of(Box::new(Clusters(40)), options());
    expected.unfreeze();
    expected.observe(Box::new(HalfFrom(2)));
    expected.fit(3, Rates::One(1e-2)).unwrap();
    assert!(collect(learner.network()) == collect(expected.network()));
}

/// Halves the rates from an epoch on.
struct HalfFrom(usize);

impl Observer for HalfFrom {
    fn batch_started(&mut self, position: &Position, settings: &mut StepOptions) {
        if position.epoch >= self.0 {
            settings.rates.iter_mut().for_each(|rate| *rate /= 2.0);
        }
    }
}

#[test]
fn after_two_retries_training_stops_with_the_best_so_far() {
    let mut learner = learner_of(Box::new(Poisoned(AtomicUsize::new(0), |batch| batch >= 5)), options());
    let phase = Phase::from_position(0, 4, Rates::One(1e-2), defrost::Schedule::Constant);
    let error = learner.run(&learner.resolve(phase).unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the loss is NaN in phase thawed, epoch 2, batch 1, and was NaN at twice and four times the rate: try a \
         tenth of it"
    );
    assert!(matches!(error, LearnerError::NotFinite { .. }));
    assert_eq!(learner.best().unwrap().epoch, 1);
    assert!(learner.evaluate().unwrap().loss.is_finite());
}

#[test]
fn accumulated_batches_are_a_large_batch() {
    let run = |batch_size, accumulate| {
        // Without dropout, whose draws belong to a forward pass.
        let mut learner = learner(LearnerOptions { batch_size, accumulate, ..options() });
        learner.train_only(&["1"]).unwrap();
        learner.fit(2, Rates::One(1e-2)).unwrap();
        assert_eq!(learner.batches_per_epoch(), 5);
        collect(learner.network())
    };
    let (whole, parts, unequal) = (run(8, 1), run(4, 2), run(2, 4));
    for other in [parts, unequal] {
        // Sums of f32 in another order, over ten steps of Adam, which divides by their size.
        assert!(difference(&whole, &other) < 1e-4, "{}", difference(&whole, &other));
    }
}

fn difference(a: &Tensors, b: &Tensors) -> f32 {
    let of = |name: &String| a[name].iter::<f32>().zip(b[name].iter::<f32>()).map(|(a, b)| (a - b).abs());
    a.keys().flat_map(|name| of(name).collect::<Vec<_>>()).fold(0.0, f32::max)
}

#[test]
fn averaged_weights_follow_the_weights() {
    let run = |average| {
        let mut learner = learner(LearnerOptions { average, ..options() });
        let before = collect(learner.network());
        learner.fit(4, Rates::One(3e-2)).unwrap();
        (difference(&before, &collect(learner.network())), collect(learner.network()))
    };
    let ((whole, last), (half, averaged), (same, none)) = (run(None), run(Some(0.9)), run(Some(0.0)));
    assert!(0.0 < half && half < whole, "{half} {whole}");
    assert!(difference(&last, &averaged) > 0.0);
    assert!(same == whole && none == last, "an average that keeps nothing of itself is the weights");
}

#[test]
fn clipped_gradients_are_shorter() {
    let run = |max_gradient_norm| {
        let mut learner = learner(LearnerOptions { max_gradient_norm, ..options() });
        learner.fit(1, Rates::One(1e-2)).unwrap();
        collect(learner.network())
    };
    assert!(run(None) == run(Some(1e9)));
    assert!(run(None) != run(Some(1e-4)));
}

/// The clusters, prepared on all threads, one of which dies on the way to the third batch.
struct Fatal(AtomicUsize);

impl Dataset for Fatal {
    fn len(&self) -> usize {
        40
    }

    fn target(&self, item: usize) -> Target {
        Clusters(40).target(item)
    }

    fn name(&self, item: usize) -> String {
        Clusters(40).name(item)
    }

    fn fingerprint(&self, item: usize, variant: Variant) -> Fingerprint {
        Clusters(40).fingerprint(item, variant)
    }

    fn inputs(&self, items: &[usize], variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let batch = self.0.fetch_add(1, Ordering::Relaxed);
        items.par_iter().for_each(|&item| assert!(batch != 2 || item != items[5], "no memory left"));
        Clusters(40).inputs(items, variant, device)
    }
}

#[test]
fn a_thread_that_dies_ends_the_run_with_its_words() {
    let (send, receive) = mpsc::channel();
    let run = std::thread::spawn(move || {
        let outcome =
            learner_of(Box::new(Fatal(AtomicUsize::new(0))), options()).fit_one_cycle(3, Rates::One(1e-2));
        send.send(outcome.is_ok()).unwrap();
    });
    let waited = receive.recv_timeout(Duration::from_secs(60));
    assert_eq!(waited, Err(mpsc::RecvTimeoutError::Disconnected), "the run goes on, or hangs");
    let words = run.join().unwrap_err();
    assert_eq!(words.downcast_ref::<&str>(), Some(&"no memory left"));
}
