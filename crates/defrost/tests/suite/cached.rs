//! Frozen work is paid once, and nothing shows it but the time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Device;
use defrost::data::{DataError, Dataset, Fingerprint, Variant};
use defrost::prefix::Prefix;
use defrost::vision::augment::AugmentPolicy;
use defrost::vision::models::{Precision, VisionNetwork};
use defrost::vision::{ImageFolder, Images, VisionSetup};
use defrost::weights::{Tensors, collect, load};
use defrost::{
    Batch, CacheLimits, FineTune, Gradual, Learner, LearnerOptions, Network, NormMode, Rates, SplitData,
    Target, Validation,
};

use crate::support::{Clusters, Small};

/// A data set that counts the items it is asked for.
struct Counted<D> {
    data: D,
    looks: Arc<AtomicUsize>,
    /// Part of each item's content.
    salt: u8,
}

impl<D: Dataset> Dataset for Counted<D> {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn target(&self, item: usize) -> Target {
        self.data.target(item)
    }

    fn name(&self, item: usize) -> String {
        self.data.name(item)
    }

    fn fingerprint(&self, item: usize, variant: Variant) -> Fingerprint {
        // The clusters look the same in every variant; here each counts as another.
        Fingerprint::of(&[
            &[self.salt],
            &self.data.fingerprint(item, variant).0,
            format!("{variant:?}").as_bytes(),
        ])
    }

    fn inputs(&self, items: &[usize], variant: Variant, device: &Device) -> Result<Batch, DataError> {
        self.looks.fetch_add(items.len(), Ordering::Relaxed);
        self.data.inputs(items, variant, device)
    }
}

fn counted(items: usize, salt: u8) -> (Box<dyn Dataset>, Arc<AtomicUsize>) {
    let looks = Arc::new(AtomicUsize::new(0));
    (Box::new(Counted { data: Clusters(items), looks: looks.clone(), salt }), looks)
}

fn options(cache: CacheLimits) -> LearnerOptions {
    LearnerOptions { batch_size: 8, variants: 2, cache, ..LearnerOptions::default() }
}

fn in_folder(folder: &Path) -> CacheLimits {
    CacheLimits { memory: 1 << 20, disk: 1 << 20, folder: Some(folder.to_owned()) }
}

fn small(cache: CacheLimits) -> (Learner<Small>, Arc<AtomicUsize>) {
    small_on(40, options(cache))
}

fn small_on(items: usize, options: LearnerOptions) -> (Learner<Small>, Arc<AtomicUsize>) {
    let (train, looks) = counted(items, 0);
    (Learner::new(Small::new(), train, Box::new(Clusters(12)), 3, options).unwrap(), looks)
}

type Outcome = (Tensors, Vec<f64>);

fn outcome<N: Network>(learner: &Learner<N>) -> Outcome {
    let losses = learner.history().records().iter().flat_map(|record| [record.train_loss, record.valid_loss]);
    (collect(learner.network()), losses.collect())
}

#[test]
fn at_every_position_kept_is_computed() {
    for position in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let run = |cache| {
            let (mut learner, _) = small(cache);
            learner.freeze_to(position).unwrap();
            learner.fit_one_cycle(5, Rates::One(1e-2)).unwrap();
            outcome(&learner)
        };
        let computed = run(CacheLimits::none());
        assert_eq!(run(CacheLimits::memory(1 << 20)), computed, "in memory, position {position}");
        assert_eq!(run(CacheLimits::memory(500)), computed, "some in memory, position {position}");
        let files_alone = CacheLimits { memory: 0, ..in_folder(folder.path()) };
        assert_eq!(run(files_alone.clone()), computed, "in files, position {position}");
        assert_eq!(run(files_alone), computed, "in an earlier run's files, position {position}");
    }
}

#[test]
fn each_view_is_computed_once_and_by_later_runs_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let looks = || {
        let (mut learner, looks) = small(in_folder(folder.path()));
        learner.fit_one_cycle(6, Rates::One(1e-2)).unwrap();
        looks.load(Ordering::Relaxed)
    };
    assert_eq!(looks(), 2 * 40);
    // One batch is computed again, to verify the files.
    assert_eq!(looks(), 8);
}

