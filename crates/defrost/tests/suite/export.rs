//! Exports, compared in another engine: ONNX Runtime, where Python has it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use defrost::bundle::{InputForm, ModelConfig};
use defrost::export::{Engine, ExportError, ExportOptions, Exportable, Exported};
use defrost::loss::{AbsoluteError, SquaredError, TargetScaler};
use defrost::metrics::{Familiarity, Features, Reliability};
use defrost::tabular::{Design, TableData, TableModelConfig};
use defrost::text::models::{AwdLstmConfig, BertConfig, Dropouts, TextConfig};
use defrost::text::{TextColumns, TextModelConfig};
use defrost::vision::models::{Architecture, HeadKind, Precision};
use defrost::vision::{ImageModelConfig, VisionSetup, WeightSource};
use defrost::weights::{collect, load};
use defrost::{AnyLoss, BinaryCrossEntropy, Loss, Network as _, TargetKind};

use crate::domains::tokenizer;
use crate::own_architecture::architectures;

fn python() -> PathBuf {
    std::env::var_os("DEFROST_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from)
}

/// The engine, if there is one.
fn engine() -> Option<Engine> {
    let engine = Engine::of_python(&python());
    if let Err(error) = &engine {
        println!("skipped: {error}");
    }
    engine.ok()
}

/// The network described, with weights that make every part of it count.
fn lively<C: ModelConfig>(model: &C, outputs: usize) -> C::Network {
    let network = model.network(outputs, &Device::flex()).unwrap();
    let mut tensors = collect(&network);
    for (number, (name, data)) in tensors.iter_mut().enumerate() {
        let shape = data.shape().clone();
        let elements = data.num_elements();
        let is_row = shape.iter().filter(|&&side| side > 1).count() <= 1;
        if !is_row && !name.starts_with("head.") {
            continue;
        }
        let wave = |at: usize| ((at * 37 + number * 11) as f32 * 12.9898).sin();
        let numbers: Vec<f32> = (0..elements)
            .map(|at| match () {
                () if name.ends_with("running_var") || is_row && name.ends_with("weight") => {
                    1.0 + 0.3 * wave(at)
                }
                () if is_row => 0.2 * wave(at),
                // A head's scores stay within what probabilities tell apart.
                () => wave(at) / (shape[1] as f32).sqrt(),
            })
            .collect();
        *data = TensorData::new(numbers, shape);
    }
    let network = load(network, &tensors).valid();

    // A head whose scores are near each other, however large the features are.
    let item = model.export_items(InputForm::Raw, &Device::flex()).unwrap().remove(0);
    let scores = network.forward(item.batch, 0..network.stages().len()).single::<2>();
    let size = scores.abs().max().into_scalar::<f32>();
    let last = ["head.linear2.weight", "head.linear.weight", "head.weight"];
    let last = tensors.get_mut(last.into_iter().find(|&name| tensors.contains_key(name)).unwrap()).unwrap();
    let numbers: Vec<f32> = last.iter::<f32>().map(|number| number / size.max(1e-3)).collect();
    *last = TensorData::new(numbers, last.shape().clone());
    load(network, &tensors).valid()
}

fn exported<C: ModelConfig>(
    model: &C,
    file: &Path,
    options: &ExportOptions,
) -> Result<Exported, ExportError> {
    let classes = ["one", "two", "three"].map(str::to_owned);
    let network = lively(model, classes.len());
    let exportable = Exportable {
        model,
        network: &network,
        classes: &classes,
        loss: &AnyLoss::default(),
        thresholds: &[0.5],
        reliability: &Reliability::default(),
        notes: BTreeMap::new(),
    };
    exportable.write(file, options)
}

fn export<C: ModelConfig>(model: &C, file: &Path, options: &ExportOptions) -> Exported {
    exported(model, file, options).unwrap()
}

#[test]
fn answers_of_every_kind_are_alike_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let model = table(folder.path(), Design::Quantiles);
    let labels = ["one", "two", "three"].map(str::to_owned);
    let scaler = TargetScaler { mean: 5e5, std: 2e5 };
    let kinds: [(&str, AnyLoss, &[String]); 4] = [
        ("class", AnyLoss::default(), &labels),
        ("labels", BinaryCrossEntropy.into(), &labels),
        ("number", SquaredError(scaler).into(), &[]),
        ("distance", AbsoluteError(scaler).into(), &[]),
    ];
    for (name, loss, classes) in kinds {
        let network = lively(&model, classes.len().max(1));
        let item = model.export_items(InputForm::Raw, &Device::flex()).unwrap().remove(0);
        let features = network.forward(item.batch, 0..network.stages().len() - 1).single::<2>();
        let width = features.dims()[1];
        let of_items = Features { width, numbers: features.into_data().iter::<f32>().collect() };
        // Items near those that are compared on, and some of them.
        let wave = |at: usize| ((at * 37) as f32 * 12.9898).sin() * 0.3;
        let near = |items: usize| {
            let numbers = of_items.numbers.iter().cycle().take(items * width).enumerate();
            Features {
                width,
                numbers: numbers.map(|(at, number)| number * (1.0 + wave(at + items))).collect(),
            }
        };
        let reliability = Reliability {
            temperature: serde_json::from_str("1.7").unwrap(),
            familiarity: Familiarity::of(&near(450), &near(40)),
        };
        let exportable = Exportable {
            model: &model,
            network: &network,
            classes,
            loss: &loss,
            thresholds: &[0.4, 0.5, 0.6],
            reliability: &reliability,
            notes: BTreeMap::new(),
        };
        let file = folder.path().join(format!("{name}.onnx"));
        let exported = exportable.write(&file, &ExportOptions::default()).unwrap();
        let familiar = exported.outputs.iter().any(|output| output == "familiarity float32 [batch]");
        assert!(familiar, "{:?}", exported.outputs);
        if let Some(engine) = &engine {
            assert_agrees(engine, &file, &exported);
        }
    }
}

