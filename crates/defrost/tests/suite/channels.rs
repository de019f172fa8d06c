//! Networks for images of other channels than their weights were trained on.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Device, Tensor, TensorData};
use defrost::data::{DataError, Dataset, Fingerprint, Variant};
use defrost::vision::models::{Architecture, HeadKind, VisionNetwork, adapted};
use defrost::vision::transform::{GREY, RGB};
use defrost::vision::{VisionSetup, WeightSource};
use defrost::weights::{Tensors, collect, safetensors};
use defrost::{Batch, Learner, LearnerOptions, Network, Rates, Target};

use crate::support::{assert_close, golden, numbers};

/// Grey stripes, dark or light, as images of so many equal channels.
struct Stripes {
    items: usize,
    size: usize,
    channels: usize,
}

impl Dataset for Stripes {
    fn len(&self) -> usize {
        self.items
    }

    fn target(&self, item: usize) -> Target {
        Target::Class(item % 2)
    }

    fn name(&self, item: usize) -> String {
        format!("image {item}")
    }

    fn fingerprint(&self, item: usize, _variant: Variant) -> Fingerprint {
        Fingerprint::of(&[b"stripes", &item.to_le_bytes(), &self.channels.to_le_bytes()])
    }

    fn inputs(&self, items: &[usize], _variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let pixel = |item: usize, at: usize| ((item * 977 + at) as f32 * 0.37).sin() + (item % 2) as f32;
        let values = |&item: &usize| {
            (0..self.size * self.size).flat_map(move |at| std::iter::repeat_n(pixel(item, at), self.channels))
        };
        let values: Vec<f32> = items.iter().flat_map(values).collect();
        let shape = [items.len(), self.size, self.size, self.channels];
        Ok(Tensor::<4>::from_data(TensorData::new(values, shape), device).into())
    }
}

#[test]
fn first_layers_are_fastais() {
    let golden = golden("first_layer.json");
    let values: Vec<f32> = numbers(&golden["weights"]).into_iter().map(|weight| weight as f32).collect();
    let weights = TensorData::new(values, [2, RGB, 2, 2]);
    for (channels, expected) in golden["adapted"].as_object().unwrap() {
        let channels = channels.parse().unwrap();
        let found = adapted(&weights, channels);
        assert_eq!(found.shape()[..], [2, channels, 2, 2]);
        // Three numbers are added up, maybe in another order.
        assert_close(&found.iter::<f64>().collect::<Vec<_>>(), &numbers(expected), 1e-6);
    }
}

/// What the body makes of two images.
fn features(network: &VisionNetwork, size: usize, channels: usize) -> Vec<f64> {
    let input =
        Stripes { items: 2, size, channels }.inputs(&[0, 1], Variant::Original, &Device::flex()).unwrap();
    let features: Tensor<2> = network.forward(input, 0..network.stages().len() - 1).single();
    features.into_data().iter::<f64>().collect()
}

/// One of each family.
const FAMILIES: [&str; 9] = [
    "efficientnet_lite0",
    "resnet18",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "convnext_tiny",
    "vit_small_patch16_224",
    "densenet121",
    "squeezenet1_1",
    "vgg16_bn",
];

#[test]
fn a_grey_image_gives_what_it_gives_in_colour() {
    let folder = tempfile::tempdir().unwrap();
    for name in FAMILIES {
        let device = Device::flex();
        let sizes = Architecture::named(name).unwrap().sizes;
        let size = sizes.least.max(48).next_multiple_of(sizes.step);
        let colour = VisionSetup {
            architecture: name.to_owned(),
            weights: WeightSource::None,
            size: Some(size),
            ..VisionSetup::default()
        };
        let (network, manifest, _) = colour.open().unwrap().build(2, &device).unwrap();
        assert_eq!((manifest.preprocess.channels, manifest.config.channels), (RGB, RGB));
        let body = |tensors: Tensors| -> Tensors {
            tensors.into_iter().filter(|(name, _)| name.starts_with("body.")).collect()
        };
        let path = folder.path().join(format!("{name}.safetensors"));
        safetensors::write(&path, &body(collect(&network)), &BTreeMap::new()).unwrap();

        let source = |path: &std::path::Path| WeightSource::File(path.to_owned());
        let grey = VisionSetup { channels: GREY, weights: source(&path), ..colour.clone() };
        let (adapted, manifest, fit) = grey.open().unwrap().build(2, &device).unwrap();
        assert_eq!((manifest.preprocess.channels, manifest.config.channels), (GREY, GREY));
        assert_eq!(fit.unwrap().left_over, Vec::<String>::new(), "{name}");
        let expected = features(&network, size, RGB);
        let found = features(&adapted, size, GREY);
        let largest = expected.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
        // Three products are added up in another order, and f32 rounds some hundred times on the way.
        let off = expected.iter().zip(&found).fold(0.0f64, |off, (a, b)| off.max((a - b).abs())) / largest;
        assert!(largest > 0.0 && off < 1e-3, "{name}: off by {off} of the largest feature");

        // Weights of a network that was adapted before stay as they are.
        safetensors::write(&path, &body(collect(&adapted)), &BTreeMap::new()).unwrap();
        let again = VisionSetup { weights: source(&path), ..grey.clone() };
        let (again, _, _) = again.open().unwrap().build(2, &device).unwrap();
        assert_eq!(body(collect(&again)), body(collect(&adapted)), "{name}");
        let back = VisionSetup { weights: source(&path), ..colour.clone() };
        let refused = back.open().unwrap().build(2, &device).unwrap_err().to_string();
        assert!(
            refused.contains("of another shape") && refused.contains(&format!("{name}.safetensors")),
            "{refused}"
        );
    }
}

#[test]
fn frozen_means_frozen_for_grey_images_too() {
    let data = |items| Box::new(Stripes { items, size: 64, channels: GREY });
    // fastai's head does not start at nothing: the first step reaches the body.
    let setup =
        VisionSetup { channels: GREY, size: Some(64), head: HeadKind::ConcatPool, ..VisionSetup::default() };
    let (network, _, _) = setup.open().unwrap().build(2, &Device::flex()).unwrap();
    let options = LearnerOptions { batch_size: 4, ..LearnerOptions::default() };
    let mut learner = Learner::new(network, data(8), data(4), 2, options).unwrap();
    for (position, first_moves) in [(1, false), (0, true)] {
        learner.freeze_to(position).unwrap();
        let before = collect(learner.network());
        learner.fit_one_cycle(1, Rates::One(1e-3)).unwrap();
        let after = collect(learner.network());
        let moved: BTreeSet<&str> =
            before.iter().filter(|(name, data)| after[*name] != **data).map(|(name, _)| &name[..]).collect();
        assert_eq!(before["body.conv_stem.weight"].shape()[..], [32, GREY, 3, 3]);
        assert_eq!(moved.contains("body.conv_stem.weight"), first_moves, "frozen to {position}");
        assert!(moved.contains("body.conv_head.weight"), "frozen to {position}");
    }
}

#[test]
fn other_channels_are_refused_by_images() {
    let setup = VisionSetup { channels: 4, ..VisionSetup::default() };
    let refused = setup.outline().unwrap_err().to_string();
    assert_eq!(refused, "images have 1 channel, grey, or 3, red, green and blue; not 4");
}
