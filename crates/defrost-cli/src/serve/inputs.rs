//! Each kind of data in the server: the content of a request, the fields of the page's form, the predictions.

use std::collections::BTreeMap;

use hyper::body::Bytes;
use serde_json::{Value, json};

use defrost::bundle::Loaded;
use defrost::learner::TestTimeAugmentation;
use defrost::metrics::Answer;
use defrost::tabular::{FieldKind, TableModelConfig};
use defrost::text::TextModelConfig;
use defrost::vision::image::Image;
use defrost::vision::{Explained, ImageModelConfig};

use super::upload::{self, Held};
use crate::domain::{Domain, Table, Text, Vision};
use crate::failure::{Blame, Failure};
use crate::http::{Refusal, Request};

/// The prediction for each input, or why there is none.
pub type Predictions = Vec<Result<Answer, String>>;

/// A kind of data whose runs can be served.
pub trait Served: Domain + 'static {
    /// The content of a request.
    type Input: Send + 'static;

    /// What a request holds, and what it is called. Its bytes are `held` room.
    fn input(
        request: Request,
        held: &mut Held,
    ) -> impl Future<Output = Result<(String, Self::Input), Refusal>> + Send;

    /// The fields of the page's form.
    fn form(run: &Loaded<Self::Config>) -> Value;

    /// A function that predicts inputs.
    fn answers(
        run: &Loaded<Self::Config>,
        tta: TestTimeAugmentation,
    ) -> Result<impl Fn(&[Self::Input]) -> Predictions, Failure>;

    /// The prediction for an input and where the network looks, or why there is none.
    fn explain(
        _: &Loaded<Self::Config>,
        _: TestTimeAugmentation,
        _: &Self::Input,
    ) -> Result<Explained, String> {
        Err("only images have a map of where the network looks".to_owned())
    }
}

impl Served for Vision {
    /// The bytes of an image's file.
    type Input = Bytes;

    async fn input(request: Request, held: &mut Held) -> Result<(String, Bytes), Refusal> {
        let (name, bytes) = upload::image(request, held).await?;
        Ok((name.unwrap_or_else(|| "image".to_owned()), bytes))
    }

    fn form(run: &Loaded<ImageModelConfig>) -> Value {
        // Whether it tells places apart shows in any image.
        let image = Image::from_rgb(1, 1, vec![0; 3]).expect("one pixel");
        json!({ "kind": "image", "heat": matches!(run.explain(&image, TestTimeAugmentation::NONE), Ok(Some(_))) })
    }

    fn answers(
        run: &Loaded<ImageModelConfig>,
        tta: TestTimeAugmentation,
    ) -> Result<impl Fn(&[Bytes]) -> Predictions, Failure> {
        let read = |bytes: &Bytes| Image::decode(bytes).map_err(|error| error.to_string());
        Ok(move |images: &[Bytes]| run.predict_all(images, tta, read))
    }

    fn explain(
        run: &Loaded<ImageModelConfig>,
        tta: TestTimeAugmentation,
        bytes: &Bytes,
    ) -> Result<Explained, String> {
        let image = Image::decode(bytes).map_err(|error| error.to_string())?;
        let nowhere = || "this network tells no places of its images apart".to_owned();
        run.explain(&image, tta)?.ok_or_else(nowhere)
    }
}

impl Served for Text {
    type Input = String;

    async fn input(request: Request, held: &mut Held) -> Result<(String, String), Refusal> {
        match upload::object(request, held).await?.remove("text") {
            Some(Value::String(text)) => Ok((text.clone(), text)),
            _ => Err(Refusal::unusable("there is no text; send {\"text\": \"…\"}")),
        }
    }

    fn form(_: &Loaded<TextModelConfig>) -> Value {
        json!({ "kind": "text" })
    }

    fn answers(
        run: &Loaded<TextModelConfig>,
        _: TestTimeAugmentation,
    ) -> Result<impl Fn(&[String]) -> Predictions, Failure> {
        let tokenizer = run.tokenizer().or_usage()?;
        Ok(move |texts: &[String]| run.predict(texts, &tokenizer))
    }
}

impl Served for Table {
    /// The cells of a row, by column.
    type Input = BTreeMap<String, String>;

    async fn input(request: Request, held: &mut Held) -> Result<(String, Self::Input), Refusal> {
        let Some(Value::Object(row)) = upload::object(request, held).await?.remove("row") else {
            return Err(Refusal::unusable("there is no row; send {\"row\": {column: value, …}}"));
        };
        let mut cells = BTreeMap::new();
        for (column, value) in row {
            let cell = cell(&column, value)?;
            cells.insert(column, cell);
        }
        Ok(("row".to_owned(), cells))
    }

    fn form(run: &Loaded<TableModelConfig>) -> Value {
        let fields = run.manifest.model.schema.fields().into_iter().map(|field| match field.kind {
            FieldKind::Number => json!({ "name": field.name, "kind": "number" }),
            FieldKind::Date => json!({ "name": field.name, "kind": "date" }),
            FieldKind::Time => json!({ "name": field.name, "kind": "time" }),
            FieldKind::Category(choices) => {
                json!({ "name": field.name, "kind": "category", "choices": choices })
            }
        });
        json!({ "kind": "row", "fields": fields.collect::<Vec<_>>() })
    }

    fn answers(
        run: &Loaded<TableModelConfig>,
        _: TestTimeAugmentation,
    ) -> Result<impl Fn(&[Self::Input]) -> Predictions, Failure> {
        Ok(|rows: &[Self::Input]| run.predict_rows(rows))
    }
}

/// A value as a CSV file would have it.
fn cell(column: &str, value: Value) -> Result<String, Refusal> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Array(_) | Value::Object(_) => {
            Err(Refusal::unusable(format!("column `{column}` is a list or an object; send one value")))
        }
    }
}
