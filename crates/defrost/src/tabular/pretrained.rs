//! A table network: new, or on the body of an earlier run.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use thiserror::Error;

use super::bundle::TableModelConfig;
use super::dataset::Table;
use super::network::TabularNetwork;
use super::schema::Schema;
use crate::bundle::{self, BundleError};
use crate::data::Draws;
use crate::pretrained::Pretrained;
use crate::remedy::Remedy;
use crate::split_data::SplitData;
use crate::stage::{Network, Stage};
use crate::weights::{MisfitError, Tensors, WeightSource, check_fit, load};

/// What an earlier run learned about columns.
#[derive(Clone, Debug)]
pub struct PretrainedTable {
    /// Its columns and their encoding, which the body is made for.
    pub schema: Schema,
    /// The column it predicts.
    pub label: String,
    file: String,
    tensors: Tensors,
}

/// An earlier run can't be built on.
#[derive(Debug, Error)]
pub enum PretrainedTableError {
    /// The source of weights is not a run.
    #[error("a table's network starts new, or on an earlier run over the same columns; there are no others")]
    NotARun,
    /// An option that only images have is set.
    #[error("`{0}` is for images; a table's network has none")]
    OfImages(&'static str),
    /// It can't be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Its weights are another network's.
    #[error(transparent)]
    Misfit(#[from] MisfitError),
}

impl PretrainedTableError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Misfit(misfit) => misfit.remedy(),
            _ => None,
        }
    }
}

impl PretrainedTable {
    /// The earlier run, if one is given: a table's network starts new otherwise.
    ///
    /// # Errors
    ///
    /// If the source is not a run, or the run can't be read.
    pub fn of(pretrained: &Pretrained) -> Result<Option<Self>, PretrainedTableError> {
        if let Some(what) = pretrained.of_images_alone().or(pretrained.head.map(|_| "head")) {
            return Err(PretrainedTableError::OfImages(what));
        }
        match (&pretrained.weights, &pretrained.name) {
            (WeightSource::File(run) | WeightSource::Run(run), None) => Ok(Some(Self::open(run)?)),
            (WeightSource::Usual | WeightSource::None, None) => Ok(None),
            _ => Err(PretrainedTableError::NotARun),
        }
    }

    /// Reads the folder of a finished run.
    ///
    /// # Errors
    ///
    /// If there is none, or one of another kind.
    pub fn open(run: &Path) -> Result<Self, PretrainedTableError> {
        let (manifest, tensors) = bundle::read::<TableModelConfig>(run)?;
        let TableModelConfig { schema, label, .. } = manifest.model;
        Ok(Self { schema, label, file: run.display().to_string(), tensors })
    }
}

impl SplitData<Table> {
    /// What has to be kept of a model of this data.
    pub(super) fn model(&self, pretrained: bool) -> TableModelConfig {
        let (schema, label) = (self.train.schema().clone(), self.train.label().to_owned());
        TableModelConfig { schema, label, pretrained }
    }

    /// The network for this data with a new head: on the body of an earlier run, if there is one.
    ///
    /// # Errors
    ///
    /// If the earlier run's weights do not fit its own columns.
    pub fn network(
        &self,
        pretrained: Option<PretrainedTable>,
        seed: u64,
        device: &Device,
    ) -> Result<(TabularNetwork, TableModelConfig), PretrainedTableError> {
        device.seed(Draws::weight_seed(seed));
        let manifest = self.model(pretrained.is_some());
        let mut network =
            TabularNetwork::new(self.train.schema(), self.outputs(), manifest.pretrained, device);
        if let Some(PretrainedTable { file, tensors, .. }) = pretrained {
            let body: Vec<Stage> = network.stages().into_iter().filter(|stage| stage.pretrained).collect();
            check_fit(&file, "the body", &body, &tensors)?;
            let of_body = tensors.into_iter().filter(|(name, _)| name.starts_with("body.")).collect();
            network = load(network, &of_body);
        }
        Ok((network.valid(), manifest))
    }
}
