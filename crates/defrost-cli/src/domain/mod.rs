//! Kinds of data: the functions that each provides for the commands.

mod hub;
mod table;
mod text;
mod vision;

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use defrost::bundle::{self, Continued, Loaded, ModelConfig};
use defrost::check::Report;
use defrost::csv_table::CsvTable;
use defrost::data::{Dataset, Skipped};
use defrost::learner::TestTimeAugmentation;
use defrost::metrics;
use defrost::text::{guess_text_column, is_text_folder};
use defrost::vision::image::Image;
use defrost::vision::models::Precision;
use defrost::{Note, Reading, SplitData};

pub use table::Table;
pub use text::Text;
pub use vision::Vision;

use crate::args::{LabelOptions, Task, TrainingOptions};
use crate::failure::{Blame, Failure};

impl Task {
    /// The kind of data that the options name, or else the detected one: a CSV file holds texts if one of its
    /// columns reads like it, else rows of a table; a folder holds texts if its files end in `.txt`.
    pub fn of_data(data: &Path, options: &TrainingOptions) -> Result<Self, Failure> {
        match options.task {
            Some(task) => Ok(task),
            None if options.text_column.is_some() => Ok(Self::Text),
            None if data.is_file() => {
                match guess_text_column(&CsvTable::peek(data, &options.table_file.format()).or_usage()?) {
                    Some(_) => Ok(Self::Text),
                    None => Ok(Self::Table),
                }
            }
            None if is_text_folder(data) => Ok(Self::Text),
            None => Ok(Self::Vision),
        }
    }

    /// The kind of data that a saved run was trained on.
    pub fn of_run(run: &Path) -> Result<Self, Failure> {
        match bundle::task(run).or_usage()?.as_str() {
            Vision::TASK => Ok(Self::Vision),
            Text::TASK => Ok(Self::Text),
            Table::TASK => Ok(Self::Table),
            other => Err(Failure::usage(format!(
                "{}: a {other} model, which this version does not know",
                run.display()
            ))),
        }
    }
}

/// Calls a function for the kind of data that a task is of: `for_domain!(task, train_on(session))` calls
/// `train_on::<Vision>(session)` or another one. A kind that is added gets its line here and in [`Task::of_run`].
macro_rules! for_domain {
    ($task:expr, $function:ident($($argument:expr),*)) => {
        match $task {
            $crate::args::Task::Vision => $function::<$crate::domain::Vision>($($argument),*),
            $crate::args::Task::Text => $function::<$crate::domain::Text>($($argument),*),
            $crate::args::Task::Table => $function::<$crate::domain::Table>($($argument),*),
        }
    };
}
pub(crate) use for_domain;

/// The functions that a kind of data provides for the commands.
pub trait Domain {
    /// What a saved model holds besides the weights.
    type Config: ModelConfig;
    /// Its name in bundles.
    const TASK: &'static str = <Self::Config as ModelConfig>::TASK;
    /// The name of its items, in the plural.
    const ITEMS: &'static str;
    /// Whether a body can be built without its last stages.
    const CAN_CUT: bool = false;

    /// The data, split, and a network for it with the weights asked for.
    fn prepare(
        options: &TrainingOptions,
        data: &Path,
        device: &Device,
    ) -> Result<Prepared<Self::Config>, Failure>;

    /// The same network without any weights; where there is no data, for this many classes.
    fn outline(
        options: &TrainingOptions,
        data: Option<&Path>,
        classes: usize,
        device: &Device,
    ) -> Result<Outline<Self::Config>, Failure>;

    /// What is wrong with the data, split as for training, even if it can't be trained on.
    fn check(options: &TrainingOptions, data: &Path) -> Result<Report, Failure>;

    /// The first training batch as an image.
    fn show_batch(_: &TrainingOptions, _: &Path) -> Result<Image, Failure> {
        Err(Failure::usage(format!("--show-batch: it is for images; {} are not drawn", Self::ITEMS)))
    }

