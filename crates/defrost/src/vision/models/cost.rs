//! The cost of an architecture, computed from its shapes.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};

use super::architecture::Architecture;
use crate::ops::count_multiply_adds;

impl Architecture {
    /// The multiply-adds of its body for one image of this many pixels a side: those of convolutions, dense layers and
    /// attention.
    ///
    /// # Panics
    ///
    /// If it can't look at images of this size: see [`Architecture::check_size`].
    pub fn multiply_adds(&self, size: usize) -> u64 {
        let device = Device::flex();
        let body = self.body(&self.config, &device).map(&mut Zeros).valid();
        count_multiply_adds(|| {
            let image = Tensor::zeros([1, size, size, self.config.channels], &device);
            (0..body.len()).fold(image, |x, stage| body.forward(stage, x));
        })
    }
}

/// Weights of nothing, which take no time to make.
struct Zeros;

impl ModuleMapper for Zeros {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, device) = (param.id, param.lazy_device());
        let zeros = Tensor::zeros(param.lazy_shape(), &device);
        param.transform_for_load(zeros, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What torchvision documents for its weights at 224 px (`_ops`, 10⁹ multiply-adds), less the classifier: 1000
    /// outputs for each feature. DenseNet's are fewer here, since it averages before it convolves.
    #[test]
    fn multiply_adds_are_torchvisions() {
        for (name, documented, features) in [
            ("resnet18", 1.814, 512),
            ("resnet50", 4.089, 2048),
            ("resnext50_32x4d", 4.23, 2048),
            ("wide_resnet50_2", 11.398, 2048),
            ("mobilenet_v2", 0.301, 1280),
            ("mobilenet_v3_small", 0.057, 1024),
            ("mobilenet_v3_large", 0.217, 1280),
            ("convnext_tiny", 4.456, 768),
            ("convnext_small", 8.684, 768),
        ] {
            let classifier = f64::from(features * 1000) / 1e9;
            let counted = Architecture::named(name).unwrap().multiply_adds(224) as f64 / 1e9 + classifier;
            // Documented to three decimals, cut off.
            assert!((counted - documented).abs() < 2e-3, "{name}: {counted} and not {documented}");
        }
    }
}
