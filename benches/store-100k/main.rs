//! A store with a year's faxes in it, and how long the commands take that look at it.
//!
//! `cargo run --release --example store-100k -- [FAXES] [RULES] [FOLDER]`: fills a store with FAXES letters in English and Chinese
//! (100,000) by the site's own rules (200 of them), or takes FOLDER as an earlier run left it, then runs the real `faxgate` that was built beside this program, each command
//! several times, and prints the median and the largest memory. What is slow without an index is measured beside it.

mod letters;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use faxgate::config::Config;
use faxgate::fax::FaxId;
use faxgate::pipeline::{self, words};
use faxgate::route;
use faxgate::store::{Settings, Store};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Row, SqliteConnection};

use letters::{Letters, departments, rules};

/// Faxes written in one transaction.
const BATCH: u32 = 2_000;
/// Runs of a command; the median counts.
const RUNS: usize = 3;

const MACHINE: &str = "data = \"../data\"\n[[spool]]\nname = \"modems\"\nkind = \"hylafax\"\npath = \"../recvq\"\n[mail]\n\
                       from = \"fax@harbour.example\"\nhost_name = \"gw.harbour.example\"\n";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: u32| args.get(at).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (faxes, count) = (number(0, 100_000), number(1, 200));
    let own = tempfile::tempdir().expect("a folder");
    let home = args.get(2).map_or_else(|| own.path().to_path_buf(), PathBuf::from);
    for folder in ["config", "recvq", "mail"] {
        std::fs::create_dir_all(home.join(folder)).expect("a folder");
    }
    let write =
        |name: &str, text: &str| std::fs::write(home.join(name), text).expect("the folder can be written");
    write("config/faxgate.toml", MACHINE);
    write("config/departments.toml", &departments(count));
    write("config/rules.toml", &rules(count, 0));
    write("new.toml", &rules(count, 1));
    let config = Config::load(&home.join("config")).unwrap_or_else(|bad| panic!("{}", bad.render())).0;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let began = Instant::now();
    let id = runtime.block_on(fill(&home.join("data"), &config, faxes));
    let size = std::fs::metadata(home.join("data/faxgate.sqlite")).map_or(0, |file| file.len());
    println!(
        "{faxes} faxes, {count} rules, {} MB of database, filled in {:.0} s",
        size >> 20,
        began.elapsed().as_secs_f64()
    );
    println!("\n| command | median | largest memory |\n|---|---|---|");
    let new = home.join("new.toml").display().to_string();
    let file = home.join("moves.csv").display().to_string();
    for command in [
        &["status"][..],
        &["status", "--stage", "quarantined"],
        &["show", id.as_str()],
        &["explain", id.as_str()],
        &["search", letters::RARE],
        &["search", "licence"],
        &["search", "牌照"],
        &["search", "application for the renewal"],
        &["search", "licence", "--department", "nobody"],
        &["search", "--did", "23450007"],
        &["rules", "list"],
        &["backtest", "--rules", &new, "--since", "all", "--csv", &file],
    ] {
        measured(&home.join("config"), command);
    }
    runtime.block_on(without_index(&home.join("data")));
}

/// Runs a command several times and prints a row of the table.
fn measured(config: &Path, command: &[&str]) {
    let program = std::env::current_exe().expect("this program has a path");
    // target/PROFILE/examples/store-100k → target/PROFILE/faxgate
    let program = program.ancestors().nth(2).expect("a target folder").join("faxgate");
    let mut seconds = Vec::new();
    let mut memory = 0;
    for _ in 0..RUNS {
        let began = Instant::now();
        let child = Command::new(&program)
            .arg("--config")
            .arg(config)
            .args(command)
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; build it first", program.display()));
        let ended = wait4::Wait4::wait4(&mut { child }).expect("a child can be waited for");
        assert!(ended.status.success(), "{command:?}: {}", ended.status);
        seconds.push(began.elapsed().as_secs_f64());
        memory = memory.max(ended.rusage.maxrss >> 20);
    }
    seconds.sort_by(f64::total_cmp);
    let shown: Vec<&str> =
        command.iter().map(|word| if word.contains('/') { "FILE" } else { word }).collect();
    println!("| `faxgate {}` | {:.3} s | {memory} MB |", shown.join(" "), seconds[RUNS / 2]);
}

