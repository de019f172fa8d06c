//! What `-h` and `--help` show: the commands grouped by intent, the options most people need, and examples.

use clap::builder::styling::Styles;
use clap::{Arg, Command, CommandFactory};

use super::Arguments;

/// The commands in the order in which they are used.
const INTENTS: [(&str, &[&str]); 4] = [
    ("Before training", &["check", "plan", "advise", "lr-find", "models", "playground"]),
    ("Training", &["train", "pretrain"]),
    (
        "After training",
        &["evaluate", "predict", "serve", "runs", "compare", "report", "export", "features", "pack"],
    ),
    ("Shell", &["completions", "man"]),
];

/// The width of help, in columns.
const WIDTH: usize = 80;

const SHORT: &str = "\
Start with:  defrost train PHOTOS    PHOTOS holds a folder of images per class
`defrost COMMAND -h` shows the options of a command.";

const LONG: &str = "\
Examples:
  defrost check photos                     look for mistakes before training
  defrost plan photos                      what will be frozen, and how long it takes
  defrost train photos                     train; prints the folder of the run
  defrost predict runs/photos-1 new.jpg    use it
  defrost serve runs/photos-1              use it in a browser

Exit codes: 0 done; 1 failed, or `check` found errors; 2 wrong usage or input;
130 interrupted, with a checkpoint to resume from.";

/// The help of a command, as far as it differs from clap's.
struct Screen {
    command: &'static str,
    /// The options that `-h` shows; `--help` shows all.
    first: &'static [&'static str],
    examples: &'static str,
}

const SCREENS: [Screen; 12] = [
    Screen {
        command: "train",
        first: &[
            "epochs",
            "freeze_to",
            "advise",
            "lr",
            "batch",
            "arch",
            "weights",
            "pretrained",
            "label_column",
            "valid",
            "out",
            "resume",
            "live",
        ],
        examples: "\
Examples:
  defrost train photos                          the best head, then everything unfrozen
  defrost train photos --epochs 0               only the head; takes seconds
  defrost train photos --freeze-to -2           the last two layer groups
  defrost train photos --advise                 measure what to freeze, then do it
  defrost train reviews.csv                     a CSV with a column of texts
  defrost train people.csv --label-column pay   a table
  defrost train --resume runs/photos-1          after an interruption",
    },
    Screen {
        command: "plan",
        first: &["epochs", "freeze_to", "gradual", "lr", "arch", "label_column", "batches", "classes", "svg"],
        examples: "\
Examples:
  defrost plan photos                           the default for these photos
  defrost plan photos --freeze-to 1             what `--freeze-to 1` freezes
  defrost plan --arch resnet50 --classes 3      a network without data",
    },
    Screen {
        command: "advise",
        first: &["budget", "epochs", "lr", "arch", "weights", "label_column", "valid", "out"],
        examples: "\
Examples:
  defrost advise photos                         about as long as the training
  defrost advise photos --budget 5m             five minutes",
    },
    Screen {
        command: "lr-find",
        first: &["freeze_to", "batch", "arch", "weights", "label_column", "valid", "svg"],
        examples: "\
Examples:
  defrost lr-find photos                        for the first phase of training
  defrost lr-find photos --freeze-to 0          with everything unfrozen
  defrost train photos --lr find                find the rate and train with it",
    },
    Screen {
        command: "check",
        first: &[
            "task",
            "labels",
            "label_column",
            "label_regex",
            "column_kinds",
            "valid",
            "group_regex",
            "left_out",
            "show_batch",
        ],
        examples: "\
Examples:
  defrost check photos
  defrost check people.csv --label-column pay
  defrost check photos --show-batch batch.png   see what training will see",
    },
    Screen {
        command: "evaluate",
        first: &["tta", "labels", "label_column", "label_regex", "batch"],
        examples: "\
Examples:
  defrost evaluate runs/photos-1 photos/test
  defrost evaluate runs/people.csv-1 others.csv",
    },
    Screen {
        command: "predict",
        first: &["top", "tta", "threads", "csv"],
        examples: "\
Examples:
  defrost predict runs/photos-1 new.jpg other.jpg
  defrost predict runs/reviews.csv-1 \"I LOVE this dried fruit.\"
  defrost predict runs/people.csv-1 new.csv --csv answers.csv",
    },
    Screen {
        command: "serve",
        first: &["port", "host", "top", "tta", "queue", "body_limit", "threads"],
        examples: "\
Examples:
  defrost serve runs/photos-1                   http://127.0.0.1:8000
  defrost serve runs/photos-1 --host 0.0.0.0    for phones in the same network",
    },
    Screen {
        command: "compare",
        first: &[],
        examples: "\
Examples:
  defrost compare runs/photos-1 runs/photos-2   on the same validation photos",
    },
    Screen {
        command: "export",
        first: &["format", "single", "verify", "input", "precision", "batch", "features"],
        examples: "\
Examples:
  defrost export runs/photos-1 model.onnx       one file, images of any size in
  defrost export runs/photos-1 w.safetensors    weights for torchvision or timm
  defrost export runs/photos-1 photos.html      a page that answers images
  defrost export --verify model.onnx runs/photos-1",
    },
    Screen {
        command: "features",
        first: &["stage", "weights", "batch", "size", "label_column"],
        examples: "\
Examples:
  defrost features runs/photos-1 photos features.npy
  defrost features resnet18 photos features.csv --stage layer3",
    },
    Screen {
        command: "pretrain",
        first: &["out", "vocabulary", "epochs", "lr"],
        examples: "\
Examples:
  defrost pretrain text books/ --out language
  defrost train reviews.csv --pretrained language",
    },
];

