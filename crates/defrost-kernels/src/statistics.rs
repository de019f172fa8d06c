//! Mean and variance per channel: a convolution computes them while it writes, and a norm reads them.

/// Mean and variance of each channel over batch and pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelStatistics {
    /// The means.
    pub mean: Vec<f32>,
    /// The biased variances: divided by the number of values.
    pub variance: Vec<f32>,
}

impl ChannelStatistics {
    /// Zeros for that many channels.
    pub fn new(channels: usize) -> Self {
        Self { mean: vec![0.0; channels], variance: vec![0.0; channels] }
    }
}
