//! An image network: a convolution and a residual block. `docs/adding-a-model.md` explains each line.

use defrost::burn;
use defrost::burn::module::Module;
use defrost::burn::tensor::{Device, Tensor};
use defrost::graph::{Graph, NoGraph, Value};
use defrost::layers::{BatchNorm, Conv2d, Conv2dConfig, conv_norm, export_conv_norm};
use defrost::ops::{ActivationFn, fork};
use defrost::vision::models::{Architecture, Block, Body, BodyStage, NameTaken, PretrainedConfig, Sizes};

/// What plans, runs and `Pretrained` call it.
pub const NAME: &str = "two_convolutions";

static ARCHITECTURE: Architecture =
    Architecture { sizes: Sizes::any(64), group_starts: &["block"], ..Architecture::new(NAME, body) };

/// Makes it known, so that its name can be given and its runs can be loaded.
pub fn register() -> Result<(), NameTaken> {
    Architecture::register(&ARCHITECTURE)
}

const WIDTH: usize = 16;

fn body(config: &PretrainedConfig, device: &Device) -> Body {
    let conv = |inputs, stride| ConvNorm {
        conv: Conv2dConfig::new(inputs, WIDTH, config.window(3, stride)).init(device),
        norm: config.norm(WIDTH, device),
    };
    Body::new(vec![
        BodyStage::named("stem", WIDTH, conv(config.channels, 2)),
        BodyStage::named("block", WIDTH, Residual { inner: conv(WIDTH, 1) }),
    ])
}

/// Field names are tensor names: `body.stem.conv.weight`.
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
        let (x, shortcut) = fork(x);
        conv_norm(&self.inner.conv, &self.inner.norm, x, Some(shortcut), ActivationFn::Relu)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let ConvNorm { conv, norm } = &self.inner;
        Ok(export_conv_norm(conv, norm, graph, x, Some(x), ActivationFn::Relu))
    }
}
