//! A network's prediction for one item.

use burn::tensor::Tensor;

use super::highest;

/// A probability for each class, which sum to 1; or for each label, each on its own; or a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction(pub Vec<f32>);

impl Prediction {
    /// The most probable class.
    pub fn class(&self) -> usize {
        highest(&self.0)
    }

    /// The number; for classes and labels, the first probability.
    pub fn number(&self) -> f32 {
        self.0.first().copied().unwrap_or(f32::NAN)
    }

    /// Whether all of it are finite numbers.
    pub fn is_finite(&self) -> bool {
        self.0.iter().all(|number| number.is_finite())
    }

    /// The labels that are said to be there, ascending; `thresholds` holds one for each label, or one for all.
    pub fn labels(&self, thresholds: &[f32]) -> Vec<usize> {
        let limits = thresholds.iter().cycle();
        let there =
            self.0.iter().zip(limits).enumerate().filter(|(_, (probability, limit))| probability >= limit);
        there.map(|(label, _)| label).collect()
    }

    /// Classes and probabilities, most probable first.
    pub fn ranked(&self) -> Vec<(usize, f32)> {
        let mut ranked: Vec<(usize, f32)> = self.0.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked
    }
}

/// One prediction a row of decoded scores, `[batch, outputs]`.
pub(crate) fn split(decoded: Tensor<2>) -> Vec<Prediction> {
    let [_, outputs] = decoded.dims();
    let numbers: Vec<f32> = decoded.into_data().iter::<f32>().collect();
    numbers.chunks(outputs.max(1)).map(|row| Prediction(row.to_vec())).collect()
}
