//! The ways in, from data to a saved run that predicts, for each domain, as the README shows them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use defrost::CacheLimits;
use defrost::prelude::*;
use defrost::text::models::{BertConfig, TextNetwork};
use defrost::vision::{ImageFeatures, ImageInput, ImageItem, ImagePredictError};
use defrost::weights::{collect, safetensors};

use crate::domains::{made, tokenizer};
use crate::support::{Clusters, Small};

/// Two classes of a few sample images, with parts to train and to validate on.
fn photos(folder: &Path) -> PathBuf {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/fashion/train");
    let data = folder.join("photos");
    for (part, items) in [("train", 0..6), ("valid", 6..8)] {
        for class in ["bag", "trouser"] {
            let into = data.join(part).join(class);
            std::fs::create_dir_all(&into).unwrap();
            let mut files: Vec<PathBuf> =
                std::fs::read_dir(samples.join(class)).unwrap().map(|file| file.unwrap().path()).collect();
            files.sort();
            for file in &files[items.clone()] {
                std::fs::copy(file, into.join(file.file_name().unwrap())).unwrap();
            }
        }
    }
    data
}

/// The smallest of pretrained networks.
fn small() -> Pretrained {
    Pretrained::new("efficientnet_lite0").size(32).precision(Precision::F32)
}

#[test]
fn images_are_learned_saved_and_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let photos = photos(folder.path());
    let data = ImageFolder::open(&photos).unwrap();
    assert_eq!(data.classes(), ["bag", "trouser"]);
    let mut learner =
        data.learner_with(small(), LearnerOptions { batch_size: 6, ..LearnerOptions::default() }).unwrap();
    learner.train_for(1).unwrap();
    assert_eq!(learner.history().epochs(), 2, "one frozen, one thawed");

    let image = photos.join("valid/bag");
    let image = std::fs::read_dir(image).unwrap().next().unwrap().unwrap().path();
    let prediction = learner.predict(image.as_path()).unwrap();
    assert!(format!("{prediction:?}").contains("trouser"), "{prediction:?}");
    assert_eq!(learner.predict(&Image::open(&image).unwrap()).unwrap(), prediction);

    let run = folder.path().join("runs/photos");
    learner.save(&run).unwrap();
    let model = Learner::load(&run).unwrap();
    assert_eq!((model.task(), model.classes()), ("vision", &["bag".to_owned(), "trouser".to_owned()][..]));
    let again = model.predict(image.to_str().unwrap()).unwrap();
    assert_eq!((again.class(), &again.scores), (prediction.class(), &prediction.scores));
    // Of a data set, what validates.
    assert_eq!(model.evaluate(&photos).unwrap().evaluation.targets.len(), 4);
    assert_eq!(model.evaluate(photos.join("train")).unwrap().evaluation.targets.len(), 12);

    // Another task on the body of the run.
    let other = ImageFolder::open(&photos).unwrap().learner(Pretrained::from_run(&run).size(32)).unwrap();
    assert_eq!(other.plan().frozen_groups(), [0, 1]);
}

#[test]
fn images_in_memory_are_data() {
    let image = |n: u8| Image::from_rgb(12, 10, vec![n * 12; 12 * 10 * 3]).unwrap();
    let numbers = ImageData::from_images((0..10).map(|n| (image(n), f32::from(n)))).unwrap();
    let numbers = numbers.validation(Validation::Items(vec![8, 9])).memory(1 << 20);
    let learner = numbers.learner(small()).unwrap();
    assert_eq!((learner.valid().len(), learner.valid().target(0)), (2, Target::Number(8.0)));
    assert_eq!(learner.classes(), [""; 0]);
    assert!(learner.predict(&image(3)).unwrap().number().is_some());

    let classes = |n: u8| if n.is_multiple_of(2) { "even" } else { "odd" };
    let data = ImageData::from_images((0..10).map(|n| (image(n), classes(n)))).unwrap();
    let split = data.read(&defrost::vision::transform::Preprocess::imagenet(8)).unwrap();
    assert_eq!((split.train.len(), split.valid.len(), split.classes.len()), (8, 2, 2));
    assert_eq!(split.train.name(0), "image 0");
    assert_ne!(
        split.train.fingerprint(0, Variant::Original),
        split.train.fingerprint(1, Variant::Original),
        "their pixels differ"
    );
}

/// The files below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    defrost::vision::image_files(folder).unwrap()
}

