//! EfficientNet-Lite (arXiv 1905.11946 without squeeze-and-excitation, with ReLU6) under timm's tensor
//! names (`tf_efficientnet_lite0`).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::architecture::{Architecture, Build, PretrainedConfig, Sizes};
use super::block::{AnyBlock, Block};
use super::body::{Body, BodyStage};
use crate::graph::{Graph, NoGraph, Value};
use crate::layers::{BatchNorm, Conv2d, Conv2dConfig, conv_norm, export_conv_norm};
use crate::ops::{ActivationFn, fork_if};

use ActivationFn::{Identity, Relu6};

pub static ARCHITECTURES: [Architecture; 3] = [
    Architecture {
        hub: Some("timm/tf_efficientnet_lite0.in1k"),
        embedded: LITE0_WEIGHTS,
        ..architecture("efficientnet_lite0", "timm tf_efficientnet_lite0", 224, |config, device| {
            lite(1.0, 1.0, config, device)
        })
    },
    Architecture {
        hub: Some("timm/tf_efficientnet_lite1.in1k"),
        ..architecture("efficientnet_lite1", "timm tf_efficientnet_lite1", 240, |config, device| {
            lite(1.0, 1.1, config, device)
        })
    },
    Architecture {
        hub: Some("timm/tf_efficientnet_lite2.in1k"),
        ..architecture("efficientnet_lite2", "timm tf_efficientnet_lite2", 260, |config, device| {
            lite(1.1, 1.2, config, device)
        })
    },
];

/// ImageNet weights, so that the first run needs no network; `assets/README.md` says where they come from.
#[cfg(feature = "embedded-weights")]
const LITE0_WEIGHTS: Option<&[u8]> = Some(include_bytes!("../../../assets/efficientnet_lite0.safetensors"));
#[cfg(not(feature = "embedded-weights"))]
const LITE0_WEIGHTS: Option<&[u8]> = None;

const fn architecture(name: &'static str, weights: &'static str, size: usize, build: Build) -> Architecture {
    Architecture {
        config: PretrainedConfig::TENSORFLOW,
        sizes: Sizes::any(size),
        group_starts: &["blocks.4"],
        names: weights,
        weights,
        licence: "Apache-2.0",
        classifier: Some("classifier"),
        ..Architecture::new(name, build)
    }
}

/// Of Lite0: (kernel, stride of the first block, expansion, channels, blocks)
const LITE0: [(usize, usize, usize, usize, usize); 7] = [
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
];

/// Channels of the first and the last convolution, whatever the width.
const FIRST: usize = 32;
const LAST: usize = 1280;

