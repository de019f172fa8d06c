//! The command line as clap reads it: a file for each command, and a file for each set of options that several share.
//!
//! Reading it has no side effects. `training` and `domain` turn options into objects, `commands` use them.

mod advise;
mod cache;
mod check;
mod compare;
#[cfg(test)]
mod docs;
mod evaluate;
mod export;
mod features;
mod help;
mod labels;
mod learning;
mod live;
mod lr_find;
mod models;
mod pack;
mod plan;
mod playground;
mod predict;
mod pretrain;
mod rate;
mod report;
mod resume;
mod serve;
mod shell;
mod signed;
mod table_file;
mod task;
mod test_time;
mod train;
mod training;
mod values;

use clap::{Parser, Subcommand};

pub use advise::AdviseArguments;
pub use check::CheckArguments;
pub use compare::{CompareArguments, RunsArguments};
pub use evaluate::EvaluateArguments;
pub use export::{ExportArguments, ExportFormat, InputChoice, KeptPrecision};
pub use features::FeaturesArguments;
pub use help::command;
pub use labels::LabelOptions;
pub use learning::LearningOptions;
pub use live::LiveAddress;
pub use lr_find::LrFindArguments;
pub use models::ModelsArguments;
pub use pack::PackArguments;
pub use plan::PlanArguments;
pub use playground::PlaygroundArguments;
pub use predict::PredictArguments;
pub use pretrain::{PretrainArguments, Unlabelled};
pub use rate::RateChoice;
pub use report::ReportArguments;
pub use serve::ServeArguments;
pub use shell::{CompletionsArguments, ManArguments};
pub use task::Task;
pub use train::TrainArguments;
pub use training::{Augment, PrecisionChoice, RecipeChoice, TrainingOptions};

/// Transfer learning on your own computer: freeze a network, teach its head, thaw
#[derive(Debug, Parser)]
#[command(name = "defrost", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    /// Show no progress; warnings and errors stay
    #[arg(long, short, global = true, help_heading = "Output")]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train on a folder of images, or a CSV of texts or table rows
    Train(Box<TrainArguments>),
    /// Measure what to freeze, and whether more data would help
    Advise(Box<AdviseArguments>),
    /// Show what will be frozen, at which rates, and how long it takes
    ///
    /// Trains nothing and saves nothing.
    Plan(PlanArguments),
    /// Try rising learning rates and say which to take
    LrFind(LrFindArguments),
    /// Measure how good a run is on labelled data
    Evaluate(EvaluateArguments),
    /// Predict the classes of new images, texts or rows
    Predict(PredictArguments),
    /// Open a page to try a run in a browser; programs can ask it too
    Serve(ServeArguments),
    /// Look for mistakes in your data
    ///
    /// Takes the options of `train` and reads the data as it does; those about training change nothing here. Exit code 1 if there are
    /// errors, 0 if there are none or only warnings.
    Check(CheckArguments),
    /// List runs and their results, the newest first
    Runs(RunsArguments),
    /// Compare runs on the same validation items
    Compare(CompareArguments),
    /// Write the report of a run again
    Report(ReportArguments),
    /// Pack a run's folder into one file
    ///
    /// Every command takes the file in place of the folder.
    Pack(PackArguments),
    /// Write a run for other programs: as ONNX, for PyTorch, as a page
    ///
    /// An ONNX file takes what people have, such as images of any size, and gives the run's answers. A page answers images in any
    /// browser, without a server that computes.
    Export(ExportArguments),
    /// Write the features of your data, for other programs
    Features(Box<FeaturesArguments>),
    /// Pretrain a language model on plain texts, for train --pretrained
    Pretrain(PretrainArguments),
    /// Open the page that trains in the browser, to learn about freezing
    ///
    /// Pictures stay in the browser; this program only hands out the page's files.
    Playground(PlaygroundArguments),
    /// List the networks, their layer groups and their weights
    Models(ModelsArguments),
    /// Print a script that completes commands and options with Tab
    Completions(CompletionsArguments),
    /// Write manual pages, one for each command
    Man(ManArguments),
}
