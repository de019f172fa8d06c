//! `defrost export RUN OUT`

mod page;

use std::path::Path;

use serde_json::{Value, json};

use defrost::TrainedModel;
use defrost::bundle::{InputForm, Loaded};
use defrost::export::{Checks, EightBits, Engine, EngineError, ExportOptions, Exported, Verified};
use defrost::learner::TestTimeAugmentation;
use defrost::report::{ExportEntry, note_export};

use super::print_json;
use crate::Outcome;
use crate::args::{ExportArguments, ExportFormat, InputChoice, KeptPrecision, Task};
use crate::domain::{Domain, for_domain};
use crate::failure::{Blame, Failure};
use crate::show::{size, tell};
use crate::terminal::name;
use crate::training;
use page::{no_choice_of_a_page, to_page};

const HOW_TO_USE: &str = "docs/export.md shows how to use it from Python, JavaScript, C#, Swift and Kotlin";

/// Writes a run for other programs and compares the answers there, or compares an earlier export again.
pub fn export(arguments: &ExportArguments) -> Outcome {
    arguments.signed.check(&arguments.run)?;
    training::start_threads(None)?;
    if let (Some(data), Some(out)) = (&arguments.calibrate, &arguments.out) {
        calibratable(out, arguments)?;
        return for_domain!(Task::of_run(&arguments.run)?, in_8_bits(out, data, arguments));
    }
    let open = || TrainedModel::open(&arguments.run, &training::device()).or_usage();
    if let Some(file) = &arguments.verify {
        return verify(&open()?, file, arguments);
    }
    // Required where there is nothing to verify.
    let out = arguments.out.as_deref().unwrap_or(Path::new("model.onnx"));
    match format(arguments, out)? {
        ExportFormat::Onnx => to_onnx(&open()?, out, arguments),
        ExportFormat::Torch => to_torch(&open()?, out, arguments),
        ExportFormat::Web => to_page(out, arguments),
    }
}

/// Notes the export in the run's report.
fn note(arguments: &ExportArguments, out: &Path, compared: String) {
    let entry = ExportEntry { file: out.display().to_string(), compared };
    if let Err(error) = note_export(&arguments.run, entry) {
        eprintln!("warning: the run's report does not have this export: {error}");
    }
}

/// Refuses to calibrate what does not compute in 8 bits.
fn calibratable(out: &Path, arguments: &ExportArguments) -> Outcome {
    match (arguments.precision, format(arguments, out)?) {
        (_, ExportFormat::Web) => Err(no_choice_of_a_page("--calibrate")),
        (KeptPrecision::Int8, ExportFormat::Onnx) => Ok(()),
        (KeptPrecision::Int8, ExportFormat::Torch) => {
            Err(Failure::usage("--precision int8: weights for PyTorch are written in f32"))
        }
        _ => Err(Failure::usage("--calibrate: only --precision int8 is calibrated")),
    }
}

/// The format given, or else the one of the file's ending.
fn format(arguments: &ExportArguments, out: &Path) -> Result<ExportFormat, Failure> {
    let said = match (arguments.format, arguments.single) {
        (Some(ExportFormat::Onnx | ExportFormat::Torch), true) => {
            return Err(Failure::usage("--single: only a page is written as one HTML file, by --format web"));
        }
        (None, true) => Some(ExportFormat::Web),
        (said, _) => said,
    };
    let ending = out.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
    let of_ending = match ending.as_deref() {
        Some("onnx") => Some(ExportFormat::Onnx),
        Some("safetensors") => Some(ExportFormat::Torch),
        Some("html") => Some(ExportFormat::Web),
        _ => None,
    };
    said.or(of_ending).ok_or_else(|| {
        Failure::usage(format!(
            "{}: its ending says no format; end it with .onnx, .safetensors or .html, or give --format onnx, torch or web",
            out.display()
        ))
    })
}

fn to_onnx(model: &TrainedModel, out: &Path, arguments: &ExportArguments) -> Outcome {
    let exported = model.export(out, &options(arguments)).or_usage()?;
    let compared = match &exported.checks {
        Some(checks) => compare(out, checks, &arguments.python)?,
        None => None,
    };
    let in_report = compared.as_ref().map_or_else(|| "not compared in another engine".to_owned(), in_words);
    note(arguments, out, in_report);
    if arguments.json {
        let mut written = written_json(&exported);
        written["compared"] = to_json(compared.as_ref());
        print_json(&written)?;
    } else {
        print_written(out, &exported);
        compared.iter().for_each(|compared| println!("{}", in_words(compared)));
        println!("{HOW_TO_USE}");
    }
    must_agree(out, compared.as_ref())
}

fn in_8_bits<D: Domain>(out: &Path, data: &Path, arguments: &ExportArguments) -> Outcome {
    let engine = Engine::of_python(&arguments.python).or_usage()?;
    let run = Loaded::<D::Config>::open(&arguments.run, &training::device()).or_usage()?;
    let (items, _) = D::labelled(&run, data, &arguments.labels, TestTimeAugmentation::NONE)?;
    let (exported, cost) = run.export_in_8_bits(out, &options(arguments), &engine, &*items).or_usage()?;
    note(arguments, out, cost_in_words(&cost, D::ITEMS));
    if arguments.json {
        let mut written = written_json(&exported);
        written["int8"] = json!(cost);
        return print_json(&written);
    }
    print_written(out, &exported);
    println!("  in 32 bits it would have {}", size(cost.bytes_before as u64));
    println!("{}", cost_in_words(&cost, D::ITEMS));
    println!("{HOW_TO_USE}");
    Ok(())
}

/// `calibrated on 128 images; on 172 others in ONNX Runtime 1.32.0: accuracy .820 in f32, .849 in int8; 160 have the same answer`
fn cost_in_words(cost: &EightBits, items: &str) -> String {
    let EightBits { engine, calibrated_on, measured_on, before, after, same, .. } = cost;
    let metric = ["accuracy", "mae"].into_iter().find(|metric| before.contains_key(*metric));
    let changed = metric.map_or_else(String::new, |metric| {
        let after = after.get(metric).copied().unwrap_or(f64::NAN);
        format!(": {metric} {:.4} in f32, {after:.4} in int8", before[metric])
    });
    let same = same.map_or_else(String::new, |same| format!("; {same} have the same answer"));
    format!("calibrated on {calibrated_on} {items}; on {measured_on} others in {engine}{changed}{same}")
}

fn options(arguments: &ExportArguments) -> ExportOptions {
    ExportOptions {
        input: match arguments.input {
            InputChoice::Image => InputForm::Raw,
            InputChoice::Tensor => InputForm::Prepared,
        },
        opset: arguments.opset,
        half: arguments.precision == KeptPrecision::F16,
        batch: arguments.batch,
        features: arguments.features,
    }
}

fn written_json(Exported { files, bytes, inputs, outputs, .. }: &Exported) -> Value {
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    json!({ "files": files, "bytes": bytes, "inputs": inputs, "outputs": outputs })
}

fn print_written(out: &Path, Exported { files, bytes, inputs, outputs, .. }: &Exported) {
    println!("{} ({})", out.display(), size(*bytes as u64));
    println!("  given: {}", name(&inputs.join(", ")));
    println!("  gives: {}", outputs.join(", "));
    files.iter().skip(1).for_each(|file| println!("  beside it: {}", file.display()));
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
