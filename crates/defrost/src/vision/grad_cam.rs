//! Grad-CAM (arXiv 1610.02391): which places of an image support a class.
//!
//! Each channel of the last image in the body counts by the mean gradient of the class's score with respect to it;
//! the sum over channels, as far as it supports the class, is the map. Behind an average over all places and one dense
//! layer that is, up to scale, the class activation map: the class's weights times the channels.
//!
//! Small images leave only a few places there. Then the map is made from the last image that is fine enough, where each place of a channel counts
//! by its own gradient, as far as that is positive: LayerCAM (Jiang and others, IEEE Transactions on Image Processing 30, 2021), which is
//! made for earlier layers.

use burn::module::Module;
use burn::tensor::activation::relu;

use super::models::VisionNetwork;
use crate::batch::{Batch, Value};
use crate::interpret::HeatMap;
use crate::interpret::evidence::values_and_gradients;
use crate::stage::Network;

/// A map of fewer rows than this tells too little.
const FINE: usize = 7;

/// Where in each image of a batch, `[batch, height, width, channels]`, `network` looks for the class given for it. The network
/// is in eval mode. Nothing where no stage gives an image with places: rows of tokens, one pixel for all of it.
///
/// # Panics
///
/// If there is not one class for each image.
pub fn grad_cam(network: &VisionNetwork, images: Batch, classes: &[usize]) -> Vec<HeatMap> {
    // Pooling and the head come last.
    let body = network.stages().len() - 2;
    let Some((boundary, images)) = finest_needed(network, images, body) else { return vec![] };
    let Some((values, gradient)) = values_and_gradients::<_, 4>(network, images, boundary, classes) else {
        return vec![];
    };
    let [batch, height, width, channels] = values.dims();
    let (values, gradient) = (
        values.reshape([batch, height * width, channels]),
        gradient.reshape([batch, height * width, channels]),
    );
    let weights = if boundary == body { gradient.mean_dim(1) } else { relu(gradient) };
    let evidence = (values * weights).sum_dim(2).into_data();
    let evidence: Vec<f32> = evidence.iter::<f32>().collect();
    evidence.chunks(height * width).map(|of| HeatMap::of(height, width, of.to_vec())).collect()
}

/// What the latest stage receives whose input is an image of enough rows, and that stage; that of the most rows if none has as many.
fn finest_needed(network: &VisionNetwork, images: Batch, body: usize) -> Option<(usize, Batch)> {
    let network = network.valid();
    let rows = |batch: &Batch| match batch.values() {
        [Value::Rank4(image)] => image.dims()[1].min(FINE),
        _ => 0,
    };
    let (mut best, mut between) = (None, images);
    for stage in 0..body {
        between = network.forward(between, stage..stage + 1);
        let rows = rows(&between);
        if rows > 1 && best.as_ref().is_none_or(|(most, _, _)| rows >= *most) {
            best = Some((rows, stage + 1, between.clone()));
        }
    }
    best.map(|(_, boundary, between)| (boundary, between))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;
    use crate::vision::models::HeadKind;
    use crate::vision::{VisionSetup, WeightSource};
    use crate::weights::{Tensors, collect, load};

    const CLASSES: [usize; 2] = [2, 0];

    /// A network without pretrained weights whose head answers something, and two images of this size.
    fn made(setup: VisionSetup, size: usize) -> (VisionNetwork, Batch) {
        let device = Device::flex();
        let setup = VisionSetup { weights: WeightSource::None, size: Some(size), ..setup };
        let (network, _, _) = setup.open().unwrap().build(3, &device).unwrap();
        let mut tensors = collect(&network);
        let wave =
            |count: usize, timing: f32| (0..count).map(|i| (i as f32 * timing).sin()).collect::<Vec<f32>>();
        for (_, data) in
            tensors.iter_mut().filter(|(name, _)| name.starts_with("head.") && name.ends_with("weight"))
        {
            // A little more is for a class than against it, so that some place always is, whatever the body draws.
            let weights: Vec<f32> =
                wave(data.num_elements(), 12.9898).iter().map(|weight| weight + 0.2).collect();
            *data = TensorData::new(weights, data.shape().clone());
        }
        let images = TensorData::new(wave(2 * size * size * 3, 0.37), [2, size, size, 3]);
        (load(network, &tensors), Tensor::<4>::from_data(images, &device).into())
    }

    /// The class's weights times the channels, at each place.
    fn class_activation_map(network: &VisionNetwork, images: Batch, tensors: &Tensors) -> Vec<HeatMap> {
        let last = network.forward(images, 0..network.stages().len() - 2).single::<4>();
        let [_, height, width, channels] = last.dims();
        let values: Vec<f32> = last.into_data().iter::<f32>().collect();
        let weights: Vec<f32> = tensors["head.linear.weight"].iter::<f32>().collect();
        let map = |(image, class): (&[f32], usize)| {
            let weights = &weights[class * channels..][..channels];
            let dot = |place: &[f32]| place.iter().zip(weights).map(|(a, b)| a * b).sum();
            HeatMap::of(height, width, image.chunks(channels).map(dot).collect())
        };
        values.chunks(height * width * channels).zip(CLASSES).map(map).collect()
    }

    #[test]
    fn behind_an_average_and_one_layer_it_is_the_class_activation_map() {
        let whole = VisionSetup { architecture: "resnet18".to_owned(), ..VisionSetup::default() };
        let cut = VisionSetup { cut: Some("layer3".to_owned()), ..whole.clone() };
        for (setup, size, side) in [(whole, 224, 7), (cut, 64, 8)] {
            let (network, images) = made(setup, size);
            let found = grad_cam(&network, images.clone(), &CLASSES);
            let expected = class_activation_map(&network, images, &collect(&network));
            assert_eq!(found.len(), 2);
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!((found.height, found.width), (side, side));
                assert!(found.values.contains(&1.0));
                for (found, expected) in found.values.iter().zip(&expected.values) {
                    // The same products of f32, added up in another order.
                    assert!((found - expected).abs() < 1e-4, "{found} and not {expected}");
                }
            }
        }
    }

    #[test]
    fn a_head_with_norms_is_at_rest_and_images_do_not_meet() {
        let setup = VisionSetup { head: HeadKind::ConcatPool, ..VisionSetup::default() };
        let (network, images) = made(setup, 64);
        let together = grad_cam(&network, images.clone(), &CLASSES);
        let second = images.single::<4>().narrow(0, 1, 1);
        assert_eq!(
            grad_cam(&network, second.into(), &CLASSES[1..])[0].values.len(),
            together[1].values.len()
        );
        assert!(together.iter().all(|map| map.values.iter().all(|value| (0.0..=1.0).contains(value))));
    }

    #[test]
    fn small_images_are_looked_at_where_there_are_places() {
        // Lite0 halves an image five times: of 64 pixels 8 are left after three of them.
        for (size, side) in [(224, 7), (96, 12), (64, 8), (32, 8)] {
            let (network, images) = made(VisionSetup::default(), size);
            let maps = grad_cam(&network, images, &CLASSES);
            assert_eq!(maps.len(), 2);
            for map in &maps {
                assert_eq!((map.height, map.width), (side, side), "{size} pixels");
                assert!(map.values.contains(&1.0), "{size} pixels: {:?}", map.values);
            }
        }
    }

    #[test]
    fn rows_of_tokens_have_no_places() {
        let architecture = "vit_small_patch16_224".to_owned();
        let (network, images) = made(VisionSetup { architecture, ..VisionSetup::default() }, 224);
        assert!(grad_cam(&network, images, &CLASSES).is_empty());
    }
}
