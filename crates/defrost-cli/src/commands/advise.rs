//! `defrost advise DATA`

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::json;

use defrost::bundle::ModelConfig;
use defrost::learner::{Advice, AdviseOptions, AdvisedPlan, Budget};
use defrost::report::advice_page;
use defrost::{Learner, LearnerError, files};

use super::data::report_data;
use super::print_json;
use crate::Outcome;
use crate::args::{AdviseArguments, Task, TrainingOptions};
use crate::domain::{Data, Domain, Prepared, for_domain};
use crate::failure::{Blame, Failure};
use crate::run::{Word, create_advice_folder, data_name, shell_command, stop_on_signals};
use crate::show::{Advising, advice_text, seconds};
use crate::training::{self, advised_words};

/// The advice in a folder, as data.
const RECORD: &str = "advice.json";
/// The same as a page.
const PAGE: &str = "advice.html";
/// Options that are not part of the command that follows the advice, and whether a value follows them. Those that the advice
/// sets are left out, too.
const OWN: [(&str, bool); 7] = [
    ("--budget", true),
    ("--out", true),
    ("--json", false),
    ("--advise", false),
    ("--live", false),
    ("--quiet", false),
    ("-q", false),
];

/// Measures what to freeze, and says the command that follows. `words` are the command itself.
pub fn advise(arguments: &AdviseArguments, words: &[OsString]) -> Outcome {
    for_domain!(Task::of_data(&arguments.data, &arguments.options)?, advise_on(arguments, words))
}

fn advise_on<D: Domain>(arguments: &AdviseArguments, words: &[OsString]) -> Outcome {
    let options = &arguments.options;
    options.refuse_decided("`advise`")?;
    training::start_threads(options.threads)?;
    let Prepared { data, network, model, .. } = D::prepare(options, &arguments.data, &training::device())?;
    report_data(&data, D::ITEMS, &arguments.data);
    let Data { classes, train, valid, .. } = data;
    let mut learner = options.open((network, &model), (train, valid), (classes.len(), false))?;
    let folder = create_advice_folder(arguments.out.as_deref(), &arguments.data)?;
    let words: Vec<Word> = words.iter().cloned().map(Word::from).collect();
    let stop = stop_on_signals()?;
    let found = measured::<D>(&mut learner, &model, options, (arguments.budget, &words, stop))
        .inspect_err(|_| drop(std::fs::remove_dir(&folder)))?;
    let record = write(&folder, &found)?;
    let page = folder.join(PAGE);
    let text = advice_page(&found, &data_name(&arguments.data));
    files::write_atomically(&page, |file| file.write_all(text.as_bytes())).or_failure()?;
    if arguments.json {
        let mut value = serde_json::to_value(&found).or_failure()?;
        value["file"] = json!(record.display().to_string());
        value["page"] = json!(page.display().to_string());
        return print_json(&value);
    }
    print!("{}", advice_text(&found));
    println!("\n  {}\n", found.command);
    println!(
        "measured in {}; the same again: --budget {}passes",
        seconds(found.budget.seconds_used),
        found.budget.passes
    );
    println!("saved: {}\npage: {}", record.display(), page.display());
    Ok(())
}

/// An advice about a learner that was made with these options by a command of these words.
pub fn measured<D: Domain>(
    learner: &mut Learner<<D::Config as ModelConfig>::Network>,
    model: &D::Config,
    options: &TrainingOptions,
    (budget, words, stop): (Option<Budget>, &[Word], Arc<AtomicBool>),
) -> Result<Advice, Failure> {
    learner.stop_on(stop);
    let progress = Advising::new();
    learner.observe(Box::new(progress.clone()));
    let asked = AdviseOptions {
        budget: budget.unwrap_or_default(),
        recipe: Some(options.usual(model)),
        can_cut: D::CAN_CUT,
        items: D::ITEMS.to_owned(),
    };
    let found = learner.advise(&asked);
    progress.end();
    let mut found = found.map_err(|error| match error {
        LearnerError::Interrupted => Failure::Interrupted("interrupted; nothing was saved".to_owned()),
        error => Failure::Running(error.into()),
    })?;
    found.command = command(words, &found.plan, learner.plan().groups().count() - 1);
    Ok(found)
}

/// Writes an advice into a folder; returns the file's path.
pub fn write(folder: &Path, advice: &Advice) -> Result<PathBuf, Failure> {
    let path = folder.join(RECORD);
    let text = serde_json::to_string_pretty(advice).or_failure()? + "\n";
    files::write_atomically(&path, |file| file.write_all(text.as_bytes())).or_failure()?;
    Ok(path)
}

/// The advice that is kept in a run's folder.
pub fn kept(folder: &Path) -> Result<Advice, Failure> {
    let path = folder.join(RECORD);
    let wrong = |reason: String| Failure::usage(format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(format!("not a valid advice: {error}")))
}

/// The training command that follows an advice: the words that asked for it, without its own options and with those advised.
fn command(words: &[Word], plan: &AdvisedPlan, head: usize) -> String {
    let advised = advised_words(plan, head);
    let set = advised.iter().filter(|word| word.starts_with("--")).map(|word| (word.as_str(), true));
    let dropped: Vec<(&str, bool)> = OWN.into_iter().chain(set).collect();
    let mut kept = vec![Word::Text("train".to_owned())];
    // The first word without a dash is the command.
    let mut words = words.iter().skip_while(|word| word.to_string().starts_with('-')).skip(1);
    while let Some(word) = words.next() {
        let text = word.to_string();
        let is_with_value = |name: &str| text.strip_prefix(name).is_some_and(|rest| rest.starts_with('='));
        match dropped.iter().find(|(name, _)| text == *name || is_with_value(name)) {
            Some((name, has_value)) if text == *name && *has_value => drop(words.next()),
            Some(_) => {}
            None => kept.push(word.clone()),
        }
    }
    kept.extend(advised.into_iter().map(Word::Text));
    shell_command(&kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_one_given_with_what_is_advised() {
        let given = |words: &[&str], plan: AdvisedPlan| {
            let words: Vec<Word> = words.iter().map(|word| Word::Text((*word).to_owned())).collect();
            command(&words, &plan, 2)
        };
        let asked =
            ["advise", "my data", "--budget", "5m", "--size=64", "--json", "--epochs", "8", "--out=x"];
        assert_eq!(given(&asked, AdvisedPlan::All), "defrost train 'my data' --size=64 --epochs 8");
        assert_eq!(given(&asked, AdvisedPlan::HeadOnly), "defrost train 'my data' --size=64 --epochs 0");
        let thaw = AdvisedPlan::Thaw { groups: vec![1] };
        assert_eq!(given(&asked, thaw), "defrost train 'my data' --size=64 --epochs 8 --thaw 1,2");
        let cut = AdvisedPlan::Cut { stage: "blocks.5".to_owned() };
        let asked = ["-q", "train", "--advise", "d", "--live=8001", "--cut", "blocks.6"];
        assert_eq!(given(&asked, cut), "defrost train d --cut blocks.5 --epochs 0");
        assert_eq!(given(&asked, AdvisedPlan::Gradual), "defrost train d --cut blocks.6 --gradual");
    }
}
