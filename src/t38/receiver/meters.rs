//! What monitors see of the receiver.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use super::media::Pulse;
use super::transport::Gate;
use crate::t38::record::{Outcome, Packets, Record};

/// Media threads that did not look at their calls for so long hang.
pub const THREADS_HANG: Duration = Duration::from_secs(20);
/// The task that speaks SIP must have gone round within this time.
const SIP_HANGS: Duration = Duration::from_secs(60);

/// Counters and the state that `/healthz` judges. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Meters(Arc<Inner>);

struct Inner {
    pulse: Arc<Pulse>,
    gate: Arc<Gate>,
    calls: AtomicUsize,
    beat: AtomicI64,
    disk: Mutex<Option<String>>,
    registrations: Mutex<BTreeMap<String, bool>>,
}

/// A report, as `/healthz` prints it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// All is well.
    pub ok: bool,
    /// What is not, in words.
    pub problems: Vec<String>,
    /// Calls in progress.
    pub calls: usize,
    /// By how much the latest tick of a call was late, milliseconds, since the start.
    pub longest_tick_lag_ms: u128,
}

impl Meters {
    /// Fresh ones.
    pub fn new(pulse: Arc<Pulse>, gate: Arc<Gate>) -> Self {
        Self(Arc::new(Inner {
            pulse,
            gate,
            calls: AtomicUsize::new(0),
            beat: AtomicI64::new(0),
            disk: Mutex::new(None),
            registrations: Mutex::new(BTreeMap::new()),
        }))
    }

    /// SIP went round.
    pub fn beat(&self, calls: usize, disk: Option<String>) {
        self.0.calls.store(calls, Ordering::Relaxed);
        self.0.beat.store(self.now(), Ordering::Relaxed);
        if let Ok(mut slot) = self.0.disk.lock() {
            *slot = disk;
        }
    }

    fn now(&self) -> i64 {
        i64::try_from(self.0.pulse.now().as_millis()).unwrap_or(i64::MAX)
    }

    /// A registration stands, or does not.
    pub fn registered(&self, trunk: &str, stands: bool) {
        metrics::gauge!("faxgate_t38_registered", "trunk" => trunk.to_owned()).set(if stands {
            1.0
        } else {
            0.0
        });
        if let Ok(mut registrations) = self.0.registrations.lock() {
            registrations.insert(trunk.to_owned(), stands);
        }
    }

    /// A call was answered.
    pub fn answered(&self, trunk: &str) {
        metrics::counter!("faxgate_t38_answered_total", "trunk" => trunk.to_owned()).increment(1);
    }

    /// A call was not answered, with this status.
    pub fn refused(&self, trunk: &str, status: u16) {
        metrics::counter!("faxgate_t38_refused_total", "trunk" => trunk.to_owned(), "status" => status.to_string())
            .increment(1);
    }

    /// An answered call has ended.
    pub fn finished(&self, record: &Record, packets: &Packets) {
        let trunk = record.device.clone().unwrap_or_default();
        let code = record.result_code.map_or("none".to_owned(), |code| code.to_string());
        let outcome = match (record.result, record.pages) {
            (Outcome::Ok, _) => "ok",
            (Outcome::Failed, 0) => "no-pages",
            (Outcome::Failed, _) => "partial",
        };
        metrics::counter!("faxgate_t38_calls_total", "trunk" => trunk.clone(), "outcome" => outcome, "code" => code)
            .increment(1);
        let damaged = record.page_damage.len() as u64 + u64::from(record.page_damage_more);
        let sound = u64::from(record.pages).saturating_sub(damaged);
        for (state, count) in [("sound", sound), ("damaged", damaged)] {
            metrics::counter!("faxgate_t38_pages_total", "trunk" => trunk.clone(), "state" => state)
                .increment(count);
        }
        for (what, count) in [
            ("received", packets.received),
            ("lost", packets.lost),
            ("recovered", packets.recovered),
            ("refused", packets.refused),
            ("foreign", packets.foreign),
            ("straggler", packets.stragglers),
        ] {
            metrics::counter!("faxgate_t38_packets_total", "trunk" => trunk.clone(), "what" => what)
                .increment(count);
        }
        if let Some(seconds) = record.seconds {
            metrics::counter!("faxgate_t38_call_seconds_total", "trunk" => trunk)
                .increment(u64::from(seconds));
        }
    }

    /// True while SIP and all threads go round: what the service manager's watchdog is fed by.
    pub fn alive(&self) -> bool {
        let since = self.now() - self.0.beat.load(Ordering::Relaxed);
        Duration::from_millis(u64::try_from(since).unwrap_or(0)) < SIP_HANGS
            && self.0.pulse.beats_within(THREADS_HANG)
    }

    /// Judges.
    pub fn report(&self) -> Report {
        let mut problems = Vec::new();
        if !self.alive() {
            problems.push("calls are not attended to: a thread hangs".to_owned());
        }
        if let Some(why) = self.0.disk.lock().ok().and_then(|slot| slot.clone()) {
            problems.push(format!("no calls are taken: {why}"));
        }
        if let Ok(registrations) = self.0.registrations.lock() {
            let lost = registrations.iter().filter(|(_, stands)| !**stands);
            problems.extend(
                lost.map(|(trunk, _)| format!("trunk {trunk} does not know us: it took no registration")),
            );
        }
        Report {
            ok: problems.is_empty(),
            problems,
            calls: self.0.calls.load(Ordering::Relaxed),
            longest_tick_lag_ms: self.0.pulse.longest_lag().as_millis(),
        }
    }

    /// Sets the gauges, just before they are read.
    pub fn set_gauges(&self) {
        let report = self.report();
        metrics::gauge!("faxgate_t38_healthy").set(if report.ok { 1.0 } else { 0.0 });
        metrics::gauge!("faxgate_t38_calls_in_progress").set(report.calls as f64);
        metrics::gauge!("faxgate_t38_tick_lag_seconds").set(self.0.pulse.lag_lately().as_secs_f64());
        metrics::gauge!("faxgate_t38_tick_lag_longest_seconds").set(self.0.pulse.longest_lag().as_secs_f64());
        let gate = &self.0.gate;
        metrics::counter!("faxgate_t38_strangers_total").absolute(gate.strangers.load(Ordering::Relaxed));
        metrics::counter!("faxgate_t38_flooded_total").absolute(gate.flooded.load(Ordering::Relaxed));
    }
}
