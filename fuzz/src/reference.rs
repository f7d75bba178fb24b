//! Any bytes are a picture or a clear error.

use std::io::Cursor;

use gsthistomatch::color::{Channels, Encoding, LumaWeights, Range};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::reference::Reference;
use image::ImageReader;

/// Pictures that claim more pixels are left out: they take time and memory, but no other code.
const MAX_PIXELS: u64 = 1 << 18;

/// What metadata may take while the size is read, as in the loader.
const MAX_METADATA_BYTES: u64 = 64 << 20;

/// Reads bytes as a picture file, and takes its distributions.
pub fn reference(file: &[u8]) {
    if claimed_pixels(file).is_some_and(|pixels| pixels > MAX_PIXELS) {
        return;
    }
    let reference = match Reference::decode(file) {
        Ok(reference) => reference,
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("; "), "what to do is missing: {text}");
            assert!(!text.contains(char::is_control) && text.len() < 1000, "{text:?}");
            return;
        }
    };
    let channels = channels(file.len());
    let cdfs = reference.cdfs(&channels);
    assert_eq!(cdfs.len(), channels.depths.len());
    for (cdf, depth) in cdfs.iter().zip(&channels.depths) {
        assert_eq!(cdf.counts().len(), 1 << depth);
        assert!(cdf.counts().is_sorted() && cdf.total() > 0);
    }
}

/// The pixels that a file says it has, if a decoder can be made for it.
fn claimed_pixels(file: &[u8]) -> Option<u64> {
    std::panic::catch_unwind(|| {
        let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format().ok()?;
        let mut limits = image::Limits::no_limits();
        limits.max_alloc = Some(MAX_METADATA_BYTES);
        reader.limits(limits);
        let (width, height) = reader.into_dimensions().ok()?;
        Some(u64::from(width) * u64::from(height))
    })
    .ok()?
}

fn channels(choice: usize) -> Channels {
    let (weights, limited) = (LumaWeights::BT709, Range::Limited);
    let (encoding, depths) = match choice % 5 {
        0 => (Encoding::Rgb(Range::Full), vec![8; 3]),
        1 => (Encoding::Rgb(Range::Full), vec![5, 6, 5]),
        2 => (Encoding::YCbCr(weights, limited), vec![10; 3]),
        3 => (Encoding::YCbCr(LumaWeights::BT601, Range::Full), vec![8; 3]),
        _ => (Encoding::Luma(weights, limited), vec![16]),
    };
    let codes = [(1, 1), (9, 14), (12, 13), (9, 16), (9, 18), (1, 8)];
    let (primaries, transfer) = codes[choice / 5 % codes.len()];
    let colorimetry = Colorimetry::from_codes(primaries, transfer).expect("known ones");
    Channels { encoding, depths, colorimetry }
}
