//! Finding labelled images in folders: one folder per class, `ROOT/CLASS/…/image.jpg`.
//!
//! Validation may have a tree of its own: `ROOT/train/CLASS` beside `ROOT/valid/CLASS` (or `validation`, `val`), or
//! `ROOT/valid` among the class folders. Classes are the folder names, sorted; images are sorted by path, so that the
//! same files are the same data set on every machine. Hidden files are not looked at.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::data::Target;

/// Names of a folder with validation data, in the order in which they are looked for.
pub const VALIDATION_NAMES: [&str; 3] = ["valid", "validation", "val"];
/// File name extensions of images, in lower case.
pub const EXTENSIONS: [&str; 10] = ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "gif", "tif", "tiff"];

const TRAIN_NAME: &str = "train";

/// A file and its label.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// Where the file is, relative to the root that was scanned.
    pub path: PathBuf,
    /// Its label: in a tree of folders, the index of its class.
    pub target: Target,
}

/// Labelled images.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// Class names, sorted; a label is an index into them.
    pub classes: Vec<String>,
    /// The images, sorted by path.
    pub items: Vec<Labelled>,
    /// Files that were passed over because their name is no image's, sorted.
    pub ignored: Vec<PathBuf>,
}

/// The images of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledFolder {
    /// What to train on, or to split.
    pub train: Tree,
    /// What to validate on, with the classes of `train`, if the data set brings it.
    pub valid: Option<Tree>,
}

/// Why a folder is no data set.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Nothing is there.
    #[error("{}: no such folder; give one that holds a folder of images per class", .0.display())]
    Missing(PathBuf),
    /// A file is there.
    #[error("{} is not a folder; give one that holds a folder of images per class", .0.display())]
    NotAFolder(PathBuf),
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
        "{} has no class folders{}; expected {}/CLASS/image.jpg with a folder per class, or such folders in {}/train and {}/valid",
        path.display(), loose(*images), path.display(), path.display(), path.display()
    )]
    NoClasses {
        /// The folder.
        path: PathBuf,
        /// Images that lie in it without a class.
        images: usize,
    },
    /// There is nothing to tell apart.
    #[error("{} has only one class folder, {class}; training needs at least two classes", path.display())]
    OneClass {
        /// The folder.
        path: PathBuf,
        /// The one class.
        class: String,
    },
    /// Class folders without images.
    #[error("{} has no images in class {}; add some ({}) or remove the folder", path.display(), .classes.join(", "), EXTENSIONS.join(", "))]
    EmptyClasses {
        /// The folder.
        path: PathBuf,
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

/// Finds the images of a data set and, where it brings them, those for validation.
///
/// # Errors
/// If `root` is no folder, has fewer than two classes, a class without images, or validation has a class of its own.
pub fn scan(root: impl AsRef<Path>) -> Result<LabelledFolder, FolderError> {
    let root = root.as_ref();
    let found = find(root)?;
    let train_folder = root.join(TRAIN_NAME);
    found.train.require_trainable(if holds_folders(&train_folder) { &train_folder } else { root })?;
    Ok(found)
}

/// The same for data that may lack images or classes.
///
/// # Errors
/// If `root` is no folder of folders, or validation has a class of its own.
pub fn find(root: &Path) -> Result<LabelledFolder, FolderError> {
    let train_folder = root.join(TRAIN_NAME);
    // A class may be called "train": it holds images, not folders.
    let split = holds_folders(&train_folder);
    let valid_folder =
        VALIDATION_NAMES.map(|name| root.join(name)).into_iter().find(|folder| holds_folders(folder));
    let not_classes: &[&str] = if split { &[] } else { &VALIDATION_NAMES };
    let skip = |name: &str| not_classes.contains(&name) && holds_folders(&root.join(name));

    let mut train = read_tree(if split { &train_folder } else { root }, skip)?;
    if split {
        train.prefix(TRAIN_NAME);
    }
    let valid = valid_folder.map(|folder| {
        let mut valid = scan_known(&folder, &train.classes)?;
        // Both trees of a data set are relative to the same root.
        valid.prefix(folder.file_name().and_then(|name| name.to_str()).unwrap_or_default());
        Ok(valid)
    });
    Ok(LabelledFolder { train, valid: valid.transpose()? })
}

/// Finds the images of classes that are known already: validation data, or data to evaluate a trained network on.
/// Labels are indices into `classes`; some of them may have no images.
///
/// # Errors
/// If `root` is no folder, has no images in class folders, or a class that is not in `classes`.
pub fn scan_known(root: impl AsRef<Path>, classes: &[String]) -> Result<Tree, FolderError> {
    let root = root.as_ref();
    let found = read_tree(root, |_| false)?;
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
        return Err(FolderError::EmptyClasses { path: root.into(), classes: found.classes });
    }
    let items = found.items.into_iter().filter_map(|item| {
        let target = Target::Class(labels[item.target.class()?]?);
        Some(Labelled { target, ..item })
    });
    Ok(Tree { classes: classes.to_vec(), items: items.collect(), ignored: found.ignored })
}

