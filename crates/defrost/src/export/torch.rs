//! Weights for PyTorch: under the names that torchvision or timm give the tensors of body and classifier.

use std::collections::BTreeMap;
use std::path::Path;

use super::ExportError;
use crate::bundle::{Loaded, ModelConfig, TorchModel};
use crate::weights::{Tensors, collect, safetensors};

/// Weights that were written.
#[derive(Clone, Debug)]
pub struct TorchExport {
    /// How many tensors.
    pub tensors: usize,
    /// Lines of Python that load them.
    pub lines: Vec<String>,
}

/// The prefix of the body's tensors in runs, and the head's dense layer.
const BODY: &str = "body.";
const DENSE: &str = "head.linear.";

impl<C: ModelConfig> Loaded<C> {
    /// Writes the weights as a safetensors file that a network of PyTorch's libraries takes.
    ///
    /// # Errors
    ///
    /// If none of them has this network, or the file can't be written.
    pub fn export_torch(&self, file: &Path) -> Result<TorchExport, ExportError> {
        let model = &self.manifest.model;
        let refused = |reason: String| ExportError::NotInPyTorch { network: model.name().to_owned(), reason };
        let TorchModel { library, call, classifier } = model.torch_model().map_err(refused)?;
        let tensors: Tensors = collect(self.network())
            .into_iter()
            .map(|(name, tensor)| {
                let named = match (name.strip_prefix(BODY), name.strip_prefix(DENSE)) {
                    (Some(rest), _) => rest.to_owned(),
                    (None, Some(kind)) => format!("{classifier}.{kind}"),
                    (None, None) => {
                        return Err(refused(format!("{library} has no tensor `{name}`")));
                    }
                };
                Ok((named, tensor))
            })
            .collect::<Result<_, ExportError>>()?;
        let notes = BTreeMap::from([
            ("format".to_owned(), "pt".to_owned()),
            ("classes".to_owned(), serde_json::Value::from(self.manifest.classes.clone()).to_string()),
            ("weights_sha256".to_owned(), self.manifest.weights_sha256.clone()),
        ]);
        safetensors::write(file, &tensors, &notes)?;
        let lines = vec![
            format!("import {library}"),
            "from safetensors.torch import load_file".to_owned(),
            format!("model = {call}num_classes={})", self.manifest.outputs()),
            format!("model.load_state_dict(load_file({:?}))", file.display().to_string()),
            "model.eval()  # scores; the run's temperature is in bundle.json".to_owned(),
        ];
        Ok(TorchExport { tensors: tensors.len(), lines })
    }
}
