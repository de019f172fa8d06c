//! Which requests are allowed, and what browsers may do with the answers.
//!
//! A server on this machine is meant for this machine. But a page from elsewhere could reach it, by making a name of
//! its own point here (DNS rebinding). So requests under other names, and requests from other pages, are refused.

use std::net::IpAddr;

use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::uri::Authority;
use hyper::{StatusCode, Uri};

use crate::http::{Refusal, Response};

/// Pages run their own script and style, connect only to this server, and can't be framed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is said with every answer that does not say otherwise.
const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
];

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Programs and pages of this machine.
    Local,
    /// Everybody who can reach it.
    Open,
}

impl Access {
    /// That of a server at this address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_loopback() { Self::Local } else { Self::Open }
    }

    /// Refuses those who are not let in.
    pub fn check(self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self == Self::Open {
            return Ok(());
        }
        let refused = |message: &str| Err(Refusal::new(StatusCode::FORBIDDEN, message));
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
        let host = text(HOST).and_then(|host| host.parse::<Authority>().ok());
        let Some(host) = host.filter(is_this_machine) else {
            return refused(
                "this server is for its own machine: ask it as localhost or 127.0.0.1, or start it at another address",
            );
        };
        let origin = text(ORIGIN).map(|origin| origin.parse::<Uri>().ok());
        match origin.is_none_or(|origin| origin.is_some_and(|origin| origin.authority() == Some(&host))) {
            true => Ok(()),
            false => refused("this server answers its own page and programs, not pages from elsewhere"),
        }
    }
}

fn is_this_machine(authority: &Authority) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The answer or the refusal, with what browsers may do with it.
pub fn guarded(answer: Result<Response, Refusal>) -> Response {
    let mut response = answer.unwrap_or_else(Response::from);
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let_in(access: Access, headers: &[(HeaderName, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        access.check(&headers.collect()).is_ok()
    }

    #[test]
    fn this_machine_asks_by_its_own_names() {
        for host in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000"] {
            assert!(is_let_in(Access::Local, &[(HOST, host)]), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example:8000", "192.168.0.1", "127.0.0.1.evil.example", ""]
        {
            assert!(!is_let_in(Access::Local, &[(HOST, host)]), "{host}");
            assert!(is_let_in(Access::Open, &[(HOST, host)]), "{host}");
        }
        assert!(!is_let_in(Access::Local, &[]));
    }

    #[test]
    fn pages_from_elsewhere_are_refused() {
        let with = |origin| is_let_in(Access::Local, &[(HOST, "localhost:8000"), (ORIGIN, origin)]);
        assert!(with("http://localhost:8000") && with("https://localhost:8000"));
        for origin in
            ["http://evil.example", "http://localhost:3000", "http://127.0.0.1:8000", "null", "file://"]
        {
            assert!(!with(origin), "{origin}");
        }
    }
}
