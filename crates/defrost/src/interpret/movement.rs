//! How far training has moved each stage from where it began.

use serde::{Deserialize, Serialize};

use crate::stage::{Role, Stage};
use crate::weights::Tensors;

/// How far the weights of a stage are from where they began, statistics of norms left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Movement {
    /// The stage's name.
    pub stage: String,
    /// L2 norm of the difference, over all of the stage's weights together.
    pub distance: f64,
    /// L2 norm of the weights it began with; 0 where it began at nothing.
    pub start: f64,
}

impl Movement {
    /// The distance as a fraction of where it began; none from nothing.
    pub fn relative(&self) -> Option<f64> {
        (self.start > 0.0).then(|| self.distance / self.start)
    }
}

/// The movement of each stage that has weights, from `start` to `now`, tensors by name.
pub fn movements(stages: &[Stage], start: &Tensors, now: &Tensors) -> Vec<Movement> {
    let of_stage = |stage: &Stage| {
        let (mut distance, mut length) = (0.0, 0.0);
        for parameter in stage.parameters.iter().filter(|parameter| parameter.role != Role::Buffer) {
            if let (Some(start), Some(now)) = (start.get(&parameter.name), now.get(&parameter.name)) {
                for (start, now) in start.iter::<f64>().zip(now.iter::<f64>()) {
                    distance += (now - start).powi(2);
                    length += start.powi(2);
                }
            }
        }
        Movement { stage: stage.name.clone(), distance: f64::sqrt(distance), start: f64::sqrt(length) }
    };
    stages.iter().filter(|stage| stage.has_parameters()).map(of_stage).collect()
}

#[cfg(test)]
mod tests {
    use burn::module::ParamId;
    use burn::tensor::TensorData;
    use proptest::prelude::*;

    use super::*;
    use crate::stage::Parameter;

    fn stage(name: &str, roles: &[Role]) -> Stage {
        let parameter = |(index, &role): (usize, &Role)| Parameter {
            id: ParamId::new(),
            name: format!("{name}.{index}"),
            shape: vec![2],
            role,
        };
        let parameters = roles.iter().enumerate().map(parameter).collect();
        Stage { name: name.to_owned(), parameters, training_flags: vec![], pretrained: true, dense: false }
    }

    fn tensors(of: &[(&str, [f32; 2])]) -> Tensors {
        of.iter()
            .map(|(name, numbers)| ((*name).to_owned(), TensorData::new(numbers.to_vec(), [2])))
            .collect()
    }

    #[test]
    fn statistics_do_not_count_and_nothing_has_no_share() {
        let stages =
            [stage("a", &[Role::Weight, Role::Buffer]), stage("pool", &[]), stage("head", &[Role::Bias])];
        let start = tensors(&[("a.0", [3.0, 4.0]), ("a.1", [0.0, 0.0]), ("head.0", [0.0, 0.0])]);
        let now = tensors(&[("a.0", [3.0, 3.0]), ("a.1", [9.0, 9.0]), ("head.0", [0.6, 0.8])]);
        let found = movements(&stages, &start, &now);
        assert_eq!(found.iter().map(|of| of.stage.as_str()).collect::<Vec<_>>(), ["a", "head"]);
        assert_eq!(found[0].relative(), Some(0.2));
        assert_eq!(found[1].relative(), None);
        // 0.6 and 0.8 are rounded to f32.
        assert!((found[1].distance - 1.0).abs() < 1e-7);
    }

    proptest! {
        #[test]
        fn scaling_weights_moves_them_by_the_factor(a in -9f32..9.0, b in 1f32..9.0, factor in 0f32..3.0) {
            let stages = [stage("a", &[Role::Weight])];
            let found = movements(&stages, &tensors(&[("a.0", [a, b])]), &tensors(&[("a.0", [a * factor, b * factor])]));
            // Products are rounded to f32.
            prop_assert!((found[0].relative().unwrap() - f64::from((factor - 1.0).abs())).abs() < 1e-6);
        }
    }
}
