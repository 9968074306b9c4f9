//! Digest authentication, both sides (RFC 3261 §22, RFC 7616, RFC 8760): MD5 and SHA-256, qop `auth`.
//!
//! - As a server: nonces carry their time and number under a keyed hash, so that a challenge costs no memory. What is
//!   remembered is which counts (`nc`) of an accepted nonce were used; when that table is full, the oldest nonces die.
//! - Peers without qop (RFC 2069) may use a nonce once.
//! - The digest's own URI is hashed as it was given: trunks rewrite the Request-URI on the way.

use core::time::Duration;
use std::collections::BTreeMap;

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::header::unquote;
use super::message::{Message, split_outside};
use super::random::Random;
use super::settings::Credentials;

/// How long a nonce of ours lives.
pub const NONCE_LIFE: Duration = Duration::from_secs(300);
/// Most nonces whose counts are remembered.
pub const MOST_NONCES: usize = 1_024;

/// The hash of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Md5,
}

impl Algorithm {
    fn parse(name: Option<&str>) -> Option<Self> {
        match name {
            None => Some(Self::Md5),
            Some(name) if name.eq_ignore_ascii_case("MD5") => Some(Self::Md5),
            Some(name) if name.eq_ignore_ascii_case("SHA-256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Self::Sha256 => hex(&Sha256::digest(text)),
            Self::Md5 => hex(&Md5::digest(text)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `Digest name=value, …` by names in lower case.
fn fields(value: &str) -> Option<BTreeMap<String, String>> {
    let (scheme, rest) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Digest") {
        return None;
    }
    let pair = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim().to_ascii_lowercase(), unquote(value.trim())?))
    };
    split_outside(rest, ',').map(str::trim).filter(|part| !part.is_empty()).map(pair).collect()
}

/// What both sides hash.
struct Hashed<'a> {
    algorithm: Algorithm,
    user: &'a str,
    realm: &'a str,
    password: &'a str,
    method: &'a str,
    uri: &'a str,
    nonce: &'a str,
    /// nc, cnonce, qop; `None` as in RFC 2069.
    quality: Option<(&'a str, &'a str, &'a str)>,
}

impl Hashed<'_> {
    fn response(&self) -> String {
        let first = self.algorithm.hash(&[self.user, self.realm, self.password]);
        let second = self.algorithm.hash(&[self.method, self.uri]);
        match self.quality {
            Some((count, client, qop)) => {
                self.algorithm.hash(&[&first, self.nonce, count, client, qop, &second])
            }
            None => self.algorithm.hash(&[&first, self.nonce, &second]),
        }
    }
}

/// Equal, taking the same time wherever they differ.
fn same(one: &str, other: &str) -> bool {
    let differ = one.bytes().zip(other.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    core::hint::black_box(differ) == 0 && one.len() == other.len()
}

/// What credentials in a request are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The caller knows the password.
    Good,
    /// It knows it, but the nonce is old or its count was used: challenge again, `stale=true`.
    Stale,
    /// No credentials, or wrong ones.
    Bad,
}

/// Which counts of a nonce were used: the highest, and a bit for each of the 64 below it.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    highest: u32,
    used: u64,
}

impl Window {
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            let moved = count - self.highest;
            self.used = self.used.checked_shl(moved).unwrap_or(0);
            if let Some(before) = 1_u64.checked_shl(moved - 1).filter(|_| self.highest > 0) {
                self.used |= before;
            }
            self.highest = count;
            return true;
        }
        let Some(bit) = (self.highest - count).checked_sub(1).and_then(|below| 1_u64.checked_shl(below))
        else {
            return false;
        };
        let fresh = self.used & bit == 0 && count > 0;
        self.used |= bit;
        fresh
    }
}

/// The server's side.
#[derive(Debug, Default)]
pub struct Guard {
    issued: u64,
    seen: BTreeMap<(u64, u64), Window>,
    /// Nonces made before this, in milliseconds, are stale: their counts are forgotten.
    floor: u64,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Guard {
    /// The `WWW-Authenticate` values of a 401, the stronger first (RFC 8760 §2.4).
    pub fn challenge(&mut self, now: Duration, random: &Random, realm: &str, stale: bool) -> [String; 2] {
        self.issued += 1;
        let nonce = Self::nonce(random, millis(now), self.issued, realm);
        let stale = if stale { ", stale=true" } else { "" };
        let realm = realm.replace(['"', '\\'], "");
        [Algorithm::Sha256, Algorithm::Md5].map(|algorithm| {
            let name = algorithm.name();
            format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\", algorithm={name}{stale}")
        })
    }

