//! Where images have their labels from: the folders they lie in, their file names, or a table.

use std::path::{Path, PathBuf};

use regex::Regex;

use super::format::is_image;
use super::label_table::{LabelRow, LabelRows};
use crate::csv_table::{CsvError, NumberFormat, TableFormat, cell};
use crate::data::class_folder::{
    self, FileKind, FolderError, Ignored, LabelledFile, LabelledFiles, LabelledFolder, all_files,
};
use crate::data::{Skipped, Target, TargetKind};
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
    /// What a label is.
    pub kind: LabelKind,
    /// The character between several labels; found from the cells if it is not given.
    pub separator: Option<char>,
    /// How the file is read.
    pub format: TableFormat,
}

/// What a cell of a table's label column holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelKind {
    /// A class.
    #[default]
    Class,
    /// Any number of labels in a cell, or a column for each that says whether it is there.
    Labels,
    /// A number.
    Number,
}

impl LabelKind {
    /// What a column holds of such targets.
    pub fn of(kind: TargetKind) -> Self {
        match kind {
            TargetKind::Class => Self::Class,
            TargetKind::Labels => Self::Labels,
            TargetKind::Number => Self::Number,
        }
    }
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
    /// A label is not what it should be.
    #[error("{row}: `{label}` is not {wanted}")]
    Label {
        /// Where it stands.
        row: String,
        /// The label.
        label: String,
        /// What should be there.
        wanted: &'static str,
    },
    /// There is nothing to tell apart.
    #[error("{} has only one label, `{class}`; training needs at least two classes", path.display())]
    OneClass {
        /// Where the labels are from.
        path: PathBuf,
        /// The only one.
        class: String,
    },
    /// No row of a table labels an image.
    #[error("{}: none of its rows labels an image; the first: {first}", path.display())]
    NoImages {
        /// The table.
        path: PathBuf,
        /// Its first row, and why it labels none.
        first: Skipped,
    },
    /// There is nothing at all.
    #[error("{} has no labelled images", .0.display())]
    Nothing(PathBuf),
    /// A label that was never trained.
    #[error("{row}: `{label}` is not a label that training knows; it knows {known}")]
    Unknown {
        /// Where it stands.
        row: String,
        /// The label.
        label: String,
        /// All that are known.
        known: String,
    },
}

impl LabelsError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Csv(error) => error.remedy(),
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
    match labelling {
        Labelling::Folders => Ok(class_folder::scan(root, &IMAGES)?.into()),
        Labelling::Pattern(pattern) => {
            let (rows, ignored) = by_name(root, pattern)?;
            let mut folder = labelled_folder(root, LabelKind::Class, &rows)?;
            folder.train.ignored = ignored;
            folder.reading = Some(folder.told(root, &IMAGES));
            Ok(folder.into())
        }
        Labelling::Table(table) => {
            let LabelRows { rows, left_out, notes, reading } = LabelRows::read(root, table)?;
            if let (true, Some(first)) = (rows.is_empty(), left_out.first()) {
                let (path, first) = (table.file.clone(), first.clone());
                return Err(LabelsError::NoImages { path, first });
            }
            let folder = labelled_folder(&table.file, table.kind, &rows)?;
            Ok(LabelledImages { folder, left_out, notes, table: Some(reading) })
        }
    }
}

/// The images of rows, with their classes; `source` is where their labels are from.
fn labelled_folder(source: &Path, kind: LabelKind, rows: &[LabelRow]) -> Result<LabelledFolder, LabelsError> {
    // A number has no name among classes.
    let classes = match kind {
        LabelKind::Number => vec![],
        _ => cell::values(rows.iter().flat_map(|row| &row.labels).map(String::as_str)),
    };
    if rows.is_empty() || kind != LabelKind::Number && classes.is_empty() {
        return Err(LabelsError::Nothing(source.to_owned()));
    }
    if let (LabelKind::Class, [class]) = (kind, &classes[..]) {
        return Err(LabelsError::OneClass { path: source.to_owned(), class: class.clone() });
    }
    let part = |valid: bool| -> Result<LabelledFiles, LabelsError> {
        let items = labelled(rows.iter().filter(|row| row.valid == valid), kind, &classes)?;
        Ok(LabelledFiles { classes: classes.clone(), items, ignored: vec![] })
    };
    let splits = rows.iter().any(|row| row.valid);
    Ok(LabelledFolder {
        train: part(false)?,
        valid: if splits { Some(part(true)?) } else { None },
        reading: None,
    })
}

