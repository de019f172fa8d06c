//! An advice in words and tables, for a terminal of 80 columns.

use defrost::learner::{Advice, CurvePoint, Depth, Trial};

use super::{seconds, thousands};

/// Columns of a line.
const WIDTH: usize = 80;
/// Columns of a name.
const NAME: usize = 34;

/// All that was measured, and then the advice.
pub fn advice_text(advice: &Advice) -> String {
    let name = &advice.metric_name;
    let value = |value: f64| match is_fraction(name) {
        true => format!("{:.1} %", 100.0 * value),
        false => format!("{value:.4}"),
    };
    let line = |called: &str, [metric, low, high]: [f64; 3], rest: &str| {
        let interval = format!("{} to {}", value(low), value(high));
        let called = shortened(called);
        format!("  {called:NAME$} {:>9} {interval:>18}  {rest}", value(metric)).trim_end().to_owned() + "\n"
    };
    let head = |called: &str, rest: &str| {
        let name: String = name.chars().take(9).collect();
        format!("  {called:NAME$} {name:>9} {:>18}  {rest}", "95 % interval").trim_end().to_owned() + "\n"
    };
    let mut text = String::new();
    if !advice.depths.is_empty() {
        text += &head("features of", "features");
        for Depth { stage, features, metric, low, high, .. } in &advice.depths {
            text += &line(stage, [*metric, *low, *high], &thousands(*features));
        }
        if let Some(all) = &advice.together {
            text += &line("all of these together", [all.metric, all.low, all.high], &thousands(all.features));
        }
        text += "\n";
    }
    text += &head("plan that was tried", "took");
    for Trial { plan, metric, low, high, seconds: took, .. } in &advice.trials {
        text += &line(plan, [*metric, *low, *high], &seconds(*took));
    }
    if !advice.data_curve.is_empty() {
        text += &format!("\n{}", head("training data", ""));
        for CurvePoint { fraction, items, metric, low, high, .. } in &advice.data_curve {
            let called = format!("{:.0} %, {}", 100.0 * fraction, thousands(*items));
            text += &line(&called, [*metric, *low, *high], "");
        }
    }
    text += "\n";
    advice.advice.iter().for_each(|sentence| text += &wrapped(sentence));
    text
}

fn is_fraction(metric: &str) -> bool {
    !["rmse", "mae"].contains(&metric)
}

/// A name that fits into its column.
fn shortened(name: &str) -> String {
    match name.chars().count() {
        0..=NAME => name.to_owned(),
        _ => name.chars().take(NAME - 1).chain(['…']).collect(),
    }
}

/// A sentence in lines; a word that is longer than a line has its own.
fn wrapped(sentence: &str) -> String {
    let (mut text, mut column) = (String::new(), 0);
    for word in sentence.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += length;
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_longer_than_a_terminal() {
        let text = wrapped(&"measure twice and then cut once ".repeat(9));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH) && text.lines().count() > 2, "{text}");
        assert_eq!(text.split_whitespace().count(), 54);
        assert_eq!(shortened(&"x".repeat(60)).chars().count(), NAME);
        assert_eq!(shortened("blocks.6"), "blocks.6");
    }
}