/// These are on every first screen.
const ALWAYS: [&str; 3] = ["json", "quiet", "help"];

/// The command with its help, for parsing, completions and manual pages.
pub fn command() -> Command {
    let command = Arguments::command();
    let listing = listing(&command);
    let command = command
        .max_term_width(WIDTH)
        .help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{listing}\n{{options}}{{after-help}}"
        ))
        .after_help(SHORT)
        .after_long_help(LONG);
    SCREENS.iter().fold(command, |command, screen| {
        command.mut_subcommand(screen.command, |command| {
            let is_first = |arg: &Arg| {
                let id = arg.get_id().as_str();
                arg.is_positional() || screen.first.contains(&id) || ALWAYS.contains(&id)
            };
            command
                .mut_args(|arg| if is_first(&arg) { arg } else { arg.hide_short_help(true) })
                .after_long_help(screen.examples)
        })
    })
}

/// The commands by intent, each with the first line of its description.
fn listing(command: &Command) -> String {
    let styles = Styles::styled();
    let (heading, literal) = (styles.get_header(), styles.get_literal());
    let about = |name: &str| {
        let found = command.find_subcommand(name).and_then(Command::get_about);
        found.map(ToString::to_string).unwrap_or_default()
    };
    let line = |name: &&str| format!("  {literal}{name:<11}{literal:#}  {}\n", about(name));
    let group = |(intent, names): &(&str, &[&str])| {
        format!("\n{heading}{intent}:{heading:#}\n{}", names.iter().map(line).collect::<String>())
    };
    INTENTS.iter().map(group).collect::<String>() + &format!("\n{heading}Options:{heading:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_listed_once() {
        let listed = || INTENTS.iter().flat_map(|(_, names)| names.iter().copied());
        for command in command().get_subcommands() {
            let name = command.get_name();
            assert_eq!(listed().filter(|listed| *listed == name).count(), 1, "list {name} in INTENTS, once");
        }
        for name in listed() {
            assert!(command().find_subcommand(name).is_some(), "there is no command {name}");
        }
    }

    #[test]
    fn first_screens_name_options_that_exist() {
        for Screen { command: name, first, .. } in &SCREENS {
            let command = command();
            let command = command.find_subcommand(name).unwrap();
            for id in *first {
                assert!(command.get_arguments().any(|arg| arg.get_id() == id), "{name} has no {id}");
            }
        }
    }

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }
}
