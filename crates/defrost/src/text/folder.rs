//! Finding labelled texts in folders: one folder per class, `ROOT/CLASS/…/text.txt`, as images lie in theirs.
//!
//! Validation may have a tree of its own: `ROOT/train/CLASS` beside `ROOT/valid/CLASS` (or `validation`, `val`), or
//! `ROOT/valid` among the class folders. Classes are the folder names, sorted; texts are sorted by path. Hidden files
//! are not looked at, links to folders are not followed.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::source::{LabelledText, LabelledTexts, TextSourceError};
use crate::data::Skipped;
use crate::files::FileError;

const TRAIN: &str = "train";
const VALIDATION: [&str; 3] = ["valid", "validation", "val"];
/// The largest text that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;
/// The largest data set that is held in memory, in bytes.
const MAX_TOTAL: u64 = 4 << 30;

/// Whether a path is a folder of class folders whose files are mostly texts; the first class that has files decides.
pub fn is_text_folder(root: &Path) -> bool {
    let train = root.join(TRAIN);
    let classes = children(if holds_folders(&train) { &train } else { root }).unwrap_or_default();
    let counts = classes.iter().filter(|class| class.is_dir()).filter_map(|class| {
        let mut found = vec![];
        collect(class, &mut found).ok()?;
        let texts = found.iter().filter(|path| is_text(path)).count();
        (!found.is_empty()).then_some((texts, found.len()))
    });
    counts.into_iter().next().is_some_and(|(texts, files)| texts * 2 > files)
}

/// The folder with validation texts that a data set brings, if it does.
pub fn found_validation(root: &Path) -> Option<PathBuf> {
    VALIDATION.map(|name| root.join(name)).into_iter().find(|folder| holds_folders(folder))
}

/// Reads the texts of a folder. Classes are the folders found, or else those that are `known`, which then no folder
/// may add to. Files that can't be read or are not valid UTF-8 are left out.
///
/// # Errors
///
/// If it can't be listed, or its folders make no classes.
pub(super) fn read(root: &Path, known: Option<&[String]>) -> Result<LabelledTexts, TextSourceError> {
    let train = root.join(TRAIN);
    let whole = known.is_none() && holds_folders(&train);
    let root = if whole { train.as_path() } else { root };
    let validation = |folder: &Path| VALIDATION.iter().any(|name| folder.ends_with(name));
    let skip = |folder: &Path| known.is_none() && !whole && validation(folder) && holds_folders(folder);

    let folders: Vec<PathBuf> =
        children(root)?.into_iter().filter(|path| path.is_dir() && !skip(path)).collect();
    let named = |folder: &PathBuf| {
        let name = folder.file_name().and_then(|name| name.to_str());
        name.map(str::to_owned).ok_or_else(|| TextSourceError::FolderName(folder.clone()))
    };
    let names = folders.iter().map(named).collect::<Result<Vec<String>, _>>()?;
    let classes = match known {
        Some(known) => known.to_vec(),
        None => names.clone(),
    };
    check_classes(root, &names, &classes)?;

    let (mut items, mut skipped, mut total) = (vec![], vec![], 0);
    for (folder, name) in folders.iter().zip(&names) {
        let class = classes.iter().position(|class| class == name).unwrap_or_default();
        let mut paths = vec![];
        collect(folder, &mut paths)?;
        paths.sort();
        let before = items.len() + skipped.len();
        for path in paths {
            let text = match is_text(&path) {
                true => read_text(&path),
                false => Err(("not-a-text", "its name does not end in .txt".to_owned())),
            };
            match text {
                Ok(text) => {
                    total += text.len() as u64;
                    items.push(LabelledText { name: path.display().to_string(), text, class });
                }
                Err((kind, reason)) => skipped.push(Skipped { path, kind, reason }),
            }
            if total > MAX_TOTAL {
                return Err(TextSourceError::TooMuch { path: root.to_owned(), limit: MAX_TOTAL });
            }
        }
        if known.is_none() && before == items.len() + skipped.len() {
            return Err(TextSourceError::EmptyFolder(folder.clone()));
        }
    }
    Ok(LabelledTexts { classes, items, skipped, ..LabelledTexts::default() })
}

fn check_classes(root: &Path, names: &[String], classes: &[String]) -> Result<(), TextSourceError> {
    let unknown: Vec<&str> =
        names.iter().filter(|name| !classes.contains(name)).map(String::as_str).collect();
    let path = root.to_owned();
    match classes {
        _ if names.is_empty() => Err(TextSourceError::NoFolders(path)),
        _ if !unknown.is_empty() => Err(TextSourceError::UnknownClasses {
            path,
            unknown: unknown.join(", "),
            known: classes.join(", "),
        }),
        [class] => Err(TextSourceError::OneFolder { path, class: class.clone() }),
        _ => Ok(()),
    }
}

