//! Wiring: what is started in which order, and what is stopped in which.
//!
//! Start: store (one gateway at a time) → workers → web → what comes back → pipeline → spools. Stop: spools first, so that nothing new
//! comes in; then the pipeline gives back what it has in hand; then the workers; the store last. A stop at any
//! moment loses nothing: what was not recorded is done again.

mod returns;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::deliver::Deliverer;
use crate::deliver::message::LinkMaker;
use crate::fax::{Disposition, Fault, Stage};
use crate::intake::settle::TICKET_GRACE;
use crate::intake::{self, Spool, scan::Scanner};
use crate::ops::health::{Backlog, Health, Report};
use crate::ops::{self, clock, systemd, web};
use crate::pipeline::{self, Context, Left, Policy};
use crate::store::{self, Store};
use crate::worker::Pool;

/// How long the spools may take to finish what they are admitting.
const SPOOLS_STOP: Duration = Duration::from_secs(30);
/// A drain waits for what settles by itself no longer than the longest quiet period and this: a call in progress
/// may take an hour, and is not due.
const DRAIN_GRACE: Duration = Duration::from_secs(15);
/// How often the watchdog's question is asked, where the service manager names no interval.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Open alarms that a health report names.
const ALARMS_SHOWN: u32 = 50;

/// A gateway with its store open and its workers ready.
pub struct Gateway {
    deliverer: Deliverer,
    folder: PathBuf,
    config: Config,
    store: Store,
    pool: Arc<Pool>,
    ctx: Arc<Context>,
    /// Who makes the links in mails; the same until the gateway ends.
    links: Option<Arc<dyn LinkMaker>>,
}

/// What a drain came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Drained {
    /// Faxes and deliveries that wait for their time.
    pub left: Left,
    /// Files in spools that are not complete, with the reason, as `spool: name: reason`.
    pub waiting: Vec<String>,
    /// Spools that could not be scanned.
    pub unreadable: Vec<String>,
}

impl Drained {
    /// Nothing is left anywhere.
    pub fn is_clean(&self) -> bool {
        self.left.later == 0 && self.waiting.is_empty() && self.unreadable.is_empty()
    }
}

impl Gateway {
    /// Opens the store and makes the pipeline. Nothing runs yet.
    pub async fn open(folder: &Path, config: Config) -> Result<Self, Fault> {
        // From the moment when the store names us, somebody may tell us to reload: until we listen, that must not end us.
        drop(listen(SignalKind::hangup())?);
        let program = std::env::current_exe().map_err(|error| {
            Fault::new(
                "daemon.program",
                Disposition::Stop,
                "This program cannot find itself to start page workers.",
            )
            .with_detail(error)
        })?;
        let store =
            Store::open(&store::Settings { dir: config.data.clone() }).await.map_err(|e| e.fault())?;
        keep_rules(&store, &config, store::Use::Start).await;
        let pool = Arc::new(Pool::new(program, config.worker.clone()));
        let settings = pipeline::Settings {
            faxes: config.worker.workers.max(2),
            pages: config.worker.workers,
            limits: config.limits.clone(),
            typography: pipeline::Typography {
                pdf: config.pdf.clone(),
                enhance: config.worker.enhance.clone(),
            },
            ..pipeline::Settings::default()
        };
        let links = returns::link_maker(&config)?;
        let deliverer = Deliverer::new(config.deliver.clone());
        let ctx = Context::new(
            store.clone(),
            Arc::clone(&pool) as Arc<dyn pipeline::Reader>,
            policy(&config, links.as_ref(), &deliverer),
            settings,
        );
        Ok(Self { deliverer, folder: folder.to_owned(), config, store, pool, ctx: Arc::new(ctx), links })
    }

