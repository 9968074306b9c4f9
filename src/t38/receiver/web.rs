//! The receiver's own `/healthz` and `/metrics`.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::meters::Meters;

/// Serves until cancelled. `/healthz` is 200 when all is well, else 503; both with the report as JSON.
pub async fn serve(
    listener: TcpListener,
    metrics: PrometheusHandle,
    meters: Meters,
    cancel: CancellationToken,
) -> std::io::Result<()> {
    let health = meters.clone();
    let app = Router::new().route("/healthz", get(move || async move { judged(&health) })).route(
        "/metrics",
        get(move || async move {
            meters.set_gauges();
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render())
        }),
    );
    axum::serve(listener, app).with_graceful_shutdown(cancel.cancelled_owned()).await
}

fn judged(meters: &Meters) -> impl IntoResponse + use<> {
    let report = meters.report();
    let status = if report.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string_pretty(&report).unwrap_or_else(|error| error.to_string());
    (status, [(header::CONTENT_TYPE, "application/json")], body)
}
