//! `defrost plan [DATA]`

use std::io::Write as _;

use defrost::bundle::ModelConfig as _;
use defrost::data::batch_count;
use defrost::report::{draw_plan, standalone};
use defrost::{FreezePlan, LayerGroups, Network, PlanSummary, files};

use super::{print_json, report_reading};
use crate::Outcome;
use crate::args::{PlanArguments, RateChoice, Task};
use crate::domain::{Domain, for_domain};
use crate::failure::{Blame, Failure};
use crate::show::{plan_table, report_warnings};
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
    let data = arguments.data.as_deref();
    let outline = D::outline(options, data, arguments.classes, &training::device())?;
    report_reading(outline.reading.as_ref());
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
    let plan = FreezePlan::unfrozen(groups.or_usage()?, options.norm.into());
    let arch = outline.model.name();
    let phases = options.resolve(arch, &options.recipe(&outline.model), &plan)?;
    let mut summary = PlanSummary::new(arch, &plan, &phases, batches, arguments.steps);
    report_warnings(&summary);
    summary.cut = outline.model.cut_stages();
    if let Some(path) = &arguments.svg {
        let drawing = standalone(&draw_plan(&summary, &[], None));
        files::write_atomically(path, |file| file.write_all(drawing.as_bytes())).or_usage()?;
        eprintln!("the plan: {}", path.display());
    }
    if arguments.json {
        return print_json(&summary);
    }
    anstream::print!("{}", plan_table(&summary));
    Ok(())
}
