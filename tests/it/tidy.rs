//! The house rules that a compiler does not check: who may import whom, sizes, module heads, licences.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Module → what it may import of ours (docs/architecture.md, "Who may import whom").
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("fax", &[]),
    ("t38", &["fax", "ops"]),
    ("decode", &["fax"]),
    ("enhance", &["fax"]),
    ("recognize", &["fax", "enhance"]),
    ("compose", &["fax"]),
    ("route", &["fax"]),
    ("ops", &["fax"]),
    ("store", &["fax", "ops"]),
    ("intake", &["fax", "decode", "store", "ops"]),
    ("worker", &["fax", "enhance", "recognize", "ops"]),
    ("deliver", &["fax", "ops"]),
    ("import", &["fax", "route"]),
    ("returns", &["fax", "deliver", "store", "ops"]),
    ("console", &["fax", "route", "deliver", "store", "ops"]),
    (
        "pipeline",
        &[
            "fax",
            "decode",
            "enhance",
            "recognize",
            "compose",
            "route",
            "deliver",
            "returns",
            "intake",
            "worker",
            "store",
            "ops",
        ],
    ),
    (
        "eval",
        &[
            "fax",
            "decode",
            "enhance",
            "recognize",
            "compose",
            "route",
            "deliver",
            "intake",
            "worker",
            "store",
            "ops",
            "pipeline",
        ],
    ),
    (
        "config",
        &[
            "fax",
            "decode",
            "enhance",
            "recognize",
            "compose",
            "route",
            "deliver",
            "returns",
            "console",
            "intake",
            "worker",
            "store",
            "t38",
            "ops",
        ],
    ),
];

/// These do without sockets, clocks, files and logs.
const PURE: &[&str] = &[
    "fax",
    "t38/sip",
    "t38/sdp",
    "t38/udptl",
    "t38/rtp",
    "t38/call",
    "decode",
    "enhance",
    "compose",
    "route",
    "import",
];
const NOT_IN_PURE: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net",
    "SystemTime::now",
    "Instant::now",
    "tracing::",
    "sqlx::",
    "std::process",
];

const MOST_LINES: usize = 800;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The top module that a file of `src/` belongs to: `decode` for `src/decode/t4/mod.rs`.
fn module_of(path: &Path) -> String {
    let below = path.strip_prefix(root().join("src")).unwrap();
    let first = below.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Names after `crate::` in code, comments left out; tests in the file count too.
fn imports(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in source.lines().map(|line| line.split("//").next().unwrap_or("")) {
        for rest in line.split("crate::").skip(1) {
            match rest.strip_prefix('{') {
                Some(group) => names.extend(
                    group
                        .split([',', '}'])
                        .filter_map(|part| part.trim().split("::").next())
                        .map(str::to_owned),
                ),
                None => {
                    names.extend(
                        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned),
                    );
                }
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn modules_import_only_what_stands_before_them_in_the_flow() {
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("src")) {
        let module = module_of(&path);
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else { continue };
        for import in imports(&std::fs::read_to_string(&path).unwrap()) {
            let known = MAY_IMPORT.iter().any(|(name, _)| *name == import);
            if known && import != module && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{} imports {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_looks_at_pixels_and_rules_does_no_input_or_output() {
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("src")) {
        let below = path.strip_prefix(root().join("src")).unwrap().with_extension("");
        if !PURE.iter().any(|folder| below.starts_with(folder)) {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap_or("");
        for forbidden in NOT_IN_PURE.iter().filter(|name| code.contains(**name)) {
            wrong.push(format!("{} uses {forbidden}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_and_none_is_too_long() {
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("src")) {
        let source = std::fs::read_to_string(&path).unwrap();
        let is_tests = path.file_name().is_some_and(|name| name == "tests.rs");
        if !source.starts_with("//!") && !is_tests {
            wrong.push(format!("{} has no //! head", path.display()));
        }
        if source.lines().count() > MOST_LINES {
            wrong.push(format!("{} has more than {MOST_LINES} lines", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Licences that fit an Apache-2.0 program. `MPL-2.0` is file-wise copyleft: linked unchanged.
const GOOD_LICENCES: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unlicense",
    "CC0-1.0",
    "0BSD",
    "Unicode-3.0",
    "BSL-1.0",
    "MPL-2.0",
    "CDLA-Permissive-2.0",
    "OpenSSL",
    "Apache-2.0 WITH LLVM-exception",
];

#[test]
fn every_dependency_has_a_licence_that_fits() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform"])
        .arg("x86_64-unknown-linux-gnu")
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50);
    let unfit: Vec<String> = packages
        .iter()
        .filter(|package| !fits(package["license"].as_str().unwrap_or("")))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(unfit.is_empty(), "{}", unfit.join("\n"));
}

/// True if an SPDX expression can be met by the good ones: each `AND` part by some `OR` part.
fn fits(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    expression
        .split(" AND ")
        .all(|part| part.split(" OR ").any(|licence| GOOD_LICENCES.contains(&licence.trim())))
}

#[test]
fn the_licence_reader_can_say_no() {
    assert!(fits("MIT OR GPL-3.0-only"));
    assert!(fits("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(!fits("GPL-3.0-only"));
    assert!(!fits("MIT AND GPL-2.0-only"));
    assert!(!fits(""));
}
