//! Custom metrics.

use std::fmt;
use std::sync::Arc;

use super::Prediction;
use crate::data::Target;

type Measure = dyn Fn(&[Prediction], &[Target]) -> Option<f64> + Send + Sync;

/// A custom metric: the records list it with those that fit the targets, and it may be the monitored one.
///
/// ```
/// use defrost::metrics::{Metric, Prediction};
/// use defrost::LearnerOptions;
///
/// let sure = Metric::new("sure", |predictions: &[Prediction], _targets: &[_]| {
///     let sure = predictions.iter().filter(|found| found.0.iter().any(|&p| p > 0.9)).count();
///     (!predictions.is_empty()).then(|| sure as f64 / predictions.len() as f64)
/// });
/// let options = LearnerOptions {
///     metrics: vec![sure],
///     monitored: Some("sure".to_owned()),
///     ..LearnerOptions::default()
/// };
/// assert_eq!(options.metrics[0].name(), "sure");
/// ```
#[derive(Clone)]
pub struct Metric {
    name: String,
    measure: Arc<Measure>,
}

impl Metric {
    /// A metric of this name. `measure` gets what was predicted for each item and what it is labelled with; it gives
    /// nothing where the items do not define it. The highest value is the best one.
    pub fn new(
        name: impl Into<String>,
        measure: impl Fn(&[Prediction], &[Target]) -> Option<f64> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), measure: Arc::new(measure) }
    }

    /// Its name in records.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value, if the items define one.
    pub fn measure(&self, predictions: &[Prediction], targets: &[Target]) -> Option<f64> {
        (self.measure)(predictions, targets).filter(|value| value.is_finite())
    }
}

impl fmt::Debug for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Metric").field(&self.name).finish()
    }
}
