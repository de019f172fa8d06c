//! What freezing, cutting and saving promise, on every image network there is; the largest only with DEFROST_ARCHITECTURES=all.

use std::collections::BTreeSet;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use defrost::bundle::{Loaded, ModelConfig as _};
use defrost::data::{DataError, Dataset, Fingerprint, Variant};
use defrost::vision::models::{Architecture, HeadKind, Precision, VisionNetwork};
use defrost::vision::resize::Filter;
use defrost::vision::{ImageModelConfig, VisionSetup, WeightSource};
use defrost::weights::collect;
use defrost::{Batch, FreezePlan, LayerGroups, Learner, LearnerOptions, Network, NormMode, Rates, Target};

use crate::own_architecture::architectures;

/// Small noisy images, in two classes that differ in their channels.
struct Noise {
    items: usize,
    size: usize,
}

impl Dataset for Noise {
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
        Fingerprint::of(&[b"noise", &item.to_le_bytes(), &self.size.to_le_bytes()])
    }

    fn inputs(&self, items: &[usize], _variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let values = |&item: &usize| {
            let value =
                move |at: usize| ((item * 977 + at) as f32 * 12.9898).sin() + (item % 2 * (at % 3)) as f32;
            (0..self.size * self.size * 3).map(value)
        };
        let values: Vec<f32> = items.iter().flat_map(values).collect();
        let shape = [items.len(), self.size, self.size, 3];
        Ok(Tensor::<4>::from_data(TensorData::new(values, shape), device).into())
    }
}

/// A small size that the architecture can look at.
fn small(architecture: &Architecture) -> usize {
    architecture.sizes.least.max(48).next_multiple_of(architecture.sizes.step)
}

fn setup(architecture: &Architecture) -> VisionSetup {
    VisionSetup {
        architecture: architecture.name.to_owned(),
        weights: WeightSource::None,
        size: Some(small(architecture)),
        ..VisionSetup::default()
    }
}

/// The network as if its weights were pretrained.
fn pretrained(setup: &VisionSetup) -> (VisionNetwork, ImageModelConfig) {
    let manifest = VisionSetup { weights: WeightSource::Usual, ..setup.clone() }.outline().unwrap();
    (manifest_network(&manifest), manifest)
}

fn manifest_network(manifest: &ImageModelConfig) -> VisionNetwork {
    manifest.network(2, &Device::flex()).unwrap()
}

fn scores(network: &VisionNetwork, size: usize) -> Vec<f64> {
    let input = Noise { items: 2, size }.inputs(&[0, 1], Variant::Original, &Device::flex()).unwrap();
    // Before the head, which starts at nothing.
    let features: Tensor<2> = network.forward(input, 0..network.stages().len() - 1).single();
    features.into_data().iter::<f64>().collect()
}

#[test]
fn frozen_means_frozen_in_every_architecture() {
    for architecture in architectures() {
        let name = architecture.name;
        let size = small(architecture);
        // fastai's head does not start at nothing: the first step reaches the body.
        let setup = VisionSetup { head: HeadKind::ConcatPool, ..setup(architecture) };
        let (network, _) = pretrained(&setup);
        let data = |items| Box::new(Noise { items, size });
        let options = LearnerOptions { batch_size: 4, ..LearnerOptions::default() };
        let mut learner = Learner::new(network, data(4), data(2), 2, options).unwrap();
        let groups = learner.plan().groups().clone();
        assert_eq!(groups.count(), architecture.group_starts.len() + 2, "{name}: a group start is no stage");
        learner.freeze_to(1).unwrap();
        let before = collect(learner.network());
        learner.fit_one_cycle(1, Rates::One(1e-3)).unwrap();
        let after = collect(learner.network());
        let moved: BTreeSet<&String> =
            before.iter().filter(|(name, data)| after[*name] != **data).map(|(name, _)| name).collect();
        for group in 0..groups.count() {
            for stage in groups.stages_of(group).iter().filter(|stage| stage.has_parameters()) {
                let moves = stage.parameters.iter().any(|parameter| moved.contains(&parameter.name));
                assert_eq!(moves, group > 0, "{name}: {}", stage.name);
            }
        }
        let statistics = |name: &&&String| name.starts_with("body.") && name.contains("running_");
        assert_eq!(moved.iter().find(statistics), None, "{name}: statistics move under --norm keep");
    }
}

