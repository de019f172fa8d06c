//! Why a folder is no data set.

use std::io;
use std::path::PathBuf;

use super::kind::FileKind;

/// Why a folder is no data set.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Nothing is there.
    #[error("{}: no such folder; give one that holds a folder of {} per class", path.display(), kind.many)]
    Missing {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        kind: &'static FileKind,
    },
    /// A file is there.
    #[error("{} is not a folder; give one that holds a folder of {} per class", path.display(), kind.many)]
    NotAFolder {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        kind: &'static FileKind,
    },
    /// A folder inside can't be listed.
    #[error("{} can't be read: {source}", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A class folder whose name is no text.
    #[error("{}: a class folder's name must be valid Unicode; rename it", .0.display())]
    Name(PathBuf),
    /// No folders inside.
    #[error(
        "{path} has no class folders{}; expected {path}/CLASS/{} with a folder per class, or such folders in {path}/train and {path}/valid",
        without_class(kind, *loose), kind.example, path = path.display()
    )]
    NoClasses {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        kind: &'static FileKind,
        /// How many lie in it without a class.
        loose: usize,
    },
    /// There is nothing to tell apart.
    #[error("{} has only one class folder, {class}; training needs at least two classes", path.display())]
    OneClass {
        /// The folder.
        path: PathBuf,
        /// The one class.
        class: String,
    },
    /// Class folders without items.
    #[error("{} has no {} in class {}; add some ({}) or remove the folder", path.display(), kind.many, .classes.join(", "), kind.extensions.join(", "))]
    EmptyClasses {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        kind: &'static FileKind,
        /// The classes.
        classes: Vec<String>,
    },
    /// Classes that were never trained.
    #[error("{} has classes that training does not know: {}; it knows {}; rename or remove those folders", path.display(), .unknown.join(", "), .known.join(", "))]
    UnknownClasses {
        /// The folder.
        path: PathBuf,
        /// Classes only found here.
        unknown: Vec<String>,
        /// Classes of the training data.
        known: Vec<String>,
    },
    /// A folder that is called like the part to train on, beside others that are no parts.
    #[error(
        "{path}/{part} may be the part to train on, with the classes {}, or a class beside {}; {}give {path}/{part} if it is the \
         part to train on, and rename it if it is a class",
        classes.join(", "), .beside.join(", "), likely_class(*.alike, part), path = path.display()
    )]
    PartOrClass {
        /// The folder.
        path: PathBuf,
        /// The folder in it with this name.
        part: String,
        /// The folders in that.
        classes: Vec<String>,
        /// The folders beside it.
        beside: Vec<String>,
        /// Whether those hold folders of the same names.
        alike: bool,
    },
    /// Parts without classes.
    #[error(
        "{path} has no class folders, only {}, which parts of a data set are called; expected {path}/train/CLASS/{} with a folder per \
         class; rename them if they are classes",
        .parts.join(", "), kind.example, path = path.display()
    )]
    PartsWithoutClasses {
        /// The folder.
        path: PathBuf,
        /// The folders in it.
        parts: Vec<String>,
        /// What was looked for.
        kind: &'static FileKind,
    },
    /// Parts of a data set, none of which is there to train on.
    #[error(
        "{path} has nothing to train on, only {}; give {path}/{} to train on that, or rename a folder to train",
        .parts.join(", "), .parts[0], path = path.display()
    )]
    NoTraining {
        /// The folder.
        path: PathBuf,
        /// The parts, at least one.
        parts: Vec<String>,
    },
    /// Two parts to train on.
    #[error("{} has several parts to train on: {}; give one of them, or put their items together", path.display(), .parts.join(", "))]
    SeveralToTrainOn {
        /// The folder.
        path: PathBuf,
        /// The parts.
        parts: Vec<String>,
    },
    /// A class folder with parts of a data set in it.
    #[error(
        "{path}/{class} holds {}, which parts of a data set are called; expected the parts around the classes, as \
         {path}/train/{class}/{}",
        .parts.join(", "), kind.example, path = path.display()
    )]
    PartsInClass {
        /// The folder.
        path: PathBuf,
        /// The class.
        class: String,
        /// The folders in it.
        parts: Vec<String>,
        /// What was looked for.
        kind: &'static FileKind,
    },
}

/// What to add about items that lie where class folders belong.
fn without_class(kind: &FileKind, count: usize) -> String {
    match count {
        0 => String::new(),
        1 => format!(", only {}", kind.one),
        _ => format!(", only {count} {}", kind.many),
    }
}

/// What is likely where the folders beside a part hold folders of the same names.
fn likely_class(alike: bool, part: &str) -> String {
    if alike {
        format!("as all of them hold the same folders, {part} is probably a class; ")
    } else {
        String::new()
    }
}
