//! A data set ready to train on: split, checked, with the names of its classes.

use crate::check::Report;
use crate::data::{Dataset, Skipped, amount_note, together_notes};
use crate::reading::Reading;
use crate::remedy::Note;

/// Items of one domain to train and to validate on, and what was seen while they were read.
#[derive(Clone, Debug)]
pub struct SplitData<D> {
    /// Class names, or those of labels; none where items are labelled with a number.
    pub classes: Vec<String>,
    /// The training items.
    pub train: D,
    /// The validation items.
    pub valid: D,
    /// Items that can't be read.
    pub skipped: Vec<Skipped>,
    /// Notes for people about the data.
    pub notes: Vec<Note>,
    /// The problems found in it.
    pub report: Report,
}

impl<D: Dataset> SplitData<D> {
    /// What a person should know about items split so: classes with few items, groups on both sides. `items` is what several
    /// are called.
    pub fn split_notes(train: &D, valid: &D, classes: &[String], items: &str) -> impl Iterator<Item = Note> {
        let notes = amount_note(train, classes, items).into_iter().chain(together_notes(train, valid));
        notes.map(Note::from)
    }

    /// What was understood of the data; nothing where it is in memory.
    pub fn reading(&self) -> Option<&Reading> {
        self.report.reading.as_ref()
    }

    /// How many scores a network for this data gives for an item: one for each class, or one number.
    pub fn outputs(&self) -> usize {
        self.classes.len().max(1)
    }
}
