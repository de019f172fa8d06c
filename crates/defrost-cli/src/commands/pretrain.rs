//! `defrost pretrain text FILE… --out DIR`

use std::path::{Path, PathBuf};

use serde_json::json;

use defrost::text;
use defrost::text::language_model::{Corpus, LanguageEpoch, PretrainError, pretrain as learn, read};
use defrost::text::language_model::{PretrainOptions, learn_tokenizer};
use defrost::text::models::{AwdLstmConfig, Dropouts};

use super::print_json;
use crate::Outcome;
use crate::args::{PretrainArguments, Unlabelled};
use crate::failure::{Blame, Failure};
use crate::run::{RunFolder, create_folder};
use crate::show::{seconds, tell, thousands};
use crate::training;

/// A folder with this file holds a model already.
const MODEL: &str = "config.json";

/// Trains a language model on plain texts and saves it for `train --pretrained`.
pub fn pretrain(arguments: &PretrainArguments) -> Outcome {
    let threads = training::start_threads(arguments.threads)?;
    let out = folder(&arguments.out)?;
    let &PretrainArguments { vocabulary, embedding, hidden, layers, .. } = arguments;
    let config = AwdLstmConfig::of(vocabulary, embedding, hidden, layers, Dropouts::LANGUAGE);
    config.check().or_usage()?;
    let Unlabelled::Text = arguments.kind;
    let texts = read(&files_of(&arguments.files)?).or_usage()?;
    let tokenizer = learn_tokenizer(&texts, vocabulary).or_usage()?;
    let corpus =
        Corpus::new(&texts, &tokenizer, arguments.valid_pct, arguments.batch, arguments.seed).or_usage()?;
    let [train, valid] = corpus.tokens();
    tell!(
        "{}: {} texts, {} tokens to train on, {} to validate, a vocabulary of {}",
        config.name,
        thousands(texts.len()),
        thousands(train),
        thousands(valid),
        thousands(vocabulary)
    );
    let options = PretrainOptions {
        epochs: arguments.epochs,
        rows: arguments.batch,
        positions: arguments.positions,
        rate: arguments.lr,
        seed: arguments.seed,
        ..PretrainOptions::default()
    };
    let mut epochs: Vec<LanguageEpoch> = vec![];
    let tell = |epoch: &LanguageEpoch| {
        let &LanguageEpoch { epoch: number, train_loss, valid_loss, perplexity, seconds: taken } = epoch;
        tell!(
            "epoch {number}/{}: train loss {train_loss:.4}, loss {valid_loss:.4}, perplexity {perplexity:.1}, {}",
            arguments.epochs,
            seconds(taken)
        );
        epochs.push(epoch.clone());
    };
    let model = learn(&config, &corpus, &options, &training::device(), tell).map_err(explain)?;
    model.save(&out, &config, &tokenizer).or_failure()?;
    if arguments.json {
        return print_json(
            &json!({ "model": out.display().to_string(), "arch": config.name, "epochs": epochs, "threads": threads }),
        );
    }
    println!("saved: {0}\nnext: defrost train DATA --pretrained {0}", out.display());
    Ok(())
}

/// The folder to write to, which must not hold a model yet.
fn folder(out: &Path) -> Result<RunFolder, Failure> {
    if out.join(MODEL).exists() {
        return Err(Failure::usage(format!(
            "--out {}: there is a model in it; choose another folder or remove it",
            out.display()
        )));
    }
    create_folder(Some(out), out)
}

/// The files given, and the text files in the folders given and below them.
fn files_of(inputs: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = vec![];
    for input in inputs {
        match input.is_dir() {
            true => found.extend(text::text_files(input).or_usage()?),
            false => found.push(input.clone()),
        }
    }
    if found.is_empty() {
        return Err(Failure::usage("there are no .txt files in the folders given"));
    }
    Ok(found)
}

fn explain(error: PretrainError) -> Failure {
    Failure::Running(error.into())
}
