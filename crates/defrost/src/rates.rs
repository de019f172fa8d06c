//! Learning rates: one for all layer groups, a slice spread over them, or one each.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The rates of a training phase, before they are spread over the layer groups.
///
/// ```
/// use defrost::Rates;
///
/// let discriminative: Rates = "1e-5..1e-3".parse()?;
/// let rates = discriminative.for_groups(3)?;
/// assert!(rates.iter().zip([1e-5, 1e-4, 1e-3]).all(|(rate, expected)| (rate - expected).abs() < 1e-12));
/// # Ok::<(), defrost::RatesError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Rates {
    /// The same rate for all groups.
    One(f64),
    /// fastai's `slice(hi)`: a tenth for all groups but the last.
    UpTo(f64),
    /// fastai's `slice(lo, hi)`: evenly spread on a logarithmic scale.
    Between(f64, f64),
    /// A rate for each group.
    Each(Vec<f64>),
}

/// Rates that cannot be read, or do not fit the layer groups.
#[derive(Debug, Error, PartialEq)]
pub enum RatesError {
    /// The text is none of the forms.
    #[error(
        "`{0}` is not a rate; write one rate (2e-3), a slice (1e-5..1e-3 or ..1e-3) or one per group (1e-5,1e-4,1e-3)"
    )]
    Unreadable(String),
    /// A rate that cannot be one.
    #[error("a learning rate must be positive and finite, not {0}")]
    NotPositive(f64),
    /// As many rates as there are groups are needed.
    #[error("{given} rates for {groups} layer groups; write one rate, a slice lo..hi, or {groups} rates")]
    Count {
        /// How many were given.
        given: usize,
        /// How many groups there are.
        groups: usize,
    },
}

impl Rates {
    /// A rate for each of `groups` groups, input first.
    ///
    /// # Errors
    ///
    /// If there is a rate for each group and their number differs, or a rate is not positive.
    pub fn for_groups(&self, groups: usize) -> Result<Vec<f64>, RatesError> {
        let rates = match *self {
            Self::One(rate) => vec![rate; groups],
            Self::UpTo(hi) => {
                (1..=groups).map(|group| if group == groups { hi } else { hi / 10.0 }).collect()
            }
            // With one group there is nothing to spread: it is the last, and takes the last rate.
            Self::Between(_, hi) if groups < 2 => vec![hi; groups],
            Self::Between(lo, hi) => {
                let step = (hi / lo).powf(1.0 / (groups - 1) as f64);
                let inner = (0..groups - 1).map(|group| lo * step.powi(group as i32));
                // The ends are exactly the given rates, without rounding.
                inner.chain([hi]).collect()
            }
            Self::Each(ref rates) if rates.len() == groups => rates.clone(),
            Self::Each(ref rates) => return Err(RatesError::Count { given: rates.len(), groups }),
        };
        match rates.iter().find(|rate| !(rate.is_finite() && **rate > 0.0)) {
            Some(&rate) => Err(RatesError::NotPositive(rate)),
            None => Ok(rates),
        }
    }

    /// The same rates, all multiplied.
    pub fn scaled(&self, factor: f64) -> Self {
        match self {
            Self::One(rate) => Self::One(rate * factor),
            Self::UpTo(hi) => Self::UpTo(hi * factor),
            Self::Between(lo, hi) => Self::Between(lo * factor, hi * factor),
            Self::Each(rates) => Self::Each(rates.iter().map(|rate| rate * factor).collect()),
        }
    }

    /// The highest rate: the last group's, unless the rates are given one by one.
    pub fn highest(&self) -> f64 {
        match self {
            Self::One(rate) | Self::UpTo(rate) => *rate,
            Self::Between(lo, hi) => lo.max(*hi),
            Self::Each(rates) => rates.iter().copied().fold(f64::MIN, f64::max),
        }
    }
}

impl FromStr for Rates {
    type Err = RatesError;

    fn from_str(text: &str) -> Result<Self, RatesError> {
        let number = |part: &str| {
            let rate = part.trim().parse::<f64>().map_err(|_| RatesError::Unreadable(text.to_owned()))?;
            if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err(RatesError::NotPositive(rate)) }
        };
        match text.split_once("..") {
            Some(("", hi)) => Ok(Self::UpTo(number(hi)?)),
            Some((lo, hi)) => Ok(Self::Between(number(lo)?, number(hi)?)),
            None if text.contains(',') => {
                Ok(Self::Each(text.split(',').map(number).collect::<Result<_, _>>()?))
            }
            None => Ok(Self::One(number(text)?)),
        }
    }
}

/// What can be given as rates: rates, a number for all groups, or a text such as `1e-5..1e-3`.
pub trait IntoRates {
    /// The rates.
    ///
    /// # Errors
    ///
    /// If a text is none of the forms of [`Rates`].
    fn into_rates(self) -> Result<Rates, RatesError>;
}

impl IntoRates for Rates {
    fn into_rates(self) -> Result<Rates, RatesError> {
        Ok(self)
    }
}

impl IntoRates for f64 {
    fn into_rates(self) -> Result<Rates, RatesError> {
        Ok(Rates::One(self))
    }
}

impl IntoRates for &str {
    fn into_rates(self) -> Result<Rates, RatesError> {
        self.parse()
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(rate) => write!(formatter, "{rate:e}"),
            Self::UpTo(hi) => write!(formatter, "..{hi:e}"),
            Self::Between(lo, hi) => write!(formatter, "{lo:e}..{hi:e}"),
            Self::Each(rates) => {
                let rates: Vec<String> = rates.iter().map(|rate| format!("{rate:e}")).collect();
                write!(formatter, "{}", rates.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_that_are_no_rates_say_so() {
        for text in ["", "fast", "1e-3..", "1e-3,,1e-2", "..", "1e-5..x"] {
            assert_eq!(text.parse::<Rates>(), Err(RatesError::Unreadable(text.to_owned())), "{text}");
        }
        for text in ["0", "-1e-3", "inf", "1e-5..-1", "1e-3,0"] {
            assert!(matches!(text.parse::<Rates>(), Err(RatesError::NotPositive(_))), "{text}");
        }
        assert!(matches!("NaN".parse::<Rates>(), Err(RatesError::NotPositive(rate)) if rate.is_nan()));
    }

    #[test]
    fn a_wrong_number_of_rates_is_an_error() {
        let rates: Rates = "1e-5,1e-3".parse().unwrap();
        let message = "2 rates for 3 layer groups; write one rate, a slice lo..hi, or 3 rates";
        assert_eq!(rates.for_groups(3).unwrap_err().to_string(), message);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(lo in 1e-9..1.0f64, hi in 1e-9..1.0f64) {
            for rates in [Rates::One(lo), Rates::UpTo(hi), Rates::Between(lo, hi), Rates::Each(vec![lo, hi])] {
                prop_assert_eq!(rates.to_string().parse::<Rates>().unwrap(), rates);
            }
        }

        #[test]
        fn a_slice_is_monotone_and_keeps_its_ends(lo in 1e-9..1.0f64, hi in 1e-9..1.0f64, groups in 2..9usize) {
            let rates = Rates::Between(lo, hi).for_groups(groups).unwrap();
            prop_assert!((rates[0] / lo - 1.0).abs() < 1e-9 && (rates[groups - 1] / hi - 1.0).abs() < 1e-9);
            prop_assert!(rates.windows(2).all(|pair| (pair[1] >= pair[0]) == (hi >= lo) || (hi / lo - 1.0).abs() < 1e-9));
        }
    }
}
