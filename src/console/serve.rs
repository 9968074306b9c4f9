//! Connections: how many at a time, and how long each may take.
//!
//! A server with TLS stands in front and gives us one request a connection; should others reach us, a client that sends
//! or reads slowly must not hold the pages from everybody.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Connections at a time; more wait at the door.
const CONNECTIONS: usize = 64;
/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long from there to the head of our answer, the form read.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// How long a connection may take in all: a document over a slow line.
const CONNECTION_TIME: Duration = Duration::from_secs(600);
/// At a stop an answer under way may take so much longer.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until cancelled.
pub(super) async fn serve(listener: TcpListener, router: Router, cancel: CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&room).acquire_owned() => permit,
            () = cancel.cancelled() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = cancel.cancelled() => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, perhaps: a pause, and again.
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        let (router, cancel) = (router.clone(), cancel.clone());
        connections.spawn(async move {
            // How a client left is of no interest.
            let _ = timeout(CONNECTION_TIME, connection(stream, router, &cancel)).await;
            drop(permit);
        });
        while connections.try_join_next().is_some() {}
    }
    let finish = async { while connections.join_next().await.is_some() {} };
    if timeout(GRACE, finish).await.is_err() {
        connections.abort_all();
    }
}

/// One request, one answer.
async fn connection(
    stream: TcpStream,
    router: Router,
    cancel: &CancellationToken,
) -> Result<(), hyper::Error> {
    let inner = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| answer(inner.call(request)));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        done = serving.as_mut() => return done,
        () = cancel.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    serving.await
}

async fn answer<E>(made: impl Future<Output = Result<Response<Body>, E>>) -> Result<Response<Body>, E> {
    timeout(ANSWER_TIME, made).await.unwrap_or_else(|_| {
        let mut late = Response::new(Body::empty());
        *late.status_mut() = StatusCode::REQUEST_TIMEOUT;
        Ok(late)
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_request_is_answered_and_a_stop_waits_for_nobody_who_says_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let cancel = CancellationToken::new();
        let router = Router::new().route("/", axum::routing::get(async || "here"));
        let serving = tokio::spawn(serve(listener, router, cancel.clone()));
        let mut silent = TcpStream::connect(at).await.unwrap();
        silent.write_all(b"GET / HT").await.unwrap();
        let mut client = TcpStream::connect(at).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
        cancel.cancel();
        serving.await.unwrap();
    }
}
