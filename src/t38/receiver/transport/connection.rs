//! TCP and TLS connections of SIP, from accept to the last byte.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::{Shared, Wire};
use crate::t38::sip::{Flow, Framed, Framer, Transport};

/// Messages that wait to be written to one connection; one that does not read is closed.
const MOST_UNSENT: usize = 256;
/// Connections at once.
const MOST_CONNECTIONS: usize = 500;
/// Connections at once of one address.
const MOST_OF_ONE: usize = 50;
/// TLS must be agreed on, and a first message must have come, within this time.
const FIRST_WORD: Duration = Duration::from_secs(15);
/// A connection that once brought a message may then say nothing for longer than the longest call.
const IDLE: Duration = Duration::from_secs(6 * 3600);
/// A write that takes longer than this finds nobody.
const WRITE: Duration = Duration::from_secs(20);

/// Accepts connections from trunks, as many as may be open.
pub(super) async fn accept(
    transport: Transport,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Shared,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.stop.cancelled() => return,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: waiting is all that helps.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        let Some(place) =
            (shared.gate.lets_in(remote.ip())).then(|| Place::take(&shared, remote.ip())).flatten()
        else {
            continue;
        };
        let Ok(local) = stream.local_addr() else { continue };
        let flow = Flow { id: shared.fresh(), transport, local, remote };
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(async move {
            let _place = place;
            match tls {
                None => talk(stream, flow, shared).await,
                Some(tls) => match tokio::time::timeout(FIRST_WORD, tls.accept(stream)).await {
                    Ok(Ok(stream)) => talk(stream, flow, shared).await,
                    Ok(Err(error)) => tracing::debug!(%error, "no TLS"),
                    Err(_) => tracing::debug!("no TLS in time"),
                },
            }
        });
    }
}

/// One of the connections that may be open.
struct Place {
    peers: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Place {
    fn take(shared: &Shared, address: IpAddr) -> Option<Self> {
        let mut peers = shared.peers.lock().ok()?;
        let all: usize = peers.values().sum();
        let its = peers.entry(address).or_default();
        if all >= MOST_CONNECTIONS || *its >= MOST_OF_ONE {
            if *its == 0 {
                peers.remove(&address);
            }
            return None;
        }
        *its += 1;
        drop(peers);
        Some(Self { peers: Arc::clone(&shared.peers), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Ok(mut peers) = self.peers.lock()
            && let Some(its) = peers.get_mut(&self.address)
        {
            *its = its.saturating_sub(1);
            if *its == 0 {
                peers.remove(&self.address);
            }
        }
    }
}

/// A connection from its first byte to its last.
pub(super) async fn talk<S: AsyncRead + AsyncWrite + Send + 'static>(stream: S, flow: Flow, shared: Shared) {
    let (reader, mut writer) = tokio::io::split(stream);
    let (queue, mut queued) = mpsc::channel::<Vec<u8>>(MOST_UNSENT);
    if let Ok(mut writers) = shared.writers.lock() {
        writers.insert(flow.id, queue);
    }
    let write = async {
        while let Some(bytes) = queued.recv().await {
            let written = tokio::time::timeout(WRITE, async {
                writer.write_all(&bytes).await?;
                writer.flush().await
            });
            if !matches!(written.await, Ok(Ok(()))) {
                return;
            }
        }
        // The queue was closed by us.
        let _ = writer.shutdown().await;
    };
    tokio::select! {
        () = read(reader, flow, &shared) => {}
        () = write => {}
        () = shared.stop.cancelled() => {}
    }
    if let Ok(mut writers) = shared.writers.lock() {
        writers.remove(&flow.id);
    }
    let _ = shared.out.send(Wire::Closed(flow.id)).await;
}

async fn read<R: AsyncRead + Unpin>(mut reader: R, flow: Flow, shared: &Shared) {
    let mut framer = Framer::new();
    let mut buffer = vec![0; 16 << 10];
    let mut patience = FIRST_WORD;
    loop {
        let Ok(Ok(length)) = tokio::time::timeout(patience, reader.read(&mut buffer)).await else { return };
        if length == 0 {
            return;
        }
        framer.push(buffer.get(..length).unwrap_or_default());
        while let Some(framed) = framer.next() {
            match framed {
                Framed::Message(bytes) => {
                    patience = IDLE;
                    if shared.out.send(Wire::Message(flow, bytes)).await.is_err() {
                        return;
                    }
                }
                Framed::Ping => pong(&flow, shared),
                Framed::Broken => return,
            }
        }
    }
}

/// The answer to a keep-alive (RFC 5626 §3.5.1). A peer that does not read it is not worth waiting for.
fn pong(flow: &Flow, shared: &Shared) {
    if let Ok(writers) = shared.writers.lock()
        && let Some(writer) = writers.get(&flow.id)
    {
        let _ = writer.try_send(b"\r\n".to_vec());
    }
}