    /// The store, for whoever reports.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Runs until SIGTERM or SIGINT; SIGHUP reloads.
    pub async fn run(mut self) -> Result<(), Fault> {
        let mut signals = Signals::listen()?;
        let stop = CancellationToken::new();
        let web = self.serve(&stop).await?;
        let mut back = returns::start(&self.config, &self.ctx, &stop).await?;
        let mut running = tokio::spawn(pipeline::run(Arc::clone(&self.ctx), stop.clone()));
        let duties = tokio::spawn(pipeline::duties::run(Arc::clone(&self.ctx), stop.clone()));
        let mut spools = Spools::watch(&self.config, &self.store, &self.ctx.health);
        tokio::spawn(pipeline::words::index_old(self.store.clone(), stop.clone()));
        systemd::ready();
        tracing::info!(spools = self.config.spools.len(), "the gateway runs");
        let mut heart = tokio::time::interval(systemd::watchdog_interval().unwrap_or(HEARTBEAT));
        let ended = loop {
            tokio::select! {
                ended = &mut running => break Some(ended),
                fault = returns::died(&mut back) => {
                    tracing::error!(code = fault.code, detail = fault.detail, "the gateway stops: {}", fault.operator);
                    break Some(Ok(Err(fault)));
                }
                fault = spools.died() => {
                    tracing::error!(code = fault.code, detail = fault.detail, "the gateway stops: {}", fault.operator);
                    break Some(Ok(Err(fault)));
                }
                call = signals.next() => match call {
                    Call::Stop => break None,
                    Call::Reload => spools = self.reload(spools).await,
                },
                _ = heart.tick() => if self.ctx.health.heart_beats(clock::now()) { systemd::alive() },
            }
        };
        systemd::stopping();
        tracing::info!("the gateway stops: finishing what is in hand");
        spools.stop().await;
        stop.cancel();
        let ended = match ended {
            Some(ended) if running.is_finished() => ended,
            Some(ended) => running.await.and(ended),
            None => running.await,
        };
        // It ends with `stop`; how is of no interest any more.
        let _ = duties.await;
        if let Some(web) = web {
            // It ends with `stop`; how is of no interest any more.
            let _ = web.await;
        }
        while back.join_next().await.is_some() {}
        self.close().await;
        ended.unwrap_or_else(|panic| Err(Fault::new("bug.panic", Disposition::Stop, panic.to_string())))
    }

    /// Takes in, reads, routes and delivers everything that is due, and returns. What settles by itself within
    /// its spool's quiet period is waited for; what waits for a ticket or a relay is left and named. What came back into
    /// a Maildir is taken first, and the gateway's own mails go out last.
    pub async fn drain(&self, stop: CancellationToken) -> Result<Drained, Fault> {
        let zone = zone(&self.config);
        let mut scanners: Vec<Scanner> =
            self.config.spools.iter().map(|spool| Scanner::new(spool.clone(), zone.clone())).collect();
        let patience = self.config.spools.iter().map(settles_in).max().unwrap_or_default() + DRAIN_GRACE;
        let mut progress = Instant::now();
        loop {
            let mut drained = Drained::default();
            if let Err(fault) = returns::take_once(&self.config, &self.ctx).await {
                drained.unreadable.push(fault.to_string());
            }
            let mut again: Option<Duration> = None;
            let mut admitted = 0;
            for scanner in &mut scanners {
                match scanner.scan_once(&self.store, clock::now()).await {
                    Ok(report) => {
                        admitted += report.admitted.len();
                        let name = &scanner.spool().name;
                        let waiting = report.waiting.iter();
                        drained.waiting.extend(
                            waiting.map(|file| format!("{name}: {}: {}", file.name, file.reason.words())),
                        );
                        again = [again, report.recheck].into_iter().flatten().min();
                    }
                    Err(error) => drained.unreadable.push(format!("{}: {error}", scanner.spool().name)),
                }
            }
            drained.left = pipeline::drain(Arc::clone(&self.ctx), stop.clone()).await?;
            pipeline::post::send_due(&self.ctx).await?;
            if admitted > 0 {
                progress = Instant::now();
            }
            match again {
                _ if stop.is_cancelled() || progress.elapsed() > patience => return Ok(drained),
                None if admitted == 0 => return Ok(drained),
                None => {}
                Some(soon) => tokio::select! {
                    () = tokio::time::sleep(soon) => {}
                    () = stop.cancelled() => {}
                },
            }
        }
    }