fn assert_agrees(engine: &Engine, file: &Path, exported: &Exported) {
    let checks: serde_json::Value =
        serde_json::from_str(&exported.checks.as_ref().unwrap().to_json()).unwrap();
    for probability in
        checks["items"][0]["outputs"]["probabilities"]["values"].as_array().into_iter().flatten()
    {
        assert!(
            (1e-3..0.999).contains(&probability.as_f64().unwrap()),
            "{}: nothing to compare",
            file.display()
        );
    }
    // ONNX's own checker, where it is there.
    let checker = "import sys\ntry: import onnx\nexcept ImportError: sys.exit()\nonnx.checker.check_model(sys.argv[1], full_check=True)";
    let checked = Command::new(python()).arg("-c").arg(checker).arg(file).output().unwrap();
    assert!(checked.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&checked.stderr));
    let found = engine.verify(file, exported.checks.as_ref().unwrap()).unwrap();
    println!("{}: {:?}", file.display(), found.differences);
    assert!(found.agrees() && found.items > 0, "{}: {found:?}", file.display());
}

fn vision(architecture: &Architecture, head: HeadKind, size: Option<usize>) -> ImageModelConfig {
    let sizes = architecture.sizes;
    let setup = VisionSetup {
        architecture: architecture.name.to_owned(),
        weights: WeightSource::None,
        size: size.or(Some(sizes.least.max(48).next_multiple_of(sizes.step))),
        precision: Precision::F32,
        head,
        ..VisionSetup::default()
    };
    setup.outline().unwrap()
}

#[test]
fn every_architecture_answers_alike_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    for (index, architecture) in architectures().enumerate() {
        let head = if index % 2 == 0 { HeadKind::Linear } else { HeadKind::ConcatPool };
        let model = vision(architecture, head, None);
        let file = folder.path().join(format!("{}.onnx", architecture.name));
        let exported = export(&model, &file, &ExportOptions::default());
        assert!(exported.checks.as_ref().is_some_and(|checks| !checks.is_empty()));
        if let Some(engine) = &engine {
            assert_agrees(engine, &file, &exported);
        }
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn forms_cuts_and_options_answer_alike_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let lite = vision(Architecture::named("efficientnet_lite0").unwrap(), HeadKind::Linear, Some(64));
    let cropped = {
        let mut model = lite.clone();
        (model.preprocess.size, model.preprocess.resize_to) = (64, 75);
        model
    };
    let cut = ImageModelConfig { cut: Some("blocks.4".to_owned()), ..lite.clone() };
    let grey = {
        let mut model = lite.clone();
        (model.preprocess.channels, model.config.channels) = (1, 1);
        model
    };
    let tokens = ImageModelConfig {
        cut: Some("blocks.3".to_owned()),
        ..vision(Architecture::named("vit_small_patch16_224").unwrap(), HeadKind::ConcatPool, None)
    };
    let usual = ExportOptions::default();
    for (name, model, options) in [
        ("prepared", &lite, ExportOptions { input: InputForm::Prepared, ..usual.clone() }),
        ("newest", &lite, ExportOptions { opset: 22, ..usual.clone() }),
        ("half", &lite, ExportOptions { half: true, ..usual.clone() }),
        ("one", &lite, ExportOptions { batch: Some(1), ..usual.clone() }),
        ("three", &lite, ExportOptions { batch: Some(3), ..usual.clone() }),
        ("features", &lite, ExportOptions { features: true, ..usual.clone() }),
        ("cropped", &cropped, usual.clone()),
        ("cut", &cut, usual.clone()),
        ("grey", &grey, usual.clone()),
        ("tokens", &tokens, usual.clone()),
    ] {
        let file = folder.path().join(format!("{name}.onnx"));
        let exported = export(model, &file, &options);
        if let Some(engine) = &engine {
            assert_agrees(engine, &file, &exported);
        }
    }
    let bytes = |name: &str| std::fs::metadata(folder.path().join(format!("{name}.onnx"))).unwrap().len();
    assert!(bytes("half") * 10 < bytes("one") * 6);
}

