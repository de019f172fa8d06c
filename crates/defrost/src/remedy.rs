//! What a person can do about an error, as a value.
//!
//! Errors, problems and notes of this library state facts. Where something can be done, they carry a [`Remedy`] beside the
//! text. The program that shows it uses the words of its users: a command names an option, a library call an argument, a
//! page a button. [`Remedy::of`] finds the remedy of any error of this library.

use std::fmt;

/// Something a person can do. The list is closed, so that a program without words for a new remedy doesn't compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Say which column is the label.
    NameLabelColumn,
    /// Say which column is the text.
    NameTextColumn,
    /// Say which sheet of a workbook holds the table.
    NameSheet,
    /// Say in which encoding a table is written.
    SayEncoding,
    /// Say whether the first line of a table names its columns.
    SayHeader,
    /// Say which character separates several labels in a cell.
    SayLabelSeparator,
    /// Say what kind of cells a column holds.
    SayKind {
        /// The column.
        column: String,
        /// A kind that it may be.
        kind: &'static str,
    },
    /// Let this column say which rows validate.
    DivideByColumn(String),
    /// Predict a class where numbers would be predicted.
    PredictClass,
    /// Predict a number where a class would be predicted.
    PredictNumber,
    /// Predict any number of labels where a class would be predicted.
    PredictLabels,
    /// Leave this column of a table out.
    IgnoreColumn(String),
    /// Train the earlier run again without this column.
    IgnoreColumnEarlier(String),
    /// Let texts have more tokens before they are cut.
    RaiseMaxTokens,
    /// Take smaller batches.
    LowerBatchSize,
    /// Choose this architecture, which the weights fit.
    ChooseArchitecture(String),
    /// Choose this architecture, which the run to go on from has, or name none.
    ChooseArchitectureOfRun(String),
    /// Put a new head on the body of the run to go on from.
    StartNewHead,
    /// Say where pretrained weights come from.
    GiveWeights,
    /// Use this name, which is the nearest to the one given.
    UseName(String),
    /// Go on with an interrupted run although its data, weights or machine have changed.
    GoOnDespiteChanges,
}

impl Remedy {
    /// The known name that is nearest to this one, if any is near enough to be a slip of the keyboard.
    pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        // The measure and the threshold with which clap suggests options.
        let similarity = |known: &str| strsim::jaro(&name.to_lowercase(), &known.to_lowercase());
        let near = known.into_iter().map(|known| (similarity(known), known));
        let near = near.filter(|(similarity, _)| *similarity > 0.7);
        // Of equally near ones the first.
        let nearest = near.reduce(|best, other| if other.0 > best.0 { other } else { best });
        nearest.map(|(_, name)| Self::UseName(name.to_owned()))
    }
}

/// What a person should know, and what can be done about it if something can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What there is to know.
    pub text: String,
    /// What can be done about it.
    pub remedy: Option<Remedy>,
}

impl From<String> for Note {
    /// Nothing need be done about it.
    fn from(text: String) -> Self {
        Self { text, remedy: None }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let known = ["efficientnet_lite0", "resnet18", "resnet34", "vgg16_bn"];
        let nearest = |name: &str| Remedy::nearest(name, known);
        let suggested = |name: &str| Some(Remedy::UseName(name.to_owned()));
        assert_eq!(nearest("resnet81"), suggested("resnet18"));
        assert_eq!(nearest("ResNet34"), suggested("resnet34"));
        assert_eq!(nearest("efficient_net_lite0"), suggested("efficientnet_lite0"));
        assert_eq!(nearest("vgg16"), suggested("vgg16_bn"));
        for far in ["", "bert", "x"] {
            assert_eq!(nearest(far), None, "{far}");
        }
    }
}