    /// Ends the workers and closes the store.
    pub async fn close(&self) {
        self.pool.shutdown().await;
        self.deliverer.close().await;
        self.store.close().await;
    }

    /// Puts a new configuration in force, or keeps the old one and says why.
    async fn reload(&mut self, spools: Spools) -> Spools {
        systemd::reloading();
        let loaded = Config::load(&self.folder);
        let spools = match loaded {
            Err(problems) => {
                tracing::error!(
                    "the reload is refused, the old configuration stays in force:\n{}",
                    problems.render()
                );
                metrics::counter!("faxgate_reloads_total", "outcome" => "refused").increment(1);
                self.ctx.health.reload(Some(format!("{problems}, see the log")));
                spools
            }
            Ok((config, warnings)) => {
                warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                for what in only_at_start(&self.config, &config) {
                    tracing::warn!("{what} changed: it takes effect at the next start");
                }
                keep_rules(&self.store, &config, store::Use::Reload).await;
                // Relays that stay as they were keep their connections, tokens and states.
                self.deliverer = self.deliverer.renewed(config.deliver.clone());
                self.ctx.reload(policy(&config, self.links.as_ref(), &self.deliverer));
                let spools = if config.spools == self.config.spools
                    && config.scan_interval == self.config.scan_interval
                {
                    spools
                } else {
                    spools.stop().await;
                    Spools::watch(&config, &self.store, &self.ctx.health)
                };
                tracing::info!(rules = config.rules.version(), "reloaded");
                metrics::counter!("faxgate_reloads_total", "outcome" => "done").increment(1);
                self.ctx.health.reload(None);
                self.config = in_force(&self.config, config);
                spools
            }
        };
        systemd::ready();
        spools
    }

    /// Starts the web server, where one is wanted.
    async fn serve(
        &self,
        stop: &CancellationToken,
    ) -> Result<Option<tokio::task::JoinHandle<std::io::Result<()>>>, Fault> {
        let Some(address) = self.config.ops.listen else { return Ok(None) };
        let metrics = recorder()?;
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let sentence =
                format!("Nothing can listen on {address} (ops.listen): is another gateway running?");
            Fault::new("daemon.listen", Disposition::Stop, sentence).with_detail(error)
        })?;
        let (store, health) = (self.store.clone(), self.ctx.health.clone());
        let examine: web::Examine = Arc::new(move || Box::pin(examine(store.clone(), health.clone())));
        Ok(Some(tokio::spawn(web::serve(listener, metrics, examine, stop.clone()))))
    }
}

/// The longest that a file of a spool waits by itself, once its writer is done.
fn settles_in(spool: &Spool) -> Duration {
    if spool.tickets.is_some() { spool.quiet.max(TICKET_GRACE) } else { spool.quiet }
}

/// Keeps the text of the rules that come into force. What cannot be kept stops nothing: the decisions tell the version.
async fn keep_rules(store: &Store, config: &Config, how: store::Use) {
    let text = store::RulesText {
        version: config.rules_version().to_owned(),
        rules: config.rules_text.to_string(),
        departments: config.departments_text.to_string(),
    };
    if let Err(error) = store.use_rules(&text, how, clock::now()).await {
        tracing::error!("the text of the rules in force was not kept: {}", error.fault());
    }
}

