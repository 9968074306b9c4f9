//! SIP's sockets: UDP, TCP and TLS listeners, and connections of our own to registrars and callees.
//!
//! - What comes from no trunk's network is dropped before a byte of it is looked at: datagrams are not parsed, connections
//!   are closed at accept, before TLS.
//! - Connections are bounded in number, in all and for each address, and in the time that they may say nothing.
//! - Queues are bounded: a flood over UDP is dropped here (its senders repeat what matters), a stream is read more slowly.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use super::settings::Listen;
use crate::t38::sip::{Flow, Framed, Framer, Net, Transport};

/// Longest datagram that is read: what UDP can carry.
const MOST_DATAGRAM: usize = 65_535;
/// Messages that wait for the agent.
const MOST_WAITING: usize = 2_048;
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
/// A connection of ours must stand within this time.
const CONNECT: Duration = Duration::from_secs(10);
/// A write that takes longer than this finds nobody.
const WRITE: Duration = Duration::from_secs(20);

/// Who may speak to us: trunks' networks, and the addresses of registrars that we speak to.
#[derive(Debug, Default)]
pub struct Gate {
    networks: Vec<Net>,
    called: Mutex<Vec<IpAddr>>,
    /// Packets and connections from elsewhere.
    pub strangers: AtomicU64,
    /// Messages that came faster than they could be handled.
    pub flooded: AtomicU64,
}

impl Gate {
    /// A gate for these networks.
    pub fn new(networks: Vec<Net>) -> Self {
        Self { networks, ..Self::default() }
    }

    /// Lets an address in that we call ourselves.
    pub fn also(&self, address: IpAddr) {
        /// Registrars have a handful of addresses; older ones make room.
        const MOST_CALLED: usize = 256;
        if let Ok(mut called) = self.called.lock()
            && !called.contains(&address)
        {
            if called.len() >= MOST_CALLED {
                called.remove(0);
            }
            called.push(address);
        }
    }

    fn lets_in(&self, address: IpAddr) -> bool {
        let in_trunk = self.networks.iter().any(|net| net.contains(address));
        let known = in_trunk || self.called.lock().is_ok_and(|called| called.contains(&address));
        if !known {
            self.strangers.fetch_add(1, Ordering::Relaxed);
        }
        known
    }
}

/// What comes from the network.
#[derive(Debug)]
pub enum Wire {
    /// A whole message.
    Message(Flow, Vec<u8>),
    /// A connection of ours stands, or cannot be made.
    Connected {
        /// What was asked for.
        wanted: usize,
        /// The way.
        flow: Option<Flow>,
    },
    /// A connection is gone.
    Closed(u64),
}

type Writers = Arc<Mutex<HashMap<u64, mpsc::Sender<Vec<u8>>>>>;

/// All sockets of SIP.
pub struct Wires {
    udp: Vec<(u64, Arc<UdpSocket>)>,
    listeners: Vec<(Listen, TcpListener)>,
    bound: Vec<Listen>,
    shared: Shared,
    connector: Option<TlsConnector>,
    acceptor: Option<TlsAcceptor>,
}

#[derive(Clone)]
struct Shared {
    gate: Arc<Gate>,
    writers: Writers,
    peers: Arc<Mutex<HashMap<IpAddr, usize>>>,
    ids: Arc<AtomicU64>,
    out: mpsc::Sender<Wire>,
    stop: CancellationToken,
}

impl Wires {
    /// Binds every listener, and listens to none yet.
    pub async fn bind(
        listen: &[Listen],
        acceptor: Option<TlsAcceptor>,
        connector: Option<TlsConnector>,
        gate: Arc<Gate>,
        stop: CancellationToken,
    ) -> Result<(Self, mpsc::Receiver<Wire>), (Listen, io::Error)> {
        let (out, wires) = mpsc::channel(MOST_WAITING);
        let ids = Arc::new(AtomicU64::new(1));
        let shared = Shared { gate, writers: Writers::default(), peers: Arc::default(), ids, out, stop };
        let mut all =
            Self { udp: Vec::new(), listeners: Vec::new(), bound: Vec::new(), shared, connector, acceptor };
        for one in listen {
            let address = match one.transport {
                Transport::Udp => {
                    let socket = UdpSocket::bind(one.address).await.map_err(|error| (*one, error))?;
                    let address = socket.local_addr();
                    all.udp.push((all.shared.fresh(), Arc::new(socket)));
                    address
                }
                Transport::Tcp | Transport::Tls => {
                    let listener = TcpListener::bind(one.address).await.map_err(|error| (*one, error))?;
                    let address = listener.local_addr();
                    all.listeners.push((*one, listener));
                    address
                }
            };
            let address = address.map_err(|error| (*one, error))?;
            all.bound.push(Listen { transport: one.transport, address });
        }
        Ok((all, wires))
    }

    /// Where it listens: port 0 has become a real one.
    pub fn bound(&self) -> &[Listen] {
        &self.bound
    }

    /// Begins to listen.
    pub fn listen(&mut self) {
        for (id, socket) in &self.udp {
            tokio::spawn(hear(*id, Arc::clone(socket), self.shared.clone()));
        }
        for (listen, listener) in self.listeners.drain(..) {
            let tls = (listen.transport == Transport::Tls).then(|| self.acceptor.clone()).flatten();
            tokio::spawn(accept(listen.transport, listener, tls, self.shared.clone()));
        }
    }

    /// The UDP socket that reaches a peer, as a flow.
    pub fn udp_flow(&self, remote: SocketAddr) -> Option<Flow> {
        let fits = |socket: &UdpSocket| {
            socket.local_addr().is_ok_and(|local| local.is_ipv4() == remote.ip().to_canonical().is_ipv4())
        };
        let (id, socket) = self.udp.iter().find(|(_, socket)| fits(socket)).or(self.udp.first())?;
        Some(Flow {
            id: *id,
            transport: Transport::Udp,
            local: named(socket.local_addr().ok()?, remote),
            remote,
        })
    }