#[test]
fn items_without_a_full_batch_are_kept_with_the_others_of_their_epoch() {
    let looks = |epochs| {
        let options = LearnerOptions { variants: 1, ..options(CacheLimits::memory(1 << 20)) };
        let (mut learner, looks) = small_on(45, options);
        learner.fit(epochs, Rates::One(1e-2)).unwrap();
        looks.load(Ordering::Relaxed)
    };
    assert_eq!(looks(1), 40, "no epoch follows that could show the others");
    assert_eq!((looks(2), looks(5)), (45, 45));
}

#[test]
fn thawing_on_the_way_stays_right_and_freezing_again_finds_its_rows() {
    let run = |cache| {
        let (mut learner, looks) = small(cache);
        let gradual = Gradual { epochs: 2, epochs_per_group: 3, rate: 2e-2 };
        learner.run(&learner.resolve(gradual).unwrap()).unwrap();
        learner.fine_tune(FineTune { freeze_epochs: 3, ..FineTune::new(1) }).unwrap();
        (outcome(&learner), looks.load(Ordering::Relaxed))
    };
    let ((computed, all), (kept, fewer)) = (run(CacheLimits::none()), run(CacheLimits::memory(1 << 20)));
    assert_eq!(computed, kept);
    assert!(fewer < all, "{fewer} of {all}");

    let (mut learner, looks) = small(CacheLimits::memory(1 << 20));
    learner.fit(2, Rates::One(1e-2)).unwrap();
    let before = looks.load(Ordering::Relaxed);
    learner.freeze_to(1).unwrap();
    learner.freeze().unwrap();
    learner.fit(2, Rates::One(1e-2)).unwrap();
    assert_eq!(looks.load(Ordering::Relaxed), before, "nothing in the prefix has moved");
}

#[test]
fn a_weight_in_the_prefix_makes_another_prefix_and_one_behind_it_does_not() {
    let network = Small::new();
    let changed = |name: &str| {
        let mut tensors = collect(&network);
        let mut numbers: Vec<f32> = tensors[name].iter::<f32>().collect();
        numbers[0] += 1e-3;
        let shape = tensors[name].shape().clone();
        tensors.insert(name.to_owned(), burn::tensor::TensorData::new(numbers, shape));
        load(Small::new(), &tensors)
    };
    let prefix = Prefix::of(&network, 2);
    assert_eq!(Prefix::of(&changed("head.weight"), 2), prefix);
    assert_eq!(Prefix::of(&changed("body.2.0.weight"), 2), prefix);
    for name in ["body.0.0.weight", "body.1.0.bias", "body.1.1.running_var"] {
        assert_ne!(Prefix::of(&changed(name), 2), prefix, "{name}");
    }
    assert_ne!(Prefix::of(&network, 3), prefix);
}

/// The clusters a little further on, under the fingerprints of those that have not moved.
struct Lying;

impl Dataset for Lying {
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
        Ok((Clusters(40).inputs(items, variant, device)?.single::<2>() + 1.0).into())
    }
}

#[test]
fn rows_of_another_program_are_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let run = |train: Box<dyn Dataset>, cache| {
        let mut learner =
            Learner::new(Small::new(), train, Box::new(Clusters(12)), 3, options(cache)).unwrap();
        learner.fit(2, Rates::One(1e-2)).unwrap();
        outcome(&learner)
    };
    run(Box::new(Lying), in_folder(folder.path()));
    let computed = run(Box::new(Clusters(40)), CacheLimits::none());
    assert_eq!(run(Box::new(Clusters(40)), in_folder(folder.path())), computed);
    assert_eq!(run(Box::new(Clusters(40)), in_folder(folder.path())), computed);
}

