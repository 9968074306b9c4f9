//! `[returns]` of `faxgate.toml`: by which doors mail comes back.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use toml_span::Span;

use super::codes;
use super::sheet::Note;
use super::table::Reader;
use crate::returns::{Listen, Settings};

/// Longest path of a socket (`sun_path` of unix(7), with its closing zero).
const SOCKET_PATH_MOST: usize = 107;

/// Reads `[returns]`.
pub(super) fn read(mut table: Reader<'_>) -> Settings {
    let named = table.has("maildir") || table.has("lmtp");
    let maildir = table.folder("maildir").map(|path| {
        if path.value.is_dir() {
            // Mails are moved from the one to the other.
            for part in ["new", "cur"] {
                writable(&table, "maildir", &path.value.join(part), path.span);
            }
        }
        path.value
    });
    let lmtp = lmtp(&mut table);
    if !named {
        let note = Note::error(codes::RETURNS_NONE, "[returns] names no way by which mail comes back");
        table.sheet().note(table.head(), note.help("set `lmtp`, `maildir` or both"));
    }
    table.finish();
    Settings { lmtp, maildir }
}

/// Warns where the one who asks cannot make files. Nothing is tried: a check changes nothing.
fn writable(table: &Reader<'_>, key: &str, folder: &Path, at: Span) {
    let message = match rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) if folder.is_dir() => return,
        Err(rustix::io::Errno::NOENT) | Ok(()) => format!("`{key}`: there is no folder {}", folder.display()),
        Err(error) => format!("`{key}`: nothing can be written into {}: {error}", folder.display()),
    };
    let note = Note::warning(codes::PATH_MISSING, message)
        .help("systemd makes /run/faxgate when the gateway starts, and lets it write there")
        .help("any other folder must belong to the gateway's user and stand in the unit's ReadWritePaths");
    table.sheet().note(at, note);
}

fn lmtp(table: &mut Reader<'_>) -> Option<Listen> {
    let text = table.text("lmtp")?;
    let wrong = |message: String| {
        let note = Note::error(codes::VALUE_FORM, message);
        let help =
            "expected \"unix:/run/faxgate/lmtp\" or an address of this machine such as \"127.0.0.1:10024\"";
        table.sheet().note(text.span, note.help(help));
    };
    if let Some(path) = text.value.strip_prefix("unix:") {
        let path: PathBuf = table.sheet().path(path);
        if path.as_os_str().len() > SOCKET_PATH_MOST || path.file_name().is_none() {
            wrong(format!("`lmtp`: the path of a socket has 1 to {SOCKET_PATH_MOST} bytes"));
            return None;
        }
        if let Some(folder) = path.parent() {
            writable(table, "lmtp", folder, text.span);
        }
        return Some(Listen::Unix(path));
    }
    let Ok(address) = text.value.parse::<SocketAddr>() else {
        wrong("`lmtp` is neither a socket nor an address with a port".to_owned());
        return None;
    };
    if !address.ip().is_loopback() {
        let note = Note::error(codes::RETURNS_OPEN, format!("`lmtp` would listen to others on {address}"))
            .help("LMTP knows no login: anybody who reaches it can hand in bounces and replies (RFC 2033 §5)")
            .help("let the mail server on this machine take the mail, and listen on 127.0.0.1 or a socket");
        table.sheet().note(text.span, note);
        return None;
    }
    Some(Listen::Tcp(address))
}
