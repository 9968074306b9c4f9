//! Arguments → role → exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    faxgate::cli::main()
}
