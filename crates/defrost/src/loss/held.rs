//! A loss of any kind: shared, compared and kept in files by name and parameters.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{AbsoluteError, BinaryCrossEntropy, CrossEntropy, Loss, SquaredError};

/// A loss of any kind, as learners and files hold it: cross-entropy between classes unless another is put in.
///
/// In JSON it is its name, or an object of its name and its [parameters](Loss::parameters).
#[derive(Clone)]
pub struct AnyLoss(Arc<dyn Loss>);

impl<L: Loss + 'static> From<L> for AnyLoss {
    fn from(loss: L) -> Self {
        Self(Arc::new(loss))
    }
}

impl Default for AnyLoss {
    fn default() -> Self {
        CrossEntropy::default().into()
    }
}

impl Deref for AnyLoss {
    type Target = dyn Loss;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Debug for AnyLoss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl PartialEq for AnyLoss {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.parameters() == other.parameters()
    }
}

impl Serialize for AnyLoss {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.parameters() {
            Value::Null => serializer.serialize_str(self.name()),
            parameters => BTreeMap::from([(self.name(), parameters)]).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for AnyLoss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kept = Value::deserialize(deserializer)?;
        let (name, parameters) = match &kept {
            Value::String(name) => (name, &Value::Null),
            Value::Object(fields) if fields.len() == 1 => {
                fields.iter().next().ok_or_else(|| D::Error::custom("a loss has a name"))?
            }
            _ => {
                return Err(D::Error::custom(
                    "a loss is its name, or an object of its name and its parameters",
                ));
            }
        };
        let found = match name.as_str() {
            "cross_entropy" => read::<CrossEntropy>(parameters),
            "binary_cross_entropy" => Ok(BinaryCrossEntropy.into()),
            "squared_error" => read::<SquaredError>(parameters),
            "absolute_error" => read::<AbsoluteError>(parameters),
            other => {
                let own = OWN.lock().unwrap_or_else(PoisonError::into_inner).get(other).cloned();
                let own = own.ok_or_else(|| {
                    D::Error::custom(format!(
                        "the loss `{other}` is not known; make it known with defrost::loss::register"
                    ))
                })?;
                own(parameters)
            }
        };
        found.map_err(|reason| D::Error::custom(format!("the loss `{name}`: {reason}")))
    }
}

fn read<L: Loss + DeserializeOwned + 'static>(parameters: &Value) -> Result<AnyLoss, String> {
    L::deserialize(parameters).map(AnyLoss::from).map_err(|error| error.to_string())
}

type Make = Arc<dyn Fn(&Value) -> Result<AnyLoss, String> + Send + Sync>;

/// The losses that were made known.
static OWN: Mutex<BTreeMap<String, Make>> = Mutex::new(BTreeMap::new());

/// Registers a custom loss under its [name](Loss::name): saved runs and checkpoints that were made with it
/// are read by handing its [parameters](Loss::parameters) to `make`, which says why if they are none of it. Names of
/// built-in losses keep their meaning.
pub fn register(
    name: impl Into<String>,
    make: impl Fn(&Value) -> Result<AnyLoss, String> + Send + Sync + 'static,
) {
    OWN.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), Arc::new(make));
}
