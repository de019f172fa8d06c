//! Where images have their labels from: the folders they lie in, their file names, or a table.

use std::path::{Path, PathBuf};

use regex::Regex;

use super::format::is_image;
use super::label_table::{LabelRow, LabelRows};
use crate::csv_table::{CsvError, TableFormat};
use crate::data::class_folder::{
    self, FileKind, FolderError, Ignored, LabelledFile, LabelledFiles, LabelledFolder, all_files,
};
use crate::data::{Label, Skipped, Target, TargetKind};
use crate::labels::{names, target};
use crate::reading::TableReading;
use crate::remedy::{Note, Remedy};

/// The files that are images.
pub static IMAGES: FileKind = FileKind {
    one: "an image",
    many: "images",
    example: "image.jpg",
    extensions: &[
        "jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "gif", "tif", "tiff", "heic", "heif", "pgm",
        "ppm", "pbm", "pnm",
    ],
    recognises: Some(is_image),
};

/// All images in a folder and below it, sorted.
///
/// # Errors
///
/// If it can't be listed.
pub fn image_files(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    Ok(all_files(folder, &IMAGES)?.0.into_iter().map(|file| folder.join(file)).collect())
}

/// Where labels come from.
#[derive(Clone, Debug, Default)]
pub enum Labelling {
    /// The folder an image lies in.
    #[default]
    Folders,
    /// The first group of this expression in its file name (fastai's `from_name_re`).
    Pattern(Regex),
    /// A table.
    Table(LabelTable),
}

/// A CSV file with a line for each image.
#[derive(Clone, Debug, Default)]
pub struct LabelTable {
    /// The file.
    pub file: PathBuf,
    /// The column of the images' paths, with or without their extension and with any folders before them; the one in which
    /// the most cells name images if none is named.
    pub image_column: Option<String>,
    /// The column of their labels; one with a usual name, or the first beside the images', if none is named.
    pub label_column: Option<String>,
    /// The column that says which of them validate: `true`, `1`, `yes`, `valid`, or the number of a fold.
    pub valid_column: Option<String>,
    /// The column that says which images [belong together](crate::data::Dataset::belongs_to).
    pub group_column: Option<String>,
    /// What a label is; a class if it is not said.
    pub kind: Option<TargetKind>,
    /// The character between several labels; found from the cells if it is not given.
    pub separator: Option<char>,
    /// How the file is read.
    pub format: TableFormat,
}

/// Images can't be labelled so.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// The folder is none, or has no images.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The table is none.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// The table has too few columns.
    #[error("{}: a table of labels has a column of images and one of labels; this one has only one", .0.display())]
    OneColumn(PathBuf),
    /// A file name does not say what is in it.
    #[error("the expression `{pattern}` has no match with a group in the file name {name}")]
    NoMatch {
        /// The expression.
        pattern: String,
        /// The file's name.
        name: String,
    },
    /// Several columns say yes or no, and a class is one.
    #[error("{}: which column is the label is not clear; {columns} say yes or no, and most rows do not have exactly one of them", path.display())]
    Unclear {
        /// The table.
        path: PathBuf,
        /// The columns.
        columns: String,
    },
    /// There is nothing to tell apart.
    #[error("{} has only one label, `{class}`; training needs at least two classes", path.display())]
    OneClass {
        /// Where the labels are from.
        path: PathBuf,
        /// The only one.
        class: String,
    },
    /// No label can be used.
    #[error("{}: no image has a label that can be used; the first: {first}", path.display())]
    NoImages {
        /// Where the labels are from.
        path: PathBuf,
        /// Its first row or image, and why it can't be used.
        first: Skipped,
    },
    /// There is nothing at all.
    #[error("{} has no labelled images", .0.display())]
    Nothing(PathBuf),
}

impl LabelsError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Csv(error) => error.remedy(),
            Self::Unclear { .. } => Some(Remedy::PredictLabels),
            _ => None,
        }
    }
}

