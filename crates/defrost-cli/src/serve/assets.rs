//! The page to try a run in; its files are in the binary.

use crate::http::File;

/// The page's files.
pub const PAGE: [File; 3] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/app.js", "text/javascript; charset=utf-8", include_str!("page/app.js")),
    ("/style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
];
