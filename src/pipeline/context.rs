//! What every part of the pipeline works with, and the two doors to the outside: who reads a page, who
//! carries a message.

use std::pin::Pin;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::Typography;
use crate::deliver::directory::{Directory, InForce};
use crate::deliver::{self, Deliverer, RelayState, doors::Doors, message::Stationery};
use crate::fax::{Department, Fault, Language, Millis, Outcome, Page, Target};
use crate::ops::{alarms, health::Health};
use crate::route::Rules;
use crate::store::{FALLBACK, Store};
use crate::worker::{Pool, Transcript};
use crate::{decode, ops};

/// How much is done at a time, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Faxes worked on at a time.
    pub faxes: usize,
    /// Pages of one fax in hand at a time. With more faxes at work than one, a short fax passes a long one:
    /// the workers take pages in the order in which they were asked.
    pub pages: usize,
    /// Messages being delivered at a time.
    pub messages: usize,
    /// How long a claim lasts unless renewed. It is renewed at a third of this.
    pub lease: Duration,
    /// How often the store is looked at when nothing stirs in this process.
    pub poll: Duration,
    /// How long running deliveries may go on when the gateway stops.
    pub grace: Duration,
    /// Version of engine, models and enhancement: pages read by another recipe are read again.
    pub recipe: String,
    /// What decoding may use up.
    pub limits: decode::Limits,
    /// How PDFs are set.
    pub typography: Typography,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            faxes: 4,
            pages: 2,
            messages: 4,
            lease: Duration::from_secs(120),
            poll: Duration::from_secs(2),
            grace: Duration::from_secs(20),
            recipe: format!("faxgate {}", env!("CARGO_PKG_VERSION")),
            limits: decode::Limits::default(),
            typography: Typography::default(),
        }
    }
}

/// Who gets faxes, and how: all that a reload may change.
pub struct Policy {
    /// The rules.
    pub rules: Rules,
    /// The departments that rules name.
    pub departments: Vec<Department>,
    /// Relay, sender, schedule, fallback inbox.
    pub mail: deliver::Settings,
    /// Writes the mails.
    pub stationery: Stationery,
    /// Carries them.
    pub courier: Arc<dyn Courier>,
    /// Webhooks and print queues.
    pub doors: Doors,
    /// What is watched, and who is told.
    pub alarms: alarms::Settings,
}

impl Policy {
    /// A policy whose mails go out by `mail`'s relay and Maildirs.
    pub fn new(rules: Rules, departments: Vec<Department>, mail: deliver::Settings) -> Self {
        let courier = Arc::new(Deliverer::new(mail.clone()));
        let stationery = Stationery::new(&mail);
        let (doors, alarms) = (Doors::default(), alarms::Settings::default());
        Self { rules, departments, mail, stationery, courier, doors, alarms }
    }

    /// There is such a webhook or print queue.
    pub fn has_door(&self, target: &Target) -> bool {
        match target {
            Target::Mail(_) | Target::Maildir(_) => false,
            Target::Webhook(name) => self.doors.webhook(name).is_some(),
            Target::Printer(name) => self.doors.printer(name).is_some(),
        }
    }

    /// The language of mails to a place: that of the department that has it, if one does.
    pub(super) fn language_of(&self, target: &Target) -> Language {
        let at_home = self.departments.iter().find(|one| one.targets.contains(target));
        at_home.map(|one| one.language).unwrap_or_default()
    }

    /// The department of that id.
    pub fn department(&self, id: &str) -> Option<&Department> {
        self.departments.iter().find(|department| department.id == id)
    }

    /// The fallback inbox as a department. It is written to in the language of the department that shares
    /// its address, if one does.
    pub fn fallback(&self) -> Department {
        let twin = self.departments.iter().find(|one| one.targets.contains(&self.mail.fallback));
        Department {
            id: FALLBACK.to_owned(),
            name: twin.map_or_else(|| FALLBACK.to_owned(), |twin| twin.name.clone()),
            targets: vec![self.mail.fallback.clone()],
            language: twin.map_or(Language::default(), |twin| twin.language),
            sensitive: true,
            mail: twin.map_or_else(Default::default, |twin| twin.mail.clone()),
        }
    }
}

/// What a door answers, some time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who reads a page: the pool of workers, or a test's stand-in.
pub trait Reader: Send + Sync {
    /// Enhances and reads one page. Waits its turn.
    fn read<'a>(&'a self, page: &'a Page) -> Answer<'a, Result<Transcript, Fault>>;
}

impl Reader for Pool {
    fn read<'a>(&'a self, page: &'a Page) -> Answer<'a, Result<Transcript, Fault>> {
        Box::pin(self.transcribe(page))
    }
}

/// Who carries a message: SMTP and Maildir, or a test's stand-in.
pub trait Courier: Send + Sync {
    /// One attempt for every target; one outcome for each, in order.
    fn attempt<'a>(&'a self, message: &'a [u8], targets: &'a [Target]) -> Answer<'a, Vec<Outcome>>;

    /// How the relays behave, where there are any.
    fn relays(&self) -> Vec<RelayState> {
        Vec::new()
    }
}

impl Courier for Deliverer {
    fn attempt<'a>(&'a self, message: &'a [u8], targets: &'a [Target]) -> Answer<'a, Vec<Outcome>> {
        Box::pin(self.attempt(message, targets))
    }

    fn relays(&self) -> Vec<RelayState> {
        self.relay_states()
    }
}

/// One gateway's pipeline.
pub struct Context {
    /// The durable state.
    pub store: Store,
    /// Who reads pages.
    pub reader: Arc<dyn Reader>,
    /// How much at a time, and how.
    pub settings: Settings,
    /// Told that work was looked for.
    pub health: Health,
    /// The clock.
    pub clock: Arc<dyn Fn() -> Millis + Send + Sync>,
    /// Names this process in leases.
    pub owner: String,
    policy: RwLock<Arc<Policy>>,
}

impl Context {
    /// A pipeline on this store.
    pub fn new(store: Store, reader: Arc<dyn Reader>, policy: Policy, settings: Settings) -> Self {
        Self {
            store,
            reader,
            settings,
            health: Health::default(),
            clock: Arc::new(ops::clock::now),
            owner: format!("pid {}", std::process::id()),
            policy: RwLock::new(Arc::new(policy)),
        }
    }

    /// Who gets faxes, by the policy in force whenever it is asked.
    pub fn directory(self: &Arc<Self>) -> InForce {
        let ctx = Arc::clone(self);
        Arc::new(move || {
            let policy = ctx.policy();
            Arc::new(Directory { departments: policy.departments.clone(), mail: policy.mail.clone() })
        })
    }

    /// The policy in force. Whoever holds it goes on with it after a reload.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Puts another policy in force, for everything that begins from now on.
    pub fn reload(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(policy);
    }

    pub(super) fn now(&self) -> Millis {
        (self.clock)()
    }

    pub(super) fn lease_ms(&self) -> Millis {
        millis(self.settings.lease)
    }
}

/// A duration as the store counts.
pub(super) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 4)
}
