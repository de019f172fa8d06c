//! The page to try a run in; its files are in the binary.

use defrost::report::PAGE_STYLE;

use crate::http::File;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The page's files. It looks like a report.
pub const PAGE: [File; 11] = [
    ("/", "text/html; charset=utf-8", include_bytes!("page/index.html")),
    ("/report.css", STYLE, PAGE_STYLE.as_bytes()),
    ("/style.css", STYLE, include_bytes!("page/style.css")),
    ("/app.js", SCRIPT, include_bytes!("page/app.js")),
    ("/answers.js", SCRIPT, include_bytes!("page/answers.js")),
    ("/ask.js", SCRIPT, include_bytes!("page/ask.js")),
    ("/camera.js", SCRIPT, include_bytes!("page/camera.js")),
    ("/csv.js", SCRIPT, include_bytes!("page/csv.js")),
    ("/fields.js", SCRIPT, include_bytes!("page/fields.js")),
    ("/images.js", SCRIPT, include_bytes!("page/images.js")),
    ("/shown.js", SCRIPT, include_bytes!("page/shown.js")),
];
