//! Texts: CSV files, and folders of text files.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use defrost::bundle::{EarlierHead, Loaded};
use defrost::check::Report;
use defrost::csv_table::{CsvError, CsvTable, Row, SkippedRow, is_table_file};
use defrost::learner::TestTimeAugmentation;
use defrost::text::models::{BertConfig, TextConfig, TextNetwork};
use defrost::text::{
    PretrainedError, PretrainedText, TextColumns, TextData, TextModelConfig, Together, Tokenizer,
    guess_text_column, read_text, text_files,
};
use defrost::weights::WeightSource;
use defrost::{HeadKind, Pretrained};

use super::hub::{Bars, blame};
use super::{Answer, Domain, Labelled, Outline, Prepared};
use crate::args::{LabelOptions, TrainingOptions};
use crate::failure::{Blame, Failure};

/// Texts in a column of a CSV file, or in a folder per class.
pub struct Text;

impl Domain for Text {
    type Config = TextModelConfig;
    const ITEMS: &'static str = "texts";

    fn prepare(
        options: &TrainingOptions,
        data: &Path,
        device: &Device,
    ) -> Result<Prepared<TextModelConfig>, Failure> {
        let pretrained = opened(options)?;
        let tokenizer = pretrained.tokenizer(options.max_tokens).or_usage()?;
        let data = texts(options, data)?;
        let columns = data.found_columns().or_usage()?;
        let data = data.read(&tokenizer).or_usage()?;
        let (network, model, fit) =
            pretrained.build(data.outputs(), columns, options.max_tokens, options.seed, device).or_usage()?;
        let precision = model.precision;
        let mut prepared = Prepared::of(options, data, (network, model, precision))?;
        // With --continue all of the run is taken.
        if options.continued.is_none() {
            prepared.data.notes.push(format!("weights: {fit}").into());
        }
        Ok(prepared)
    }

    fn outline(
        options: &TrainingOptions,
        data: Option<&Path>,
        classes: usize,
        device: &Device,
    ) -> Result<Outline<TextModelConfig>, Failure> {
        let (config, head) = match (options.weights.as_deref(), options.earlier_run()) {
            // The hub's usual one; nothing is downloaded for a plan.
            (None | Some("hub"), None) => {
                let config = TextConfig::Bert(BertConfig::minilm());
                let head = options.head.map_or(config.usual_head(), HeadKind::from);
                (config, head)
            }
            _ => {
                let PretrainedText { config, head, .. } = opened(options)?;
                (config, head)
            }
        };
        let texts = data.map(|data| texts(options, data)).transpose()?;
        let counts = texts.as_ref().map(|texts| texts.counts().or_usage()).transpose()?;
        let earlier = options.continued.as_deref().map(EarlierHead::open::<TextModelConfig>);
        let earlier = earlier.transpose().or_usage()?;
        let knows_all = |head: EarlierHead| counts.as_ref().is_none_or(|counts| head.knows(&counts.classes));
        let is_trained = earlier.is_some_and(knows_all);
        let (outputs, train_items) =
            counts.map_or((classes, None), |counts| (counts.classes.len().max(1), Some(counts.train)));
        let reading = texts.and_then(|texts| texts.reading());
        let network = TextNetwork::new(&config, head, outputs, true, device);
        // Its texts are not encoded.
        let (columns, tokenizer) = (columns(options), vec![]);
        let (precision, max_tokens) = (config.precision(options.precision()), options.max_tokens);
        let model = TextModelConfig { config, head, precision, max_tokens, columns, tokenizer };
        Ok(Outline { model, network, is_trained, train_items, reading, data: None })
    }

    fn check(options: &TrainingOptions, data: &Path) -> Result<Report, Failure> {
        texts(options, data)?.check().or_usage()
    }

    fn labelled(
        run: &Loaded<TextModelConfig>,
        data: &Path,
        labels: &LabelOptions,
        _: TestTimeAugmentation,
    ) -> Result<Labelled, Failure> {
        labels.refuse_training()?;
        let (texts, skipped) = run.labelled(data).or_usage()?;
        Ok((Box::new(texts), skipped))
    }

    fn predict(run: &Loaded<TextModelConfig>, inputs: &[PathBuf], _: TestTimeAugmentation) -> Vec<Answer> {
        let tokenizer = run.tokenizer().map_err(|error| error.to_string());
        inputs.iter().flat_map(|input| answers(run, &tokenizer, input)).collect()
    }
}

/// Where the weights come from, which bring the tokenizer and the network's dimensions along.
fn pretrained(options: &TrainingOptions) -> Result<Pretrained, Failure> {
    if let Some(arch) = &options.arch {
        return Err(Failure::usage(format!(
            "--arch {arch}: the config.json beside the weights names the architecture of a text network; leave --arch out"
        )));
    }
    let source = match (options.earlier_run(), options.weights.as_deref()) {
        (Some(run), _) => WeightSource::Run(run.to_owned()),
        (None, Some(words)) => words.into(),
        (None, None) => WeightSource::Usual,
    };
    if let WeightSource::Embedded | WeightSource::None = source {
        return Err(Failure::usage(
            "no weights for texts are in the binary; give --weights hub, or DIR, a folder with model.safetensors, \
             tokenizer.json and config.json of a network like BERT, or a finished run",
        ));
    }
    let pretrained = Pretrained::default().weights(source).precision(options.precision());
    let (head, continued) = (options.head.map(HeadKind::from), options.continued.is_some());
    let pretrained = Pretrained { head, continued, ..pretrained };
    Ok(if options.offline { pretrained.offline() } else { pretrained })
}