/// Fills the store by SQL, past the pipeline, with what the pipeline would have written. The id of one of the faxes.
async fn fill(folder: &Path, config: &Config, faxes: u32) -> FaxId {
    let settings = Settings { dir: folder.to_path_buf() };
    let store = Store::open(&settings).await.expect("a store");
    store.close().await;
    let options = SqliteConnectOptions::new()
        .filename(settings.database())
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.expect("a database");
    let there = sqlx::query("SELECT COUNT(*) AS faxes FROM faxes").fetch_one(&pool).await.expect("an answer");
    if there.get::<u32, _>("faxes") == faxes {
        let row = sqlx::query("SELECT id FROM faxes ORDER BY admitted_at LIMIT 1 OFFSET $1")
            .bind(faxes / 2)
            .fetch_one(&pool)
            .await
            .expect("a fax");
        return row.get::<String, _>("id").parse().expect("an id");
    }
    let mut letters = Letters::new();
    let mut middle = None;
    let mut number = 0;
    while number < faxes {
        let mut tx = pool.begin().await.expect("a transaction");
        for _ in 0..BATCH.min(faxes - number) {
            let letter = letters.next(number, faxes);
            insert(&mut tx, &letter, config).await;
            if number == faxes / 2 {
                middle = Some(letter.fax.id.clone());
            }
            number += 1;
        }
        tx.commit().await.expect("a commit");
    }
    pool.close().await;
    middle.expect("at least one fax")
}

async fn insert(tx: &mut SqliteConnection, letter: &letters::Letter, config: &Config) {
    let fax = &letter.fax;
    let when = Some(pipeline::moment(fax, &config.rules));
    let facts = route::Facts { when, ..pipeline::facts(fax, &letter.texts) };
    let decision = route::decide(&facts, &config.rules);
    let id = fax.id.as_str();
    sqlx::query(
        "INSERT INTO faxes (id, source, source_key, file_name, admitted_at, call_json, original_sha256, original_bytes,
             original_format, stage, since, next_at, document_json, rule, decision_json, fault_json)
         VALUES ($1, 'modems', $1, $2, $3, $4, $5, 40000, 'tiff', $6, $3, $3, $7, $8, $9, $10)",
    )
    .bind(id)
    .bind(&fax.arrival.file_name)
    .bind(fax.arrival.at)
    .bind(json(&fax.call))
    .bind(fax.original.sha256.to_string())
    .bind(fax.stage.name())
    .bind(json(&fax.document))
    .bind(&decision.rule)
    .bind(json(&decision))
    .bind(fax.fault.as_ref().map(json))
    .execute(&mut *tx)
    .await
    .expect("a fax");
    for (page, text) in (1..).zip(&letter.texts) {
        let record =
            pipeline::PageRecord { text: text.clone(), millis: 1_200, ..pipeline::PageRecord::default() };
        sqlx::query(
            "INSERT INTO page_texts (fax_id, page, original_sha256, recipe, transcript_json, at)
             VALUES ($1, $2, '', 'bench', $3, $4)",
        )
        .bind(id)
        .bind(page)
        .bind(json(&record))
        .bind(fax.arrival.at)
        .execute(&mut *tx)
        .await
        .expect("a page");
    }
    for department in &decision.departments {
        sqlx::query(
            "INSERT INTO deliveries (fax_id, department, target_json, message_id, state, made_at, next_at, expires_at)
             VALUES ($1, $2, '{\"mail\":\"a@harbour.example\"}', $1 || $2, 'delivered', $3, $3, $3)",
        )
        .bind(id)
        .bind(department)
        .bind(fax.arrival.at)
        .execute(&mut *tx)
        .await
        .expect("a delivery");
    }
    for kind in ["fax.received", "fax.transcribed", "fax.composed", "fax.routed", "fax.closed"] {
        sqlx::query(
            "INSERT INTO fax_events (fax_id, at, kind, detail_json, prev_hash, hash) VALUES ($1, $2, $3, '{}', '', '')",
        )
        .bind(id)
        .bind(fax.arrival.at)
        .bind(kind)
        .execute(&mut *tx)
        .await
        .expect("an event");
    }
    sqlx::query("INSERT INTO facts (fax_id, facts_json, at) VALUES ($1, $2, $3)")
        .bind(id)
        .bind(pipeline::packed(&facts))
        .bind(fax.arrival.at)
        .execute(&mut *tx)
        .await
        .expect("facts");
    let words = words::of(fax, &letter.texts);
    let n = fax.arrival.at << 10;
    sqlx::query("INSERT INTO searched (n, fax_id, recipe) VALUES ($1, $2, $3)")
        .bind(n)
        .bind(id)
        .bind(&words.recipe)
        .execute(&mut *tx)
        .await
        .expect("a row of the index");
    sqlx::query("INSERT INTO words (rowid, body) VALUES ($1, $2)")
        .bind(n)
        .bind(&words.text)
        .execute(&mut *tx)
        .await
        .expect("words");
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("the nouns are plain data")
}

/// The same questions asked without the indexes.
async fn without_index(folder: &Path) {
    let path = Settings { dir: folder.to_path_buf() }.database();
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("a database");
    let began = Instant::now();
    let row = sqlx::query("SELECT COUNT(*) AS pages FROM page_texts WHERE transcript_json LIKE $1")
        .bind(format!("%{}%", letters::RARE))
        .fetch_one(&mut connection)
        .await
        .expect("an answer");
    let pages: i64 = row.get("pages");
    println!(
        "| the same rare word by LIKE over all pages ({pages} found) | {:.3} s | |",
        began.elapsed().as_secs_f64()
    );
}
