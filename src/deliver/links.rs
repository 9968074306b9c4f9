//! Signed links: the right to one thing on one fax, for a time, without a login.
//!
//! `<base>/pass-on/<token>` and `<base>/fax/<token>`. A token is `<claims>.<tag>`, both in base64url without padding
//! (RFC 4648 §5). The claims are the fax, the department whose mail bore the link, and the end of its time; the tag is
//! HMAC-SHA256 (RFC 2104) over a context, the purpose and the claims, so that a link to read is none to pass on.
//!
//! Invariants: nothing in a token is believed before its tag is checked, in constant time; the same arguments give the
//! same link, so that a mail which is sent again is the same mail; the key never leaves its file (mode 0600), and a file
//! that others can read is refused.
//!
//! Keys are changed by writing another first line into the file: the first signs, all of them verify.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::message::{Link, LinkMaker};
use crate::fax::{Disposition, Fault, FaxId, Millis};
use crate::ops::durable::sync_folder;

/// What the tag is over, before all else: a tag made for anything else is none here.
const CONTEXT: &[u8] = b"faxgate signed link 1\0";
/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of SHA-256's block.
const BLOCK_BYTES: usize = 64;
/// Name of the key's file in the data folder.
const KEY_FILE: &str = "link-key";
/// Longest key file.
const KEY_FILE_MOST: u64 = 4096;
/// Longest token that is looked at.
const TOKEN_MOST: usize = 512;
/// Longest department id in a token.
const DEPARTMENT_MOST: usize = 120;

/// `[links]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What every link begins with, without a slash at its end: `https://fax.harbour.example`.
    pub base: String,
    /// Where the pages are served, behind a server that speaks TLS.
    pub listen: SocketAddr,
    /// How long a link is good for, from the mail's date.
    pub expires: Duration,
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To pass the fax on to another department.
    PassOn,
    /// To fetch the document.
    Fax,
}

impl Purpose {
    /// The word in the link.
    pub fn word(self) -> &'static str {
        match self {
            Self::PassOn => "pass-on",
            Self::Fax => "fax",
        }
    }
}

/// What a valid token gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The fax.
    pub fax: FaxId,
    /// The department whose mail bore the link.
    pub department: String,
    /// Until when.
    pub expires: Millis,
}

/// Why a token gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is none of ours, was changed, or is for something else.
    #[error("the link is not one that this gateway made")]
    Forged,
    /// It was good once.
    #[error("the link's time is over")]
    Expired,
}

/// Makes and checks links.
#[derive(Clone)]
pub struct Signer {
    base: String,
    keys: Vec<[u8; KEY_BYTES]>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Keys are not for logs.
        f.debug_struct("Signer").field("base", &self.base).field("keys", &self.keys.len()).finish()
    }
}

impl Signer {
    /// With the keys of the data folder; makes the file with its first key where there is none.
    pub fn open(data: &Path, base: &str) -> Result<Self, Fault> {
        let path = data.join(KEY_FILE);
        let keys = match read_keys(&path) {
            Err(Unreadable::Missing) => {
                make_key(&path).map_err(|error| fault(&path, &error.to_string()))?;
                read_keys(&path)
            }
            read => read,
        };
        let keys = keys.map_err(|why| fault(&path, &why.words()))?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), keys })
    }

    /// With one key of one's own.
    pub fn with_key(base: &str, key: [u8; KEY_BYTES]) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), keys: vec![key] }
    }

    /// A link to the document of a fax.
    pub fn fax_link(&self, fax: &FaxId, department: &str, expires: Millis) -> String {
        self.link(Purpose::Fax, fax, department, expires)
    }

    /// A link to the page from which a department passes a fax on.
    pub fn pass_on_link(&self, fax: &FaxId, department: &str, expires: Millis) -> String {
        self.link(Purpose::PassOn, fax, department, expires)
    }

    fn link(&self, purpose: Purpose, fax: &FaxId, department: &str, expires: Millis) -> String {
        format!("{}/{}/{}", self.base, purpose.word(), self.token(purpose, fax, department, expires))
    }

    /// The token alone.
    pub fn token(&self, purpose: Purpose, fax: &FaxId, department: &str, expires: Millis) -> String {
        let claims = URL_SAFE_NO_PAD.encode(format!("{fax}/{expires}/{department}"));
        let tag = self.keys.first().map(|key| tag(key, purpose, &claims).finalize().into_bytes());
        // There is always a key; were there none, the link would just not be valid.
        let tag = tag.map(|tag| URL_SAFE_NO_PAD.encode(tag)).unwrap_or_default();
        format!("{claims}.{tag}")
    }

    /// What a token gives at this moment.
    pub fn check(&self, purpose: Purpose, token: &str, now: Millis) -> Result<Grant, Refused> {
        if token.len() > TOKEN_MOST {
            return Err(Refused::Forged);
        }
        let (claims, written) = token.split_once('.').ok_or(Refused::Forged)?;
        let written = URL_SAFE_NO_PAD.decode(written).map_err(|_| Refused::Forged)?;
        // `verify_slice` takes the same time wherever the two differ.
        let ours = self.keys.iter().any(|key| tag(key, purpose, claims).verify_slice(&written).is_ok());
        if !ours {
            return Err(Refused::Forged);
        }
        let grant = read_claims(claims).ok_or(Refused::Forged)?;
        if now >= grant.expires { Err(Refused::Expired) } else { Ok(grant) }
    }
}