#[test]
fn images_in_a_list_of_files_are_those_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(&photos(folder.path()).join("train"));
    let class = |file: &Path| file.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let learner = |data: ImageData| {
        let mut learner = data
            .learner_with(small(), LearnerOptions { batch_size: 4, ..LearnerOptions::default() })
            .unwrap();
        learner.fit(1, 1e-2).unwrap();
        learner
    };
    let given = files.iter().map(|file| (file.clone(), class(file)));
    let images = files.iter().map(|file| (Image::open(file).unwrap(), class(file)));
    let mut of_files = learner(ImageData::from_items(given).unwrap());
    let of_images = learner(ImageData::from_images(images).unwrap());
    assert!(collect(of_files.network()) == collect(of_images.network()));

    let gone = folder.path().join("gone.jpg");
    let inputs: Vec<ImageInput<'_>> = [&files[0], &gone, &files[7]].map(|file| file.as_path().into()).into();
    let all = of_files.predict_all(&inputs);
    assert!(matches!(all[1], Err(ImagePredictError::Image(_))));
    for place in [0, 2] {
        let one = of_files.predict(inputs[place].clone()).unwrap();
        let apart =
            all[place].as_ref().unwrap().scores.0.iter().zip(&one.scores.0).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f32::max) < 1e-5, "a batch rounds otherwise");
    }

    let learned = collect(of_files.network());
    let mut fresh = ImageFolder::open(folder.path().join("photos")).unwrap().learner(small()).unwrap();
    fresh.load_weights(&learned).unwrap();
    assert!(collect(fresh.network()) == learned);
    let short = learned.into_iter().filter(|(name, _)| name != "head.linear.weight").collect();
    let refusal = fresh.load_weights(&short).unwrap_err().to_string();
    assert!(refusal.contains("head.linear.weight") && refusal.contains("efficientnet_lite0"), "{refusal}");

    let run = folder.path().join("run");
    of_files.save(&run).unwrap();
    assert_eq!(defrost::bundle::outline(&run).unwrap().plan.arch, "efficientnet_lite0");
}

#[test]
fn features_of_images_are_those_of_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(&photos(folder.path()));
    let items = |files: &[PathBuf]| files.iter().cloned().map(ImageItem::File).collect::<Vec<_>>();
    let mut features = ImageFeatures::open(small(), CacheLimits::memory(1 << 24)).unwrap();
    let found = features.of(items(&files), None).unwrap();
    assert_eq!((found.width, found.rows().count()), (1280, files.len()));
    let images = files[..2].iter().map(|file| ImageItem::Image(Image::open(file).unwrap())).collect();
    assert_eq!(features.of(images, None).unwrap().numbers, found.numbers[..2 * 1280]);
    let shallow = features.of(items(&files[..1]), Some("blocks.2")).unwrap();
    assert!(shallow.width < 1280);
    let gone = features.of(items(&[files[0].clone(), "gone.jpg".into()]), None).unwrap_err();
    assert!(gone.to_string().starts_with("1 of 2 images can't be read; the first: gone.jpg: "), "{gone}");
}

/// A folder with a small text network.
fn text_network(folder: &Path) -> PathBuf {
    let config = BertConfig {
        vocabulary: 8,
        hidden: 16,
        heads: 2,
        intermediate: 24,
        positions: 40,
        ..BertConfig::minilm()
    };
    let json = serde_json::json!({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": 16, "num_hidden_layers": config.blocks,
        "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 8, "max_position_embeddings": 40,
        "type_vocab_size": 2,
    });
    let network =
        made(TextNetwork::new(&config.into(), HeadKind::ConcatPool, 2, true, &burn::tensor::Device::flex()));
    let folder = folder.join("network");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.json"), json.to_string()).unwrap();
    std::fs::write(folder.join("tokenizer.json"), tokenizer()).unwrap();
    let tensors = collect(&network).into_iter().filter(|(name, _)| name.starts_with("body."));
    let tensors = tensors.map(|(name, data)| (name.replacen("body.", "", 1), data)).collect();
    safetensors::write(&folder.join("model.safetensors"), &tensors, &BTreeMap::new()).unwrap();
    folder
}

