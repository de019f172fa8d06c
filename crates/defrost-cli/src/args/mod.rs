//! The command line's words, as clap reads them: a file a command, and a file for each set of options that several share.
//!
//! Reading them has no side effects, and nothing here knows what they are for: `training` and `domain` turn them into
//! objects, `commands` use them.

mod advise;
mod cache;
mod check;
mod evaluate;
mod labels;
mod learning;
mod live;
mod lr_find;
mod models;
mod pack;
mod plan;
mod predict;
mod pretrain;
mod rate;
mod report;
mod resume;
mod serve;
mod task;
mod test_time;
mod train;
mod training;
mod values;

use clap::{Parser, Subcommand};

pub use advise::AdviseArguments;
pub use check::CheckArguments;
pub use evaluate::EvaluateArguments;
pub use labels::LabelOptions;
pub use learning::LearningOptions;
pub use live::LiveAddress;
pub use lr_find::LrFindArguments;
pub use models::ModelsArguments;
pub use pack::PackArguments;
pub use plan::PlanArguments;
pub use predict::PredictArguments;
pub use pretrain::{PretrainArguments, Unlabelled};
pub use rate::RateChoice;
pub use report::ReportArguments;
pub use serve::ServeArguments;
pub use task::Task;
pub use train::TrainArguments;
pub use training::{Augment, PrecisionChoice, RecipeChoice, TrainingOptions};

/// Teach a pretrained network a new task: freeze most of it, train the rest, then thaw.
#[derive(Debug, Parser)]
#[command(name = "defrost", version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fine-tune on a folder of images or texts, or a CSV of texts or of table rows
    Train(Box<TrainArguments>),
    /// Measure what to freeze, where to cut, and whether more data would help
    Advise(Box<AdviseArguments>),
    /// Show what would be frozen, what would train, and at which rates; trains nothing
    Plan(PlanArguments),
    /// Suggest a learning rate
    LrFind(LrFindArguments),
    /// Measure a saved run on labelled data
    Evaluate(EvaluateArguments),
    /// Classes and probabilities of images, texts or rows
    Predict(PredictArguments),
    /// A page to try a run in, and a JSON API
    Serve(ServeArguments),
    /// Find what is wrong with data before any training: exit code 0 if nothing is, or nothing that matters;
    /// 1 if items are lost or measures would be wrong
    Check(CheckArguments),
    /// Draw the report of a run again
    Report(ReportArguments),
    /// Pack a run's folder into one file, which every command takes in its place
    Pack(PackArguments),
    /// Teach a language to a new network, from plain texts; `train --pretrained` goes on from it
    Pretrain(PretrainArguments),
    /// The architectures, their stages and groups, and where their weights come from
    Models(ModelsArguments),
}