fn policy(config: &Config, links: Option<&Arc<dyn LinkMaker>>, deliverer: &Deliverer) -> Policy {
    let policy = Policy::new(config.rules.clone(), config.departments.clone(), config.deliver.clone());
    let stationery = policy.stationery.clone().knowing(config.senders.clone());
    let stationery = match links {
        Some(links) => stationery.linking(Arc::clone(links)),
        None => stationery,
    };
    let courier = Arc::new(deliverer.clone());
    Policy { stationery, courier, doors: config.doors.clone(), alarms: config.alarms.clone(), ..policy }
}

/// The fax servers' clocks show the site's time, as mails do.
fn zone(config: &Config) -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get(&config.deliver.time_zone).unwrap_or_else(|_| jiff::tz::TimeZone::system())
}

/// What a reload cannot change, of what did change.
fn only_at_start(old: &Config, new: &Config) -> Vec<&'static str> {
    let changes = [
        ("data", old.data != new.data),
        ("[ocr]", old.worker != new.worker),
        ("[pdf]", old.pdf != new.pdf),
        ("[limits]", old.limits != new.limits),
        ("[ops]", old.ops != new.ops),
        ("[returns]", old.returns != new.returns),
        ("[links]", old.links != new.links),
    ];
    changes.into_iter().filter(|(_, changed)| *changed).map(|(what, _)| what).collect()
}

/// The configuration after a reload: what takes effect at the next start stays as it runs, so that the next reload
/// names it again.
fn in_force(old: &Config, new: Config) -> Config {
    Config {
        data: old.data.clone(),
        worker: old.worker.clone(),
        pdf: old.pdf.clone(),
        limits: old.limits.clone(),
        ops: old.ops.clone(),
        returns: old.returns.clone(),
        links: old.links.clone(),
        ..new
    }
}

fn recorder() -> Result<PrometheusHandle, Fault> {
    PrometheusBuilder::new().install_recorder().map_err(|error| {
        Fault::new("daemon.metrics", Disposition::Stop, "Metrics cannot be recorded.").with_detail(error)
    })
}

async fn examine(store: Store, health: Health) -> Report {
    let now = clock::now();
    let backlog = async {
        let age = store.oldest_open(now).await?;
        let counts = store.counts().await?;
        let open = counts.iter().filter(|(stage, _)| stage.is_open()).map(|(_, count)| count).sum();
        // Junk waits for nobody: the digest tells of it.
        let quarantined = counts.get(&Stage::Quarantined).copied().unwrap_or(0);
        let quarantined = quarantined.saturating_sub(store.junk_count().await?);
        Ok::<_, store::StoreError>(Backlog { oldest_open: age.map(|age| now - age), quarantined, open })
    };
    let report = health.report(now, backlog.await.map_err(|error| error.fault().to_string()));
    let alarms = store.alarms(false, ALARMS_SHOWN).await.unwrap_or_default();
    let alarms =
        alarms.into_iter().map(|one| format!("{}: {}", one.kind, ops::alarms::masked(&one.about))).collect();
    Report { alarms, ..report }
}

/// The tasks that watch spools.
struct Spools {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Spools {
    fn watch(config: &Config, store: &Store, health: &Health) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let zone = zone(config);
        for spool in &config.spools {
            let spool: Spool = spool.clone();
            let (store, zone, health, stop) = (store.clone(), zone.clone(), health.clone(), stop.clone());
            tasks.spawn(intake::run(spool, store, config.scan_interval, zone, health, stop));
        }
        Self { tasks, stop }
    }

    /// Ends when a spool is watched no more though nobody said so: a fault in faxgate. The service manager starts
    /// the gateway anew, and with it the watch.
    async fn died(&mut self) -> Fault {
        let detail = match self.tasks.join_next().await {
            Some(Err(error)) => error.to_string(),
            Some(Ok(())) => "it ended by itself".to_owned(),
            None => std::future::pending().await,
        };
        let sentence = "A spool is watched no more, and faxes would stay in it; please report it.";
        Fault::new("bug.spool", Disposition::Stop, sentence).with_detail(detail)
    }

