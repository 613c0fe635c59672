//! What `/metrics` tells, in the words of Prometheus.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use dockyard_hub::{Hub, Vitals};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::AppState;

/// The content type of the answer. Source: OpenMetrics 1.0, "Overall Structure".
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Which requests are counted together: few values each, whatever clients ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    method: &'static str,
    route: String,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// Counts what happens. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: Family<Kind, Counter>,
    durations: Family<Route, Histogram>,
    received: Counter,
    sent: Counter,
    uploads: Gauge,
    connections: Gauge,
    idle: Gauge,
    waiting: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let requests = Family::default();
        // From half a millisecond to a minute.
        let histogram = || Histogram::new(exponential_buckets(0.0005, 2.0, 18));
        let durations = Family::new_with_constructor(histogram as fn() -> Histogram);
        let inner = Inner {
            registry: Registry::with_prefix("dockyard"),
            requests,
            durations,
            received: Counter::default(),
            sent: Counter::default(),
            uploads: Gauge::default(),
            connections: Gauge::default(),
            idle: Gauge::default(),
            waiting: Gauge::default(),
        };
        Self(Arc::new(inner.registered()))
    }
}

impl Inner {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("http_requests", "Requests that were answered", self.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time until an answer began",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register_with_unit(
            "received",
            "Bytes that came over all connections",
            Unit::Bytes,
            self.received.clone(),
        );
        registry.register_with_unit(
            "sent",
            "Bytes that went over all connections",
            Unit::Bytes,
            self.sent.clone(),
        );
        registry.register("uploads_open", "Uploads that are not finished", self.uploads.clone());
        registry.register(
            "database_connections",
            "Connections to the database",
            self.connections.clone(),
        );
        registry.register(
            "database_connections_idle",
            "Connections to the database that nothing uses",
            self.idle.clone(),
        );
        registry.register(
            "search_changes_waiting",
            "Changes that the search index of this node has yet to take",
            self.waiting.clone(),
        );
        self
    }
}

impl Metrics {
    /// Counts a request that was answered.
    pub fn answered(&self, method: &Method, route: &str, status: u16, took: Duration) {
        let kind = Kind {
            method: known(method),
            route: route.to_owned(),
            status: status.into(),
        };
        self.0.requests.get_or_create(&kind).inc();
        let route = Route { route: kind.route };
        self.0.durations.get_or_create(&route).observe(took.as_secs_f64());
    }

    /// Counts bytes that came over a connection.
    pub fn received(&self, bytes: usize) {
        self.0.received.inc_by(bytes as u64);
    }

    /// Counts bytes that went over a connection.
    pub fn sent(&self, bytes: usize) {
        self.0.sent.inc_by(bytes as u64);
    }

    fn set(&self, vitals: &Vitals) {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.0.uploads.set(gauge(vitals.open_uploads));
        self.0.connections.set(gauge(vitals.connections));
        self.0.idle.set(gauge(vitals.idle_connections));
        self.0.waiting.set(gauge(vitals.changes_waiting));
    }
}

/// Is a method's name, of those that anything here answers to.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// `GET /metrics`.
pub async fn serve(State(state): State<AppState>, State(hub): State<Hub>) -> Response {
    // Without the database, what is counted here is told all the same.
    let vitals = hub.vitals().await;
    if let Ok(vitals) = &vitals {
        state.metrics.set(vitals);
    }
    let mut text = String::new();
    if encode(&mut text, &state.metrics.0.registry).is_err() {
        text.clear();
        let _ = writeln!(text, "# EOF");
    }
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}

/// Is what a request is counted under: the pattern of its address, never a name that somebody chose.
pub fn route_of(path: &str, matched: Option<&str>) -> String {
    match matched {
        Some("/v2/{*path}") => protocol_route(path).to_owned(),
        Some(matched) => matched.to_owned(),
        None => "unknown".to_owned(),
    }
}

fn protocol_route(path: &str) -> &'static str {
    let holds = |part: &str| path.contains(part);
    match () {
        () if holds("/blobs/uploads") => "/v2/{name}/blobs/uploads/{id}",
        () if holds("/blobs/") => "/v2/{name}/blobs/{digest}",
        () if holds("/manifests/") => "/v2/{name}/manifests/{reference}",
        () if holds("/tags/list") => "/v2/{name}/tags/list",
        () if holds("/referrers/") => "/v2/{name}/referrers/{digest}",
        () if holds("/_catalog") => "/v2/_catalog",
        () => "/v2/{other}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_never_names_what_somebody_chose() {
        let of = |path: &str| route_of(path, Some("/v2/{*path}"));
        assert_eq!(of("/v2/alice/secret/manifests/v1"), "/v2/{name}/manifests/{reference}");
        assert_eq!(of("/v2/alice/secret/blobs/uploads/x"), "/v2/{name}/blobs/uploads/{id}");
        assert_eq!(of("/v2/alice/secret"), "/v2/{other}");
        assert_eq!(route_of("/r/alice/secret", Some("/r/{*any}")), "/r/{*any}");
        assert_eq!(route_of("/alice", None), "unknown");
    }
}
