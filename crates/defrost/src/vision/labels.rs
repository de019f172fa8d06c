//! Where images have their labels from: the folders they lie in, their file names, or a table.

use std::path::{Path, PathBuf};

use regex::Regex;

use super::format::is_image;
use crate::csv_table::{CsvError, CsvTable};
use crate::data::class_folder::{
    self, FileKind, FolderError, Ignored, LabelledFile, LabelledFiles, LabelledFolder, all_files,
};
use crate::data::{Target, TargetKind};

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
    /// The column of the images' paths below the data's folder, with or without their extension; the first
    /// if none is named.
    pub image_column: Option<String>,
    /// The column of their labels; the second if none is named.
    pub label_column: Option<String>,
    /// The column that says which of them validate: `true`, `1`, `yes` or `valid`.
    pub valid_column: Option<String>,
    /// The column that says which images [belong together](crate::data::Dataset::belongs_to).
    pub group_column: Option<String>,
    /// What a label is.
    pub kind: LabelKind,
}

/// What a cell of a table's label column holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelKind {
    /// A class.
    #[default]
    Class,
    /// Any number of labels with blanks between them.
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

/// An image and its label as it is written.
struct Entry {
    path: PathBuf,
    /// Where it is written, for messages.
    row: String,
    label: String,
    valid: bool,
    belongs_to: Option<String>,
}

/// Finds the images of a data set and, where it brings them, those for validation.
///
/// # Errors
///
/// If there are no images, fewer than two classes, or a label that can't be read.
pub fn scan(root: &Path, labelling: &Labelling) -> Result<LabelledFolder, LabelsError> {
    let mut ignored = vec![];
    let (kind, entries) = match labelling {
        Labelling::Folders => return Ok(class_folder::scan(root, &IMAGES)?),
        Labelling::Pattern(pattern) => (LabelKind::Class, by_name(root, pattern, &mut ignored)?),
        Labelling::Table(table) => (table.kind, by_table(root, table)?),
    };
    let source = source(root, labelling);
    // A number has no name among classes.
    let classes = if kind == LabelKind::Number { vec![] } else { names(&entries, kind) };
    if entries.is_empty() || kind != LabelKind::Number && classes.is_empty() {
        return Err(LabelsError::Nothing(source));
    }
    if let (LabelKind::Class, [class]) = (kind, &classes[..]) {
        return Err(LabelsError::OneClass { path: source, class: class.clone() });
    }
    let splits = entries.iter().any(|entry| entry.valid);
    let part = |valid: bool| -> Result<LabelledFiles, LabelsError> {
        let items = entries.iter().filter(|entry| entry.valid == valid);
        let items = items.map(|entry| labelled(entry, kind, &classes)).collect::<Result<_, _>>()?;
        Ok(LabelledFiles { classes: classes.clone(), items, ignored: vec![] })
    };
    let train = LabelledFiles { ignored, ..part(false)? };
    let mut found =
        LabelledFolder { train, valid: if splits { Some(part(true)?) } else { None }, reading: None };
    if let Labelling::Pattern(_) = labelling {
        found.reading = Some(found.told(root, &IMAGES));
    }
    Ok(found)
}

/// Finds images with labels that are known already; those that validate, where the data tells them apart.
///
/// # Errors
///
/// As [`scan`], or if a label is not in `classes`.
pub fn scan_known(
    root: &Path,
    labelling: &Labelling,
    classes: &[String],
    kind: LabelKind,
) -> Result<LabelledFiles, LabelsError> {
    let mut ignored = vec![];
    let mut entries = match labelling {
        Labelling::Folders => return Ok(class_folder::scan_known(root, &IMAGES, classes)?),
        Labelling::Pattern(pattern) => by_name(root, pattern, &mut ignored)?,
        Labelling::Table(table) => by_table(root, table)?,
    };
    if entries.iter().any(|entry| entry.valid) {
        entries.retain(|entry| entry.valid);
    }
    if entries.is_empty() {
        return Err(LabelsError::Nothing(source(root, labelling)));
    }
    let items = entries.iter().map(|entry| labelled(entry, kind, classes)).collect::<Result<_, _>>()?;
    Ok(LabelledFiles { classes: classes.to_vec(), items, ignored })
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
) -> Result<LabelledFiles, LabelsError> {
    match labelling {
        Labelling::Folders => Ok(class_folder::scan_to_evaluate(root, &IMAGES, classes)?),
        labelling => scan_known(root, labelling, classes, kind),
    }
}

/// The images of a data set that may lack images or classes, so that it can be checked.
///
/// # Errors
///
/// If there are no labels, or one that can't be read.
pub fn find(root: &Path, labelling: &Labelling) -> Result<LabelledFolder, LabelsError> {
    match labelling {
        Labelling::Folders => Ok(class_folder::find(root, &IMAGES)?),
        labelling => scan(root, labelling),
    }
}

fn source(root: &Path, labelling: &Labelling) -> PathBuf {
    match labelling {
        Labelling::Table(table) => table.file.clone(),
        _ => root.to_owned(),
    }
}

fn by_name(root: &Path, pattern: &Regex, ignored: &mut Vec<Ignored>) -> Result<Vec<Entry>, LabelsError> {
    let entry = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let found = pattern.captures(&name).and_then(|captures| captures.get(1));
        let label = found.map(|found| found.as_str().to_owned());
        let missing = || LabelsError::NoMatch { pattern: pattern.to_string(), name: name.clone() };
        Ok(Entry {
            label: label.ok_or_else(missing)?,
            row: path.display().to_string(),
            path,
            valid: false,
            belongs_to: None,
        })
    };
    let (files, others) = all_files(root, &IMAGES)?;
    ignored.extend(others);
    files.into_iter().map(entry).collect()
}

