//! The rules of yesterday: kept, compared, and put back by one command while the gateway runs.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::gateway::{House, Running};
use crate::harness::past::{DEPARTMENTS, Past};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const FIRST: &str = "# by hand\n[[rule]]\nname = \"invoices\"\ntext = [\"invoice\"]\nto = [\"billing\"]\n[default]\nto = [\"registry\"]\n";
const SECOND: &str = "# by hand\n[[rule]]\nname = \"invoices\"\ntext = [\"invoice\"]\nto = [\"licensing\"]\n[default]\nto = [\"registry\"]\n";

fn until<T>(what: &str, house: &House, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen\n{}", house.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The version in force, once there is a store.
fn in_force(house: &House) -> Option<String> {
    let output = house.done(&["rules", "list", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let one = json["versions"].as_array()?.iter().find(|one| one["in_force"] == true)?;
    Some(one["version"].as_str()?.to_owned())
}

fn hang_up(gateway: &Running) {
    assert!(Command::new("kill").args(["-HUP", &gateway.id().to_string()]).status().unwrap().success());
}

fn rules(house: &House) -> String {
    std::fs::read_to_string(house.path("config/rules.toml")).unwrap()
}

#[tokio::test]
async fn a_running_gateway_goes_back_by_one_command() {
    let house = Past::new(FIRST).await.left().await;
    let gateway = house.start();
    // The past has left a version in force: that alone does not tell that the gateway is there to be told anything.
    until("the start", &house, || house.log().contains("the gateway runs").then_some(()));
    let first = until("the first version", &house, || in_force(&house));

    house.write("config/rules.toml", SECOND);
    std::fs::set_permissions(house.path("config/rules.toml"), std::fs::Permissions::from_mode(0o640))
        .unwrap();
    let second = until("the second version", &house, || {
        hang_up(&gateway);
        in_force(&house).filter(|version| *version != first)
    });

    let told = house.told(&["rules", "diff", &first[..10], "now"], 0);
    assert!(told.contains("-to = [\"billing\"]\n+to = [\"licensing\"]"), "{told}");
    assert_eq!(house.told(&["rules", "show", &first[..10]], 0), FIRST);
    assert_eq!(house.told(&["rules", "show", &first[..10], "--departments"], 0), DEPARTMENTS);

    let told = house.told(&["rules", "rollback", "--who", "chan"], 0);
    assert!(told.contains("the gateway decides by them now"), "{told}");
    assert_eq!(rules(&house), FIRST);
    assert_eq!(in_force(&house).as_deref(), Some(first.as_str()));
    let mode = std::fs::metadata(house.path("config/rules.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);

    // And forth again: what was in force before the present ones is the second.
    house.told(&["rules", "rollback"], 0);
    assert_eq!((rules(&house), in_force(&house)), (SECOND.to_owned(), Some(second)));
}

#[tokio::test]
async fn a_broken_file_is_no_obstacle_and_is_kept() {
    let past = Past::new(FIRST).await;
    past.rules(SECOND).await;
    let house = &past.left().await;
    const BROKEN: &str = "[[rule]\nname = \"half\n";
    house.write("config/rules.toml", BROKEN);
    let versions = house.asked(&["rules", "list", "--json"]);
    let first = versions["versions"][1]["version"].as_str().unwrap();
    let told = house.told(&["rules", "rollback", first], 0);
    assert!(told.contains("no gateway runs"), "{told}");
    assert_eq!(rules(house), FIRST);
    let versions = house.asked(&["rules", "list", "--json"]);
    let list = versions["versions"].as_array().unwrap();
    assert_eq!(list.len(), 3, "{versions:#}");
    let kept = list.iter().find(|one| one["uses"] == 0).unwrap()["version"].as_str().unwrap();
    assert_eq!(house.told(&["rules", "show", kept], 0), BROKEN);
}

#[tokio::test]
async fn rules_for_a_department_that_is_gone_do_not_come_back() {
    let past = Past::new(FIRST).await;
    past.rules(SECOND).await;
    let house = &past.left().await;
    let without = DEPARTMENTS.replace("\"billing\"", "\"accounts\"");
    house.write("config/departments.toml", &without);
    let output = house.done(&["rules", "rollback"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("billing"), "{output:?}");
    assert_eq!(rules(house), SECOND, "nothing was touched");
}

#[tokio::test]
async fn a_name_that_means_no_version_or_several_changes_nothing() {
    let past = Past::new(FIRST).await;
    past.rules(SECOND).await;
    let house = &past.left().await;
    for wrong in ["0000000000000000", ""] {
        let output = house.done(&["rules", "rollback", wrong]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(rules(house), SECOND);
    }
}

#[tokio::test]
async fn a_file_that_is_gone_or_no_text_is_no_obstacle() {
    let past = Past::new(FIRST).await;
    past.rules(SECOND).await;
    let house = &past.left().await;
    let mode = |name: &str| std::fs::metadata(house.path(name)).unwrap().permissions().mode() & 0o777;
    std::fs::remove_file(house.path("config/rules.toml")).unwrap();
    let told = house.told(&["rules", "rollback"], 0);
    assert!(told.contains("no file lay there"), "{told}");
    assert_eq!(rules(house), FIRST);
    assert_eq!(mode("config/rules.toml"), mode("config/departments.toml"), "the gateway can read it");

    let latin = b"# caf\xe9\n";
    std::fs::write(house.path("config/rules.toml"), latin).unwrap();
    house.told(&["rules", "rollback"], 0);
    assert_eq!(rules(house), FIRST);
    let config = std::fs::read_dir(house.path("config")).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<_> = config.filter(|path| path.extension().is_some_and(|end| end == "kept")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(std::fs::read(&kept[0]).unwrap(), latin);
}

#[tokio::test]
async fn the_history_names_no_rollback_that_was_not_written() {
    let past = Past::new(FIRST).await;
    past.rules(SECOND).await;
    let house = &past.left().await;
    // A link into a folder that is not there: nothing can be written, whoever asks.
    let link = house.path("config/rules.toml");
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("nowhere/rules.toml", &link).unwrap();
    let output = house.done(&["rules", "rollback"]);
    assert!(!output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("was not written"), "{output:?}");
    let told = async || {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(house.path("data/faxgate.sqlite"));
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let count: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM fax_events WHERE kind = 'rules.rolled-back'")
                .fetch_one(&pool)
                .await
                .unwrap();
        pool.close().await;
        count
    };
    assert_eq!(told().await, 0);
    house.make("config/nowhere");
    house.told(&["rules", "rollback"], 0);
    assert_eq!((told().await, rules(house)), (1, FIRST.to_owned()));
    assert!(link.is_symlink(), "a link stays one");
}
