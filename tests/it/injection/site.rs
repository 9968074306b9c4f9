//! A site with every door open: a relay that notes each command, Maildirs, a webhook, a print queue, the pages behind
//! links, metrics; and a pipeline whose reader says what a test wants.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use faxgate::config::{Config, Problems};
use faxgate::console::{self, Console};
use faxgate::deliver::directory::Directory;
use faxgate::deliver::links::{Maker, Signer};
use faxgate::fax::{Arrival, FaxId, Format, Original};
use faxgate::intake::{Release, Scanner};
use faxgate::ops::clock;
use faxgate::pipeline::Policy;
use faxgate::store::{self, NewFax, RulesText, Store};
use tokio_util::sync::CancellationToken;

use super::payloads::Payload;
use super::sources::{Setting, Source};
use crate::harness::cups::Cups;
use crate::harness::gateway::House;
use crate::harness::smtp::{Script, ScriptedSmtp};
use crate::harness::webhook::Listener;
use crate::intake_writers::whole_fax;
use crate::pipeline_house::{self, DAY, Reads, ScriptedCourier, ScriptedReader, fax_of};

const DEPARTMENTS: &str = r#"
fallback = "registry"
[[department]]
id = "registry"
name = "Registry"
mail = "registry@harbour.example"
[[department]]
id = "billing"
name = "Billing"
mail = "billing@harbour.example"
maildir = "../mail/billing"
subject = "{{ tsi }} {{ sender }} {{ name }} {{ number }} {{ did }} {{ rule }} {{ department }}"
file_name = "{{ tsi }} {{ name }} {{ number }} {{ did }} {{ rule }}{{ date }}"
[[department]]
id = "licensing"
name = "Licensing"
mail = "licensing@harbour.example"
"#;

const RULES: &str = r#"
[[rule]]
name = "adverts"
pages = 2
junk = true
[[rule]]
name = "print"
pages = 3
to = "billing"
printer = "hall"
webhook = "crm"
[[rule]]
name = "zoo"
text = ["zebra"]
to = "licensing"
[[rule]]
name = "all"
pages = 1
to = "billing"
webhook = "crm"
[default]
to = "registry"
"#;

/// The rules of a backtest: everything goes elsewhere.
pub const OTHER_RULES: &str = "[default]\nto = \"registry\"\n";

pub struct Site {
    pub house: House,
    pub pipe: pipeline_house::House,
    pub smtp: ScriptedSmtp,
    pub hook: Listener,
    pub cups: Cups,
    console: String,
    signer: Arc<Signer>,
    numbers: u32,
    /// What each fax is a trial of.
    pub rows: BTreeMap<String, String>,
}

fn machine(smtp: u16, console: u16, hook: &str, queue: &str) -> String {
    format!(
        r#"
data = "../data"
[[spool]]
name = "drop"
kind = "drop"
path = "../drop"
release = "move"
move_to = "../taken"
[mail]
from = "faxgate@gateway.example"
host_name = "gateway.example"
[mail.relay]
host = "127.0.0.1"
port = {smtp}
tls = "none"
[links]
base = "http://127.0.0.1:{console}"
listen = "127.0.0.1:{console}"
[[webhook]]
name = "crm"
url = "{hook}"
secret_file = "../secret"
[[printer]]
name = "hall"
uri = "{queue}"
"#
    )
}

