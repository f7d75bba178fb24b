//! A JPEG whose rows are known, so that what is cut off is known, too.

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageBuffer, Luma};

/// The levels of 32 rows of blocks, each 8 high, which the encoder gives back as they are.
pub fn levels() -> [u8; 32] {
    std::array::from_fn(|row| 8 * row as u8 + 3)
}

/// A grey JPEG of them, 16 x 256 pixels.
pub fn of_rows() -> Vec<u8> {
    let levels = levels();
    let picture = ImageBuffer::from_fn(16, 256, |_, y| Luma([levels[y as usize / 8]]));
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 100);
    encoder.encode_image(&DynamicImage::from(picture)).expect("a JPEG");
    file
}

/// The same without the data of its last row of blocks.
pub fn cut_off() -> Vec<u8> {
    let mut file = of_rows();
    file.truncate(file.len() - 5);
    file
}
