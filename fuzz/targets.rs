//! What a file of any content may do: be read, or be refused with a message. Never panic, never take memory out of
//! proportion to its length.
//!
//! Each function takes the bytes of a file. The fuzzer calls them with what it makes up; the library's own tests call
//! them with the files in `corpus/` and with damaged copies of these.

use std::path::{Path, PathBuf};

use defrost::bundle::{self, Loaded, ModelConfig};
use defrost::check::Report;
use defrost::csv_table::{CsvTable, TableFormat};
use defrost::data::Fingerprint;
use defrost::learner::checkpoint_note;
use defrost::metrics::Familiarity;
use defrost::tabular::{TableData, TableModelConfig};
use defrost::text::{TextColumns, TextData, TextModelConfig};
use defrost::vision::image::Image;
use defrost::vision::{ImageData, ImageModelConfig, LabelTable, Labelling};
use defrost::weights::pytorch::Pytorch;
use defrost::weights::safetensors;
use defrost::{Cache, CacheLimits, Reading, TargetKind};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A CSV file, as such.
pub fn csv(bytes: &[u8]) {
    if let Ok(table) = CsvTable::parse(Path::new("data.csv"), bytes, &TableFormat::default()) {
        assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()));
        assert!(table.rows.len() + table.skipped.len() <= bytes.len());
    }
}

/// A CSV file of texts.
pub fn texts(bytes: &[u8]) {
    with_file(bytes, |path| {
        let named = TextColumns { text: Some("text".to_owned()), label: Some("label".to_owned()) };
        for (columns, kind) in [
            (TextColumns::default(), TargetKind::Class),
            (TextColumns::default(), TargetKind::Labels),
            (named.clone(), TargetKind::Class),
            (named.clone(), TargetKind::Labels),
            (named, TargetKind::Number),
        ] {
            let found = TextData::open(path).and_then(|texts| texts.columns(columns).target(kind).check());
            found.map_or_else(explained, |report| {
                counted(&report, bytes);
                accounted(&report);
            });
        }
    });
}

/// A CSV file of table rows.
pub fn table(bytes: &[u8]) {
    with_file(bytes, |path| {
        for kind in [None, Some(TargetKind::Labels)] {
            let rows = |rows: TableData| match kind {
                Some(kind) => rows.label("label").target(kind),
                None => rows.label("label"),
            };
            let found = TableData::open(path).and_then(|data| rows(data).check());
            found.map_or_else(explained, |report| {
                counted(&report, bytes);
                accounted(&report);
            });
        }
    });
}

/// A CSV file that labels images, none of which are there.
pub fn labels(bytes: &[u8]) {
    with_file(bytes, |path| {
        for kind in [TargetKind::Class, TargetKind::Labels, TargetKind::Number] {
            let table = LabelTable { file: path.to_owned(), kind: Some(kind), ..LabelTable::default() };
            let root = path.parent().unwrap_or(Path::new("."));
            let images = ImageData::to_check(root, Labelling::Table(table));
            let found = images.and_then(|images| images.check(224));
            found.map_or_else(explained, |report| assert_eq!(report.items.train, 0));
        }
    });
}

/// A safetensors file: weights, or what a network was taught.
pub fn weights(bytes: &[u8]) {
    if let Ok(known) = Familiarity::parse(bytes) {
        assert!(known.to_bytes().len() <= bytes.len() + 1024, "all of it is in the file");
    }
    if let Ok(weights) = safetensors::parse(bytes) {
        let numbers: usize =
            weights.tensors.values().map(|tensor| tensor.shape().iter().product::<usize>()).sum();
        assert!(numbers * 2 <= bytes.len(), "a number takes two bytes at least");
    }
}

/// A PyTorch file.
pub fn pytorch(bytes: &[u8]) {
    if let Ok(file) = Pytorch::parse(bytes.to_vec()) {
        for (name, shape) in file.shapes() {
            let count: usize = shape.iter().product();
            assert!(count * 2 <= bytes.len(), "a number takes two bytes at least, and is there once");
            assert!(file.tensor(name).is_some_and(|data| data.num_elements() == count));
        }
    }
}

/// A bundle's manifest, beside weights and a tokenizer that are far less than a network: as it is, and with their hashes.
pub fn bundle(bytes: &[u8]) {
    with_folder(|folder| {
        std::fs::write(folder.join("bundle.json"), bytes).expect("temporary files can be written");
        std::fs::write(folder.join("model.safetensors"), WEIGHTS).expect("temporary files can be written");
        std::fs::write(folder.join("tokenizer.json"), b"{}").expect("temporary files can be written");
        refused::<ImageModelConfig>(folder);
        let Ok(Value::Object(mut manifest)) = serde_json::from_slice(bytes) else { return };
        manifest.insert("weights_sha256".to_owned(), json!(hash(WEIGHTS)));
        manifest.insert("files_sha256".to_owned(), json!({ "tokenizer.json": hash(b"{}") }));
        let sealed = Value::Object(manifest).to_string();
        std::fs::write(folder.join("bundle.json"), sealed).expect("temporary files can be written");
        refused::<TextModelConfig>(folder);
        refused::<TableModelConfig>(folder);
        // Whatever it says of images, the network it names would be one of those that are known.
        let _ = bundle::read::<ImageModelConfig>(folder);
    });
}

