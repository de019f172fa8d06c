//! A run that is taken up from its checkpoint ends as if it had never been interrupted, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use burn::tensor::TensorData;
use defrost::data::{Draws, Rng};
use defrost::learner::{
    BatchReport, CheckpointOptions, EarlyStopping, Flow, Mixing, Observer, Position, Resumed, RolledBack,
    checkpoint_note,
};
use defrost::weights::{Tensors, collect, load};
use defrost::{
    Balance, EpochRecord, FineTune, Learner, LearnerError, LearnerOptions, NormMode, Optimizer, Patience,
    Phase, Rates, Recipe, ResolvedPhase, Schedule, Sgd, StepOptions,
};
use rand::RngExt;

use crate::extensions::Twice;
use crate::support::{Clusters, Small};

/// A run: how it is set up, its phases, and who watches.
struct Setup {
    options: LearnerOptions,
    recipe: Recipe,
    patience: usize,
}

impl Setup {
    fn learner(&self, folder: &Path) -> Learner<Small> {
        let (train, valid) = (Box::new(Clusters(44)), Box::new(Clusters(12)));
        let mut learner = Learner::new(Small::new(), train, valid, 3, self.options.clone()).unwrap();
        let stopping = EarlyStopping::new(self.patience, learner.monitored_metric());
        learner.observe(Box::new(stopping));
        learner.observe(Box::new(AfterEpochs { limit: self.patience + 1, seen: 0 }));
        learner.observe(Box::new(Explode));
        learner.checkpoint(CheckpointOptions::new(folder));
        learner
    }

    fn run(&self, learner: &mut Learner<Small>) -> Result<(), LearnerError> {
        learner.run(&learner.resolve(self.recipe.clone())?)
    }

    fn resume(&self, learner: &mut Learner<Small>) -> Result<(), LearnerError> {
        learner.resume(&learner.resolve(self.recipe.clone())?)
    }
}

/// The usual recipe.
fn plain() -> Setup {
    let options = LearnerOptions { batch_size: 8, variants: 2, ..LearnerOptions::default() };
    let recipe = FineTune { freeze_epochs: 3, rates: Rates::One(1e-2), ..FineTune::new(3) };
    Setup { options, recipe: recipe.into(), patience: 9 }
}

/// The automatic recipe: a solved head, thawing, and a decision in the end.
fn automatic() -> Setup {
    let recipe = Recipe::Auto(FineTune { rates: Rates::One(1e-2), ..FineTune::new(6) });
    Setup { recipe, ..plain() }
}

/// The automatic recipe, thawed until its patience ends: long before its last epoch, and with an average of weights.
fn patient() -> Setup {
    let patience = Some(Patience { epochs: 5, average: 0.5 });
    let recipe = FineTune { patience, rates: Rates::One(0.5), ..FineTune::new(40) };
    Setup { recipe: Recipe::Auto(recipe), patience: 40, ..plain() }
}

/// Everything that has a memory of its own.
fn rich() -> Setup {
    let options = LearnerOptions {
        batch_size: 4,
        norm: NormMode::Batch,
        average: Some(0.9),
        accumulate: 2,
        mixing: Mixing::MixUp { alpha: 0.4 },
        balance: Balance::Sample,
        max_gradient_norm: Some(0.5),
        ..LearnerOptions::default()
    };
    Setup { options, ..plain() }
}

/// Phases that end early, and one at a rate so high that its first epoch is taken back.
fn troubled() -> Setup {
    let phase = |position, rate| Phase::from_position(position, 3, Rates::One(rate), Schedule::Constant);
    let phases = vec![phase(-1, 1e-5), phase(1, HIGH), phase(0, 1e-5)];
    Setup { recipe: phases.into(), patience: 1, ..rich() }
}

/// Other optimizers: one of the library's, and one of nobody's.
fn stepped_by(optimizer: Arc<dyn Optimizer>) -> Setup {
    let options = LearnerOptions { optimizer, ..rich().options };
    Setup { options, ..rich() }
}

/// Ends a phase after so many epochs.
struct AfterEpochs {
    limit: usize,
    seen: usize,
}

