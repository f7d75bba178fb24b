//! What a file is, by its content.

use image::ImageFormat;

use super::ReferenceError;

/// The kind of a file that is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Bmp,
    /// HEIC, HEIF or AVIF.
    Heif(&'static str),
    Jpeg,
    Jxl,
    Tiff,
    /// What the crate `image` reads.
    Other(ImageFormat),
}

/// Says what a file is, and refuses by its name what is known but not read.
pub(super) fn kind(file: &[u8]) -> Result<Kind, ReferenceError> {
    match name(file) {
        Some(name @ (AVIF | HEIC | HEIF)) => return Ok(Kind::Heif(name)),
        Some(FILM) => return Err(ReferenceError::Film),
        Some(name) => return Err(ReferenceError::Unsupported(name.into())),
        None => {}
    }
    // The container, and what may stand without it.
    if file.starts_with(b"\0\0\0\x0CJXL \r\n\x87\n") || file.starts_with(b"\xFF\x0A") {
        return Ok(Kind::Jxl);
    }
    // BigTIFF, which `image` doesn't know.
    if file.starts_with(b"II\x2B\0") || file.starts_with(b"MM\0\x2B") {
        return Ok(Kind::Tiff);
    }
    match image::guess_format(file) {
        Ok(ImageFormat::Bmp) => Ok(Kind::Bmp),
        Ok(ImageFormat::Jpeg) => Ok(Kind::Jpeg),
        Ok(ImageFormat::Tiff) => Ok(Kind::Tiff),
        Ok(format) if format.reading_enabled() => Ok(Kind::Other(format)),
        Ok(format) => Err(ReferenceError::Unsupported(format!("{format:?}"))),
        Err(_) if is_tga(file) => Err(ReferenceError::Unsupported("TGA".into())),
        Err(_) if is_transport_stream(file) => Err(ReferenceError::Film),
        Err(_) => Err(ReferenceError::UnknownFormat),
    }
}

/// Whether a file is of a kind of picture that is known, but not read, or only by a feature.
#[cfg(feature = "plugin")]
pub(crate) fn is_named_picture(file: &[u8]) -> bool {
    name(file).is_some_and(|name| name != FILM)
}

/// The name of a kind that is not read, or only by a feature.
fn name(file: &[u8]) -> Option<&'static str> {
    /// The bytes that a file of a kind has at some place.
    const SIGNATURES: &[(usize, &[u8], &str)] = &[
        (0, b"\0\0\0\x0CjP  \r\n\x87\n", JPEG_2000),
        (0, b"\xFF\x4F\xFF\x51", JPEG_2000),
        (0, b"8BPS", "PSD, of Photoshop"),
        (0, b"gimp xcf", "XCF, of GIMP"),
        (0, b"PF\n", "PFM"),
        (0, b"Pf\n", "PFM"),
        (0, b"\0\0\x01\0", "ICO"),
        (0, b"DDS ", "DDS"),
        (0, b"\x76\x2F\x31\x01", "OpenEXR"),
        (0, b"#?RADIANCE", "Radiance HDR"),
        (0, b"#?RGBE", "Radiance HDR"),
        (0, b"farbfeld", "farbfeld"),
        (0, b"II\xBC\x01", "JPEG XR"),
        (0, b"BPG\xFB", "BPG"),
        (0, b"FLIF", "FLIF"),
        (0, b"SIMPLE  =", "FITS"),
        (0, b"SDPX", "DPX"),
        (0, b"XPDS", "DPX"),
        (0, b"icns", "ICNS"),
        (8, b"ILBM", "IFF"),
        (0, b"\x59\xA6\x6A\x95", "Sun raster"),
        (0, b"\x01\xDA", "SGI"),
        (0, b"/* XPM */", "XPM"),
        (0, b"%PDF", "PDF"),
        (0, b"%!PS", "PostScript"),
        (0, b"FUJIFILMCCD-RAW", "a raw picture of a camera"),
        (8, b"CR\x02\0", "a raw picture of a camera"),
        (0, b"\x1A\x45\xDF\xA3", FILM),
        (8, b"AVI ", FILM),
        (0, b"OggS", FILM),
        (0, b"FLV\x01", FILM),
        (0, b"\0\0\x01\xBA", FILM),
        (0, b"\0\0\x01\xB3", FILM),
        (0, b"\x30\x26\xB2\x75\x8E\x66\xCF\x11", FILM),
        (0, b"\x06\x0E\x2B\x34\x02\x05\x01\x01", FILM),
        (0, b"YUV4MPEG2 ", FILM),
    ];
    let is_there = |&&(at, bytes, _): &&(usize, &[u8], _)| {
        file.get(at..).is_some_and(|rest| rest.starts_with(bytes))
    };
    let by_signature = SIGNATURES.iter().find(is_there).map(|&(_, _, name)| name);
    by_signature
        .or_else(|| name_by_boxes(file))
        .or_else(|| is_svg(file).then_some("SVG"))
        .or_else(|| is_pcx(file).then_some("PCX"))
}

