//! The arguments of a learner, which have the names of the command's options.

use std::path::PathBuf;

use defrost::data::Validation;
use defrost::learner::Mixing;
use defrost::loss::Balance;
use defrost::platform::user_cache_folder;
use defrost::weights::WeightSource;
use defrost::{
    CacheLimits, FineTune, HeadKind, LearnerOptions, NormMode, Precision, Pretrained, Rates, Recipe,
    TargetKind, Thaw,
};
use pyo3::prelude::*;
use regex::Regex;

use crate::callbacks::{Shared, metric};
use crate::errors::{OrRaise as _, argument};

/// One of several words, and its meaning.
pub fn choice<T: Clone>(name: &str, given: &str, choices: &[(&str, T)]) -> PyResult<T> {
    let found = choices.iter().find(|(word, _)| *word == given);
    found.map(|(_, meaning)| meaning.clone()).ok_or_else(|| {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
        argument(format!("{name}={given:?}: choose one of {}", words.join(", ")))
    })
}

/// A regular expression.
pub fn expression(name: &str, given: &str) -> PyResult<Regex> {
    Regex::new(given).map_err(|error| argument(format!("{name}={given:?}: {error}")))
}

/// What a label is.
pub fn target(given: &str) -> PyResult<TargetKind> {
    let kinds =
        [("class", TargetKind::Class), ("labels", TargetKind::Labels), ("number", TargetKind::Number)];
    choice("target", given, &kinds)
}

/// A learning rate as the package writes it.
pub fn rates(given: &str) -> PyResult<Rates> {
    given.parse::<Rates>().or_raise()
}

/// The network to start from.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct NetworkOptions {
    arch: Option<String>,
    weights: Option<String>,
    pretrained: Option<PathBuf>,
    continued: Option<PathBuf>,
    size: Option<usize>,
    channels: Option<usize>,
    cut: Option<String>,
    head: Option<String>,
    precision: String,
    offline: bool,
}

impl NetworkOptions {
    /// The network described; `of_weights` says that its name is that of its weights.
    pub fn read(self, of_weights: bool) -> PyResult<Pretrained> {
        let heads = [("linear", HeadKind::Linear), ("fastai", HeadKind::ConcatPool)];
        let formats = [("auto", None), ("f32", Some(Precision::F32)), ("bf16", Some(Precision::Bf16))];
        let named = if of_weights { self.weights.or(self.arch.clone()) } else { self.weights };
        let run = self.continued.as_ref().or(self.pretrained.as_ref());
        let weights = match (run, named) {
            (Some(_), Some(given)) => {
                return Err(argument(format!(
                    "weights={given:?}: they come from a run; leave one of the two out"
                )));
            }
            (Some(run), None) => WeightSource::Run(run.clone()),
            (None, Some(given)) => WeightSource::from(given.as_str()),
            (None, None) => WeightSource::Usual,
        };
        Ok(Pretrained {
            name: self.arch.filter(|_| !of_weights),
            weights,
            precision: choice("precision", &self.precision, &formats)?,
            size: self.size,
            channels: self.channels,
            cut: self.cut,
            head: self.head.map(|head| choice("head", &head, &heads)).transpose()?,
            continued: self.continued.is_some(),
            offline: self.offline,
        })
    }
}

/// How a learner learns.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct LearningOptions {
    batch: Option<usize>,
    seed: u64,
    norm: String,
    groups: Option<String>,
    weight_decay: f64,
    label_smoothing: Option<f64>,
    balance: String,
    accumulate: usize,
    mixup: Option<f64>,
    cutmix: Option<f64>,
    clip: Option<f64>,
    average: Option<f64>,
    variants: u64,
    monitor: Option<String>,
    metrics: Vec<(String, Py<PyAny>)>,
}

impl LearningOptions {
    /// Items in a batch, if they are given.
    pub fn batch(&self) -> Option<usize> {
        self.batch
    }

