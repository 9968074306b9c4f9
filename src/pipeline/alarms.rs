//! Looks at lines, queue, doors and bounces; opens, repeats and clears alarms; writes the mails that tell of them.
//!
//! The judgement is [`crate::ops::alarms`]; here is what it needs to know and what follows from it.

use std::collections::{BTreeMap, HashMap};

use jiff::tz::TimeZone;

use super::digest::moment;
use super::reading::PageRecord;
use super::{Context, Policy, post};
use crate::deliver::bulletin::Bulletin;
use crate::deliver::doors::needs_a_person;
use crate::deliver::trouble::is_alarm;
use crate::fax::{CallRecord, Language, Millis, PageReport, Receipt, Target, one_line};
use crate::ops::alarms::{self, Changes, Found, Kind, Open, RelayRefusal, Wait, quality, silence};
use crate::store::{AlarmChanges, Fax, LineFax, LineQuality, StoreError};

/// Faxes that are learned in one look: a store that is new to this has more, and takes some looks.
const LEARN_MOST: u32 = 5_000;
/// Faxes that are judged in one look.
const JUDGE_MOST: u32 = 1_000;
/// Faxes of the past that are looked at.
const PAST_MOST: u32 = 200_000;
/// Open alarms that are looked at.
const OPEN_MOST: u32 = 1_000;
/// The past that counts.
const PAST: Millis = silence::WEEKS * 7 * 24 * silence::HOUR;
const DAY: Millis = 24 * silence::HOUR;
/// What names a line or a sender is no longer than this.
const NAME_MOST: usize = 60;

/// What deliveries by mail wait for.
const MAIL_RELAY: &str = "mail relay";

/// One look at everything.
pub(super) async fn look(ctx: &Context, policy: &Policy, now: Millis) -> Result<(), StoreError> {
    let caught_up = learn(ctx, now).await?;
    let open: Vec<Open> = ctx
        .store
        .alarms(false, OPEN_MOST)
        .await?
        .into_iter()
        .map(|alarm| Open {
            id: alarm.id,
            kind: alarm.kind,
            about: alarm.about,
            words: alarm.words,
            opened_at: alarm.opened_at,
            told_at: alarm.told_at,
        })
        .collect();
    let settings = &policy.alarms;
    let mut looked = vec![Kind::Queue, Kind::Relay, Kind::Bounces];
    let mut found: Vec<Found> =
        alarms::late(ctx.store.oldest_open(now).await?, settings.queue).into_iter().collect();
    found.extend(alarms::refusing(&waits(ctx).await?, settings.refusing, now));
    // Where mail waits for it, that is told already: this is for a relay in whose place another takes the mail. One that
    // was told before is not over because more is amiss.
    let waits = found.iter().any(|one| one.about == MAIL_RELAY);
    let told = |about: &str| open.iter().any(|one| one.kind == Kind::Relay.name() && one.about == about);
    let refusing = alarms::relays(&relays(policy), settings.refusing, now);
    found.extend(refusing.into_iter().filter(|one| !waits || told(&one.about)));
    let places = ctx.store.bounced_since(now - DAY).await?;
    found.extend(alarms::bounced(&places, settings.bounces));
    // A line seems silent while its newest faxes are not learned yet. What was switched off is over.
    if caught_up {
        looked.extend([Kind::Silence, Kind::Quality]);
    }
    if caught_up && (settings.silence || settings.quality) {
        let past = ctx.store.line_faxes(now - PAST, PAST_MOST).await?;
        if settings.silence {
            found.extend(silent(&past, policy, now));
            found.extend(lasting(&past, &open, &found, settings, now));
        }
        if settings.quality {
            found.extend(worse(&past, &open));
        }
    }
    let changes = alarms::compare(&open, &found, &looked, now, settings.again);
    record(ctx, policy, &open, changes, now).await?;
    for kind in Kind::ALL {
        let number = found.iter().filter(|one| one.kind == kind).count();
        metrics::gauge!("faxgate_alarms_open", "kind" => kind.name()).set(number as f64);
    }
    Ok(())
}

