//! The page and its parts, as they are embedded.

use kora_http::Response;

/// What the page may load and do: its own parts, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Paths, types and texts.
const ASSETS: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("../../console/console.html")),
    ("/console.css", "text/css; charset=utf-8", include_str!("../../console/console.css")),
    (
        "/console.js",
        "text/javascript; charset=utf-8",
        concat!(
            include_str!("../../console/base.js"),
            include_str!("../../console/charts.js"),
            include_str!("../../console/overview.js"),
            include_str!("../../console/keys.js"),
            include_str!("../../console/indexes.js"),
            include_str!("../../console/activity.js"),
            include_str!("../../console/shell.js"),
            include_str!("../../console/main.js"),
        ),
    ),
    ("/favicon.svg", "image/svg+xml", include_str!("../../console/favicon.svg")),
];

/// What is at a path.
pub(super) fn find(path: &str) -> Option<Response> {
    let (_, content_type, text) = ASSETS.into_iter().find(|(known, ..)| *known == path)?;
    let response = Response::new(200, content_type, text.as_bytes())
        .with("Content-Security-Policy", POLICY)
        .with("Cache-Control", "no-cache")
        .with("Referrer-Policy", "no-referrer")
        .with("Cross-Origin-Opener-Policy", "same-origin")
        .with("Cross-Origin-Resource-Policy", "same-origin");
    Some(response)
}