    /// The learner's options, where the usual ones are these.
    pub fn read(
        self,
        cache: CacheLimits,
        usual: LearnerOptions,
        shared: &Shared,
    ) -> PyResult<LearnerOptions> {
        let norms = [("keep", NormMode::Keep), ("batch", NormMode::Batch), ("adapt", NormMode::Adapt)];
        let balances = [("none", Balance::None), ("weights", Balance::Weights), ("sample", Balance::Sample)];
        let mixing = match (self.mixup, self.cutmix) {
            (Some(_), Some(_)) => {
                return Err(argument("mixup, cutmix: images are mixed in one way; leave one of them out"));
            }
            (Some(alpha), None) => Mixing::MixUp { alpha },
            (None, Some(alpha)) => Mixing::CutMix { alpha },
            (None, None) => Mixing::None,
        };
        if self.batch == Some(0) || self.accumulate == 0 || self.variants == 0 {
            return Err(argument("batch, accumulate, variants: each is at least 1"));
        }
        Ok(LearnerOptions {
            batch_size: self.batch.unwrap_or(usual.batch_size),
            seed: self.seed,
            norm: choice("norm", &self.norm, &norms)?,
            groups: self.groups,
            weight_decay: self.weight_decay,
            label_smoothing: self.label_smoothing,
            balance: choice("balance", &self.balance, &balances)?,
            accumulate: self.accumulate,
            mixing,
            max_gradient_norm: self.clip,
            average: self.average,
            variants: self.variants,
            monitored: self.monitor,
            metrics: self.metrics.into_iter().map(|(name, measure)| metric(name, measure, shared)).collect(),
            cache,
            ..usual
        })
    }
}

/// How much may be cached.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct CacheOptions {
    cache: String,
    cache_limit: Option<u64>,
}

impl CacheOptions {
    /// Limits for features, and the bytes of decoded images: half the memory each.
    pub fn read(self) -> PyResult<(CacheLimits, u64)> {
        let is_on = choice("cache", &self.cache, &[("auto", true), ("off", false)])?;
        let limits = match (is_on, self.cache_limit) {
            (false, _) => CacheLimits::none(),
            (true, None) => CacheLimits::of_this_machine(user_cache_folder()),
            (true, Some(bytes)) => CacheLimits { memory: bytes, disk: bytes, folder: user_cache_folder() },
        };
        let half = limits.memory / 2;
        Ok((CacheLimits { memory: half, ..limits }, half))
    }
}

/// Which items validate.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct SplitOptions {
    valid: Option<Valid>,
    valid_pct: Option<f64>,
}

/// Items that validate: another folder or file, or places among the items.
#[derive(FromPyObject)]
enum Valid {
    Items(Vec<usize>),
    Path(PathBuf),
}

impl SplitOptions {
    /// Where they come from.
    pub fn read(self) -> PyResult<Validation> {
        match (self.valid, self.valid_pct) {
            (Some(_), Some(_)) => {
                Err(argument("valid, valid_pct: both say what validates; leave one of them out"))
            }
            (Some(Valid::Path(path)), None) => Ok(Validation::Path(path)),
            (Some(Valid::Items(places)), None) => Ok(Validation::Items(places)),
            (None, Some(fraction)) => Ok(Validation::Fraction(fraction)),
            (None, None) => Ok(Validation::default()),
        }
    }
}

/// The phases of `train`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct RecipeOptions {
    pub epochs: Option<usize>,
    freeze_epochs: Option<usize>,
    lr: Option<String>,
    thaw: Option<Vec<String>>,
    recipe: String,
}

impl RecipeOptions {
    /// The recipe asked for, where `usual` is the model's own with these epochs.
    pub fn read(self, usual: FineTune) -> PyResult<Recipe> {
        let given = self.lr.as_deref().map(rates).transpose()?;
        let thaw = self.thaw.map_or_else(|| usual.thaw.clone(), Thaw::Only);
        let is_fastai = choice("recipe", &self.recipe, &[("auto", false), ("fastai", true)])?;
        if is_fastai {
            let fastai = FineTune::new(usual.epochs);
            let freeze_epochs = self.freeze_epochs.unwrap_or(fastai.freeze_epochs);
            let rates = given.unwrap_or(fastai.rates.clone());
            return Ok(FineTune { freeze_epochs, rates, thaw, ..fastai }.into());
        }
        let usual = FineTune { rates: given.unwrap_or(usual.rates.clone()), thaw, ..usual };
        Ok(match self.freeze_epochs {
            Some(freeze_epochs) => FineTune { freeze_epochs, ..usual }.into(),
            None => Recipe::Auto(usual),
        })
    }
}
