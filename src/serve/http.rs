//! Pages for machines: metrics, health, and state as JSON. Only reads, and only for those who know its name.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use tokio::sync::watch;

use super::limits::Door;
use super::{Backend, alive, stopping, view};
use crate::metrics;

/// Largest body that is not refused outright; none is ever read.
const BODY_MAX: u64 = 64 * 1024;

const INDEX: &str = "\
/metrics           for Prometheus
/healthz           200 while the process lives and the engine beats
/readyz            200 while feeds deliver and the store writes
/api/v1/markets    what each market allows, and why
/api/v1/breakers   breakers that are not at rest
/api/v1/incidents  incidents that nobody has resolved
";

/// A bound address, with the names it answers to.
#[derive(Debug)]
pub struct Http {
    listener: TcpListener,
    hosts: Vec<String>,
}

impl Http {
    /// Binds. `hosts` are names that a `Host` header may give besides `localhost`, `127.0.0.1`, `[::1]` and the address
    /// itself: a page in a browser that has its own name point here (DNS rebinding) is turned away.
    pub fn bind(listen: SocketAddr, hosts: &[String]) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let mut hosts: Vec<String> = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        hosts.push(match listener.local_addr()?.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        });
        Ok(Self { listener, hosts })
    }

    /// Where it listens: with port 0, the port that was found.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub(super) async fn run(self, backend: Arc<dyn Backend>, stopped: watch::Receiver<bool>) {
        let Ok(listener) = tokio::net::TcpListener::from_std(self.listener) else { return };
        let pages = pages(backend, self.hosts.into());
        let served = axum::serve(Door::new(listener), pages).with_graceful_shutdown(stopping(stopped.clone()));
        let hurry = async {
            stopping(stopped).await;
            tokio::time::sleep(super::GOODBYE).await;
        };
        tokio::select! {
            _ = served => {}
            () = hurry => {}
        }
    }
}

type Backstage = State<Arc<dyn Backend>>;

fn pages(backend: Arc<dyn Backend>, hosts: Arc<[String]>) -> Router {
    Router::new()
        .route("/metrics", get(metrics_page))
        .route("/healthz", get(async |State(backend): Backstage| health(alive(&*backend).await, "alive")))
        .route("/readyz", get(async |State(backend): Backstage| health(backend.ready(), "ready")))
        .route("/api/v1/markets", get(async |State(backend): Backstage| json(&view::markets(&backend.vitals()))))
        .route("/api/v1/breakers", get(async |State(backend): Backstage| json(&view::breakers(&backend.vitals()))))
        .route("/api/v1/incidents", get(async |State(backend): Backstage| json(&backend.vitals().incidents)))
        .fallback(async || (StatusCode::NOT_FOUND, format!("there is no such page; there are:\n{INDEX}")))
        .layer(from_fn_with_state(hosts, guard))
        .with_state(backend)
}

async fn metrics_page(State(backend): Backstage) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::render(&backend.readings())).into_response()
}

fn health(state: Result<(), String>, word: &str) -> Response {
    match state {
        Ok(()) => format!("{word}\n").into_response(),
        Err(fault) => (StatusCode::SERVICE_UNAVAILABLE, format!("not {word}: {fault}\n")).into_response(),
    }
}

fn json(rows: &impl Serialize) -> Response {
    match serde_json::to_vec(rows) {
        Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")).into_response(),
    }
}

/// Stands before every page, unknown ones included.
async fn guard(State(hosts): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&hosts, &request) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn refusal(hosts: &[String], request: &Request) -> Option<(StatusCode, &'static str)> {
    let known = |name: &str| hosts.iter().any(|host| host.eq_ignore_ascii_case(without_port(name)));
    let asked = request.uri().authority().map(axum::http::uri::Authority::as_str);
    if !(host(request.headers()).is_some_and(known) && asked.is_none_or(known)) {
        return Some((
            StatusCode::MISDIRECTED_REQUEST,
            "this Host is not served here: use the address it listens on, or add the name to the config\n",
        ));
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    (length > Some(BODY_MAX)).then_some((StatusCode::PAYLOAD_TOO_LARGE, "pages are read, nothing is sent to them\n"))
}

/// The one `Host` header; `None` when it is missing, doubled or not text.
fn host(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(HOST).iter();
    all.next().filter(|_| all.next().is_none())?.to_str().ok()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::without_port;

    #[test]
    fn ports_are_taken_off_names_and_addresses() {
        for (host, want) in [
            ("localhost:9464", "localhost"),
            ("localhost", "localhost"),
            ("[::1]:9464", "[::1]"),
            ("[::1]", "[::1]"),
            ("127.0.0.1:80", "127.0.0.1"),
            (":80", ":80"),
            ("a:b", "a:b"),
        ] {
            assert_eq!(without_port(host), want, "{host}");
        }
    }
}