/// The network's files; those on the hub are downloaded, if they are not in its cache.
fn opened(options: &TrainingOptions) -> Result<PretrainedText, Failure> {
    let opened = PretrainedText::of_watched(&pretrained(options)?, &mut Bars::default());
    opened.map_err(|error| match error {
        PretrainedError::Download(error) => blame(error),
        error => Failure::Usage(error.into()),
    })
}

/// The texts, not encoded yet.
fn texts(options: &TrainingOptions, data: &Path) -> Result<TextData, Failure> {
    let texts = TextData::open_as(data, &options.table_file.format())
        .or_usage()?
        .columns(columns(options))
        .validation(options.validation());
    let together = match (&options.group_regex, &options.group_column) {
        (Some(pattern), _) => Together::Path(pattern.clone()),
        (None, Some(column)) => Together::Column(column.clone()),
        (None, None) => Together::None,
    };
    let mut texts = texts.keep_together(together);
    if let Some(column) = &options.labels.valid_column {
        texts = texts.valid_column(column);
    }
    if let Some(kind) = options.labels.target {
        texts = texts.target(kind.into());
    }
    if let Some(separator) = options.labels.label_separator {
        texts = texts.label_separator(separator);
    }
    Ok(texts.max_tokens(options.max_tokens).seed(options.seed))
}

fn columns(options: &TrainingOptions) -> TextColumns {
    TextColumns { text: options.text_column.clone(), label: options.labels.label_column.clone() }
}

/// The predictions for the texts of an input.
fn answers(
    run: &Loaded<TextModelConfig>,
    tokenizer: &Result<Tokenizer, String>,
    input: &Path,
) -> Vec<Answer> {
    match (texts_of(run, input), tokenizer) {
        (Ok(texts), Ok(tokenizer)) => {
            let readable: Vec<String> = texts.iter().filter_map(|(_, text)| text.clone().ok()).collect();
            let mut found = run.predict(&readable, tokenizer).into_iter();
            let answer = |(name, text): Named<String>| match text {
                Ok(_) => found.next().map(|answer| (name, answer)),
                Err(reason) => Some((name, Err(reason))),
            };
            texts.into_iter().filter_map(answer).collect()
        }
        (Err(reason), _) => vec![(input.display().to_string(), Err(reason))],
        (_, Err(reason)) => vec![(input.display().to_string(), Err(reason.clone()))],
    }
}

/// A name, and what it stands for or why that can't be read.
type Named<T> = (String, Result<T, String>);

/// The rows of a file of rows, the files of a folder, a file's text, or the words themselves; each with its name.
fn texts_of(run: &Loaded<TextModelConfig>, input: &Path) -> Result<Vec<Named<String>>, String> {
    let name = input.display().to_string();
    if is_table_file(input) {
        let without_name = |error: CsvError| error.to_string().replacen(&format!("{name}: "), "", 1);
        let table = CsvTable::read(input).map_err(without_name)?;
        let column = match &run.manifest.model.columns.text {
            Some(column) => table.column(input, column).map_err(without_name)?,
            None => guess_text_column(&table).ok_or("which of its columns is the text is not clear")?,
        };
        let text = |row: Result<&Row, &SkippedRow>| match row {
            Ok(row) => (table.name(row.line), Ok(row.cells[column].to_owned())),
            Err(skipped) => (table.name(skipped.line), Err(skipped.reason.clone())),
        };
        return Ok(table.all_rows().into_iter().map(text).collect());
    }
    let read = |file: &Path| (file.display().to_string(), read_text(file).map_err(|(_, reason)| reason));
    match () {
        () if input.is_dir() => {
            let files = text_files(input).map_err(|error| error.to_string())?;
            Ok(files.iter().map(|file| read(file)).collect())
        }
        () if input.is_file() => Ok(vec![read(input)]),
        () if looks_like_file(&name) => {
            Err("no such file; to predict a text of your own, give more than one word".to_owned())
        }
        () => Ok(vec![(name.clone(), Ok(name))]),
    }
}

/// Whether words are rather the name of a file: one word with an ending, as `reviews.csv`, or a path.
fn looks_like_file(words: &str) -> bool {
    let is_word = !words.contains(char::is_whitespace);
    let ending = Path::new(words).extension().and_then(|ending| ending.to_str());
    let is_ending = |ending: &str| {
        (1..=5).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    is_word && (ending.is_some_and(is_ending) || words.contains('/') && words.starts_with(['/', '.', '~']))
}

#[cfg(test)]
mod tests {
    use super::looks_like_file;

    #[test]
    fn names_of_files_are_no_texts() {
        for words in ["reviews.csv", "data/a.txt", "./notes", "/tmp/x", "~/texts"] {
            assert!(looks_like_file(words), "{words}");
        }
        for words in ["good", "I love it.", "and/or", "well...", "so good.csv indeed", ""] {
            assert!(!looks_like_file(words), "{words}");
        }
    }
}
