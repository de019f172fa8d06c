//! MobileNetV3 (arXiv 1905.02244) under torchvision's tensor names.

use burn::module::Module;
use burn::tensor::{DType, Device, FloatDType, Tensor};

use super::architecture::{Architecture, Build, PretrainedConfig};
use super::block::Block;
use super::body::{Body, BodyStage};
use super::efficientnet::multiple_of_8;
use super::mobilenet::in_group;
use crate::graph::{Graph, NoGraph, Value};
use crate::layers::{BatchNorm, Conv2d, Conv2dConfig, Linear, conv_norm, export_conv_norm};
use crate::ops::{ActivationFn, average_pool, fork, fork_if, hardswish, in_format};
use crate::weights::WeightFile;

use ActivationFn::{Identity, Relu};

pub static ARCHITECTURES: [Architecture; 2] = [
    Architecture {
        weights: "torchvision MobileNet_V3_Small_Weights.IMAGENET1K_V1",
        hub: Some("timm/mobilenetv3_small_100.lamb_in1k"),
        group_starts: &["features.4"],
        key_aliases: &[|name| in_timm(&[1, 2, 3, 2, 3], name)],
        ..architecture("mobilenet_v3_small", |config, device| mobilenet_v3(&SMALL, 1024, config, device))
    },
    Architecture {
        weights: "torchvision MobileNet_V3_Large_Weights.IMAGENET1K_V1",
        hub: Some("timm/mobilenetv3_large_100.ra_in1k"),
        group_starts: &["features.7"],
        key_aliases: &[|name| in_timm(&[1, 2, 3, 4, 2, 3], name)],
        ..architecture("mobilenet_v3_large", |config, device| mobilenet_v3(&LARGE, 1280, config, device))
    },
];

const fn architecture(name: &'static str, build: Build) -> Architecture {
    Architecture {
        config: PretrainedConfig { norm_epsilon: 1e-3, ..PretrainedConfig::TORCHVISION },
        names: "torchvision",
        licence: "BSD-3-Clause",
        classifier: Some("classifier.3"),
        // timm trains it with PyTorch's own epsilon.
        implied: |weights| is_timms(weights).then_some(("bn_eps", "1e-5")),
        ..Architecture::new(name, build)
    }
}

/// (kernel, expanded channels, channels, squeezes, is hard, stride)
type BlockSettings = (usize, usize, usize, bool, bool, usize);

const SMALL: [BlockSettings; 11] = [
    (3, 16, 16, true, false, 2),
    (3, 72, 24, false, false, 2),
    (3, 88, 24, false, false, 1),
    (5, 96, 40, true, true, 2),
    (5, 240, 40, true, true, 1),
    (5, 240, 40, true, true, 1),
    (5, 120, 48, true, true, 1),
    (5, 144, 48, true, true, 1),
    (5, 288, 96, true, true, 2),
    (5, 576, 96, true, true, 1),
    (5, 576, 96, true, true, 1),
];

const LARGE: [BlockSettings; 15] = [
    (3, 16, 16, false, false, 1),
    (3, 64, 24, false, false, 2),
    (3, 72, 24, false, false, 1),
    (5, 72, 40, true, false, 2),
    (5, 120, 40, true, false, 1),
    (5, 120, 40, true, false, 1),
    (3, 240, 80, false, true, 2),
    (3, 200, 80, false, true, 1),
    (3, 184, 80, false, true, 1),
    (3, 184, 80, false, true, 1),
    (3, 480, 112, true, true, 1),
    (3, 672, 112, true, true, 1),
    (5, 672, 160, true, true, 2),
    (5, 960, 160, true, true, 1),
    (5, 960, 160, true, true, 1),
];

/// Channels of the first convolution; the last has this many times those of the last block.
const FIRST: usize = 16;
const LAST: usize = 6;