#[test]
fn texts_are_learned_saved_and_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let network = text_network(folder.path());
    let text = |n: usize| {
        let word = ["good", "bad"][n % 2];
        (format!("{}the tea is {word}", "very ".repeat(n % 7)), word)
    };
    let data = TextData::from_texts((0..40).map(text)).unwrap().max_tokens(40);
    let pretrained = Pretrained::new(network.to_str().unwrap()).precision(Precision::F32);
    let mut learner = data.learner(pretrained).unwrap();
    learner.fit_one_cycle(1, "1e-3").unwrap();
    assert!(
        learner.notes().iter().any(|note| note.to_string().starts_with("weights: ")),
        "{:?}",
        learner.notes()
    );

    let prediction = learner.predict("very good").unwrap();
    assert!(["good", "bad"].contains(&prediction.class().unwrap()));
    assert_eq!(learner.predict(" ").unwrap_err().to_string(), "the text is empty");
    let run = folder.path().join("run");
    learner.save(&run).unwrap();
    let model = Learner::load(&run).unwrap();
    let again = model.predict("very good").unwrap();
    assert_eq!(again.scores, prediction.scores);
    let all = learner.predict_all(&["very good", " ", "bad"]).unwrap();
    assert_eq!(all.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let (texts, labels): (Vec<String>, Vec<&str>) = (0..40).map(text).unzip();
    let labels = labels.into_iter().map(str::to_owned).collect();
    let table = CsvTable::from_columns([("text", texts), ("label", labels)]).unwrap();
    let pretrained = Pretrained::new(network.to_str().unwrap()).precision(Precision::F32);
    let mut of_table =
        TextData::from_table(table).text_column("text").max_tokens(40).learner(pretrained).unwrap();
    of_table.fit_one_cycle(1, "1e-3").unwrap();
    assert_eq!(of_table.predict("very good").unwrap().scores, prediction.scores);
    assert!(again.familiarity.is_some());

    let tree = folder.path().join("texts");
    for (file, text) in
        [("train/good/1.txt", "good"), ("train/bad/1.txt", "bad"), ("valid/bad/1.txt", "very bad")]
    {
        std::fs::create_dir_all(tree.join(file).parent().unwrap()).unwrap();
        std::fs::write(tree.join(file), text).unwrap();
    }
    assert_eq!(model.evaluate(&tree).unwrap().evaluation.targets, [Target::Class(0)]);
}

#[test]
fn rows_are_learned_saved_and_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let row = |n: usize| {
        [
            ("kind", ["x", "y", "z"][n % 3].to_owned()),
            ("size", format!("{}", n as f64 * 0.37 % 5.0)),
            ("label", ["a", "b"][n % 2].to_owned()),
        ]
    };
    let rows = CsvTable::from_rows((0..60).map(row)).unwrap();
    let data = || TableData::from_table(rows.clone()).label("label");
    let mut learner = data().learner(Pretrained::default()).unwrap();
    learner.train_for(1).unwrap();
    assert_eq!(learner.history().epochs(), 1, "a new network trains as a whole");
    let prediction = learner.predict([("kind", "x"), ("size", "2.5")]).unwrap();
    assert_eq!(
        learner.predict([("kind", "q"), ("size", "2.5")]).unwrap().notes.len(),
        1,
        "the kind is unknown"
    );
    let of_seed = |seed| {
        let options = |usual: LearnerOptions| LearnerOptions { seed, ..usual };
        data().learner_by(Pretrained::default(), options).unwrap()
    };
    assert_eq!(of_seed(7).options().batch_size, learner.options().batch_size);
    assert!(collect(of_seed(7).network()) != collect(of_seed(8).network()));
    let run = folder.path().join("run");
    learner.save(&run).unwrap();
    let model = Learner::load(&run).unwrap();
    let again = model.predict("kind=x, size=2.5").unwrap();
    assert_eq!(again.scores, prediction.scores);
    assert!(again.familiarity.is_some());
    assert_eq!(
        model.predict("x").unwrap_err().to_string(),
        "`x` is no row: one is given as column=cell, column=cell"
    );
    let other = data().learner(Pretrained::from_run(&run)).unwrap();
    assert!(!other.plan().frozen_groups().is_empty(), "it stands on the body of the run");
}

#[test]
fn what_a_domain_has_not_is_refused() {
    let texts = || TextData::from_texts([("a", "x"), ("b", "y")]).unwrap();
    let refused = |pretrained: Pretrained| texts().learner(pretrained).err().unwrap().to_string();
    assert_eq!(refused(Pretrained::default().size(64)), "`size` is for images; a text network has none");
    assert!(refused(Pretrained::none("bert")).starts_with("no weights for texts are in this program"));
    let rows = CsvTable::from_rows([[("a", "1")]]).unwrap();
    let error = TableData::from_table(rows).label("a").learner(Pretrained::new("resnet34")).err().unwrap();
    assert!(error.to_string().starts_with("a table's network starts new"), "{error}");
}

#[test]
fn a_learner_without_a_model_says_what_to_call() {
    let (train, valid) = (Box::new(Clusters(8)), Box::new(Clusters(4)));
    let mut learner = Learner::new(Small::new(), train, valid, 3, LearnerOptions::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = learner.save(folder.path()).unwrap_err().to_string();
    assert!(error.contains("Learner::with_model"), "{error}");
    assert_eq!(learner.classes(), ["0", "1", "2"]);
}
