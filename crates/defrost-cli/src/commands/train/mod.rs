//! `defrost train DATA`

mod advised;
mod result;

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use defrost::bundle::{self, Loaded, ModelConfig};
use defrost::learner::{EarlyStopping, SaveError};
use defrost::report::{self, Ended, PredictedItem, Report};
use defrost::tensorboard::TensorBoard;
use defrost::{Learner, LearnerError, Network, PlanSummary, ResolvedPhase, files, weights};

use advised::advised;
use result::{Trained, items_json};

use super::advise::write as write_advice;
use super::data::{report_data, report_problems};
use super::lr_find::reason;
use super::print_json;
use crate::Outcome;
use crate::args::{LiveAddress, RateChoice, Task, TrainArguments};
use crate::domain::{Data, Domain, Prepared, for_domain};
use crate::failure::{Blame, Failure};
use crate::live::{self, HeldGuard, Live};
use crate::run::{
    RunFolder, Session, about_run, check_memory, create_folder, is_unfinished, packed_file, reserve_room,
    stop_on_signals,
};
use crate::show::{Progress, estimate_lines, estimate_outcome, rate, report_warnings, tell, tell_plan};
use crate::training;

/// Fine-tunes and saves a run.
pub fn train(arguments: TrainArguments, words: &[OsString]) -> Outcome {
    let session = Session::open(arguments, words)?;
    for_domain!(Task::of_data(&session.data, &session.arguments.options)?, train_on(session))
}

fn train_on<D: Domain>(mut session: Session) -> Outcome {
    let started = Instant::now();
    let options = &session.arguments.options;
    if session.arguments.advise {
        options.refuse_decided("--advise")?;
    }
    let threads = training::start_threads(options.threads)?;
    let place = session.arguments.live.map(LiveAddress::listen).transpose()?;

    let Prepared { data, network, model, precision, is_trained } =
        D::prepare(options, &session.data, &training::device())?;
    report_data(&data, D::ITEMS, &session.data);
    let batch = options.batch_size(&model, data.train.len());
    let about = about_run::<D>(&session, &data, (threads, precision, batch))?;
    report_problems(about.problems.as_deref().unwrap_or_default(), data.skipped.len());
    let reading = data.report.reading.clone();
    let Data { classes, train, valid, skipped, .. } = data;
    let items = items_json(&*train, &*valid, &skipped);
    let learner = options.open((network, &model), (train, valid), (classes.len(), is_trained))?;
    let (learner, model, advice) = advised::<D>(&mut session, learner, model)?;
    let mut learner = learner.with_model(model.clone()).with_classes(classes.clone());
    let phases = phases(&mut learner, &mut session, &model)?;
    let mut plan =
        PlanSummary::new(model.name(), learner.plan(), &phases, learner.batches_per_epoch(), false);
    plan.cut = model.cut_stages();
    check_memory(learner.least_memory(&phases))?;
    let start = weights::collect(learner.network());
    let arguments = &session.arguments;
    let run = match &session.run {
        Some(run) => RunFolder::take(run.clone(), "--resume")?,
        None => create_folder(arguments.out.as_deref(), &session.data)?,
    };
    let room = reserve_room(&run, &start, learner.checkpoint_bytes(&phases))?;
    let (advice, stop) = advice.unzip();
    if let Some(advice) = &advice {
        write_advice(&run, advice)?;
    }

    tell_plan(&plan);
    report_warnings(&plan);
    let planned = Report {
        monitored: learner.monitored_metric().map(str::to_owned),
        advice: advice.clone(),
        ..Report::planned(about, plan.clone(), &phases)
    };
    let live = place.map(|place| Live::start(place, planned.clone())).transpose()?;
    if session.run.is_none() {
        let variants = learner.options().variants;
        let estimates = learner.estimate(&phases).map_err(explain)?;
        estimate_lines(estimates).iter().for_each(|line| tell!("{line}"));
        if let Some(live) = &live {
            live.estimated(estimates, variants);
        }
    }
    let board_trouble = observe(&mut learner, arguments, &run)?;
    let outcome =
        run_phases(&mut learner, &session, (&run, live.as_ref(), stop), &phases).inspect_err(|failure| {
            if let Some(live) = &live {
                live.fail(&failure.reason());
            }
        })?;
    drop(room);
    let thresholds = learner.save(&*run).map_err(|error| unsaved(error, &run))?;
    write_history(&run, &learner)?;
    let was_stopped = live.as_ref().is_some_and(Live::was_stopped);
    let early = outcome.as_ref().err().map(Failure::reason).or(was_stopped.then(|| live::STOPPED.to_owned()));
    let ended = Ended {
        seconds: started.elapsed().as_secs_f64(),
        early: early.as_deref(),
        start: &start,
        thresholds: &thresholds,
    };
    let report = planned.ended(&mut learner, &model, &ended).or_failure()?;
    let page = report::write(&run, &report).or_failure()?;
    let predictions = PredictedItem::all(&mut learner, &thresholds).or_failure()?;
    report::write_predictions(&run, &learner, &predictions).or_failure()?;
    let validation = report.validation.clone().unwrap_or_default();
    if let Some(live) = &live {
        live.end(report, early.as_deref(), &run);
    }
    if outcome.is_err() {
        eprintln!("note: the best epoch so far is saved in {}", run.display());
        return outcome;
    }
    learner.discard_checkpoint().or_failure()?;
    let packed = packed_file(arguments.out.as_deref());
    if let Some(file) = packed {
        bundle::pack(&run, file).or_failure()?;
        Loaded::<D::Config>::open(file, &training::device()).or_failure()?;
    }
    estimate_outcome(learner.history().estimates()).iter().for_each(|line| tell!("{line}"));
    if let Some(trouble) = learner.cache().trouble() {
        eprintln!("warning: the cache: {trouble}");
    }
    if let Some(trouble) = board_trouble.as_ref().and_then(|trouble| trouble.get()) {
        eprintln!("warning: the event file is not complete: {trouble}");
    }
    let trained = Trained {
        run: &run,
        file: packed,
        classes: &classes,
        reading: reading.as_ref(),
        items,
        plan: &plan,
        validation: &validation,
        advice: advice.as_ref(),
        page: &page,
        seconds: started.elapsed().as_secs_f64(),
        threads,
        precision,
    };
    match arguments.json {
        true => print_json(&trained.json(&learner)),
        false => {
            trained.print(&learner, D::ITEMS);
            Ok(())
        }
    }
}