impl Observer for AfterEpochs {
    fn phase_started(&mut self, _phase: &ResolvedPhase) {
        self.seen = 0;
    }

    fn resumed(&mut self, event: &Resumed<'_>) {
        self.seen = event.epochs.len();
    }

    fn epoch_ended(&mut self, _record: &EpochRecord) -> Flow {
        self.seen += 1;
        if self.seen < self.limit { Flow::Continue } else { Flow::EndPhase }
    }
}

/// A rate at which [`Explode`] makes the loss NaN.
const HIGH: f64 = 3e-2;

/// Spoils the fourth batch of an epoch at the highest rate.
struct Explode;

impl Observer for Explode {
    fn batch_started(&mut self, position: &Position, settings: &mut StepOptions) {
        if position.batch == 4 && settings.rates.contains(&HIGH) {
            settings.rates.fill(f64::INFINITY);
        }
    }
}

/// What came of a run; seconds don't count.
#[derive(Debug, PartialEq)]
struct Came {
    tensors: Tensors,
    records: Vec<EpochRecord>,
    best: EpochRecord,
}

fn came_of(learner: &Learner<Small>) -> Came {
    let timeless = |record: &EpochRecord| EpochRecord { seconds: 0.0, ..record.clone() };
    Came {
        tensors: collect(learner.network()),
        records: learner.history().records().iter().map(timeless).collect(),
        best: timeless(learner.best().unwrap()),
    }
}

fn never_stopped(setup: &Setup) -> Came {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = setup.learner(folder.path());
    setup.run(&mut learner).unwrap();
    came_of(&learner)
}

/// Copies the checkpoint before each batch, as a run that is killed there leaves it.
struct Copies {
    folder: PathBuf,
    to: PathBuf,
    count: Arc<AtomicUsize>,
}

