//! Weights that are part of the binary, so that the first run needs no network.

use super::{Weights, safetensors};

/// ImageNet weights of EfficientNet-Lite0; `assets/README.md` says where they come from.
#[cfg(feature = "embedded-weights")]
static EFFICIENTNET_LITE0: &[u8] = include_bytes!("../../assets/efficientnet_lite0.safetensors");

fn bytes(architecture: &str) -> Option<&'static [u8]> {
    match architecture {
        #[cfg(feature = "embedded-weights")]
        "efficientnet_lite0" => Some(EFFICIENTNET_LITE0),
        _ => None,
    }
}

/// Whether there are embedded weights for this architecture.
pub fn has_embedded(architecture: &str) -> bool {
    bytes(architecture).is_some()
}

/// The embedded weights of an architecture, if there are any.
pub fn embedded(architecture: &str) -> Option<Weights> {
    // Not a file a user could have damaged: a test reads it.
    Some(safetensors::parse(bytes(architecture)?).expect("the embedded weights are a valid safetensors file"))
}

#[cfg(all(test, feature = "embedded-weights"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_can_be_read() {
        assert!(embedded("efficientnet_lite0").is_some_and(|weights| weights.tensors.len() > 200));
        assert!(embedded("resnet18").is_none());
    }
}
