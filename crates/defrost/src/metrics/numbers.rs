//! Metrics of predicted numbers, from pairs of the true and the predicted one. Without pairs there is none.

/// Mean distance.
pub fn mean_absolute_error(pairs: &[(f64, f64)]) -> Option<f64> {
    mean(pairs.iter().map(|(target, found)| (target - found).abs()))
}

/// Root of the mean squared distance.
pub fn root_mean_squared_error(pairs: &[(f64, f64)]) -> Option<f64> {
    mean(pairs.iter().map(|(target, found)| (target - found).powi(2))).map(f64::sqrt)
}

/// The coefficient of determination: the fraction of the numbers' variance that predictions explain, 1 at best.
/// None if the numbers do not vary.
pub fn r_squared(pairs: &[(f64, f64)]) -> Option<f64> {
    let centre = mean(pairs.iter().map(|(target, _)| *target))?;
    let variance = mean(pairs.iter().map(|(target, _)| (target - centre).powi(2)))?;
    let unexplained = mean(pairs.iter().map(|(target, found)| (target - found).powi(2)))?;
    (variance > 0.0).then(|| 1.0 - unexplained / variance)
}

fn mean(numbers: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let count = numbers.len();
    (count > 0).then(|| numbers.sum::<f64>() / count as f64)
}