/// Finds images with labels that are known already; those that validate, where the data tells them apart. With the rows of
/// a table that label none.
///
/// # Errors
///
/// As [`scan`], or if a label is not in `classes`.
pub fn scan_known(
    root: &Path,
    labelling: &Labelling,
    classes: &[String],
    kind: LabelKind,
) -> Result<(LabelledFiles, Vec<Skipped>), LabelsError> {
    let (mut rows, ignored, left_out) = match labelling {
        Labelling::Folders => return Ok((class_folder::scan_known(root, &IMAGES, classes)?, vec![])),
        Labelling::Pattern(pattern) => {
            let (rows, ignored) = by_name(root, pattern)?;
            (rows, ignored, vec![])
        }
        Labelling::Table(table) => {
            let LabelRows { rows, left_out, .. } =
                LabelRows::read(root, &LabelTable { kind, ..table.clone() })?;
            (rows, vec![], left_out)
        }
    };
    if rows.iter().any(|row| row.valid) {
        rows.retain(|row| row.valid);
    }
    if rows.is_empty() {
        return Err(LabelsError::Nothing(source(root, labelling)));
    }
    let items = labelled(rows.iter(), kind, classes)?;
    Ok((LabelledFiles { classes: classes.to_vec(), items, ignored }, left_out))
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
    kind: LabelKind,
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
        let label = found.map(|found| found.as_str().to_owned());
        let missing = || LabelsError::NoMatch { pattern: pattern.to_string(), name: name.clone() };
        let labels = vec![label.ok_or_else(missing)?];
        Ok(LabelRow { labels, row: path.display().to_string(), path, valid: false, belongs_to: None })
    };
    let (files, ignored) = all_files(root, &IMAGES)?;
    let rows: Result<Vec<LabelRow>, LabelsError> = files.into_iter().map(row).collect();
    Ok((rows?, ignored))
}

/// The images of rows with their targets; the labels of one image in several rows are put together.
fn labelled<'a>(
    rows: impl Iterator<Item = &'a LabelRow>,
    kind: LabelKind,
    classes: &[String],
) -> Result<Vec<LabelledFile>, LabelsError> {
    let rows: Vec<&LabelRow> = rows.collect();
    let numbers: Vec<&str> = rows.iter().flat_map(|row| &row.labels).map(String::as_str).collect();
    let format = NumberFormat::of(&numbers);
    let mut files: Vec<LabelledFile> = vec![];
    for row in rows {
        let wrong = |label: &str, wanted| LabelsError::Label {
            row: row.row.clone(),
            label: label.to_owned(),
            wanted,
        };
        let class = |label: &String| {
            let (row, label, known) = (row.row.clone(), label.clone(), classes.join(", "));
            cell::find(classes, &label).ok_or(LabelsError::Unknown { row, label, known })
        };
        let label = row.labels.first().map_or("", String::as_str);
        let target = match kind {
            LabelKind::Class => Target::Class(class(&label.to_owned())?),
            LabelKind::Labels => Target::Labels(row.labels.iter().map(class).collect::<Result<_, _>>()?),
            LabelKind::Number => {
                let number =
                    format.read(label).map(|number| number as f32).filter(|number| number.is_finite());
                Target::Number(number.ok_or_else(|| wrong(label, "a number"))?)
            }
        };
        match (files.last_mut().filter(|file| file.path == row.path), target) {
            (Some(LabelledFile { target: Target::Labels(before), .. }), Target::Labels(more)) => {
                before.extend(more);
                before.sort_unstable();
                before.dedup();
            }
            (_, target) => files.push(LabelledFile {
                path: row.path.clone(),
                target,
                belongs_to: row.belongs_to.clone(),
            }),
        }
    }
    Ok(files)
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
            LabelKind::Class,
        );
        assert_eq!(targets(&known.unwrap().0), [("3.jpg", Target::Class(1))]);
    }

    #[test]
    fn tables_tell_labels_and_numbers() {
        let (root, table) = folder(&["1.jpg", "2.jpg"], "id,tags,age\n1,clear primary,3.5\n2,,40\n");
        let labels = LabelTable { kind: LabelKind::Labels, ..table.clone() };
        let found = scan(root.path(), &Labelling::Table(labels)).unwrap().folder.train;
        assert_eq!(found.classes, ["clear", "primary"]);
        assert_eq!(found.items[0].target, Target::Labels(vec![0, 1]));
        assert_eq!(found.items[1].target, Target::Labels(vec![]));
        let numbers = LabelTable { kind: LabelKind::Number, label_column: Some("age".into()), ..table };
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
            refusal("id,age\n1,old\n", |table| table.kind = LabelKind::Number),
            "DATA/labels.csv:2: `old` is not a number"
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
