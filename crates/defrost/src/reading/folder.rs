//! What was understood of a folder of class folders.

use serde::{Serialize, Serializer};

use super::{listed, shown, thousands};

/// The parts and classes of a folder, and what is not used of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FolderReading {
    /// What its items are called: `images`.
    #[serde(skip)]
    pub items: &'static str,
    /// Its parts by name, the one to train on first.
    #[serde(serialize_with = "as_map")]
    pub splits: Vec<(String, SplitReading)>,
    /// How many items of each class are used, by its name.
    #[serde(serialize_with = "as_map")]
    pub classes: Vec<(String, usize)>,
    /// Folders inside class folders, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nested: Option<NestedFolders>,
    /// What is not used.
    pub ignored: Vec<IgnoredPath>,
}

/// A part of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SplitReading {
    /// Its folder.
    pub path: String,
    /// How many items are in it.
    pub items: usize,
    /// What they are for.
    #[serde(rename = "use")]
    pub used_for: SplitUse,
}

/// What the items of a part are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitUse {
    /// They are trained on.
    Train,
    /// They validate.
    Validate,
    /// They are left for measuring the trained network.
    Evaluate,
    /// Nothing.
    Nothing,
}

/// Folders inside class folders: their items are of the class that they lie in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NestedFolders {
    /// How many there are.
    pub folders: usize,
    /// One of them.
    pub first: String,
}

/// A file or folder that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IgnoredPath {
    /// Where it is.
    pub path: String,
    /// Why.
    pub reason: String,
    /// How many files that is: those in a folder, or 1.
    pub files: usize,
}

impl FolderReading {
    /// How many files this accounts for: items of parts, used or not, and files that are ignored.
    pub fn files(&self) -> usize {
        let items: usize = self.splits.iter().map(|(_, split)| split.items).sum();
        items + self.ignored.iter().map(|ignored| ignored.files).sum::<usize>()
    }

    /// The same where the data is validated on something else than what the folder brings for it: on the items of this other
    /// folder, or on some of those it was going to train on. `used` is the class of each item that is used then.
    #[must_use]
    pub fn validated_on(
        mut self,
        other: Option<(String, Vec<IgnoredPath>, usize)>,
        used: impl Iterator<Item = usize>,
    ) -> Self {
        for (name, split) in &mut self.splits {
            if split.used_for == SplitUse::Validate {
                split.used_for = SplitUse::Nothing;
                // The name is that of what validates.
                name.clone_from(&split.path);
            }
        }
        if let Some((path, ignored, items)) = other {
            self.splits
                .push(("valid".to_owned(), SplitReading { path, items, used_for: SplitUse::Validate }));
            self.ignored.extend(ignored);
        }
        self.classes.iter_mut().for_each(|(_, count)| *count = 0);
        used.for_each(|class| self.classes[class].1 += 1);
        self
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.splits.iter().map(|(name, split)| split.line(name, self.items)).collect();
        if !self.classes.is_empty() {
            let classes =
                self.classes.iter().map(|(name, count)| format!("{} ({})", shown(name), thousands(*count)));
            lines.push(format!("{} classes: {}", thousands(self.classes.len()), listed(classes)));
        }
        if let Some(NestedFolders { folders, first }) = &self.nested {
            let (folders, first) = (thousands(*folders), shown(first));
            lines.push(format!("folders inside class folders count as their class: {folders}, as {first}"));
        }
        lines.extend(self.ignored_lines());
        lines
    }

    /// A line a reason, the reasons that come first in the list first.
    fn ignored_lines(&self) -> Vec<String> {
        let mut reasons: Vec<(&str, &IgnoredPath, usize, usize)> = vec![];
        for ignored in &self.ignored {
            match reasons.iter_mut().find(|(reason, ..)| *reason == ignored.reason) {
                Some((_, _, paths, files)) => (*paths, *files) = (*paths + 1, *files + ignored.files),
                None => reasons.push((&ignored.reason, ignored, 1, ignored.files)),
            }
        }
        let line = |(reason, first, paths, files): (&str, &IgnoredPath, usize, usize)| {
            let count = if files == 1 { "1 file".to_owned() } else { format!("{} files", thousands(files)) };
            let more = if paths > 1 { format!(" and {} more", thousands(paths - 1)) } else { String::new() };
            format!("not used: {}{more} ({count}): {reason}", shown(&first.path))
        };
        reasons.into_iter().map(line).collect()
    }
}

impl SplitReading {
    fn line(&self, name: &str, items: &str) -> String {
        let Self { path, items: count, used_for } = self;
        let note = match used_for {
            SplitUse::Train | SplitUse::Validate => "",
            SplitUse::Evaluate => ", left for measuring the trained network",
            SplitUse::Nothing => ", not used",
        };
        format!("{}: {} {items} in {}{note}", shown(name), thousands(*count), shown(path))
    }
}

/// Pairs as a JSON object in their order.
fn as_map<T: Serialize, S: Serializer>(pairs: &[(String, T)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Reading;
    use super::*;

    fn reading() -> FolderReading {
        let split = |path: &str, items, used_for| SplitReading { path: path.to_owned(), items, used_for };
        let ignored = |path: &str, reason: &str, files| IgnoredPath {
            path: path.to_owned(),
            reason: reason.to_owned(),
            files,
        };
        FolderReading {
            items: "images",
            splits: vec![
                ("train".to_owned(), split("data/training_set", 1200, SplitUse::Train)),
                ("test".to_owned(), split("data/test", 7, SplitUse::Evaluate)),
            ],
            classes: (0..12).map(|class| (format!("c{class}\u{1b}"), 100)).collect(),
            nested: Some(NestedFolders { folders: 2, first: "data/training_set/c0/old".to_owned() }),
            ignored: vec![
                ignored("data/__MACOSX", "written by macOS", 40),
                ignored("data/readme.md", "no image", 1),
                ignored("data/c0/._1.jpg", "written by macOS", 1),
            ],
        }
    }

    #[test]
    fn a_reading_is_a_few_lines() {
        let expected = [
            "train: 1,200 images in data/training_set",
            "test: 7 images in data/test, left for measuring the trained network",
            "12 classes: c0\u{fffd} (100), c1\u{fffd} (100), c2\u{fffd} (100), c3\u{fffd} (100), c4\u{fffd} (100), \
             c5\u{fffd} (100), c6\u{fffd} (100), c7\u{fffd} (100), c8\u{fffd} (100), c9\u{fffd} (100) and 2 more",
            "folders inside class folders count as their class: 2, as data/training_set/c0/old",
            "not used: data/__MACOSX and 1 more (41 files): written by macOS",
            "not used: data/readme.md (1 file): no image",
        ];
        assert_eq!(Reading::Folder(reading()).lines(), expected);
        assert_eq!(reading().files(), 1200 + 7 + 42);
    }

    #[test]
    fn as_json_it_is_an_object_of_its_kind() {
        let reading = FolderReading { classes: vec![("a".to_owned(), 3)], nested: None, ..reading() };
        let expected = json!({
            "splits": {
                "train": { "path": "data/training_set", "items": 1200, "use": "train" },
                "test": { "path": "data/test", "items": 7, "use": "evaluate" },
            },
            "classes": { "a": 3 },
            "ignored": [
                { "path": "data/__MACOSX", "reason": "written by macOS", "files": 40 },
                { "path": "data/readme.md", "reason": "no image", "files": 1 },
                { "path": "data/c0/._1.jpg", "reason": "written by macOS", "files": 1 },
            ],
        });
        assert_eq!(serde_json::to_value(Reading::Folder(reading)).unwrap(), expected);
    }
}
