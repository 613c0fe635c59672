//! What happens here, counted for Prometheus.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use dockyard_hub::clock::Clock;
use dockyard_hub::images::Collected;
use dockyard_hub::{Hub, Vitals};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::AppState;
use super::caller::ApiCaller;
use super::error::ApiError;

/// The content type of the answer. Source: `OpenMetrics` 1.0, "Overall Structure".
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How a client is asked for credentials. Source: RFC 7617.
const CHALLENGE: &str = "Basic realm=\"dockyard\", charset=\"UTF-8\"";

/// Which requests are counted together: few values each, whatever clients ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    method: &'static str,
    route: Cow<'static, str>,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: Cow<'static, str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    of: &'static str,
}

/// Counts what happens. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: Family<Kind, Counter>,
    durations: Family<Route, Histogram>,
    refused: Family<Refused, Counter>,
    received: Counter,
    sent: Counter,
    uploads: Gauge,
    database: Gauge,
    connections: Gauge,
    idle: Gauge,
    waiting: Gauge,
    passes: Counter,
    passed_at: Gauge,
    freed: Counter,
    failures: Counter,
    resident: Gauge,
}

impl Default for Metrics {
    /// From half a millisecond to a minute is what requests take.
    fn default() -> Self {
        let histogram = || Histogram::new(exponential_buckets(0.0005, 2.0, 18));
        let durations = Family::new_with_constructor(histogram as fn() -> Histogram);
        let mut registry = Registry::default();
        let own = registry.sub_registry_with_prefix("dockyard");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        own.register("build", "The program that runs", build);
        let requests = added(own, "http_requests", "Requests that were answered");
        let help = "Time until an answer began";
        own.register_with_unit(
            "http_request_duration",
            help,
            Unit::Seconds,
            durations.clone(),
        );
        let help = "What was refused because there was too much of it";
        let refused = added(own, "refused", help);
        let received = in_bytes(own, "received", "What came over all connections");
        let sent = in_bytes(own, "sent", "What went over all connections");
        let uploads = added(own, "uploads_open", "Uploads that are not finished");
        let database = added(own, "database_up", "Whether the database answered just now");
        let connections = added(own, "database_connections", "Connections to the database");
        let help = "Connections to the database that nothing uses";
        let idle = added(own, "database_connections_idle", help);
        let help = "Changes that this node's search index has yet to take";
        let waiting = added(own, "search_changes_waiting", help);
        let passes = added(
            own,
            "collector_passes",
            "Passes of the collector on this node",
        );
        let help = "When the last of them ended, in Unix time";
        let passed_at = Gauge::default();
        own.register_with_unit(
            "collector_last_pass_timestamp",
            help,
            Unit::Seconds,
            passed_at.clone(),
        );
        let freed = in_bytes(
            own,
            "collector_freed",
            "What the collector freed in the store",
        );
        let help = "Objects that could not be deleted from the store";
        let failures = added(own, "collector_failures", help);
        let resident = in_bytes(
            &mut registry,
            "process_resident_memory",
            "Memory of the process",
        );
        Self(Arc::new(Inner {
            registry,
            requests,
            durations,
            refused,
            received,
            sent,
            uploads,
            database,
            connections,
            idle,
            waiting,
            passes,
            passed_at,
            freed,
            failures,
            resident,
        }))
    }
}

fn added<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn in_bytes<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register_with_unit(name, help, Unit::Bytes, metric.clone());
    metric
}

impl Metrics {
    /// Counts a request that was answered.
    pub fn answered(&self, method: &Method, route: Cow<'static, str>, status: u16, took: Duration) {
        let kind = Kind {
            method: known(method),
            route,
            status: status.into(),
        };
        self.0.requests.get_or_create(&kind).inc();
        let route = Route { route: kind.route };
        let durations = self.0.durations.get_or_create(&route);
        durations.observe(took.as_secs_f64());
    }

    /// Counts what was refused because there was too much of its kind.
    pub fn refused(&self, of: &'static str) {
        self.0.refused.get_or_create(&Refused { of }).inc();
    }

