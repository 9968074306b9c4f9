//! Arguments → role → exit code; nothing else.

fn main() {}
