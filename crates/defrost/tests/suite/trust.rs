//! How far answers of a saved run can be trusted: calibrated probabilities, and items unlike anything it was taught.

use std::fs;
use std::path::{Path, PathBuf};

use defrost::metrics::{Familiarity, Temperature};
use defrost::prelude::*;

/// The first sample images of each class, `count` of them.
fn samples(part: &str, count: usize) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/fashion").join(part);
    let sorted = |folder: &Path| {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let of_class = |class: PathBuf| {
        let name = class.file_name().unwrap().to_string_lossy().into_owned();
        sorted(&class).into_iter().take(count).map(move |path| (path, name.clone()))
    };
    sorted(&root).into_iter().filter(|path| path.is_dir()).flat_map(of_class).collect()
}

/// Noise, or stripes of two colours.
fn foreign(number: usize) -> Image {
    let mut state = number as u64 + 1;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    let (first, second, width) =
        ([random(), random(), random()], [random(), random(), random()], 1 + number % 5);
    let pixels = (0..40 * 40).flat_map(|at| match number % 2 {
        0 => [random(), random(), random()],
        _ if at % 40 / width % 2 == 0 => first,
        _ => second,
    });
    Image::from_rgb(40, 40, pixels.collect()).unwrap()
}

fn trained(run: &Path) {
    let images = samples("train", 20).into_iter().map(|(path, class)| (Image::open(path).unwrap(), class));
    let data = ImageData::from_images(images).unwrap();
    let start = Pretrained::new("efficientnet_lite0").size(64).precision(Precision::F32);
    let mut learner = data.validation(Validation::Fraction(0.3)).learner(start).unwrap();
    learner.fit(4, 2e-3).unwrap();
    learner.save(run).unwrap();
}

#[test]
fn what_is_unlike_anything_it_was_taught_is_told() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    let TrainedModel::Image(model) = Learner::load(folder.path()).unwrap() else {
        panic!("images were learned")
    };
    let known = model.reliability().familiarity.clone().expect("a run keeps what it was taught");
    assert_eq!(format!("{known:?}"), "Familiarity(140 items of 1280 features, 60 held out)");
    assert!(fs::metadata(folder.path().join("familiarity.safetensors")).unwrap().len() < 1_100_000);

    let usual: Vec<NamedPrediction> =
        samples("valid", 6).iter().map(|(path, _)| model.predict_one(path.as_path()).unwrap()).collect();
    let odd: Vec<NamedPrediction> =
        (0..40).map(|number| model.predict_one(&foreign(number)).unwrap()).collect();
    let flagged = |found: &[NamedPrediction]| {
        found.iter().filter(|found| found.notes == [Familiarity::UNFAMILIAR]).count() as f64
            / found.len() as f64
    };
    let (usual, odd) = (flagged(&usual), flagged(&odd));
    assert!(usual < 0.15 && odd > 0.6, "{usual} of fashion and {odd} of noise and stripes are told");
}

#[test]
fn a_run_without_these_says_nothing_of_them() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    let path = &samples("valid", 1)[0].0;
    let TrainedModel::Image(new) = Learner::load(folder.path()).unwrap() else {
        panic!("images were learned")
    };
    let answer = new.predict_one(path.as_path()).unwrap();
    assert!(answer.familiarity.is_some() && new.reliability().temperature != Temperature::ONE);

    let manifest = folder.path().join("bundle.json");
    let mut text: serde_json::Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    let fields = text.as_object_mut().unwrap();
    for name in ["temperature", "baseline"] {
        fields.remove(name).expect("new runs have it");
    }
    fields["files_sha256"]
        .as_object_mut()
        .unwrap()
        .remove("familiarity.safetensors")
        .expect("new runs have it");
    fs::write(&manifest, text.to_string()).unwrap();
    fs::remove_file(folder.path().join("familiarity.safetensors")).unwrap();
    let TrainedModel::Image(old) = Learner::load(folder.path()).unwrap() else {
        panic!("images were learned")
    };
    let plain = old.predict_one(path.as_path()).unwrap();
    assert_eq!((plain.familiarity, plain.notes.len(), plain.class()), (None, 0, answer.class()));
    assert_eq!(new.reliability().temperature.apply(&plain.scores), answer.scores);
}

#[test]
fn what_was_kept_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    let file = folder.path().join("familiarity.safetensors");
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, bytes).unwrap();
    assert!(Learner::load(folder.path()).unwrap_err().to_string().contains("the file has changed"));
    let manifest = folder.path().join("bundle.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let (before, after) = text.split_once("\"temperature\": ").unwrap();
    let (_, after) = after.split_once(',').unwrap();
    fs::write(&manifest, format!("{before}\"temperature\": 0.0,{after}")).unwrap();
    let error = Learner::load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("the temperature must be more than 0"), "{error}");
}
