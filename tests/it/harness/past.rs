//! A site with a past: a configuration folder for the real binary, and faxes that went through the real pipeline with a reader
//! that says what stands on each page.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use faxgate::config::Config;
use faxgate::fax::{Arrival, CallRecord, FaxId, Format, Original};
use faxgate::pipeline::Policy;
use faxgate::store::{self, NewFax, RulesText, Store};

use super::gateway::House;
use crate::pipeline_house::{self, Reads, ScriptedCourier, ScriptedReader, fax_of};

const MACHINE: &str = r#"
data = "../data"
[[spool]]
name = "modems"
kind = "hylafax"
path = "../recvq"
[mail]
from = "faxgate@gateway.test"
host_name = "gateway.test"
"#;

pub const DEPARTMENTS: &str = r#"
fallback = "registry"
[[department]]
id = "registry"
name = "Registry"
maildir = "../mail/registry"
[[department]]
id = "licensing"
name = "Licensing"
maildir = "../mail/licensing"
[[department]]
id = "billing"
name = "Billing"
maildir = "../mail/billing"
"#;

/// The site.
pub struct Past {
    pub house: House,
    pub pipe: pipeline_house::House,
    courier: Arc<ScriptedCourier>,
    pages: AtomicU32,
}

impl Past {
    /// A site with these rules in force and nothing received.
    pub async fn new(rules: &str) -> Self {
        let house = House::new(MACHINE, DEPARTMENTS, rules);
        for folder in ["recvq", "mail"] {
            house.make(folder);
        }
        let store = Store::open(&store::Settings { dir: house.path("data") }).await.unwrap();
        let courier = Arc::new(ScriptedCourier::default());
        let reader = Arc::new(ScriptedReader::default());
        let pipe = pipeline_house::House::on(store, reader, Arc::clone(&courier), |settings| settings);
        let past = Self { house, pipe, courier, pages: AtomicU32::new(1) };
        past.rules(rules).await;
        past
    }

    /// Puts other rules in force, as a reload does.
    pub async fn rules(&self, rules: &str) -> Config {
        self.house.write("config/rules.toml", rules);
        let config =
            Config::load(&self.house.path("config")).unwrap_or_else(|bad| panic!("{}", bad.render())).0;
        let text = RulesText {
            version: config.rules_version().to_owned(),
            rules: config.rules_text.to_string(),
            departments: config.departments_text.to_string(),
        };
        self.store().use_rules(&text, store::Use::Reload, (self.pipe.ctx.clock)()).await.unwrap();
        let courier = Arc::clone(&self.courier);
        let policy = Policy::new(config.rules.clone(), config.departments.clone(), config.deliver.clone());
        self.pipe.ctx.reload(Policy { courier, ..policy });
        config
    }

    /// Lets the store go, lock and all: the folder is the binary's alone from now on.
    pub async fn left(self) -> House {
        let Self { house, pipe, .. } = self;
        pipe.ctx.store.close().await;
        drop(pipe);
        house
    }

    pub fn store(&self) -> &Store {
        &self.pipe.ctx.store
    }

    /// A fax of one page with these words comes in, and goes where the rules say.
    pub async fn fax(&self, call: CallRecord, words: &'static str) -> FaxId {
        let number = self.pages.fetch_add(1, Ordering::Relaxed);
        self.pipe.reader.pages.lock().unwrap().insert(number, Reads::Words(words));
        let bytes = fax_of(&[number]);
        let sha256 = self.store().blobs().put(&bytes).await.unwrap();
        let arrival = Arrival {
            source: "modems".into(),
            source_key: number.to_string(),
            file_name: format!("fax{number:05}.tif"),
            at: (self.pipe.ctx.clock)(),
        };
        let original = Original { sha256, bytes: bytes.len() as u64, format: Format::G3Bundle };
        let id = self.store().admit(NewFax { arrival, call, original }).await.unwrap().id;
        self.pipe.drain().await;
        id
    }

    /// Runs one statement on the database, past the store.
    pub async fn sql(&self, statement: &'static str) {
        let path = self.house.path("data/faxgate.sqlite");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::query(statement).execute(&pool).await.unwrap();
        pool.close().await;
    }
}