/// Puts new faxes among their lines', and notes how well those came that are read by now. False: there are more.
async fn learn(ctx: &Context, now: Millis) -> Result<bool, StoreError> {
    let new = ctx.store.unlearned(now - PAST, LEARN_MOST).await?;
    let caught_up = new.len() < LEARN_MOST as usize;
    if !new.is_empty() {
        let lines: Vec<(Fax, LineFax)> = new
            .into_iter()
            .map(|fax| {
                let line = line_of(&fax);
                (fax, line)
            })
            .collect();
        ctx.store.learn(&lines).await?;
    }
    let unjudged = ctx.store.unjudged(JUDGE_MOST).await?;
    if unjudged.is_empty() {
        return Ok(caught_up);
    }
    let mut judged = Vec::with_capacity(unjudged.len());
    for fax in &unjudged {
        let pages = ctx.store.pages::<PageRecord>(&fax.id).await?;
        let read: Vec<f32> = pages
            .iter()
            .map(|page| &page.transcript.text)
            .filter(|text| !text.blank && text.lost.is_none() && !text.lines.is_empty())
            .map(|text| text.confidence)
            .collect();
        let confidence = (!read.is_empty()).then(|| read.iter().sum::<f32>() / read.len() as f32);
        let quality = fax.document.as_ref().map(|document| LineQuality {
            damaged: broken(&fax.call) || !document.damaged_pages().is_empty(),
            confidence,
        });
        judged.push((fax.id.clone(), quality));
    }
    ctx.store.judge(&judged).await?;
    let gone = ctx.store.forget_lines(now - PAST - DAY).await?;
    tracing::debug!(judged = judged.len(), gone, "lines");
    Ok(caught_up)
}

fn broken(call: &CallRecord) -> bool {
    matches!(call.receipt, Receipt::Broken(_)) || call.page_damage.iter().any(PageReport::worth_saying)
}

fn line_of(fax: &Fax) -> LineFax {
    let call = &fax.call;
    let digits = |number: &crate::fax::Number| Some(number.digits()).filter(|digits| !digits.is_empty());
    let caller = call.caller.as_ref().and_then(digits);
    let station = call.tsi.as_ref().map(|tsi| one_line(&tsi.0, NAME_MOST)).filter(|tsi| !tsi.is_empty());
    LineFax {
        // A machine's clock may run ahead; ours tells the latest moment.
        at: call.received_at.unwrap_or(fax.arrival.at).min(fax.arrival.at),
        admitted_at: fax.arrival.at,
        spool: fax.arrival.source.clone(),
        did: call.did.as_ref().and_then(digits).map(|did| one_line(&did, NAME_MOST)),
        trunk: call.trunk.clone(),
        sender: caller.or(station).map(|sender| one_line(&sender, NAME_MOST)),
        quality: None,
    }
}

/// Messages that were tried in vain.
async fn waits(ctx: &Context) -> Result<Vec<Wait>, StoreError> {
    let waiting = ctx.store.waiting().await?;
    Ok(waiting
        .into_iter()
        .map(|one| {
            let code = one
                .last
                .rsplit_once('[')
                .and_then(|(_, code)| code.strip_suffix(']'))
                .unwrap_or("")
                .to_owned();
            let door = match &one.target {
                Target::Mail(_) => MAIL_RELAY.to_owned(),
                Target::Maildir(path) => format!("Maildir {}", path.display()),
                Target::Webhook(name) => format!("webhook {name}"),
                Target::Printer(name) => format!("print queue {name}"),
            };
            // The fallback inbox that refuses is the last thing that may go unnoticed.
            let refused = one.last_resort && !is_temporary(&code);
            Wait {
                door,
                since: one.since,
                systemic: is_alarm(&code) || needs_a_person(&code) || refused,
                last: one.last,
            }
        })
        .collect())
}

/// Relays that refuse, the first of several too: a stand-in takes its mail meanwhile, so nothing waits.
fn relays(policy: &Policy) -> Vec<RelayRefusal> {
    let states = policy.courier.relays().into_iter();
    let refusals = states.filter_map(|state| {
        let words = state.last.map_or_else(String::new, |fault| fault.to_string());
        Some(RelayRefusal { name: state.name, since: state.refusing_since?, words })
    });
    refusals.collect()
}

