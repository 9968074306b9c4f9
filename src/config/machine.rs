//! `faxgate.toml`: the machine.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml_span::Spanned;

use super::alarms::{self, Alarms};
use super::codes;
use super::doors;
use super::links;
use super::mail::{self, Mail};
use super::returns;
use super::sheet::{Note, Sheet};
use super::spools::{self, SpoolEntry};
use super::t38::{self, T38};
use super::table::Reader;
use crate::compose::{Picture, View};
use crate::deliver::doors::Doors;
use crate::recognize::Engine;
use crate::route::NumberPlan;
use crate::{compose, decode, ops, worker};

/// A scan more often would only load the disk; one less often than an hour makes the promise of the scan void.
const SCAN_INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);
const DEFAULT_SCAN_INTERVAL: Duration = Duration::from_secs(60);
/// A page that takes longer than this has hung the engine.
const PAGE_TIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(1_800);
/// The engine does not load its models with less.
const LEAST_MEMORY: u64 = 512 << 20;
const MOST_WORKERS: i64 = 1_024;

/// What `faxgate.toml` says. Where a value was wrong or missing, a finding says so and a stand-in is here, so that
/// the other files can be checked against the rest.
pub(super) struct Machine<'a> {
    pub(super) sheet: Sheet<'a>,
    pub(super) data: Spanned<PathBuf>,
    pub(super) scan_interval: Duration,
    pub(super) numbers: NumberPlan,
    pub(super) spools: Vec<SpoolEntry>,
    /// `None` where there is no readable `[mail]`, which has its own finding.
    pub(super) mail: Option<Mail>,
    pub(super) worker: worker::Settings,
    pub(super) limits: decode::Limits,
    pub(super) pdf: compose::Settings,
    pub(super) ops: ops::Settings,
    pub(super) returns: Option<crate::returns::Settings>,
    pub(super) links: Option<crate::deliver::links::Settings>,
    pub(super) t38: Option<T38>,
    pub(super) doors: Doors,
    pub(super) alarms: Alarms,
}

/// Reads the file; `None` if it is no TOML.
pub(super) fn read(sheet: Sheet<'_>) -> Option<Machine<'_>> {
    let mut top = sheet.top()?;
    if !top.has("data") {
        top.missing("data");
    }
    let data = top.path("data").unwrap_or_default();
    let scan_interval = top.duration("scan_interval", SCAN_INTERVAL);
    let numbers = top.table("numbers").map(numbers).unwrap_or_default();
    let mut spools = spools::read(sheet, top.tables("spool"), &numbers);
    if !top.has("mail") {
        top.missing("mail");
    }
    let mail = top.table("mail").map(mail::read);
    let worker = ocr(top.table("ocr"));
    let pdf = top.table("pdf").map(pdf).unwrap_or_default();
    let limits = top.table("limits").map(limits).unwrap_or_default();
    spools.iter_mut().for_each(|entry| entry.spool.most_bytes = limits.bytes);
    let ops = top.table("ops").map(operations).unwrap_or_default();
    let t38 = top.table("t38").map(t38::read).map(|read| with_log(read, &ops));
    let doors = doors::read(top.tables("webhook"), top.tables("printer"));
    let alarms = alarms::read(top.table("alarms"), top.table("junk"));
    let returns = top.table("returns").map(returns::read);
    let links = top.table("links").and_then(links::read);
    top.finish();
    let scan_interval = scan_interval.map_or(DEFAULT_SCAN_INTERVAL, |interval| interval.value);
    Some(Machine {
        sheet,
        data,
        scan_interval,
        numbers,
        spools,
        mail,
        worker,
        limits,
        pdf,
        ops,
        returns,
        links,
        t38,
        doors,
        alarms,
    })
}

/// `[t38]` alone, and the log's shape: nothing else is read or judged.
pub(super) fn t38_alone(sheet: Sheet<'_>) -> Option<crate::t38::receiver::Settings> {
    let mut top = sheet.top()?;
    let ops = top.table("ops").map(operations).unwrap_or_default();
    top.table("t38").map(t38::read).map(|read| with_log(read, &ops).settings)
}

fn with_log(mut read: T38, ops: &ops::Settings) -> T38 {
    read.settings.log = ops.log;
    read
}

fn numbers(mut table: Reader<'_>) -> NumberPlan {
    let country_code = table.parsed("country_code", codes::NUMBER, |text| {
        let code = text.trim_start_matches('+');
        let good = (1..=3).contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_digit())
            && !code.starts_with('0');
        if good {
            Ok(code.to_owned())
        } else {
            Err("expected one to three digits such as \"852\"".to_owned())
        }
    });
    // E.164: fifteen digits at most, country code included
    let national_digits =
        table.integer("national_digits", 3..=14).and_then(|digits| usize::try_from(digits).ok());
    let prefix = |table: &Reader<'_>, text: Spanned<String>| {
        let good =
            (1..=6).contains(&text.value.len()) && text.value.bytes().all(|byte| byte.is_ascii_digit());
        if !good {
            let message = "a prefix is one to six digits such as \"001\"";
            table.sheet().note(text.span, Note::error(codes::NUMBER, message));
        }
        good.then_some(text.value)
    };
    let international = table.texts("international_prefix").map_or(vec![], |list| list.value);
    let international = international.into_iter().filter_map(|text| prefix(&table, text)).collect();
    let trunk = table.text("trunk_prefix").and_then(|text| prefix(&table, text));
    table.finish();
    NumberPlan { country_code: country_code.map(|code| code.value), national_digits, international, trunk }
}

