//! Structured logs on standard error: ids, codes, counts, durations; never fax content, never full numbers.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::LogFormat;

/// Starts logging for this process. `FAXGATE_LOG` overrides the level (`info` unless told; `warn` on the
/// command line, where progress bars and tables speak instead).
pub fn start(format: LogFormat, default_level: &str) {
    let filter = EnvFilter::try_from_env("FAXGATE_LOG").unwrap_or_else(|_| EnvFilter::new(default_level));
    // Colours are for terminals: in a journal or a file they are rubbish.
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // A second start (in tests) leaves the first in force.
    let _ = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
