//! The process `faxgate t38`: sockets, clocks, threads, and the spool that finished calls are left in.
//!
//! ```text
//! SIP sockets ─► transport ─► signalling (one task, owns the agent) ─► orders ─► media threads (own the calls) ─► disk thread
//!                                        ▲──────────────── news ──────────────────────┘                            │ spool
//! ```
//!
//! - Nobody speaks to it but trunks' networks; what comes from elsewhere is dropped before it is looked at.
//! - It has no database and no secrets but trunks' passwords, and can write nothing but its spool ([`sandbox`]).
//! - Ended at any moment, it loses the calls in progress and not their finished pages ([`spool`]).

pub mod disk;
pub mod media;
pub mod meters;
pub mod policy;
pub mod ports;
pub mod sandbox;
pub mod settings;
pub mod signalling;
pub mod spool;
mod tiff;
pub mod tls;
pub mod transport;
pub mod web;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use crate::fax::{Disposition, Fault};
use crate::ops::systemd;
use crate::t38::sip::{self, Agent, Credentials, Transport};
use disk::Disk;
use media::Workers;
use meters::Meters;
use settings::Login;
pub use settings::Settings;
use signalling::Exchange;
use spool::{Spool, SpoolError};
use transport::{Gate, Wires};

/// A password is one line.
const MOST_PASSWORD: u64 = 4096;
/// Realm of our own challenges.
const REALM: &str = "faxgate";
/// How often the watchdog's question is asked, where the service manager names no interval.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// A receiver that has read all it needs and given up the rest.
pub struct Receiver {
    settings: Settings,
    sip: sip::Settings,
    acceptor: Option<TlsAcceptor>,
    connector: TlsConnector,
    spool: Spool,
}

impl Receiver {
    /// Reads certificates and passwords, takes the spool, delivers what the last process left in it, and enters the sandbox.
    /// Call it before any thread is started: the sandbox holds for this thread and all that it starts.
    pub fn prepare(settings: Settings) -> Result<Self, Fault> {
        more_files();
        let acceptor = match &settings.tls {
            Some((certificate, key)) => {
                Some(tls::acceptor(certificate, key).map_err(|error| tls_fault(&error))?)
            }
            None => None,
        };
        let connector = tls::connector(None).map_err(|error| tls_fault(&error))?;
        let sip = agent_settings(&settings)?;
        let spool = Spool::open(&settings.spool).map_err(|error| spool_fault(&error))?;
        for (name, recovered) in spool.recover().map_err(|error| spool_fault(&error))? {
            match recovered {
                Ok(one) => tracing::warn!(
                    call = name,
                    pages = one.pages,
                    "a call that the last process left is finished"
                ),
                Err(error) => {
                    tracing::error!(call = name, %error, "a call that the last process left stays in .part")
                }
            }
        }
        let held = sandbox::enter(&settings.spool);
        tracing::info!(landlock = held.landlock, seccomp = held.seccomp, "sandbox");
        Ok(Self { settings, sip, acceptor, connector, spool })
    }

    /// Takes calls until SIGTERM or SIGINT; a second one does not wait for calls in progress. `ready` is told where it listens.
    pub async fn run(self, ready: impl FnOnce(&[settings::Listen])) -> Result<(), Fault> {
        let (stop, gone) = (CancellationToken::new(), CancellationToken::new());
        let mut signals = Signals::listen()?;
        let networks = self.sip.trunks.iter().flat_map(|trunk| trunk.networks.clone()).collect();
        let gate = Arc::new(Gate::new(networks));
        let bound = Wires::bind(
            &self.settings.listen,
            self.acceptor,
            Some(self.connector),
            Arc::clone(&gate),
            gone.clone(),
        );
        let (wires, incoming) = bound.await.map_err(|(listen, error)| {
            let name = listen.transport.name().to_lowercase();
            let sentence = format!("SIP cannot listen at {name}:{} (t38.listen).", listen.address);
            Fault::new("t38.listen", Disposition::Stop, sentence).with_detail(error)
        })?;
        let (disk, disk_threads) =
            Disk::start(self.spool, self.settings.least_space).map_err(thread_fault)?;
        let (tell, news) = mpsc::unbounded_channel();
        let workers =
            Workers::start(self.settings.threads, Some(disk.clone()), &tell).map_err(thread_fault)?;
        let meters = Meters::new(Arc::clone(workers.pulse()), gate);
        let web = serve(&self.settings, &meters, &gone).await?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| {
            Fault::new("t38.random", Disposition::Stop, "The kernel gives no randomness.").with_detail(error)
        })?;
        let agent = Agent::new(self.sip, seed);
        ready(wires.bound());
        let exchange = Exchange::new(Arc::new(self.settings), agent, wires, workers, disk, meters.clone());
        let mut running = tokio::spawn(exchange.run(incoming, news, stop.clone(), gone.clone()));
        systemd::ready();
        systemd::status("answering fax calls");
        let mut heart = tokio::time::interval(systemd::watchdog_interval().unwrap_or(HEARTBEAT));
        let ended = loop {
            tokio::select! {
                ended = &mut running => break ended,
                () = signals.next() => {
                    if stop.is_cancelled() {
                        gone.cancel();
                    }
                    systemd::stopping();
                    stop.cancel();
                }
                _ = heart.tick() => if meters.alive() { systemd::alive() },
            }
        };
        gone.cancel();
        // The exchange and its threads are gone, and with them all who give the disk work.
        let joined = tokio::task::spawn_blocking(move || disk_threads.join());
        if !joined.await.unwrap_or(false) {
            tracing::error!("a disk thread broke; what it had in hand is found at the next start");
        }
        if let Some(web) = web {
            // It ends with `gone`; how is of no interest any more.
            let _ = web.await;
        }
        ended.map_err(|panic| Fault::new("bug.panic", Disposition::Stop, panic.to_string()))
    }
}

