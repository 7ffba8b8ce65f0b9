//! The port of an operator: metrics, health, and the console, over HTTP.
//!
//! One thread serves it all, with a server of its own (`kora-http`), so that nothing that is asked here holds a worker up. It reads what workers
//! count, as anybody may; what needs a command is asked over a connection, as any client would.

mod console;
mod families;
mod health;
mod metrics;
mod page;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Instant;

use console::Console;
use kora_engine::{memory, threads};
use kora_http::{Limits, Link, Request, Response, Server, Service, Stopper, Ticket};

use crate::clock::clock;
use crate::command::ServerCall;
use crate::shared::Shared;

/// The type of a page of metrics in either format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What goes on at the port. Dropping this ends it.
#[derive(Debug)]
pub(crate) struct Port {
    stopper: Option<Stopper>,
    thread: Option<JoinHandle<()>>,
}

impl Port {
    /// Begins to serve those who come to `listeners`; nothing if there are none.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn open(shared: &Arc<Shared>, listeners: Vec<TcpListener>) -> io::Result<Option<Self>> {
        if listeners.is_empty() {
            return Ok(None);
        }
        for address in listeners.iter().filter_map(|listener| listener.local_addr().ok()) {
            tracing::info!("Metrics and console at http://{address}/");
        }
        let (server, stopper) = Server::new(listeners, Limits::default())?;
        let mut desk = Desk { shared: Arc::clone(shared), console: Console::default() };
        let body = move || {
            if let Err(error) = server.run(&mut desk) {
                tracing::error!("metrics are not served any more: {error}");
            }
        };
        let thread = threads::spawn("kora-http", body)?;
        Ok(Some(Self { stopper: Some(stopper), thread: Some(thread) }))
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        drop(self.stopper.take());
        // A panic has ended the process.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Answers requests.
#[derive(Debug)]
struct Desk {
    shared: Arc<Shared>,
    console: Console,
}

impl Desk {
    fn metrics(&self, request: &Request) -> Response {
        let is_open = request.accepts("application/openmetrics-text");
        let content_type = if is_open { OPEN_METRICS } else { PROMETHEUS };
        Response::new(200, content_type, metrics::text(call(&self.shared), is_open).into_bytes())
    }
}

/// What `/metrics` shows.
pub(crate) fn metrics_text(shared: &Shared) -> String {
    metrics::text(call(shared), false)
}

fn call(shared: &Shared) -> ServerCall<'_> {
    ServerCall { engine: &shared.engine, front: shared, now: clock() }
}

impl Service for Desk {
    fn answer(&mut self, request: &Request, ticket: Ticket) -> Option<Response> {
        let is_read = matches!(request.method.as_str(), "GET" | "HEAD");
        let response = match request.path.as_str() {
            "/metrics" | "/health" | "/ready" if !is_read => {
                Response::text(405, "only GET and HEAD are for this").with("Allow", "GET, HEAD")
            }
            "/metrics" => self.metrics(request),
            "/health" => health::health(),
            "/ready" => health::ready(&self.shared),
            _ if self.shared.config().metrics.console => {
                let call = call(&self.shared);
                return self.console.answer(call, request, ticket);
            }
            _ => Response::text(404, "there is nothing here"),
        };
        Some(response)
    }

    fn links(&self) -> Vec<Link<'_>> {
        self.console.links()
    }

    fn due(&self) -> Option<Instant> {
        self.console.due()
    }

    fn go_on(&mut self, answer: &mut dyn FnMut(Ticket, Response)) {
        self.console.go_on(&self.shared, answer);
        memory::tell_if_much();
        // What it holds is for those who ask: replies, pages, requests.
        self.shared.http_bytes.store(memory::own_bytes(), Ordering::Relaxed);
    }
}
