//! A gateway's pipeline with stand-ins at its two doors: a reader and a courier that do as they are told.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use faxgate::decode::{raw_g3, t4};
use faxgate::deliver::{self, RelayState};
use faxgate::fax::{
    Arrival, Bitmap, Box2, CallRecord, Coding, Department, Disposition, Fault, FaxId, Format, Language, Line,
    Millis, Original, Outcome, Page, PageText, Plan, Script, Stage, Target, Turn, Word,
};
use faxgate::pipeline::{self, Answer, Context, Courier, Left, Policy, Reader, Settings};
use faxgate::route::{Condition, Rule, Rules, Site, Words};
use faxgate::store::{self, NewFax, Store};
use faxgate::worker::Transcript;
use tokio_util::sync::CancellationToken;

pub const MINUTE: Millis = 60_000;
pub const DAY: Millis = 24 * 60 * MINUTE;
pub const FALLBACK: &str = "fallback@house.test";
pub const FRONT: &str = "front@house.test";

/// A page's number is told by its height.
const BASE_HEIGHT: u32 = 40;

/// What the reader does with a page.
#[derive(Clone)]
pub enum Reads {
    Words(&'static str),
    /// This, whatever it holds.
    Exactly(Box<Transcript>),
    Fails(&'static str),
    Panics,
    /// Waits for a permit first.
    Gated(Arc<tokio::sync::Semaphore>),
}

/// The reader: by page number, else `page N`.
#[derive(Default)]
pub struct ScriptedReader {
    pub pages: Mutex<HashMap<u32, Reads>>,
    /// How often each page was asked for.
    pub asked: Mutex<BTreeMap<u32, u32>>,
    /// Workers; `None`: any number.
    pub workers: Option<tokio::sync::Semaphore>,
}

impl Reader for ScriptedReader {
    fn read<'a>(&'a self, page: &'a Page) -> Answer<'a, Result<Transcript, Fault>> {
        Box::pin(async move {
            let number = page.raster.size().1 - BASE_HEIGHT;
            *self.asked.lock().unwrap().entry(number).or_default() += 1;
            let _worker = match &self.workers {
                Some(workers) => {
                    let worker = workers.acquire().await.unwrap();
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Some(worker)
                }
                None => None,
            };
            let reads = self.pages.lock().unwrap().get(&number).cloned();
            match reads {
                None => Ok(transcript(&format!("page {number}"))),
                Some(Reads::Words(words)) => Ok(transcript(words)),
                Some(Reads::Exactly(transcript)) => Ok(*transcript),
                Some(Reads::Fails(code)) => {
                    Err(Fault::new(code, Disposition::Retry, "The worker is to blame."))
                }
                Some(Reads::Panics) => panic!("page {number} is cursed"),
                Some(Reads::Gated(gate)) => {
                    gate.acquire().await.unwrap().forget();
                    Ok(transcript(&format!("page {number}")))
                }
            }
        })
    }
}

/// A page of these words.
pub fn transcript(words: &str) -> Transcript {
    let word = Word { text: words.to_owned(), at: Box2::default(), confidence: 90.0, space_before: false };
    let line = Line {
        words: vec![word],
        at: Box2::default(),
        script: Script::Latin,
        header: false,
        vertical: false,
    };
    let plan =
        Plan { scale_x: 1.0, scale_y: 1.0, skew: 0.0, turn: Turn::None, specks: 0, streaks: 0, blank: false };
    let text = PageText { lines: vec![line], confidence: 90.0, ..PageText::default() };
    Transcript { text, codes: Vec::new(), fingerprint: None, plan, millis: 1 }
}

/// A message as it was handed over to one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub to: String,
    pub message_id: String,
    pub bytes: Vec<u8>,
}

/// The courier: by address, else it delivers.
#[derive(Default)]
pub struct ScriptedCourier {
    pub answers: Mutex<HashMap<String, Outcome>>,
    /// What these addresses say to a mail with a PDF.
    pub to_pdfs: Mutex<HashMap<String, Outcome>>,
    pub delivered: Mutex<Vec<Mail>>,
    pub attempts: Mutex<u32>,
    /// How its relays behave, as it says.
    pub relays: Mutex<Vec<RelayState>>,
}

impl Courier for ScriptedCourier {
    fn attempt<'a>(&'a self, message: &'a [u8], targets: &'a [Target]) -> Answer<'a, Vec<Outcome>> {
        Box::pin(async move {
            *self.attempts.lock().unwrap() += 1;
            tokio::task::yield_now().await;
            targets.iter().map(|target| self.one(message, target)).collect()
        })
    }

    fn relays(&self) -> Vec<RelayState> {
        self.relays.lock().unwrap().clone()
    }
}

