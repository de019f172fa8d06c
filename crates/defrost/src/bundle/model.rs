//! A saved model of any domain: its description, loading, evaluating, predicting.

use std::any::Any;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{BundleError, BundleManifest, NamedPrediction, Names, SelfTest, paths, read, write};
use crate::batch::Batch;
use crate::data::{Dataset, Preview, Variant};
use crate::files::FileError;
use crate::graph::{self, Array, Graph, NoGraph};
use crate::interpret::HeatMap;
use crate::learner::{
    EPOCHS, Evaluation, Learner, LearnerError, LearnerOptions, Model, SaveError, TestTimeAugmentation,
    evaluate,
};
use crate::metrics::{Answer, Features, NotANumber, Reliability, THRESHOLD, features};
use crate::ops::isa_level;
use crate::platform::fs;
use crate::precision::Precision;
use crate::prefix::Cache;
use crate::recipe::FineTune;
use crate::stage::Network;
use crate::summary::PlanSummary;
use crate::weights::{Tensors, check_fit, collect, load};

/// What a domain keeps of a model besides its weights: enough to build and feed the network again.
pub trait ModelConfig: Clone + Serialize + DeserializeOwned + Send + 'static {
    /// The domain's name in bundles.
    const TASK: &'static str;
    /// Its networks.
    type Network: Network;
    /// Why there can be no such network.
    type Error: std::error::Error;

    /// The network's name.
    fn name(&self) -> &str;

    /// The network described, with new weights: it gives `outputs` scores for an item.
    ///
    /// # Errors
    ///
    /// If the description is of none.
    fn network(&self, outputs: usize, device: &Device) -> Result<Self::Network, Self::Error>;

    /// How many numbers its network's tensors hold at least, told without building it: a bundle that holds fewer is refused
    /// before more memory is allocated.
    fn least_numbers(&self, outputs: usize) -> u64;

    /// A made-up item for the [self-test](SelfTest), as texts that [`ModelConfig::prepare`] understands: the same ones for the same
    /// model. The more of the preprocessing it goes through, the more is tested.
    fn sample(&self) -> Vec<String>;

    /// Such an item as the network gets it to predict: a batch of one. The texts may come from a file.
    ///
    /// # Errors
    ///
    /// If they are no item; the message says why.
    fn prepare(&self, item: &[String], device: &Device) -> Result<Batch, String>;

    /// Epochs in which everything trains, where nothing else is said.
    fn epochs(&self) -> usize {
        EPOCHS
    }

    /// How its pretrained networks are tuned where nothing else is said: thawed for this many epochs.
    fn recipe(&self, epochs: usize) -> FineTune;

    /// The same where nothing is said of epochs either: for its own number of them, or until validation no longer gets better.
    fn usual_recipe(&self) -> FineTune {
        self.recipe(self.epochs())
    }

    /// The default batch size for this many training items.
    fn batch_size(&self, _items: usize) -> usize {
        LearnerOptions::default().batch_size
    }

    /// The number format between the body's layers.
    fn precision(&self) -> Precision {
        Precision::F32
    }

    /// Stages of the body that were thrown away, by name.
    fn cut_stages(&self) -> Vec<String> {
        vec![]
    }

    /// Where in each item of a batch the network looks for the output given for it; nothing if it can't tell.
    fn heat(&self, _network: &Self::Network, _input: Batch, _outputs: &[usize]) -> Vec<HeatMap> {
        vec![]
    }

    /// Such a map as a transparent PNG file to lay over the item; nothing if its items are no images.
    fn draw_heat(_map: &HeatMap) -> Option<Vec<u8>> {
        None
    }

    /// How much each word of these texts spoke for the output given for it, `0.0..=1.0`, as far as the network reads the text; the batch has
    /// the same texts. Nothing if its items are no texts.
    fn weigh_words(
        &self,
        _network: &Self::Network,
        _input: Batch,
        _texts: &[String],
        _outputs: &[usize],
    ) -> Vec<Vec<f32>> {
        vec![]
    }

    /// What a person is shown of items as they enter the network, one by one; nothing where that tells no more than the items themselves.
    fn preview_inputs(&self, _inputs: &Batch) -> Vec<Preview> {
        vec![]
    }

    /// Files of its own that belong beside the weights, such as a tokenizer, by name.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        BTreeMap::new()
    }

    /// Takes such files back.
    fn take_files(&mut self, _files: BTreeMap<String, Vec<u8>>) {}

    /// Adds to a graph what such a model is given, and what prepares it: the values that its network's first stage receives.
    ///
    /// # Errors
    ///
    /// If there is no such input.
    fn export_input(&self, _graph: &mut Graph, _form: InputForm) -> Result<Vec<graph::Value>, NoGraph> {
        Err(NoGraph::of::<Self>("ModelConfig::export_input"))
    }

    /// Made-up items to compare an export on, each as the graph gets it and as the network does.
    ///
    /// # Errors
    ///
    /// If one can't be prepared; the message says why.
    fn export_items(&self, _form: InputForm, _device: &Device) -> Result<Vec<ExportItem>, String> {
        Ok(vec![])
    }

    /// The form of input that batches of its data sets have; none where a graph is given something else.
    fn batch_form(&self) -> Option<InputForm> {
        None
    }

    /// Such a batch as the inputs of a graph, by name.
    fn export_batch(&self, _batch: Batch) -> BTreeMap<String, Array> {
        BTreeMap::new()
    }

    /// Files that belong beside an export, by name.
    ///
    /// # Errors
    ///
    /// If one can't be made; the message says why.
    fn export_files(&self) -> Result<BTreeMap<String, Vec<u8>>, String> {
        Ok(BTreeMap::new())
    }

    /// The same with numbers of 32 bits between the body's layers.
    #[must_use]
    fn in_f32(&self) -> Self {
        self.clone()
    }

    /// The network of PyTorch's libraries that computes the same.
    ///
    /// # Errors
    ///
    /// If there is none; the message says why.
    fn torch_model(&self) -> Result<TorchModel, String> {
        Err("they have no such network".to_owned())
    }

    /// The licence of the pretrained weights, if it is known.
    fn licence(&self) -> Option<&str> {
        None
    }
}