impl LabelTable {
    /// The columns of images and labels.
    fn columns(&self, csv: &CsvTable) -> Result<[usize; 2], LabelsError> {
        let image = match &self.image_column {
            Some(name) => csv.column(&self.file, name)?,
            None => 0,
        };
        let label = match &self.label_column {
            Some(name) => csv.column(&self.file, name)?,
            None => (0..csv.columns.len())
                .find(|&column| column != image)
                .ok_or_else(|| LabelsError::OneColumn(self.file.clone()))?,
        };
        Ok([image, label])
    }
}

fn by_table(root: &Path, table: &LabelTable) -> Result<Vec<Entry>, LabelsError> {
    let (csv, _) = CsvTable::read(&table.file)?;
    let [image, label] = table.columns(&csv)?;
    let valid = table.valid_column.as_ref().map(|name| csv.column(&table.file, name)).transpose()?;
    let group = table.group_column.as_ref().map(|name| csv.column(&table.file, name)).transpose()?;
    let mut entries = vec![];
    for row in &csv.rows {
        entries.push(Entry {
            path: with_extension(root, &row.cells[image]),
            label: row.cells[label].clone(),
            valid: valid.map_or(Ok(false), |column| validates(&row.name, &row.cells[column]))?,
            row: row.name.clone(),
            belongs_to: group.map(|column| row.cells[column].clone()).filter(|group| !group.is_empty()),
        });
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// An image's path below `root` as a table may write it: without its extension.
fn with_extension(root: &Path, written: &str) -> PathBuf {
    let path = PathBuf::from(written);
    if root.join(&path).exists() {
        return path;
    }
    let mut named = IMAGES.extensions.iter().map(|extension| PathBuf::from(format!("{written}.{extension}")));
    named.find(|path| root.join(path).exists()).unwrap_or(path)
}

fn validates(row: &str, cell: &str) -> Result<bool, LabelsError> {
    match cell.to_lowercase().as_str() {
        "true" | "1" | "yes" | "valid" | "validation" | "val" => Ok(true),
        "false" | "0" | "no" | "train" | "training" | "" => Ok(false),
        _ => {
            let wanted = "true or false, 1 or 0, valid or train";
            Err(LabelsError::Label { row: row.to_owned(), label: cell.to_owned(), wanted })
        }
    }
}

/// All labels, sorted, each once.
fn names(entries: &[Entry], kind: LabelKind) -> Vec<String> {
    let mut names: Vec<String> = match kind {
        LabelKind::Labels => {
            entries.iter().flat_map(|entry| entry.label.split_whitespace()).map(str::to_owned).collect()
        }
        _ => entries.iter().map(|entry| entry.label.clone()).collect(),
    };
    names.sort();
    names.dedup();
    names
}

fn labelled(entry: &Entry, kind: LabelKind, classes: &[String]) -> Result<LabelledFile, LabelsError> {
    let (row, label) = (entry.row.clone(), entry.label.clone());
    let class = |name: &str| {
        let unknown = || {
            let (row, label) = (entry.row.clone(), name.to_owned());
            LabelsError::Unknown { row, label, known: classes.join(", ") }
        };
        classes.iter().position(|class| class == name).ok_or_else(unknown)
    };
    let target = match kind {
        LabelKind::Class if label.is_empty() => {
            return Err(LabelsError::Label { row, label, wanted: "a class" });
        }
        LabelKind::Class => Target::Class(class(&label)?),
        LabelKind::Labels => {
            Target::Labels(label.split_whitespace().map(class).collect::<Result<_, LabelsError>>()?)
        }
        LabelKind::Number => {
            let number = label.parse().ok().filter(|number: &f32| number.is_finite());
            Target::Number(number.ok_or(LabelsError::Label { row, label, wanted: "a number" })?)
        }
    };
    Ok(LabelledFile { path: entry.path.clone(), target, belongs_to: entry.belongs_to.clone() })
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
        let found = scan(root.path(), &labelling).unwrap();
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
        let found = scan(root.path(), &Labelling::Table(table.clone())).unwrap();
        assert_eq!(found.train.classes, ["cat", "dog"]);
        assert_eq!(targets(&found.train), [("1.jpg", Target::Class(0)), ("2.png", Target::Class(1))]);
        assert_eq!(targets(&found.valid.unwrap()), [("3.jpg", Target::Class(0))]);
        let known = scan_known(
            root.path(),
            &Labelling::Table(table),
            &["dog".into(), "cat".into()],
            LabelKind::Class,
        );
        assert_eq!(targets(&known.unwrap()), [("3.jpg", Target::Class(1))]);
    }

    #[test]
    fn tables_tell_labels_and_numbers() {
        let (root, table) = folder(&["1.jpg", "2.jpg"], "id,tags,age\n1,clear primary,3.5\n2,,40\n");
        let labels = LabelTable { kind: LabelKind::Labels, ..table.clone() };
        let found = scan(root.path(), &Labelling::Table(labels)).unwrap().train;
        assert_eq!(found.classes, ["clear", "primary"]);
        assert_eq!(found.items[0].target, Target::Labels(vec![0, 1]));
        assert_eq!(found.items[1].target, Target::Labels(vec![]));
        let numbers = LabelTable { kind: LabelKind::Number, label_column: Some("age".into()), ..table };
        let found = scan(root.path(), &Labelling::Table(numbers)).unwrap().train;
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
            "DATA/labels.csv:2: `maybe` is not true or false, 1 or 0, valid or train"
        );
        assert_eq!(
            refusal("id,kind\n1,cat\n", |table| table.label_column = Some("class".into())),
            "DATA/labels.csv: there is no column `class`; the columns are id, kind"
        );
    }
}
