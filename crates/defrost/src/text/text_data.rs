//! A data set of texts: found in a CSV file, a folder or memory, encoded once, split and checked.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::check::report;
use super::columns::TextColumns;
use super::dataset::Texts;
use super::files::TEXTS;
use super::source::{LabelledText, LabelledTexts, TextParts, TextSourceError, ValidTexts};
use super::together::Together;
use super::tokenizer::{Tokenizer, TokenizerError};
use crate::check::Report;
use crate::csv_table::{CsvTable, Row, TableFormat, Use, Uses};
use crate::data::class_folder::{LabelledFolder, scan, scan_known};
use crate::data::split::{self, SplitError};
use crate::data::{Dataset, Label, Skipped, Target, Validation};
use crate::reading::{ColumnReading, ColumnUse, Reading, TableReading};
use crate::remedy::{Note, Remedy};
use crate::split_data::SplitData;

/// Texts to learn from, and how they are to be read.
///
/// ```no_run
/// use defrost::text::TextData;
///
/// let data = TextData::open("reviews.csv")?.text_column("review").label_column("stars");
/// print!("{:?}", data.check()?.problems);
/// # Ok::<(), defrost::text::TextDataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TextData {
    path: PathBuf,
    found: Found,
    columns: TextColumns,
    validation: Validation,
    together: Together,
    /// The column that says which rows validate.
    valid_column: Option<String>,
    max_tokens: usize,
    seed: u64,
}

/// Texts that have been found.
#[derive(Clone, Debug)]
enum Found {
    Table(CsvTable),
    Folder(LabelledFolder),
    Memory(LabelledTexts),
}

/// Texts can't be trained on.
#[derive(Debug, Error)]
pub enum TextDataError {
    /// There are no labelled texts.
    #[error(transparent)]
    Source(#[from] TextSourceError),
    /// All texts in memory are of one class, or there are none.
    #[error("the texts are of {0} classes; training needs at least two")]
    Classes(usize),
    /// Validation can't be split off.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// What tells which texts belong together does not fit where they come from.
    #[error("{}: {} tell which texts belong together, and these have none", path.display(), match together { Together::Column(_) => "columns", _ => "files' paths" })]
    Together {
        /// The file or folder.
        path: PathBuf,
        /// What was to tell.
        together: Together,
    },
    /// Texts that lie in no table have no columns.
    #[error("{}: a column says which rows of a table validate, and this is none", .0.display())]
    NoColumns(PathBuf),
    /// The tokenizer can't be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// Nothing can be encoded.
    #[error("{}: none of the {count} texts can be encoded{}", path.display(), first.as_ref().map_or(String::new(), |first| format!("; the first: {first}")))]
    Nothing {
        /// The file.
        path: PathBuf,
        /// How many there are.
        count: usize,
        /// The first and its reason.
        first: Option<Skipped>,
    },
}

impl TextDataError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Source(error) => error.remedy(),
            _ => None,
        }
    }
}

/// How many texts there are before any is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextCounts {
    /// Class names.
    pub classes: Vec<String>,
    /// Texts to train on.
    pub train: usize,
}

