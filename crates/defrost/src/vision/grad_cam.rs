//! Grad-CAM (arXiv 1610.02391): which places of an image support a class.
//!
//! Each channel of the last image in the body counts by the mean gradient of the class's score with respect to it;
//! the sum over channels, as far as it supports the class, is the map. Behind an average over all places and one dense
//! layer that is, up to scale, the class activation map: the class's weights times the channels.

use burn::module::Module;
use burn::tensor::{FloatDType, Tensor};

use super::models::VisionNetwork;
use crate::batch::Batch;
use crate::groups::LayerGroups;
use crate::interpret::HeatMap;
use crate::ops::in_format;
use crate::plan::{FreezePlan, NormMode};
use crate::stage::Network;

/// Where in each image of a batch, `[batch, height, width, channels]`, `network` looks for the class given for it. The network
/// is in eval mode. Nothing where its last image has no places: a row of tokens, one pixel for all of it.
///
/// # Panics
///
/// If there is not one class for each image.
pub fn grad_cam(network: &VisionNetwork, images: Batch, classes: &[usize]) -> Vec<HeatMap> {
    let stages = network.stages().len();
    // Pooling and the head come last.
    let body = stages - 2;
    let last = network.valid().forward(images, 0..body).without_autodiff().single::<4>();
    let last = in_format(last, FloatDType::F32).autodiff().require_grad();
    let [batch, height, width, channels] = last.dims();
    if height == 1 {
        return vec![];
    }
    assert_eq!(batch, classes.len(), "one class for each image");
    let Some(at_rest) = at_rest(network) else { return vec![] };
    let scores = at_rest.forward(last.clone().into(), body..stages).single::<2>();
    let chosen: Vec<_> = classes
        .iter()
        .enumerate()
        .map(|(item, &class)| scores.clone().slice([item..item + 1, class..class + 1]))
        .collect();
    let gradients = Tensor::cat(chosen, 0).sum().backward();
    let Some(gradient) = last.grad(&gradients) else { return vec![] };
    let weights = in_format(gradient, FloatDType::F32).reshape([batch, height * width, channels]).mean_dim(1);
    let values = last.inner().reshape([batch, height * width, channels]);
    let evidence = (values * weights).sum_dim(2).into_data();
    let evidence: Vec<f32> = evidence.iter::<f32>().collect();
    evidence.chunks(height * width).map(|of| HeatMap::of(height, width, of.to_vec())).collect()
}

/// The network on the device for gradients, with nothing that drops or follows the batch, and nothing to train.
fn at_rest(network: &VisionNetwork) -> Option<VisionNetwork> {
    let groups = LayerGroups::of(network).ok()?;
    let frozen = FreezePlan::unfrozen(groups, NormMode::Keep);
    let count = frozen.groups().count() as isize;
    Some(frozen.freeze_to(count).ok()?.apply(network.valid().train()))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::vision::models::HeadKind;
    use crate::vision::{VisionSetup, WeightSource};
    use crate::weights::{Tensors, collect, load};

    const CLASSES: [usize; 2] = [2, 0];

    /// A network without pretrained weights whose head answers something, and two images.
    fn made(setup: VisionSetup) -> (VisionNetwork, Batch) {
        let device = Device::flex();
        let setup = VisionSetup { weights: WeightSource::None, size: Some(64), ..setup };
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
        let images = TensorData::new(wave(2 * 64 * 64 * 3, 0.37), [2, 64, 64, 3]);
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
        for (setup, side) in [(whole, 2), (cut, 8)] {
            let (network, images) = made(setup);
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
        let (network, images) = made(setup);
        let together = grad_cam(&network, images.clone(), &CLASSES);
        let second = images.single::<4>().narrow(0, 1, 1);
        assert_eq!(
            grad_cam(&network, second.into(), &CLASSES[1..])[0].values.len(),
            together[1].values.len()
        );
        assert!(together.iter().all(|map| map.values.iter().all(|value| (0.0..=1.0).contains(value))));
    }

    #[test]
    fn one_pixel_has_no_places() {
        let (network, images) = made(VisionSetup::default());
        let small = images.single::<4>().narrow(1, 0, 32).narrow(2, 0, 32);
        assert!(grad_cam(&network, small.into(), &CLASSES).is_empty());
    }
}
