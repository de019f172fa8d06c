//! Networks for images of other channels than red, green and blue, from weights that were trained on those: the first
//! convolution is made to fit as fastai does it (`_load_pretrained_weights`).

use burn::tensor::TensorData;

use crate::stage::{Parameter, Stage};
use crate::vision::transform::RGB;
use crate::weights::Tensors;

/// The weights of a convolution over red, green and blue, `[outputs, 3, height, width]`, for this many `channels`,
/// `[outputs, channels, height, width]`. For one they are added up, so that a grey image gives what it would give as a
/// colour image; for two the first two count one and a half times; for more the rest starts at nothing.
///
/// # Panics
///
/// If they are not over three channels.
pub fn adapted(weights: &TensorData, channels: usize) -> TensorData {
    let &[outputs, RGB, height, width] = &weights.shape()[..] else {
        panic!("weights over three channels, not {:?}", weights.shape())
    };
    let values: Vec<f32> = weights.iter::<f32>().collect();
    let area = height * width;
    let filter = |filter: &[f32]| -> Vec<f32> {
        let colour = |colour: usize, place: usize| filter[colour * area + place];
        match channels {
            1 => (0..area).map(|place| (0..RGB).map(|of| colour(of, place)).sum()).collect(),
            2 => filter[..2 * area].iter().map(|weight| weight * 1.5).collect(),
            _ => filter.iter().copied().chain([0.0].repeat((channels - RGB) * area)).collect(),
        }
    };
    let values = values.chunks_exact(RGB * area).flat_map(filter).collect();
    TensorData::new(values, [outputs, channels, height, width])
}

/// The convolution that sees the image.
fn first(body: &[Stage]) -> Option<&Parameter> {
    body.first()?.parameters.iter().find(|parameter| parameter.shape.len() == 4)
}

/// The same body for images in colour; nothing if it is for those already.
pub fn in_colour(body: &[Stage]) -> Option<Vec<Stage>> {
    let name = first(body).filter(|first| first.shape[1] != RGB)?.name.clone();
    let mut body = body.to_vec();
    let first =
        body.iter_mut().flat_map(|stage| &mut stage.parameters).find(|parameter| parameter.name == name)?;
    first.shape[1] = RGB;
    Some(body)
}

/// Makes colour weights for this body, by its names, fit its images.
pub fn adapt(tensors: &mut Tensors, body: &[Stage]) {
    let Some(first) = first(body) else { return };
    let colour = |weights: &&mut TensorData| weights.shape()[..] != first.shape && weights.shape()[1] == RGB;
    if let Some(weights) = tensors.get_mut(&first.name).filter(colour) {
        *weights = adapted(weights, first.shape[1]);
    }
}
