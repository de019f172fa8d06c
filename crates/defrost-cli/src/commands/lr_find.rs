//! `defrost lr-find DATA`

use std::io::Write as _;

use defrost::bundle::ModelConfig as _;
use defrost::learner::{LrFind, LrFindOptions};
use defrost::{Learner, Network, ResolvedPhase, files};

use super::print_json;
use crate::Outcome;
use crate::args::{LrFindArguments, Task};
use crate::domain::{Data, Domain, Prepared, for_domain};
use crate::failure::{Blame, Failure};
use crate::show::{curve, rate};
use crate::training;

/// Suggests a learning rate for the first phase that training would run.
pub fn lr_find(arguments: &LrFindArguments) -> Outcome {
    for_domain!(Task::of_data(&arguments.data, &arguments.options)?, find_on(arguments))
}

fn find_on<D: Domain>(arguments: &LrFindArguments) -> Outcome {
    let options = &arguments.options;
    training::start_threads(options.threads)?;
    let Prepared { data, network, model, .. } = D::prepare(options, &arguments.data, &training::device())?;
    let Data { classes, train, valid, .. } = data;
    let mut learner = options.open((network, &model), (train, valid), classes.len())?;
    let phases = options.resolve(model.name(), &options.recipe(&model), learner.plan())?;
    let found = search(&mut learner, &phases)?;
    if let Some(path) = &arguments.svg {
        let text = curve::svg(&found);
        files::write_atomically(path, |file| file.write_all(text.as_bytes())).or_usage()?;
    }
    if arguments.json {
        return print_json(&found);
    }
    print!("{}\n{}", curve::sketch(&found), suggestions(&found));
    Ok(())
}

/// Tries rates as the first of these phases would train.
pub fn search<N: Network>(learner: &mut Learner<N>, phases: &[ResolvedPhase]) -> Result<LrFind, Failure> {
    if let Some(first) = phases.first() {
        learner.freeze_for(first).or_usage()?;
    }
    learner.lr_find(&LrFindOptions::default()).or_failure()
}

/// The rate that `valley` suggests, which is what `--lr find` trains at.
pub fn suggested(found: &LrFind) -> Result<f64, Failure> {
    let why = || found.suggestions.why.clone().unwrap_or_default();
    let none = || Failure::Running(anyhow::anyhow!("--lr find: no rate can be suggested: {}", why()));
    found.suggestions.valley.ok_or_else(none)
}

fn suggestions(found: &LrFind) -> String {
    let suggestions = &found.suggestions;
    if let Some(why) = &suggestions.why {
        return format!("no suggestion: {why}\n");
    }
    let named = [
        ("valley", suggestions.valley, "two thirds down the longest descent; what --lr find takes"),
        ("slide", suggestions.slide, "before the loss begins to rise for good"),
        ("steep", suggestions.steep, "where the loss falls fastest"),
        ("minimum", suggestions.minimum, "a tenth of the rate with the lowest loss"),
    ];
    let line = |(name, lr, meaning): (&str, Option<f64>, &str)| {
        lr.map(|lr| format!("  {name:8} {:8} {meaning}\n", rate(lr))).unwrap_or_default()
    };
    named.map(line).concat()
}
