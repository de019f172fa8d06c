//! `--tta`

use clap::Args;

use defrost::learner::TestTimeAugmentation;

/// Test-time augmentation: whether predictions are averaged over several variants of an item.
#[derive(Debug, Args)]
pub struct TestTimeOptions {
    /// Average the predictions over several variants of each image (test-time augmentation)
    #[arg(long)]
    pub tta: bool,
}

impl TestTimeOptions {
    /// The augmentation asked for.
    pub fn tta(&self) -> TestTimeAugmentation {
        if self.tta { TestTimeAugmentation::FASTAI } else { TestTimeAugmentation::NONE }
    }
}
