//! `/healthz` and `/metrics` over HTTP, for monitors on a trusted network.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::health::Report;

/// Answers with a fresh health report.
pub type Examine = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Report> + Send>> + Send + Sync>;

/// Serves until cancelled. `/healthz` is 200 when all is well, else 503; both with the report as JSON.
pub async fn serve(
    listener: TcpListener,
    metrics: PrometheusHandle,
    examine: Examine,
    cancel: CancellationToken,
) -> std::io::Result<()> {
    let health = Arc::clone(&examine);
    let app = Router::new()
        .route("/healthz", get(move || answer_health(Arc::clone(&health))))
        .route("/metrics", get(move || answer_metrics(metrics.clone(), Arc::clone(&examine))));
    axum::serve(listener, app).with_graceful_shutdown(cancel.cancelled_owned()).await
}

async fn answer_health(examine: Examine) -> impl IntoResponse {
    let report = examine().await;
    judged(report.ok, &report)
}

/// The answer of `/healthz`: 200 when all is well, else 503; both with the report as JSON.
pub fn judged<R: serde::Serialize>(ok: bool, report: &R) -> impl IntoResponse + use<R> {
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string_pretty(report).unwrap_or_else(|error| error.to_string());
    (status, [(header::CONTENT_TYPE, "application/json")], body)
}

/// The answer of `/metrics`.
pub fn exposed(metrics: &PrometheusHandle) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render())
}

async fn answer_metrics(metrics: PrometheusHandle, examine: Examine) -> impl IntoResponse {
    let report = examine().await;
    metrics::gauge!("faxgate_oldest_open_seconds").set(report.oldest_open_seconds.unwrap_or(0) as f64);
    metrics::gauge!("faxgate_faxes_open").set(report.open as f64);
    metrics::gauge!("faxgate_faxes_quarantined").set(report.quarantined as f64);
    metrics::gauge!("faxgate_healthy").set(if report.ok { 1.0 } else { 0.0 });
    exposed(&metrics)
}
