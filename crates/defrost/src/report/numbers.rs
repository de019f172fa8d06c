//! Numbers as people read them.

pub use crate::reading::thousands;

/// A learning rate in three digits: `6.32e-4`.
pub fn rate(rate: f64) -> String {
    let text = format!("{rate:.2e}");
    text.replace(".00e", "e").replace("0e", "e")
}

/// A number in few characters: `640`, `12.8 k`, `3.1 M`.
pub fn count(number: usize) -> String {
    let short = |value: f64, unit: &str| match value {
        value if value < 9.95 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    };
    match number as f64 {
        value if value < 1e3 => number.to_string(),
        value if value < 999.5e3 => short(value / 1e3, "k"),
        value => short(value / 1e6, "M"),
    }
}

/// A fraction as a percentage, with as many digits as tell it from nothing: `12 %`, `0.34 %`.
pub fn fraction(fraction: f64) -> String {
    let percent = fraction * 100.0;
    match percent.abs() {
        0.0 => "0 %".to_owned(),
        small if small < 0.01 => "< 0.01 %".to_owned(),
        small if small < 1.0 => format!("{percent:.2} %"),
        some if some < 10.0 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

/// Seconds as a duration: `4.2 s`, `3 min 05 s`, `2 h 10 min`.
pub fn seconds(seconds: f64) -> String {
    match seconds as u64 {
        0..60 => format!("{seconds:.1} s"),
        whole @ 60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        whole => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A metric in four digits behind the point.
pub(super) fn measure(value: f64) -> String {
    format!("{value:.4}")
}

/// A number of any size in four digits that count.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e6).contains(&size) => format!("{value:.3e}"),
        size => format!("{value:.*}", (3 - size.log10().floor() as i32).max(0) as usize),
    }
}

/// What one of several items is called.
pub(super) fn one(items: &str) -> String {
    items.strip_suffix('s').unwrap_or(items).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(["2e-3", "6.32e-4", "1.5e-5"], [2e-3, 6.324e-4, 1.5e-5].map(rate)[..]);
        assert_eq!(
            ["640", "1.0 k", "13 k", "999 k", "1.0 M", "22 M"],
            [640, 1000, 12_810, 999_400, 999_600, 21_797_672].map(count)[..]
        );
        assert_eq!(
            ["0 %", "< 0.01 %", "0.34 %", "3.4 %", "34 %"],
            [0.0, 1e-5, 0.0034, 0.034, 0.34].map(fraction)[..]
        );
        assert_eq!(["4.2 s", "3 min 05 s", "2 h 10 min"], [4.2, 185.0, 7800.0].map(seconds)[..]);
        assert_eq!(
            ["0", "0.1235", "12.35", "123456", "1.235e-5", "-2.000"],
            [0.0, 0.12345, 12.346, 123_456.0, 1.2346e-5, -2.0].map(number)[..]
        );
    }
}
