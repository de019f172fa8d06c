//! Pages' files, which are in the binary.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

/// A path, its content type and what stands there.
pub type File = (&'static str, &'static str, &'static str);

/// The page to try a run in.
pub const PAGE: [File; 3] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/app.js", "text/javascript; charset=utf-8", include_str!("page/app.js")),
    ("/style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
];

/// A route for each file.
pub fn files<S: Clone + Send + Sync + 'static>(files: &[File]) -> Router<S> {
    files.iter().fold(Router::new(), |router, &(path, kind, text)| {
        router.route(path, get(move || async move { ([(CONTENT_TYPE, kind)], text) }))
    })
}
