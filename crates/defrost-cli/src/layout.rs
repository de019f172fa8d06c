//! Tables for people: the layer groups, the phases.

use anstyle::{AnsiColor, Style};

use defrost::PlanSummary;
use defrost::metrics::Metrics;

const FROZEN: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan)));
const TRAINS: Style = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));

/// The plan as a table: a row a group, a column a phase.
pub fn plan_table(plan: &PlanSummary) -> String {
    let names: Vec<String> =
        plan.groups.iter().map(|group| format!("{} {}", group.index, group.name)).collect();
    let params: Vec<String> = plan.groups.iter().map(|group| thousands(group.params)).collect();
    let (name_width, params_width) = (width(&names).max(11), width(&params).max(10));
    let mut text = format!("{}: {} parameters\n\n", plan.arch, thousands(plan.total_params));
    text += &format!("  {:name_width$}  {:>params_width$}", "layer group", "parameters");
    for phase in &plan.phases {
        text += &format!("  {:16}", format!("{}, {}", phase.name, epochs(phase.epochs)));
    }
    text += "\n";
    for (group, name) in plan.groups.iter().zip(&names) {
        text += &format!("  {name:name_width$}  {:>params_width$}", thousands(group.params));
        for phase in &plan.phases {
            let (style, cell) = match phase.frozen_groups.contains(&group.index) {
                true => (FROZEN, "frozen".to_owned()),
                false => (TRAINS, format!("trains {}", rate(phase.lr_max[group.index]))),
            };
            text += &format!("  {style}{cell:16}{style:#}");
        }
        text += "\n";
    }
    text += &format!("  {:name_width$}  {:>params_width$}", "that train", "");
    for phase in &plan.phases {
        text += &format!("  {:16}", thousands(phase.trainable_params));
    }
    text += "\n";
    for note in &plan.notes {
        text += &format!("  note: {note}\n");
    }
    text
}

fn width(texts: &[String]) -> usize {
    texts.iter().map(String::len).max().unwrap_or(0)
}

fn epochs(count: usize) -> String {
    if count == 1 { "1 epoch".to_owned() } else { format!("{count} epochs") }
}

/// A learning rate in three digits.
pub fn rate(rate: f64) -> String {
    let text = format!("{rate:.2e}");
    text.replace(".00e", "e").replace("0e", "e")
}

/// The measures a person looks at first, in one line: `accuracy 0.9100, f1 0.9052`.
pub fn metrics(metrics: &Metrics) -> String {
    let first = ["accuracy", "f1", "mae", "rmse", "r2"];
    let measures = first.iter().filter_map(|&name| Some(format!("{name} {:.4}", metrics.get(name)?)));
    measures.collect::<Vec<_>>().join(", ")
}

/// A number with its thousands apart.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(["0", "999", "1,000", "21,284,672"], [0, 999, 1000, 21_284_672].map(thousands)[..]);
        assert_eq!(["2e-3", "6.32e-4", "1.5e-5"], [2e-3, 6.324e-4, 1.5e-5].map(rate)[..]);
    }
}
