//! Vision transformers (arXiv 2010.11929; DINOv2: arXiv 2304.07193) under timm's tensor names.
//!
//! Tokens travel as an image one pixel high: `[batch, 1, 1 + patches, features]`, the class token first. The last
//! stage gives the class token alone, an image of one pixel, which a head's pooling leaves as it is.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use super::architecture::{Architecture, Build, PretrainedConfig, Sizes};
use super::block::Block;
use super::body::{Body, BodyStage};
use super::positions::resampled;
use crate::graph::{Array, Graph, ImageShape, NoGraph, Value};
use crate::layers::{Conv2d, Conv2dConfig, LayerNorm, Linear};
use crate::ops::{ActivationFn, Conv2dOptions, WindowConfig, attention, conv2d, fork, gelu};
use crate::vision::resize::Filter;

use ActivationFn::Identity;

pub static ARCHITECTURES: [Architecture; 3] = [
    Architecture {
        config: PretrainedConfig { mean: [0.5; 3], std: [0.5; 3], ..CONFIG },
        ..architecture(
            "vit_small_patch16_224",
            [
                "timm vit_small_patch16_224.augreg_in21k_ft_in1k",
                "timm/vit_small_patch16_224.augreg_in21k_ft_in1k",
            ],
            16,
            |config, device| Dimensions { features: 384, ..BASE }.body(config, device),
        )
    },
    Architecture {
        config: PretrainedConfig { mean: [0.5; 3], std: [0.5; 3], ..CONFIG },
        ..architecture(
            "vit_base_patch16_224",
            [
                "timm vit_base_patch16_224.augreg2_in21k_ft_in1k",
                "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k",
            ],
            16,
            |config, device| BASE.body(config, device),
        )
    },
    architecture(
        "vit_small_patch14_dinov2",
        ["timm vit_small_patch14_dinov2.lvd142m", "timm/vit_small_patch14_dinov2.lvd142m"],
        14,
        |config, device| {
            let dimensions = Dimensions { features: 384, patch: 14, grid: 37, layer_scale: true };
            dimensions.body(config, device)
        },
    ),
];

const CONFIG: PretrainedConfig =
    PretrainedConfig { norm_epsilon: 1e-6, filter: Filter::Bicubic, ..PretrainedConfig::TORCHVISION };

const fn architecture(
    name: &'static str,
    [weights, hub]: [&'static str; 2],
    patch: usize,
    build: Build,
) -> Architecture {
    Architecture {
        config: CONFIG,
        sizes: Sizes::patches(224, patch),
        group_starts: &["blocks.6"],
        names: "timm",
        weights,
        licence: "Apache-2.0",
        classifier: Some("head"),
        hub: Some(hub),
        ..Architecture::new(name, build)
    }
}

/// The differences between the transformers.
struct Dimensions {
    features: usize,
    /// Side of a patch in pixels.
    patch: usize,
    /// Patches along each side of the images that its positions were learned on.
    grid: usize,
    layer_scale: bool,
}

const BASE: Dimensions = Dimensions { features: 768, patch: 16, grid: 14, layer_scale: false };

/// Blocks, and features of a head.
const DEPTH: usize = 12;
const HEAD: usize = 64;

/// How many times as wide a block is between its two dense layers.
const EXPANSION: usize = 4;

/// The standard deviation of new tokens and positions, and what new blocks are worth beside their shortcuts.
const NEW: f64 = 0.02;
const NEW_SCALE: f64 = 1e-5;

impl Dimensions {
    fn body(&self, config: &PretrainedConfig, device: &Device) -> Body {
        let &Self { features, patch, grid, layer_scale } = self;
        let norm = || LayerNorm::new(features, config.norm_epsilon, device);
        let dense = |inputs, outputs| Linear::new(inputs, outputs, true, device);
        let scale = || layer_scale.then(|| Param::from_tensor(Tensor::full([features], NEW_SCALE, device)));
        let normal = Initializer::Normal { mean: 0.0, std: NEW };
        let tokens = Tokens {
            cls_token: normal.init([1, 1, features], device),
            pos_embed: normal.init([1, 1 + grid * grid, features], device),
            patch_embed: Conv2dConfig::new(config.channels, features, WindowConfig::tiles(patch))
                .biased()
                .init(device),
        };
        let stem =
            BodyStage::new("embed", "", features, tokens).renamed([("patch_embed", "patch_embed.proj")]);
        let block = |index| {
            let block = TransformerBlock {
                norm1: norm(),
                qkv: dense(features, 3 * features),
                proj: dense(features, features),
                scale1: scale(),
                norm2: norm(),
                fc1: dense(features, EXPANSION * features),
                fc2: dense(EXPANSION * features, features),
                scale2: scale(),
            };
            BodyStage::named(format!("blocks.{index}"), features, block).renamed([
                ("qkv", "attn.qkv"),
                ("proj", "attn.proj"),
                ("scale1", "ls1.gamma"),
                ("fc1", "mlp.fc1"),
                ("fc2", "mlp.fc2"),
                ("scale2", "ls2.gamma"),
            ])
        };
        let last = BodyStage::new("norm", "", features, ClassToken { norm: norm() });
        Body::new([stem].into_iter().chain((0..DEPTH).map(block)).chain([last]).collect())
    }
}

/// A token for each patch behind one for the class, each at its position.
#[derive(Module, Debug)]
struct Tokens {
    /// `[1, 1, features]`
    cls_token: Param<Tensor<3>>,
    /// `[1, 1 + patches, features]`, for the images it was learned on; resampled for others.
    pos_embed: Param<Tensor<3>>,
    patch_embed: Conv2d,
}

impl Block for Tokens {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let format = x.dtype();
        let patches = self.patch_embed.forward(x, Identity);
        let [batch, height, width, features] = patches.dims();
        let positions = self.pos_embed.val();
        let of_class = self.cls_token.val() + positions.clone().narrow(1, 0, 1); // [1, 1, features]
        let of_patches = resampled(positions.narrow(1, 1, self.pos_embed.dims()[1] - 1), [height, width]);
        let patches = (patches + of_patches.cast(format)).reshape([batch, 1, height * width, features]);
        let class = of_class.cast(format).reshape([1, 1, 1, features]).expand([batch, 1, 1, features]);
        Tensor::cat(vec![class, patches], 2)
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let patches = self.patch_embed.export(graph, x, Identity);
        let ImageShape { channels: features, height, width } = graph.image(patches);
        let positions = self.pos_embed.val();
        let of_class = self.cls_token.val() + positions.clone().narrow(1, 0, 1);
        let of_patches = resampled(positions.narrow(1, 1, self.pos_embed.dims()[1] - 1), [height, width]);
        let [of_class, of_patches] = [
            (graph.name_of(&self.cls_token), of_class.reshape([1, 1, 1, features])),
            (graph.name_of(&self.pos_embed), of_patches),
        ]
        .map(|(name, tensor)| graph.tensor(&name, tensor));
        let patches = graph.channels_last(patches);
        let patches = graph.node("Add", &[patches, of_patches]);
        let patches = graph.reshape(patches, &[0, 1, -1, features as i64]);
        // As many class tokens as there are images.
        let shape = graph.node("Shape", &[patches]);
        let batch = graph.slice(shape, 0, 0, 1);
        let one = graph.constant(Array::ints(&[1, 1, features as i64]));
        let shape = graph.concat(&[batch, one], 0);
        let class = graph.node("Expand", &[of_class, shape]);
        let tokens = graph.concat(&[class, patches], 2);
        let tokens = graph.channels_first(tokens);
        let shape = ImageShape { channels: features, height: 1, width: 1 + height * width };
        Ok(graph.with_image(tokens, shape))
    }
}