impl Observer for Copies {
    fn batch_started(&mut self, _position: &Position, _settings: &mut StepOptions) {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        copy(&self.folder, &self.to.join(number.to_string()));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Runs to the end, and returns what came of it and how many checkpoints were copied to `to/0`, `to/1`, ….
fn copied(setup: &Setup, to: &Path) -> (Came, usize) {
    let folder = to.join("checkpoint");
    let mut learner = setup.learner(&folder);
    let count = Arc::new(AtomicUsize::new(0));
    learner.checkpoint(CheckpointOptions { every: Duration::ZERO, ..CheckpointOptions::new(&folder) });
    learner.observe(Box::new(Copies { folder, to: to.to_owned(), count: count.clone() }));
    setup.run(&mut learner).unwrap();
    (came_of(&learner), count.load(Ordering::Relaxed))
}

#[test]
fn a_phase_ends_with_its_patience() {
    let came = never_stopped(&patient());
    let thawed: Vec<&EpochRecord> = came.records.iter().filter(|record| record.phase == "thawed").collect();
    let better =
        |best: usize, place: usize| match thawed[place].is_better_than(thawed[best], Some("accuracy")) {
            true => place,
            false => best,
        };
    let best = (0..thawed.len()).reduce(better).unwrap();
    assert_eq!(thawed.len(), best + 1 + 5, "five epochs after the best one");
    assert!(thawed.len() < 40);
}

#[test]
fn killed_at_any_batch_it_ends_with_the_same_bytes() {
    let (sgd, own) = (stepped_by(Arc::new(Sgd)), stepped_by(Arc::new(Twice)));
    for setup in [plain(), automatic(), patient(), rich(), troubled(), sgd, own] {
        let folder = tempfile::tempdir().unwrap();
        let (expected, count) = copied(&setup, folder.path());
        assert!(count >= 25, "{count}");
        for number in 0..count {
            let copy = folder.path().join(number.to_string());
            let mut learner = setup.learner(&copy);
            setup.resume(&mut learner).unwrap();
            assert!(came_of(&learner) == expected, "killed before batch {number} of the run");
            learner.discard_checkpoint().unwrap();
            assert!(!copy.exists());
        }
    }
}

/// Asks to stop after so many batches.
struct StopAfter(usize, Arc<AtomicBool>);

impl Observer for StopAfter {
    fn batch_ended(&mut self, _report: &BatchReport) -> Flow {
        self.0 -= 1;
        self.1.store(self.0 == 0, Ordering::Relaxed);
        Flow::Continue
    }
}

#[test]
fn stopped_again_and_again_it_ends_with_the_same_bytes() {
    let mut random: Rng = Draws { seed: 20, epoch: 0 }.for_order();
    for setup in [plain(), automatic(), patient(), rich(), troubled()] {
        let expected = never_stopped(&setup);
        let folder = tempfile::tempdir().unwrap();
        let mut stops = 0;
        loop {
            let mut learner = setup.learner(folder.path());
            let stop = Arc::new(AtomicBool::new(false));
            learner.stop_on(stop.clone());
            learner.observe(Box::new(StopAfter(random.random_range(1..6), stop)));
            let outcome = if stops == 0 { setup.run(&mut learner) } else { setup.resume(&mut learner) };
            match outcome {
                Err(LearnerError::Interrupted) => stops += 1,
                outcome => {
                    outcome.unwrap();
                    assert!(came_of(&learner) == expected, "after {stops} stops");
                    break;
                }
            }
        }
        assert!(stops >= 5, "{stops}");
    }
}

#[test]
fn in_parts_it_ends_with_the_same_bytes() {
    for setup in [plain(), automatic(), patient(), rich(), troubled()] {
        let expected = never_stopped(&setup);
        let folder = tempfile::tempdir().unwrap();
        let mut learner = setup.learner(folder.path());
        learner
            .checkpoint(CheckpointOptions { every: Duration::ZERO, ..CheckpointOptions::new(folder.path()) });
        let (begun, phases) = (collect(learner.network()), learner.resolve(setup.recipe.clone()).unwrap());
        // A second run of the same learner begins where the first one did.
        for _ in 0..2 {
            let mut run = learner.begin(&phases).unwrap();
            let mut rests = 0;
            while !learner.go_on(&mut run, || true).unwrap() {
                rests += 1;
            }
            assert!(rests >= 5, "{rests}");
            assert!(came_of(&learner) == expected, "after {rests} rests");
            learner.start_again(&begun).unwrap();
            assert_eq!((learner.history().epochs(), learner.phases().len()), (0, 0));
        }
        // Begun in parts, it is taken up elsewhere.
        let mut run = learner.begin(&phases).unwrap();
        for _ in 0..4 {
            assert!(!learner.go_on(&mut run, || true).unwrap());
        }
        let mut other = setup.learner(folder.path());
        let phases = other.resolve(setup.recipe.clone()).unwrap();
        let mut run = other.begin_at_checkpoint(&phases).unwrap();
        while !other.go_on(&mut run, || true).unwrap() {}
        assert!(came_of(&other) == expected);
    }
}

#[test]
fn what_a_killed_write_leaves_is_ignored() {
    let setup = plain();
    let folder = tempfile::tempdir().unwrap();
    let (expected, _) = copied(&setup, folder.path());
    let copy = folder.path().join("7");
    for stray in ["999-now.safetensors", ".tmpHalf"] {
        fs::write(copy.join(stray), b"half a fi").unwrap();
    }
    let mut learner = setup.learner(&copy);
    setup.resume(&mut learner).unwrap();
    assert!(came_of(&learner) == expected);
    learner.discard_checkpoint().unwrap();
    assert!(!copy.exists());
}

#[test]
fn a_damaged_checkpoint_is_noticed() {
    let setup = rich();
    let folder = tempfile::tempdir().unwrap();
    copied(&setup, folder.path());
    let copy_of = folder.path().join("13");
    let files: Vec<PathBuf> = fs::read_dir(&copy_of).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 5, "a manifest, base, now, began and best: {files:?}");
    for path in files {
        let whole = fs::read(&path).unwrap();
        let middle = whole.len() / 2;
        let mut flipped = whole.clone();
        // Into another letter or digit, or another number.
        flipped[middle] ^= 1;
        for bytes in [&whole[..middle], &whole[..0], &flipped] {
            fs::write(&path, bytes).unwrap();
            let mut learner = setup.learner(&copy_of);
            let before = collect(learner.network());
            let message = setup.resume(&mut learner).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("{}: the checkpoint is damaged: ", path.display())),
                "{message}"
            );
            assert!(message.ends_with("; the run has to be started again"), "{message}");
            assert!(collect(learner.network()) == before && learner.history().epochs() == 0);
        }
        fs::remove_file(&path).unwrap();
        assert!(setup.resume(&mut setup.learner(&copy_of)).is_err());
        fs::write(&path, whole).unwrap();
    }
    setup.resume(&mut setup.learner(&copy_of)).unwrap();
}

