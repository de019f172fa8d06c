//! Finding labelled files in folders: one folder per class, `ROOT/CLASS/…/file`.
//!
//! Validation may have a tree of its own: `ROOT/train/CLASS` beside `ROOT/valid/CLASS` (or `validation`, `val`), or
//! `ROOT/valid` among the class folders. Classes are the folder names, sorted; files are sorted by path, so that the
//! same files are the same data set on every machine. Hidden files are not looked at. Which files are items, a domain
//! says with a [`FileKind`].

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Target;

/// Names of a folder with validation data, in the order in which they are looked for.
pub const VALIDATION_NAMES: [&str; 3] = ["valid", "validation", "val"];

const TRAIN_NAME: &str = "train";

/// The files that are items of a domain.
#[derive(Debug, PartialEq, Eq)]
pub struct FileKind {
    /// One of them, with its article: `an image`.
    pub one: &'static str,
    /// Several: `images`.
    pub many: &'static str,
    /// What one may be called: `image.jpg`.
    pub example: &'static str,
    /// Their extensions, in lower case.
    pub extensions: &'static [&'static str],
}

impl FileKind {
    /// Whether a file of this name is one of them.
    pub fn has(&self, path: &Path) -> bool {
        self.extensions.contains(&extension(path).as_str())
    }
}

/// A file and its label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledFile {
    /// Where the file is, relative to the root that was scanned.
    pub path: PathBuf,
    /// Its label: in a tree of folders, the index of its class.
    pub target: Target,
    /// What it [belongs to](super::Dataset::belongs_to), where a table says so.
    pub belongs_to: Option<String>,
}

/// Labelled files.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledFiles {
    /// Class names, sorted; a label is an index into them.
    pub classes: Vec<String>,
    /// The files, sorted by path.
    pub items: Vec<LabelledFile>,
    /// Files that were passed over because their name is no item's, sorted.
    pub ignored: Vec<PathBuf>,
}

/// The files of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledFolder {
    /// What to train on, or to split.
    pub train: LabelledFiles,
    /// What to validate on, with the classes of `train`, if the data set brings it.
    pub valid: Option<LabelledFiles>,
}

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
}

/// Finds the files of a data set and, where it brings them, those for validation.
///
/// # Errors
///
/// If `root` is no folder, has fewer than two classes, a class without items, or validation has a class of its own.
pub fn scan(root: &Path, kind: &'static FileKind) -> Result<LabelledFolder, FolderError> {
    let found = find(root, kind)?;
    let train_folder = root.join(TRAIN_NAME);
    let trained = if holds_folders(&train_folder) { &train_folder } else { root };
    found.train.require_trainable(trained, kind)?;
    Ok(found)
}

/// The same for data that may lack items or classes.
///
/// # Errors
///
/// If `root` is no folder of folders, or validation has a class of its own.
pub fn find(root: &Path, kind: &'static FileKind) -> Result<LabelledFolder, FolderError> {
    let train_folder = root.join(TRAIN_NAME);
    // A class may be called "train": it holds files, not folders.
    let split = holds_folders(&train_folder);
    let not_classes: &[&str] = if split { &[] } else { &VALIDATION_NAMES };
    let skip = |name: &str| not_classes.contains(&name) && holds_folders(&root.join(name));

    let mut train = read_tree(if split { &train_folder } else { root }, kind, skip)?;
    if split {
        train.prefix(TRAIN_NAME);
    }
    let valid = validation_folder(root).map(|folder| {
        let mut valid = scan_known(&folder, kind, &train.classes)?;
        // Both trees of a data set are relative to the same root.
        valid.prefix(folder.file_name().and_then(|name| name.to_str()).unwrap_or_default());
        Ok(valid)
    });
    Ok(LabelledFolder { train, valid: valid.transpose()? })
}

/// The folder of validation items that a data set brings, if it does.
fn validation_folder(root: &Path) -> Option<PathBuf> {
    VALIDATION_NAMES.map(|name| root.join(name)).into_iter().find(|folder| holds_folders(folder))
}

