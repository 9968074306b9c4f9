//! mgetty's raw pages and the page bundle. `cargo +nightly fuzz run raw_g3`.
#![no_main]

use faxgate::decode::{Limits, raw_g3};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { pages: 8, width: 5_000, rows: 3_000, bytes: 1 << 20, pixels: 4_000_000 };
    let _ = raw_g3::ends_with_rtc(bytes);
    if let Ok(page) = raw_g3::page("fn3b6a2f1S0.01", bytes, &limits) {
        assert!(page.raster.size().1 > 0);
    }
    if let Ok(pages) = raw_g3::unbundle(bytes, &limits) {
        let owned: Vec<(String, Vec<u8>)> =
            pages.iter().map(|page| (page.name.to_owned(), page.data.to_vec())).collect();
        assert_eq!(raw_g3::bundle(&owned), bytes, "a bundle has one form");
    }
});
