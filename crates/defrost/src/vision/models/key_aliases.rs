//! The other names that an architecture's tensors go by.

use crate::weights::{KeyAlias, WeightFile};

/// The key_aliases of an architecture's tensors besides its own.
pub fn key_aliases(architecture: &str) -> &'static [KeyAlias] {
    match architecture {
        "mobilenet_v2" => &[mobilenet_v2_in_timm],
        "mobilenet_v3_small" => &[|name| mobilenet_v3_in_timm(&[1, 2, 3, 2, 3], name)],
        "mobilenet_v3_large" => &[|name| mobilenet_v3_in_timm(&[1, 2, 3, 4, 2, 3], name)],
        "convnext_tiny" | "convnext_small" => &[convnext_in_timm],
        _ => &[],
    }
}

/// What these weights expect otherwise than torchvision's, as text beside them would say it: timm trains MobileNetV3 with
/// PyTorch's own epsilon.
pub fn override_of(architecture: &str, weights: &WeightFile) -> Option<(&'static str, &'static str)> {
    let is_timms = || weights.shapes().keys().any(|name| name.ends_with("conv_stem.weight"));
    (architecture.starts_with("mobilenet_v3") && is_timms()).then_some(("bn_eps", "1e-5"))
}

/// A block by its group and its place in it, where groups are of so many blocks.
fn in_group(mut block: usize, groups: &[usize]) -> Option<(usize, usize)> {
    let mut group = 0;
    while block >= *groups.get(group)? {
        block -= groups[group];
        group += 1;
    }
    Some((group, block))
}

/// timm's mobilenetv2_100: blocks in groups of equal width, convolutions by what they do.
fn mobilenet_v2_in_timm(name: &str) -> Option<String> {
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

/// timm's mobilenetv3_small_100 and mobilenetv3_large_100, with so many blocks in each group.
fn mobilenet_v3_in_timm(groups: &[usize], name: &str) -> Option<String> {
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

/// timm's convnext_tiny and convnext_small: four stages, of a downsampling but the first, and of blocks.
fn convnext_in_timm(name: &str) -> Option<String> {
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
