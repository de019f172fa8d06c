//! Residual networks (arXiv 1512.03385) under torchvision's tensor names.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::architecture::{Architecture, Build, PretrainedConfig};
use super::block::{AnyBlock, Block};
use super::body::{Body, BodyStage};
use crate::graph::{Graph, NoGraph, Value};
use crate::layers::{BatchNorm, Conv2d, Conv2dConfig, conv_norm, export_conv_norm};
use crate::ops::{ActivationFn, WindowConfig, fork, max_pool2d};

use ActivationFn::{Identity, Relu};

pub static ARCHITECTURES: [Architecture; 6] = [
    architecture(
        "resnet18",
        ["torchvision ResNet18_Weights.IMAGENET1K_V1", "timm/resnet18.a1_in1k"],
        |config, device| resnet([2, 2, 2, 2], Blocks::Basic, config, device),
    ),
    architecture(
        "resnet34",
        ["torchvision ResNet34_Weights.IMAGENET1K_V1", "timm/resnet34.a1_in1k"],
        |config, device| resnet([3, 4, 6, 3], Blocks::Basic, config, device),
    ),
    architecture(
        "resnet50",
        ["torchvision ResNet50_Weights.IMAGENET1K_V1", "timm/resnet50.a1_in1k"],
        |config, device| resnet([3, 4, 6, 3], PLAIN, config, device),
    ),
    architecture(
        "resnet101",
        ["torchvision ResNet101_Weights.IMAGENET1K_V1", "timm/resnet101.a1_in1k"],
        |config, device| resnet([3, 4, 23, 3], PLAIN, config, device),
    ),
    architecture(
        "resnext50_32x4d",
        ["torchvision ResNeXt50_32X4D_Weights.IMAGENET1K_V1", "timm/resnext50_32x4d.a1_in1k"],
        |config, device| resnet([3, 4, 6, 3], Blocks::Bottleneck { groups: 32, width: 4 }, config, device),
    ),
    architecture(
        "wide_resnet50_2",
        ["torchvision Wide_ResNet50_2_Weights.IMAGENET1K_V1", "timm/wide_resnet50_2.tv_in1k"],
        |config, device| resnet([3, 4, 6, 3], Blocks::Bottleneck { groups: 1, width: 128 }, config, device),
    ),
];

const fn architecture(name: &'static str, [weights, hub]: [&'static str; 2], build: Build) -> Architecture {
    Architecture {
        // fastai's: stem, layer1, layer2 | layer3, layer4.
        group_starts: &["layer3"],
        names: "torchvision",
        weights,
        licence: "BSD-3-Clause",
        classifier: Some("fc"),
        hub: Some(hub),
        ..Architecture::new(name, build)
    }
}

/// The kind of blocks in the four layers.
#[derive(Clone, Copy)]
enum Blocks {
    Basic,
    /// 3×3 convolutions in this many groups, each with this many channels in the first layer (arXiv 1611.05431; wider:
    /// arXiv 1605.07146).
    Bottleneck {
        groups: usize,
        width: usize,
    },
}

const PLAIN: Blocks = Blocks::Bottleneck { groups: 1, width: 64 };

/// Channels of the four layers, before a bottleneck's expansion.
const WIDTHS: [usize; 4] = [64, 128, 256, 512];

/// A bottleneck gives four times its layer's width.
const EXPANSION: usize = 4;

/// A body with this many blocks in each layer; bottlenecks have the stride on the 3×3 convolution ("v1.5").
fn resnet(depths: [usize; 4], blocks: Blocks, config: &PretrainedConfig, device: &Device) -> Body {
    let stem = ResnetStem {
        conv1: Conv2dConfig::new(config.channels, 64, config.window(7, 2)).init(device),
        bn1: config.norm(64, device),
        pool: config.window(3, 2),
    };
    let mut stages = vec![BodyStage::new("stem", "", 64, stem)];
    let mut channels = 64;
    for (layer, (depth, width)) in depths.into_iter().zip(WIDTHS).enumerate() {
        for index in 0..depth {
            let stride = if index == 0 && layer > 0 { 2 } else { 1 };
            let (outputs, block) = blocks.make([channels, width, stride], config, device);
            stages.push(BodyStage::named(format!("layer{}.{index}", layer + 1), outputs, block));
            channels = outputs;
        }
    }
    Body::new(stages)
}