#[test]
fn a_manifest_of_another_version_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("checkpoint.json"), r#"{"format":7,"sha256":"","run":{}}"#).unwrap();
    let message = plain().resume(&mut plain().learner(folder.path())).unwrap_err().to_string();
    assert!(message.ends_with(
        "a checkpoint of format 7, and this version reads 5; go on with the version that wrote it"
    ));
}

#[test]
fn another_run_is_not_gone_on_with() {
    let setup = plain();
    let folder = tempfile::tempdir().unwrap();
    copied(&setup, folder.path());
    let folder = folder.path().join("9");
    let refused = |setup: &Setup| setup.resume(&mut setup.learner(&folder)).unwrap_err().to_string();

    let larger = Setup { options: LearnerOptions { batch_size: 16, ..setup.options.clone() }, ..plain() };
    let expected = "the run began with other settings: batch size: 16, and 8 when the run began";
    assert_eq!(refused(&larger), expected);
    let stepped = stepped_by(Arc::new(Sgd)).options.optimizer;
    let other = Setup { options: LearnerOptions { optimizer: stepped, ..setup.options.clone() }, ..plain() };
    let expected = "the run began with other settings: optimizer: Sgd, and AdamW { beta2: 0.99, epsilon: 1e-5 } when the run began";
    assert_eq!(refused(&other), expected);
    let shorter = Setup { recipe: FineTune::new(1).into(), ..plain() };
    assert!(
        refused(&shorter).starts_with(
            "the run began with other settings: phases: frozen (1 epochs, groups [0, 1, 2] frozen"
        )
    );

    let mut tensors = collect(&Small::new());
    // Names are in order, and the body's come before the head's.
    let weight = tensors.values_mut().find(|tensor| tensor.shape().len() == 2).unwrap();
    let numbers: Vec<f32> = weight.iter::<f32>().map(|number| number + 1e-6).collect();
    *weight = TensorData::new(numbers, weight.shape().clone());
    let network = load(Small::new(), &tensors);
    let (train, valid) = (Box::new(Clusters(44)), Box::new(Clusters(12)));
    let mut nudged = Learner::new(network, train, valid, 3, setup.options.clone()).unwrap();
    nudged.checkpoint(CheckpointOptions::new(&folder));
    let message = setup.resume(&mut nudged).unwrap_err().to_string();
    let expected = "the run began otherwise and would end with other weights: pretrained weights: ";
    assert!(message.starts_with(expected), "{message}");

    let fewer = |accept_changes| {
        let (train, valid) = (Box::new(Clusters(43)), Box::new(Clusters(12)));
        let mut learner = Learner::new(Small::new(), train, valid, 3, setup.options.clone()).unwrap();
        learner.checkpoint(CheckpointOptions { accept_changes, ..CheckpointOptions::new(&folder) });
        setup.resume(&mut learner)
    };
    let message = fewer(false).unwrap_err().to_string();
    let expected = "the run began otherwise and would end with other weights: training items: 43 (";
    assert!(message.starts_with(expected) && message.contains("), and 44 ("), "{message}");
    fewer(true).unwrap();

    let mut lost =
        Learner::new(Small::new(), Box::new(Clusters(44)), Box::new(Clusters(12)), 3, setup.options.clone())
            .unwrap();
    let message = "no folder was named to keep checkpoints in; call Learner::checkpoint first";
    assert_eq!(setup.resume(&mut lost).unwrap_err().to_string(), message);
    let nothing = tempfile::tempdir().unwrap();
    let message = setup.resume(&mut setup.learner(nothing.path())).unwrap_err().to_string();
    let expected =
        format!("{}: there is no checkpoint in it, so no run can go on from there", nothing.path().display());
    assert_eq!(message, expected);
}