impl Site {
    pub async fn new() -> Self {
        let (smtp, hook, cups) =
            (ScriptedSmtp::start(vec![Script::default()]), Listener::start().await, Cups::start());
        let socket = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let text = machine(smtp.port, port, &hook.url, &cups.uri("hall"));
        let house = House::new(&text, DEPARTMENTS, &rules(""));
        for folder in ["drop", "taken", "mail"] {
            house.make(folder);
        }
        house.write("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        private(&house.path("secret"));
        let store = Store::open(&store::Settings { dir: house.path("data") }).await.unwrap();
        let reader = Arc::new(ScriptedReader::default());
        let pipe = pipeline_house::House::on(store, reader, Arc::new(ScriptedCourier::default()), |it| it);
        let base = format!("http://127.0.0.1:{port}");
        let signer = Arc::new(Signer::open(&house.path("data"), &base).unwrap());
        let rows = BTreeMap::new();
        let site = Self { house, pipe, smtp, hook, cups, console: base, signer, numbers: 0, rows };
        site.reload().await.unwrap_or_else(|problems| panic!("{}", problems.render()));
        let ctx = Arc::clone(&site.pipe.ctx);
        let directory = move || {
            let policy = ctx.policy();
            Arc::new(Directory { departments: policy.departments.clone(), mail: policy.mail.clone() })
        };
        let console = Console {
            store: site.pipe.ctx.store.clone(),
            signer: Arc::clone(&site.signer),
            directory: Arc::new(directory),
            clock: Arc::clone(&site.pipe.ctx.clock),
        };
        tokio::spawn(console::serve(socket, console, CancellationToken::new()));
        site
    }

    /// Puts the files of the folder in force, as a reload of the gateway does.
    async fn reload(&self) -> Result<(), Problems> {
        let (config, _) = Config::load(&self.house.path("config"))?;
        let text = RulesText {
            version: config.rules_version().to_owned(),
            rules: config.rules_text.to_string(),
            departments: config.departments_text.to_string(),
        };
        let ctx = &self.pipe.ctx;
        ctx.store.use_rules(&text, store::Use::Reload, (ctx.clock)()).await.unwrap();
        let links = Maker {
            signer: (*self.signer).clone(),
            expires: std::time::Duration::from_secs(1 << 30),
            replies: true,
        };
        let policy = Policy::new(config.rules, config.departments, config.deliver);
        let stationery = policy.stationery.clone().knowing(config.senders).linking(Arc::new(links));
        ctx.reload(Policy { stationery, doors: config.doors, alarms: config.alarms, ..policy });
        Ok(())
    }

    /// Writes the site's files with this added. `raw`: the value as it is, not as TOML spells it.
    pub fn paste(&self, setting: &Setting, payload: &Payload, raw: bool) {
        let value = if raw { format!("\"{}\"", payload.text()) } else { Setting::quoted(&payload.text()) };
        self.house.write(
            "config/departments.toml",
            &(DEPARTMENTS.to_owned() + &setting.departments.replace('@', &value)),
        );
        self.house.write("config/rules.toml", &rules(&setting.rules.replace('@', &value)));
    }

    /// The site's own files again.
    pub async fn restore(&self) {
        self.house.write("config/departments.toml", DEPARTMENTS);
        self.house.write("config/rules.toml", &rules(""));
        self.reload().await.unwrap();
    }

    /// A fax under the rules that were pasted; the problems, where they are refused.
    pub async fn pasted(&mut self, setting: &Setting, payload: &Payload) -> Result<FaxId, Problems> {
        self.reload().await?;
        let row = format!("{} × {}", setting.name, payload.name);
        let id = self.admit(&row, Source::Tsi, "STATION", 1).await;
        self.pipe.drain().await;
        Ok(id)
    }

    /// A fax of so many pages.
    pub async fn admit(&mut self, row: &str, source: Source, text: &str, pages: u32) -> FaxId {
        let first = self.numbers + 1;
        self.numbers += pages;
        let numbers: Vec<u32> = (first..=self.numbers).collect();
        for number in &numbers {
            let reads = Reads::Exactly(Box::new(source.page(text)));
            self.pipe.reader.pages.lock().unwrap().insert(*number, reads);
        }
        let store = &self.pipe.ctx.store;
        let bytes = fax_of(&numbers);
        let sha256 = store.blobs().put(&bytes).await.unwrap();
        let arrival = Arrival {
            source: "drop".into(),
            source_key: first.to_string(),
            file_name: if source == Source::Everywhere { text.to_owned() } else { format!("{first}.g3") },
            at: (self.pipe.ctx.clock)(),
        };
        let original = Original { sha256, bytes: bytes.len() as u64, format: Format::G3Bundle };
        let fax = NewFax { arrival, call: source.call(text), original };
        let id = store.admit(fax).await.unwrap().id;
        self.rows.insert(id.to_string(), row.to_owned());
        id
    }

    /// Files of these names are dropped, and taken up by the real scanner.
    pub async fn drop_files(&mut self, payloads: &[Payload]) {
        let (config, _) = Config::load(&self.house.path("config")).unwrap();
        let spool = config.spools[0].clone();
        assert!(matches!(spool.release, Release::Move(_)));
        let mut scanner = Scanner::new(spool, jiff::tz::TimeZone::UTC);
        let (store, now) = (self.pipe.ctx.store.clone(), clock::now() + DAY);
        for payload in payloads {
            let mut name = payload.file_name();
            name.extend_from_slice(b".tif");
            whole_fax(&self.house.path("drop").join(std::ffi::OsStr::from_bytes(&name)), 1, &[]);
            for hour in 0..3 {
                scanner.scan_once(&store, now + hour * DAY / 24).await.unwrap();
            }
            let newest = store.list(&store::Filter::default(), 1_000).await.unwrap();
            for fax in newest {
                self.rows
                    .entry(fax.id.to_string())
                    .or_insert_with(|| format!("file name × {}", payload.name));
            }
        }
        let behind = now + DAY - (self.pipe.ctx.clock)();
        self.pipe.pass(behind.max(0));
        self.pipe.drain().await;
    }

    /// The page where a fax is passed on, and what the answer to the button is.
    pub async fn pass_on(&self, id: &FaxId, payload: &Payload) -> [String; 2] {
        let link = self.signer.pass_on_link(id, "billing", i64::MAX / 2);
        let path = link.strip_prefix(&self.console).unwrap().to_owned();
        let coded: String = payload.bytes.iter().take(2_000).map(|byte| format!("%{byte:02X}")).collect();
        let form = format!("to=licensing&reason={coded}&name={coded}");
        let address = self.console.trim_start_matches("http://").to_owned();
        tokio::task::spawn_blocking(move || {
            [http(&address, "GET", &path, ""), http(&address, "POST", &path, &form)]
        })
        .await
        .unwrap()
    }
}

fn rules(first: &str) -> String {
    format!("[triage]\nto = \"billing\"\n{first}{RULES}")
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The whole answer, head and all.
fn http(address: &str, method: &str, path: &str, form: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the pages are served");
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).expect("UTF-8")
}
