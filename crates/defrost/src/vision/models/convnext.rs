//! ConvNeXt (arXiv 2201.03545) under torchvision's tensor names.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::architecture::{Architecture, Build, PretrainedConfig, Sizes};
use super::block::Block;
use super::body::{Body, BodyStage};
use crate::graph::{Graph, NoGraph, Value};
use crate::layers::{Conv2d, Conv2dConfig, LayerNorm, Linear};
use crate::ops::{ActivationFn, WindowConfig, average_pool, fork, gelu};

use ActivationFn::Identity;

pub static ARCHITECTURES: [Architecture; 2] = [
    architecture(
        "convnext_tiny",
        ["torchvision ConvNeXt_Tiny_Weights.IMAGENET1K_V1", "timm/convnext_tiny.fb_in1k"],
        |config, device| convnext([3, 3, 9, 3], config, device),
    ),
    architecture(
        "convnext_small",
        ["torchvision ConvNeXt_Small_Weights.IMAGENET1K_V1", "timm/convnext_small.fb_in1k"],
        |config, device| convnext([3, 3, 27, 3], config, device),
    ),
];

const fn architecture(name: &'static str, [weights, hub]: [&'static str; 2], build: Build) -> Architecture {
    Architecture {
        config: PretrainedConfig { norm_epsilon: 1e-6, ..PretrainedConfig::TORCHVISION },
        sizes: Sizes { usual: 224, least: 32, step: 1 },
        group_starts: &["features.4"],
        names: "torchvision",
        weights,
        licence: "BSD-3-Clause",
        classifier: Some("classifier.2"),
        hub: Some(hub),
        key_aliases: &[in_timm],
        ..Architecture::new(name, build)
    }
}

/// Channels of the four parts.
const WIDTHS: [usize; 4] = [96, 192, 384, 768];

/// How many times as wide a block is inside.
const EXPANSION: usize = 4;

/// The initial layer scale of new blocks.
const NEW_SCALE: f64 = 1e-6;

fn convnext(depths: [usize; 4], config: &PretrainedConfig, device: &Device) -> Body {
    let epsilon = config.norm_epsilon;
    let norm = |channels| LayerNorm::new(channels, epsilon, device);
    let patches = |inputs, outputs, size| {
        Conv2dConfig::new(inputs, outputs, WindowConfig::tiles(size)).biased().init(device)
    };
    let stem = ConvnextStem { conv: patches(config.channels, WIDTHS[0], 4), norm: norm(WIDTHS[0]) };
    let mut stages =
        vec![BodyStage::named("features.0", WIDTHS[0], stem).renamed([("conv", "0"), ("norm", "1")])];
    let mut inputs = WIDTHS[0];
    for (part, (depth, width)) in depths.into_iter().zip(WIDTHS).enumerate() {
        if part > 0 {
            let downsample = Downsample { norm: norm(inputs), conv: patches(inputs, width, 2) };
            let stage = BodyStage::named(format!("features.{}", 2 * part), width, downsample);
            stages.push(stage.renamed([("norm", "0"), ("conv", "1")]));
        }
        for index in 0..depth {
            let depthwise = Conv2dConfig::depthwise(width, config.window(7, 1)).biased();
            let block = ConvnextBlock {
                layer_scale: Param::from_tensor(Tensor::full([width, 1, 1], NEW_SCALE, device)),
                depthwise: depthwise.init(device),
                norm: norm(width),
                expand: Linear::new(width, EXPANSION * width, true, device),
                project: Linear::new(EXPANSION * width, width, true, device),
            };
            // Checkpoints count permutations and GELUs too.
            let names = [
                ("depthwise", "block.0"),
                ("norm", "block.2"),
                ("expand", "block.3"),
                ("project", "block.5"),
            ];
            let name = format!("features.{}.{index}", 2 * part + 1);
            stages.push(BodyStage::named(name, width, block).renamed(names));
        }
        inputs = width;
    }
    let last = PooledNorm { norm: norm(inputs) };
    stages.push(
        BodyStage::named("classifier.0", inputs, last)
            .renamed([("norm.weight", "weight"), ("norm.bias", "bias")]),
    );
    Body::new(stages)
}

