//! Taking a trained model elsewhere: as one ONNX file that takes what people have and gives the same answers, or as weights
//! under the names of PyTorch's libraries.
//!
//! Beside an ONNX file lie the class names in order (`labels.txt`), made-up items with this library's answers
//! (`NAME.check.json`), by which any runtime can be checked, and what else a model needs, such as its tokenizer.

mod answers;
mod check;
mod eight_bits;
mod engine;
mod features;
mod onnx;
mod torch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module as _;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bundle::{InputForm, Loaded, ModelConfig};
use crate::data::{Fingerprint, TargetKind};
use crate::files::{self, FileError};
use crate::graph::{Dim, Graph, NoGraph, Range};
use crate::loss::AnyLoss;
use crate::metrics::Reliability;
use crate::precision::Precision;
use crate::stage::Network as _;
use crate::weights::safetensors::SafetensorsError;
use crate::weights::{collect, load};

pub use check::Checks;
use check::LARGEST;
pub use eight_bits::EightBits;
pub use engine::{Difference, Engine, EngineError, Verified};
pub use features::{FeatureTable, FeatureTableError, FeatureTableFormat};
pub use torch::TorchExport;

/// The versions of ONNX's operators that an export can be written for.
const OPSETS: std::ops::RangeInclusive<u32> = 18..=22;
/// The longest message that protobuf's readers take.
const LONGEST: usize = (1 << 31) - 1;

/// How a model is exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportOptions {
    /// What it is given.
    pub input: InputForm,
    /// The version of ONNX's operators, 18 to 22.
    pub opset: u32,
    /// Whether weights are kept in 16 bits, which halves the file. What is computed with them has 32.
    pub half: bool,
    /// How many items a batch has, if that is fixed.
    pub batch: Option<usize>,
    /// Whether it gives the input of the last stage, `features`, instead of answers.
    pub features: bool,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { input: InputForm::Raw, opset: *OPSETS.start(), half: false, batch: None, features: false }
    }
}

impl ExportOptions {
    fn check(&self) -> Result<(), ExportError> {
        match self.batch {
            _ if !OPSETS.contains(&self.opset) => Err(ExportError::Opset(self.opset)),
            Some(batch) if !(1..=LARGEST).contains(&batch) => Err(ExportError::Batch(batch)),
            _ => Ok(()),
        }
    }
}

/// How the body's activations are computed.
#[derive(Clone, Copy, Debug)]
enum Activations<'a> {
    /// In 32 bits.
    Exact,
    /// In 32 bits, and nothing comes out but their ranges.
    Observed,
    /// In 8 bits, over these ranges.
    Rounded(&'a [Range]),
}