/// The phases asked for, at the rates given or found.
fn phases<M: ModelConfig>(
    learner: &mut Learner<M::Network>,
    session: &mut Session,
    model: &M,
) -> Result<Vec<ResolvedPhase>, Failure> {
    let options = &session.arguments.options;
    let recipe = options.recipe(model);
    let phases = options.resolve(model.name(), &recipe, learner.plan())?;
    let Some(RateChoice::Find) = options.lr else { return Ok(phases) };
    let found = match session.found_rate() {
        Some(found) => found,
        None => {
            let (found, usual) = (learner.lr_find_for(&recipe).or_failure()?, recipe.highest_rate());
            tell!("--lr find takes {}: {}", rate(found.rate(usual)), reason(&found, usual));
            found.rate(usual)
        }
    };
    let phases = recipe.with_highest_rate(found).resolve(learner.plan()).or_usage()?;
    session.keep_rate(found);
    Ok(phases)
}

/// Adds the command's observers; returns where an event file's error will be.
fn observe<N: Network>(
    learner: &mut Learner<N>,
    arguments: &TrainArguments,
    run: &Path,
) -> Result<Option<Arc<OnceLock<String>>>, Failure> {
    learner.observe(Box::new(Progress::new()));
    if let Some(patience) = arguments.options.learning.patience {
        learner.observe(Box::new(EarlyStopping::new(patience, learner.monitored_metric())));
    }
    if !arguments.tensorboard {
        return Ok(None);
    }
    let board = TensorBoard::create(run).or_failure()?;
    let trouble = board.trouble();
    learner.observe(Box::new(board));
    Ok(Some(trouble))
}

/// Runs the phases, or the rest of them. The inner result is the error that ended them early, if there is a best epoch to
/// save.
fn run_phases<N: Network>(
    learner: &mut Learner<N>,
    session: &Session,
    (run, live, stop): (&Path, Option<&Live>, Option<Arc<AtomicBool>>),
    phases: &[ResolvedPhase],
) -> Result<Outcome, Failure> {
    learner.checkpoint(session.checkpoint(run)?);
    let stop = stop.map_or_else(stop_on_signals, Ok)?;
    learner.stop_on(stop.clone());
    let spin_guard = HeldGuard::new();
    if let Some(live) = live {
        let observer = live.observer(learner, stop, spin_guard.clone());
        learner.observe(observer);
    }
    let outcome = match session.run {
        Some(_) => learner.resume(phases),
        None => learner.run(phases),
    };
    spin_guard.release();
    if let Err(LearnerError::NotFinite { .. }) = outcome {
        // It would be NaN again.
        learner.discard_checkpoint().or_failure()?;
    }
    match outcome {
        Err(LearnerError::Interrupted) => Err(interrupted(run)),
        Err(error) if learner.best().is_none() => Err(explain(error)),
        outcome => Ok(outcome.map_err(explain)),
    }
}

/// The message for a run that is trained and can't be saved.
fn unsaved(error: SaveError, run: &Path) -> Failure {
    let full = matches!(&error, SaveError::File(_) | SaveError::Weights(_));
    let again = match (full, is_unfinished(run)) {
        (true, true) => format!("; make room, and `defrost train --resume {}` saves it", run.display()),
        _ => String::new(),
    };
    Failure::Running(anyhow::anyhow!("the run is trained, and can't be saved: {error}{again}"))
}

/// The message for a run that somebody stopped.
fn interrupted(run: &Path) -> Failure {
    let folder = run.display();
    Failure::Interrupted(match is_unfinished(run) {
        true => format!("interrupted; `defrost train --resume {folder}` continues the run"),
        false => format!("interrupted; {folder} holds no checkpoint to continue from"),
    })
}

/// Data that can't be trained on is the input's fault, a loss that explodes is the run's.
fn explain(error: LearnerError) -> Failure {
    match error {
        LearnerError::NotFinite { .. } | LearnerError::Data(_) => Failure::Running(error.into()),
        LearnerError::Checkpoint(_) => Failure::Usage(anyhow::Error::new(error).context("--resume")),
        _ => Failure::Usage(error.into()),
    }
}

fn write_history<N: Network>(run: &Path, learner: &Learner<N>) -> Outcome {
    let text = learner.history().to_csv();
    let write =
        |file: &mut std::io::BufWriter<&mut std::fs::File>| std::io::Write::write_all(file, text.as_bytes());
    files::write_atomically(&run.join("history.csv"), write).or_failure()
}