impl ScriptedCourier {
    fn one(&self, message: &[u8], target: &Target) -> Outcome {
        let to = target.to_string();
        if let Some(answer) = self.answers.lock().unwrap().get(&to) {
            return answer.clone();
        }
        let with_pdf = message.windows(15).any(|part| part == b"application/pdf");
        if let Some(answer) = self.to_pdfs.lock().unwrap().get(&to).filter(|_| with_pdf) {
            return answer.clone();
        }
        let message_id = deliver::message::message_id_of(message);
        self.delivered.lock().unwrap().push(Mail { to, message_id, bytes: message.to_vec() });
        Outcome::Delivered("250 2.0.0 queued".into())
    }

    pub fn answer(&self, to: &str, outcome: Outcome) {
        self.answers.lock().unwrap().insert(to.into(), outcome);
    }

    /// What an address says to a mail with a PDF.
    pub fn bounces_pdfs_to(&self, to: &str, outcome: Outcome) {
        self.to_pdfs.lock().unwrap().insert(to.into(), outcome);
    }

    /// Addresses that got something, in order.
    pub fn recipients(&self) -> Vec<String> {
        self.delivered.lock().unwrap().iter().map(|mail| mail.to.clone()).collect()
    }

    pub fn mail(&self, at: usize) -> Mail {
        self.delivered.lock().unwrap()[at].clone()
    }
}

pub fn refused() -> Outcome {
    Outcome::Failed(Fault::new("deliver.smtp.550", Disposition::Refuse, "Refused for good: no such user."))
}

pub fn deferred(code: &str) -> Outcome {
    Outcome::Deferred(Fault::new(code, Disposition::Retry, "Not now."))
}

pub struct House {
    pub ctx: Arc<Context>,
    pub reader: Arc<ScriptedReader>,
    pub courier: Arc<ScriptedCourier>,
    clock: Arc<AtomicI64>,
    _dir: Option<tempfile::TempDir>,
}

impl House {
    pub async fn new() -> Self {
        Self::with(ScriptedReader::default(), |settings| settings).await
    }

