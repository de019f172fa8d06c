//! What training measures, as an event file that TensorBoard reads.
//!
//! The file is a list of records: the length of the data, the data, and a masked CRC-32C of each, as TensorFlow's
//! `record_writer` has them; the data is an `Event` of TensorFlow's protocol buffers, of which the few fields needed
//! are declared here. Unlike every other file it is written in place, record by record, so that it can be watched
//! while training runs: a reader stops at a record that is cut off.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use prost::Message;

use crate::files::FileError;
use crate::learner::{BatchReport, EpochRecord, Flow, Observer, Position};
use crate::optim::StepOptions;
use crate::platform::SystemTime;
use crate::recipe::ResolvedPhase;

/// Of an event file's first record.
const VERSION: &str = "brain.Event:2";

/// Writes the loss and the rates of each step, the losses and metrics of each epoch.
///
/// A step is numbered by its place in the whole recipe: one that is taken again, because an epoch starts again or
/// a run goes on, keeps its number.
#[derive(Debug)]
pub struct TensorBoard {
    file: File,
    trouble: Arc<OnceLock<String>>,
    /// The phases of the run and their epochs.
    phases: Vec<(String, usize)>,
    /// Which of them runs, and how many epochs the recipe has before it.
    phase: usize,
    epochs_before: usize,
    /// The groups that train, by index and name.
    groups: Vec<(usize, String)>,
    rates: Vec<f64>,
    step: i64,
}

impl TensorBoard {
    /// Creates the event file of a run in its folder, which must exist.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn create(folder: &Path) -> Result<Self, FileError> {
        let path =
            folder.join(format!("events.out.tfevents.{:010}.defrost.{}", now() as u64, std::process::id()));
        let attempt = || {
            let mut file = File::create(&path)?;
            let start =
                Event { wall_time: now(), file_version: Some(VERSION.to_owned()), ..Event::default() };
            file.write_all(&record(&start.encode_to_vec()))?;
            Ok(file)
        };
        Ok(Self {
            file: attempt().map_err(FileError::at(&path))?,
            trouble: Arc::default(),
            phases: vec![],
            phase: 0,
            epochs_before: 0,
            groups: vec![],
            rates: vec![],
            step: 0,
        })
    }

    /// Why the file could not be written to its end, once that has happened.
    pub fn trouble(&self) -> Arc<OnceLock<String>> {
        self.trouble.clone()
    }

    /// Adds a record of these values; after trouble nothing more is written.
    fn write(&mut self, values: impl IntoIterator<Item = (String, f64)>) {
        if self.trouble.get().is_some() {
            return;
        }
        let value = |(tag, number)| Value { tag, simple_value: Some(number as f32) };
        let summary = Some(Summary { values: values.into_iter().map(value).collect() });
        let event = Event { wall_time: now(), step: self.step, summary, ..Event::default() };
        let written: io::Result<()> = self.file.write_all(&record(&event.encode_to_vec()));
        if let Err(error) = written {
            // It is the first: nothing has been set.
            self.trouble.get_or_init(|| error.to_string());
        }
    }
}

impl Observer for TensorBoard {
    fn run_started(&mut self, phases: &[ResolvedPhase]) {
        self.phases = phases.iter().map(|phase| (phase.name.clone(), phase.epochs)).collect();
        (self.phase, self.epochs_before) = (0, 0);
    }

    fn phase_started(&mut self, started: &ResolvedPhase) {
        let ResolvedPhase { name, plan, epochs, .. } = started;
        // A run that goes on begins with a later phase than its first.
        let found =
            self.phases[self.phase.min(self.phases.len())..].iter().position(|(phase, _)| phase == name);
        match found {
            Some(further) => self.phase += further,
            None => {
                self.phase = self.phases.len();
                self.phases.push((name.clone(), *epochs));
            }
        }
        self.epochs_before = self.phases[..self.phase].iter().map(|(_, epochs)| epochs).sum();
        self.phase += 1;
        let groups = (0..plan.groups().count()).filter(|&group| plan.trains(group));
        self.groups = groups.map(|group| (group, plan.groups().groups()[group].name.clone())).collect();
    }

    fn batch_started(&mut self, position: &Position, settings: &mut StepOptions) {
        let epochs = self.epochs_before + position.epoch - 1;
        self.step = (epochs * position.batches + position.batch) as i64;
        self.rates.clone_from(&settings.rates);
    }

    fn batch_ended(&mut self, report: &BatchReport) -> Flow {
        let rate = |(group, name): &(usize, String)| {
            Some((format!("rate/{group} {name}"), self.rates.get(*group).copied()?))
        };
        let rates: Vec<(String, f64)> = self.groups.iter().filter_map(rate).collect();
        self.write([("train_loss".to_owned(), report.loss)].into_iter().chain(rates));
        Flow::Continue
    }

    fn epoch_ended(&mut self, record: &EpochRecord) -> Flow {
        let losses = [("epoch_train_loss", record.train_loss), ("valid_loss", record.valid_loss)];
        let losses = losses.map(|(name, loss)| (name.to_owned(), loss));
        let measures = record.metrics.iter().map(|(name, &value)| (format!("metrics/{name}"), value));
        self.write(losses.into_iter().chain(measures));
        Flow::Continue
    }
}

/// TensorFlow's `Event`, as far as it is used.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

/// TensorFlow's `Summary`.
#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

/// TensorFlow's `Summary.Value`, of a number. A number of 0 is written all the same.
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// The record of some data.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let check = |bytes: &[u8]| masked(crc32c::crc32c(bytes)).to_le_bytes();
    [&length[..], &check(&length), data, &check(data)].concat()
}

/// A checksum of data that holds checksums itself would be weak: TensorFlow turns it and adds a constant.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_as_tensorflow_writes_them() {
        // By tests/fixtures/make_event_file.py.
        let golden = "0f000000000000006d532b091a0d627261696e2e4576656e743a32fc98512934000000000000005e33175c09000000000000f83f10ac\
                      022a260a110a0a747261696e5f6c6f7373150000003f0a110a0a76616c69645f6c6f737315000000004fdba809";
        let start = Event { file_version: Some(VERSION.to_owned()), ..Event::default() };
        let value = |tag: &str, number| Value { tag: tag.to_owned(), simple_value: Some(number) };
        let values = vec![value("train_loss", 0.5), value("valid_loss", 0.0)];
        let step = Event { wall_time: 1.5, step: 300, summary: Some(Summary { values }), file_version: None };
        let file: String = [start, step]
            .iter()
            .flat_map(|event| record(&event.encode_to_vec()))
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(file, golden);
    }

    #[test]
    fn a_step_has_its_place_in_the_recipe() {
        let folder = tempfile::tempdir().unwrap();
        let mut board = TensorBoard::create(folder.path()).unwrap();
        board.phases = vec![("frozen".to_owned(), 2), ("thawed".to_owned(), 3)];
        // A run that goes on in its second phase.
        board.phase = 1;
        board.epochs_before = 2;
        let position = Position { epoch: 2, epochs: 3, batch: 4, batches: 10 };
        let mut settings = StepOptions { rates: vec![1e-3], momentum: 0.9 };
        board.batch_started(&position, &mut settings);
        assert_eq!(board.step, 34);
    }
}