/// Labelled images, and the reading of their labels.
#[derive(Clone, Debug)]
pub struct LabelledImages {
    /// The images.
    pub folder: LabelledFolder,
    /// Rows of a table that label no image.
    pub left_out: Vec<Skipped>,
    /// What a person should know about the table.
    pub notes: Vec<Note>,
    /// How the table was read.
    pub table: Option<TableReading>,
}

impl From<LabelledFolder> for LabelledImages {
    fn from(folder: LabelledFolder) -> Self {
        Self { folder, left_out: vec![], notes: vec![], table: None }
    }
}

/// Finds the images of a data set and, where it brings them, those for validation.
///
/// # Errors
///
/// If there are no images, fewer than two classes, or a label that can't be read.
pub fn scan(root: &Path, labelling: &Labelling) -> Result<LabelledImages, LabelsError> {
    let rows = match labelling {
        Labelling::Folders => return Ok(class_folder::scan(root, &IMAGES)?.into()),
        Labelling::Pattern(pattern) => {
            let (rows, ignored) = by_name(root, pattern)?;
            let mut folder = labelled_folder(root, &rows)?;
            folder.train.ignored = ignored;
            folder.reading = Some(folder.told(root, &IMAGES));
            return Ok(folder.into());
        }
        Labelling::Table(table) => LabelRows::read(root, table, None)?,
    };
    let LabelRows { rows, left_out, notes, reading } = rows;
    let source = source(root, labelling);
    if rows.is_empty() {
        return Err(no_images(source, &left_out));
    }
    let folder = labelled_folder(&source, &rows)?;
    Ok(LabelledImages { folder, left_out, notes, table: Some(reading) })
}

/// The images of rows, with their classes; `source` is where their labels are from.
fn labelled_folder(source: &Path, rows: &[LabelRow]) -> Result<LabelledFolder, LabelsError> {
    let classes = names(rows.iter().map(|row| &row.label));
    match (rows.first().map(|row| &row.label), &classes[..]) {
        (None, _) | (Some(Label::Class(_) | Label::Labels(_)), []) => {
            return Err(LabelsError::Nothing(source.to_owned()));
        }
        (Some(Label::Class(_)), [class]) => {
            return Err(LabelsError::OneClass { path: source.to_owned(), class: class.clone() });
        }
        _ => {}
    }
    let part = |valid: bool| {
        // The classes are those of these rows.
        let (items, _) = labelled(rows.iter().filter(|row| row.valid == valid), &classes);
        LabelledFiles { classes: classes.clone(), items, ignored: vec![] }
    };
    let splits = rows.iter().any(|row| row.valid);
    Ok(LabelledFolder { train: part(false), valid: splits.then(|| part(true)), reading: None })
}

/// Finds images with labels that are known already; those that validate, where the data tells them apart. With the rows of
/// a table that label none, and labels that are not known.
///
/// # Errors
///
/// As [`scan`], or if no label is one of `classes`.
pub fn scan_known(
    root: &Path,
    labelling: &Labelling,
    classes: &[String],
    kind: TargetKind,
) -> Result<(LabelledFiles, Vec<Skipped>), LabelsError> {
    let (mut rows, ignored, mut left_out) = match labelling {
        Labelling::Folders => return Ok((class_folder::scan_known(root, &IMAGES, classes)?, vec![])),
        Labelling::Pattern(pattern) => {
            let (rows, ignored) = by_name(root, pattern)?;
            (rows, ignored, vec![])
        }
        Labelling::Table(table) => {
            let table = LabelTable { kind: Some(kind), ..table.clone() };
            let LabelRows { rows, left_out, .. } = LabelRows::read(root, &table, Some(classes))?;
            (rows, vec![], left_out)
        }
    };
    if rows.iter().any(|row| row.valid) {
        rows.retain(|row| row.valid);
    }
    let (items, unknown) = labelled(rows.iter(), classes);
    left_out.extend(unknown);
    if items.is_empty() {
        return Err(no_images(source(root, labelling), &left_out));
    }
    Ok((LabelledFiles { classes: classes.to_vec(), items, ignored }, left_out))
}

