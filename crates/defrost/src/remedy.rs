//! What can be done about something that is wrong, as a value.
//!
//! Errors, problems and notes of this library state facts. Where there is something to do, they carry a [`Remedy`]
//! beside the text, and whoever shows it puts it into the words of its users: a command names an option, a program an
//! argument, a page a button. [`Remedy::of`] finds the one of any error of this library.

use std::fmt;

/// Something a person can do. The list is closed, so that who has no words for a new one doesn't compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Say which column is the label.
    NameLabelColumn,
    /// Say which column is the text.
    NameTextColumn,
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
    /// Say where pretrained weights come from.
    GiveWeights,
    /// Go on with an interrupted run although its data, weights or machine have changed.
    GoOnDespiteChanges,
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
