//! Where in an item a network looked.

/// How much each place of an item spoke for an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Each place, row by row: `0.0..=1.0`, 1 where it spoke most.
    pub values: Vec<f32>,
}

impl HeatMap {
    /// From evidence of any scale: evidence against the answer counts as 0, the strongest evidence for it as 1.
    ///
    /// # Panics
    ///
    /// If there is not one number for each place.
    pub fn of(height: usize, width: usize, evidence: Vec<f32>) -> Self {
        assert_eq!(evidence.len(), height * width, "one number for each place");
        let highest = evidence.iter().copied().fold(0.0f32, f32::max);
        let fraction = |value: f32| if highest > 0.0 { (value / highest).clamp(0.0, 1.0) } else { 0.0 };
        Self { height, width, values: evidence.into_iter().map(fraction).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_against_counts_as_nothing() {
        assert_eq!(HeatMap::of(1, 3, vec![-4.0, 1.0, 2.0]).values, [0.0, 0.5, 1.0]);
        assert_eq!(HeatMap::of(1, 2, vec![-4.0, 0.0]).values, [0.0, 0.0]);
        assert_eq!(HeatMap::of(1, 2, vec![f32::NAN, 1.0]).values[1], 1.0);
    }
}