fn no_images(path: PathBuf, left_out: &[Skipped]) -> LabelsError {
    match left_out.first() {
        Some(first) => LabelsError::NoImages { path, first: first.clone() },
        None => LabelsError::Nothing(path),
    }
}

/// Finds the images to evaluate a trained network on: those that validate, where the data tells them apart.
///
/// # Errors
///
/// As [`scan_known`].
pub fn scan_to_evaluate(
    root: &Path,
    labelling: &Labelling,
    classes: &[String],
    kind: TargetKind,
) -> Result<(LabelledFiles, Vec<Skipped>), LabelsError> {
    match labelling {
        Labelling::Folders => Ok((class_folder::scan_to_evaluate(root, &IMAGES, classes)?, vec![])),
        labelling => scan_known(root, labelling, classes, kind),
    }
}

/// The images of a data set that may lack images or classes, so that it can be checked.
///
/// # Errors
///
/// If there are no labels, or one that can't be read.
pub fn find(root: &Path, labelling: &Labelling) -> Result<LabelledImages, LabelsError> {
    match labelling {
        Labelling::Folders => Ok(class_folder::find(root, &IMAGES)?.into()),
        labelling => scan(root, labelling),
    }
}

fn source(root: &Path, labelling: &Labelling) -> PathBuf {
    match labelling {
        Labelling::Table(table) => table.file.clone(),
        _ => root.to_owned(),
    }
}

/// The images below `root`, labelled by their file names, and the files that are none.
fn by_name(root: &Path, pattern: &Regex) -> Result<(Vec<LabelRow>, Vec<Ignored>), LabelsError> {
    let row = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let found = pattern.captures(&name).and_then(|captures| captures.get(1));
        let missing = || LabelsError::NoMatch { pattern: pattern.to_string(), name: name.clone() };
        let label = Label::from(found.ok_or_else(missing)?.as_str());
        Ok(LabelRow { label, row: path.display().to_string(), path, valid: false, belongs_to: None })
    };
    let (files, ignored) = all_files(root, &IMAGES)?;
    let rows: Result<Vec<LabelRow>, LabelsError> = files.into_iter().map(row).collect();
    Ok((rows?, ignored))
}