/// Starts the web server, where one is wanted.
async fn serve(
    settings: &Settings,
    meters: &Meters,
    stop: &CancellationToken,
) -> Result<Option<tokio::task::JoinHandle<std::io::Result<()>>>, Fault> {
    let Some(address) = settings.metrics else { return Ok(None) };
    let recorder = PrometheusBuilder::new().install_recorder().map_err(|error| {
        Fault::new("t38.metrics", Disposition::Stop, "Metrics cannot be recorded.").with_detail(error)
    })?;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let sentence = format!("Nothing can listen on {address} (t38.metrics): is another receiver running?");
        Fault::new("t38.listen", Disposition::Stop, sentence).with_detail(error)
    })?;
    Ok(Some(tokio::spawn(web::serve(listener, recorder, meters.clone(), stop.clone()))))
}

/// What the agent is told, passwords read.
fn agent_settings(settings: &Settings) -> Result<sip::Settings, Fault> {
    let mut trunks = Vec::new();
    for trunk in &settings.trunks {
        trunks.push(sip::Trunk {
            name: trunk.name.clone(),
            networks: trunk.networks.clone(),
            digest: trunk.callers.as_ref().map(|login| credentials(login, REALM)).transpose()?,
            register: trunk.register.clone(),
            login: trunk.login.as_ref().map(|login| credentials(login, "")).transpose()?,
        });
    }
    let port = |transport| settings.listen.iter().find(|listen| listen.transport == transport);
    let first = port(Transport::Udp).or(settings.listen.first()).map_or(5060, |listen| listen.address.port());
    let calls = settings.most_calls;
    Ok(sip::Settings {
        advertised: settings.address.map(|address| (address, first).into()),
        user_agent: concat!("faxgate/", env!("CARGO_PKG_VERSION")).to_owned(),
        trunks,
        // Room for calls that are still saying goodbye, and for those that are told 486.
        limits: sip::Limits { calls: calls * 2 + 100, transactions: 4_000.max(calls * 20) },
        ..sip::Settings::default()
    })
}

fn credentials(login: &Login, usual_realm: &str) -> Result<Credentials, Fault> {
    let realm = if login.realm.is_empty() { usual_realm } else { &login.realm };
    Ok(Credentials {
        user: login.user.clone(),
        password: password(&login.password_file)?,
        realm: realm.to_owned(),
    })
}

fn password(path: &Path) -> Result<String, Fault> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MOST_PASSWORD).read_to_string(&mut text));
    let password = text.lines().next().unwrap_or_default();
    match read {
        Ok(_) if !password.is_empty() => Ok(password.to_owned()),
        Ok(_) => {
            let sentence = format!("The password file {} is empty.", path.display());
            Err(Fault::new("t38.password", Disposition::Stop, sentence))
        }
        Err(error) => {
            let sentence = format!("The password file {} cannot be read.", path.display());
            Err(Fault::new("t38.password", Disposition::Stop, sentence).with_detail(error))
        }
    }
}

/// Each call has a socket, a file in memory and the TIFF library's own handle of it.
fn more_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that is refused, the limit that stands holds, and calls beyond it are refused.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn tls_fault(error: &tls::TlsError) -> Fault {
    Fault::new("t38.tls", Disposition::Stop, "TLS cannot be spoken with this certificate and key.")
        .with_detail(error)
}

fn spool_fault(error: &SpoolError) -> Fault {
    let sentence = match error {
        SpoolError::Taken(folder) => format!("Another receiver uses the spool {}.", folder.display()),
        SpoolError::Io { path, .. } => format!("The spool cannot be used: {}.", path.display()),
    };
    Fault::new("t38.spool", Disposition::Stop, sentence).with_detail(error)
}

fn thread_fault(error: std::io::Error) -> Fault {
    Fault::new("t38.threads", Disposition::Stop, "Threads cannot be started.").with_detail(error)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Fault> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Fault::new("t38.signals", Disposition::Stop, "Signals cannot be listened to.")
                    .with_detail(error)
            })
        };
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