impl Blocks {
    /// A block and the channels it gives.
    fn make(
        self,
        [inputs, width, stride]: [usize; 3],
        config: &PretrainedConfig,
        device: &Device,
    ) -> (usize, AnyBlock) {
        let conv = |inputs, outputs, kernel, stride, groups| {
            let window = config.window(kernel, stride);
            Conv2dConfig::new(inputs, outputs, window).grouped(groups).init(device)
        };
        let norm = |channels| config.norm(channels, device);
        let downsample = |outputs| {
            let changes = stride != 1 || inputs != outputs;
            changes.then(|| (conv(inputs, outputs, 1, stride, 1), norm(outputs)))
        };
        match self {
            Self::Basic => {
                let block = BasicBlock {
                    conv1: conv(inputs, width, 3, stride, 1),
                    bn1: norm(width),
                    conv2: conv(width, width, 3, 1, 1),
                    bn2: norm(width),
                    downsample: downsample(width),
                };
                (width, block.into())
            }
            Self::Bottleneck { groups, width: group_width } => {
                let (inner, outputs) = (width * groups * group_width / WIDTHS[0], width * EXPANSION);
                let block = Bottleneck {
                    conv1: conv(inputs, inner, 1, 1, 1),
                    bn1: norm(inner),
                    conv2: conv(inner, inner, 3, stride, groups),
                    bn2: norm(inner),
                    conv3: conv(inner, outputs, 1, 1, 1),
                    bn3: norm(outputs),
                    downsample: downsample(outputs),
                };
                (outputs, block.into())
            }
        }
    }
}

/// 7×7 convolution, norm, max pooling.
#[derive(Module, Debug)]
struct ResnetStem {
    conv1: Conv2d,
    bn1: BatchNorm,
    #[module(skip)]
    pool: WindowConfig,
}

impl Block for ResnetStem {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        max_pool2d(conv_norm(&self.conv1, &self.bn1, x, None, Relu), self.pool)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let y = export_conv_norm(&self.conv1, &self.bn1, graph, x, None, Relu);
        Ok(graph.max_pool2d(y, self.pool))
    }
}

/// Two 3×3 convolutions beside a shortcut.
#[derive(Module, Debug)]
struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    /// Called `downsample.0` and `downsample.1` in checkpoints.
    downsample: Option<(Conv2d, BatchNorm)>,
}

impl Block for BasicBlock {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = fork(x);
        let y = conv_norm(&self.conv1, &self.bn1, x, None, Relu);
        conv_norm(&self.conv2, &self.bn2, y, Some(shortcut(&self.downsample, around)), Relu)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let around = export_shortcut(&self.downsample, graph, x);
        let y = export_conv_norm(&self.conv1, &self.bn1, graph, x, None, Relu);
        Ok(export_conv_norm(&self.conv2, &self.bn2, graph, y, Some(around), Relu))
    }
}

/// 1×1 down, 3×3, 1×1 up, beside a shortcut.
#[derive(Module, Debug)]
struct Bottleneck {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    conv3: Conv2d,
    bn3: BatchNorm,
    /// Called `downsample.0` and `downsample.1` in checkpoints.
    downsample: Option<(Conv2d, BatchNorm)>,
}

impl Block for Bottleneck {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = fork(x);
        let y = conv_norm(&self.conv1, &self.bn1, x, None, Relu);
        let y = conv_norm(&self.conv2, &self.bn2, y, None, Relu);
        conv_norm(&self.conv3, &self.bn3, y, Some(shortcut(&self.downsample, around)), Relu)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let around = export_shortcut(&self.downsample, graph, x);
        let y = export_conv_norm(&self.conv1, &self.bn1, graph, x, None, Relu);
        let y = export_conv_norm(&self.conv2, &self.bn2, graph, y, None, Relu);
        Ok(export_conv_norm(&self.conv3, &self.bn3, graph, y, Some(around), Relu))
    }
}

/// The projection, where the block changes the shape.
fn shortcut(downsample: &Option<(Conv2d, BatchNorm)>, x: Tensor<4>) -> Tensor<4> {
    match downsample {
        Some((conv, norm)) => conv_norm(conv, norm, x, None, Identity),
        None => x,
    }
}

/// [`shortcut`] in a graph.
fn export_shortcut(downsample: &Option<(Conv2d, BatchNorm)>, graph: &mut Graph, x: Value) -> Value {
    match downsample {
        Some((conv, norm)) => export_conv_norm(conv, norm, graph, x, None, Identity),
        None => x,
    }
}
