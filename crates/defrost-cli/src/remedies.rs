//! The remedies of the library's errors, as options of this command.

use defrost::check::{Problem, Report};
use defrost::{Note, Remedy};

/// The remedy as an option.
pub fn words(remedy: &Remedy) -> String {
    match remedy {
        Remedy::NameLabelColumn => "name it with --label-column NAME".to_owned(),
        Remedy::NameTextColumn => "name it with --text-column NAME".to_owned(),
        Remedy::NameSheet => "name one with --sheet NAME".to_owned(),
        Remedy::SayEncoding => "--encoding NAME reads it as another".to_owned(),
        Remedy::SayHeader => "--header yes reads it as names".to_owned(),
        Remedy::SayLabelSeparator => "--label-separator CHAR splits them at another".to_owned(),
        Remedy::SayKind { column, kind } => format!("--column \"{column}={kind}\" reads it so"),
        Remedy::DivideByColumn(name) => format!("--valid-column \"{name}\" follows it"),
        Remedy::PredictClass => "--target class predicts a class".to_owned(),
        Remedy::PredictNumber => "--target number predicts a number".to_owned(),
        Remedy::PredictLabels => "--target labels predicts any number of labels".to_owned(),
        Remedy::IgnoreColumn(name) => format!("leave it out with --ignore \"{name}\""),
        Remedy::IgnoreColumnEarlier(name) => format!("train the earlier run with --ignore \"{name}\""),
        Remedy::RaiseMaxTokens => "--max-tokens says where".to_owned(),
        Remedy::LowerBatchSize => "a smaller --batch needs less".to_owned(),
        Remedy::ChooseArchitecture(name) => format!("give --arch {name}"),
        Remedy::ChooseArchitectureOfRun(name) => format!("give --arch {name} or leave --arch out"),
        Remedy::GiveWeights => {
            "give --weights hub, a .safetensors or .pth file, or none to start from random ones".to_owned()
        }
        Remedy::StartNewHead => "--pretrained RUN starts a new head on its body".to_owned(),
        Remedy::UseName(name) => format!("did you mean `{name}`?"),
        Remedy::GoOnDespiteChanges => "--resume-anyway goes on nevertheless".to_owned(),
    }
}

/// A text and what to type, if there is anything.
fn with_words(text: &str, remedy: Option<&Remedy>) -> String {
    remedy.map_or_else(|| text.to_owned(), |remedy| format!("{text}; {}", words(remedy)))
}

/// A note in one line.
pub fn note(note: &Note) -> String {
    with_words(&note.text, note.remedy.as_ref())
}

/// A report whose problems say what to type.
pub fn worded(mut report: Report) -> Report {
    for Problem { detail, remedy, .. } in &mut report.problems {
        *detail = with_words(detail, remedy.take().as_ref());
    }
    report
}
