//! A program that is told of faxes: a real HTTP server that keeps what it gets and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};

/// A call as it came.
#[derive(Debug, Clone)]
pub struct Call {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Call {
    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

#[derive(Clone, Default)]
struct Shared {
    calls: Arc<Mutex<Vec<Call>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

/// The running server; it ends with the runtime.
pub struct Listener {
    pub url: String,
    /// PEM, where it speaks TLS.
    pub certificate: Option<String>,
    shared: Shared,
}

impl Listener {
    pub async fn start() -> Self {
        let shared = Shared::default();
        let app = Router::new().fallback(answer).with_state(shared.clone());
        let socket = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/fax", socket.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(socket, app).await });
        Self { url, certificate: None, shared }
    }

    /// The same over TLS, with a certificate of its own for `localhost`.
    pub async fn start_tls() -> Self {
        let shared = Shared::default();
        let app = Router::new().fallback(answer).with_state(shared.clone());
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config =
            rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key)
                .unwrap();
        let socket = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("https://localhost:{}/fax", socket.local_addr().unwrap().port());
        let socket = Tls { socket, acceptor: tokio_rustls::TlsAcceptor::from(Arc::new(config)) };
        tokio::spawn(async move { axum::serve(socket, app).await });
        Self { url, certificate: Some(made.cert.pem()), shared }
    }

    /// Answers the next calls so; after them, 200.
    pub fn answer(&self, statuses: &[u16]) {
        self.shared.answers.lock().unwrap().extend(statuses);
    }

    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }
}

/// Takes connections whose handshake succeeds.
struct Tls {
    socket: tokio::net::TcpListener,
    acceptor: tokio_rustls::TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, from)) = self.socket.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.socket.local_addr()
    }
}

async fn answer(
    State(shared): State<Shared>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(header::HeaderName, String); 1], String) {
    let host = headers[header::HOST].to_str().unwrap().to_owned();
    shared.calls.lock().unwrap().push(Call { path: uri.path().to_owned(), headers, body: body.to_vec() });
    let status = shared.answers.lock().unwrap().pop_front().unwrap_or(200);
    let elsewhere = format!("http://{host}/elsewhere");
    (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, elsewhere)], "noted\r\nunder 7".to_owned())
}