/// Finds files of classes that are known already. Labels are indices into `classes`; some of them may have no items.
///
/// # Errors
///
/// If `root` is no folder, has no items in class folders, or a class that is not in `classes`.
pub fn scan_known(
    root: &Path,
    kind: &'static FileKind,
    classes: &[String],
) -> Result<LabelledFiles, FolderError> {
    let found = read_tree(root, kind, |_| false)?;
    let labels: Vec<Option<usize>> =
        found.classes.iter().map(|name| classes.iter().position(|known| known == name)).collect();
    let unknown: Vec<String> = found
        .classes
        .iter()
        .zip(&labels)
        .filter(|(_, label)| label.is_none())
        .map(|(name, _)| name.clone())
        .collect();
    if !unknown.is_empty() {
        return Err(FolderError::UnknownClasses { path: root.into(), unknown, known: classes.to_vec() });
    }
    if found.items.is_empty() {
        return Err(FolderError::EmptyClasses { path: root.into(), kind, classes: found.classes });
    }
    let items = found.items.into_iter().filter_map(|item| {
        let target = Target::Class(labels[item.target.class()?]?);
        Some(LabelledFile { target, ..item })
    });
    Ok(LabelledFiles { classes: classes.to_vec(), items: items.collect(), ignored: found.ignored })
}

/// Finds the files to evaluate a trained network of these classes on: those that validate, where `root` is a data set
/// with a validation folder, else all. Paths are relative to `root`.
///
/// # Errors
///
/// As [`scan_known`].
pub fn scan_to_evaluate(
    root: &Path,
    kind: &'static FileKind,
    classes: &[String],
) -> Result<LabelledFiles, FolderError> {
    // A class may be called as validation folders are.
    let validation = validation_folder(root).and_then(|folder| {
        let name = folder.file_name()?.to_str()?.to_owned();
        (!classes.contains(&name)).then_some((folder, name))
    });
    match validation {
        Some((folder, name)) => {
            let mut valid = scan_known(&folder, kind, classes)?;
            valid.prefix(&name);
            Ok(valid)
        }
        None => scan_known(root, kind, classes),
    }
}

/// Whether `root` is a folder of class folders whose files are mostly of this kind; the first class that has files
/// decides.
pub fn holds_mostly(root: &Path, kind: &'static FileKind) -> bool {
    let train_folder = root.join(TRAIN_NAME);
    let root = if holds_folders(&train_folder) { &train_folder } else { root };
    let Ok(found) = read_tree(root, kind, |_| false) else { return false };
    let LabelledFiles { items, ignored, .. } = found;
    let class = |path: &Path| path.components().next().map(|class| class.as_os_str().to_owned());
    let first = items.iter().map(|item| &item.path).chain(&ignored).min().and_then(|path| class(path));
    let of_first = |path: &Path| class(path) == first;
    let count = items.iter().filter(|item| of_first(&item.path)).count();
    count > ignored.iter().filter(|path| of_first(path)).count()
}

impl LabelledFiles {
    /// How many files were passed over, by extension in lower case ("" for none).
    pub fn ignored_kinds(&self) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::new();
        self.ignored.iter().for_each(|path| *kinds.entry(extension(path)).or_default() += 1);
        kinds
    }

    fn require_trainable(&self, root: &Path, kind: &'static FileKind) -> Result<(), FolderError> {
        if let [class] = &self.classes[..] {
            return Err(FolderError::OneClass { path: root.into(), class: class.clone() });
        }
        let mut counts = vec![0; self.classes.len()];
        self.items.iter().filter_map(|item| item.target.class()).for_each(|class| counts[class] += 1);
        let names = self.classes.iter().zip(counts).filter(|(_, count)| *count == 0);
        let empty: Vec<String> = names.map(|(name, _)| name.clone()).collect();
        match empty.is_empty() {
            true => Ok(()),
            false => Err(FolderError::EmptyClasses { path: root.into(), kind, classes: empty }),
        }
    }

    fn prefix(&mut self, folder: &str) {
        let paths = self.items.iter_mut().map(|item| &mut item.path).chain(&mut self.ignored);
        paths.for_each(|path| *path = Path::new(folder).join(&*path));
    }
}

