//! The plan as an image: the stages from input to output, a column for each phase, and how far each stage has moved.

use askama::Template;

use super::numbers;
use crate::interpret::Movement;
use crate::summary::{GroupState, GroupSummary, PhaseSummary, PlanSummary};

/// Height of a stage, and of the gap between groups.
const ROW: f64 = 18.0;
const GAP: f64 = 7.0;
/// Where the first stage begins.
const TOP: f64 = 38.0;
/// Width of the column left of the phases: the groups' numbers.
const LEFT: f64 = 24.0;
const NAMES: f64 = 92.0;
const PARAMS: f64 = 46.0;
const BARS: f64 = 92.0;
/// About the width of a character.
const CHARACTER: f64 = 6.1;

struct Column {
    middle: f64,
    name: String,
    full: String,
}

/// A group in a phase.
struct Block {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    kind: &'static str,
    text: String,
    text_y: f64,
    full: String,
}

struct Group {
    y: f64,
    height: f64,
    middle: f64,
    index: usize,
    /// Where one of its stages ends and the next begins.
    cuts: Vec<f64>,
}

struct Row {
    y: f64,
    name: String,
    params: String,
    bar: f64,
    moved: String,
    full: String,
}

#[derive(Template)]
#[template(path = "plan.svg", escape = "html")]
struct Drawn {
    width: f64,
    height: f64,
    left: f64,
    blocks_end: f64,
    names: f64,
    params: f64,
    bars: f64,
    bottom: f64,
    measured: bool,
    description: String,
    column_width: f64,
    frame: Option<f64>,
    columns: Vec<Column>,
    groups: Vec<Group>,
    blocks: Vec<Block>,
    rows: Vec<Row>,
    cut: Option<(f64, String)>,
}

/// The plan as an SVG element; without movements, the plan alone. The phase that is running, counted from 0, is framed.
pub fn draw_plan(plan: &PlanSummary, movements: &[Movement], running: Option<usize>) -> String {
    let column_width = match plan.phases.len() {
        0..=2 => 60.0,
        3 => 54.0,
        _ => 48.0,
    };
    let column = |phase: usize| LEFT + phase as f64 * column_width;
    let blocks_end = column(plan.phases.len());
    let names = blocks_end + 8.0;
    let params = names + NAMES + PARAMS;
    let bars = params + 10.0;
    let measured = !movements.is_empty();
    let highest = movements.iter().filter_map(Movement::relative).fold(0.0, f64::max);

    let (mut y, mut cut) = (TOP, None);
    let (mut groups, mut blocks, mut rows) = (vec![], vec![], vec![]);
    for group in &plan.groups {
        if group.index + 1 == plan.groups.len() && !plan.cut.is_empty() {
            cut = Some((y, cut_text(&plan.cut)));
            y += ROW + GAP;
        }
        let height = ROW * group.stages.len().max(1) as f64;
        for (index, phase) in plan.phases.iter().enumerate() {
            blocks.push(Block {
                x: column(index) + 1.5,
                y,
                width: column_width - 3.0,
                height,
                kind: kind(group, phase),
                text: state(group, phase),
                text_y: y + height / 2.0 + 4.0,
                full: format!(
                    "{}: group {} ({}) {}",
                    phase.name,
                    group.index,
                    group.name,
                    full_state(group, phase)
                ),
            });
        }
        let cuts = (1..group.stages.len()).map(|stage| y + stage as f64 * ROW).collect();
        groups.push(Group { y, height, middle: y + height / 2.0 + 4.0, index: group.index, cuts });
        for (stage, name) in group.stages.iter().enumerate() {
            let movement = movements.iter().find(|movement| movement.stage == *name);
            let relative = movement.and_then(Movement::relative);
            let moved = match (movement, relative) {
                (Some(_), Some(relative)) => numbers::fraction(relative),
                (Some(movement), None) if movement.distance > 0.0 => "new".to_owned(),
                (Some(_), None) => numbers::fraction(0.0),
                (None, _) => String::new(),
            };
            let params = group.stage_params.get(stage).copied();
            let full = match params {
                Some(params) => format!("{name}: {} parameters", numbers::thousands(params)),
                None => name.clone(),
            };
            rows.push(Row {
                y: y + stage as f64 * ROW,
                name: shortened(if group.new { format!("{name} (new)") } else { name.clone() }, NAMES),
                params: params.map_or(String::new(), numbers::count),
                bar: (relative.filter(|_| highest > 0.0).unwrap_or(0.0) / highest.max(1e-300)
                    * (BARS - 48.0)
                    * 10.0)
                    .round()
                    / 10.0,
                full: if moved.is_empty() { full } else { format!("{full}, change {moved}") },
                moved,
            });
        }
        y += height + GAP;
    }
    let bottom = y - GAP;
    let columns = plan.phases.iter().enumerate().map(|(index, phase)| Column {
        middle: column(index) + column_width / 2.0,
        name: shortened(phase.name.clone(), column_width),
        full: phase.name.clone(),
    });
    let drawn = Drawn {
        width: if measured { bars + BARS } else { params + 4.0 },
        height: bottom + 20.0,
        left: LEFT,
        blocks_end,
        names,
        params,
        bars,
        bottom,
        measured,
        description: description(plan, running),
        column_width,
        frame: running.filter(|&phase| phase < plan.phases.len()).map(column),
        columns: columns.collect(),
        groups,
        blocks,
        rows,
        cut,
    };
    drawn.render().expect("writing to a string never fails")
}

/// How a group is drawn.
fn kind(group: &GroupSummary, phase: &PhaseSummary) -> &'static str {
    match phase.frozen_groups.contains(&group.index) {
        true => "frozen",
        false if group.new => "new",
        false => "trains",
    }
}

fn state(group: &GroupSummary, phase: &PhaseSummary) -> String {
    match phase.state_of(group.index) {
        GroupState::Frozen => "frozen".to_owned(),
        GroupState::Solved => "best head".to_owned(),
        GroupState::Trains(rate) => numbers::rate(rate),
    }
}

fn full_state(group: &GroupSummary, phase: &PhaseSummary) -> String {
    match phase.state_of(group.index) {
        GroupState::Frozen => "is frozen".to_owned(),
        GroupState::Solved => "is the best head, computed".to_owned(),
        GroupState::Trains(rate) => format!("trains at up to {}", numbers::rate(rate)),
    }
}

fn cut_text(cut: &[String]) -> String {
    match cut {
        [only] => format!("cut off: {only}"),
        [first, .., last] => format!("cut off: {first} to {last}"),
        [] => String::new(),
    }
}

/// A text that fits into this width.
fn shortened(text: String, width: f64) -> String {
    let fitting = (width / CHARACTER) as usize;
    match text.chars().count() > fitting {
        true => text.chars().take(fitting.saturating_sub(1)).chain(['…']).collect(),
        false => text,
    }
}

/// The image in words.
fn description(plan: &PlanSummary, running: Option<usize>) -> String {
    let phase = |(index, phase): (usize, &PhaseSummary)| {
        let of = |group: &GroupSummary| format!("{} {}", group.name, full_state(group, phase));
        let groups: Vec<String> = plan.groups.iter().map(of).collect();
        let now = if running == Some(index) { ", running now" } else { "" };
        format!("phase {}{now}: {}", phase.name, groups.join(", "))
    };
    plan.phases.iter().enumerate().map(phase).collect::<Vec<_>>().join("; ")
}
