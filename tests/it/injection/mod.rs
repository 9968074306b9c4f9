//! Words that are orders to someone else (headers, SMTP commands, HTML, formulas, paths, terminal escapes) stay words,
//! wherever they come in and wherever they come out.
//!
//! One table: each [`Source`] of a fax and each [`Setting`] of the configuration, with each payload. Every row is a
//! fax that goes through the whole pipeline (the reader alone is a stand-in: it reads what the row says) to a relay, a
//! Maildir, a webhook, a print queue, the pages behind links, and back to the terminal by every command that shows
//! faxes. A value that the configuration refuses, with a code and a place, has come to its end there.

mod outside;
mod payloads;
mod sinks;
mod site;
mod sources;

use std::collections::BTreeMap;

use faxgate::config::Config;
use faxgate::deliver::bulletin::{self, Bulletin};
use faxgate::fax::{FaxId, Stage, Target};
use faxgate::pipeline::duties;
use faxgate::store::{AlarmChanges, Filter};
use serde_json::Value;

use self::outside::{Thing, read_all};
use self::payloads::{Payload, payloads};
use self::sinks::{Found, Skeleton};
use self::site::{OTHER_RULES, Site};
use self::sources::{SETTINGS, Source};
use crate::pipeline_house::{DAY, MINUTE};

/// Sources that the page behind a link shows.
const ON_THE_PAGE: [Source; 6] =
    [Source::Tsi, Source::CallerName, Source::Caller, Source::Did, Source::Everywhere, Source::Moved];

/// A fax for each source and payload; those of [`Source::Everywhere`] are printed and set aside as junk as well.
async fn send_all(site: &mut Site, payloads: &[Payload]) -> Vec<(FaxId, Source, Payload)> {
    site.drop_files(payloads).await;
    let mut sent = Vec::new();
    for source in Source::ALL.into_iter().filter(|source| *source != Source::FileName) {
        for payload in payloads {
            let row = format!("{source:?} × {}", payload.name);
            let text = payload.text();
            sent.push((site.admit(&row, source, &text, 1).await, source, payload.clone()));
            if source == Source::Everywhere {
                site.admit(&format!("{row}, junk"), source, &text, 2).await;
                site.admit(&format!("{row}, printed"), source, &text, 3).await;
            }
        }
    }
    site.pipe.drain().await;
    sent
}

/// Every setting with every payload: refused with a code and a place, or in force for a fax.
async fn paste_all(site: &mut Site, payloads: &[Payload], found: &mut Found) -> (usize, usize) {
    let (mut refused, mut taken) = (0, 0);
    for setting in &SETTINGS {
        for payload in payloads {
            let row = format!("{} × {}", setting.name, payload.name);
            for raw in [true, false] {
                site.paste(setting, payload, raw);
                let (loaded, hints) = Config::looked_at(&site.house.path("config"));
                let mut said: Vec<String> = hints.iter().map(|hint| hint.render()).collect();
                match loaded {
                    Ok((_, warnings)) => said.extend(warnings.iter().map(ToString::to_string)),
                    Err(problems) => {
                        said.push(problems.render());
                        said.push(format!("{:?}", problems.fault().operator));
                        let told = problems.0.iter().all(|finding| {
                            finding.line_column().is_some() && finding.code.as_str().starts_with("config.")
                        });
                        if !told {
                            found.note(&row, "check", "refused without a place");
                        }
                    }
                }
                said.iter().for_each(|said| sinks::terminal(&row, "check", said, None, found));
            }
            match site.pasted(setting, payload).await {
                Ok(id) => {
                    taken += 1;
                    if site.pipe.stage(&id).await != Stage::Closed {
                        found.note(&row, "pipeline", "the fax did not arrive");
                    }
                }
                Err(_) => refused += 1,
            }
        }
    }
    site.restore().await;
    (refused, taken)
}

/// The fax's page before and after somebody passed it on.
async fn pass_all_on(site: &mut Site, sent: &[(FaxId, Source, Payload)]) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for (id, source, payload) in sent.iter().filter(|(_, source, _)| ON_THE_PAGE.contains(source)) {
        for answer in site.pass_on(id, payload).await {
            let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
            assert!(head.starts_with("HTTP/1.1 200"), "{source:?} × {}: {head}", payload.name);
            assert!(!head.contains("evil") && head.lines().count() <= 14, "{head}");
            pages.push((format!("{source:?} × {}", payload.name), body.to_owned()));
        }
    }
    site.pipe.pass(MINUTE);
    site.pipe.drain().await;
    pages
}

/// Alarms about such a place, in such words; a relay's words may be anything.
async fn raise_alarms(site: &Site, payloads: &[Payload]) {
    let opened =
        payloads.iter().map(|payload| ("relay".to_owned(), payload.text(), payload.text())).collect();
    let changes = AlarmChanges { opened, ..AlarmChanges::default() };
    site.pipe.ctx.store.record_alarms(&changes, (site.pipe.ctx.clock)()).await.unwrap();
}

