//! An image network of a user's own, which is registered and then is one like all others: `architectures.rs` holds it to
//! what they must do.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use defrost::graph::{Graph, NoGraph, Value};
use defrost::layers::{BatchNorm, Conv2d, Conv2dConfig, conv_norm, export_conv_norm};
use defrost::ops::{ActivationFn, fork};
use defrost::vision::models::{Architecture, Block, Body, BodyStage, NameTaken, PretrainedConfig, Sizes};

/// A stem and two residual blocks.
pub static TINY: Architecture = Architecture {
    sizes: Sizes { usual: 224, least: 8, step: 1 },
    group_starts: &["blocks.1"],
    names: "torchvision",
    ..Architecture::new("tiny", tiny)
};

/// Larger siblings of others. They differ in numbers alone, and take as long as all others together.
const LARGE: [&str; 4] = ["resnet101", "wide_resnet50_2", "convnext_small", "vit_base_patch16_224"];

/// The architectures that tests look at, this one among them: DEFROST_ARCHITECTURES=all adds the large ones.
pub fn architectures() -> impl Iterator<Item = &'static Architecture> {
    Architecture::register(&TINY).unwrap();
    let all = std::env::var("DEFROST_ARCHITECTURES").is_ok_and(|which| which == "all");
    Architecture::all().filter(move |architecture| all || !LARGE.contains(&architecture.name))
}

const WIDTH: usize = 8;

fn tiny(config: &PretrainedConfig, device: &Device) -> Body {
    let conv = |inputs, stride| ConvNorm {
        conv: Conv2dConfig::new(inputs, WIDTH, config.window(3, stride)).init(device),
        norm: config.norm(WIDTH, device),
    };
    let stem = BodyStage::named("stem", WIDTH, conv(config.channels, 2)).renamed([("norm", "bn")]);
    let block =
        |index| BodyStage::named(format!("blocks.{index}"), WIDTH, Residual { inner: conv(WIDTH, 1) });
    Body::new([stem].into_iter().chain([0, 1].map(block)).collect())
}

#[derive(Module, Debug)]
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

impl Block for ConvNorm {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv_norm(&self.conv, &self.norm, x, None, ActivationFn::Relu)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        Ok(export_conv_norm(&self.conv, &self.norm, graph, x, None, ActivationFn::Relu))
    }
}

#[derive(Module, Debug)]
struct Residual {
    inner: ConvNorm,
}

impl Block for Residual {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = fork(x);
        conv_norm(&self.inner.conv, &self.inner.norm, x, Some(around), ActivationFn::Relu)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let ConvNorm { conv, norm } = &self.inner;
        Ok(export_conv_norm(conv, norm, graph, x, Some(x), ActivationFn::Relu))
    }
}

#[test]
fn it_is_found_by_its_name_and_has_its_tensors() {
    assert!(architectures().any(|architecture| architecture.name == "tiny"));
    let tiny = Architecture::named("tiny").unwrap();
    let stages = tiny.body(&tiny.config, &Device::flex()).stages();
    let names: Vec<&str> =
        stages.iter().flat_map(|stage| &stage.parameters).map(|p| p.name.as_str()).collect();
    assert_eq!(names.len(), 3 * 5);
    assert_eq!((names[0], names[1]), ("body.stem.conv.weight", "body.stem.bn.weight"));
    assert_eq!(names[14], "body.blocks.1.inner.norm.running_var");
    assert_eq!(tiny.multiply_adds(16), 8 * 8 * 9 * (3 * 8 + 8 * 8 + 8 * 8));
}

#[test]
fn a_name_stands_for_one_architecture() {
    static OTHER: Architecture = Architecture::new("tiny", tiny);
    Architecture::register(&TINY).unwrap();
    assert_eq!(Architecture::register(&OTHER), Err(NameTaken("tiny")));
    assert_eq!(
        NameTaken("tiny").to_string(),
        "there is an architecture `tiny` already: give this one another name"
    );
}
