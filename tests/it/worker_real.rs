//! Page workers as they run in the gateway: the real program, the real engine, real limits.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use faxgate::fax::Resolution;
use faxgate::worker::{Pool, Settings, in_process};

use super::ocr::Sheet;

fn pool(settings: Settings) -> Pool {
    Pool::new(Path::new(env!("CARGO_BIN_EXE_faxgate")).into(), settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_reads_what_this_process_would_read() {
    let settings = Settings { workers: 1, ..Settings::default() };
    let page = Sheet::letter().page(Resolution::STANDARD);
    let pool = pool(settings.clone());
    let first = pool.transcribe(&page).await.unwrap();
    let second = pool.transcribe(&page).await.unwrap();
    let here = in_process(&page, &settings).unwrap();
    assert!(here.text.body().contains("referring this patient"), "{}", here.text.body());
    assert_eq!((&first.text, &first.plan), (&here.text, &here.plan));
    assert_eq!(second.text, here.text, "a used worker reads as a new one");
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_out_of_memory_costs_one_page() {
    let pool = pool(Settings { workers: 1, memory: 96 << 20, ..Settings::default() });
    let fault = pool.transcribe(&Sheet::letter().page(Resolution::FINE)).await.unwrap_err();
    assert_eq!(fault.code, "worker.page.out-of-memory", "{fault}: {}", fault.detail);
    assert_eq!(pool.free(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_out_of_time_is_killed() {
    let pool = pool(Settings { workers: 1, page_time: Duration::from_millis(50), ..Settings::default() });
    let fault = pool.transcribe(&Sheet::letter().page(Resolution::FINE)).await.unwrap_err();
    assert_eq!(fault.code, "worker.page.killed-time", "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_model_is_said_by_a_worker_that_lives_on() {
    let mut settings = Settings { workers: 1, ..Settings::default() };
    settings.recognize.models = Some("/nonexistent".into());
    let fault = pool(settings).transcribe(&Sheet::letter().page(Resolution::FINE)).await.unwrap_err();
    assert_eq!(fault.code, "recognize.model.missing", "{fault}");
}

/// Runs a worker alone on `input`, left open if `hold`; gives its exit code and what it answered.
fn alone(input: &[u8], parent: u32, hold: bool) -> (Option<i32>, Vec<u8>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_faxgate"))
        .arg("page-worker")
        .env("FAXGATE_WORKER_PARENT", parent.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(input).unwrap();
    let held = hold.then_some(pipe);
    let output = child.wait_with_output().unwrap();
    drop(held);
    (output.status.code(), output.stdout)
}

#[test]
fn a_worker_ends_with_its_input_and_with_its_parent_and_answers_no_rubbish() {
    let this = std::process::id();
    assert_eq!(alone(b"", this, false), (Some(0), vec![]), "the pool closed the pipe");
    assert_eq!(alone(b"", 1, true), (Some(0), vec![]), "the parent is another: it died");
    assert_eq!(alone(b"GET / HTTP/1.1\r\n\r\n", this, true), (Some(65), vec![]));
    let mut frame = b"FXW1\0\0\0\x02\0\0\0\0{}".to_vec();
    assert_eq!(alone(&frame, this, true), (Some(65), vec![]));
    frame[4..8].fill(0xff);
    assert_eq!(alone(&frame, this, true), (Some(65), vec![]));
}