/// A run in one file.
pub fn packed(bytes: &[u8]) {
    with_file(bytes, |path| {
        refused::<TableModelConfig>(path);
        bundle::task(path).map_or_else(explained, drop);
    });
}

/// Weights of one number.
const WEIGHTS: &[u8] =
    b"\x36\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}\0\0\x80\x3f";

fn refused<M: ModelConfig>(folder: &Path) {
    assert!(Loaded::<M>::open(folder, &Default::default()).is_err(), "one number is no network");
}

/// A checkpoint's manifest: as it is, and with its hash set right.
pub fn checkpoint(bytes: &[u8]) {
    with_folder(|folder| {
        let path = folder.join("checkpoint.json");
        std::fs::write(&path, bytes).expect("temporary files can be written");
        let _ = checkpoint_note(folder).map_err(explained);
        let Ok(Value::Object(mut envelope)) = serde_json::from_slice(bytes) else { return };
        let run = envelope.get("run").unwrap_or(&Value::Null).to_string();
        envelope.insert("format".to_owned(), json!(1));
        envelope.insert("sha256".to_owned(), json!(hash(run.as_bytes())));
        std::fs::write(&path, Value::Object(envelope).to_string()).expect("temporary files can be written");
        let _ = checkpoint_note(folder).map_err(explained);
    });
}

fn hash(bytes: &[u8]) -> String {
    Fingerprint(Sha256::digest(bytes).into()).to_string()
}

/// A file of cached activations, where an earlier run has left it. What is found in it is what was kept, or comes with a checksum
/// that somebody has computed for it.
pub fn entries(bytes: &[u8]) {
    let prefix = Fingerprint([7; 32]);
    with_folder(|folder| {
        let file = folder.join(format!("{}-0.rows", &prefix.to_string()[..32]));
        std::fs::write(file, bytes).expect("temporary files can be written");
        let limits = CacheLimits { memory: 1 << 20, disk: 1 << 20, folder: Some(folder.to_owned()) };
        let mut cache = Cache::new(limits);
        for (key, row) in [(1, &b"first row"[..]), (2, b""), (3, &[3; 300])] {
            let key = Fingerprint([key; 32]);
            let Some(found) = cache.entry(prefix, key).filter(|found| **found != *row) else { continue };
            let checksum = Fingerprint::of(&[&key.0, &found]);
            let record = [&checksum.0[..8], &found].concat();
            assert!(bytes.windows(record.len()).any(|part| part == record), "a row that is not in the file");
        }
    });
}

/// An image.
pub fn image(bytes: &[u8]) {
    if let Ok(image) = Image::decode(bytes) {
        assert_eq!(image.pixels().len(), image.width() * image.height() * 3);
    }
    // As a data set of one image, which has no two classes: everything is looked at all the same.
    with_folder(|folder| {
        std::fs::create_dir(folder.join("class")).expect("temporary folders can be made");
        std::fs::write(folder.join("class/image.png"), bytes).expect("temporary files can be written");
        let images = ImageData::to_check(folder, Labelling::Folders);
        let found = images.and_then(|images| images.check(224));
        found.map_or_else(explained, |report| assert!(!report.problems.is_empty()));
    });
}

/// What is called with the bytes of a file.
pub type Target = fn(&[u8]);

/// All of them, by the names of their folders in `corpus/`.
pub const ALL: [(&str, Target); 11] = [
    ("csv", csv),
    ("texts", texts),
    ("table", table),
    ("labels", labels),
    ("weights", weights),
    ("pytorch", pytorch),
    ("bundle", bundle),
    ("packed", packed),
    ("checkpoint", checkpoint),
    ("entries", entries),
    ("image", image),
];

fn with_folder(run: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().expect("temporary folders can be made");
    run(folder.path());
}

fn with_file(bytes: &[u8], run: impl FnOnce(&Path)) {
    with_folder(|folder| {
        let path: PathBuf = folder.join("data.csv");
        std::fs::write(&path, bytes).expect("temporary files can be written");
        run(&path);
    });
}

/// An item is at least a byte of the file, and so is a problem but for those of classes.
fn counted(report: &Report, bytes: &[u8]) {
    assert!(report.items.train + report.items.valid <= bytes.len());
    assert!(report.problems.len() <= 8 * bytes.len() + 8);
}

/// Rows that are used and rows that are listed are all rows of a file.
fn accounted(report: &Report) {
    let Some(Reading::Table(reading)) = &report.reading else { panic!("a file has a reading") };
    assert_eq!(reading.rows_used, report.items.train + report.items.valid, "{report:?}");
    assert_eq!(reading.rows_left_out, report.left_out.len(), "{report:?}");
}

fn explained(error: impl std::error::Error) {
    assert!(!error.to_string().is_empty());
}
