//! Whole TIFF files: walking, every tag, every page. `cargo +nightly fuzz run tiff`.
#![no_main]

use faxgate::decode::{Limits, open, tiff};
use faxgate::fax::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Small pages: the fuzzer should look for wrong steps, not for slow ones.
    let limits = Limits { pages: 8, width: 5_000, rows: 3_000, bytes: 1 << 20, pixels: 4_000_000 };
    if let Ok(walk) = tiff::walk(bytes) {
        for ifd in &walk.ifds {
            let _ = (ifd.strips(), ifd.image_description(), ifd.page_number(), ifd.x_resolution());
        }
    }
    if let Ok(opened) = open(bytes, Format::Tiff, &limits) {
        for index in 0..opened.page_count() {
            if let Ok(page) = opened.page(index) {
                let (width, height) = page.raster.size();
                assert!(width > 0 && height > 0 && u64::from(width) * u64::from(height) <= limits.pixels);
            }
        }
    }
});