    fn nonce(random: &Random, at: u64, number: u64, realm: &str) -> String {
        let mac = random.keyed(&[b"nonce", &at.to_be_bytes(), &number.to_be_bytes(), realm.as_bytes()]);
        format!("{at:016x}{number:016x}{}", hex(mac.get(..16).unwrap_or(&mac)))
    }

    /// Judges the Authorization headers of a request.
    pub fn judge(
        &mut self,
        now: Duration,
        random: &Random,
        request: &Message,
        wanted: &Credentials,
    ) -> Verdict {
        let all = request.all("authorization").filter_map(fields);
        let ours = all.filter(|fields| fields.get("realm") == Some(&wanted.realm)).take(2);
        let mut best = Verdict::Bad;
        for fields in ours {
            match self.judge_one(now, random, request.method(), &fields, wanted) {
                Some(Verdict::Good) => return Verdict::Good,
                Some(verdict) => best = verdict,
                None => {}
            }
        }
        best
    }

    fn judge_one(
        &mut self,
        now: Duration,
        random: &Random,
        method: &str,
        fields: &BTreeMap<String, String>,
        wanted: &Credentials,
    ) -> Option<Verdict> {
        let field = |name: &str| fields.get(name).map(String::as_str);
        let nonce = field("nonce")?;
        let at = u64::from_str_radix(nonce.get(..16)?, 16).ok()?;
        let number = u64::from_str_radix(nonce.get(16..32)?, 16).ok()?;
        let quality = match field("qop") {
            Some(qop) if qop.eq_ignore_ascii_case("auth") => Some((field("nc")?, field("cnonce")?, qop)),
            Some(_) => return None,
            None => None,
        };
        let hashed = Hashed {
            algorithm: Algorithm::parse(field("algorithm"))?,
            user: &wanted.user,
            realm: &wanted.realm,
            password: &wanted.password,
            method,
            uri: field("uri")?,
            nonce,
            quality,
        };
        let known = field("username") == Some(wanted.user.as_str());
        if !same(&hashed.response(), &field("response")?.to_ascii_lowercase()) || !known {
            return None;
        }
        let genuine = same(nonce, &Self::nonce(random, at, number, &wanted.realm));
        let fresh =
            at >= self.floor && millis(now).checked_sub(at).is_some_and(|age| age <= millis(NONCE_LIFE));
        if !genuine || !fresh {
            return Some(Verdict::Stale);
        }
        let count = quality.map_or(Some(1), |(count, ..)| u32::from_str_radix(count, 16).ok())?;
        Some(if self.take(now, (at, number), count) { Verdict::Good } else { Verdict::Stale })
    }

    /// Marks a count as used; false if it was.
    fn take(&mut self, now: Duration, nonce: (u64, u64), count: u32) -> bool {
        let oldest = millis(now.saturating_sub(NONCE_LIFE));
        self.seen = self.seen.split_off(&(oldest, 0));
        while self.seen.len() >= MOST_NONCES && !self.seen.contains_key(&nonce) {
            if let Some(((at, _), _)) = self.seen.pop_first() {
                self.floor = at.saturating_add(1);
            }
        }
        nonce.0 >= self.floor && self.seen.entry(nonce).or_default().take(count)
    }
}

/// The client's side: a challenge that was met, good for more requests.
#[derive(Clone, Debug)]
pub struct Login {
    credentials: Credentials,
    algorithm: Algorithm,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    quality: bool,
    proxy: bool,
    used: u32,
    client: String,
}

