//! MobileNetV2 (arXiv 1801.04381) under torchvision's tensor names.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::architecture::{Architecture, PretrainedConfig};
use super::block::{AnyBlock, Block};
use super::body::{Body, BodyStage};
use crate::graph::{Graph, NoGraph, Value};
use crate::layers::{BatchNorm, Conv2d, Conv2dConfig, conv_norm, export_conv_norm};
use crate::ops::{ActivationFn, fork_if};

use ActivationFn::{Identity, Relu6};

pub static ARCHITECTURES: [Architecture; 1] = [Architecture {
    group_starts: &["features.7"],
    names: "torchvision",
    weights: "torchvision MobileNet_V2_Weights.IMAGENET1K_V1",
    licence: "BSD-3-Clause",
    classifier: Some("classifier.1"),
    hub: Some("timm/mobilenetv2_100.ra_in1k"),
    key_aliases: &[in_timm],
    ..Architecture::new("mobilenet_v2", mobilenet_v2)
}];

/// A convolution and its norm: `0` and `1` in checkpoints.
type ConvNorm = (Conv2d, BatchNorm);

/// (expansion, channels, blocks, stride of the first)
const SETTINGS: [(usize, usize, usize, usize); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

/// Channels of the first and the last convolution.
const FIRST: usize = 32;
const LAST: usize = 1280;

/// mobilenet_v2's body.
fn mobilenet_v2(config: &PretrainedConfig, device: &Device) -> Body {
    let maker = Maker { config, device };
    let mut stages = vec![maker.alone(0, [config.channels, FIRST], 3, 2)];
    let mut inputs = FIRST;
    for (expansion, outputs, blocks, first_stride) in SETTINGS {
        for index in 0..blocks {
            let stride = if index == 0 { first_stride } else { 1 };
            let residual = stride == 1 && inputs == outputs;
            let wide = inputs * expansion;
            let block: AnyBlock = if expansion == 1 {
                let project = maker.conv(wide, outputs, 1, 1);
                let conv = (maker.depthwise(wide, stride), project.0, project.1);
                UnexpandedResidual { conv, residual }.into()
            } else {
                let project = maker.conv(wide, outputs, 1, 1);
                let conv =
                    (maker.conv(inputs, wide, 1, 1), maker.depthwise(wide, stride), project.0, project.1);
                InvertedResidual { conv, residual }.into()
            };
            stages.push(BodyStage::named(format!("features.{}", stages.len()), outputs, block));
            inputs = outputs;
        }
    }
    stages.push(maker.alone(stages.len(), [inputs, LAST], 1, 1));
    Body::new(stages)
}

struct Maker<'a> {
    config: &'a PretrainedConfig,
    device: &'a Device,
}

impl Maker<'_> {
    fn alone(&self, index: usize, [inputs, outputs]: [usize; 2], kernel: usize, stride: usize) -> BodyStage {
        let (conv, norm) = self.conv(inputs, outputs, kernel, stride);
        let stage = BodyStage::named(format!("features.{index}"), outputs, ConvNormActivation { conv, norm });
        stage.renamed([("conv", "0"), ("norm", "1")])
    }

    fn conv(&self, inputs: usize, outputs: usize, kernel: usize, stride: usize) -> ConvNorm {
        let conv = Conv2dConfig::new(inputs, outputs, self.config.window(kernel, stride));
        (conv.init(self.device), self.config.norm(outputs, self.device))
    }

    fn depthwise(&self, channels: usize, stride: usize) -> ConvNorm {
        let conv = Conv2dConfig::depthwise(channels, self.config.window(3, stride));
        (conv.init(self.device), self.config.norm(channels, self.device))
    }
}

/// Convolution, norm, ReLU6.
#[derive(Module, Debug)]
struct ConvNormActivation {
    conv: Conv2d,
    norm: BatchNorm,
}

impl Block for ConvNormActivation {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv_norm(&self.conv, &self.norm, x, None, Relu6)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        Ok(export_conv_norm(&self.conv, &self.norm, graph, x, None, Relu6))
    }
}

fn activated((conv, norm): &ConvNorm, x: Tensor<4>) -> Tensor<4> {
    conv_norm(conv, norm, x, None, Relu6)
}

fn export_activated((conv, norm): &ConvNorm, graph: &mut Graph, x: Value) -> Value {
    export_conv_norm(conv, norm, graph, x, None, Relu6)
}

/// Depthwise, then down to few channels.
#[derive(Module, Debug)]
struct UnexpandedResidual {
    conv: (ConvNorm, Conv2d, BatchNorm),
    #[module(skip)]
    residual: bool,
}

impl Block for UnexpandedResidual {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (depthwise, project, norm) = &self.conv;
        let (x, around) = fork_if(self.residual, x);
        let y = activated(depthwise, x);
        conv_norm(project, norm, y, around, Identity)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let (depthwise, project, norm) = &self.conv;
        let around = self.residual.then_some(x);
        let y = export_activated(depthwise, graph, x);
        Ok(export_conv_norm(project, norm, graph, y, around, Identity))
    }
}

/// Up to many channels, depthwise, down to few.
#[derive(Module, Debug)]
struct InvertedResidual {
    conv: (ConvNorm, ConvNorm, Conv2d, BatchNorm),
    #[module(skip)]
    residual: bool,
}

impl Block for InvertedResidual {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (expand, depthwise, project, norm) = &self.conv;
        let (x, around) = fork_if(self.residual, x);
        let y = activated(expand, x);
        let y = activated(depthwise, y);
        conv_norm(project, norm, y, around, Identity)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let (expand, depthwise, project, norm) = &self.conv;
        let around = self.residual.then_some(x);
        let y = export_activated(expand, graph, x);
        let y = export_activated(depthwise, graph, y);
        Ok(export_conv_norm(project, norm, graph, y, around, Identity))
    }
}

/// A block by its group and its place in it, where groups have this many blocks.
pub(super) fn in_group(mut block: usize, groups: &[usize]) -> Option<(usize, usize)> {
    let mut group = 0;
    while block >= *groups.get(group)? {
        block -= groups[group];
        group += 1;
    }
    Some((group, block))
}

/// timm's mobilenetv2_100: blocks in groups of equal width, convolutions by what they do.
fn in_timm(name: &str) -> Option<String> {
    let (stage, part) = name.strip_prefix("features.")?.split_once('.')?;
    let stage: usize = stage.parse().ok()?;
    let (place, kind) = part.rsplit_once('.')?;
    if stage == 0 || stage == 18 {
        let (conv, norm) = if stage == 0 { ("conv_stem", "bn1") } else { ("conv_head", "bn2") };
        return Some(format!("{}.{kind}", if place == "0" { conv } else { norm }));
    }
    let (group, block) = in_group(stage - 1, &[1, 2, 3, 4, 3, 3, 1])?;
    let layer = match (group, place) {
        (0, "conv.0.0") => "conv_dw",
        (0, "conv.0.1") => "bn1",
        (0, "conv.1") => "conv_pw",
        (0, "conv.2") => "bn2",
        (_, "conv.0.0") => "conv_pw",
        (_, "conv.0.1") => "bn1",
        (_, "conv.1.0") => "conv_dw",
        (_, "conv.1.1") => "bn2",
        (_, "conv.2") => "conv_pwl",
        (_, "conv.3") => "bn3",
        _ => return None,
    };
    Some(format!("blocks.{group}.{block}.{layer}.{kind}"))
}