    /// Lets each finish what it is admitting.
    async fn stop(mut self) {
        self.stop.cancel();
        let finish = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(SPOOLS_STOP, finish).await.is_err() {
            tracing::warn!("a spool does not answer; what it was admitting is found again at the next start");
            self.tasks.abort_all();
        }
    }
}

/// What the service manager and people at terminals say.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Fault> {
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Call {
        tokio::select! {
            _ = self.terminate.recv() => Call::Stop,
            _ = self.interrupt.recv() => Call::Stop,
            _ = self.hangup.recv() => Call::Reload,
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Fault> {
    signal(kind).map_err(|error| {
        Fault::new("daemon.signals", Disposition::Stop, "Signals cannot be listened to.").with_detail(error)
    })
}

/// What a signal asks for.
enum Call {
    Stop,
    Reload,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_watch_that_dies_is_noticed() {
        let mut spools = Spools { tasks: JoinSet::new(), stop: CancellationToken::new() };
        spools.tasks.spawn(async { panic!("a fault in a scan") });
        let fault = spools.died().await;
        assert_eq!((fault.code.as_str(), fault.disposition), ("bug.spool", Disposition::Stop));
        assert!(fault.detail.contains("a fault in a scan"), "{}", fault.detail);
        // Where there is no spool, none can die.
        assert!(tokio::time::timeout(Duration::from_millis(20), spools.died()).await.is_err());
    }

    /// A configuration whose machine file says this too.
    fn configured(folder: &Path, more: &str) -> Config {
        let machine = format!(
            "data = \"data\"\n[[spool]]\nname = \"drop\"\nkind = \"drop\"\npath = \"drop\"\n\
             [mail]\nfrom = \"fax@harbour.example\"\nhost_name = \"fax.harbour.example\"\n{more}"
        );
        let departments = "fallback = \"registry\"\n[[department]]\nid = \"registry\"\nname = \"Registry\"\n\
                           maildir = \"mail/registry\"\n";
        std::fs::write(folder.join("faxgate.toml"), machine).unwrap();
        std::fs::write(folder.join("departments.toml"), departments).unwrap();
        std::fs::write(folder.join("rules.toml"), "[default]\nto = \"registry\"\n").unwrap();
        Config::load(folder).unwrap_or_else(|problems| panic!("{}", problems.render())).0
    }

    #[test]
    fn what_takes_effect_at_the_next_start_is_named_at_each_reload_until_then() {
        let folder = tempfile::tempdir().unwrap();
        for below in ["drop", "mail", "returned"] {
            std::fs::create_dir(folder.path().join(below)).unwrap();
        }
        let old = configured(folder.path(), "");
        assert!(only_at_start(&old, &configured(folder.path(), "")).is_empty());
        let cases = [
            ("[pdf]\nview = \"as-received\"\n[alarms]\nbounces = 7\n", "[pdf]"),
            ("[ocr]\nworkers = 7\n", "[ocr]"),
            ("[limits]\npages = 7\n", "[limits]"),
            ("[ops]\nlisten = \"127.0.0.1:9\"\n", "[ops]"),
            ("[returns]\nmaildir = \"returned\"\n", "[returns]"),
            ("[links]\nbase = \"https://fax.harbour.example\"\nlisten = \"127.0.0.1:9\"\n", "[links]"),
        ];
        for (more, what) in cases {
            let new = configured(folder.path(), more);
            assert_eq!(only_at_start(&old, &new), [what]);
            // Nothing of it runs yet, so the next reload says so again; what takes effect at once does.
            let (bounces, running) = (new.alarms.bounces, in_force(&old, new));
            assert_eq!(running.alarms.bounces, bounces);
            assert_eq!(only_at_start(&running, &configured(folder.path(), more)), [what]);
            assert!(only_at_start(&running, &configured(folder.path(), "")).is_empty(), "{what} taken back");
        }
    }
}
