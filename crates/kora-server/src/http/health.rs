//! `/health` and `/ready`: whether the process answers, and whether it serves its data.

use kora_http::Response;

use crate::shared::Shared;

/// The process answers: it does.
pub(super) fn health() -> Response {
    fresh(Response::text(200, "ok"))
}

/// Whether clients are served as they expect: the data are there, and writes are taken.
pub(super) fn ready(shared: &Shared) -> Response {
    fresh(match obstacle(shared) {
        None => Response::text(200, "ready"),
        Some(reason) => Response::text(503, &reason),
    })
}

fn fresh(response: Response) -> Response {
    response.with("Cache-Control", "no-store")
}

fn obstacle(shared: &Shared) -> Option<String> {
    let (persistence, ending) = (&shared.engine.persistence, &shared.engine.ending);
    if ending.is_asked() {
        return Some("the server is ending".to_owned());
    }
    if persistence.loading.is_on() {
        let figures = persistence.loading.figures();
        let (loaded, total) = (figures.loaded_bytes, figures.total_bytes);
        return Some(format!("the data are being loaded: {loaded} of {total} bytes"));
    }
    persistence.refusal().map(|refusal| refusal.text())
}