fn text(config: TextConfig, head: HeadKind) -> TextModelConfig {
    let (columns, tokenizer) = (TextColumns::default(), tokenizer().into_bytes());
    TextModelConfig { config, head, precision: Precision::F32, max_tokens: 40, columns, tokenizer }
}

#[test]
fn texts_answer_alike_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let small = BertConfig {
        vocabulary: 8,
        hidden: 16,
        heads: 2,
        intermediate: 24,
        positions: 40,
        ..BertConfig::minilm()
    };
    let without_kinds = BertConfig { token_types: 0, ..small.clone() };
    let recurrent = AwdLstmConfig::of(8, 12, 20, 3, Dropouts::CLASSIFIER);
    for (name, config, head) in [
        ("bert", TextConfig::from(small), HeadKind::Linear),
        ("distilbert", TextConfig::from(without_kinds), HeadKind::ConcatPool),
        ("awd_lstm", TextConfig::from(recurrent), HeadKind::ConcatPool),
    ] {
        let file = folder.path().join(format!("{name}.onnx"));
        let exported = export(&text(config, head), &file, &ExportOptions::default());
        assert!(folder.path().join("tokenizer.json").exists());
        if let Some(engine) = &engine {
            assert_agrees(engine, &file, &exported);
        }
    }
}

/// A table with a column of each kind.
fn table(folder: &Path, design: Design) -> TableModelConfig {
    let path = folder.join("table.csv");
    let row = |i: usize| {
        let word = ["Red", "green", "blue"][i * 7 % 3];
        let few = [1, 2, 5][i % 3];
        let number = if i % 9 == 4 { String::new() } else { format!("{}.5", i * i % 83) };
        let (month, day) = (i % 12 + 1, i % 28 + 1);
        let flag = if i % 4 == 1 { "yes" } else { "no" };
        let (year, hour, minute) = (1999 + i % 30, i % 24, i * 7 % 60);
        let label = ["a", "b", "c"][(i + i / 5) % 3];
        format!(
            "{word},{few},{number},{},{year}-{month:02}-{day:02},{year}-{month:02}-{day:02} {hour:02}:{minute:02},{hour:02}:{minute:02},{flag},{label}\n",
            i * 3
        )
    };
    let rows: String = (0..120).map(row).collect();
    std::fs::write(&path, format!("colour,few,wide,count,sold,made,clock,flag,label\n{rows}")).unwrap();
    let data = TableData::open(&path).unwrap().design(design).label("label").seed(1).read().unwrap();
    data.network(None, 1, &Device::flex()).unwrap().1
}

#[test]
fn tables_answer_alike_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    for design in [Design::Fastai, Design::Quantiles] {
        let model = table(folder.path(), design);
        let file = folder.path().join("table.onnx");
        let exported = export(&model, &file, &ExportOptions::default());
        assert_eq!(exported.inputs.len(), 8, "{:?}", exported.inputs);
        assert!(exported.inputs.contains(&"colour string [batch]".to_owned()), "{:?}", exported.inputs);
        assert!(exported.inputs.contains(&"made float64 [batch]".to_owned()), "{:?}", exported.inputs);
        if let Some(engine) = &engine {
            assert_agrees(engine, &file, &exported);
        }
        let prepared = ExportOptions { input: InputForm::Prepared, ..ExportOptions::default() };
        assert_eq!(refused(&model, &prepared), "a prepared row has no graph: rows are given as they come");
    }
}

/// Why a model can't be exported.
fn refused<C: ModelConfig>(model: &C, options: &ExportOptions) -> String {
    exported(model, Path::new("never.onnx"), options).unwrap_err().to_string()
}

#[test]
fn what_can_t_be_exported_says_why() {
    let lite = vision(Architecture::named("efficientnet_lite0").unwrap(), HeadKind::Linear, Some(64));
    let older = ExportOptions { opset: 17, ..ExportOptions::default() };
    assert_eq!(refused(&lite, &older), "opset 17 can't be written; 18 to 22 can");
    let folded = ImageModelConfig { cut: Some("blocks.1".to_owned()), ..lite.clone() };
    let network = lively(&folded, 2);
    let exportable = Exportable {
        model: &folded,
        network: &network,
        classes: &["one", "two"].map(str::to_owned),
        loss: &Unsaid.into(),
        thresholds: &[0.5],
        reliability: &Reliability::default(),
        notes: BTreeMap::new(),
    };
    let expected = "`Unsaid` has no graph: implement Loss::export for it, beside its forward pass";
    assert_eq!(
        exportable.write(Path::new("none.onnx"), &ExportOptions::default()).unwrap_err().to_string(),
        expected
    );
}

/// A loss that has no graph.
#[derive(Debug)]
struct Unsaid;

impl Loss for Unsaid {
    fn name(&self) -> &str {
        "unsaid"
    }

    fn kind(&self) -> TargetKind {
        TargetKind::Class
    }

    fn forward(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        (scores - targets).square().mean()
    }

    fn decode(&self, scores: Tensor<2>) -> Tensor<2> {
        scores
    }

    fn encode(&self, answers: Tensor<2>) -> Tensor<2> {
        answers
    }
}