/// Makes the links of mails: each good for a time from the moment when its mail was made.
#[derive(Debug, Clone)]
pub struct Maker {
    /// Signs.
    pub signer: Signer,
    /// How long a link is good for.
    pub expires: Duration,
    /// Replies to the gateway's address are read (`[returns]`).
    pub replies: bool,
}

impl Maker {
    fn until(&self, made: Millis) -> Millis {
        made.saturating_add(Millis::try_from(self.expires.as_millis()).unwrap_or(Millis::MAX))
    }
}

impl LinkMaker for Maker {
    fn fax_link(&self, fax: &FaxId, department: &str, made: Millis) -> Option<Link> {
        let until = self.until(made);
        Some(Link { url: self.signer.fax_link(fax, department, until), until })
    }

    fn pass_on_link(&self, fax: &FaxId, department: &str, made: Millis) -> Option<Link> {
        let until = self.until(made);
        Some(Link { url: self.signer.pass_on_link(fax, department, until), until })
    }

    fn takes_replies(&self) -> bool {
        self.replies
    }
}

fn tag(key: &[u8; KEY_BYTES], purpose: Purpose, claims: &str) -> Hmac<Sha256> {
    // RFC 2104 §2: a key shorter than the hash's block is filled up with zeros.
    let mut block = [0; BLOCK_BYTES];
    block[..KEY_BYTES].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    for part in [CONTEXT, purpose.word().as_bytes(), b"\0", claims.as_bytes()] {
        mac.update(part);
    }
    mac
}

fn read_claims(claims: &str) -> Option<Grant> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let mut parts = text.splitn(3, '/');
    let fax = parts.next()?.parse().ok()?;
    let expires = parts.next()?.parse().ok()?;
    let department = parts.next().filter(|id| !id.is_empty() && id.len() <= DEPARTMENT_MOST)?.to_owned();
    Some(Grant { fax, department, expires })
}

/// Why there is no key.
enum Unreadable {
    Missing,
    Io(String),
    Open(u32),
    Form,
}

impl Unreadable {
    fn words(&self) -> String {
        match self {
            Self::Missing => "it is not there".to_owned(),
            Self::Io(error) => error.clone(),
            Self::Open(mode) => format!("others may read it (mode {mode:04o}); it must be 0600"),
            Self::Form => format!("each line must be a key of {} hexadecimal digits", KEY_BYTES * 2),
        }
    }
}

fn read_keys(path: &Path) -> Result<Vec<[u8; KEY_BYTES]>, Unreadable> {
    let file = fs::File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unreadable::Missing,
        _ => Unreadable::Io(error.to_string()),
    })?;
    let mode = file.metadata().map_err(|error| Unreadable::Io(error.to_string()))?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Unreadable::Open(mode));
    }
    let mut text = String::new();
    file.take(KEY_FILE_MOST).read_to_string(&mut text).map_err(|error| Unreadable::Io(error.to_string()))?;
    let keys: Option<Vec<_>> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(key_of).collect();
    keys.filter(|keys| !keys.is_empty()).ok_or(Unreadable::Form)
}

fn key_of(line: &str) -> Option<[u8; KEY_BYTES]> {
    if line.len() != KEY_BYTES * 2 || !line.is_ascii() {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(line.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(key)
}

/// A first key. Written aside and linked into place, so that two who start at once end with one key.
fn make_key(path: &Path) -> io::Result<()> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let mut line: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    line.push('\n');
    let draft: PathBuf = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    // Only the draft's own name goes; the key stays.
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(path.parent().unwrap_or(Path::new("."))),
    }
}