/// A norm over the channels of an image that has them first.
fn export_norm(norm: &LayerNorm, graph: &mut Graph, x: Value) -> Value {
    let x = graph.channels_last(x);
    let y = norm.export(graph, x);
    graph.channels_first(y)
}

/// 4×4 pixels become one; norm.
#[derive(Module, Debug)]
struct ConvnextStem {
    conv: Conv2d,
    norm: LayerNorm,
}

impl Block for ConvnextStem {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(self.conv.forward(x, Identity))
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let y = self.conv.export(graph, x, Identity);
        Ok(export_norm(&self.norm, graph, y))
    }
}

/// Norm; 2×2 pixels become one.
#[derive(Module, Debug)]
struct Downsample {
    norm: LayerNorm,
    conv: Conv2d,
}

impl Block for Downsample {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv.forward(self.norm.forward(x), Identity)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let y = export_norm(&self.norm, graph, x);
        Ok(self.conv.export(graph, y, Identity))
    }
}

/// 7×7 depthwise convolution, norm, two dense layers over each pixel, beside a shortcut.
#[derive(Module, Debug)]
struct ConvnextBlock {
    /// `[channels, 1, 1]`
    layer_scale: Param<Tensor<3>>,
    depthwise: Conv2d,
    norm: LayerNorm,
    expand: Linear,
    project: Linear,
}

impl Block for ConvnextBlock {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = fork(x);
        let y = self.norm.forward(self.depthwise.forward(x, Identity));
        let wide = gelu(self.expand.forward_pixels(y));
        self.project.forward_residual(around, wide, Some(self.layer_scale.val().reshape([-1])))
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let y = self.depthwise.export(graph, x, Identity);
        let (y, around) = (graph.channels_last(y), graph.channels_last(x));
        let y = self.norm.export(graph, y);
        let wide = self.expand.export(graph, y);
        let wide = graph.gelu(wide);
        let scale = self.layer_scale.val().reshape([-1]);
        let y = self.project.export_residual(graph, around, wide, Some(scale));
        Ok(graph.channels_first(y))
    }
}

/// The average of each channel, norm: an image of one pixel.
#[derive(Module, Debug)]
struct PooledNorm {
    norm: LayerNorm,
}

impl Block for PooledNorm {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, _, _, channels] = x.dims();
        self.norm.forward(average_pool(x)).reshape([batch, 1, 1, channels])
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let average = graph.one_pixel(x);
        Ok(export_norm(&self.norm, graph, average))
    }
}

/// timm's convnext_tiny and convnext_small: four stages, of a downsampling but the first, and of blocks.
fn in_timm(name: &str) -> Option<String> {
    if let Some(kind) = name.strip_prefix("classifier.0.") {
        return Some(format!("head.norm.{kind}"));
    }
    let (part, rest) = name.strip_prefix("features.")?.split_once('.')?;
    let part: usize = part.parse().ok()?;
    if part.is_multiple_of(2) {
        let stage = if part == 0 { "stem".to_owned() } else { format!("stages.{}.downsample", part / 2) };
        return Some(format!("{stage}.{rest}"));
    }
    let (block, rest) = rest.split_once('.')?;
    let block = format!("stages.{}.blocks.{block}", part / 2);
    if rest == "layer_scale" {
        return Some(format!("{block}.gamma"));
    }
    let (layer, kind) = rest.strip_prefix("block.")?.split_once('.')?;
    let layer = match layer {
        "0" => "conv_dw",
        "2" => "norm",
        "3" => "mlp.fc1",
        "5" => "mlp.fc2",
        _ => return None,
    };
    Some(format!("{block}.{layer}.{kind}"))
}
