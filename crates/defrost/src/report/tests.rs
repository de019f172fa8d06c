//! Reports at every stage of a run.

use super::*;
use crate::learner::{Candidate, ExpectedGain};
use crate::recipe::{FineTune, Recipe};
use crate::summary::{GroupSummary, PhaseSummary};
use crate::{FreezePlan, LayerGroups, NormMode, Stage};

fn epoch(phase: &str, epoch: usize, accuracy: f64) -> EpochRecord {
    let metrics = [("accuracy".to_owned(), accuracy)].into();
    EpochRecord { phase: phase.to_owned(), epoch, train_loss: 1.0, valid_loss: 1.0, metrics, seconds: 2.0 }
}

fn phases() -> Vec<ResolvedPhase> {
    let stage = |name: &str| {
        Stage::of(name, name, &burn::nn::LinearConfig::new(1, 1).init(&burn::tensor::Device::flex()))
    };
    let groups = LayerGroups::from_starts(vec![stage("body"), stage("head")], &[0, 1]).unwrap();
    Recipe::from(FineTune::new(3)).resolve(&FreezePlan::unfrozen(groups, NormMode::Keep)).unwrap()
}

/// One frozen epoch and three thawed ones, of which these are over.
fn report(epochs: Vec<EpochRecord>, state: State) -> Report {
    let phases = phases();
    let summary = |(index, phase): (usize, &ResolvedPhase)| PhaseSummary {
        name: phase.name.clone(),
        frozen_groups: if index == 0 { vec![0] } else { vec![] },
        constant_stages: 0,
        trainable_params: 1,
        epochs: phase.epochs,
        patience: None,
        batches_per_epoch: 1,
        method: phase.method,
        lr_max: vec![1e-4, 1e-3],
        steps: None,
    };
    let group = |(index, name): (usize, &str)| GroupSummary {
        index,
        name: name.to_owned(),
        stages: vec![name.to_owned()],
        stage_params: vec![5],
        new: index == 1,
        params: 5,
        trainable: index == 1,
        norm: "keep".to_owned(),
    };
    let plan = PlanSummary {
        arch: "network".to_owned(),
        total_params: 10,
        trainable_params: 5,
        groups: ["<i>body", "head"].into_iter().enumerate().map(group).collect(),
        phases: phases.iter().enumerate().map(summary).collect(),
        ..PlanSummary::default()
    };
    let about = About { name: "a < b".to_owned(), ..About::default() };
    let monitored = Some("accuracy".to_owned());
    Report { epochs, state, monitored, ..Report::planned(about, plan, &phases) }
}

/// The head alone measured best, and these weights are kept.
fn decision(kept: Kept) -> Decision {
    let candidate = |metric: f64, position: f64, gain: f64| Candidate {
        metrics: [("accuracy".to_owned(), metric)].into(),
        metric,
        low: metric - 0.1,
        high: metric + 0.1,
        expected: Some(ExpectedGain { value: gain, usual: gain }),
        seconds: 1.0,
        position,
    };
    Decision {
        kept,
        reason: String::new(),
        metric_name: "accuracy".to_owned(),
        frozen: Some(candidate(0.9, 0.0, 0.0)),
        thawed: Some(candidate(0.8, 1.0, 0.02)),
        between: Some(candidate(0.85, 0.5, 0.01)),
        gain: None,
    }
}

fn ends(report: &Report) -> Vec<(usize, usize, usize)> {
    report.spans().iter().map(|span| (span.from, span.to, span.run)).collect()
}

#[test]
fn phases_lie_one_behind_the_other() {
    let running = report(vec![epoch("frozen", 1, 0.5)], State::Running { phase: 1 });
    assert_eq!(ends(&running), [(0, 1, 1), (1, 4, 0)], "future epochs are as long as planned");
    let epochs = vec![epoch("frozen", 1, 0.5), epoch("thawed", 1, 0.9), epoch("thawed", 2, 0.7)];
    let ended = report(epochs, State::Finished { seconds: 6.0 });
    assert_eq!(ends(&ended), [(0, 1, 1), (1, 3, 2)], "what ended early is as long as it was");
    assert_eq!(ended.trained(), "frozen 1 epoch, thawed 2 epochs");
    let mut solved = ended.clone();
    solved.plan.phases[0].method = Method::SolveHead;
    assert_eq!(solved.trained(), "best head, thawed 2 epochs");
    assert!(draw_timeline(&solved).contains(">frozen: best head, "), "{}", draw_timeline(&solved));
    assert!(draw_timeline(&solved).contains(">thawed: 2 of 3 epochs, "));
    assert_eq!(ended.best(), Some(1));
    let twice = vec![epoch("frozen", 1, 0.5), epoch("frozen", 1, 0.5), epoch("frozen", 2, 0.5)];
    let mut twice = report(twice, State::Unknown);
    twice.plan.phases[1].name = "frozen".to_owned();
    assert_eq!(ends(&twice), [(0, 1, 1), (1, 3, 2)], "a name may come twice");
}

