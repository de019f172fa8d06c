//! A network of images on the body of an earlier run: what the run's weights expect is carried over with them.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use defrost::vision::models::{PretrainedConfig, VisionNetwork};
use defrost::vision::{ImageModelConfig, VisionSetup, WeightSource};
use defrost::weights::{collect, safetensors};
use defrost::{Network, Remedy};

use crate::self_test::saved;

const SIZE: usize = 32;
const OUTPUTS: usize = 3;

fn setup(weights: WeightSource) -> VisionSetup {
    let architecture = "mobilenet_v2".to_owned();
    VisionSetup { architecture, weights, size: Some(SIZE), ..VisionSetup::default() }
}

fn built(weights: WeightSource) -> (VisionNetwork, ImageModelConfig) {
    let (network, manifest, _) = setup(weights).open().unwrap().build(OUTPUTS, &Device::flex()).unwrap();
    (network, manifest)
}

/// What the body makes of an image of ramps.
fn features(network: &VisionNetwork) -> Vec<f32> {
    let values: Vec<f32> = (0..SIZE * SIZE * 3).map(|index| (index % 97) as f32 / 48.0 - 1.0).collect();
    let input = Tensor::<4>::from_data(TensorData::new(values, [1, SIZE, SIZE, 3]), &Device::flex());
    let features: Tensor<2> = network.forward(input.into(), 0..network.stages().len() - 1).single();
    features.into_data().iter::<f32>().collect()
}

/// A run on weights that expect what mobilenet_v2's usually do not.
fn odd_run(folder: &Path) -> (tempfile::TempDir, VisionNetwork, ImageModelConfig) {
    let file = folder.join("odd.safetensors");
    let said = [("padding", "SAME"), ("bn_eps", "0.25"), ("mean", "0.1 0.2 0.3"), ("std", "0.4 0.5 0.6")];
    let said: BTreeMap<String, String> =
        said.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    safetensors::write(&file, &collect(&built(WeightSource::None).0), &said).unwrap();
    let (network, manifest) = built(WeightSource::File(file));
    (saved(network.clone(), &manifest), network, manifest)
}

#[test]
fn a_run_hands_on_what_its_weights_expect() {
    let folder = tempfile::tempdir().unwrap();
    let (run, network, manifest) = odd_run(folder.path());
    let PretrainedConfig { same_padding, norm_epsilon, mean, std, .. } = manifest.config;
    assert_eq!((same_padding, norm_epsilon, mean, std), (true, 0.25, [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]));

    let (next, taken) = built(WeightSource::Run(run.path().to_owned()));
    assert_eq!((taken.config, taken.preprocess), (manifest.config, manifest.preprocess));
    assert_eq!(features(&next), features(&network));
    // Its weights alone do not tell.
    let (bare, _) = built(WeightSource::File(run.path().join("model.safetensors")));
    assert_ne!(features(&bare), features(&network));
}

#[test]
fn a_run_of_another_network_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (run, ..) = odd_run(folder.path());
    let other = VisionSetup {
        architecture: "resnet18".to_owned(),
        ..setup(WeightSource::Run(run.path().to_owned()))
    };
    let expected = format!("{}: a run of mobilenet_v2, not of resnet18", run.path().display());
    let error = other.open().unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.remedy(), Some(Remedy::ChooseArchitectureOfRun("mobilenet_v2".to_owned())));
    let none = setup(WeightSource::Run(folder.path().to_owned()));
    assert!(none.open().unwrap_err().to_string().contains("not a finished run"));
}