/// A relay's "not now" (RFC 5321 §4.2.1), or nothing heard.
fn is_temporary(code: &str) -> bool {
    let rest = code.strip_prefix("deliver.smtp.").unwrap_or(code);
    rest.starts_with('4') || matches!(rest, "timeout" | "lost" | "ambiguous" | "deliver.door.later")
}

/// A line as it is named: `spool modems`, `did 30101001`, `trunk carrier`.
fn lines(fax: &LineFax) -> impl Iterator<Item = String> {
    let did = fax.did.as_ref().map(|did| format!("did {did}"));
    let trunk = fax.trunk.as_ref().map(|trunk| format!("trunk {trunk}"));
    [Some(format!("spool {}", fax.spool)), did, trunk].into_iter().flatten()
}

/// Lines that should have brought something and did not.
fn silent(past: &[LineFax], policy: &Policy, now: Millis) -> Vec<Found> {
    let mut by_line: BTreeMap<String, Vec<Millis>> = BTreeMap::new();
    for fax in past {
        lines(fax).for_each(|line| by_line.entry(line).or_default().push(fax.at));
    }
    let zone = TimeZone::get(&policy.mail.time_zone).unwrap_or(TimeZone::UTC);
    let first = (now - PAST).div_euclid(silence::HOUR) - 1;
    // Every line asks for the same hours.
    let slots: Vec<usize> = (first..=now.div_euclid(silence::HOUR) + 1)
        .map(|hour| {
            let moment = policy.rules.moment(hour * silence::HOUR);
            let day =
                if moment.holiday.is_some() { 6 } else { usize::from(moment.weekday.saturating_sub(1)) };
            (day * 24 + usize::from(moment.minute / 60)).min(silence::SLOTS - 1)
        })
        .collect();
    let slot =
        |hour: i64| usize::try_from(hour - first).ok().and_then(|at| slots.get(at)).copied().unwrap_or(0);
    by_line.into_iter().filter(|(line, _)| policy.alarms.expects(line)).filter_map(|(line, faxes)| {
        let silence = silence::judge(&faxes, now, slot)?;
        let words = format!(
            "No fax by {line} since {}, though {} hours have passed in which one usually comes. Call its number from \
             another machine; look at the line, the modem or the trunk.",
            moment(silence.since, &zone), silence.busy_hours
        );
        Some(Found { kind: Kind::Silence, about: line, words })
    }).collect()
}

/// Silences that were told before and last.
fn lasting(
    past: &[LineFax],
    open: &[Open],
    found: &[Found],
    settings: &alarms::Settings,
    now: Millis,
) -> Vec<Found> {
    let mut newest: HashMap<String, Millis> = HashMap::new();
    for fax in past {
        for line in lines(fax) {
            let at = newest.entry(line).or_insert(fax.admitted_at);
            *at = fax.admitted_at.max(*at);
        }
    }
    alarms::still_silent(open, found, |line| newest.get(line).copied(), settings, now)
}

/// Lines and senders whose faxes come worse than they did.
fn worse(past: &[LineFax], open: &[Open]) -> Vec<Found> {
    let most = quality::NEWEST + quality::MOST_BEFORE;
    let mut by_name: HashMap<String, Vec<quality::Came>> = HashMap::new();
    // Newest first, as the store gave them.
    for fax in past {
        let Some(quality) = fax.quality else { continue };
        let came = quality::Came { damaged: quality.damaged, confidence: quality.confidence };
        let sender = fax.sender.as_ref().map(|sender| format!("sender {sender}"));
        for name in lines(fax).chain(sender) {
            let faxes = by_name.entry(name).or_default();
            if faxes.len() < most {
                faxes.push(came);
            }
        }
    }
    let mut found: Vec<Found> = by_name.into_iter().filter_map(|(name, faxes)| {
        let is_open = open.iter().any(|one| one.kind == Kind::Quality.name() && one.about == name);
        let words = match quality::judge(&faxes, is_open)? {
            quality::Worse::Damage { damaged, before } => format!(
                "Of the last {} faxes of {name}, {damaged} came damaged or broke off; before, {:.0} in a hundred did. \
                 Look at the line and its gateway; at a sender, at its machine.",
                quality::NEWEST, before * 100.0
            ),
            quality::Worse::Confidence { now, before } => format!(
                "The text of the last faxes of {name} is read with a confidence of {now:.0} of 100; before, it was {before:.0}. \
                 Look at a page of each: a dirty scanner glass, a worn machine, another resolution."
            ),
        };
        Some(Found { kind: Kind::Quality, about: name, words })
    }).collect();
    found.sort_by(|one, other| one.about.cmp(&other.about));
    found
}

