//! Errors and notes in a page's words.

use std::error::Error;

use defrost::{Note, Remedy};
use serde::Serialize;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// Of the worker's scope: notes a panic.
    #[wasm_bindgen(js_name = defrostPanicked)]
    pub fn report_panic(text: &str);

    /// Of the worker's scope: says what an advice does, the passes so far and in all.
    #[wasm_bindgen(js_name = defrostAdvising)]
    pub fn report_advising(doing: &str, used: f64, passes: f64);
}

/// What JavaScript throws.
pub type Thrown<T> = Result<T, JsError>;

/// Turns the library's errors into what JavaScript throws.
pub trait OrThrow<T> {
    /// The value, or an error in a page's words.
    fn or_throw(self) -> Thrown<T>;
}

impl<T, E: Error + 'static> OrThrow<T> for Result<T, E> {
    fn or_throw(self) -> Thrown<T> {
        self.map_err(|error| JsError::new(&with_words(&error.to_string(), Remedy::of(&error).as_ref())))
    }
}

/// The remedy as something to do on the page.
fn words(remedy: &Remedy) -> Option<String> {
    Some(match remedy {
        Remedy::LowerBatchSize => {
            "choose fewer pictures in a batch, or smaller ones, under Settings".to_owned()
        }
        Remedy::UseName(name) => format!("did you mean `{name}`?"),
        Remedy::GoOnDespiteChanges => "begin a new run".to_owned(),
        Remedy::StartNewHead => "begin with the body alone".to_owned(),
        Remedy::ChooseArchitecture(name) | Remedy::ChooseArchitectureOfRun(name) => {
            format!("the network is {name}")
        }
        Remedy::GiveWeights => "load the page again, so that it fetches the backbone".to_owned(),
        // Of tables and texts, which a page does not train on.
        Remedy::NameLabelColumn
        | Remedy::NameTextColumn
        | Remedy::NameSheet
        | Remedy::SayEncoding
        | Remedy::SayHeader
        | Remedy::SayLabelSeparator
        | Remedy::SayKind { .. }
        | Remedy::DivideByColumn(_)
        | Remedy::PredictClass
        | Remedy::PredictNumber
        | Remedy::PredictLabels
        | Remedy::IgnoreColumn(_)
        | Remedy::IgnoreColumnEarlier(_)
        | Remedy::RaiseMaxTokens => return None,
    })
}

/// A text and what to do, if there is anything.
pub fn with_words(text: &str, remedy: Option<&Remedy>) -> String {
    match remedy.and_then(words) {
        Some(words) => format!("{text}; {words}"),
        None => text.to_owned(),
    }
}

/// A note in one line.
pub fn note(note: &Note) -> String {
    with_words(&note.text, note.remedy.as_ref())
}

/// As JSON.
pub fn json(value: &impl Serialize) -> Thrown<String> {
    serde_json::to_string(value).or_throw()
}
