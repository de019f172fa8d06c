//! Values as people write them.

use defrost::learner::Budget;
use defrost::vision::transform::{GREY, RGB};

/// A count that is not 0.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("`{text}` is not a number")),
    }
}

/// A number that is finite.
fn number(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("`{text}` is not a number"))
}

/// At least 0.
pub fn not_negative(text: &str) -> Result<f64, String> {
    Some(number(text)?).filter(|number| *number >= 0.0).ok_or("it must be at least 0".to_owned())
}

/// More than 0.
pub fn positive(text: &str) -> Result<f64, String> {
    Some(number(text)?).filter(|number| *number > 0.0).ok_or("it must be more than 0".to_owned())
}

/// At least 0 and below 1.
pub fn fraction(text: &str) -> Result<f64, String> {
    let allowed = |number: &f64| (0.0..1.0).contains(number);
    Some(number(text)?).filter(allowed).ok_or("it must be at least 0 and below 1".to_owned())
}

/// The number of channels that images can have.
pub fn channels(text: &str) -> Result<usize, String> {
    let known = text.parse().ok().filter(|channels| [GREY, RGB].contains(channels));
    known.ok_or_else(|| format!("images have {RGB} channels, red, green and blue, or {GREY}, grey"))
}

/// How much may be computed: `90s`, `5m`, `1.5h`, or `12000passes`.
pub fn budget(text: &str) -> Result<Budget, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = |each: f64| {
        let seconds = number.parse::<f64>().ok().map(|number| number * each);
        seconds.filter(|seconds| *seconds > 0.0 && *seconds <= 1e7).map(Budget::Seconds)
    };
    let found = match unit.trim() {
        "s" => seconds(1.0),
        "m" | "min" => seconds(60.0),
        "h" => seconds(3600.0),
        "pass" | "passes" => number.parse().ok().filter(|passes| *passes > 0).map(Budget::Passes),
        _ => None,
    };
    found.ok_or_else(|| {
        format!("`{text}` is neither a time, as 90s or 5m, nor a number of passes, as 12000passes")
    })
}

/// A size as people write it: `800`, `64kB`, `500MB`, `1.5 GB`, `2GiB`.
pub fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => f64::from(1 << 20),
        "gib" => f64::from(1 << 30),
        _ => return Err(format!("`{text}` is not a size; write it as 500MB or 2GB")),
    };
    match number.parse::<f64>() {
        Ok(number) if number * factor <= 1e15 => Ok((number * factor) as u64),
        _ => Err(format!("`{text}` is not a size; write it as 500MB or 2GB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_times_or_passes() {
        let budgets = ["90s", "5m", "1.5 h", "12000passes"];
        let expected =
            [Budget::Seconds(90.0), Budget::Seconds(300.0), Budget::Seconds(5400.0), Budget::Passes(12_000)];
        assert_eq!(budgets.map(|text| budget(text).unwrap()), expected);
        for wrong in ["", "90", "s", "0s", "-5m", "5 fortnights", "1.5passes", "0passes", "1e9h", "99999999h"]
        {
            assert!(
                budget(wrong).is_err_and(|error| error.starts_with(&format!("`{wrong}` is neither"))),
                "{wrong}"
            );
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let sizes = ["0", "800", "64kB", "500MB", "1.5 GB", "2GiB", "3g"];
        let expected = [0, 800, 64_000, 500_000_000, 1_500_000_000, 2 << 30, 3_000_000_000];
        assert_eq!(sizes.map(|size| bytes(size).unwrap()), expected);
        for wrong in ["", "GB", "-1", "1.2.3MB", "5 parsecs", "1e3", "9999999TB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
