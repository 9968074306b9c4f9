//! The receiver's own `/healthz` and `/metrics`.

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::meters::Meters;
use crate::ops::web::{exposed, judged};

/// Serves until cancelled. `/healthz` is 200 when all is well, else 503; both with the report as JSON.
pub async fn serve(
    listener: TcpListener,
    metrics: PrometheusHandle,
    meters: Meters,
    cancel: CancellationToken,
) -> std::io::Result<()> {
    let health = meters.clone();
    let app = Router::new()
        .route(
            "/healthz",
            get(move || async move {
                let report = health.report();
                judged(report.ok, &report)
            }),
        )
        .route(
            "/metrics",
            get(move || async move {
                meters.set_gauges();
                exposed(&metrics)
            }),
        );
    axum::serve(listener, app).with_graceful_shutdown(cancel.cancelled_owned()).await
}
