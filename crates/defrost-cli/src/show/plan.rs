//! Plans for people: the stages drawn in a row for each phase, the groups as a table.

use anstyle::{AnsiColor, Style};

use defrost::metrics::Metrics;
pub use defrost::report::{rate, thousands};
use defrost::{GroupState, Method, PhaseSummary, PlanSummary};

use super::is_quiet;
use crate::terminal::{name, plain, say_styled, tell_styled};

const FROZEN: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan)));
/// Up to this many stages are drawn twice as wide.
const NARROW: usize = 30;
const TRAINS: Style = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));

/// Prints the plan on stdout.
pub fn say_plan(plan: &PlanSummary) {
    say_styled(&plan_table(plan));
}

/// Prints the plan on stderr, unless the command is quiet.
pub fn tell_plan(plan: &PlanSummary) {
    if !is_quiet() {
        tell_styled(&(plan_table(plan) + "\n"));
    }
}

/// The plan as a drawing: a row a phase, from input to output, a mark for each stage of each group.
fn plan_rows(plan: &PlanSummary) -> String {
    let stages = plan.groups.iter().map(|group| group.stages.len()).sum::<usize>() + plan.cut.len();
    let wide = if stages <= NARROW { 2 } else { 1 };
    let cut = "·".repeat(plan.cut.len() * wide);
    let before_head =
        |index: usize| if index + 1 == plan.groups.len() && !cut.is_empty() { cut.as_str() } else { "" };
    let name_width = plan.phases.iter().map(|phase| phase.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for phase in &plan.phases {
        text += &format!("  {:name_width$}", phase.name);
        for group in &plan.groups {
            let (style, mark) = match phase.frozen_groups.contains(&group.index) {
                true => (FROZEN, "░"),
                false => (TRAINS, "█"),
            };
            let marks = mark.repeat(group.stages.len().max(1) * wide);
            text += &format!("  {}{style}{marks}{style:#}", before_head(group.index));
        }
        text += "\n";
    }
    text += &format!("  {:name_width$}", "");
    for group in &plan.groups {
        let width = (group.stages.len().max(1) * wide).max(group.index.to_string().len());
        let skip = before_head(group.index).chars().count();
        text += &format!("  {:skip$}{:<width$}", "", group.index);
    }
    let mut key = vec!["░ frozen", "█ trains"];
    if !plan.cut.is_empty() {
        key.push("· cut off");
    }
    format!("{}   {}\n", text.trim_end(), key.join("  "))
}

/// The plan as a drawing and as a table: a row a group, a column a phase.
fn plan_table(plan: &PlanSummary) -> String {
    let names: Vec<String> =
        plan.groups.iter().map(|group| format!("{} {}", group.index, name(&group.name))).collect();
    let params: Vec<String> = plan.groups.iter().map(|group| thousands(group.params)).collect();
    let (name_width, params_width) = (width(&names).max(11), width(&params).max(10));
    let mut text = format!("{}: {} parameters\n\n", name(&plan.arch), thousands(plan.total_params));
    text += &format!("{}\n", plan_rows(plan));
    text += &format!("  {:name_width$}  {:>params_width$}", "layer group", "parameters");
    for phase in &plan.phases {
        let amount = match phase.method {
            Method::Steps if phase.patience.is_some() => format!("up to {}", epochs(phase.epochs)),
            Method::Steps => epochs(phase.epochs),
            Method::SolveHead | Method::Measure => String::new(),
        };
        let separator = if amount.is_empty() { "" } else { ", " };
        text += &format!("  {:16}", format!("{}{separator}{amount}", phase.name));
    }
    text = text.trim_end().to_owned() + "\n";
    for (group, name) in plan.groups.iter().zip(&names) {
        text += &format!("  {name:name_width$}  {:>params_width$}", thousands(group.params));
        for phase in &plan.phases {
            let (style, cell) = match phase.state_of(group.index) {
                GroupState::Frozen => (FROZEN, "frozen".to_owned()),
                GroupState::Solved => (TRAINS, "best head".to_owned()),
                GroupState::Trains(highest) => (TRAINS, format!("trains {}", rate(highest))),
            };
            text += &format!("  {style}{cell:16}{style:#}");
        }
        text += "\n";
    }
    text += &format!("  {:name_width$}  {:>params_width$}", "trainable", "");
    for phase in &plan.phases {
        text += &format!("  {:16}", thousands(phase.trainable_params));
    }
    text = text.trim_end().to_owned() + "\n";
    for PhaseSummary { name, epochs, patience, .. } in &plan.phases {
        if let Some(patience) = patience {
            text += &format!(
                "  {name}: up to {epochs} epochs, until validation has not improved for {patience}\n"
            );
        }
    }
    for note in &plan.notes {
        text += &format!("  note: {}\n", plain(note));
    }
    text
}

/// Warns of choices that are probably mistakes.
pub fn report_warnings(plan: &PlanSummary) {
    for warning in &plan.warnings {
        eprintln!("warning: {warning}");
    }
}

fn width(texts: &[String]) -> usize {
    texts.iter().map(String::len).max().unwrap_or(0)
}

fn epochs(count: usize) -> String {
    if count == 1 { "1 epoch".to_owned() } else { format!("{count} epochs") }
}

/// The metrics a person looks at first, in one line: `accuracy 0.9100, f1 0.9052`.
pub fn metrics(metrics: &Metrics) -> String {
    metrics_that_fit(metrics, usize::MAX)
}

/// The first of these metrics, as many as fit into this many columns, but at least one.
pub fn metrics_that_fit(metrics: &Metrics, columns: usize) -> String {
    let first = ["accuracy", "f1", "mae", "rmse", "r2"];
    let mut line = String::new();
    for metric in first.iter().filter_map(|&name| Some(format!("{name} {:.4}", metrics.get(name)?))) {
        if line.is_empty() {
            line = metric;
        } else if line.len() + 2 + metric.len() <= columns {
            line += &format!(", {metric}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use defrost::GroupSummary;

    fn plan(cut: &[&str]) -> PlanSummary {
        let group = |(index, (name, stages)): (usize, (&str, usize))| GroupSummary {
            index,
            name: name.to_owned(),
            stages: vec![name.to_owned(); stages],
            stage_params: vec![1; stages],
            new: name == "head",
            params: stages,
            trainable: true,
            norm: "keep".to_owned(),
        };
        let phase = |name: &str, frozen: Vec<usize>| PhaseSummary {
            name: name.to_owned(),
            frozen_groups: frozen,
            constant_stages: 0,
            trainable_params: 1,
            epochs: 1,
            patience: None,
            batches_per_epoch: 1,
            method: Method::Steps,
            lr_max: vec![1e-3; 3],
            steps: None,
        };
        PlanSummary {
            arch: "network".to_owned(),
            total_params: 6,
            trainable_params: 1,
            groups: [("early", 3), ("late", 2), ("head", 1)].into_iter().enumerate().map(group).collect(),
            phases: vec![phase("frozen", vec![0, 1]), phase("all", vec![])],
            cut: cut.iter().map(|&stage| stage.to_owned()).collect(),
            ..PlanSummary::default()
        }
    }

    #[test]
    fn a_plan_is_drawn_from_input_to_output() {
        let plain = |plan: &PlanSummary| anstream::adapter::strip_str(&plan_rows(plan)).to_string();
        let expected = "  frozen  ░░░░░░  ░░░░  ██\n  all     ██████  ████  ██\n          0       1     2   ░ frozen  █ trains\n";
        assert_eq!(plain(&plan(&[])), expected);
        assert!(plain(&plan(&["layer4"])).starts_with("  frozen  ░░░░░░  ░░░░  ··██\n"));
    }
}