/// The text of a file, or a word for what is wrong with it and the reason.
pub fn read_text(path: &Path) -> Result<String, (&'static str, String)> {
    let unreadable = |error: std::io::Error| ("unreadable", error.to_string());
    let mut bytes = vec![];
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(("too-large", format!("it is longer than {MAX_BYTES} bytes; cut it into several texts")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| ("encoding", "it is not valid UTF-8; save the file as UTF-8".to_owned()))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).trim().to_owned())
}

fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("txt"))
}

/// All `.txt` files in a folder and below it, sorted.
///
/// # Errors
///
/// If it can't be listed.
pub fn text_files(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut files = vec![];
    collect(folder, &mut files)?;
    files.retain(|path| is_text(path));
    files.sort();
    Ok(files)
}

/// Adds the files in `folder` and below it.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), FileError> {
    for path in children(folder)? {
        if !path.is_dir() {
            files.push(path);
        } else if !path.is_symlink() {
            collect(&path, files)?;
        }
    }
    Ok(())
}

/// The files and folders in `folder` that are not hidden, sorted.
fn children(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(FileError::at(folder))?.into_iter();
    let visible = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    let mut paths: Vec<PathBuf> = visible.map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn holds_folders(folder: &Path) -> bool {
    children(folder).is_ok_and(|paths| paths.iter().any(|path| path.is_dir()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name and what is in it.
    type File<'a> = (&'a str, &'a [u8]);

    /// A temporary folder with these files in it.
    fn tree(files: &[File<'_>]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        root
    }

    fn refusal(files: &[File<'_>], known: Option<&[String]>) -> String {
        let root = tree(files);
        let message = read(root.path(), known).unwrap_err().to_string();
        message.replace(&root.path().display().to_string(), "ROOT")
    }

    #[test]
    fn folders_are_classes_and_bad_files_are_left_out() {
        let root = tree(&[
            ("train/no/1.txt", b"bad"),
            ("train/yes/deep/2.TXT", "\u{feff}good\n".as_bytes()),
            ("train/yes/3.txt", b"\xff\xfe"),
            ("train/yes/.hidden.txt", b"x"),
            ("train/yes/notes.md", b"x"),
            ("valid/yes/4.txt", b"fine"),
            ("readme.md", b"x"),
        ]);
        assert!(is_text_folder(root.path()));
        let texts = read(root.path(), None).unwrap();
        assert_eq!(texts.classes, ["no", "yes"]);
        let found: Vec<(&str, usize)> =
            texts.items.iter().map(|item| (item.text.as_str(), item.class)).collect();
        assert_eq!(found, [("bad", 0), ("good", 1)]);
        let kinds: Vec<&str> = texts.skipped.iter().map(|skipped| skipped.kind).collect();
        assert_eq!(kinds, ["encoding", "not-a-text"]);
        let validation = found_validation(root.path()).unwrap();
        let known = read(&validation, Some(&texts.classes)).unwrap();
        assert_eq!((known.items.len(), known.items[0].class), (1, 1));
    }

    #[test]
    fn validation_may_lie_among_the_classes() {
        let root = tree(&[("a/1.txt", b"x"), ("b/1.txt", b"y"), ("val/a/1.txt", b"z")]);
        assert_eq!(read(root.path(), None).unwrap().classes, ["a", "b"]);
        assert!(found_validation(root.path()).is_some_and(|folder| folder.ends_with("val")));
    }

    #[test]
    fn folders_that_make_no_classes_say_why() {
        let (one, two): (File<'_>, File<'_>) = (("a/1.txt", b"x"), ("b/1.txt", b"x"));
        assert_eq!(
            refusal(&[one], None),
            "ROOT has only one class folder, a; training needs at least two classes"
        );
        assert_eq!(
            refusal(&[("1.txt", b"x")], None),
            "ROOT has no class folders; expected ROOT/CLASS/text.txt with a folder per class, or such folders in ROOT/train and ROOT/valid"
        );
        assert_eq!(
            refusal(&[one, two], Some(&["a".to_owned(), "c".to_owned()])),
            "ROOT: labels that training does not know: b; it knows a, c"
        );
        let root = tree(&[one, two]);
        fs::create_dir(root.path().join("c")).unwrap();
        let message = read(root.path(), None).unwrap_err().to_string();
        assert!(message.ends_with("/c has no texts; add some (.txt) or remove the folder"), "{message}");
    }

    #[test]
    fn images_are_no_texts() {
        let root = tree(&[("a/1.jpg", b"x"), ("a/1.txt", b"x"), ("b/1.txt", b"x")]);
        assert!(
            !is_text_folder(root.path()),
            "half of the first class's files are texts, and that is not most"
        );
        assert!(!is_text_folder(&root.path().join("none")));
    }
}