impl Login {
    /// Takes up the challenge of a 401 or 407, SHA-256 before MD5. `before` is what this same request tried already: where
    /// that was for the same realm and is not called stale, the password is wrong, and nothing is tried again.
    pub fn new(
        response: &Message,
        with: &Credentials,
        before: Option<&Self>,
        random: &mut Random,
    ) -> Option<Self> {
        let proxy = response.status() == 407;
        let name = if proxy { "proxy-authenticate" } else { "www-authenticate" };
        let challenges = response.all(name).filter_map(fields).take(8);
        let mut possible: Vec<Self> = challenges
            .filter_map(|fields| {
                let realm = fields.get("realm")?.clone();
                let qop = fields.get("qop");
                let quality = qop.is_some_and(|all| all.split(',').any(|one| one.trim() == "auth"));
                let stale = fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"));
                let tried = before.is_some_and(|before| before.proxy == proxy && before.realm == realm);
                let fits = (quality || qop.is_none()) && (with.realm.is_empty() || with.realm == realm);
                (fits && (stale || !tried)).then_some(())?;
                Some(Self {
                    credentials: with.clone(),
                    algorithm: Algorithm::parse(fields.get("algorithm").map(String::as_str))?,
                    realm,
                    nonce: fields.get("nonce")?.clone(),
                    opaque: fields.get("opaque").cloned(),
                    quality,
                    proxy,
                    used: 0,
                    client: random.name(),
                })
            })
            .collect();
        let strongest = possible.iter().position(|login| login.algorithm == Algorithm::Sha256).unwrap_or(0);
        (!possible.is_empty()).then(|| possible.swap_remove(strongest))
    }

    /// The header for the next request: its name and value.
    pub fn header(&mut self, method: &str, uri: &str) -> (&'static str, String) {
        self.used = self.used.saturating_add(1);
        let count = format!("{:08x}", self.used);
        let hashed = Hashed {
            algorithm: self.algorithm,
            user: &self.credentials.user,
            realm: &self.realm,
            password: &self.credentials.password,
            method,
            uri,
            nonce: &self.nonce,
            quality: self.quality.then_some((count.as_str(), self.client.as_str(), "auth")),
        };
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut value = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{}\", algorithm={}",
            quoted(&self.credentials.user),
            quoted(&self.realm),
            quoted(&self.nonce),
            quoted(uri),
            hashed.response(),
            self.algorithm.name(),
        );
        if self.quality {
            value += &format!(", qop=auth, nc={count}, cnonce=\"{}\"", self.client);
        }
        if let Some(opaque) = &self.opaque {
            value += &format!(", opaque=\"{}\"", quoted(opaque));
        }
        (if self.proxy { "proxy-authorization" } else { "authorization" }, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_own_examples() {
        // RFC 7616 §3.9.1.
        let with = |algorithm| Hashed {
            algorithm,
            user: "Mufasa",
            realm: "http-auth@example.org",
            password: "Circle of Life",
            method: "GET",
            uri: "/dir/index.html",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            quality: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth")),
        };
        assert_eq!(with(Algorithm::Md5).response(), "8ca523f5e9506fed4657c9700eebdbec");
        let sha = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
        assert_eq!(with(Algorithm::Sha256).response(), sha);
    }

    #[test]
    fn each_count_is_taken_once_in_any_near_order() {
        let mut window = Window::default();
        let taken: Vec<bool> =
            [1, 1, 3, 2, 2, 3, 70, 69, 5, 6, 71, 0].map(|count| window.take(count)).to_vec();
        let wanted = [true, false, true, true, false, false, true, true, false, true, true, false];
        assert_eq!(
            taken, wanted,
            "5 and 6 are 65 and 64 below 70: the first is out of sight, the second is not"
        );
        let mut window = Window::default();
        assert!(
            window.take(u32::MAX) && !window.take(u32::MAX) && window.take(u32::MAX - 1) && !window.take(1)
        );
    }

    #[test]
    fn comparing_looks_at_all_and_at_lengths() {
        assert!(
            same("abc", "abc") && !same("abc", "abd") && !same("abc", "ab") && !same("", "a") && same("", "")
        );
    }

    #[test]
    fn the_table_of_nonces_is_bounded_and_forgets_no_used_count() {
        let (mut guard, seconds) = (Guard::default(), Duration::from_secs(1));
        for number in 0..3_000_u64 {
            assert!(guard.take(seconds, (number, number), 1));
            assert!(guard.seen.len() <= MOST_NONCES);
        }
        for number in 0..3_000_u64 {
            assert!(!guard.take(seconds, (number, number), 1), "{number} is used or dead");
        }
    }
}