fn ocr(table: Option<Reader<'_>>) -> worker::Settings {
    let mut settings = worker::Settings::default();
    let Some(mut table) = table else { return settings };
    let workers =
        table.integer("workers", 1..=MOST_WORKERS).and_then(|workers| usize::try_from(workers).ok());
    settings.workers = workers.unwrap_or(settings.workers);
    if let Some(time) = table.duration("page_time", PAGE_TIME) {
        settings.page_time = time.value;
    }
    if let Some(memory) = table.size("memory") {
        if memory.value < LEAST_MEMORY {
            let message =
                format!("`memory` is at least {}MiB: the engine's models need it", LEAST_MEMORY >> 20);
            table.sheet().note(memory.span, Note::error(codes::VALUE_RANGE, message));
        }
        settings.memory = memory.value;
    }
    let engine = table.choice("engine", &Engine::NAMES);
    settings.recognize.engine = engine.map(|engine| engine.value).unwrap_or_default();
    settings.recognize.models = table.folder("models").map(|path| path.value);
    settings.recognize.networks = table.folder("networks").map(|path| path.value);
    for (key, flag) in settings.enhance.steps() {
        *flag = table.flag(key).map_or(*flag, |flag| flag.value);
    }
    table.finish();
    settings
}

fn pdf(mut table: Reader<'_>) -> compose::Settings {
    let mut settings = compose::Settings::default();
    let picture = table.choice("picture", &[("received", Picture::Received), ("jbig2", Picture::Jbig2)]);
    settings.picture = picture.map_or(settings.picture, |picture| picture.value);
    let view = table.choice(
        "view",
        &[("upright", View::Upright), ("straight", View::Straight), ("as-received", View::AsReceived)],
    );
    settings.view = view.map_or(settings.view, |view| view.value);
    settings.enhanced = table.flag("enhanced").map_or(settings.enhanced, |flag| flag.value);
    table.finish();
    settings
}

fn limits(mut table: Reader<'_>) -> decode::Limits {
    let mut limits = decode::Limits::default();
    for (key, limit) in
        [("pages", &mut limits.pages), ("width", &mut limits.width), ("rows", &mut limits.rows)]
    {
        let value = table.integer(key, 1..=i64::from(u32::MAX)).and_then(|value| u32::try_from(value).ok());
        *limit = value.unwrap_or(*limit);
    }
    if let Some(pixels) = table.integer("pixels", 1..=i64::MAX).and_then(|value| u64::try_from(value).ok()) {
        limits.pixels = pixels;
    }
    if let Some(bytes) = table.size("bytes") {
        limits.bytes = bytes.value;
    }
    table.finish();
    limits
}

fn operations(mut table: Reader<'_>) -> ops::Settings {
    let listen = table.parsed("listen", codes::VALUE_FORM, |text| {
        text.parse::<SocketAddr>()
            .map_err(|_| "expected an address and a port such as \"127.0.0.1:9464\"".to_owned())
    });
    let log = table.choice("log", &[("text", ops::LogFormat::Text), ("json", ops::LogFormat::Json)]);
    table.finish();
    ops::Settings {
        listen: listen.map(|listen| listen.value),
        log: log.map(|log| log.value).unwrap_or_default(),
    }
}
