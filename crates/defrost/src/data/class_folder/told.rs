//! What a reading tells of labelled files.

use std::path::Path;

use super::names::Role;
use super::{FileKind, LabelledFiles, LabelledFolder};
use crate::reading::{FolderReading, SplitReading, SplitUse};

impl LabelledFolder {
    /// What was understood of a folder whose labels come from elsewhere.
    pub fn told(&self, root: &Path, kind: &'static FileKind) -> FolderReading {
        let split = |role: Role, files: &LabelledFiles, used_for| {
            (
                role.name(),
                SplitReading { path: root.display().to_string(), items: files.items.len(), used_for },
            )
        };
        let valid = self.valid.iter().map(|files| split(Role::Valid, files, SplitUse::Validate));
        let ignored = self.train.ignored.iter().chain(self.valid.iter().flat_map(|files| &files.ignored));
        FolderReading {
            items: kind.many,
            splits: [split(Role::Train, &self.train, SplitUse::Train)].into_iter().chain(valid).collect(),
            classes: class_counts(&self.train, self.valid.as_ref()),
            nested: None,
            ignored: ignored.map(|ignored| ignored.worded(root)).collect(),
        }
    }
}

impl LabelledFiles {
    /// The class of each item that has one.
    pub fn item_classes(&self) -> impl Iterator<Item = usize> + '_ {
        self.items.iter().filter_map(|item| item.target.class())
    }
}

/// How many items each class has in both parts together.
pub(super) fn class_counts(train: &LabelledFiles, valid: Option<&LabelledFiles>) -> Vec<(String, usize)> {
    let mut counts = vec![0; train.classes.len()];
    let classes = train.item_classes().chain(valid.into_iter().flat_map(LabelledFiles::item_classes));
    classes.for_each(|class| counts[class] += 1);
    train.classes.iter().cloned().zip(counts).collect()
}
