//! Nearly equal numbers.

use defrost_kernels::Element;

/// Every element is within `relative` of its expectation, or within `absolute`. NaN equals NaN.
#[track_caller]
pub fn assert_close<T: Element>(
    found: &[T],
    expected: &[T],
    relative: f32,
    absolute: f32,
    context: impl Fn() -> String,
) {
    assert_eq!(found.len(), expected.len(), "{}", context());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (found, expected) = (found.to_f32(), expected.to_f32());
        let bound = absolute + relative * expected.abs();
        assert!(
            (found - expected).abs() <= bound || (found.is_nan() && expected.is_nan()),
            "{}: element {at} is {found}, not {expected} within {bound}",
            context()
        );
    }
}

/// How far two roundings to `T` of nearly equal numbers lie apart: one unit in the last place.
pub fn rounding<T: Element>() -> f32 {
    if size_of::<T>() == 2 { 2f32.powi(-7) } else { 2f32.powi(-22) }
}
