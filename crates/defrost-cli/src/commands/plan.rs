//! `defrost plan [DATA]`

use defrost::data::{Dataset, batch_count};
use defrost::{FreezePlan, LayerGroups, Network, PlanSummary};

use super::print_json;
use crate::Outcome;
use crate::args::PlanArguments;
use crate::failure::{Blame, Failure};
use crate::layout::plan_table;
use crate::training;

/// Shows what training would do.
pub fn plan(arguments: &PlanArguments) -> Outcome {
    let options = &arguments.options;
    let outline = options.setup()?.outline().or_usage()?;
    let (classes, batches) = match &arguments.data {
        Some(data) => {
            let data = options.pictures(data, &outline.preprocess)?;
            (data.classes.len(), batch_count(data.train.len(), options.batch))
        }
        None if arguments.steps && arguments.batches.is_none() => {
            return Err(Failure::usage(
                "--steps: how many batches an epoch has is not known; give DATA or --batches N",
            ));
        }
        None => (arguments.classes, arguments.batches.unwrap_or(0)),
    };
    let network = outline.network(classes, &training::device()).or_usage()?;
    let groups = match &options.groups {
        Some(text) => LayerGroups::parse(network.stages(), text),
        None => LayerGroups::of(&network),
    };
    let plan = FreezePlan::unfrozen(groups.or_usage()?, options.norm.into());
    let phases = options.phases(plan.groups().count());
    options.check(&phases, &plan)?;
    let summary = PlanSummary::new(&options.arch, &plan, &phases, batches, arguments.steps).or_usage()?;
    if arguments.json {
        return print_json(&summary);
    }
    anstream::print!("{}", plan_table(&summary));
    Ok(())
}