    /// Sends one message. `false`: the connection is gone, or does not read.
    pub fn send(&self, flow: &Flow, bytes: Vec<u8>) -> bool {
        match flow.transport {
            Transport::Udp => {
                let socket = self.udp.iter().find(|(id, _)| *id == flow.id);
                // What a full socket drops is sent again by SIP's timers.
                socket.is_some_and(|(_, socket)| {
                    let remote = seen_from(socket, flow.remote);
                    socket.try_send_to(&bytes, remote).is_ok()
                })
            }
            Transport::Tcp | Transport::Tls => {
                let Ok(writers) = self.shared.writers.lock() else { return false };
                writers.get(&flow.id).is_some_and(|writer| writer.try_send(bytes).is_ok())
            }
        }
    }

    /// Closes a connection.
    pub fn close(&self, flow: &Flow) {
        if let Ok(mut writers) = self.shared.writers.lock() {
            writers.remove(&flow.id);
        }
    }

    /// Looks a host up and connects; [`Wire::Connected`] tells. Its addresses may then speak to us.
    pub fn connect(&self, wanted: usize, transport: Transport, host: String, port: u16) {
        let udp: Vec<(u64, SocketAddr)> =
            self.udp.iter().filter_map(|(id, socket)| Some((*id, socket.local_addr().ok()?))).collect();
        let (shared, connector) = (self.shared.clone(), self.connector.clone());
        tokio::spawn(async move {
            let found =
                tokio::time::timeout(CONNECT, reach(&shared, connector, udp, transport, &host, port)).await;
            let flow = match found {
                Ok(Ok(flow)) => Some(flow),
                Ok(Err(error)) => {
                    tracing::warn!(host, port, %error, "no way to this host");
                    None
                }
                Err(_) => {
                    tracing::warn!(host, port, "no way to this host in time");
                    None
                }
            };
            let _ = shared.out.send(Wire::Connected { wanted, flow }).await;
        });
    }
}

impl Shared {
    fn fresh(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }
}

/// Our end as a peer knows it: a socket bound to every address says which one the route takes.
fn named(local: SocketAddr, remote: SocketAddr) -> SocketAddr {
    if !local.ip().is_unspecified() {
        return local;
    }
    super::ports::route_to(remote.ip()).map_or(local, |address| SocketAddr::new(address, local.port()))
}

/// An address in the form that a socket takes: one bound to `[::]` knows IPv4 as mapped.
fn seen_from(socket: &UdpSocket, remote: SocketAddr) -> SocketAddr {
    match (socket.local_addr(), remote.ip()) {
        (Ok(local), IpAddr::V4(four)) if local.is_ipv6() => {
            SocketAddr::new(four.to_ipv6_mapped().into(), remote.port())
        }
        _ => remote,
    }
}

async fn hear(id: u64, socket: Arc<UdpSocket>, shared: Shared) {
    let Ok(bound) = socket.local_addr() else { return };
    let mut buffer = vec![0; MOST_DATAGRAM];
    // The routing table is asked once a peer, not once a datagram.
    let mut locals: HashMap<IpAddr, SocketAddr> = HashMap::new();
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = shared.stop.cancelled() => return,
        };
        // An ICMP error of an earlier datagram of ours: nothing to do with what comes next.
        let Ok((length, remote)) = received else { continue };
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        if !shared.gate.lets_in(remote.ip()) {
            continue;
        }
        if locals.len() > MOST_WAITING {
            locals.clear();
        }
        let local = *locals.entry(remote.ip()).or_insert_with(|| named(bound, remote));
        let flow = Flow { id, transport: Transport::Udp, local, remote };
        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
        if shared.out.try_send(Wire::Message(flow, bytes)).is_err() {
            shared.gate.flooded.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn accept(transport: Transport, listener: TcpListener, tls: Option<TlsAcceptor>, shared: Shared) {
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
async fn talk<S: AsyncRead + AsyncWrite + Send + 'static>(stream: S, flow: Flow, shared: Shared) {
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

/// The way to a host of ours: its first address that answers.
async fn reach(
    shared: &Shared,
    connector: Option<TlsConnector>,
    udp: Vec<(u64, SocketAddr)>,
    transport: Transport,
    host: &str,
    port: u16,
) -> io::Result<Flow> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for remote in addresses {
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        if transport == Transport::Udp {
            let fits = udp.iter().find(|(_, local)| local.is_ipv4() == remote.is_ipv4());
            let Some((id, local)) = fits else { continue };
            shared.gate.also(remote.ip());
            return Ok(Flow { id: *id, transport, local: named(*local, remote), remote });
        }
        match TcpStream::connect(remote).await {
            Ok(stream) => {
                let flow = Flow { id: shared.fresh(), transport, local: stream.local_addr()?, remote };
                shared.gate.also(remote.ip());
                if transport == Transport::Tcp {
                    tokio::spawn(talk(stream, flow, shared.clone()));
                    return ready(shared, flow).await;
                }
                let connector = connector.ok_or_else(|| io::Error::other("no TLS here"))?;
                let name =
                    rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                let stream = connector.connect(name, stream).await?;
                tokio::spawn(talk(stream, flow, shared.clone()));
                return ready(shared, flow).await;
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Waits until a connection can be written to: its task has begun.
async fn ready(shared: &Shared, flow: Flow) -> io::Result<Flow> {
    loop {
        if shared.writers.lock().is_ok_and(|writers| writers.contains_key(&flow.id)) {
            return Ok(flow);
        }
        tokio::task::yield_now().await;
    }
}