#[test]
fn a_run_can_be_drawn_at_any_time() {
    let epochs = [epoch("frozen", 1, 0.5), epoch("thawed", 1, f64::NAN), epoch("thawed", 2, 0.7)];
    for over in 0..=epochs.len() {
        let page = report(epochs[..over].to_vec(), State::Running { phase: over.min(1) }).to_html();
        assert!(page.contains("This run is not over") && page.contains("a &#60; b"), "{page}");
        assert!(!page.contains("<i>") && !page.contains(">Errors<"), "{page}");
        assert!(!page.contains("=\"NaN") && !page.contains("inf\""), "{page}");
        assert_eq!(page.contains("Accuracy on validation"), over > 0);
    }
}

#[test]
fn a_run_that_goes_on_shows_where_it_is() {
    let running = report(vec![epoch("frozen", 1, 0.5)], State::Running { phase: 1 });
    assert_eq!(running.epochs_in_all(), 4);
    let sections = running.sections();
    assert!(
        sections.contains("phase thawed, running now: ") && sections.contains("class=\"now\""),
        "{sections}"
    );
    assert!(running.to_html().contains(&sections), "a page is its sections in a frame");
    let mut losses = BatchLosses::default();
    [(0.5, 2.0), (1.25, 1.0)].into_iter().for_each(|(place, loss)| losses.push(place, loss));
    let chart = batch_losses(&running, &losses);
    assert_eq!((chart.x.range, chart.bands.len()), ((0.0, 4.0), 2));
    let over = report(vec![epoch("frozen", 1, 0.5)], State::Finished { seconds: 1.0 }).sections();
    assert!(
        !over.contains("class=\"now\"") && !over.contains("runs now") && !over.contains("batches\""),
        "{over}"
    );
}

#[test]
fn a_report_is_the_same_after_it_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let epochs = vec![epoch("frozen", 1, 1.0 / 3.0)];
    let report = report(epochs, State::EndedEarly { seconds: 0.1 + 0.2, reason: "why".to_owned() });
    let page = std::fs::read(write(folder.path(), &report).unwrap()).unwrap();
    assert_eq!(std::fs::read(rewrite(folder.path()).unwrap()).unwrap(), page);
    assert_eq!(read(folder.path()).unwrap().plan, report.plan);
    let mut endless = report;
    endless.plan.phases[0].epochs = usize::MAX;
    assert!(write(folder.path(), &endless).unwrap_err().to_string().contains("1000000 at most"));
}

#[test]
fn what_a_check_found_is_told_kind_by_kind() {
    let tiny = (0..SHOWN + 3).map(|n| Problem::warning(format!("{n}.png"), "tiny", "3x3 pixels"));
    let corrupt = [Problem::error("b.jpg", "corrupt", "ends <early>")];
    let problems = Problems::of(&check::Report::of(tiny.chain(corrupt).collect()));
    let told: Vec<_> = problems
        .iter()
        .map(|kind| (kind.kind.as_str(), kind.is_error, kind.count, kind.first.len()))
        .collect();
    assert_eq!(told, [("corrupt", true, 1, 1), ("tiny", false, SHOWN + 3, SHOWN)]);
    let page = |problems| {
        let about = About { train: 9, problems, ..About::default() };
        Report { about, ..report(vec![], State::Unknown) }.to_html()
    };
    assert!(!page(None).contains("check of the data"));
    assert!(page(Some(vec![])).contains("found no problems"));
    let page = page(Some(problems));
    for shown in ["1 error: corrupt", "23 warnings: tiny", "ends &#60;early&#62;", "and 3 more"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
}

#[test]
fn a_drawing_becomes_a_file() {
    let drawing = standalone(&draw_plan(&report(vec![], State::Unknown).plan, &[], None));
    assert!(drawing.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plan\""), "{drawing}");
    assert!(drawing.contains("</style>") && drawing.ends_with("</svg>\n"), "{drawing}");
}

#[test]
fn what_is_kept_is_named_where_another_epoch_measured_better() {
    let mut page = report(vec![epoch("frozen", 1, 0.9), epoch("thawed", 1, 0.8)], State::Unknown);
    page.plan.phases[0].method = Method::SolveHead;
    let told = |decision: Decision| Report { decision: Some(decision), ..page.clone() }.to_html();
    let card = |weights: &str| format!("<dt>weights</dt><dd>{weights}<small>");
    let thawed = told(decision(Kept::Thawed));
    assert!(thawed.contains(&card("thawed")) && thawed.contains("the weights kept are thawed"), "{thawed}");
    let between = told(decision(Kept::Between));
    assert!(between.contains(&card("between")) && between.contains("kept, between"), "{between}");
    let frozen = told(decision(Kept::Frozen));
    assert!(frozen.contains(&card("head only")), "{frozen}");
}

#[test]
fn more_epochs_are_advised_where_the_last_was_the_best() {
    let advises = |last: f64| {
        let epochs = vec![epoch("frozen", 1, 0.9), epoch("thawed", 1, 0.7), epoch("thawed", 2, last)];
        let (decision, validation) = (Some(decision(Kept::Between)), Some(ValidationReport::default()));
        let page = Report { decision, validation, ..report(epochs, State::Unknown) };
        page.to_html().contains("more epochs may help")
    };
    assert!(advises(0.8) && !advises(0.6));
}