/// Mails and pages as independent readers see them, judged against those of the harmless rows.
fn judge(mails: &[(String, Vec<u8>)], sink: &str, found: &mut Found) {
    let things: Vec<Thing> = mails.iter().map(|(_, mail)| Thing::Mail(mail.clone())).collect();
    let seen = read_all(&things);
    let skeleton = learned(mails.iter().map(|(row, _)| row).zip(&seen));
    for ((row, _), seen) in mails.iter().zip(&seen) {
        sinks::mail(&format!("{row} [{sink}]"), seen, &skeleton, found);
    }
}

fn learned<'a>(rows: impl Iterator<Item = (&'a String, &'a Value)>) -> Skeleton {
    let mut skeleton = Skeleton::default();
    rows.filter(|(row, _)| row.contains("harmless")).for_each(|(_, seen)| skeleton.learn(seen));
    skeleton
}

/// Each mail with the row that its fax is a trial of.
fn by_row(site: &Site, mails: Vec<Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    let row = |mail: &[u8]| {
        let text = String::from_utf8_lossy(mail);
        let id = text.lines().find_map(|line| line.strip_prefix("X-Faxgate-Id: ")).map(str::trim);
        id.and_then(|id| site.rows.get(id)).cloned().unwrap_or_else(|| "harmless digest".to_owned())
    };
    mails.into_iter().map(|mail| (row(&mail), mail)).collect()
}

fn check_mails(site: &Site, rows: usize, found: &mut Found) {
    let taken = site.smtp.taken();
    sinks::smtp_session(&site.smtp.lines(), &taken, found);
    assert!(taken.len() >= rows, "{} mails of {rows} rows", taken.len());
    judge(&by_row(site, taken.into_iter().map(|mail| mail.bytes).collect()), "SMTP", found);
    let kept = std::fs::read_dir(site.house.path("mail/billing/new")).unwrap();
    let kept: Vec<Vec<u8>> = kept.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(kept.len() >= rows / 2);
    judge(&by_row(site, kept), "Maildir", found);
}

fn check_pages(pages: &[(String, String)], found: &mut Found) {
    let seen = read_all(&pages.iter().map(|(_, page)| Thing::Page(page.clone())).collect::<Vec<_>>());
    // Before and after are two pages.
    for half in 0..2 {
        let of = || pages.iter().zip(&seen).skip(half).step_by(2);
        let skeleton = learned(of().map(|((row, _), seen)| (row, seen)));
        of().for_each(|((row, _), seen)| sinks::html(row, "page", seen, &skeleton, found));
    }
}

fn check_doors(site: &Site, found: &mut Found) {
    let calls = site.hook.calls();
    let row = |call: &crate::harness::webhook::Call| {
        let id = call.json()["fax"].as_str().unwrap_or_default().to_owned();
        site.rows.get(&id).cloned().unwrap_or_default()
    };
    let harmless = calls.iter().find(|call| row(call) == "Tsi × harmless").expect("a harmless call");
    for call in &calls {
        sinks::webhook(&row(call), call, harmless, found);
    }
    let told = calls.iter().find(|call| row(call) == "Tsi × ESC").expect("a call");
    assert_eq!(told.json()["tsi"], payloads().iter().find(|one| one.name == "ESC").unwrap().text());
    let jobs = site.cups.job_names();
    if jobs.len() < payloads().len() {
        found.note("Everywhere", "print queue", format!("{} jobs", jobs.len()));
    }
    jobs.iter().for_each(|name| sinks::job_name(name, found));
}

/// Lines that are no table, of each command.
const SENTENCES: [(&[&str], &[&str]); 7] = [
    (&["status", "--last", "9999"], &["received ", "due ", "the oldest open fax"]),
    (&["search", "--last", "9999"], &[]),
    (&["search", "zebra", "--last", "9999"], &[]),
    (&["junk", "list", "--last", "9999"], &["54 faxes set aside", "53 faxes set aside"]),
    (&["alarms", "--all", "--last", "9999"], &[]),
    (&["rules", "list"], &[]),
    (
        &["backtest", "--rules", "RULES", "--since", "all", "--all"],
        &["1", "2", "3", "4", "5", "6", "7", "8", "9"],
    ),
];