impl TextData {
    /// Reads a CSV file, or lists the `.txt` files of a folder with a folder per class: `train` and `valid` in it are its
    /// parts, if there are such folders.
    ///
    /// # Errors
    ///
    /// If there is no such file, or no two class folders with texts.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TextDataError> {
        Self::open_as(path, &TableFormat::default())
    }

    /// The same, where a file is read in this format.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_as(path: impl AsRef<Path>, format: &TableFormat) -> Result<Self, TextDataError> {
        let path = path.as_ref();
        let found = match path.is_dir() {
            true => Found::Folder(scan(path, &TEXTS).map_err(TextSourceError::from)?),
            false => Found::Table(CsvTable::read_as(path, format).map_err(TextSourceError::from)?),
        };
        Ok(Self::of(path, found))
    }

    /// Texts in memory, each with the name of its class.
    ///
    /// ```
    /// use defrost::text::TextData;
    ///
    /// let data = TextData::from_texts([("I love it", "good"), ("never again", "bad"), ("so good", "good")])?;
    /// assert_eq!(data.counts()?.classes, ["bad", "good"]);
    /// # Ok::<(), defrost::text::TextDataError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If they are of fewer than two classes.
    pub fn from_texts<T: Into<String>, C: Into<String>>(
        texts: impl IntoIterator<Item = (T, C)>,
    ) -> Result<Self, TextDataError> {
        let (texts, labels): (Vec<String>, Vec<Label>) =
            texts.into_iter().map(|(text, class)| (text.into(), Label::Class(class.into()))).unzip();
        let (classes, targets) = Label::targets(&labels).expect("all labels are classes");
        if classes.len() < 2 {
            return Err(TextDataError::Classes(classes.len()));
        }
        let item = |(number, (text, target)): (usize, (String, Target))| LabelledText {
            name: format!("text {number}"),
            text,
            class: target.class().unwrap_or_default(),
            belongs_to: None,
        };
        let items = texts.into_iter().zip(targets).enumerate().map(item).collect();
        let texts = LabelledTexts { classes, items, ..LabelledTexts::default() };
        Ok(Self::of(Path::new("texts in memory"), Found::Memory(texts)))
    }

    fn of(path: &Path, found: Found) -> Self {
        let (path, columns, validation) = (path.to_owned(), TextColumns::default(), Validation::default());
        let together = Together::None;
        Self { path, found, columns, validation, together, valid_column: None, max_tokens: 256, seed: 42 }
    }

    /// With the texts in the column of this name; by default in the one that reads like texts.
    #[must_use]
    pub fn text_column(mut self, name: impl Into<String>) -> Self {
        self.columns.text = Some(name.into());
        self
    }

    /// With the labels in the column of this name; by default in the one with a usual name, or the only other one.
    #[must_use]
    pub fn label_column(mut self, name: impl Into<String>) -> Self {
        self.columns.label = Some(name.into());
        self
    }

    /// With both columns.
    #[must_use]
    pub fn columns(self, columns: TextColumns) -> Self {
        Self { columns, ..self }
    }

    /// With these texts to validate on; by default the folder's own, or else a fifth of each class.
    #[must_use]
    pub fn validation(self, validation: Validation) -> Self {
        Self { validation, ..self }
    }

    /// With texts that belong together on one side of the split: those of one name in a column, or in their files' paths.
    #[must_use]
    pub fn keep_together(self, together: Together) -> Self {
        Self { together, ..self }
    }

    /// With this column saying which rows validate: `valid`, `true` or 1 do, `test` is left out, of folds the first.
    #[must_use]
    pub fn valid_column(self, column: impl Into<String>) -> Self {
        Self { valid_column: Some(column.into()), ..self }
    }

    /// With texts cut after this many tokens; by default after 256.
    #[must_use]
    pub fn max_tokens(self, tokens: usize) -> Self {
        Self { max_tokens: tokens, ..self }
    }

    /// With the split drawn from this seed; by default from 42.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// After how many tokens texts are cut.
    pub fn token_limit(&self) -> usize {
        self.max_tokens
    }

    /// The seed of the split.
    pub fn split_seed(&self) -> u64 {
        self.seed
    }

    /// The columns that texts and labels are taken from; none where they come from no table.
    ///
    /// # Errors
    ///
    /// If they are not clear.
    pub fn found_columns(&self) -> Result<TextColumns, TextDataError> {
        match &self.found {
            Found::Table(table) => Ok(self.columns.find(&self.path, table)?),
            Found::Folder(_) | Found::Memory(_) => Ok(TextColumns::default()),
        }
    }

    /// Encodes all texts and splits off those that validate; those that can't be encoded are left out.
    ///
    /// # Errors
    ///
    /// If there are no two classes of texts, or no validation part can be made.
    pub fn read(self, tokenizer: &Tokenizer) -> Result<SplitData<Texts>, TextDataError> {
        let (path, seed, reading) = (self.path.clone(), self.seed, self.reading());
        let given = if let Validation::Path(other) = &self.validation { other.clone() } else { path.clone() };
        let mut notes = match &self.found {
            Found::Table(table) => table.reading.notes.clone(),
            _ => vec![],
        };
        notes.extend(self.uses()?.into_iter().flat_map(|uses| uses.notes));
        let parts = self.parts()?;
        let (train, bad) = encode(&path, &parts.train.items, tokenizer)?;
        let report = report(&parts, seed)?.with_reading(reading);
        let TextParts { train: LabelledTexts { classes, mut skipped, .. }, valid } = parts;
        skipped.extend(bad);
        let (train, valid) = match valid {
            ValidTexts::Given(LabelledTexts { items, skipped: unread, .. }) => {
                let (valid, bad) = encode(&given, &items, tokenizer)?;
                skipped.extend(unread.into_iter().chain(bad));
                (train, valid)
            }
            ValidTexts::Fraction(fraction) => {
                let split = split::split(&train, fraction, seed)?;
                notes.extend(split.notes(&classes, "text").into_iter().map(Note::from));
                (train.part(&split.train), train.part(&split.valid))
            }
        };
        notes.extend(SplitData::split_notes(&train, &valid, &classes, "texts"));
        let truncated = train.truncated() + valid.truncated();
        if truncated > 0 {
            let (texts, most) = (train.len() + valid.len(), tokenizer.max_tokens());
            let text =
                format!("{truncated} of {texts} texts are longer than {most} tokens and are cut there");
            notes.push(Note { text, remedy: Some(Remedy::RaiseMaxTokens) });
        }
        Ok(SplitData { classes, train, valid, skipped, notes, report })
    }

    /// What is wrong with the texts, split as for training. No tokenizer is needed.
    ///
    /// # Errors
    ///
    /// If they can't be read, columns are not clear, or labels make no classes.
    pub fn check(self) -> Result<Report, TextDataError> {
        let (seed, reading) = (self.seed, self.reading());
        Ok(report(&self.parts()?, seed)?.with_reading(reading))
    }

    /// The use of each row, if a column is to say it.
    fn uses(&self) -> Result<Option<Uses>, TextDataError> {
        match (&self.valid_column, &self.found) {
            (None, _) => Ok(None),
            (Some(name), Found::Table(table)) => {
                let column = table.column(&self.path, name).map_err(TextSourceError::from)?;
                Ok(Some(table.uses(column).map_err(TextSourceError::from)?))
            }
            (Some(_), Found::Folder(_) | Found::Memory(_)) => {
                Err(TextDataError::NoColumns(self.path.clone()))
            }
        }
    }

    fn table_reading(&self, table: &CsvTable) -> Option<TableReading> {
        let TextColumns { text, label } = self.columns.find(&self.path, table).ok()?;
        let place =
            |name: Option<String>| table.columns.iter().position(|column| Some(column) == name.as_ref());
        let (text, label) = (place(text)?, place(label)?);
        let uses = self.uses().ok()?.unwrap_or_else(|| Uses::undivided(table));
        let is_used = |(row, used_as): &(&Row, &Use)| {
            **used_as != Use::Test && !row.cells[text].is_empty() && !row.cells[label].is_empty()
        };
        let used = table.rows.iter().zip(&uses.rows).filter(is_used).count();
        let column = |(place, name): (usize, &String)| {
            let (kind, used_as) = match place {
                place if place == text => ("text", ColumnUse::Input),
                place if place == label => ("category", ColumnUse::Label),
                _ if matches!(&self.together, Together::Column(group) if group == name) => {
                    ("category", ColumnUse::Group)
                }
                _ if self.valid_column.as_ref() == Some(name) => ("category", ColumnUse::Split),
                _ => ("category", ColumnUse::Nothing),
            };
            let missing = table.cells(place).filter(|cell| cell.is_empty()).count();
            ColumnReading { name: name.clone(), kind, missing, odd: vec![], used_as }
        };
        let columns = table.columns.iter().enumerate().map(column).collect();
        Some(TableReading::of(table, used, columns, &table.reading.notes).with_tests(uses.tests()))
    }

    /// What is understood of the file or folder they are in; nothing of texts in memory.
    pub fn reading(&self) -> Option<Reading> {
        let folder = match &self.found {
            Found::Folder(folder) => folder,
            Found::Table(table) => return self.table_reading(table).map(Reading::Table),
            Found::Memory(_) => return None,
        };
        let (reading, train) = (folder.reading.clone()?, &folder.train);
        let reading = match &self.validation {
            Validation::Found { .. } => reading,
            Validation::Fraction(_) | Validation::Items(_) => {
                reading.validated_on(None, train.item_classes())
            }
            Validation::Path(path) => {
                let valid = scan_known(path, &TEXTS, &train.classes).ok()?;
                let ignored = valid.ignored.iter().map(|ignored| ignored.worded(path)).collect();
                let other = (path.display().to_string(), ignored, valid.items.len());
                reading.validated_on(Some(other), train.item_classes().chain(valid.item_classes()))
            }
        };
        Some(Reading::Folder(reading))
    }

    /// How many texts there are. Some may turn out not to be encodable.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn counts(&self) -> Result<TextCounts, TextDataError> {
        let TextParts { train: LabelledTexts { classes, items, .. }, valid } = self.clone().parts()?;
        let train = match valid {
            ValidTexts::Given(_) => items.len(),
            ValidTexts::Fraction(fraction) => {
                let items: Vec<_> =
                    items.iter().map(|item| (item.class, item.belongs_to.as_deref())).collect();
                split::split_together(&items, fraction, self.seed)?.train.len()
            }
        };
        Ok(TextCounts { classes, train })
    }

    /// The texts that train, or are to be split, and those that validate.
    fn parts(self) -> Result<TextParts, TextDataError> {
        let uses = self.uses()?;
        let (path, together, mut found_valid) = (self.path, self.together, None);
        match (&self.found, &together) {
            (_, Together::None)
            | (Found::Table(..), Together::Column(_))
            | (Found::Folder(_), Together::Path(_)) => {}
            _ => return Err(TextDataError::Together { path, together }),
        }
        let mut marked = None;
        let mut train = match self.found {
            Found::Table(mut table) => {
                if let Some(uses) = uses {
                    let left_out = std::mem::take(&mut table.skipped);
                    marked = Some(table.of_use(&uses, Use::Valid));
                    table = CsvTable { skipped: left_out, ..table.of_use(&uses, Use::Train) };
                }
                LabelledTexts::of_table(&path, table, &self.columns, None, &together)?
            }
            Found::Folder(LabelledFolder { train, valid, .. }) => {
                found_valid = valid;
                LabelledTexts::of_files(&path, train, &together)?
            }
            Found::Memory(texts) => texts,
        };
        if let Some(table) = marked {
            let (columns, classes) = (train.columns.clone(), train.classes.clone());
            let valid = LabelledTexts::of_table(&path, table, &columns, Some(&classes), &together)?;
            return Ok(TextParts { train, valid: ValidTexts::Given(valid) });
        }
        let valid = match (self.validation, found_valid) {
            (Validation::Path(other), _) => ValidTexts::Given(LabelledTexts::read_known(
                &other,
                &train.columns,
                &train.classes,
                &together,
            )?),
            (Validation::Items(places), _) => {
                let (classes, items) = (train.classes.clone(), Validation::take(&mut train.items, &places)?);
                ValidTexts::Given(LabelledTexts { classes, items, ..LabelledTexts::default() })
            }
            (Validation::Found { .. }, Some(valid)) => {
                ValidTexts::Given(LabelledTexts::of_files(&path, valid, &together)?)
            }
            (Validation::Fraction(fraction) | Validation::Found { otherwise: fraction }, _) => {
                ValidTexts::Fraction(fraction)
            }
        };
        Ok(TextParts { train, valid })
    }
}

