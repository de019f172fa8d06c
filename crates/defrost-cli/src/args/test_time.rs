//! `--tta`

use clap::Args;

use defrost::learner::TestTimeAugmentation;

/// Test-time augmentation: whether a saved run predicts variants of an item too.
#[derive(Debug, Args)]
pub struct TestTimeOptions {
    /// Look at each image in several variations too and average the answers
    #[arg(long)]
    pub tta: bool,
}

impl TestTimeOptions {
    /// The augmentation asked for.
    pub fn tta(&self) -> TestTimeAugmentation {
        if self.tta { TestTimeAugmentation::FASTAI } else { TestTimeAugmentation::NONE }
    }
}