    pub async fn with(reader: ScriptedReader, settings: fn(Settings) -> Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&store::Settings { dir: dir.path().to_path_buf() }).await.unwrap();
        let courier = Arc::new(ScriptedCourier::default());
        let mut house = Self::on(store, Arc::new(reader), courier, settings);
        house._dir = Some(dir);
        house
    }

    /// On a store that someone else keeps.
    pub fn on(
        store: Store,
        reader: Arc<ScriptedReader>,
        courier: Arc<ScriptedCourier>,
        settings: fn(Settings) -> Settings,
    ) -> Self {
        let clock = Arc::new(AtomicI64::new(1_795_482_900_000));
        let quick =
            Settings { poll: Duration::from_millis(20), grace: Duration::ZERO, ..Settings::default() };
        let as_reader: Arc<dyn Reader> = reader.clone();
        let mut ctx = Context::new(store, as_reader, policy(&courier, rules()), settings(quick));
        let ticks = Arc::clone(&clock);
        ctx.clock = Arc::new(move || ticks.fetch_add(1, Ordering::Relaxed));
        Self { ctx: Arc::new(ctx), reader, courier, clock, _dir: None }
    }

    pub fn pass(&self, time: Millis) {
        self.clock.fetch_add(time, Ordering::Relaxed);
    }

    pub async fn drain(&self) -> Left {
        pipeline::drain(Arc::clone(&self.ctx), CancellationToken::new()).await.unwrap()
    }

    /// Admits a fax of pages `numbers`.
    pub async fn admit(&self, key: &str, numbers: &[u32]) -> FaxId {
        self.admit_bytes(key, fax_of(numbers)).await
    }

    pub async fn admit_bytes(&self, key: &str, bytes: Vec<u8>) -> FaxId {
        self.admit_call(key, CallRecord::default(), bytes).await
    }

    /// Admits a fax of which something is known.
    pub async fn admit_call(&self, key: &str, call: CallRecord, bytes: Vec<u8>) -> FaxId {
        let sha256 = self.ctx.store.blobs().put(&bytes).await.unwrap();
        let at = (self.ctx.clock)();
        let arrival =
            Arrival { source: "spool".into(), source_key: key.into(), file_name: format!("{key}.g3"), at };
        let original = Original { sha256, bytes: bytes.len() as u64, format: Format::G3Bundle };
        let fax = NewFax { arrival, call, original };
        self.ctx.store.admit(fax).await.unwrap().id
    }

    pub async fn fax(&self, id: &FaxId) -> store::Fax {
        self.ctx.store.fax(id).await.unwrap().unwrap()
    }

    pub async fn stage(&self, id: &FaxId) -> Stage {
        self.fax(id).await.stage
    }

    /// The PDF that was made.
    pub async fn pdf(&self, id: &FaxId) -> Vec<u8> {
        let document = self.fax(id).await.document.unwrap();
        self.ctx.store.blobs().read(&document.pdf).await.unwrap()
    }
}

pub fn policy(courier: &Arc<ScriptedCourier>, rules: Rules) -> Policy {
    let department = |id: &str, targets: &[&str]| Department {
        id: id.into(),
        name: id.to_uppercase(),
        targets: targets.iter().map(|to| Target::Mail((*to).into())).collect(),
        language: Language::En,
        sensitive: false,
        mail: Default::default(),
    };
    let departments =
        vec![department("front", &[FRONT]), department("billing", &["a@billing.test", "b@billing.test"])];
    let courier: Arc<dyn Courier> = courier.clone();
    Policy { courier, ..Policy::new(rules, departments, mail()) }
}

/// Invoices go to billing, all else to the front desk.
pub fn rules() -> Rules {
    let invoices = Rule {
        name: "invoices".into(),
        when: vec![Condition::Text(vec![Words::parse("invoice").unwrap()])],
        to: vec!["billing".into()],
        ..Rule::default()
    };
    Rules::new(vec![invoices], vec!["front".into()], Site::default(), "v1".into()).unwrap()
}

fn mail() -> deliver::Settings {
    deliver::Settings {
        relays: vec![],
        from: "fax@house.test".into(),
        host_name: "gw.house.test".into(),
        fallback: Target::Mail(FALLBACK.into()),
        expires: Duration::from_secs(5 * 24 * 3600),
        retry_first: Duration::from_secs(60),
        retry_most: Duration::from_secs(3600),
        time_zone: "UTC".into(),
        templates: None,
    }
}

/// A fax of pages with these numbers, as mgetty would have written it.
pub fn fax_of(numbers: &[u32]) -> Vec<u8> {
    let pages: Vec<(String, Vec<u8>)> = numbers
        .iter()
        .enumerate()
        .map(|(at, number)| {
            let mut map = Bitmap::white(1728, BASE_HEIGHT + number);
            (0..30).for_each(|y| (100..400 + number % 7).for_each(|x| map.set(x, y, y % 3 == 0)));
            let data = t4::encode(&map, Coding::Mh, t4::EncodeOptions::default());
            (format!("ff0a1b2c3S0.{:02}", at + 1), data)
        })
        .collect();
    raw_g3::bundle(&pages)
}