/// A model can't be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// A part of it can't be described.
    #[error(transparent)]
    NoGraph(#[from] NoGraph),
    /// No such version of ONNX's operators.
    #[error("opset {0} can't be written; {first} to {last} can", first = OPSETS.start(), last = OPSETS.end())]
    Opset(u32),
    /// No such batches.
    #[error("a batch can be fixed at 1 to {LARGEST} items, not {0}")]
    Batch(usize),
    /// The file would be too long for any reader.
    #[error("a file of {} MB can't be read by any program: protobuf ends at {} MB", .0 >> 20, LONGEST >> 20)]
    TooLong(usize),
    /// No library of PyTorch's has this network.
    #[error("PyTorch's libraries have no `{network}` that takes the weights: {reason}")]
    NotInPyTorch {
        /// The network.
        network: String,
        /// The reason.
        reason: String,
    },
    /// A file is no export.
    #[error("{}: not an export of this program: {reason}", path.display())]
    NotAnExport {
        /// Which file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A file was exported from another run.
    #[error("{}: it was exported from another run, or before this one was trained anew", .0.display())]
    OtherRun(PathBuf),
    /// Its answers are not the run's to the last digit.
    #[error("{}: it computes in 8 bits, and what that costs was measured when it was written: {cost}", path.display())]
    InEightBits {
        /// The export.
        path: PathBuf,
        /// What was measured.
        cost: String,
    },
    /// Too few items to calibrate on and to measure.
    #[error("8 bits are calibrated on some items and measured on others: {0} given, two are the least")]
    TooFew(usize),
    /// The engine that measures can't.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An input has the name of an output.
    #[error("the column `{0}` has the name of an output; rename it in the data and train again")]
    NameOfOutput(String),
    /// Its items can't be prepared.
    #[error("an item can't be prepared: {0}")]
    Item(String),
    /// Weights can't be written.
    #[error(transparent)]
    Weights(#[from] SafetensorsError),
    /// A file can't be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Exported {
    /// All files, the model first.
    pub files: Vec<PathBuf>,
    /// The model's length in bytes.
    pub bytes: usize,
    /// Names, kinds and dimensions of what it is given, such as `image uint8 [batch, height, width, 3]`.
    pub inputs: Vec<String>,
    /// The same of its outputs.
    pub outputs: Vec<String>,
    /// Items with this library's answers; none of what computes in 8 bits.
    pub checks: Option<Checks>,
}

/// A network and all that its answers depend on.
#[derive(Debug)]
pub struct Exportable<'a, C: ModelConfig> {
    /// Its description.
    pub model: &'a C,
    /// The network, with numbers of 32 bits between its layers.
    pub network: &'a C::Network,
    /// The names of classes or labels; none of numbers.
    pub classes: &'a [String],
    /// What its scores mean.
    pub loss: &'a AnyLoss,
    /// The probability from which on a label is said to be there, one for each label or one for all.
    pub thresholds: &'a [f32],
    /// How its answers are made.
    pub reliability: &'a Reliability,
    /// Further notes for the file, by key.
    pub notes: BTreeMap<String, String>,
}

impl<C: ModelConfig> Exportable<'_, C> {
    /// The graph from input to answers.
    fn graph(&self, options: &ExportOptions, activations: Activations<'_>) -> Result<Graph, NoGraph> {
        let mut graph = Graph::new(options.batch.map_or(Dim::Named("batch"), Dim::Fixed));
        let stages = self.network.stages();
        for parameter in stages.iter().flat_map(|stage| &stage.parameters) {
            graph.name_parameter(parameter.id, &parameter.name);
        }
        let last = stages.len().saturating_sub(1);
        let input = self.model.export_input(&mut graph, options.input)?;
        let before = graph.nodes().len();
        let features = self.network.export(&mut graph, input, 0..last)?;
        let body = graph.computed_since(before);
        if options.features {
            self.export_features(&mut graph, &features)?;
        } else {
            let scores = self.network.export(&mut graph, features.clone(), last..stages.len())?;
            self.export_answers(&mut graph, &features, &scores)?;
        }
        graph.prune();
        match activations {
            Activations::Exact => {}
            Activations::Observed => {
                graph.fold_norms();
                if !graph.only_ranges(&body) {
                    return Err(eight_bits::no_products(self));
                }
            }
            Activations::Rounded(ranges) => {
                graph.fold_norms();
                graph.quantize(&body, ranges);
            }
        }
        if options.half {
            graph.halve();
        }
        for (key, text) in self.all_notes() {
            graph.note(&key, text);
        }
        // Options are plain words and numbers.
        graph.note("export", serde_json::to_string(options).unwrap_or_default());
        Ok(graph)
    }

    fn device(&self) -> Device {
        self.network.devices().into_iter().next().unwrap_or_default()
    }

    fn all_notes(&self) -> BTreeMap<String, String> {
        let json = |value: serde_json::Value| value.to_string();
        let mut notes = self.notes.clone();
        notes.extend([
            ("task".to_owned(), C::TASK.to_owned()),
            ("network".to_owned(), self.model.name().to_owned()),
            ("classes".to_owned(), json(self.classes.into())),
            ("temperature".to_owned(), self.reliability.temperature.value().to_string()),
            ("defrost".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ]);
        if self.loss.kind() == TargetKind::Labels {
            notes.insert("thresholds".to_owned(), json(self.thresholds.into()));
        }
        notes.extend(
            self.model.licence().map(|licence| ("pretrained_licence".to_owned(), licence.to_owned())),
        );
        notes
    }

    /// Writes an ONNX file and what belongs beside it.
    ///
    /// # Errors
    ///
    /// If a part of the model has no graph, the file would be too long, or one can't be written.
    pub fn write(&self, file: &Path, options: &ExportOptions) -> Result<Exported, ExportError> {
        options.check()?;
        let graph = self.graph(options, Activations::Exact)?;
        self.write_graph(&graph, file, options, Some(self.checks(options)?))
    }

    fn write_graph(
        &self,
        graph: &Graph,
        file: &Path,
        options: &ExportOptions,
        checks: Option<Checks>,
    ) -> Result<Exported, ExportError> {
        let names = ["probabilities", "label", "labels", "number", "familiarity", "features"];
        let mut inputs = graph.inputs().iter().map(|port| graph.name(port.value));
        if let Some(taken) = inputs.find(|name| names.contains(name)) {
            return Err(ExportError::NameOfOutput(taken.to_owned()));
        }
        let bytes = onnx::encode(graph, options.opset)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut written = vec![file.to_owned()];
        files::write_atomically(file, |to| std::io::Write::write_all(to, &bytes))?;
        let mut beside = self.model.export_files().map_err(ExportError::Item)?;
        if !self.classes.is_empty() {
            let lines: String = self.classes.iter().map(|class| format!("{class}\n")).collect();
            beside.insert("labels.txt".to_owned(), lines.into_bytes());
        }
        if let Some(checks) = &checks {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let of_file = checks.to_json_of(&Fingerprint::sha256(&bytes).to_string());
            beside.insert(format!("{stem}.check.json"), of_file.into_bytes());
        }
        for (name, bytes) in beside {
            let path = folder.join(name);
            files::write_atomically(&path, |to| std::io::Write::write_all(to, &bytes))?;
            written.push(path);
        }
        let ports =
            |ports: &[crate::graph::Port]| ports.iter().map(|port| onnx::describe(graph, port)).collect();
        let (inputs, outputs) = (ports(graph.inputs()), ports(graph.outputs()));
        Ok(Exported { files: written, bytes: bytes.len(), inputs, outputs, checks })
    }
}

impl<C: ModelConfig> Loaded<C> {
    /// Writes the model as an ONNX file, and beside it what belongs to it.
    ///
    /// # Errors
    ///
    /// If a part of the model has no graph, the file would be too long, or one can't be written.
    pub fn export(&self, file: &Path, options: &ExportOptions) -> Result<Exported, ExportError> {
        self.exportable(|model| model.write(file, options))
    }

    /// The items that this export is compared on, and the run's answers to them.
    ///
    /// # Errors
    ///
    /// If the file is no export of this run, or an item can't be prepared.
    pub fn checks_of(&self, file: &Path) -> Result<Checks, ExportError> {
        let bytes = files::read(file)?;
        let damaged = |reason: String| ExportError::NotAnExport { path: file.to_owned(), reason };
        let notes = onnx::notes(&bytes).map_err(|error| damaged(error.to_string()))?;
        let note = |key: &str| notes.get(key).map(String::as_str).unwrap_or_default();
        if note("weights_sha256") != self.manifest.weights_sha256 {
            let is_one = notes.contains_key("weights_sha256");
            let another = ExportError::OtherRun(file.to_owned());
            return Err(if is_one { another } else { damaged("it does not say of which run".to_owned()) });
        }
        if let Some(cost) = notes.get(eight_bits::NOTE) {
            return Err(ExportError::InEightBits { path: file.to_owned(), cost: cost.clone() });
        }
        let options: ExportOptions =
            serde_json::from_str(note("export")).map_err(|error| damaged(error.to_string()))?;
        self.exportable(|model| model.checks(&options))
    }

    /// What is exported: the network in 32 bits, whatever it was trained in.
    fn exportable<T>(
        &self,
        with: impl FnOnce(Exportable<'_, C>) -> Result<T, ExportError>,
    ) -> Result<T, ExportError> {
        let manifest = &self.manifest;
        let model = manifest.model.in_f32();
        let mut network = self.network().clone();
        if manifest.model.precision() != Precision::F32 {
            let new = model.network(manifest.outputs(), self.device());
            let new = new.map_err(|error| ExportError::Item(error.to_string()))?;
            network = load(new, &collect(self.network())).valid();
        }
        with(Exportable {
            model: &model,
            network: &network,
            classes: &manifest.classes,
            loss: &manifest.loss,
            thresholds: manifest.thresholds(),
            reliability: self.reliability(),
            notes: BTreeMap::from([("weights_sha256".to_owned(), manifest.weights_sha256.clone())]),
        })
    }
}