impl Tree {
    /// How many files were passed over, by extension in lower case ("" for none).
    pub fn ignored_kinds(&self) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::new();
        self.ignored.iter().for_each(|path| *kinds.entry(extension(path)).or_default() += 1);
        kinds
    }

    fn require_trainable(&self, root: &Path) -> Result<(), FolderError> {
        if let [class] = &self.classes[..] {
            return Err(FolderError::OneClass { path: root.into(), class: class.clone() });
        }
        let mut counts = vec![0; self.classes.len()];
        self.items.iter().filter_map(|item| item.target.class()).for_each(|class| counts[class] += 1);
        let empty: Vec<String> = self
            .classes
            .iter()
            .zip(counts)
            .filter(|(_, count)| *count == 0)
            .map(|(name, _)| name.clone())
            .collect();
        if empty.is_empty() {
            Ok(())
        } else {
            Err(FolderError::EmptyClasses { path: root.into(), classes: empty })
        }
    }

    fn prefix(&mut self, folder: &str) {
        let paths = self.items.iter_mut().map(|item| &mut item.path).chain(&mut self.ignored);
        paths.for_each(|path| *path = Path::new(folder).join(&*path));
    }
}

/// All images in a folder and below it, sorted, relative to it.
///
/// # Errors
/// If `root` is no folder.
pub fn all_images(root: &Path) -> Result<Vec<PathBuf>, FolderError> {
    require_folder(root)?;
    let mut tree = Tree { classes: Vec::new(), items: Vec::new(), ignored: Vec::new() };
    collect(root, root, 0, &mut tree)?;
    let mut paths: Vec<PathBuf> = tree.items.into_iter().map(|item| item.path).collect();
    paths.sort();
    Ok(paths)
}

fn require_folder(root: &Path) -> Result<(), FolderError> {
    match fs::metadata(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(FolderError::Missing(root.into())),
        Err(source) => Err(FolderError::Unreadable { path: root.into(), source }),
        Ok(metadata) if !metadata.is_dir() => Err(FolderError::NotAFolder(root.into())),
        Ok(_) => Ok(()),
    }
}

/// Reads a tree of class folders, passing over those for which `skip` is true.
fn read_tree(root: &Path, skip: impl Fn(&str) -> bool) -> Result<Tree, FolderError> {
    require_folder(root)?;
    let mut classes = Vec::new();
    let mut images = 0;
    for path in children(root)? {
        if !path.is_dir() {
            images += usize::from(EXTENSIONS.contains(&extension(&path).as_str()));
            continue;
        }
        let name =
            path.file_name().and_then(|name| name.to_str()).ok_or_else(|| FolderError::Name(path.clone()))?;
        if !skip(name) {
            classes.push(name.to_owned());
        }
    }
    if classes.is_empty() {
        return Err(FolderError::NoClasses { path: root.into(), images });
    }
    classes.sort();
    let mut tree = Tree { classes, items: Vec::new(), ignored: Vec::new() };
    for class in 0..tree.classes.len() {
        let folder = root.join(&tree.classes[class]);
        collect(root, &folder, class, &mut tree)?;
    }
    tree.items.sort_by(|a, b| a.path.cmp(&b.path));
    tree.ignored.sort();
    Ok(tree)
}

/// Adds the images in `folder` and below it. Links to files are followed, links to folders are not: they may lead
/// in circles.
fn collect(root: &Path, folder: &Path, class: usize, tree: &mut Tree) -> Result<(), FolderError> {
    for path in children(folder)? {
        if path.is_dir() {
            if !path.is_symlink() {
                collect(root, &path, class, tree)?;
            }
            continue;
        }
        let is_image = EXTENSIONS.contains(&extension(&path).as_str());
        let path = path.strip_prefix(root).unwrap_or(&path).to_owned();
        match is_image {
            true => tree.items.push(Labelled { path, target: Target::Class(class) }),
            false => tree.ignored.push(path),
        }
    }
    Ok(())
}

/// The files and folders in `folder` that are not hidden.
fn children(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let unreadable = |source| FolderError::Unreadable { path: folder.into(), source };
    let mut paths = Vec::new();
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

/// What to add about images that lie where class folders belong.
fn loose(images: usize) -> String {
    match images {
        0 => String::new(),
        1 => ", only an image".to_owned(),
        _ => format!(", only {images} images"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn paths(tree: &Tree) -> Vec<(&str, usize)> {
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
        let at = |name: &str| scan(root.path().join(name)).unwrap_err().to_string();
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
            "DATA has no images in class dog, emu; add some (jpg, jpeg, jpe, jfif, png, webp, bmp, gif, tif, tiff) or \
             remove the folder"
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
        assert_eq!(paths(&scan_known(root.path(), &known).unwrap()), [("a/2.jpg", 0), ("c/1.jpg", 2)]);
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
