//! The number format between the layers of a body.

use burn::tensor::FloatDType;
use defrost_kernels::IsaLevel;
use serde::{Deserialize, Serialize};

use crate::ops::isa_level;

/// The number format of what travels between a body's layers. Weights, sums and the head are always f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point.
    #[default]
    F32,
    /// bfloat16: f32 with a 7-bit mantissa.
    Bf16,
}

impl Precision {
    /// The faster one on this processor: bf16 where it is multiplied in hardware.
    pub fn fastest() -> Self {
        if isa_level().is_ok_and(IsaLevel::multiplies_bf16) { Self::Bf16 } else { Self::F32 }
    }

    /// Its name in options and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }

    /// Its name in Burn.
    pub fn format(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
        }
    }
}