fn fault(path: &Path, why: &str) -> Fault {
    let sentence = format!(
        "The key of signed links ({}) cannot be used: {why}. Mend the file, or remove it: a new key is made then, and \
         links in mails that were sent are no longer good.",
        path.display()
    );
    Fault::new("links.key", Disposition::Stop, sentence)
}

/// Settings of mail for tests of what looks at the host name and the fallback inbox alone.
#[cfg(test)]
pub(crate) fn tests_mail() -> super::Settings {
    super::Settings {
        relays: vec![],
        from: "fax@harbour.example".into(),
        host_name: "fax.harbour.example".into(),
        fallback: crate::fax::Target::Mail("registry@harbour.example".into()),
        expires: Duration::from_secs(60),
        retry_first: Duration::from_secs(1),
        retry_most: Duration::from_secs(2),
        time_zone: "UTC".into(),
        templates: None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    const BASE: &str = "https://fax.harbour.example";

    fn fax() -> FaxId {
        FaxId::new(1_790_000_000_000, [7; 5])
    }

    fn signer() -> Signer {
        Signer::with_key(BASE, [9; KEY_BYTES])
    }

    fn token_of(link: &str) -> String {
        link.rsplit('/').next().unwrap().to_owned()
    }

    #[test]
    fn a_link_gives_what_it_was_made_for_until_its_time_is_over() {
        let link = signer().pass_on_link(&fax(), "licensing", 1_000);
        assert!(link.starts_with("https://fax.harbour.example/pass-on/"), "{link}");
        assert_eq!(link, signer().pass_on_link(&fax(), "licensing", 1_000), "the same each time");
        let token = token_of(&link);
        let grant = Grant { fax: fax(), department: "licensing".into(), expires: 1_000 };
        assert_eq!(signer().check(Purpose::PassOn, &token, 999), Ok(grant));
        assert_eq!(signer().check(Purpose::PassOn, &token, 1_000), Err(Refused::Expired));
        assert_eq!(signer().check(Purpose::Fax, &token, 0), Err(Refused::Forged), "bound to its purpose");
        let stranger = Signer::with_key(BASE, [8; KEY_BYTES]);
        assert_eq!(stranger.check(Purpose::PassOn, &token, 0), Err(Refused::Forged));
    }

    #[test]
    fn claims_cannot_be_changed_under_a_tag() {
        let token = token_of(&signer().fax_link(&fax(), "licensing", 1_000));
        let tag = token.split_once('.').unwrap().1;
        for claims in [format!("{}/9999999/licensing", fax()), format!("{}/1000/dispensary", fax())] {
            let forged = format!("{}.{tag}", URL_SAFE_NO_PAD.encode(claims));
            assert_eq!(signer().check(Purpose::Fax, &forged, 0), Err(Refused::Forged));
        }
        for cut in ["", ".", "a.b", token.split_once('.').unwrap().0, &token[..token.len() - 1]] {
            assert_eq!(signer().check(Purpose::Fax, cut, 0), Err(Refused::Forged), "{cut}");
        }
    }

    #[test]
    fn the_key_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let first = Signer::open(folder.path(), BASE).unwrap();
        let path = folder.path().join(KEY_FILE);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let token = token_of(&first.fax_link(&fax(), "a", 10));
        assert!(Signer::open(folder.path(), BASE).unwrap().check(Purpose::Fax, &token, 0).is_ok());

        // A new key in front: old links stay good, new ones are signed by the new key.
        let old = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{}\n{old}", "ab".repeat(KEY_BYTES))).unwrap();
        let both = Signer::open(folder.path(), BASE).unwrap();
        assert!(both.check(Purpose::Fax, &token, 0).is_ok());
        assert_ne!(token_of(&both.fax_link(&fax(), "a", 10)), token);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Signer::open(folder.path(), BASE).unwrap_err();
        assert_eq!(refused.code, "links.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short\n").unwrap();
        assert!(Signer::open(folder.path(), BASE).is_err(), "a damaged key is not replaced in silence");
        assert!(!format!("{both:?}").contains("abab"));
    }

    proptest! {
        #[test]
        fn no_token_of_strangers_is_good(token in "[A-Za-z0-9_.-]{0,200}") {
            prop_assert_eq!(signer().check(Purpose::PassOn, &token, 0), Err(Refused::Forged));
        }

        #[test]
        fn every_department_id_survives(id in "[^\u{0}]{1,40}", expires in 1i64..i64::MAX) {
            let token = signer().token(Purpose::Fax, &fax(), &id, expires);
            let grant = signer().check(Purpose::Fax, &token, 0).unwrap();
            prop_assert_eq!((grant.department, grant.expires), (id, expires));
        }
    }
}