#[test]
fn data_larger_than_the_limits_stays_within_them() {
    let folder = tempfile::tempdir().unwrap();
    let limits = CacheLimits { memory: 200_000, disk: 400_000, folder: Some(folder.path().to_owned()) };
    let (train, looks) = counted(100_000, 0);
    let options = LearnerOptions { batch_size: 500, ..options(limits) };
    let mut learner = Learner::new(Small::new(), train, Box::new(Clusters(12)), 3, options).unwrap();
    learner.fit(3, Rates::One(1e-3)).unwrap();
    assert!(learner.cache().memory_bytes() <= 200_000 && learner.cache().disk_bytes() <= 400_000);
    let files = std::fs::read_dir(folder.path()).unwrap();
    let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!((300_000..=400_000).contains(&bytes), "{bytes}");
    // What is kept is not computed again: the third epoch sees the first one's variant.
    let looks = looks.load(Ordering::Relaxed);
    assert!((200_000..299_000).contains(&looks), "{looks}");
}

#[test]
fn a_quote_changes_nothing() {
    let recipe = FineTune { freeze_epochs: 8, ..FineTune::new(4) };
    let run = |estimated: bool| {
        let (mut learner, _) = small(CacheLimits::memory(1 << 20));
        let phases = learner.resolve(recipe.clone()).unwrap();
        if estimated {
            assert_eq!(learner.estimate(&phases).unwrap().len(), 2);
        }
        learner.run(&phases).unwrap();
        (outcome(&learner), learner.history().estimates().to_vec())
    };
    let ((plain, none), (estimated, estimates)) = (run(false), run(true));
    assert_eq!(plain, estimated);
    assert_eq!(none, []);
    let names: Vec<&str> = estimates.iter().map(|estimate| estimate.phase.as_str()).collect();
    assert_eq!(names, ["frozen", "thawed"]);
    assert!(estimates.iter().all(|estimate| estimate.seconds > 0.0 && estimate.actual_seconds > Some(0.0)));
    // Two variants of 40 items and 12 that validate; a row is a header of 6 bytes and 6 numbers.
    assert_eq!(estimates[0].memory_bytes, (2 * 40 + 12) * (6 + 6 * 4));
    assert_eq!(estimates[1].memory_bytes, 0, "nothing is constant");
}

#[test]
fn a_run_too_short_has_no_quote() {
    let (mut learner, _) = small(CacheLimits::memory(1 << 20));
    assert_eq!(learner.estimate(&learner.resolve(FineTune::new(1)).unwrap()).unwrap(), []);
}