/// The multiple of 8 next to a number of channels, unless it is more than a tenth less.
pub fn multiple_of_8(channels: f64) -> usize {
    let rounded = ((channels + 4.0) as usize / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * channels { rounded + 8 } else { rounded }
}

/// Lite0 at another width and depth; the first and the last group of blocks are as deep as Lite0's.
fn lite(width: f64, depth: f64, config: &PretrainedConfig, device: &Device) -> Body {
    let conv = |inputs, outputs, kernel, stride| {
        Conv2dConfig::new(inputs, outputs, config.window(kernel, stride)).init(device)
    };
    let depthwise = |channels, kernel, stride| {
        Conv2dConfig::depthwise(channels, config.window(kernel, stride)).init(device)
    };
    let norm = |channels| config.norm(channels, device);

    let stem = EfficientnetStem { conv_stem: conv(config.channels, FIRST, 3, 2), bn1: norm(FIRST) };
    let mut stages = vec![BodyStage::new("stem", "", FIRST, stem)];
    let mut inputs = FIRST;
    for (group, (kernel, first_stride, expansion, channels, blocks)) in LITE0.into_iter().enumerate() {
        let outputs = multiple_of_8(channels as f64 * width);
        let middle = (1..LITE0.len() - 1).contains(&group);
        let blocks = if middle { (blocks as f64 * depth).ceil() as usize } else { blocks };
        for index in 0..blocks {
            let stride = if index == 0 { first_stride } else { 1 };
            let residual = stride == 1 && inputs == outputs;
            let block: AnyBlock = if expansion == 1 {
                DepthwiseSeparable {
                    conv_dw: depthwise(inputs, kernel, stride),
                    bn1: norm(inputs),
                    conv_pw: conv(inputs, outputs, 1, 1),
                    bn2: norm(outputs),
                    residual,
                }
                .into()
            } else {
                let wide = inputs * expansion;
                InvertedBottleneck {
                    conv_pw: conv(inputs, wide, 1, 1),
                    bn1: norm(wide),
                    conv_dw: depthwise(wide, kernel, stride),
                    bn2: norm(wide),
                    conv_pwl: conv(wide, outputs, 1, 1),
                    bn3: norm(outputs),
                    residual,
                }
                .into()
            };
            stages.push(BodyStage::named(format!("blocks.{group}.{index}"), outputs, block));
            inputs = outputs;
        }
    }
    let last = EfficientnetLast { conv_head: conv(inputs, LAST, 1, 1), bn2: norm(LAST) };
    stages.push(BodyStage::new("conv_head", "", LAST, last));
    Body::new(stages)
}

/// The first convolution.
#[derive(Module, Debug)]
struct EfficientnetStem {
    conv_stem: Conv2d,
    bn1: BatchNorm,
}

impl Block for EfficientnetStem {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv_norm(&self.conv_stem, &self.bn1, x, None, Relu6)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        Ok(export_conv_norm(&self.conv_stem, &self.bn1, graph, x, None, Relu6))
    }
}

/// Depthwise, then down to few channels.
#[derive(Module, Debug)]
struct DepthwiseSeparable {
    conv_dw: Conv2d,
    bn1: BatchNorm,
    conv_pw: Conv2d,
    bn2: BatchNorm,
    #[module(skip)]
    residual: bool,
}

impl Block for DepthwiseSeparable {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = fork_if(self.residual, x);
        let y = conv_norm(&self.conv_dw, &self.bn1, x, None, Relu6);
        conv_norm(&self.conv_pw, &self.bn2, y, around, Identity)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let around = self.residual.then_some(x);
        let y = export_conv_norm(&self.conv_dw, &self.bn1, graph, x, None, Relu6);
        Ok(export_conv_norm(&self.conv_pw, &self.bn2, graph, y, around, Identity))
    }
}

/// Up to many channels, depthwise, down to few.
#[derive(Module, Debug)]
struct InvertedBottleneck {
    conv_pw: Conv2d,
    bn1: BatchNorm,
    conv_dw: Conv2d,
    bn2: BatchNorm,
    conv_pwl: Conv2d,
    bn3: BatchNorm,
    #[module(skip)]
    residual: bool,
}

impl Block for InvertedBottleneck {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = fork_if(self.residual, x);
        let y = conv_norm(&self.conv_pw, &self.bn1, x, None, Relu6);
        let y = conv_norm(&self.conv_dw, &self.bn2, y, None, Relu6);
        conv_norm(&self.conv_pwl, &self.bn3, y, around, Identity)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let around = self.residual.then_some(x);
        let y = export_conv_norm(&self.conv_pw, &self.bn1, graph, x, None, Relu6);
        let y = export_conv_norm(&self.conv_dw, &self.bn2, graph, y, None, Relu6);
        Ok(export_conv_norm(&self.conv_pwl, &self.bn3, graph, y, around, Identity))
    }
}

/// The last convolution.
#[derive(Module, Debug)]
struct EfficientnetLast {
    conv_head: Conv2d,
    bn2: BatchNorm,
}

impl Block for EfficientnetLast {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv_norm(&self.conv_head, &self.bn2, x, None, Relu6)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        Ok(export_conv_norm(&self.conv_head, &self.bn2, graph, x, None, Relu6))
    }
}
