//! Each kind of data in the server: the content of a request, the fields of the page's form, the predictions.

use std::collections::BTreeMap;

use hyper::body::Bytes;
use serde_json::{Value, json};

use defrost::bundle::Loaded;
use defrost::learner::TestTimeAugmentation;
use defrost::metrics::Answer;
use defrost::text::TextModelConfig;
use defrost::vision::image::Image;
use defrost::vision::{Explained, ImageModelConfig};

use super::upload::{self, Held};
use crate::domain::{Domain, Text, Vision};
use crate::failure::{Blame, Failure};
use crate::http::{Refusal, Request};

/// The prediction for each input, or why there is none.
pub type Predictions = Vec<Result<Answer, Unusable>>;

/// The reason why an input has no prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The reason.
    pub reason: String,
    /// The error of each wrong field, by its name.
    pub fields: BTreeMap<String, String>,
}

impl From<String> for Unusable {
    fn from(reason: String) -> Self {
        Self { reason, fields: BTreeMap::new() }
    }
}

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

    /// The content of a request, by content type, as OpenAPI describes it.
    fn body(run: &Loaded<Self::Config>) -> Value;

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
    ) -> Result<Explained, Unusable> {
        Err("only images have a map of where the network looks".to_owned().into())
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

    fn body(_: &Loaded<ImageModelConfig>) -> Value {
        let file = json!({ "type": "string", "format": "binary" });
        json!({
            "image/*": { "schema": file },
            "application/octet-stream": { "schema": file },
            "multipart/form-data": {
                "schema": { "type": "object", "required": ["file"], "properties": { "file": file } },
            },
        })
    }

    fn answers(
        run: &Loaded<ImageModelConfig>,
        tta: TestTimeAugmentation,
    ) -> Result<impl Fn(&[Bytes]) -> Predictions, Failure> {
        let read = |bytes: &Bytes| Image::decode(bytes).map_err(|error| error.to_string());
        let predict = move |images: &[Bytes]| run.predict_all(images, tta, read);
        Ok(move |images: &[Bytes]| {
            predict(images).into_iter().map(|answer| answer.map_err(Unusable::from)).collect()
        })
    }

    fn explain(
        run: &Loaded<ImageModelConfig>,
        tta: TestTimeAugmentation,
        bytes: &Bytes,
    ) -> Result<Explained, Unusable> {
        let image = Image::decode(bytes).map_err(|error| error.to_string())?;
        let nowhere = || "this network tells no places of its images apart".to_owned();
        let explained = run.explain(&image, tta).map_err(String::from)?;
        Ok(explained.ok_or_else(nowhere)?)
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

    fn form(run: &Loaded<TextModelConfig>) -> Value {
        json!({ "kind": "text", "max_tokens": run.manifest.model.max_tokens })
    }

    fn body(run: &Loaded<TextModelConfig>) -> Value {
        let text = json!({
            "type": "string",
            "pattern": r"\S",
            "description": format!("It is cut after {} tokens.", run.manifest.model.max_tokens),
        });
        in_json(json!({ "type": "object", "required": ["text"], "properties": { "text": text } }))
    }

    fn answers(
        run: &Loaded<TextModelConfig>,
        _: TestTimeAugmentation,
    ) -> Result<impl Fn(&[String]) -> Predictions, Failure> {
        let tokenizer = run.tokenizer().or_usage()?;
        let unusable =
            |reason: String| Unusable { fields: [("text".to_owned(), reason.clone())].into(), reason };
        Ok(move |texts: &[String]| {
            let answers = run.predict(texts, &tokenizer).into_iter();
            answers.map(|answer| answer.map_err(unusable)).collect()
        })
    }
}

/// A body of JSON, as OpenAPI describes it.
pub(super) fn in_json(schema: Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}
