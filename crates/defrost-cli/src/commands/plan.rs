//! `defrost plan [DATA]`

use std::io::Write as _;

use defrost::bundle::ModelConfig as _;
use defrost::data::batch_count;
use defrost::report::{draw_plan, standalone};
use defrost::{FreezePlan, LayerGroups, Network, PlanSummary, files};

use super::data::report_data;
use super::{print_json, report_reading};
use crate::Outcome;
use crate::args::{PlanArguments, RateChoice, Task};
use crate::domain::{Data, Domain, Outline, for_domain};
use crate::failure::{Blame, Failure};
use crate::show::{estimate_lines, report_warnings, say_plan, tell};
use crate::training;

/// Shows what training would do.
pub fn plan(arguments: &PlanArguments) -> Outcome {
    let task = match &arguments.data {
        Some(data) => Task::of_data(data, &arguments.options)?,
        None => arguments.options.task.unwrap_or(Task::Vision),
    };
    for_domain!(task, plan_of(arguments))
}

fn plan_of<D: Domain>(arguments: &PlanArguments) -> Outcome {
    let options = &arguments.options;
    if arguments.data.is_none() && arguments.steps && arguments.batches.is_none() {
        return Err(Failure::usage(
            "--steps: how many batches an epoch has is not known; give DATA or --batches N",
        ));
    }
    if matches!(options.lr, Some(RateChoice::Find)) {
        return Err(Failure::usage(
            "--lr find: a plan trains nothing, so it can't look for a rate; give one, or ask `defrost lr-find`",
        ));
    }
    training::start_threads(options.threads)?;
    let path = arguments.data.as_deref();
    let mut outline = D::outline(options, path, arguments.classes, &training::device())?;
    let data = outline.data.take();
    match (path, &data, outline.train_items) {
        (Some(path), Some(data), _) => report_data(data, D::ITEMS, path),
        (Some(path), None, Some(count)) => {
            report_reading(outline.reading.as_ref());
            tell!("{}: {count} {} to train on", path.display(), D::ITEMS);
        }
        _ => {}
    }
    let batches = match outline.train_items {
        Some(items) => {
            batch_count(items, options.batch_size(&outline.model, items) * options.learning.accumulate)
        }
        None => arguments.batches.unwrap_or(0),
    };
    let groups = match &options.groups {
        Some(text) => LayerGroups::parse(outline.network.stages(), text),
        None => LayerGroups::of(&outline.network),
    };
    let groups = groups.or_usage()?;
    let groups = if outline.is_trained { groups.all_pretrained() } else { groups };
    let plan = FreezePlan::unfrozen(groups, options.norm.into());
    let arch = outline.model.name();
    let phases = options.resolve(arch, &options.recipe(&outline.model), &plan)?;
    let mut summary = PlanSummary::new(arch, &plan, &phases, batches, arguments.steps);
    report_warnings(&summary);
    summary.cut = outline.model.cut_stages();
    if let Some(path) = &arguments.svg {
        let drawing = standalone(&draw_plan(&summary, &[], None));
        files::write_atomically(path, |file| file.write_all(drawing.as_bytes())).or_usage()?;
        tell!("the plan: {}", path.display());
    }
    if arguments.json {
        return print_json(&summary);
    }
    say_plan(&summary);
    if let Some(Data { classes, train, valid, .. }) = data {
        let Outline { network, model, is_trained, .. } = outline;
        let mut learner = options.open((network, &model), (train, valid), (classes.len(), is_trained))?;
        let lines = estimate_lines(learner.estimate(&phases).or_usage()?);
        println!();
        match lines.is_empty() {
            true => println!("so few steps that they need no estimate of their time"),
            false => lines.iter().for_each(|line| println!("{line}")),
        }
    }
    Ok(())
}
