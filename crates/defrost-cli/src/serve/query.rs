//! What comes behind the `?` of a request.

use hyper::Uri;

use crate::http::Refusal;

/// How many classes an answer is to list: `?top=N`, or else this many.
///
/// # Errors
///
/// If it is not a number from 1 on, or there is another parameter.
pub fn top(uri: &Uri, usual: usize) -> Result<usize, Refusal> {
    let mut top = usual;
    for parameter in uri.query().unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty()) {
        let value = parameter.strip_prefix("top=").ok_or_else(|| {
            Refusal::malformed(format!("`{parameter}` is no parameter here; there is ?top=N"))
        })?;
        let is_number =
            value.bytes().all(|byte| byte.is_ascii_digit()) && value.contains(|digit| digit != '0');
        if !is_number {
            let message = format!("?top={value}: it is how many classes to list, a number from 1 on");
            return Err(Refusal::malformed(message));
        }
        // A number of too many digits is more than there are classes.
        top = value.parse().unwrap_or(usize::MAX);
    }
    Ok(top)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_how_many_classes_it_wants() {
        let top = |uri: &str| top(&uri.parse().unwrap(), 5).map_err(|refusal| refusal.message);
        assert_eq!((top("/predict"), top("/predict?"), top("/predict?top=7")), (Ok(5), Ok(5), Ok(7)));
        assert_eq!(top("/predict?top=99999999999999999999999"), Ok(usize::MAX));
        for wrong in ["0", "", "-1", "many", "1.5"] {
            let expected = format!("?top={wrong}: it is how many classes to list, a number from 1 on");
            assert_eq!(top(&format!("/predict?top={wrong}")), Err(expected));
        }
        let other = "`tap=1` is no parameter here; there is ?top=N";
        assert_eq!(top("/predict?top=1&tap=1"), Err(other.to_owned()));
    }
}