/// Texts of classes that are known already, to evaluate a trained network on: of a folder that is a data set, those that
/// validate.
///
/// # Errors
///
/// If there are none, or labels of other classes.
pub fn open_known(
    path: &Path,
    columns: &TextColumns,
    classes: &[String],
    tokenizer: &Tokenizer,
) -> Result<(Texts, Vec<Skipped>), TextDataError> {
    let LabelledTexts { items, mut skipped, .. } = LabelledTexts::read_to_evaluate(path, columns, classes)?;
    let (texts, bad) = encode(path, &items, tokenizer)?;
    skipped.extend(bad);
    Ok((texts, skipped))
}

fn encode(
    path: &Path,
    items: &[LabelledText],
    tokenizer: &Tokenizer,
) -> Result<(Texts, Vec<Skipped>), TextDataError> {
    let (texts, skipped) = Texts::encode(items, tokenizer);
    if texts.is_empty() {
        let first = skipped.into_iter().next();
        return Err(TextDataError::Nothing { path: path.to_owned(), count: items.len(), first });
    }
    Ok((texts, skipped))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::is_text_folder;
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

    fn refusal(files: &[File<'_>]) -> String {
        let root = tree(files);
        let message = TextData::open(root.path()).unwrap_err().to_string();
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
        let TextParts { train: texts, valid } = TextData::open(root.path()).unwrap().parts().unwrap();
        assert_eq!(texts.classes, ["no", "yes"]);
        let found: Vec<(&str, usize)> =
            texts.items.iter().map(|item| (item.text.as_str(), item.class)).collect();
        assert_eq!(found, [("bad", 0), ("good", 1)]);
        let kinds: Vec<&str> = texts.skipped.iter().map(|skipped| skipped.kind).collect();
        assert_eq!(kinds, ["encoding", "not-a-text"]);
        let ValidTexts::Given(valid) = valid else { panic!("the folder says what validates") };
        assert_eq!((valid.items.len(), valid.items[0].class), (1, 1));
        // Evaluation uses the validation part, as for images.
        let columns = TextColumns::default();
        assert_eq!(LabelledTexts::read_to_evaluate(root.path(), &columns, &texts.classes).unwrap(), valid);
    }

    #[test]
    fn validation_may_lie_among_the_classes() {
        let root = tree(&[("a/1.txt", b"x"), ("b/1.txt", b"y"), ("val/a/1.txt", b"z")]);
        let counts = |data: TextData| data.counts().unwrap();
        let data = TextData::open(root.path()).unwrap();
        assert_eq!(counts(data.clone()), TextCounts { classes: vec!["a".into(), "b".into()], train: 2 });
        assert_eq!(counts(data.validation(Validation::Items(vec![1]))).train, 1);
    }

    #[test]
    fn folders_that_make_no_classes_say_why() {
        let (one, two): (File<'_>, File<'_>) = (("a/1.txt", b"x"), ("b/1.txt", b"x"));
        assert_eq!(refusal(&[one]), "ROOT has only one class folder, a; training needs at least two classes");
        assert_eq!(
            refusal(&[("1.txt", b"x")]),
            "ROOT has no class folders, only a text; expected ROOT/CLASS/text.txt with a folder per class, or such folders in \
             ROOT/train and ROOT/valid"
        );
        let root = tree(&[one, two]);
        let known = ["a", "c"].map(str::to_owned);
        let columns = TextColumns::default();
        let message = LabelledTexts::read_known(root.path(), &columns, &known, &Together::None)
            .unwrap_err()
            .to_string();
        assert!(
            message.ends_with(
                "has classes that training does not know: b; it knows a, c; rename or remove those folders"
            ),
            "{message}"
        );
        assert_eq!(
            refusal(&[one, ("c/notes.md", b"x")]),
            "ROOT has no texts in class c; add some (txt) or remove the folder"
        );
        assert_eq!(
            TextData::from_texts([("a", "x")]).unwrap_err().to_string(),
            "the texts are of 1 classes; training needs at least two"
        );
    }

    #[test]
    fn images_are_no_texts() {
        let root = tree(&[("a/1.jpg", b"x"), ("a/1.txt", b"x")]);
        assert!(!is_text_folder(root.path()), "half of the files are texts, and that is not most");
        assert!(!is_text_folder(&root.path().join("none")));
    }
}