    /// Counts bytes that came over a connection.
    pub fn received(&self, bytes: usize) {
        self.0.received.inc_by(bytes as u64);
    }

    /// Counts bytes that went over a connection.
    pub fn sent(&self, bytes: usize) {
        self.0.sent.inc_by(bytes as u64);
    }

    /// Counts a pass of the collector that ended now.
    pub fn collected(&self, collected: &Collected) {
        self.0.passes.inc();
        self.0.passed_at.set(Clock::system().now_ms() / 1000);
        self.0.freed.inc_by(collected.freed_bytes);
        self.0.failures.inc_by(collected.failures);
    }

    fn look(&self, vitals: Option<&Vitals>) {
        self.0.database.set(vitals.is_some().into());
        self.0
            .resident
            .set(whole(resident_bytes().unwrap_or_default()));
        // Without the database, the rest stays as it was last.
        if let Some(vitals) = vitals {
            self.0.uploads.set(whole(vitals.open_uploads));
            self.0.connections.set(whole(vitals.connections));
            self.0.idle.set(whole(vitals.idle_connections));
            self.0.waiting.set(whole(vitals.changes_waiting));
        }
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Is the memory of this process. Source: `proc_pid_status(5)`, `VmRSS`, which is in units of 1024.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
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

/// `GET /metrics`: for administrators, as how much of what is asked for is nobody else's concern.
pub async fn serve(
    State(state): State<AppState>,
    State(hub): State<Hub>,
    caller: Result<ApiCaller, ApiError>,
) -> Response {
    let caller = match caller {
        Ok(ApiCaller(caller)) => caller,
        Err(error) => return challenged(error),
    };
    match caller.user() {
        None => return challenged(anonymous()),
        Some(user) if !user.is_admin || caller.is_registry_token() => {
            return ApiError::new(
                StatusCode::FORBIDDEN,
                "DENIED",
                "only administrators may read this",
            )
            .into_response();
        }
        Some(_) => {}
    }
    state.metrics.look(hub.vitals().await.as_ref());
    let mut text = String::new();
    match encode(&mut text, &state.metrics.0.registry) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

fn anonymous() -> ApiError {
    let message =
        "log in as an administrator: with a name and a personal token that reads, for example";
    ApiError::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
}

fn challenged(error: ApiError) -> Response {
    let is_unauthorized = error.status == StatusCode::UNAUTHORIZED;
    let mut response = error.into_response();
    if is_unauthorized {
        let challenge = axum::http::HeaderValue::from_static(CHALLENGE);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Is what a request is counted under: the pattern of its address, never a name that somebody chose.
pub fn route_of(path: &str, matched: Option<&str>) -> Cow<'static, str> {
    match matched {
        Some("/v2/{*path}") => protocol_route(path).into(),
        Some(matched) => matched.to_owned().into(),
        None => "unknown".into(),
    }
}

fn protocol_route(path: &str) -> &'static str {
    let holds = |part: &str| path.contains(part);
    match () {
        () if holds("/manifests/") => "/v2/{name}/manifests/{reference}",
        () if holds("/blobs/uploads") => "/v2/{name}/blobs/uploads/{id}",
        () if holds("/blobs/") => "/v2/{name}/blobs/{digest}",
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
        assert_eq!(
            of("/v2/alice/secret/manifests/v1"),
            "/v2/{name}/manifests/{reference}"
        );
        assert_eq!(
            of("/v2/alice/secret/blobs/uploads/x"),
            "/v2/{name}/blobs/uploads/{id}"
        );
        assert_eq!(of("/v2/alice/secret"), "/v2/{other}");
        assert_eq!(route_of("/r/alice/secret", Some("/r/{*any}")), "/r/{*any}");
        assert_eq!(route_of("/alice", None), "unknown");
    }

    #[test]
    fn the_process_has_memory() {
        assert!(resident_bytes().unwrap() > 1024 * 1024);
    }
}