#[test]
fn every_architecture_can_be_cut_and_regrouped() {
    for architecture in architectures() {
        let name = architecture.name;
        let cut = VisionSetup { cut: Some(architecture.group_starts[0].to_owned()), ..setup(architecture) };
        let (network, _) = pretrained(&cut);
        let groups = LayerGroups::of(&network).unwrap();
        assert_eq!(groups.count(), 2, "{name}");
        assert!(
            scores(&network.valid(), small(architecture)).iter().all(|score| score.is_finite()),
            "{name}"
        );

        let (network, _) = pretrained(&setup(architecture));
        let each: Vec<String> =
            network.stages().into_iter().filter(|s| s.has_parameters()).map(|stage| stage.name).collect();
        let groups = LayerGroups::parse(network.stages(), &each.join("|")).unwrap();
        assert_eq!(groups.count(), each.len(), "{name}: every stage can be a group");
        let plan = FreezePlan::unfrozen(groups, NormMode::Keep).freeze().unwrap();
        assert_eq!(plan.constant_stages(), network.stages().len() - 1, "{name}");
    }
}

/// bf16 has 8 bits: an activation is off by up to 2^-9 of itself where it is written, which happens some hundred
/// times on the way. They add up like a walk: 2^-9 · √100 is 2 %, and the largest of many features strays further.
#[test]
fn every_architecture_runs_in_bf16() {
    for architecture in architectures() {
        let (network, manifest) = pretrained(&setup(architecture));
        let tensors = collect(&network);
        let half = manifest_network(&ImageModelConfig { precision: Precision::Bf16, ..manifest });
        let half = defrost::weights::load(half, &tensors).valid();
        let exact = scores(&network.valid(), small(architecture));
        let rounded = scores(&half, small(architecture));
        let largest = exact.iter().fold(0.0f64, |largest, score| largest.max(score.abs()));
        let off = exact.iter().zip(&rounded).fold(0.0f64, |off, (a, b)| off.max((a - b).abs())) / largest;
        assert!(off < 0.1, "{}: bf16 is off by {off} of the largest feature", architecture.name);
    }
}

#[test]
fn every_architecture_comes_back_from_its_bundle() {
    for architecture in architectures() {
        let (name, size) = (architecture.name, small(architecture));
        // A head that starts at nothing would give nothing to compare.
        let setup = VisionSetup { head: HeadKind::ConcatPool, ..setup(architecture) };
        let (network, manifest, _) = setup.open().unwrap().build(2, &Device::flex()).unwrap();
        let data = |items| Box::new(Noise { items, size });
        let learner = Learner::new(network, data(4), data(2), 2, LearnerOptions::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut learner = learner.with_model(manifest).with_classes(["a", "b"].map(str::to_owned));
        learner.save(folder.path()).unwrap();
        let loaded = Loaded::<ImageModelConfig>::open(folder.path(), &Device::flex()).unwrap();
        let input = || Noise { items: 2, size }.inputs(&[0, 1], Variant::Original, &Device::flex()).unwrap();
        let network = learner.network().valid();
        let expected: Tensor<2> = network.forward(input(), 0..network.stages().len()).single();
        assert_eq!(loaded.scores(input()).into_data(), expected.into_data(), "{name}");
    }
}

#[test]
fn sizes_that_can_not_be_are_refused() {
    let text = |architecture: &str, size| {
        let setup =
            VisionSetup { size: Some(size), architecture: architecture.to_owned(), ..VisionSetup::default() };
        setup.outline().unwrap_err().to_string()
    };
    assert_eq!(text("vgg16_bn", 31), "vgg16_bn can't look at images of 31 pixels a side: give 32 or more");
    assert_eq!(
        text("vit_small_patch14_dinov2", 256),
        "vit_small_patch14_dinov2 can't look at images of 256 pixels a side: give 14 or more, a multiple of 14"
    );
    assert_eq!(text("resnet18", usize::MAX), format!("image size {} is not in 1 to 16384", usize::MAX));
}

#[test]
fn the_smallest_size_is_enough() {
    // The others pad whatever they look at.
    for architecture in architectures().filter(|architecture| architecture.sizes.least > 1) {
        let size = architecture.sizes.least;
        let (network, _) = pretrained(&VisionSetup { size: Some(size), ..setup(architecture) });
        assert!(
            scores(&network.valid(), size).iter().all(|score| score.is_finite()),
            "{}",
            architecture.name
        );
    }
}

#[test]
fn images_reach_a_network_as_its_weights_expect() {
    for architecture in architectures() {
        let setup = VisionSetup { architecture: architecture.name.to_owned(), ..VisionSetup::default() };
        let preprocess = setup.outline().unwrap().preprocess;
        let size = match architecture.name {
            "efficientnet_lite1" => 240,
            "efficientnet_lite2" => 260,
            _ => 224,
        };
        assert_eq!((preprocess.size, preprocess.resize_to), (size, size), "{}", architecture.name);
        let filter = if architecture.names == "torchvision" { Filter::Bilinear } else { Filter::Bicubic };
        assert_eq!(preprocess.filter, filter, "{}", architecture.name);
    }
}
