//! SIP's sockets: UDP, TCP and TLS listeners, and connections of our own to registrars and callees.
//!
//! - What comes from no trunk's network is dropped before a byte of it is looked at: datagrams are not parsed, connections
//!   are closed at accept, before TLS.
//! - Connections are bounded in number, in all and for each address, and in the time that they may say nothing.
//! - Queues are bounded: a flood over UDP is dropped here (its senders repeat what matters), a stream is read more slowly.

mod connection;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use super::settings::Listen;
use crate::t38::sip::{Agent, Event, Flow, Net, Output, Transport};
use connection::{accept, talk};

/// Longest datagram that is read: what UDP can carry.
const MOST_DATAGRAM: usize = 65_535;
/// Messages that wait for the agent.
const MOST_WAITING: usize = 2_048;
/// A connection of ours must stand within this time.
const CONNECT: Duration = Duration::from_secs(10);

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

impl Wire {
    /// Tells the agent.
    pub fn tell(self, agent: &mut Agent, now: Duration) {
        match self {
            Self::Message(flow, bytes) => agent.receive(now, &flow, &bytes),
            Self::Closed(id) => agent.closed(now, id),
            Self::Connected { wanted, flow: Some(flow) } => agent.connected(now, wanted, flow),
            Self::Connected { wanted, flow: None } => agent.not_connected(now, wanted),
        }
    }
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

    /// Does what the agent wants of the network, up to its next event. `None`: it wants nothing more.
    pub fn serve(&self, agent: &mut Agent, now: Duration) -> Option<Event> {
        loop {
            match agent.output()? {
                Output::Send { flow, bytes } => {
                    if !self.send(&flow, bytes) && flow.transport.reliable() {
                        agent.closed(now, flow.id);
                    }
                }
                Output::Connect { trunk, transport, host, port } => {
                    self.connect(trunk, transport, host, port);
                }
                Output::Close { flow } => self.close(&flow),
                Output::Event(event) => return Some(event),
            }
        }
    }

    /// Closes a connection.
    fn close(&self, flow: &Flow) {
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
