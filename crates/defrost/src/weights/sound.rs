//! Weights that no network can compute with: NaN, infinite numbers, negative variances.

use thiserror::Error;

use super::Tensors;

/// A tensor can't be computed with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}: the tensor `{tensor}` holds {what}; the file is damaged, or its training has failed")]
pub struct UnsoundWeights {
    /// The file.
    pub file: String,
    /// The tensor, by the network's name.
    pub tensor: String,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Refuses weights with numbers that are none, or variances below zero.
///
/// # Errors
///
/// If there are such; the message says where.
pub fn require_sound(file: &str, tensors: &Tensors) -> Result<(), UnsoundWeights> {
    for (name, data) in tensors {
        let of_variance = name.ends_with("running_var");
        let what = data.iter::<f32>().find_map(|number| match number {
            number if number.is_nan() => Some("NaN"),
            number if number.is_infinite() => Some("infinite numbers"),
            number if of_variance && number < 0.0 => Some("negative variances"),
            _ => None,
        });
        if let Some(what) = what {
            return Err(UnsoundWeights { file: file.to_owned(), tensor: name.clone(), what });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    #[test]
    fn what_no_network_can_compute_with_is_named() {
        let refusal = |name: &str, numbers: [f32; 2]| {
            let tensors = Tensors::from([(name.to_owned(), TensorData::new(numbers.to_vec(), [2]))]);
            require_sound("w.safetensors", &tensors).map_err(|error| error.to_string())
        };
        assert_eq!(refusal("norm.running_var", [0.0, 1.0]), Ok(()));
        assert_eq!(refusal("norm.weight", [-1.0, 1.0]), Ok(()));
        for (name, number, what) in [
            ("norm.weight", f32::NAN, "NaN"),
            ("norm.weight", f32::INFINITY, "infinite numbers"),
            ("norm.running_var", -1.0, "negative variances"),
        ] {
            let expected = format!(
                "w.safetensors: the tensor `{name}` holds {what}; the file is damaged, or its training has failed"
            );
            assert_eq!(refusal(name, [1.0, number]), Err(expected));
        }
    }
}
