//! A data set of texts: found in a CSV file, a folder or memory, encoded once, split and checked.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::check::report;
use super::columns::TextColumns;
use super::dataset::Texts;
use super::files::TEXTS;
use super::source::{LabelledText, LabelledTexts, TextParts, TextSourceError, ValidTexts};
use super::table::{Sought, TextTable};
use super::together::Together;
use super::tokenizer::{Tokenizer, TokenizerError};
use crate::check::Report;
use crate::csv_table::{CsvTable, TableFormat, Use};
use crate::data::class_folder::{LabelledFolder, scan, scan_known};
use crate::data::split::{self, SplitError};
use crate::data::{Dataset, Label, MixedLabels, Skipped, Target, TargetKind, Validation};
use crate::reading::Reading;
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
    target: TargetKind,
    /// The character between several labels, if it is given.
    label_separator: Option<char>,
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
    /// Texts in memory are labelled in different ways.
    #[error(transparent)]
    Labels(#[from] MixedLabels),
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
    /// The texts of a folder are of the class that it is called after.
    #[error("{}: a text in a folder is of one class, which the folder is called after; several labels or a number for each text are read from a table", .0.display())]
    OfFolders(PathBuf),
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

    /// The texts in a column of a table in memory, with the labels in another.
    pub fn from_table(table: CsvTable) -> Self {
        Self::of(&table.path.clone(), Found::Table(table))
    }

    /// Texts in memory, each with the name of its class, the names of its labels, or a number.
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
    /// If they are of fewer than two classes, or labelled in different ways.
    pub fn from_texts<T: Into<String>, L: Into<Label>>(
        texts: impl IntoIterator<Item = (T, L)>,
    ) -> Result<Self, TextDataError> {
        let (texts, labels): (Vec<String>, Vec<Label>) =
            texts.into_iter().map(|(text, label)| (text.into(), label.into())).unzip();
        let (classes, targets) = Label::targets(&labels)?;
        let kind = targets.first().map_or(TargetKind::Class, Target::kind);
        if kind == TargetKind::Class && classes.len() < 2 {
            return Err(TextDataError::Classes(classes.len()));
        }
        let item = |(number, (text, target)): (usize, (String, Target))| LabelledText {
            name: format!("text {number}"),
            text,
            target,
            belongs_to: None,
        };
        let items = texts.into_iter().zip(targets).enumerate().map(item).collect();
        let texts = LabelledTexts { classes, items, ..LabelledTexts::default() };
        Ok(Self::of(Path::new("texts in memory"), Found::Memory(texts)).target(kind))
    }

    fn of(path: &Path, found: Found) -> Self {
        Self {
            path: path.to_owned(),
            found,
            columns: TextColumns::default(),
            target: TargetKind::Class,
            label_separator: None,
            validation: Validation::default(),
            together: Together::None,
            valid_column: None,
            max_tokens: 256,
            seed: 42,
        }
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

    /// With this kind of labels in a table; by default, a label is a class.
    #[must_use]
    pub fn target(self, kind: TargetKind) -> Self {
        Self { target: kind, ..self }
    }

    /// With this character between several labels in a cell; by default, the cells say.
    #[must_use]
    pub fn label_separator(self, separator: char) -> Self {
        Self { label_separator: Some(separator), ..self }
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
            Found::Table(table) => Ok(self.table(table)?.columns()),
            Found::Folder(_) | Found::Memory(_) => Ok(TextColumns::default()),
        }
    }

    /// Encodes all texts and splits off those that validate; those that can't be encoded are left out.
    ///
    /// # Errors
    ///
    /// If there are no two classes of texts, or no validation part can be made.
    pub fn read(self, tokenizer: &Tokenizer) -> Result<SplitData<Texts>, TextDataError> {
        let (path, seed) = (self.path.clone(), self.seed);
        let given = if let Validation::Path(other) = &self.validation { other.clone() } else { path.clone() };
        let parts = self.parts()?;
        let mut notes = parts.table.as_ref().map_or(vec![], |table| table.notes.clone());
        let reading = self.reading_of(&parts);
        let (train, bad) = encode(&path, &parts.train.items, tokenizer)?;
        let report = report(&parts, seed)?.with_reading(reading);
        let TextParts { train: LabelledTexts { classes, mut skipped, .. }, valid, .. } = parts;
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
        let parts = self.parts()?;
        Ok(report(&parts, self.seed)?.with_reading(self.reading_of(&parts)))
    }

    /// How the texts of a table are read.
    fn sought(&self) -> Sought<'_> {
        Sought {
            columns: &self.columns,
            kind: self.target,
            separator: self.label_separator,
            together: &self.together,
            valid_column: self.valid_column.as_deref(),
            known: None,
        }
    }

    /// The used columns of the table that the texts lie in.
    fn table<'a>(&'a self, table: &'a CsvTable) -> Result<TextTable<'a>, TextSourceError> {
        TextTable::find(&self.path, table, self.sought())
    }

    fn reading_of(&self, parts: &TextParts) -> Option<Reading> {
        parts.table.clone().map(Reading::Table).or_else(|| self.reading())
    }

    /// What is understood of the file or folder they are in; nothing of texts in memory.
    pub fn reading(&self) -> Option<Reading> {
        let folder = match &self.found {
            Found::Folder(folder) => folder,
            Found::Table(table) => {
                let table = self.table(table).ok()?;
                return Some(Reading::Table(table.reading(&table.labels().ok()?)));
            }
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
        let TextParts { train: LabelledTexts { classes, items, .. }, valid, .. } = self.parts()?;
        let train = match valid {
            ValidTexts::Given(_) => items.len(),
            ValidTexts::Fraction(fraction) => {
                let items: Vec<_> =
                    items.iter().map(|item| (&item.target, item.belongs_to.as_deref())).collect();
                split::split_together(&items, fraction, self.seed)?.train.len()
            }
        };
        Ok(TextCounts { classes, train })
    }

    /// The texts that train, or are to be split, and those that validate.
    fn parts(&self) -> Result<TextParts, TextDataError> {
        let (path, together) = (&self.path, &self.together);
        match (&self.found, together) {
            (_, Together::None)
            | (Found::Table(_), Together::Column(_))
            | (Found::Folder(_), Together::Path(_)) => {}
            _ => {
                let (path, together) = (path.clone(), together.clone());
                return Err(TextDataError::Together { path, together });
            }
        }
        let mut reading = None;
        let mut train = match &self.found {
            Found::Table(table) => {
                let table = self.table(table)?;
                let labels = table.labels()?;
                reading = Some(table.reading(&labels));
                let train = table.texts(&labels, Use::Train)?;
                if table.is_divided() {
                    let valid = table.texts(&labels, Use::Valid)?;
                    if valid.items.is_empty() {
                        let items = train.items.len();
                        return Err(SplitError::OneSide { chosen: 0, items }.into());
                    }
                    return Ok(TextParts { train, valid: ValidTexts::Given(valid), table: reading });
                }
                train
            }
            _ if self.valid_column.is_some() => return Err(TextDataError::NoColumns(path.clone())),
            Found::Folder(_) if self.target != TargetKind::Class => {
                return Err(TextDataError::OfFolders(path.clone()));
            }
            Found::Folder(folder) => LabelledTexts::of_files(path, folder.train.clone(), together)?,
            Found::Memory(texts) => texts.clone(),
        };
        let of_folder = match &self.found {
            Found::Folder(folder) => folder.valid.as_ref(),
            _ => None,
        };
        let valid = match (&self.validation, of_folder) {
            (Validation::Path(other), _) => {
                let (columns, known) = (&train.columns, Some(&train.classes[..]));
                let sought = Sought { columns, known, ..self.sought() };
                ValidTexts::Given(LabelledTexts::read_known(other, sought)?)
            }
            (Validation::Items(places), _) => {
                let (classes, items) = (train.classes.clone(), Validation::take(&mut train.items, places)?);
                ValidTexts::Given(LabelledTexts { classes, items, ..LabelledTexts::default() })
            }
            (Validation::Found { .. }, Some(valid)) => {
                ValidTexts::Given(LabelledTexts::of_files(path, valid.clone(), together)?)
            }
            (Validation::Fraction(fraction) | Validation::Found { otherwise: fraction }, _) => {
                ValidTexts::Fraction(*fraction)
            }
        };
        Ok(TextParts { train, valid, table: reading })
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
    (kind, classes): (TargetKind, &[String]),
    tokenizer: &Tokenizer,
) -> Result<(Texts, Vec<Skipped>), TextDataError> {
    let together = &Together::None;
    let sought =
        Sought { columns, kind, separator: None, together, valid_column: None, known: Some(classes) };
    let LabelledTexts { items, mut skipped, .. } = LabelledTexts::read_to_evaluate(path, sought)?;
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
mod tests;