/// All files of this kind in a folder and below it, sorted, relative to it.
///
/// # Errors
///
/// If `root` is no folder.
pub fn all_files(root: &Path, kind: &'static FileKind) -> Result<Vec<PathBuf>, FolderError> {
    require_folder(root, kind)?;
    let mut found = LabelledFiles { classes: vec![], items: vec![], ignored: vec![] };
    collect(root, kind, root, 0, &mut found)?;
    let mut paths: Vec<PathBuf> = found.items.into_iter().map(|item| item.path).collect();
    paths.sort();
    Ok(paths)
}

fn require_folder(root: &Path, kind: &'static FileKind) -> Result<(), FolderError> {
    let path = root.to_owned();
    match fs::metadata(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(FolderError::Missing { path, kind }),
        Err(source) => Err(FolderError::Unreadable { path, source }),
        Ok(metadata) if !metadata.is_dir() => Err(FolderError::NotAFolder { path, kind }),
        Ok(_) => Ok(()),
    }
}

/// Reads a tree of class folders, passing over those for which `skip` is true.
fn read_tree(
    root: &Path,
    kind: &'static FileKind,
    skip: impl Fn(&str) -> bool,
) -> Result<LabelledFiles, FolderError> {
    require_folder(root, kind)?;
    let mut classes = vec![];
    let mut loose = 0;
    for path in children(root)? {
        if !path.is_dir() {
            loose += usize::from(kind.has(&path));
            continue;
        }
        let name =
            path.file_name().and_then(|name| name.to_str()).ok_or_else(|| FolderError::Name(path.clone()))?;
        if !skip(name) {
            classes.push(name.to_owned());
        }
    }
    if classes.is_empty() {
        return Err(FolderError::NoClasses { path: root.into(), kind, loose });
    }
    classes.sort();
    let mut found = LabelledFiles { classes, items: vec![], ignored: vec![] };
    for class in 0..found.classes.len() {
        let folder = root.join(&found.classes[class]);
        collect(root, kind, &folder, class, &mut found)?;
    }
    found.items.sort_by(|a, b| a.path.cmp(&b.path));
    found.ignored.sort();
    Ok(found)
}

/// Adds the files in `folder` and below it. Links to files are followed, links to folders are not: they may lead
/// in circles.
fn collect(
    root: &Path,
    kind: &'static FileKind,
    folder: &Path,
    class: usize,
    found: &mut LabelledFiles,
) -> Result<(), FolderError> {
    for path in children(folder)? {
        if path.is_dir() {
            if !path.is_symlink() {
                collect(root, kind, &path, class, found)?;
            }
            continue;
        }
        let is_item = kind.has(&path);
        let path = path.strip_prefix(root).unwrap_or(&path).to_owned();
        match is_item {
            true => found.items.push(LabelledFile { path, target: Target::Class(class), belongs_to: None }),
            false => found.ignored.push(path),
        }
    }
    Ok(())
}

