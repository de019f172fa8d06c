//! `defrost export RUN OUT`

use std::path::Path;

use serde_json::{Value, json};

use defrost::TrainedModel;
use defrost::bundle::InputForm;
use defrost::export::{Checks, Engine, EngineError, ExportOptions, Exported, Verified};

use super::print_json;
use crate::Outcome;
use crate::args::{ExportArguments, ExportFormat, InputChoice, KeptPrecision};
use crate::failure::{Blame, Failure};
use crate::show::{size, tell};
use crate::terminal::name;
use crate::training;

/// Writes a run for other programs and compares the answers there, or compares an earlier export again.
pub fn export(arguments: &ExportArguments) -> Outcome {
    arguments.signed.check(&arguments.run)?;
    training::start_threads(None)?;
    let model = TrainedModel::open(&arguments.run, &training::device()).or_usage()?;
    if let Some(file) = &arguments.verify {
        return verify(&model, file, arguments);
    }
    // Required where there is nothing to verify.
    let out = arguments.out.as_deref().unwrap_or(Path::new("model.onnx"));
    match format(arguments.format, out)? {
        ExportFormat::Onnx => to_onnx(&model, out, arguments),
        ExportFormat::Torch => to_torch(&model, out, arguments),
    }
}

/// The format given, or else the one of the file's ending.
fn format(said: Option<ExportFormat>, out: &Path) -> Result<ExportFormat, Failure> {
    let ending = out.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
    let of_ending = match ending.as_deref() {
        Some("onnx") => Some(ExportFormat::Onnx),
        Some("safetensors") => Some(ExportFormat::Torch),
        _ => None,
    };
    said.or(of_ending).ok_or_else(|| {
        Failure::usage(format!(
            "{}: its ending says no format; end it with .onnx or .safetensors, or give --format onnx or torch",
            out.display()
        ))
    })
}

fn to_onnx(model: &TrainedModel, out: &Path, arguments: &ExportArguments) -> Outcome {
    let options = ExportOptions {
        input: match arguments.input {
            InputChoice::Image => InputForm::Raw,
            InputChoice::Tensor => InputForm::Prepared,
        },
        opset: arguments.opset,
        half: arguments.precision == KeptPrecision::F16,
        batch: arguments.batch,
        features: arguments.features,
    };
    let exported = model.export(out, &options).or_usage()?;
    let compared = compare(out, &exported.checks, &arguments.python)?;
    let Exported { files, bytes, inputs, outputs, .. } = &exported;
    if arguments.json {
        let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        print_json(&json!({
            "files": files,
            "bytes": bytes,
            "inputs": inputs,
            "outputs": outputs,
            "compared": to_json(compared.as_ref()),
        }))?;
    } else {
        println!("{} ({})", out.display(), size(*bytes as u64));
        println!("  given: {}", name(&inputs.join(", ")));
        println!("  gives: {}", outputs.join(", "));
        files.iter().skip(1).for_each(|file| println!("  beside it: {}", file.display()));
        compared.iter().for_each(|compared| println!("{}", in_words(compared)));
        println!("docs/export.md shows how to use it from Python, JavaScript, C#, Swift and Kotlin");
    }
    must_agree(out, compared.as_ref())
}

fn to_torch(model: &TrainedModel, out: &Path, arguments: &ExportArguments) -> Outcome {
    let written = model.export_torch(out).or_usage()?;
    if arguments.json {
        let file = out.display().to_string();
        return print_json(&json!({ "files": [file], "tensors": written.tensors, "python": written.lines }));
    }
    println!("{} ({} tensors)\n", out.display(), written.tensors);
    written.lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

fn verify(model: &TrainedModel, file: &Path, arguments: &ExportArguments) -> Outcome {
    let checks = model.checks_of(file).or_usage()?;
    let engine = Engine::of_python(&arguments.python).or_usage()?;
    let compared = engine.verify(file, &checks).or_failure()?;
    match arguments.json {
        true => print_json(&to_json(Some(&compared)))?,
        false => println!("{}", in_words(&compared)),
    }
    must_agree(file, Some(&compared))
}

/// Compares in an engine, where there is one.
fn compare(file: &Path, checks: &Checks, python: &Path) -> Result<Option<Verified>, Failure> {
    match Engine::of_python(python) {
        Ok(engine) => Ok(Some(engine.verify(file, checks).or_failure()?)),
        Err(EngineError::Missing { python, reason }) => {
            tell!("not compared in another engine: `{}` has no ONNX Runtime ({reason})", python.display());
            tell!(
                "  `pip install onnxruntime numpy`, then `defrost export --verify {} RUN` compares",
                file.display()
            );
            Ok(None)
        }
        Err(error) => Err(error).or_failure(),
    }
}

fn must_agree(file: &Path, compared: Option<&Verified>) -> Outcome {
    match compared.is_none_or(Verified::agrees) {
        true => Ok(()),
        false => Err(Failure::Running(anyhow::anyhow!(
            "{}: its answers are not the run's; don't use it",
            file.display()
        ))),
    }
}

fn to_json(compared: Option<&Verified>) -> Value {
    compared.map_or(Value::Null, |compared| {
        json!({
            "engine": compared.engine,
            "items": compared.items,
            "differences": compared.differences,
            "agrees": compared.agrees(),
        })
    })
}

/// `compared in ONNX Runtime 1.32.0 on 4 items: label: 0 differ; probabilities: up to 0.0000012 apart, 0.001 allowed`
fn in_words(Verified { engine, items, differences }: &Verified) -> String {
    let outputs: Vec<String> = differences
        .iter()
        .map(|difference| match difference.allowed {
            0.0 => format!("{}: {} differ", difference.output, difference.largest),
            allowed => format!(
                "{}: up to {:.1e} apart, {:.0e} allowed",
                difference.output, difference.largest, allowed
            ),
        })
        .collect();
    format!("compared in {engine} on {items} items: {}", outputs.join("; "))
}
