//! SqueezeNet 1.1 (arXiv 1602.07360) under torchvision's tensor names.
//!
//! Its classifier is a convolution and an average of its output; a new head averages first.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::architecture::{Architecture, PretrainedConfig, Sizes};
use super::block::Block;
use super::body::{Body, BodyStage};
use crate::graph::{Graph, NoGraph, Value};
use crate::layers::{Conv2d, Conv2dConfig};
use crate::ops::{ActivationFn, PaddingRule, WindowConfig, fork, max_pool2d};

use ActivationFn::Relu;

pub static ARCHITECTURES: [Architecture; 1] = [Architecture {
    sizes: Sizes { usual: 224, least: 17, step: 1 },
    // fastai's: features[:5] | features[5:], whose first parameters are those of 6.
    group_starts: &["features.6"],
    names: "torchvision",
    weights: "torchvision SqueezeNet1_1_Weights.IMAGENET1K_V1",
    licence: "BSD-3-Clause",
    ..Architecture::new("squeezenet1_1", squeezenet1_1)
}];

/// Channels of the first convolution.
const FIRST: usize = 64;

/// (place in the checkpoint, squeezed channels, channels of each half, whether pooling follows)
const FIRES: [(usize, usize, usize, bool); 8] = [
    (3, 16, 64, false),
    (4, 16, 64, true),
    (6, 32, 128, false),
    (7, 32, 128, true),
    (9, 48, 192, false),
    (10, 48, 192, false),
    (11, 64, 256, false),
    (12, 64, 256, false),
];

fn squeezenet1_1(config: &PretrainedConfig, device: &Device) -> Body {
    let conv = |inputs, outputs, window| Conv2dConfig::new(inputs, outputs, window).biased().init(device);
    let stem = SqueezenetStem { conv: conv(config.channels, FIRST, WindowConfig::inside(3, 2)) };
    let mut stages = vec![BodyStage::new("features.0", "features.", FIRST, stem).renamed([("conv", "0")])];
    let mut inputs = FIRST;
    for (index, squeezed, half, pooled) in FIRES {
        let fire = Fire {
            squeeze: conv(inputs, squeezed, config.window(1, 1)),
            expand1x1: conv(squeezed, half, config.window(1, 1)),
            expand3x3: conv(squeezed, half, config.window(3, 1)),
            pooled,
        };
        inputs = 2 * half;
        stages.push(BodyStage::named(format!("features.{index}"), inputs, fire));
    }
    Body::new(stages)
}

/// The highest of 3×3 pixels, every second pixel; the last window may reach beyond the edge.
fn pool(x: Tensor<4>) -> Tensor<4> {
    max_pool2d(x, window())
}

fn window() -> WindowConfig {
    WindowConfig { padding: PaddingRule::CeilMode, ..WindowConfig::centered(3, 2) }
}

/// Convolution, ReLU, pooling.
#[derive(Module, Debug)]
struct SqueezenetStem {
    conv: Conv2d,
}

impl Block for SqueezenetStem {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        pool(self.conv.forward(x, Relu))
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let y = self.conv.export(graph, x, Relu);
        Ok(graph.max_pool2d(y, window()))
    }
}

/// Down to few channels, up to many by 1×1 and 3×3 convolutions side by side, each with a ReLU; then perhaps
/// pooling.
#[derive(Module, Debug)]
struct Fire {
    squeeze: Conv2d,
    expand1x1: Conv2d,
    expand3x3: Conv2d,
    #[module(skip)]
    pooled: bool,
}

impl Block for Fire {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (one, three) = fork(self.squeeze.forward(x, Relu));
        let x = Tensor::cat(vec![self.expand1x1.forward(one, Relu), self.expand3x3.forward(three, Relu)], 3);
        if self.pooled { pool(x) } else { x }
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let x = self.squeeze.export(graph, x, Relu);
        let halves = [&self.expand1x1, &self.expand3x3].map(|conv| conv.export(graph, x, Relu));
        let y = graph.concat(&halves, 1);
        Ok(if self.pooled { graph.max_pool2d(y, window()) } else { y })
    }
}