    /// Labelled data to measure a saved run on, with this test-time augmentation.
    fn labelled(
        run: &Loaded<Self::Config>,
        data: &Path,
        labels: &LabelOptions,
        tta: TestTimeAugmentation,
    ) -> Result<Labelled, Failure>;

    /// The predictions of a saved run for each input, with this test-time augmentation; an input that can't be read has the reason.
    fn predict(run: &Loaded<Self::Config>, inputs: &[PathBuf], tta: TestTimeAugmentation) -> Vec<Answer>;
}

/// Data and network, ready to train.
pub struct Prepared<M: ModelConfig> {
    /// The data.
    pub data: Data,
    /// The network.
    pub network: M::Network,
    /// What the saved model will hold besides the weights.
    pub model: M,
    /// The number format between its layers.
    pub precision: Precision,
    /// Whether nothing of it is new: it goes on from a run that knew all classes.
    pub is_trained: bool,
}

impl<M: ModelConfig> Prepared<M> {
    /// With --continue, puts the run's head into a network for this data.
    fn of<D: Dataset + 'static>(
        options: &TrainingOptions,
        data: SplitData<D>,
        (network, model, precision): (M::Network, M, Precision),
    ) -> Result<Self, Failure> {
        let continued = Continued::of::<M, D>(options.continued.as_deref(), network, &data).or_usage()?;
        let Continued { network, is_trained, note } = continued;
        let mut data = Data::from(data);
        data.notes.extend(note);
        Ok(Self { data, network, model, precision, is_trained })
    }
}

/// Data ready to train on.
pub struct Data {
    /// Class names.
    pub classes: Vec<String>,
    /// The training items.
    pub train: Box<dyn Dataset>,
    /// The validation items.
    pub valid: Box<dyn Dataset>,
    /// The items that can't be read.
    pub skipped: Vec<Skipped>,
    /// Notes for people about it.
    pub notes: Vec<Note>,
    /// The problems found in it.
    pub report: Report,
}

impl<D: Dataset + 'static> From<SplitData<D>> for Data {
    fn from(data: SplitData<D>) -> Self {
        let SplitData { classes, train, valid, skipped, notes, report } = data;
        Self { classes, train: Box::new(train), valid: Box::new(valid), skipped, notes, report }
    }
}

/// The inputs of a plan.
pub struct Outline<M: ModelConfig> {
    /// The network's description.
    pub model: M,
    /// The network, with new weights.
    pub network: M::Network,
    /// Whether nothing of it is new.
    pub is_trained: bool,
    /// How many items there are to train on, if there is data.
    pub train_items: Option<usize>,
    /// How the data was understood.
    pub reading: Option<Reading>,
    /// The data itself, if there is any and reading it needs no download.
    pub data: Option<Data>,
}

impl<M: ModelConfig> Outline<M> {
    /// The outline of a network over this data, if there is any. With --continue, it is known whether anything of it is new.
    fn of<D: Dataset + 'static>(
        options: &TrainingOptions,
        data: Option<SplitData<D>>,
        (network, model): (M::Network, M),
    ) -> Result<Self, Failure> {
        let Some(data) = data else {
            let is_trained = options.continued.is_some();
            return Ok(Self { model, network, is_trained, train_items: None, reading: None, data: None });
        };
        let Prepared { data, network, model, is_trained, .. } =
            Prepared::of(options, data, (network, model, options.precision()))?;
        let (train_items, reading) = (Some(data.train.len()), data.report.reading.clone());
        Ok(Self { model, network, is_trained, train_items, reading, data: Some(data) })
    }
}

/// Labelled items, and those that can't be read.
pub type Labelled = (Box<dyn Dataset>, Vec<Skipped>);

/// An input's name and its prediction, or why it can't be read.
pub type Answer = (String, Result<metrics::Answer, String>);
