//! Position embeddings for images of other sizes than they were learned on.

use burn::tensor::{Device, Tensor, TensorData};

/// Positions `[1, side · side, features]`, learned on a square of patches, for `height` times `width` patches: `[1,
/// height, width, features]`.
///
/// Bicubic and antialiased, as timm resamples them (Pillow's resize: Keys' kernel with a = -1/2, widened where the grid
/// shrinks). The weights of DINOv2 were published with a variant that is not antialiased; timm's own resampling of them
/// is this one.
pub fn resampled(positions: Tensor<3>, [height, width]: [usize; 2]) -> Tensor<4> {
    let [_, patches, features] = positions.dims();
    let side = patches.isqrt();
    if [height, width] == [side; 2] {
        return positions.reshape([1, height, width, features]);
    }
    let device = positions.device();
    let rows = weights(side, height, &device).matmul(positions.reshape([side, side * features]));
    let columns = rows.reshape([height, side, features]).swap_dims(0, 1).reshape([side, height * features]);
    let resized = weights(side, width, &device).matmul(columns).reshape([width, height, features]);
    resized.swap_dims(0, 1).reshape([1, height, width, features])
}

/// How much each of `from` points is part of each of `to`, `[to, from]`.
fn weights(from: usize, to: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(fractions(from, to), [to, from]), device)
}

fn fractions(from: usize, to: usize) -> Vec<f32> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let row = |point: usize| {
        let centre = (point as f64 + 0.5) * scale;
        let fraction = move |source: usize| cubic((source as f64 + 0.5 - centre) / stretch);
        let sum: f64 = (0..from).map(fraction).sum();
        (0..from).map(move |source| (fraction(source) / sum) as f32)
    };
    (0..to).flat_map(row).collect()
}

/// Keys' kernel with a = -1/2: 0 beyond two points.
fn cubic(distance: f64) -> f64 {
    const A: f64 = -0.5;
    let x = distance.abs();
    match x {
        _ if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        _ if x < 2.0 => ((x - 5.0) * x + 8.0) * x * A - 4.0 * A,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `torch.nn.functional.interpolate(torch.tensor([[[[1.0, 5, 2, 7]]]]), size=(1, n), mode="bicubic", antialias=True)`
    /// of torch 2.15.0.
    #[test]
    fn lines_are_resampled_as_torch_does() {
        let fewer = [2.1601832, 3.464_799, 5.592678];
        let more = [0.68269163, 2.322756, 4.911107, 3.4375, 2.134_158, 5.3751917, 7.396635];
        for expected in [&fewer[..], &more[..]] {
            let rows = fractions(4, expected.len());
            let sum = |row: &[f32]| {
                row.iter().zip([1.0, 5.0, 2.0, 7.0]).map(|(fraction, point)| fraction * point).sum()
            };
            let found: Vec<f32> = rows.chunks(4).map(sum).collect();
            assert_eq!(found.len(), expected.len());
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}");
        }
    }

    #[test]
    fn the_same_grid_is_left_alone() {
        assert_eq!(fractions(3, 3), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    }
}