/// Or a file of sound.
const FILM: &str = "a film";

const AVIF: &str = "AVIF";
const HEIC: &str = "HEIC";
const HEIF: &str = "HEIF";

// The crate `hayro-jpeg2000` 0.5.0 takes 3.5 GB for some file of 324 bytes, and can't be stopped. What converts it is
// in Debian's package `libopenjp2-tools`.
const JPEG_2000: &str = "JPEG 2000, of which 'opj_decompress -i FILE -o REF.png' makes a PNG";

/// The name of a file of the ISO base media file format, or of QuickTime, which is made of boxes.
fn name_by_boxes(mut file: &[u8]) -> Option<&'static str> {
    loop {
        let (size, rest) = file.split_first_chunk()?;
        let (kind, content) = rest.split_first_chunk()?;
        let size = u32::from_be_bytes(*size) as usize;
        match kind {
            b"ftyp" => return Some(name_by_brands(size, content)),
            b"moov" | b"mdat" | b"pnot" => return Some(FILM),
            // What may stand before these.
            b"free" | b"skip" | b"uuid" | b"wide" => file = file.get(size.max(8)..)?,
            _ => return None,
        }
    }
}

/// The name by what stands in the box of the brands (4.3), of some size with its head.
fn name_by_brands(size: usize, brands: &[u8]) -> &'static str {
    let size = size.saturating_sub(8).clamp(4, 256);
    // Behind the first one is a version.
    let mut brands = brands[..size.min(brands.len())].as_chunks::<4>().0.iter();
    let name = |brand: &[u8; 4]| match brand {
        b"avif" | b"avis" => Some(AVIF),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Some(HEIC),
        b"jp2 " | b"jpx " | b"jpm " => Some(JPEG_2000),
        b"crx " => Some("a raw picture of a camera"),
        _ => None,
    };
    let is_heif = |brand: &[u8; 4]| matches!(brand, b"mif1" | b"msf1" | b"mif2" | b"miaf");
    let other = if brands.clone().any(is_heif) { HEIF } else { FILM };
    brands.find_map(name).unwrap_or(other)
}

/// Whether it is XML whose first element is a vector graphic.
fn is_svg(file: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&file[..file.len().min(4096)]);
    let start = start.trim_start_matches('\u{FEFF}').trim_start();
    start.starts_with('<') && start.contains("<svg")
}

/// PCX has but four bytes that say what it is: version, run lengths, and bits.
fn is_pcx(file: &[u8]) -> bool {
    matches!(file, [0x0A, 0 | 2..=5, 1, 1 | 2 | 4 | 8, ..])
}

/// TGA has nothing that says what it is but, in its second version, the end.
fn is_tga(file: &[u8]) -> bool {
    if file.ends_with(b"TRUEVISION-XFILE.\0") {
        return true;
    }
    let Some(&[_, map, kind, _, _, _, _, map_bits, .., bits, flags]) = file.first_chunk::<18>()
    else {
        return false;
    };
    let has_map = matches!((map, kind, map_bits), (1, 1 | 9, 15 | 16 | 24 | 32));
    (has_map || matches!((map, kind), (0, 2 | 3 | 10 | 11)))
        && matches!(bits, 8 | 15 | 16 | 24 | 32)
        && flags & 0xC0 == 0
}

/// MPEG-TS has packets of 188 bytes, or of 192 with a time before each, all of which begin alike.
fn is_transport_stream(file: &[u8]) -> bool {
    let begins = |at: usize| file.get(at) == Some(&0x47);
    [(0, 188), (4, 192)].into_iter().any(|(first, size)| (0..3).all(|i| begins(first + i * size)))
}