/// Writes down what changed, with the mail that tells of it.
async fn record(
    ctx: &Context,
    policy: &Policy,
    open: &[Open],
    changes: Changes,
    now: Millis,
) -> Result<(), StoreError> {
    if changes == Changes::default() {
        return Ok(());
    }
    for one in &changes.opened {
        let about = alarms::masked(&one.about);
        tracing::error!(kind = one.kind.name(), about, "alarm: `faxgate alarms` says more");
        metrics::counter!("faxgate_alarms_total", "code" => format!("alarm.{}", one.kind.name()))
            .increment(1);
    }
    let over: Vec<&Open> = open.iter().filter(|one| changes.cleared.contains(&one.id)).collect();
    for one in &over {
        tracing::info!(kind = one.kind, about = alarms::masked(&one.about), "the alarm is over");
    }
    let name = format!("alarm.{now}");
    let mails =
        post::written(policy, &name, &policy.alarms.to, now, |language| words(&changes, &over, language));
    let changes = AlarmChanges {
        opened: changes
            .opened
            .into_iter()
            .map(|one| (one.kind.name().to_owned(), one.about, one.words))
            .collect(),
        cleared: changes.cleared,
        again: changes.again.into_iter().map(|(id, one)| (id, one.words)).collect(),
        mails,
    };
    ctx.store.record_alarms(&changes, now).await
}

fn words(changes: &Changes, over: &[&Open], language: Language) -> Bulletin {
    let zh = language == Language::ZhHant;
    let say = |en: &str, han: &str| if zh { han.to_owned() } else { en.to_owned() };
    let mut rows = Vec::new();
    for one in &changes.opened {
        rows.push(vec![
            say("new", "新警報"),
            kind_words(one.kind.name(), zh),
            one.about.clone(),
            one.words.clone(),
        ]);
    }
    for (_, one) in &changes.again {
        rows.push(vec![
            say("still", "持續"),
            kind_words(one.kind.name(), zh),
            one.about.clone(),
            one.words.clone(),
        ]);
    }
    for one in over {
        rows.push(vec![say("over", "已解除"), kind_words(&one.kind, zh), one.about.clone(), "–".to_owned()]);
    }
    let (new, still, over) = (changes.opened.len(), changes.again.len(), over.len());
    let first = changes.opened.first().map(|one| format!(": {}", one.about)).unwrap_or_default();
    let subject = match (new, still) {
        (0, 0) => say("Fax alarm over", "傳真警報解除"),
        (0, _) => format!("{} ({still})", say("Fax alarm still open", "傳真警報持續")),
        _ => format!(
            "{}{first}{}",
            say("Fax alarm", "傳真警報"),
            if new > 1 { format!(" (+{})", new - 1) } else { String::new() }
        ),
    };
    let before = if zh {
        format!("新警報 {new} 項,持續 {still} 項,解除 {over} 項。")
    } else {
        format!("{new} new, {still} still open, {over} over.")
    };
    Bulletin {
        subject,
        before: vec![before],
        headings: vec![say("state", "狀態"), say("kind", "類別"), say("about", "對象"), say("what", "說明")],
        rows,
        after: vec![say(
            "On the gateway: faxgate alarms shows what is open.",
            "在閘道執行 faxgate alarms 可查看未解除的警報。",
        )],
    }
}

fn kind_words(kind: &str, zh: bool) -> String {
    let (en, han) = match kind {
        "silence" => ("line is silent", "線路無傳真"),
        "queue" => ("a fax is late", "傳真延誤"),
        "relay" => ("nothing is taken", "無法送出"),
        "quality" => ("quality falls", "質素下降"),
        "bounces" => ("mails came back", "郵件退回"),
        other => (other, other),
    };
    if zh { han.to_owned() } else { en.to_owned() }
}
