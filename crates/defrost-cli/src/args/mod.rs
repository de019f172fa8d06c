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

/// Transfer learning: freeze most of a pretrained network, train the rest on your data, then unfreeze.
#[derive(Debug, Parser)]
#[command(name = "defrost", version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train on a folder of images or texts, or on a CSV file of texts or of table rows
    Train(Box<TrainArguments>),
    /// Measure what to freeze on your data, and whether more data would help
    Advise(Box<AdviseArguments>),
    /// Show what would be frozen, what would be trained, and at which learning rates; trains nothing
    Plan(PlanArguments),
    /// Try rising learning rates, draw the loss, and suggest a rate
    LrFind(LrFindArguments),
    /// Measure how good a finished run is on labelled data
    Evaluate(EvaluateArguments),
    /// Predict classes and probabilities of images, texts or rows
    Predict(PredictArguments),
    /// Open a page on which to try a run, with a JSON API for programs
    Serve(ServeArguments),
    /// Look for mistakes in data before training; exit code 1 if there are errors, 0 if there are none or only warnings
    Check(CheckArguments),
    /// Write the report of a run again
    Report(ReportArguments),
    /// Pack a run's folder into one file, which every command takes in place of the folder
    Pack(PackArguments),
    /// Pretrain a language model on plain texts, for `train --pretrained`
    Pretrain(PretrainArguments),
    /// List architectures, their stages and layer groups, and where their weights come from
    Models(ModelsArguments),
}
