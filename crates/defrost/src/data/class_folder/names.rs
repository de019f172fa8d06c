//! Names of folders as people read them: equal however they are encoded, and those that parts of a data set go by.

use unicode_normalization::UnicodeNormalization;

/// A name in composed form: macOS writes `é` as two characters, others as one.
pub fn composed(name: &str) -> String {
    name.nfc().collect()
}

/// What the items of a part of a data set are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Train,
    Valid,
    Test,
}

impl Role {
    /// What readings call the part.
    pub fn name(self) -> String {
        let name = match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        };
        name.to_owned()
    }
}

/// Words for the parts of a data set. Where two folders have the same role, the word that comes first wins.
const ROLES: [(&str, Role); 13] = [
    ("train", Role::Train),
    ("training", Role::Train),
    ("valid", Role::Valid),
    ("validation", Role::Valid),
    ("val", Role::Valid),
    ("validate", Role::Valid),
    ("dev", Role::Valid),
    ("development", Role::Valid),
    ("eval", Role::Valid),
    ("evaluation", Role::Valid),
    ("test", Role::Test),
    ("testing", Role::Test),
    ("tests", Role::Test),
];

/// Words that may stand beside them and change nothing.
const FILLERS: [&str; 14] = [
    "set", "data", "dataset", "seg", "split", "folder", "dir", "images", "image", "imgs", "img", "photos",
    "pictures", "texts",
];

/// The role that a folder's name says, and the rank of the word that says it: `Train`, `training_set`, `seg-train`, `testset`.
pub(super) fn role(name: &str) -> Option<(Role, usize)> {
    let name = composed(name).to_lowercase();
    let words =
        name.split(|c: char| c.is_whitespace() || matches!(c, '-' | '_')).filter(|word| !word.is_empty());
    let mut found = None;
    for word in words.filter(|word| !FILLERS.contains(word)) {
        let rank =
            rank(word).or_else(|| ["set", "data"].iter().find_map(|end| rank(word.strip_suffix(end)?)))?;
        if found.replace(rank).is_some() {
            return None;
        }
    }
    found.map(|rank| (ROLES[rank].1, rank))
}

fn rank(word: &str) -> Option<usize> {
    ROLES.iter().position(|(role, _)| *role == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_by_many_names() {
        let names: [(&[&str], Role); 3] = [
            (
                &[
                    "train",
                    "Train",
                    "TRAINING",
                    "training_set",
                    "train-set",
                    "Train Set",
                    "trainset",
                    "seg_train",
                ],
                Role::Train,
            ),
            (
                &[
                    "valid",
                    "Validation",
                    "val",
                    "dev",
                    "eval",
                    "val_set",
                    "valset",
                    "validation data",
                    "dev-set",
                ],
                Role::Valid,
            ),
            (&["test", "Testing", "test_set", "testset", "seg_test", "test_images", "test data"], Role::Test),
        ];
        for (names, expected) in names {
            for name in names {
                assert_eq!(role(name).map(|(role, _)| role), Some(expected), "{name}");
            }
        }
        for name in [
            "",
            "set",
            "data",
            "trains",
            "invalid",
            "test tube",
            "train_test",
            "training shoes",
            "contest",
            "value",
        ] {
            assert_eq!(role(name), None, "{name}");
        }
        assert!(role("valid").unwrap().1 < role("val").unwrap().1);
    }
}
