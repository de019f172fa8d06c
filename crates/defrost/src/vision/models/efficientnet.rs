//! EfficientNet-Lite (arXiv 1905.11946 without squeeze-and-excitation, with ReLU6) under timm's tensor
//! names (`tf_efficientnet_lite0`).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::architecture::Convention;
use super::body::{Block, Body, BodyStage};
use crate::layers::{BatchNorm, Conv2d, Conv2dConfig, conv_norm};
use crate::ops::{Nonlinearity, fork_if};

use Nonlinearity::{Identity, Relu6};

/// (kernel, stride of the first block, expansion, channels, blocks)
const LITE0: [(usize, usize, usize, usize, usize); 7] = [
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
];

/// Channels of the first and the last convolution.
const FIRST: usize = 32;
const LAST: usize = 1280;

/// EfficientNet-Lite0's body.
pub fn efficientnet_lite0(convention: &Convention, device: &Device) -> Body {
    let conv = |inputs, outputs, kernel, stride| {
        Conv2dConfig::new(inputs, outputs, convention.window(kernel, stride)).init(device)
    };
    let depthwise = |channels, kernel, stride| {
        Conv2dConfig::depthwise(channels, convention.window(kernel, stride)).init(device)
    };
    let norm = |channels| convention.norm(channels, device);

    let stem = StemStage { conv_stem: conv(3, FIRST, 3, 2), bn1: norm(FIRST) };
    let mut stages = vec![BodyStage::new("stem", "", FIRST, Block::EfficientnetStem(stem))];
    let mut inputs = FIRST;
    for (group, (kernel, first_stride, expansion, outputs, blocks)) in LITE0.into_iter().enumerate() {
        for index in 0..blocks {
            let stride = if index == 0 { first_stride } else { 1 };
            let residual = stride == 1 && inputs == outputs;
            let block = if expansion == 1 {
                Block::DepthwiseSeparable(DepthwiseSeparable {
                    conv_dw: depthwise(inputs, kernel, stride),
                    bn1: norm(inputs),
                    conv_pw: conv(inputs, outputs, 1, 1),
                    bn2: norm(outputs),
                    residual,
                })
            } else {
                let wide = inputs * expansion;
                Block::InvertedBottleneck(InvertedBottleneck {
                    conv_pw: conv(inputs, wide, 1, 1),
                    bn1: norm(wide),
                    conv_dw: depthwise(wide, kernel, stride),
                    bn2: norm(wide),
                    conv_pwl: conv(wide, outputs, 1, 1),
                    bn3: norm(outputs),
                    residual,
                })
            };
            stages.push(BodyStage::named(format!("blocks.{group}.{index}"), outputs, block));
            inputs = outputs;
        }
    }
    let last = PointwiseStage { conv_head: conv(inputs, LAST, 1, 1), bn2: norm(LAST) };
    stages.push(BodyStage::new("conv_head", "", LAST, Block::EfficientnetLast(last)));
    Body::new(stages)
}

/// The first convolution.
#[derive(Module, Debug)]
pub struct StemStage {
    conv_stem: Conv2d,
    bn1: BatchNorm,
}

impl StemStage {
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv_norm(&self.conv_stem, &self.bn1, x, None, Relu6)
    }
}

/// Depthwise, then down to few channels.
#[derive(Module, Debug)]
pub struct DepthwiseSeparable {
    conv_dw: Conv2d,
    bn1: BatchNorm,
    conv_pw: Conv2d,
    bn2: BatchNorm,
    #[module(skip)]
    residual: bool,
}

impl DepthwiseSeparable {
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = fork_if(self.residual, x);
        let y = conv_norm(&self.conv_dw, &self.bn1, x, None, Relu6);
        conv_norm(&self.conv_pw, &self.bn2, y, around, Identity)
    }
}

/// Up to many channels, depthwise, down to few.
#[derive(Module, Debug)]
pub struct InvertedBottleneck {
    conv_pw: Conv2d,
    bn1: BatchNorm,
    conv_dw: Conv2d,
    bn2: BatchNorm,
    conv_pwl: Conv2d,
    bn3: BatchNorm,
    #[module(skip)]
    residual: bool,
}

impl InvertedBottleneck {
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = fork_if(self.residual, x);
        let y = conv_norm(&self.conv_pw, &self.bn1, x, None, Relu6);
        let y = conv_norm(&self.conv_dw, &self.bn2, y, None, Relu6);
        conv_norm(&self.conv_pwl, &self.bn3, y, around, Identity)
    }
}

/// The last convolution.
#[derive(Module, Debug)]
pub struct PointwiseStage {
    conv_head: Conv2d,
    bn2: BatchNorm,
}

impl PointwiseStage {
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv_norm(&self.conv_head, &self.bn2, x, None, Relu6)
    }
}
