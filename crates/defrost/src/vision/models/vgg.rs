//! VGG with norms (arXiv 1409.1556) under torchvision's tensor names.
//!
//! Its classifier, three dense layers over 7×7 pixels, has nine tenths of the parameters and fits one image size
//! only; as in fastai it is left behind.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::architecture::{Architecture, PretrainedConfig, Sizes};
use super::block::Block;
use super::body::{Body, BodyStage};
use crate::graph::{Graph, NoGraph, Value};
use crate::layers::{BatchNorm, Conv2d, Conv2dConfig, conv_norm, export_conv_norm};
use crate::ops::{ActivationFn, WindowConfig, max_pool2d};

pub static ARCHITECTURES: [Architecture; 1] = [Architecture {
    sizes: Sizes { usual: 224, least: 32, step: 1 },
    // fastai's: features[:22] | features[22:], whose first parameters are those of 24.
    group_starts: &["features.24"],
    names: "torchvision",
    weights: "torchvision VGG16_BN_Weights.IMAGENET1K_V1",
    licence: "BSD-3-Clause",
    hub: Some("timm/vgg16_bn.tv_in1k"),
    ..Architecture::new("vgg16_bn", vgg16_bn)
}];

/// (channels, convolutions), each followed by pooling.
const PARTS: [(usize, usize); 5] = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)];

fn vgg16_bn(config: &PretrainedConfig, device: &Device) -> Body {
    let mut stages = vec![];
    // Checkpoints count convolutions, norms, ReLUs and poolings.
    let (mut index, mut inputs) = (0, config.channels);
    for (channels, depth) in PARTS {
        for layer in 0..depth {
            let pooled = layer + 1 == depth;
            let conv = Conv2dConfig::new(inputs, channels, config.window(3, 1)).biased().init(device);
            let layer = VggLayer { conv, norm: config.norm(channels, device), pooled };
            let stage = BodyStage::new(format!("features.{index}"), "features.", channels, layer);
            stages.push(stage.renamed([("conv", index.to_string()), ("norm", (index + 1).to_string())]));
            index += if pooled { 4 } else { 3 };
            inputs = channels;
        }
    }
    Body::new(stages)
}

/// 3×3 convolution, norm, ReLU, and at the end of a part pooling.
#[derive(Module, Debug)]
struct VggLayer {
    conv: Conv2d,
    norm: BatchNorm,
    #[module(skip)]
    pooled: bool,
}

impl Block for VggLayer {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = conv_norm(&self.conv, &self.norm, x, None, ActivationFn::Relu);
        if self.pooled { max_pool2d(x, WindowConfig::tiles(2)) } else { x }
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let x = export_conv_norm(&self.conv, &self.norm, graph, x, None, ActivationFn::Relu);
        Ok(if self.pooled { graph.max_pool2d(x, WindowConfig::tiles(2)) } else { x })
    }
}