fn mobilenet_v3(
    blocks: &[BlockSettings],
    features: usize,
    config: &PretrainedConfig,
    device: &Device,
) -> Body {
    let layer = |inputs, outputs, kernel, stride, groups, hard| {
        let conv = Conv2dConfig::new(inputs, outputs, config.window(kernel, stride)).grouped(groups);
        Layer { conv: conv.init(device), norm: config.norm(outputs, device), hard }
    };
    let alone = |index: usize, inputs, outputs, kernel, stride| {
        let layer = layer(inputs, outputs, kernel, stride, 1, true);
        BodyStage::named(format!("features.{index}"), outputs, layer).renamed([("conv", "0"), ("norm", "1")])
    };
    let mut stages = vec![alone(0, config.channels, FIRST, 3, 2)];
    let mut inputs = FIRST;
    for &(kernel, wide, outputs, squeezes, hard, stride) in blocks {
        let project = Conv2dConfig::new(wide, outputs, config.window(1, 1));
        let block = SqueezedResidual {
            expand: (wide != inputs).then(|| layer(inputs, wide, 1, 1, 1, hard)),
            depthwise: layer(wide, wide, kernel, stride, wide, hard),
            squeeze: squeezes.then(|| SqueezeExcitation::new(wide, config, device)),
            project: project.init(device),
            norm: config.norm(outputs, device),
            residual: stride == 1 && inputs == outputs,
        };
        // Checkpoints count the parts that are there.
        let depthwise = usize::from(block.expand.is_some());
        let squeeze = depthwise + 1;
        let last = squeeze + usize::from(squeezes);
        let names = [
            ("expand.conv", "block.0.0".to_owned()),
            ("expand.norm", "block.0.1".to_owned()),
            ("depthwise.conv", format!("block.{depthwise}.0")),
            ("depthwise.norm", format!("block.{depthwise}.1")),
            ("squeeze", format!("block.{squeeze}")),
            ("project", format!("block.{last}.0")),
            ("norm", format!("block.{last}.1")),
        ];
        stages.push(BodyStage::named(format!("features.{}", stages.len()), outputs, block).renamed(names));
        inputs = outputs;
    }
    stages.push(alone(stages.len(), inputs, LAST * inputs, 1, 1));
    let dense = PooledDense { dense: Linear::new(LAST * inputs, features, true, device) };
    stages.push(
        BodyStage::named("classifier.0", features, dense)
            .renamed([("dense.weight", "weight"), ("dense.bias", "bias")]),
    );
    Body::new(stages)
}

/// Convolution, norm, ReLU or hardswish.
#[derive(Module, Debug)]
struct Layer {
    conv: Conv2d,
    norm: BatchNorm,
    #[module(skip)]
    hard: bool,
}

impl Block for Layer {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self.hard {
            true => hardswish(conv_norm(&self.conv, &self.norm, x, None, Identity)),
            false => conv_norm(&self.conv, &self.norm, x, None, Relu),
        }
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let f = if self.hard { Identity } else { Relu };
        let y = export_conv_norm(&self.conv, &self.norm, graph, x, None, f);
        Ok(if self.hard { graph.hardswish(y) } else { y })
    }
}

/// Up to many channels, depthwise, each channel times its weight, down to few.
#[derive(Module, Debug)]
struct SqueezedResidual {
    expand: Option<Layer>,
    depthwise: Layer,
    squeeze: Option<SqueezeExcitation>,
    project: Conv2d,
    norm: BatchNorm,
    #[module(skip)]
    residual: bool,
}

impl Block for SqueezedResidual {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (mut y, around) = fork_if(self.residual, x);
        if let Some(expand) = &self.expand {
            y = expand.forward(y);
        }
        y = self.depthwise.forward(y);
        if let Some(squeeze) = &self.squeeze {
            y = squeeze.forward(y);
        }
        conv_norm(&self.project, &self.norm, y, around, Identity)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let around = self.residual.then_some(x);
        let mut y = x;
        if let Some(expand) = &self.expand {
            y = expand.export(graph, y)?;
        }
        y = self.depthwise.export(graph, y)?;
        if let Some(squeeze) = &self.squeeze {
            y = squeeze.export(graph, y);
        }
        Ok(export_conv_norm(&self.project, &self.norm, graph, y, around, Identity))
    }
}