/// Notes what an observer is told of going back and going on.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Observer for Notes {
    fn rolled_back(&mut self, event: &RolledBack) {
        self.0.lock().unwrap().push(format!("back at {}", event.rate_factor));
    }

    fn resumed(&mut self, event: &Resumed<'_>) {
        let Position { epoch, epochs, batch, batches } = event.position;
        let over = format!("{}+{}", event.earlier.len(), event.epochs.len());
        let note = format!("{over} epochs, then {epoch}/{epochs} after {batch}/{batches}");
        self.0.lock().unwrap().push(note);
    }

    fn checkpoint_failed(&mut self, reason: &str) {
        self.0.lock().unwrap().push(reason.to_owned());
    }
}

#[test]
fn observers_learn_where_a_run_goes_on() {
    let setup = plain();
    let folder = tempfile::tempdir().unwrap();
    let (_, count) = copied(&setup, folder.path());
    assert_eq!(count, 30);
    for (number, expected) in [
        (0, "0+0 epochs, then 1/3 after 0/5"),
        (7, "0+1 epochs, then 2/3 after 2/5"),
        (15, "0+3 epochs, then 4/3 after 0/5"),
        (29, "3+2 epochs, then 3/3 after 4/5"),
    ] {
        let mut learner = setup.learner(&folder.path().join(number.to_string()));
        let notes = Notes::default();
        learner.observe(Box::new(notes.clone()));
        setup.resume(&mut learner).unwrap();
        assert_eq!(*notes.0.lock().unwrap(), [expected]);
    }
}

#[test]
fn the_troubled_run_is_in_trouble() {
    let setup = troubled();
    let folder = tempfile::tempdir().unwrap();
    let mut learner = setup.learner(folder.path());
    let notes = Notes::default();
    learner.observe(Box::new(notes.clone()));
    setup.run(&mut learner).unwrap();
    assert_eq!(*notes.0.lock().unwrap(), ["back at 0.5"]);
    let epochs =
        |phase: &str| learner.history().records().iter().filter(|epoch| epoch.phase == phase).count();
    let ended = ["frozen", "freeze_to(1)", "thawed"].map(epochs);
    assert_eq!(ended, [2, 2, 2]);
}

/// Takes the folder away before the tenth batch.
struct Remove(PathBuf, usize);

impl Observer for Remove {
    fn batch_started(&mut self, _position: &Position, _settings: &mut StepOptions) {
        self.1 += 1;
        if self.1 == 10 {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }
}

#[test]
fn what_cant_be_written_ends_the_keeping_and_not_the_run() {
    let setup = plain();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("checkpoint");
    let mut learner = setup.learner(&folder);
    learner.checkpoint(CheckpointOptions { every: Duration::ZERO, ..CheckpointOptions::new(&folder) });
    let notes = Notes::default();
    learner.observe(Box::new(notes.clone()));
    learner.observe(Box::new(Remove(folder.clone(), 0)));
    setup.run(&mut learner).unwrap();
    assert!(came_of(&learner) == never_stopped(&setup));
    let notes = notes.0.lock().unwrap();
    assert!(notes.len() == 1 && notes[0].starts_with(&folder.display().to_string()), "{notes:?}");
    learner.discard_checkpoint().unwrap();
}

#[test]
fn notes_and_other_files_are_kept() {
    let setup = plain();
    let folder = tempfile::tempdir().unwrap();
    let mut learner = setup.learner(folder.path());
    let options = CheckpointOptions::new(folder.path());
    learner.checkpoint(CheckpointOptions { note: "train data".to_owned(), ..options });
    fs::write(folder.path().join("mine.txt"), b"mine").unwrap();
    setup.run(&mut learner).unwrap();
    assert_eq!(checkpoint_note(folder.path()).unwrap(), "train data");
    learner.discard_checkpoint().unwrap();
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["mine.txt"]);
}