/// The images of rows with their targets among these classes, and the rows whose label is none of them. The labels of one image
/// in several rows are put together.
fn labelled<'a>(
    rows: impl Iterator<Item = &'a LabelRow>,
    classes: &[String],
) -> (Vec<LabelledFile>, Vec<Skipped>) {
    let (mut files, mut unknown): (Vec<LabelledFile>, _) = (vec![], vec![]);
    for LabelRow { path, row, label, belongs_to, .. } in rows {
        let target = match target(label, classes) {
            Ok(target) => target,
            Err((kind, reason)) => {
                unknown.push(Skipped { path: row.into(), kind, reason });
                continue;
            }
        };
        match (files.last_mut().filter(|file| file.path == *path), target) {
            (Some(LabelledFile { target: Target::Labels(before), .. }), Target::Labels(more)) => {
                before.extend(more);
                before.sort_unstable();
                before.dedup();
            }
            (_, target) => {
                files.push(LabelledFile { path: path.clone(), target, belongs_to: belongs_to.clone() });
            }
        }
    }
    (files, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these empty files, and a table of labels beside them.
    fn folder(names: &[&str], table: &str) -> (tempfile::TempDir, LabelTable) {
        let root = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::create_dir_all(root.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(root.path().join(name), "").unwrap();
        }
        let file = root.path().join("labels.csv");
        std::fs::write(&file, table).unwrap();
        (root, LabelTable { file, ..LabelTable::default() })
    }

    fn targets(tree: &LabelledFiles) -> Vec<(&str, Target)> {
        tree.items.iter().map(|item| (item.path.to_str().unwrap(), item.target.clone())).collect()
    }

    #[test]
    fn names_tell_classes() {
        let (root, _) = folder(&["a/great_dane_12.jpg", "pug_3.jpg", "b/pug_4.png", "notes.txt"], "");
        let labelling = Labelling::Pattern(Regex::new(r"^(.+)_\d+").unwrap());
        let found = scan(root.path(), &labelling).unwrap().folder;
        assert_eq!(found.train.classes, ["great_dane", "pug"]);
        let expected = [("a/great_dane_12.jpg", 0), ("b/pug_4.png", 1), ("pug_3.jpg", 1)];
        assert_eq!(targets(&found.train), expected.map(|(path, class)| (path, Target::Class(class))));
        assert_eq!(found.valid, None);
        let wrong = Labelling::Pattern(Regex::new(r"^(\d+)_").unwrap());
        assert_eq!(
            scan(root.path(), &wrong).unwrap_err().to_string(),
            r"the expression `^(\d+)_` has no match with a group in the file name great_dane_12.jpg"
        );
    }

    #[test]
    fn tables_tell_classes_and_what_validates() {
        let (root, table) =
            folder(&["1.jpg", "2.png", "3.jpg"], "id,kind,is_valid\n1,cat,False\n2,dog,0\n3.jpg,cat,True\n");
        let table = LabelTable { valid_column: Some("is_valid".into()), ..table };
        let found = scan(root.path(), &Labelling::Table(table.clone())).unwrap().folder;
        assert_eq!(found.train.classes, ["cat", "dog"]);
        assert_eq!(targets(&found.train), [("1.jpg", Target::Class(0)), ("2.png", Target::Class(1))]);
        assert_eq!(targets(&found.valid.unwrap()), [("3.jpg", Target::Class(0))]);
        let known = scan_known(
            root.path(),
            &Labelling::Table(table),
            &["dog".into(), "cat".into()],
            TargetKind::Class,
        );
        assert_eq!(targets(&known.unwrap().0), [("3.jpg", Target::Class(1))]);
    }

    #[test]
    fn tables_tell_labels_and_numbers() {
        let (root, table) = folder(&["1.jpg", "2.jpg"], "id,tags,age\n1,clear primary,3.5\n2,,40\n");
        let labels = LabelTable { kind: Some(TargetKind::Labels), ..table.clone() };
        let found = scan(root.path(), &Labelling::Table(labels)).unwrap().folder.train;
        assert_eq!(found.classes, ["clear", "primary"]);
        assert_eq!(found.items[0].target, Target::Labels(vec![0, 1]));
        assert_eq!(found.items[1].target, Target::Labels(vec![]));
        let numbers =
            LabelTable { kind: Some(TargetKind::Number), label_column: Some("age".into()), ..table };
        let found = scan(root.path(), &Labelling::Table(numbers)).unwrap().folder.train;
        assert_eq!((found.classes, found.items[1].target.clone()), (vec![], Target::Number(40.0)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refusal = |text: &str, change: fn(&mut LabelTable)| {
            let (root, mut table) = folder(&["1.jpg"], text);
            change(&mut table);
            let error = scan(root.path(), &Labelling::Table(table)).unwrap_err().to_string();
            error.replace(root.path().to_str().unwrap(), "DATA")
        };
        assert_eq!(
            refusal("id\n1\n", |_| ()),
            "DATA/labels.csv: a table of labels has a column of images and one of labels; this one has only one"
        );
        assert_eq!(
            refusal("id,kind\n1,cat\n", |_| ()),
            "DATA/labels.csv has only one label, `cat`; training needs at least two classes"
        );
        assert_eq!(
            refusal("id,age\n1,old\n", |table| table.kind = Some(TargetKind::Number)),
            "DATA/labels.csv: no image has a label that can be used; the first: DATA/labels.csv:2: the label is a number, and this is `old`"
        );
        assert_eq!(
            refusal("id,kind,set\n1,cat,maybe\n", |table| table.valid_column = Some("set".into())),
            "DATA/labels.csv:2: `maybe` is not true or false, 1 or 0, valid, train or test"
        );
        assert_eq!(
            refusal("id,kind\n1,cat\n", |table| table.label_column = Some("class".into())),
            "DATA/labels.csv: there is no column `class`; the columns are id, kind"
        );
    }
}
