//! `defrost lr-find DATA`

use std::io::Write as _;

use defrost::bundle::ModelConfig as _;
use defrost::files;
use defrost::learner::LrFind;
use defrost::report::{draw_rates, sketch_rates};

use super::print_json;
use crate::Outcome;
use crate::args::{LrFindArguments, Task};
use crate::domain::{Data, Domain, Prepared, for_domain};
use crate::failure::Blame;
use crate::show::rate;
use crate::training;

/// Suggests a learning rate for the first phase that training would run.
pub fn lr_find(arguments: &LrFindArguments) -> Outcome {
    for_domain!(Task::of_data(&arguments.data, &arguments.options)?, find_on(arguments))
}

fn find_on<D: Domain>(arguments: &LrFindArguments) -> Outcome {
    let options = &arguments.options;
    training::start_threads(options.threads)?;
    let Prepared { data, network, model, is_trained, .. } =
        D::prepare(options, &arguments.data, &training::device())?;
    let Data { classes, train, valid, .. } = data;
    let mut learner = options.open((network, &model), (train, valid), (classes.len(), is_trained))?;
    let recipe = options.recipe(&model);
    options.resolve(model.name(), &recipe, learner.plan())?;
    let found = learner.lr_find_for(&recipe).or_failure()?;
    if let Some(path) = &arguments.svg {
        let text = draw_rates(&found);
        files::write_atomically(path, |file| file.write_all(text.as_bytes())).or_usage()?;
    }
    if arguments.json {
        return print_json(&found);
    }
    let usual = recipe.highest_rate();
    print!("{}\n{}\n", sketch_rates(&found), suggestions(&found));
    println!("take {}: {}", rate(found.rate(usual)), reason(&found, usual));
    println!("next: add --lr {} to `defrost train`", rate(found.rate(usual)));
    Ok(())
}

/// Why the rate that is taken is that one.
pub fn reason(found: &LrFind, usual: f64) -> String {
    let usual_rate = rate(usual);
    match found.suggestions.valley {
        None => "the usual rate, because the curve suggests none".to_owned(),
        Some(valley) if valley == found.rate(usual) => {
            "the valley, where the loss falls steadily, well before it rises".to_owned()
        }
        Some(valley) => format!(
            "the valley is at {},\n  but a curve of few batches is trusted only up to 3 times the usual {usual_rate}, or a third of it",
            rate(valley)
        ),
    }
}

fn suggestions(found: &LrFind) -> String {
    let suggestions = &found.suggestions;
    if let Some(why) = &suggestions.why {
        return format!("no suggestion: {why}\n");
    }
    let named = [
        ("valley", suggestions.valley, "two thirds down the longest descent"),
        ("slide", suggestions.slide, "before the loss begins to rise for good"),
        ("steep", suggestions.steep, "where the loss falls fastest"),
        ("minimum", suggestions.minimum, "a tenth of the rate with the lowest loss"),
    ];
    let line = |(name, lr, meaning): (&str, Option<f64>, &str)| {
        lr.map(|lr| format!("  {name:8} {:8} {meaning}\n", rate(lr))).unwrap_or_default()
    };
    named.map(line).concat()
}
