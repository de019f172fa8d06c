//! Residual networks (arXiv 1512.03385) under torchvision's tensor names.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::architecture::Convention;
use super::body::{Block, Body, BodyStage};
use crate::layers::{BatchNorm, Conv2d, Conv2dConfig, conv_norm};
use crate::ops::{Nonlinearity, Window, fork, max_pool2d};

use Nonlinearity::{Identity, Relu};

/// Blocks in each of the four layers.
const RESNET18: [usize; 4] = [2, 2, 2, 2];
const RESNET34: [usize; 4] = [3, 4, 6, 3];
const RESNET50: [usize; 4] = [3, 4, 6, 3];

/// Width of the four layers, before a bottleneck's expansion.
const WIDTHS: [usize; 4] = [64, 128, 256, 512];

/// A bottleneck gives four times its width.
const EXPANSION: usize = 4;

/// resnet18's body.
pub fn resnet18(convention: &Convention, device: &Device) -> Body {
    resnet(RESNET18, basic, 1, convention, device)
}

/// resnet34's body.
pub fn resnet34(convention: &Convention, device: &Device) -> Body {
    resnet(RESNET34, basic, 1, convention, device)
}

/// resnet50's body, with the stride on the 3×3 convolution ("v1.5").
pub fn resnet50(convention: &Convention, device: &Device) -> Body {
    resnet(RESNET50, bottleneck, EXPANSION, convention, device)
}

/// Channels in, width, stride.
type MakeBlock = fn(usize, usize, usize, &Convention, &Device) -> Block;

fn resnet(
    depths: [usize; 4],
    block: MakeBlock,
    expansion: usize,
    convention: &Convention,
    device: &Device,
) -> Body {
    let stem = ResnetStem {
        conv1: Conv2dConfig::new(3, 64, convention.window(7, 2)).init(device),
        bn1: convention.norm(64, device),
        pool: convention.window(3, 2),
    };
    let mut stages = vec![BodyStage::new("stem", "", 64, Block::ResnetStem(stem))];
    let mut channels = 64;
    for (layer, (depth, width)) in depths.into_iter().zip(WIDTHS).enumerate() {
        for index in 0..depth {
            let stride = if index == 0 && layer > 0 { 2 } else { 1 };
            let name = format!("layer{}.{index}", layer + 1);
            let made = block(channels, width, stride, convention, device);
            channels = width * expansion;
            stages.push(BodyStage::named(name, channels, made));
        }
    }
    Body::new(stages)
}

/// 7×7 convolution, norm, max pooling.
#[derive(Module, Debug)]
pub struct ResnetStem {
    conv1: Conv2d,
    bn1: BatchNorm,
    #[module(skip)]
    pool: Window,
}

impl ResnetStem {
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        max_pool2d(conv_norm(&self.conv1, &self.bn1, x, None, Relu), self.pool)
    }
}

/// Two 3×3 convolutions beside a shortcut.
#[derive(Module, Debug)]
pub struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    /// Called `downsample.0` and `downsample.1` in checkpoints.
    downsample: Option<(Conv2d, BatchNorm)>,
}

fn basic(inputs: usize, width: usize, stride: usize, convention: &Convention, device: &Device) -> Block {
    Block::Basic(BasicBlock {
        conv1: Conv2dConfig::new(inputs, width, convention.window(3, stride)).init(device),
        bn1: convention.norm(width, device),
        conv2: Conv2dConfig::new(width, width, convention.window(3, 1)).init(device),
        bn2: convention.norm(width, device),
        downsample: downsample(inputs, width, stride, convention, device),
    })
}

impl BasicBlock {
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = fork(x);
        let y = conv_norm(&self.conv1, &self.bn1, x, None, Relu);
        conv_norm(&self.conv2, &self.bn2, y, Some(shortcut(&self.downsample, around)), Relu)
    }
}

/// 1×1 down, 3×3, 1×1 up, beside a shortcut.
#[derive(Module, Debug)]
pub struct Bottleneck {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    conv3: Conv2d,
    bn3: BatchNorm,
    /// Called `downsample.0` and `downsample.1` in checkpoints.
    downsample: Option<(Conv2d, BatchNorm)>,
}

fn bottleneck(inputs: usize, width: usize, stride: usize, convention: &Convention, device: &Device) -> Block {
    let outputs = width * EXPANSION;
    Block::Bottleneck(Bottleneck {
        conv1: Conv2dConfig::new(inputs, width, convention.window(1, 1)).init(device),
        bn1: convention.norm(width, device),
        conv2: Conv2dConfig::new(width, width, convention.window(3, stride)).init(device),
        bn2: convention.norm(width, device),
        conv3: Conv2dConfig::new(width, outputs, convention.window(1, 1)).init(device),
        bn3: convention.norm(outputs, device),
        downsample: downsample(inputs, outputs, stride, convention, device),
    })
}

impl Bottleneck {
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = fork(x);
        let y = conv_norm(&self.conv1, &self.bn1, x, None, Relu);
        let y = conv_norm(&self.conv2, &self.bn2, y, None, Relu);
        conv_norm(&self.conv3, &self.bn3, y, Some(shortcut(&self.downsample, around)), Relu)
    }
}

/// A projection, where the block changes the shape.
fn downsample(
    inputs: usize,
    outputs: usize,
    stride: usize,
    convention: &Convention,
    device: &Device,
) -> Option<(Conv2d, BatchNorm)> {
    (stride != 1 || inputs != outputs).then(|| {
        let conv = Conv2dConfig::new(inputs, outputs, convention.window(1, stride)).init(device);
        (conv, convention.norm(outputs, device))
    })
}

fn shortcut(downsample: &Option<(Conv2d, BatchNorm)>, x: Tensor<4>) -> Tensor<4> {
    match downsample {
        Some((conv, norm)) => conv_norm(conv, norm, x, None, Identity),
        None => x,
    }
}
