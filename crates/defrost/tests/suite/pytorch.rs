//! PyTorch's files, of both formats, against what PyTorch says is in them; the script in `fixtures/pytorch` made both.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use defrost::Stage;
use defrost::layers::{BatchNormConfig, Conv2dConfig};
use defrost::ops::WindowConfig;
use defrost::weights::{Fit, WeightFile};
use serde_json::Value;

use crate::support::numbers;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/pytorch").join(name)
}

fn expected() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pytorch/tensors.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Numbers of a JSON file as they were in f32.
fn exact(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|number| number as f32).collect()
}

#[test]
fn every_tensor_is_the_one_that_was_saved() {
    for (file, tensors) in expected().as_object().unwrap() {
        for name in [format!("{file}.pth"), format!("{file}-old.pth")] {
            let mut weights = WeightFile::open(&fixture(&name)).unwrap();
            let names: Vec<String> = weights.shapes().keys().map(|name| (*name).to_owned()).collect();
            let tensors = tensors.as_object().unwrap();
            let mut expected_names: Vec<&String> = tensors.keys().collect();
            expected_names.sort();
            assert_eq!(names.iter().collect::<Vec<_>>(), expected_names, "{name}");
            let found = weights.take(names.iter().zip(&names));
            for (tensor, data) in found {
                let shape: Vec<f64> = data.shape().iter().map(|&size| size as f64).collect();
                assert_eq!(shape, numbers(&tensors[&tensor]["shape"]), "{name}: {tensor}");
                let found: Vec<f32> = data.iter::<f32>().collect();
                assert_eq!(found, exact(&tensors[&tensor]["numbers"]), "{name}: {tensor}");
            }
        }
    }
}

/// What `training.pth` is of: a convolution and a norm.
fn stages() -> Vec<Stage> {
    let device = Device::flex();
    let conv = Conv2dConfig::new(3, 4, WindowConfig::centered(3, 1)).init(&device);
    let norm = BatchNormConfig::new(4).init(&device);
    vec![Stage::of("conv", "body.0.", &conv), Stage::of("norm", "body.1.", &norm)]
}

#[test]
fn the_running_average_is_taken_from_behind_its_prefix() {
    let mut weights = WeightFile::open(&fixture("training.pth")).unwrap();
    let fit = Fit::find(&weights, "small", &stages(), &[]).unwrap();
    assert_eq!(fit.prefix, "state_dict_ema.module.");
    assert_eq!(fit.others, ["state_dict.module."]);
    // The convolutions here have no bias; the optimizer's state is keyed by number and is no name.
    assert_eq!(fit.left_over, ["state_dict.module.0.bias", "state_dict_ema.module.0.bias"]);
    let taken = weights.take(&fit.names);
    let expected = &expected()["training"]["state_dict_ema.module.1.running_var"]["numbers"];
    assert_eq!(taken["body.1.running_var"].iter::<f32>().collect::<Vec<_>>(), exact(expected));
    assert_eq!(
        fit.to_string().split_once(".pth").unwrap().1,
        ": 5 tensors behind `state_dict_ema.module.` (those behind `state_dict.module.` fit too); 2 left over \
         (state_dict.module.0.bias, state_dict_ema.module.0.bias)"
    );
}

#[test]
fn what_holds_no_weights_by_name_is_told() {
    let message = |name: &str| {
        let message = WeightFile::open(&fixture(name)).unwrap_err().to_string();
        message.split_once("can be read: ").unwrap().1.to_owned()
    };
    assert_eq!(
        message("module.pth"),
        "it holds no tensors by name, but a pickled torch.nn.modules.linear.Linear, which only its own code can read; \
         save the weights alone: torch.save(model.state_dict(), …)"
    );
    assert_eq!(
        message("script.pt"),
        "it is a TorchScript program; save its weights: torch.save(torch.jit.load(FILE).state_dict(), …)"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pth");
    let opened = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let message = WeightFile::open(&path).unwrap_err().to_string();
        message.split_once("can be read: ").unwrap().1.to_owned()
    };
    assert_eq!(opened(b"hello"), "it holds nothing that torch.save has written");
    let tar = [&[0; 257][..], b"ustar", &[0; 250]].concat();
    assert!(opened(&tar).starts_with("it is a tar archive"));
    // A byte of a tensor, which is stored as it is.
    let mut bytes = std::fs::read(fixture("weights.pth")).unwrap();
    let number = (2.5f32).to_le_bytes();
    let at = bytes.windows(4).position(|window| window == number).unwrap();
    bytes[at] ^= 1;
    assert!(opened(&bytes).ends_with("does not have its checksum: the file is damaged"));
}

#[test]
fn every_cut_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pth");
    for name in ["training.pth", "training-old.pth"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for end in (0..bytes.len()).step_by(7) {
            std::fs::write(&path, &bytes[..end]).unwrap();
            assert!(WeightFile::open(&path).is_err(), "{name} cut at {end}");
        }
    }
}