/// The files and folders in `folder` that are not hidden.
fn children(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let unreadable = |source| FolderError::Unreadable { path: folder.into(), source };
    let mut paths = vec![];
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

fn holds_folders(folder: &Path) -> bool {
    children(folder).is_ok_and(|paths| paths.iter().any(|path| path.is_dir()))
}

fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// What to add about items that lie where class folders belong.
fn without_class(kind: &FileKind, count: usize) -> String {
    match count {
        0 => String::new(),
        1 => format!(", only {}", kind.one),
        _ => format!(", only {count} {}", kind.many),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static IMAGES: FileKind = FileKind {
        one: "an image",
        many: "images",
        example: "image.jpg",
        extensions: &["jpg", "jpeg", "png", "webp", "tiff"],
    };

    fn scan(root: &Path) -> Result<LabelledFolder, FolderError> {
        super::scan(root, &IMAGES)
    }

    /// A temporary folder with these files in it; a name that ends in a slash is a folder.
    fn tree(names: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in names {
            let path = root.path().join(name);
            if name.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "").unwrap();
            }
        }
        root
    }

    fn paths(tree: &LabelledFiles) -> Vec<(&str, usize)> {
        tree.items.iter().map(|item| (item.path.to_str().unwrap(), item.target.class().unwrap())).collect()
    }

    /// The error's text with the folder's path replaced by `DATA`.
    fn refusal(root: &tempfile::TempDir) -> String {
        scan(root.path()).unwrap_err().to_string().replace(root.path().to_str().unwrap(), "DATA")
    }

    #[test]
    fn class_folders_are_sorted_and_read_in_depth() {
        let root = tree(&[
            "dog/b.jpg",
            "dog/a.PNG",
            "cat/deep/er/c.webp",
            "cat/z.tiff",
            "cat/notes.txt",
            "cat/IMG.HEIC",
        ]);
        let found = scan(root.path()).unwrap();
        assert_eq!(found.train.classes, ["cat", "dog"]);
        assert_eq!(
            paths(&found.train),
            [("cat/deep/er/c.webp", 0), ("cat/z.tiff", 0), ("dog/a.PNG", 1), ("dog/b.jpg", 1)]
        );
        assert_eq!(found.train.ignored, ["cat/IMG.HEIC", "cat/notes.txt"].map(PathBuf::from));
        let kinds = BTreeMap::from([("heic".to_owned(), 1), ("txt".to_owned(), 1)]);
        assert_eq!(found.train.ignored_kinds(), kinds);
        assert_eq!(found.valid, None);
    }

    #[test]
    fn hidden_files_and_folders_are_not_looked_at() {
        let root = tree(&["a/1.jpg", "a/.DS_Store", "a/._1.jpg", "b/2.jpg", ".git/x.jpg"]);
        let found = scan(root.path()).unwrap().train;
        assert_eq!(found.classes, ["a", "b"]);
        assert_eq!((found.items.len(), found.ignored.len()), (2, 0));
    }

    #[test]
    fn validation_has_its_own_tree() {
        for name in VALIDATION_NAMES {
            let split = tree(&["train/a/1.jpg", "train/b/2.jpg", "test/c/3.jpg", &format!("{name}/b/4.jpg")]);
            let found = scan(split.path()).unwrap();
            assert_eq!(paths(&found.train), [("train/a/1.jpg", 0), ("train/b/2.jpg", 1)]);
            assert_eq!(paths(&found.valid.unwrap()), [(format!("{name}/b/4.jpg").as_str(), 1)]);

            let beside = tree(&["a/1.jpg", "b/2.jpg", &format!("{name}/a/4.jpg")]);
            let found = scan(beside.path()).unwrap();
            assert_eq!(found.train.classes, ["a", "b"]);
            assert_eq!(paths(&found.valid.unwrap()), [(format!("{name}/a/4.jpg").as_str(), 0)]);
        }
    }

    #[test]
    fn a_class_may_be_called_train() {
        let root = tree(&["car/1.jpg", "plane/2.jpg", "train/3.jpg"]);
        assert_eq!(scan(root.path()).unwrap().train.classes, ["car", "plane", "train"]);
    }

    #[test]
    fn what_is_no_data_set_says_why() {
        let root = tree(&["file.jpg"]);
        let at = |name: &str| scan(&root.path().join(name)).unwrap_err().to_string();
        assert!(
            at("none").ends_with("none: no such folder; give one that holds a folder of images per class")
        );
        assert!(
            at("file.jpg")
                .ends_with("file.jpg is not a folder; give one that holds a folder of images per class")
        );
        assert_eq!(
            refusal(&root),
            "DATA has no class folders, only an image; expected DATA/CLASS/image.jpg with a folder per class, or such \
             folders in DATA/train and DATA/valid"
        );
        let one = tree(&["cat/1.jpg"]);
        assert_eq!(refusal(&one), "DATA has only one class folder, cat; training needs at least two classes");
        let empty = tree(&["cat/1.jpg", "dog/", "emu/notes.txt"]);
        assert_eq!(
            refusal(&empty),
            "DATA has no images in class dog, emu; add some (jpg, jpeg, png, webp, tiff) or remove the folder"
        );
        let stranger = tree(&["train/a/1.jpg", "train/b/2.jpg", "val/a/3.jpg", "val/c/4.jpg", "val/d/5.jpg"]);
        assert_eq!(
            refusal(&stranger),
            "DATA/val has classes that training does not know: c, d; it knows a, b; rename or remove those folders"
        );
    }

    #[test]
    fn known_classes_keep_their_labels() {
        let root = tree(&["c/1.jpg", "a/2.jpg", "b/"]);
        let known = ["a", "b", "c"].map(str::to_owned);
        let found = scan_known(root.path(), &IMAGES, &known).unwrap();
        assert_eq!(paths(&found), [("a/2.jpg", 0), ("c/1.jpg", 2)]);
    }

    #[test]
    fn what_is_evaluated_is_what_validates() {
        let known = ["a", "b"].map(str::to_owned);
        let evaluated = |root: &tempfile::TempDir, known: &[String]| {
            let found = scan_to_evaluate(root.path(), &IMAGES, known).unwrap();
            paths(&found).into_iter().map(|(path, class)| (path.to_owned(), class)).collect::<Vec<_>>()
        };
        let split = tree(&["train/a/1.jpg", "train/b/2.jpg", "valid/b/3.jpg"]);
        assert_eq!(evaluated(&split, &known), [("valid/b/3.jpg".to_owned(), 1)]);
        let beside = tree(&["a/1.jpg", "b/2.jpg", "val/a/3.jpg"]);
        assert_eq!(evaluated(&beside, &known), [("val/a/3.jpg".to_owned(), 0)]);
        let plain = tree(&["a/1.jpg", "b/2.jpg"]);
        assert_eq!(evaluated(&plain, &known).len(), 2);
        let named = tree(&["a/1.jpg", "val/deep/2.jpg"]);
        assert_eq!(evaluated(&named, &["a", "val"].map(str::to_owned)).len(), 2);
    }

    #[test]
    fn the_first_class_tells_what_a_folder_holds() {
        let root = tree(&["a/1.jpg", "a/2.jpg", "a/1.txt", "b/1.txt", "b/2.txt"]);
        assert!(holds_mostly(root.path(), &IMAGES));
        let half = tree(&["a/1.jpg", "a/1.txt", "b/2.jpg"]);
        assert!(!holds_mostly(half.path(), &IMAGES), "half of the first class's files is not most");
        assert!(!holds_mostly(&root.path().join("none"), &IMAGES));
        assert!(holds_mostly(tree(&["train/a/1.jpg", "train/b/2.txt"]).path(), &IMAGES));
    }

    #[cfg(unix)]
    #[test]
    fn links_to_files_and_classes_are_followed_but_not_in_circles() {
        let root = tree(&["a/1.jpg", "b/2.jpg", "a/deep/3.jpg"]);
        std::os::unix::fs::symlink(root.path().join("a"), root.path().join("a/deep/up")).unwrap();
        std::os::unix::fs::symlink(root.path().join("a/1.jpg"), root.path().join("b/1.jpg")).unwrap();
        std::os::unix::fs::symlink(root.path().join("a"), root.path().join("c")).unwrap();
        let found = scan(root.path()).unwrap().train;
        assert_eq!(found.classes, ["a", "b", "c"]);
        assert_eq!(found.items.len(), 6);
    }
}
