//! `--lr`

use std::str::FromStr;

use defrost::{Rates, RatesError};

/// The learning rate asked for.
#[derive(Clone, Debug)]
pub enum RateChoice {
    /// These.
    Given(Rates),
    /// The rate that the finder suggests.
    Find,
}

impl FromStr for RateChoice {
    type Err = RatesError;

    fn from_str(text: &str) -> Result<Self, RatesError> {
        if text == "find" { Ok(Self::Find) } else { text.parse().map(Self::Given) }
    }
}