/// How a library of PyTorch's makes the same network, and what it calls the tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TorchModel {
    /// The library: `torchvision` or `timm`.
    pub library: &'static str,
    /// The call that makes the network, up to its number of classes, such as `torchvision.models.resnet18(`.
    pub call: String,
    /// What it calls the last dense layer.
    pub classifier: &'static str,
}

/// What an export is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputForm {
    /// Items as they come, such as images of any size.
    #[default]
    Raw,
    /// Prepared numbers, as the network reads them.
    Prepared,
}

/// An item, or several of one shape, as a graph gets them and as the network does.
#[derive(Clone, Debug)]
pub struct ExportItem {
    /// The graph's inputs, by name.
    pub inputs: BTreeMap<String, Array>,
    /// The network's.
    pub batch: Batch,
}

impl<C: ModelConfig> Model<C::Network> for C {
    fn name(&self) -> &str {
        ModelConfig::name(self)
    }

    fn recipe(&self, epochs: usize) -> FineTune {
        ModelConfig::recipe(self, epochs)
    }

    fn usual_recipe(&self) -> FineTune {
        ModelConfig::usual_recipe(self)
    }

    fn cut_stages(&self) -> Vec<String> {
        ModelConfig::cut_stages(self)
    }

    fn save(&self, learner: &mut Learner<C::Network>, folder: &Path) -> Result<Vec<f32>, SaveError> {
        let (classes, outputs) = (learner.classes(), learner.outputs());
        if classes.len().max(1) != outputs {
            return Err(SaveError::Classes { outputs, classes: classes.len() });
        }
        let thresholds = learner.best_thresholds()?;
        let Reliability { temperature, familiarity } = learner.calibrate()?.clone();
        let network = learner.network().valid();
        let manifest = BundleManifest {
            format: 0,
            task: C::TASK.to_owned(),
            classes,
            loss: learner.loss().clone(),
            thresholds: thresholds.clone(),
            temperature,
            baseline: learner.baseline(),
            familiarity,
            model: self.clone(),
            plan: PlanSummary {
                arch: ModelConfig::name(self).to_owned(),
                cut: ModelConfig::cut_stages(self),
                ..learner.summary()
            },
            epochs: learner.history().records().to_vec(),
            estimate: learner.history().estimates().to_vec(),
            weights_sha256: String::new(),
            files_sha256: BTreeMap::new(),
            self_test: Some(SelfTest::of(self, &network, learner.device()).map_err(SaveError::SelfTest)?),
        };
        write(folder, manifest, &collect(&network))?;
        // What can't be loaded is not saved: without a manifest it is no finished run, and can be resumed.
        if let Err(reason) = Loaded::<C>::open(folder, learner.device()) {
            let manifest = paths(folder).0;
            fs::remove_file(&manifest).map_err(FileError::at(&manifest))?;
            return Err(SaveError::Unusable(Box::new(reason)));
        }
        Ok(thresholds)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl<N: Network> Learner<N> {
    /// With what is needed to build and feed its network again, so that it can be [saved](Self::save) and predicts.
    #[must_use]
    pub fn with_model<C: ModelConfig<Network = N>>(mut self, model: C) -> Self {
        self.set_model(Box::new(model));
        self
    }

    /// Writes the network and what is needed to use it into a folder, which is made if it is not there. Labels get the
    /// thresholds that are best on the validation items; those are returned. Answers are [calibrated](Self::calibrate).
    ///
    /// # Errors
    ///
    /// If the learner has no [model](Self::with_model), a file can't be written, an item can't be read, or what was written
    /// can't be loaded again.
    pub fn save(&mut self, folder: impl AsRef<Path>) -> Result<Vec<f32>, SaveError> {
        let folder = folder.as_ref();
        let model = self.take_model().ok_or(SaveError::NoModel)?;
        let made = fs::create_dir_all(folder).map_err(FileError::at(folder));
        let saved = made.map_err(SaveError::from).and_then(|()| model.save(self, folder));
        self.set_model(model);
        saved
    }

    /// The network's prediction now for each item of a batch, as its [`Dataset`] or model prepares them; an error for each
    /// item whose scores are not numbers.
    pub fn predict_batch(&self, input: Batch) -> Vec<Result<NamedPrediction, NotANumber>> {
        let (scores, features) = scores_and_features(&self.network().valid(), input);
        let loss = self.loss().clone();
        let answers = self.reliability().answers(&loss, scores, features.as_ref());
        let names = Names { classes: self.classes(), loss, thresholds: vec![THRESHOLD] };
        let names = Arc::new(names);
        answers.into_iter().map(|answer| Ok(names.of(answer?))).collect()
    }
}

/// A network's scores for each item of a batch, and what its last stage receives.
fn scores_and_features<N: Network>(network: &N, input: Batch) -> (Tensor<2>, Option<Features>) {
    let stages = network.stages().len();
    let last = stages.saturating_sub(1);
    let received = network.forward(input, 0..last);
    let features = if last > 0 { features(&received) } else { None };
    (network.forward(received, last..stages).single(), features)
}

/// How many numbers these tensors hold.
fn count(tensors: &Tensors) -> u64 {
    tensors.values().map(|data| data.num_elements() as u64).sum()
}

/// A saved network, ready to use.
#[derive(Debug)]
pub struct Loaded<M: ModelConfig> {
    /// The bundle's manifest.
    pub manifest: BundleManifest<M>,
    network: M::Network,
    reliability: Reliability,
    device: Device,
}

impl<M: ModelConfig> Loaded<M> {
    /// Loads a run: its folder, or the file it was packed into.
    ///
    /// # Errors
    ///
    /// If it holds no bundle, one that is damaged or of another domain, or if the network does not answer as it did when it
    /// was saved.
    pub fn open(folder: &Path, device: &Device) -> Result<Self, BundleError> {
        let (manifest_path, weights_path) = paths(folder);
        let (mut manifest, tensors) = read::<M>(folder)?;
        let invalid = |reason: String| BundleError::Manifest { path: manifest_path.clone(), reason };
        let (least, held) = (manifest.model.least_numbers(manifest.outputs()), count(&tensors));
        if least > held {
            return Err(invalid(format!(
                "it describes a network of {least} numbers or more, and its weights are {held}"
            )));
        }
        let network = manifest.model.network(manifest.outputs(), device);
        let network = network.map_err(|error| invalid(error.to_string()))?;
        let file = weights_path.display().to_string();
        check_fit(&file, manifest.model.name(), &network.stages(), &tensors)?;
        let network = load(network, &tensors).valid();
        let reliability =
            Reliability { temperature: manifest.temperature, familiarity: manifest.familiarity.take() };
        let loaded = Self { manifest, network, reliability, device: device.clone() };
        loaded.test(folder)?;
        Ok(loaded)
    }

    /// Whether the network answers as it did when it was saved, as far as that was kept.
    fn test(&self, folder: &Path) -> Result<(), BundleError> {
        let Self { manifest: BundleManifest { model, self_test, .. }, network, device, .. } = self;
        let Some(test) = self_test else { return Ok(()) };
        let invalid = |reason| BundleError::Manifest { path: paths(folder).0, reason };
        let (apart, allowed) =
            (test.apart(model, network, device).map_err(invalid)?, SelfTest::allowed(model.precision()));
        if apart <= allowed {
            return Ok(());
        }
        let kernels = isa_level().map_or("unknown", |isa| isa.name());
        Err(BundleError::SelfTest { folder: folder.to_owned(), apart, allowed, kernels })
    }

    /// The device it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The network.
    pub fn network(&self) -> &M::Network {
        &self.network
    }

    /// How its answers are made.
    pub fn reliability(&self) -> &Reliability {
        &self.reliability
    }

    /// An answer with the names of its classes.
    pub fn named(&self, answer: Answer) -> NamedPrediction {
        let BundleManifest { classes, loss, .. } = &self.manifest;
        let thresholds = self.manifest.thresholds().to_vec();
        Arc::new(Names { classes: classes.clone(), loss: loss.clone(), thresholds }).of(answer)
    }

    /// Classes and probabilities for each item of a batch, and how familiar it is; an error for each item whose scores are not
    /// numbers.
    pub fn predict_batch(&self, input: Batch) -> Vec<Result<Answer, NotANumber>> {
        let (scores, features) = scores_and_features(&self.network, input);
        self.reliability.answers(&self.manifest.loss, scores, features.as_ref())
    }

    /// The same for a batch that is seen in the variants of this test-time augmentation, in their order. The original says
    /// how familiar an item is.
    pub fn predict_variants(
        &self,
        tta: TestTimeAugmentation,
        mut input: impl FnMut(Variant) -> Batch,
    ) -> Vec<Result<Answer, NotANumber>> {
        let loss = &self.manifest.loss;
        let mut features = None;
        let scores = tta.scores(loss, |variant| {
            let (scores, received) = scores_and_features(&self.network, input(variant));
            if variant == Variant::Original {
                features = received;
            }
            Ok::<_, Infallible>(scores)
        });
        let Ok(scores) = scores;
        self.reliability.answers(loss, scores, features.as_ref())
    }

    /// The network's scores for each item of a batch, `[batch, outputs]`.
    pub fn scores(&self, input: Batch) -> Tensor<2> {
        self.network.forward(input, 0..self.network.stages().len()).single()
    }

    /// Where in each item of a batch the network looks for the output given for it; nothing if it can't tell.
    pub fn heat(&self, input: Batch, outputs: &[usize]) -> Vec<HeatMap> {
        self.manifest.model.heat(&self.network, input, outputs)
    }

    /// Loss and measures on labelled items, and how far off the probabilities of classes are; each seen with this test-time augmentation; what earlier runs and this one have computed is in `cache`.
    ///
    /// # Errors
    ///
    /// If an item can't be read.
    pub fn evaluate(
        &self,
        items: &dyn Dataset,
        batch_size: usize,
        tta: TestTimeAugmentation,
        cache: &mut Cache,
    ) -> Result<Evaluation, LearnerError> {
        let loss = &self.manifest.loss;
        let evaluation = evaluate(&self.network, items, (loss, tta), batch_size, &self.device, cache)?;
        Ok(evaluation.at(self.manifest.thresholds()).calibrated(self.manifest.temperature))
    }
}
