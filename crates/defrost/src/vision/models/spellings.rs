//! The other names that an architecture's tensors go by.

use crate::weights::Spelling;

/// The spellings of an architecture's tensors besides its own.
pub fn spellings(architecture: &str) -> &'static [Spelling] {
    match architecture {
        "mobilenet_v2" => &[mobilenet_v2_in_timm],
        _ => &[],
    }
}

/// timm's mobilenetv2_100: blocks in groups of equal width, convolutions by what they do.
fn mobilenet_v2_in_timm(name: &str) -> Option<String> {
    /// The number of blocks in each group.
    const GROUPS: [usize; 7] = [1, 2, 3, 4, 3, 3, 1];
    let (stage, part) = name.strip_prefix("features.")?.split_once('.')?;
    let mut block: usize = stage.parse().ok()?;
    let (place, kind) = part.rsplit_once('.')?;
    if block == 0 || block == 18 {
        let (conv, norm) = if block == 0 { ("conv_stem", "bn1") } else { ("conv_head", "bn2") };
        return Some(format!("{}.{kind}", if place == "0" { conv } else { norm }));
    }
    block -= 1;
    let mut group = 0;
    while block >= *GROUPS.get(group)? {
        block -= GROUPS[group];
        group += 1;
    }
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
