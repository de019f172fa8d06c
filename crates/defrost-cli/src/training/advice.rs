//! An advice as options.

use defrost::learner::AdvisedPlan;

use crate::args::{RateChoice, RecipeChoice, TrainingOptions};
use crate::failure::Failure;

impl TrainingOptions {
    /// Refuses options that decide what the advice is about.
    pub fn refuse_decided(&self, asked: &str) -> Result<(), Failure> {
        let decided = [
            ("--freeze-to", self.freeze_to.is_some()),
            ("--train-only", self.train_only.is_some()),
            ("--thaw", self.thaw.is_some()),
            ("--gradual", self.gradual),
            ("--freeze-epochs", self.freeze_epochs.is_some()),
            ("--recipe fastai", self.recipe == RecipeChoice::Fastai),
            ("--epochs 0", self.epochs == Some(0)),
            ("--continue", self.continued.is_some()),
            ("--lr find", matches!(self.lr, Some(RateChoice::Find))),
        ];
        match decided.iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => Err(Failure::usage(format!(
                "{option}: this decides what {asked} would measure; leave one of them out"
            ))),
            None => Ok(()),
        }
    }

    /// The same options as advised; `head` is the index of the head's layer group.
    pub fn follow(&mut self, plan: &AdvisedPlan, head: usize) {
        match plan {
            AdvisedPlan::All => {}
            AdvisedPlan::HeadOnly => self.epochs = Some(0),
            AdvisedPlan::Cut { stage } => (self.cut, self.epochs) = (Some(stage.clone()), Some(0)),
            AdvisedPlan::Thaw { groups } => self.thaw = Some(with_head(groups, head)),
            AdvisedPlan::Gradual => self.gradual = true,
        }
    }
}

/// What says the same on the command line.
pub fn words(plan: &AdvisedPlan, head: usize) -> Vec<String> {
    let words: Vec<&str> = match plan {
        AdvisedPlan::All => vec![],
        AdvisedPlan::HeadOnly => vec!["--epochs", "0"],
        AdvisedPlan::Cut { stage } => vec!["--cut", stage, "--epochs", "0"],
        AdvisedPlan::Thaw { groups } => return vec!["--thaw".to_owned(), with_head(groups, head).join(",")],
        AdvisedPlan::Gradual => vec!["--gradual"],
    };
    words.into_iter().map(str::to_owned).collect()
}

fn with_head(groups: &[usize], head: usize) -> Vec<String> {
    groups.iter().chain([&head]).map(ToString::to_string).collect()
}
