//! DenseNet (arXiv 1608.06993) under torchvision's tensor names.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::architecture::{Architecture, PretrainedConfig, Sizes};
use super::block::Block;
use super::body::{Body, BodyStage};
use crate::graph::{Graph, NoGraph, Value};
use crate::layers::{BatchNorm, Conv2d, Conv2dConfig, conv_norm, export_conv_norm, norm_alone};
use crate::ops::{ActivationFn, Conv2dOptions, WindowConfig, conv2d, fork, max_pool2d};

use ActivationFn::{Identity, Relu};

pub static ARCHITECTURES: [Architecture; 1] = [Architecture {
    sizes: Sizes { usual: 224, least: 29, step: 1 },
    // fastai's: features[:7] | features[7:].
    group_starts: &["features.transition2"],
    names: "torchvision",
    weights: "torchvision DenseNet121_Weights.IMAGENET1K_V1",
    licence: "BSD-3-Clause",
    classifier: Some("classifier"),
    hub: Some("timm/densenet121.tv_in1k"),
    ..Architecture::new("densenet121", densenet121)
}];

/// Channels of the first convolution, and those that each layer adds.
const FIRST: usize = 64;
const GROWTH: usize = 32;

/// The number of channels to which a layer squeezes its input.
const SQUEEZED: usize = 4 * GROWTH;

/// Layers in each block.
const DEPTHS: [usize; 4] = [6, 12, 24, 16];

fn densenet121(config: &PretrainedConfig, device: &Device) -> Body {
    let conv = |inputs, outputs, kernel, stride| {
        Conv2dConfig::new(inputs, outputs, config.window(kernel, stride)).init(device)
    };
    let norm = |channels| config.norm(channels, device);
    let stem = DensenetStem {
        conv0: conv(config.channels, FIRST, 7, 2),
        norm0: norm(FIRST),
        pool: config.window(3, 2),
    };
    let mut stages = vec![BodyStage::new("features.stem", "features.", FIRST, stem)];
    let mut channels = FIRST;
    for (block, depth) in (1..).zip(DEPTHS) {
        if block > 1 {
            let transition = Transition { norm: norm(channels), conv: conv(channels, channels / 2, 1, 1) };
            channels /= 2;
            stages.push(BodyStage::named(format!("features.transition{}", block - 1), channels, transition));
        }
        for layer in 1..=depth {
            let dense = DenseLayer {
                norm1: norm(channels),
                conv1: conv(channels, SQUEEZED, 1, 1),
                norm2: norm(SQUEEZED),
                conv2: conv(SQUEEZED, GROWTH, 3, 1),
            };
            channels += GROWTH;
            let name = format!("features.denseblock{block}.denselayer{layer}");
            stages.push(BodyStage::named(name, channels, dense));
        }
    }
    let last = LastNorm { norm5: norm(channels) };
    stages.push(BodyStage::new("features.norm5", "features.", channels, last));
    Body::new(stages)
}

/// 7×7 convolution, norm, max pooling.
#[derive(Module, Debug)]
struct DensenetStem {
    conv0: Conv2d,
    norm0: BatchNorm,
    #[module(skip)]
    pool: WindowConfig,
}

impl Block for DensenetStem {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        max_pool2d(conv_norm(&self.conv0, &self.norm0, x, None, Relu), self.pool)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let y = export_conv_norm(&self.conv0, &self.norm0, graph, x, None, Relu);
        Ok(graph.max_pool2d(y, self.pool))
    }
}

/// Adds channels to those that are there: norm, 1×1 convolution, norm, 3×3 convolution.
#[derive(Module, Debug)]
struct DenseLayer {
    norm1: BatchNorm,
    conv1: Conv2d,
    norm2: BatchNorm,
    conv2: Conv2d,
}

impl Block for DenseLayer {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = fork(x);
        let y = norm_alone(&self.norm1, x, Relu);
        let y = conv_norm(&self.conv1, &self.norm2, y, None, Relu);
        Tensor::cat(vec![around, self.conv2.forward(y, Identity)], 3)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let y = self.norm1.export(graph, x);
        let y = graph.activation(y, Relu);
        let y = export_conv_norm(&self.conv1, &self.norm2, graph, y, None, Relu);
        let y = self.conv2.export(graph, y, Identity);
        Ok(graph.concat(&[x, y], 1))
    }
}

/// Norm, half the channels, half the size.
#[derive(Module, Debug)]
struct Transition {
    norm: BatchNorm,
    conv: Conv2d,
}

impl Block for Transition {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        // A 1×1 convolution of averages is the average of 1×1 convolutions, and four times as cheap.
        self.conv.forward(halved(norm_alone(&self.norm, x, Relu)), Identity)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let y = self.norm.export(graph, x);
        let y = graph.activation(y, Relu);
        let y = graph.average_tiles(y, 2);
        Ok(self.conv.export(graph, y, Identity))
    }
}

/// The averages of 2×2 pixels: a depthwise convolution of quarters.
fn halved(x: Tensor<4>) -> Tensor<4> {
    let (channels, device) = (x.dims()[3], x.device());
    let quarters = Tensor::full([channels, 1, 2, 2], 0.25, &device);
    let none = Tensor::zeros([channels], &device);
    conv2d(x, quarters, none, Conv2dOptions::new(WindowConfig::tiles(2)))
}

/// The norm behind the last layer.
#[derive(Module, Debug)]
struct LastNorm {
    norm5: BatchNorm,
}

impl Block for LastNorm {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        norm_alone(&self.norm5, x, Relu)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let y = self.norm5.export(graph, x);
        Ok(graph.activation(y, Relu))
    }
}
