//! Numbers in JSON that read back as the same bits: serde_json's own reading of decimals is off by a bit here
//! and there.

use serde_json::{Value, json};

/// The key of an object that stands for a number.
const KEY: &str = "f64";

/// Writes each number with a fraction as an object of its digits.
pub(super) fn spell(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => match number.as_f64() {
            Some(float) => json!({ KEY: format!("{float:?}") }),
            None => Value::Number(number),
        },
        Value::Array(values) => values.into_iter().map(spell).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, spell(value))).collect(),
        other => other,
    }
}

/// Reads them back; the standard library's reading is exact.
pub(super) fn read(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(read).collect(),
        Value::Object(fields) => match fields.get(KEY).and_then(Value::as_str).map(str::parse::<f64>) {
            Some(Ok(float)) if fields.len() == 1 => Value::from(float),
            _ => fields.into_iter().map(|(key, value)| (key, read(value))).collect(),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_spelt_reads_back_to_the_bit(bits: u64) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let text = spell(json!({ "a": [number, 1, "f64"] })).to_string();
            let back = read(serde_json::from_str(&text).unwrap());
            prop_assert_eq!(back["a"][0].as_f64().unwrap().to_bits(), bits);
            prop_assert_eq!(&back["a"][1], &json!(1));
        }
    }
}