/// Attention, then two dense layers over each token, each behind a norm and beside a shortcut.
#[derive(Module, Debug)]
struct TransformerBlock {
    norm1: LayerNorm,
    /// Query, key and value.
    qkv: Linear,
    proj: Linear,
    /// `[features]`
    scale1: Option<Param<Tensor<1>>>,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    /// `[features]`
    scale2: Option<Param<Tensor<1>>>,
}

impl Block for TransformerBlock {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = fork(x);
        let attended = self.attend(self.norm1.forward(x));
        let x = self.proj.forward_residual(around, attended, self.scale1.as_ref().map(Param::val));
        let (x, around) = fork(x);
        let wide = gelu(self.fc1.forward_pixels(self.norm2.forward(x)));
        self.fc2.forward_residual(around, wide, self.scale2.as_ref().map(Param::val))
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let x = graph.channels_last(x); // [batch, 1, tokens, features]
        let attended = self.norm1.export(graph, x);
        let attended = self.export_attention(graph, attended);
        let x = self.proj.export_residual(graph, x, attended, self.scale1.as_ref().map(Param::val));
        let wide = self.norm2.export(graph, x);
        let wide = self.fc1.export(graph, wide);
        let wide = graph.gelu(wide);
        let y = self.fc2.export_residual(graph, x, wide, self.scale2.as_ref().map(Param::val));
        Ok(graph.channels_first(y))
    }
}

impl TransformerBlock {
    fn attend(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, _, tokens, features] = x.dims();
        let (first, rest) = fork(x);
        let (second, third) = fork(rest);
        // The weight is cut in three instead of the output, which is larger.
        let [query, key, value] = [(0, first), (1, second), (2, third)].map(|(part, x)| {
            let weight = self.qkv.weight.val().narrow(0, part * features, features);
            let bias = self.qkv.bias.as_ref().map(|bias| bias.val().narrow(0, part * features, features));
            let bias = bias.unwrap_or_else(|| Tensor::zeros([features], &x.device()));
            let weight = weight.reshape([features, features, 1, 1]);
            let output = conv2d(x, weight, bias, Conv2dOptions::new(WindowConfig::centered(1, 1)));
            output.reshape([batch, tokens, features])
        });
        let all = Tensor::ones([batch, tokens], &query.device());
        attention(query, key, value, all, features / HEAD).reshape([batch, 1, tokens, features])
    }

    fn export_attention(&self, graph: &mut Graph, x: Value) -> Value {
        let features = self.proj.weight.dims()[1];
        let all = self.qkv.export(graph, x); // [batch, 1, tokens, 3 features]
        let part = |part: usize| [part, part + 1].map(|edge| (edge * features) as i64);
        let parts = [0, 1, 2].map(part).map(|[from, to]| graph.slice(all, 3, from, to));
        let attended = graph.attention(parts, None, features / HEAD, features);
        graph.unsqueeze(attended, 1)
    }
}

/// The class token, normalised: an image of one pixel.
#[derive(Module, Debug)]
struct ClassToken {
    norm: LayerNorm,
}

impl Block for ClassToken {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(x.narrow(2, 0, 1))
    }

    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        let features = graph.image(x).channels;
        let x = graph.channels_last(x);
        let class = graph.slice(x, 2, 0, 1);
        let y = self.norm.export(graph, class);
        let y = graph.channels_first(y);
        Ok(graph.with_image(y, ImageShape { channels: features, height: 1, width: 1 }))
    }
}