async fn check_commands(site: &Site, sent: &[(FaxId, Source, Payload)], found: &mut Found) {
    site.house.write("other.toml", OTHER_RULES);
    let other = site.house.path("other.toml").display().to_string();
    let said = |args: &[&str]| {
        let args: Vec<&str> =
            args.iter().map(|arg| if *arg == "RULES" { other.as_str() } else { arg }).collect();
        let output = site.house.done(&args);
        assert!([0, 3].contains(&output.status.code().unwrap()), "{args:?}: {output:?}");
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
        (out, err)
    };
    for (args, sentences) in SENTENCES {
        let (out, err) = said(args);
        if out.lines().count() < 20 {
            found.note("all", args[0], format!("it shows next to nothing: {out}"));
        }
        sinks::terminal("all", args[0], &out, Some(sentences), found);
        sinks::terminal("all", args[0], &err, None, found);
        let json: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let (out, _) = said(&json);
        let _: Value = serde_json::from_str(&out).expect("JSON");
        sinks::terminal("all", &json.join(" "), &out, None, found);
    }
    let (csv, _) = said(&["backtest", "--rules", "RULES", "--since", "all", "--csv", "-"]);
    assert!(csv.lines().count() > 100);
    sinks::sheet("backtest --csv", &csv, found);
    let (rules, _) = said(&["suggest", "--least", "1", "--days", "36500"]);
    assert!(rules.matches("[[rule]]").count() > 10, "{rules}");
    let lines = [
        "# ",
        "[[rule]]",
        "name = \"suggested-licensing-",
        "did = [",
        "caller = [",
        "tsi = [",
        "text = [",
        "to = [\"licensing\"]",
    ];
    sinks::terminal("all", "suggest", &rules, Some(&lines), found);
    site.house.write("suggested.toml", &format!("{rules}[default]\nto = \"registry\"\n"));
    for (id, source, payload) in sent.iter().filter(|(_, source, _)| one_by_one(*source)) {
        let row = format!("{source:?} × {}", payload.name);
        for args in [&["show", id.as_str()][..], &["explain", id.as_str()], &["show", id.as_str(), "--json"]]
        {
            let (out, err) = said(args);
            let sentences: &[&str] = &[
                "came whole as ",
                "one call brought ",
                "broke off: ",
                "the whole of ",
                "its first pages ",
                "page ",
                "goes ",
                "it went ",
                "likely ",
                "by rules ",
                "these are ",
                "the text ",
                "and: ",
                "the same pages ",
                "sent again ",
                "it was ",
            ];
            let shape = (args.len() == 2).then_some(sentences);
            sinks::terminal(&row, args[0], &out, shape, found);
            sinks::terminal(&row, args[0], &err, None, found);
        }
    }
}

/// What `show` and `explain` are asked about: a command takes its time, and these hold all the others.
fn one_by_one(source: Source) -> bool {
    source == Source::Everywhere
}

#[tokio::test]
async fn words_from_outside_stay_words_wherever_they_come_out() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let meters = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let (payloads, mut found) = (payloads(), Found::default());
    let mut site = Site::new().await;
    let sent = send_all(&mut site, &payloads).await;
    let (refused, taken) = paste_all(&mut site, &payloads, &mut found).await;
    assert!(refused > 100 && taken > 100, "{refused} refused, {taken} taken");
    let pages = pass_all_on(&mut site, &sent).await;
    raise_alarms(&site, &payloads).await;
    site.pipe.pass(DAY + DAY / 2);
    duties::once(&site.pipe.ctx).await.unwrap();

    let rows = Source::ALL.len() * payloads.len();
    let faxes = site.pipe.ctx.store.list(&Filter::default(), 9_999).await.unwrap();
    assert_eq!(faxes.len(), rows + 2 * payloads.len() + taken);
    let open: BTreeMap<&str, &str> = faxes
        .iter()
        .filter(|fax| !matches!(fax.stage, Stage::Closed | Stage::Quarantined))
        .map(|fax| (site.rows[fax.id.as_str()].as_str(), fax.stage.name()))
        .collect();
    assert!(open.is_empty(), "{open:?}");

    check_mails(&site, rows, &mut found);
    check_pages(&pages, &mut found);
    check_doors(&site, &mut found);
    sinks::folders(&site.house.path(""), &mut found);
    sinks::metrics(&meters.render(), &mut found);
    check_commands(&site, &sent, &mut found).await;
    println!("{rows} rows of faxes, {} of settings ({refused} refused)", refused + taken);
    assert!(found.0.is_empty(), "{} holes:\n{}", found.0.len(), found.told());
}

/// Alarms and digests, with anything in any of their places.
#[test]
fn the_gateways_own_mails_hold_words_too() {
    let settings = faxgate::deliver::Settings {
        relays: vec![],
        from: "faxgate@gateway.example".into(),
        host_name: "gateway.example".into(),
        fallback: Target::Mail("registry@harbour.example".into()),
        expires: std::time::Duration::from_secs(1),
        retry_first: std::time::Duration::from_secs(1),
        retry_most: std::time::Duration::from_secs(1),
        time_zone: "UTC".into(),
        templates: None,
    };
    let mail = |payload: &Payload| {
        let text = payload.text();
        let words = Bulletin {
            subject: format!("Fax alarm: {text}"),
            before: vec![text.clone()],
            headings: vec!["about".into(), "what".into()],
            rows: vec![vec![text.clone(), text.clone()]],
            after: vec![text],
        };
        let to = Target::Mail("registry@harbour.example".into());
        (payload.name.to_owned(), bulletin::write(&words, &settings, &to, "alarm.1@gateway.example", 0))
    };
    let mut found = Found::default();
    judge(&payloads().iter().map(mail).collect::<Vec<_>>(), "bulletin", &mut found);
    assert!(found.0.is_empty(), "{}", found.told());
}
