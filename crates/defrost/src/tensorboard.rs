//! The measurements of training as an event file for TensorBoard.
//!
//! The file is a list of records: the length of the data, the data, and a masked CRC-32C of each, as TensorFlow's
//! `record_writer` has them; the data is an `Event` of TensorFlow's protocol buffers, of which the few fields needed
//! are written here. Unlike every other file it is written in place, record by record, so that it can be watched
//! while training runs: a reader stops at a record that is cut off.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

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
    step: u64,
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
            file.write_all(&record(&first_event(now())))?;
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
        let values: Vec<(String, f64)> = values.into_iter().collect();
        let written: io::Result<()> = self.file.write_all(&record(&event(now(), self.step, &values)));
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
        self.step = (epochs * position.batches + position.batch) as u64;
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

/// The `Event` that says how a file is to be read: `wall_time`, in seconds since 1970, and `file_version`.
fn first_event(time: f64) -> Vec<u8> {
    let mut event = Message::default();
    event.double(1, time);
    event.bytes(3, VERSION.as_bytes());
    event.0
}

/// An `Event` of values by name: `wall_time`, `step` and a `Summary`, a list of `Value`s with `tag` and `simple_value`.
fn event(time: f64, step: u64, values: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Message::default();
    for (tag, number) in values {
        let mut value = Message::default();
        value.bytes(1, tag.as_bytes());
        value.float(2, *number as f32);
        summary.bytes(1, &value.0);
    }
    let mut event = Message::default();
    event.double(1, time);
    event.varint(2, step);
    event.bytes(5, &summary.0);
    event.0
}

/// A message in the encoding of protocol buffers: fields, each behind its number and how it is written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    /// Fields are numbered from 1 to 15.
    fn key(&mut self, field: u8, wire_type: u8) {
        self.0.push(field << 3 | wire_type);
    }

    /// 0 is what is read where nothing is written.
    fn varint(&mut self, field: u8, value: u64) {
        if value != 0 {
            self.key(field, 0);
            self.digits(value);
        }
    }

    /// As for `varint`.
    fn double(&mut self, field: u8, value: f64) {
        if value != 0.0 {
            self.key(field, 1);
            self.0.extend(value.to_le_bytes());
        }
    }

    /// Of a text or a message.
    fn bytes(&mut self, field: u8, value: &[u8]) {
        self.key(field, 2);
        self.digits(value.len() as u64);
        self.0.extend(value);
    }

    /// As one of several kinds of value: 0 is written too.
    fn float(&mut self, field: u8, value: f32) {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
    }

    /// To the base 128, the lowest first; the high bit says that another one follows.
    fn digits(&mut self, mut value: u64) {
        while value >= 128 {
            self.0.push(value as u8 | 128);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// The record of some data.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let check = |bytes: &[u8]| masked(crc32c(bytes)).to_le_bytes();
    [&length[..], &check(&length), data, &check(data)].concat()
}

/// CRC-32C, bit by bit: a record is short.
fn crc32c(data: &[u8]) -> u32 {
    /// The polynomial, its bits in reverse.
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    !data.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 })
    })
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
        let values = [("train_loss".to_owned(), 0.5), ("valid_loss".to_owned(), 0.0)];
        let file: String = [first_event(0.0), event(1.5, 300, &values)]
            .iter()
            .flat_map(|event| record(event))
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