/// A few of the sample images in two classes.
fn images(folder: &Path) -> PathBuf {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/fashion/train");
    let data = folder.join("data");
    for class in ["bag", "trouser"] {
        std::fs::create_dir_all(data.join(class)).unwrap();
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(samples.join(class)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in &files[..6] {
            std::fs::copy(file, data.join(class).join(file.file_name().unwrap())).unwrap();
        }
    }
    data
}

fn open(data: &Path, size: usize, augment: &AugmentPolicy, memory: u64) -> SplitData<Images> {
    let setup = VisionSetup { size: Some(size), ..VisionSetup::default() };
    let data = ImageFolder::open(data).unwrap().validation(Validation::Fraction(0.34)).augment(*augment);
    data.seed(1).memory(memory).read(setup.open().unwrap().preprocess()).unwrap()
}

/// The embedded network. Its head is drawn from the device, which other tests draw from too: what is to be
/// compared must start from one.
fn network(precision: Precision) -> VisionNetwork {
    let setup = VisionSetup { size: Some(64), precision, ..VisionSetup::default() };
    setup.open().unwrap().build(2, &Device::flex()).unwrap().0
}

/// Trains the network on the images and tells how it ended.
fn train(data: &Path, position: isize, network: &VisionNetwork, memory: u64, cache: CacheLimits) -> Outcome {
    let folder = open(data, 64, &AugmentPolicy::default(), memory);
    let network = network.clone();
    let options = LearnerOptions { batch_size: 3, ..options(cache) };
    let mut learner: Learner<VisionNetwork> =
        Learner::new(network, Box::new(folder.train), Box::new(folder.valid), 2, options).unwrap();
    learner.freeze_to(position).unwrap();
    learner.fit_one_cycle(3, Rates::One(1e-3)).unwrap();
    outcome(&learner)
}

#[test]
fn with_a_real_network_kept_is_computed() {
    let folder = tempfile::tempdir().unwrap();
    let data = images(folder.path());
    for (position, precision) in
        [(2, Precision::F32), (1, Precision::F32), (0, Precision::F32), (1, Precision::fastest())]
    {
        let network = &network(precision);
        let computed = train(&data, position, network, 0, CacheLimits::none());
        let kept = train(&data, position, network, 1 << 30, CacheLimits::memory(1 << 30));
        assert!(kept == computed, "position {position}");
        let files = CacheLimits { memory: 0, disk: 1 << 30, folder: Some(folder.path().join("cache")) };
        assert!(train(&data, position, network, 0, files.clone()) == computed, "position {position}");
        assert!(train(&data, position, network, 0, files) == computed, "position {position}, files kept");
    }
}

#[test]
fn a_changed_file_is_another_item() {
    let folder = tempfile::tempdir().unwrap();
    let data = images(folder.path());
    let cache = || CacheLimits { memory: 1 << 30, disk: 1 << 30, folder: Some(folder.path().join("cache")) };
    let network = network(Precision::F32);
    let run = |cache| train(&data, 2, &network, 1 << 30, cache);
    let before = run(cache());
    let mut bags: Vec<PathBuf> =
        std::fs::read_dir(data.join("bag")).unwrap().map(|file| file.unwrap().path()).collect();
    bags.sort();
    for bag in &bags[1..] {
        std::fs::copy(&bags[0], bag).unwrap();
    }
    let computed = run(CacheLimits::none());
    assert!(run(cache()) == computed && computed != before);
}

#[test]
fn settings_are_part_of_what_an_image_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = images(folder.path());
    let (default, none) = (AugmentPolicy::default(), AugmentPolicy::none());
    let print =
        |size, augment: &AugmentPolicy, variant| open(&data, size, augment, 0).train.fingerprint(0, variant);
    let draws = |seed, epoch| Variant::Augmented(defrost::data::Draws { seed, epoch });
    let plain = print(64, &default, Variant::Original);
    assert_ne!(print(96, &default, Variant::Original), plain);
    let first = print(64, &default, draws(1, 0));
    for other in [print(64, &default, draws(1, 1)), print(64, &default, draws(2, 0)), plain] {
        assert_ne!(other, first);
    }
    let stronger = AugmentPolicy { max_rotate: 30.0, max_lighting: 0.5, ..default };
    assert_ne!(print(64, &stronger, draws(1, 0)), first);
    // Without augmentation all looks are one.
    assert_eq!(print(64, &none, draws(1, 0)), print(64, &none, draws(2, 7)));
    assert_eq!(print(64, &none, draws(1, 0)), plain);
}

#[test]
fn an_image_that_changes_during_the_run_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let data = images(folder.path());
    let train = open(&data, 64, &AugmentPolicy::default(), 0).train;
    let path = PathBuf::from(train.name(0));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.push(0);
    std::fs::write(&path, bytes).unwrap();
    let error = train.inputs(&[0], Variant::Original, &Device::flex()).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("{}: the file has changed since this run first read it; start again", path.display())
    );
    std::fs::remove_file(&path).unwrap();
    let error = train.inputs(&[0], Variant::Original, &Device::flex()).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()), "{error}");
}

#[test]
fn adapting_keeps_nothing() {
    let (train, looks) = counted(40, 0);
    let options = LearnerOptions { norm: NormMode::Adapt, ..options(CacheLimits::memory(1 << 20)) };
    let mut learner = Learner::new(Small::new(), train, Box::new(Clusters(12)), 3, options).unwrap();
    learner.fit(3, Rates::One(1e-2)).unwrap();
    assert_eq!(looks.load(Ordering::Relaxed), 3 * 40);
    assert_eq!(learner.cache().memory_bytes(), 0);
}