/// Weighs the channels by what they hold on average (arXiv 1709.01507).
#[derive(Module, Debug)]
struct SqueezeExcitation {
    fc1: Conv2d,
    fc2: Conv2d,
}

impl SqueezeExcitation {
    fn new(channels: usize, config: &PretrainedConfig, device: &Device) -> Self {
        let squeezed = multiple_of_8(channels as f64 / 4.0);
        let conv =
            |inputs, outputs| Conv2dConfig::new(inputs, outputs, config.window(1, 1)).biased().init(device);
        Self { fc1: conv(channels, squeezed), fc2: conv(squeezed, channels) }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let ([batch, _, _, channels], format) = (x.dims(), x.dtype());
        let (x, whole) = fork(x);
        let average = average_pool(whole).reshape([batch, 1, 1, channels]); // f32
        let squeezed = self.fc1.forward(average, Relu);
        let weights = (self.fc2.forward(squeezed, Identity) / 6.0 + 0.5).clamp(0.0, 1.0); // hardsigmoid
        match format {
            DType::F32 => x * weights,
            _ => in_format(in_format(x, FloatDType::F32) * weights, FloatDType::BF16),
        }
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Value {
        let average = graph.one_pixel(x);
        let squeezed = self.fc1.export(graph, average, Relu);
        let scores = self.fc2.export(graph, squeezed, Identity);
        let weights = graph.hardsigmoid(scores);
        graph.node("Mul", &[x, weights])
    }
}

/// The average of each channel, a dense layer, hardswish: an image of one pixel.
#[derive(Module, Debug)]
struct PooledDense {
    dense: Linear,
}

impl Block for PooledDense {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, _, _, channels] = x.dims();
        hardswish(self.dense.forward_pixels(average_pool(x).reshape([batch, 1, 1, channels])))
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let average = graph.one_pixel(x);
        let y = self.dense.export_pixels(graph, average);
        Ok(graph.hardswish(y))
    }
}

/// Whether a file's tensors have timm's names.
fn is_timms(weights: &WeightFile) -> bool {
    weights.shapes().keys().any(|name| name.ends_with("conv_stem.weight"))
}

/// timm's mobilenetv3_small_100 and mobilenetv3_large_100, with this many blocks in each group.
fn in_timm(groups: &[usize], name: &str) -> Option<String> {
    if let Some(kind) = name.strip_prefix("classifier.0.") {
        return Some(format!("conv_head.{kind}"));
    }
    let (stage, part) = name.strip_prefix("features.")?.split_once('.')?;
    let stage: usize = stage.parse().ok()?;
    let (place, kind) = part.rsplit_once('.')?;
    if stage == 0 {
        return Some(format!("{}.{kind}", if place == "0" { "conv_stem" } else { "bn1" }));
    }
    let Some((group, block)) = in_group(stage - 1, groups) else {
        return Some(format!(
            "blocks.{}.0.{}.{kind}",
            groups.len(),
            if place == "0" { "conv" } else { "bn1" }
        ));
    };
    let (layer, part) = place.strip_prefix("block.")?.split_once('.')?;
    let layer = match (group, layer, part) {
        (_, _, "fc1") => "se.conv_reduce",
        (_, _, "fc2") => "se.conv_expand",
        // The first block does not expand.
        (0, "0", "0") | (1.., "1", "0") => "conv_dw",
        (1.., "0", "0") => "conv_pw",
        (0, _, "0") => "conv_pw",
        (_, _, "0") => "conv_pwl",
        (0, "0", "1") | (1.., "0", "1") => "bn1",
        (0, _, "1") | (1.., "1", "1") => "bn2",
        (_, _, "1") => "bn3",
        _ => return None,
    };
    Some(format!("blocks.{group}.{block}.{layer}.{kind}"))
}
