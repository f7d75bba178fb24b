//! Pictures with colour profiles, which count in their colours: as double precision says, from the
//! definitions, or littlecms.

use super::*;

use crate::common::icc::{self, Chromaticities, Curve, Icc, Table};
use crate::common::{Complaint, Rig, media, png};
use image::ImageEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::WebPEncoder;

/// How far a sample of 8 bits may be from what is right, in levels: rounding, and what the steps in
/// between lose.
const ROUNDING: f64 = 0.55;

/// Colours on a grid of so many levels a channel.
pub(super) fn grid(n: u32) -> Vec<[f64; 3]> {
    let level = move |i: u32| f64::from(i) / f64::from(n - 1);
    (0..n.pow(3)).map(|i| [i / n / n, i / n % n, i % n].map(level)).collect()
}

/// A picture of colours, in 8 bits or 16, and what they are then.
pub(super) fn picture_of(colors: &[[f64; 3]], bits: u32) -> (DynamicImage, Vec<[f64; 3]>) {
    let full = f64::from((1_u32 << bits) - 1);
    let levels: Vec<u16> =
        colors.as_flattened().iter().map(|part| (part * full).round() as u16).collect();
    let stored: Vec<f64> = levels.iter().map(|&level| f64::from(level) / full).collect();
    let (width, height) = (colors.len() as u32, 1);
    let picture = match bits {
        8 => {
            let bytes = levels.iter().map(|&level| level as u8).collect();
            ImageBuffer::<Rgb<u8>, _>::from_raw(width, height, bytes).expect("pixels").into()
        }
        _ => ImageBuffer::<Rgb<u16>, _>::from_raw(width, height, levels).expect("pixels").into(),
    };
    (picture, stored.as_chunks().0.to_vec())
}

pub(super) fn with_png(picture: &DynamicImage, profile: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file);
    encoder.set_icc_profile(profile.to_vec()).expect("it has a place for it");
    picture.write_with_encoder(encoder).expect("written");
    file
}

/// The levels of a reference of one channel, sorted: 8 bits for each, or 16.
fn levels(reference: &Reference) -> [Vec<f64>; 3] {
    let depth = reference.depth();
    let channels = Channels {
        encoding: Encoding::Rgb(Range::Full),
        depths: vec![depth; 3],
        colorimetry: Colorimetry::SRGB,
    };
    let full = f64::from((1_u32 << depth) - 1);
    let cdfs = reference.cdfs(&channels);
    [0, 1, 2].map(|channel| {
        let mut levels = Vec::new();
        for (level, &count) in cdfs[channel].counts().iter().enumerate() {
            levels.resize(count as usize, level as f64 / full);
        }
        levels
    })
}

/// How far a reference is from colours, in levels of 8 bits, at most.
#[track_caller]
fn furthest_from(reference: &Reference, colors: &[[f64; 3]], what: &str) -> f64 {
    let mut most = 0_f64;
    for (channel, found) in levels(reference).into_iter().enumerate() {
        let mut expected: Vec<f64> = colors.iter().map(|color| color[channel]).collect();
        expected.sort_by(f64::total_cmp);
        assert_eq!(found.len(), expected.len(), "{what}");
        for (found, expected) in found.iter().zip(expected) {
            most = most.max((found - expected).abs() * 255.);
        }
    }
    most
}

#[track_caller]
fn reference(file: &[u8], what: &str) -> Reference {
    let reference = Reference::decode(file).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(reference.profile_fault(), None, "{what}");
    reference
}

const SPACES: [(&str, Chromaticities, Curve); 6] = [
    ("Display P3", icc::DISPLAY_P3, Curve::Srgb),
    ("Adobe RGB", icc::ADOBE_RGB, Curve::Gamma(2.19921875)),
    ("Generic RGB", icc::GENERIC_RGB, Curve::Gamma(1.8)),
    ("ProPhoto", icc::PRO_PHOTO, Curve::Gamma(1.8)),
    ("linear", icc::SRGB, Curve::Linear),
    ("BT.2020, linear", icc::BT_2020, Curve::Linear),
];

#[test]
fn f161_pictures_in_other_primaries_and_curves_count_in_srgb() {
    for (name, chromaticities, curve) in &SPACES {
        for (version, bits) in [(2, 8), (4, 8), (2, 16), (4, 16)] {
            let what = format!("{name} {version} {bits}");
            let (picture, colors) = picture_of(&grid(13), bits);
            let profile = Icc::rgb(version, *chromaticities, curve).file();
            let reference = reference(&with_png(&picture, &profile), &what);
            assert_eq!(reference.depth(), bits, "{what}");
            let right: Vec<_> =
                colors.iter().map(|&color| icc::in_srgb(*chromaticities, curve, color)).collect();
            let most = furthest_from(&reference, &right, &what);
            // In 16 bits, dark levels are as far apart as light is in 16 bits.
            assert!(most < if bits == 8 { ROUNDING } else { 0.04 }, "{what}: {most}");
            // One pixel alone is not sorted.
            for &color in colors.iter().step_by(211) {
                let (picture, stored) = picture_of(&[color], bits);
                let reference = Reference::decode(&with_png(&picture, &profile)).expect(&what);
                let right = icc::in_srgb(*chromaticities, curve, stored[0]);
                let most = furthest_from(&reference, &[right], &what);
                assert!(most < ROUNDING, "{what}: {color:?} {most}");
            }
        }
    }
}

/// As phones write it: the mean of each channel, which is far from that of the samples.
#[test]
fn f148_a_picture_in_display_p3() {
    let color = [230, 77, 51].map(|level| f64::from(level) / 255.);
    let (picture, _) = picture_of(&[color; 12], 8);
    let profile = Icc::rgb(4, icc::DISPLAY_P3, &Curve::Srgb).file();
    // By hand, with the matrix of both primaries.
    let file = with_png(&picture, &profile);
    let found = levels(&reference(&file, "Display P3")).map(|levels| levels[0] * 255.);
    assert_eq!(found.map(f64::round), [250., 59., 33.]);
}

/// A JPEG with a profile in pieces of some size; their order is turned.
fn with_jpeg(jpeg: &[u8], profile: &[u8], piece: usize) -> Vec<u8> {
    let pieces: Vec<_> = profile.chunks(piece).collect();
    let mut segments = Vec::new();
    for (i, piece) in pieces.iter().enumerate().rev() {
        let name = [b"ICC_PROFILE\0".as_slice(), &[i as u8 + 1, pieces.len() as u8]].concat();
        segments.extend([0xFF, 0xE2]);
        segments.extend((name.len() as u16 + piece.len() as u16 + 2).to_be_bytes());
        segments.extend([&name, *piece].concat());
    }
    [&jpeg[..2], &segments, &jpeg[2..]].concat()
}

/// A BMP of the fifth version whose colours are of some space, with a profile behind its pixels.
fn with_bmp(picture: &DynamicImage, space: &[u8; 4], profile: &[u8]) -> Vec<u8> {
    let rgb = picture.to_rgb8();
    let row = (rgb.width() as usize * 3).next_multiple_of(4);
    let size = row * rgb.height() as usize;
    let mut file = b"BM".to_vec();
    let offset = 14 + 124;
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let words = [
        &[offset + size + profile.len(), 0, offset][..],
        &[124, width, height, 1 | 24 << 16, 0, size],
        &[0; 4],
        // Masks, which have no meaning here.
        &[0; 4],
        &[u32::from_be_bytes(*space) as usize],
        &[0; 12],
        &[0, 124 + size, profile.len(), 0],
    ];
    file.extend(words.concat().into_iter().flat_map(|word| (word as u32).to_le_bytes()));
    assert_eq!(file.len(), offset);
    for pixels in rgb.rows().rev() {
        let start = file.len();
        file.extend(pixels.flat_map(|Rgb([r, g, b])| [*b, *g, *r]));
        file.resize(start + row, 0);
    }
    file.extend(profile);
    file
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut file, format).expect("written");
    file.into_inner()
}

/// The same samples with the same profile, in every kind of file that has a place for it.
fn with_every_kind(picture: &DynamicImage, profile: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let workshop = Workshop::new();
    let png = with_png(picture, profile);
    let jxl = workshop.jxl(&["-d", "0"], &workshop.write("in.png", &png));
    let mut webp = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut webp);
    encoder.set_icc_profile(profile.to_vec()).expect("it has a place for it");
    picture.write_with_encoder(encoder).expect("written");
    let mut tiff = std::io::Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut tiff);
    encoder.set_icc_profile(profile.to_vec()).expect("it has a place for it");
    picture.write_with_encoder(encoder).expect("written");
    let bmp = with_bmp(picture, b"MBED", profile);
    vec![("PNG", png), ("JXL", jxl), ("WebP", webp), ("TIFF", tiff.into_inner()), ("BMP", bmp)]
}

#[test]
fn f162_every_kind_of_file_has_its_profile_read() {
    let (picture, colors) = picture_of(&grid(7), 8);
    let profile = Icc::rgb(4, icc::DISPLAY_P3, &Curve::Srgb).file();
    let right: Vec<_> =
        colors.iter().map(|&color| icc::in_srgb(icc::DISPLAY_P3, &Curve::Srgb, color)).collect();
    for (kind, file) in with_every_kind(&picture, &profile) {
        let most = furthest_from(&reference(&file, kind), &right, kind);
        assert!(most < ROUNDING, "{kind}: {most}");
    }
    // With loss, the samples are those of the file without a profile.
    let jpeg = encoded(&DynamicImage::from(soft(64, 48)), ImageFormat::Jpeg);
    let read = super::picture(&jpeg, "without a profile").to_rgb8();
    let right: Vec<_> = read
        .pixels()
        .map(|pixel| {
            icc::in_srgb(icc::DISPLAY_P3, &Curve::Srgb, pixel.0.map(|part| f64::from(part) / 255.))
        })
        .collect();
    for piece in [65519, 100, 7] {
        let what = format!("JPEG in pieces of {piece}");
        let most =
            furthest_from(&reference(&with_jpeg(&jpeg, &profile, piece), &what), &right, &what);
        assert!(most < ROUNDING, "{what}: {most}");
    }
    // And what JPEG XL says without a profile.
    let workshop = Workshop::new();
    let (picture, colors) = picture_of(&grid(7), 16);
    let png = workshop.png(&picture);
    for (space, chromaticities, curve) in [
        ("RGB_D65_202_Rel_Lin", icc::BT_2020, Curve::Linear),
        ("RGB_D65_DCI_Rel_SRG", icc::DISPLAY_P3, Curve::Srgb),
        ("RGB_D65_SRG_Rel_SRG", icc::SRGB, Curve::Srgb),
        // The curve of video counts as that of sRGB.
        ("RGB_D65_SRG_Rel_709", icc::SRGB, Curve::Srgb),
    ] {
        let jxl = workshop.jxl(&["-d", "0", "-x", &format!("color_space={space}")], &png);
        let right: Vec<_> =
            colors.iter().map(|&color| icc::in_srgb(chromaticities, &curve, color)).collect();
        let most = furthest_from(&reference(&jxl, space), &right, space);
        // libjxl rounds what it writes into its profile.
        assert!(most < 0.25, "{space}: {most}");
    }
}

#[test]
fn f163_grey_pictures_count_by_profiles_of_grey_and_of_rgb() {
    for bits in [8, 16] {
        let greys: Vec<[f64; 3]> = (0..=255).map(|level| [f64::from(level) / 255.; 3]).collect();
        let (picture, colors) = picture_of(&greys, bits);
        let picture = match bits {
            8 => DynamicImage::from(picture.to_luma8()),
            _ => picture.to_luma16().into(),
        };
        for curve in [Curve::Gamma(1.8), Curve::Gamma(2.2), Curve::Linear, Curve::srgb_table(77)] {
            for profile in [Icc::grey(&curve), Icc::rgb(2, icc::ADOBE_RGB, &curve)] {
                let what = format!("{bits} {curve:?}");
                let reference = reference(&with_png(&picture, &profile.file()), &what);
                let light = |color: &[f64; 3]| color.map(|part| curve.light(part));
                let right: Vec<_> =
                    colors.iter().map(|color| light(color).map(icc::srgb_of_light)).collect();
                let most = furthest_from(&reference, &right, &what);
                assert!(most < if bits == 8 { ROUNDING } else { 0.1 }, "{what}: {most}");
            }
        }
    }
}

#[test]
fn f163_cmyk_counts_by_its_profile() {
    let read = |name: &str| fs::read(data(name)).expect("it can be read");
    let profile = read("cmyk.icc");
    let bytes = read("cmyk_in_srgb.rgb");
    let right = bytes.as_chunks().0.iter();
    let right: Vec<_> = right.map(|rgb: &[u8; 3]| rgb.map(|part| f64::from(part) / 255.)).collect();
    let levels = [0_u64, 64, 128, 200, 255];
    let inks: Vec<u64> = (0..625)
        .flat_map(|i| [i / 125, i / 25 % 5, i / 5 % 5, i % 5].map(|i: usize| levels[i]))
        .collect();
    let value = |bytes: &[u8]| {
        bytes.as_chunks().0.iter().map(|&pair| u32::from(u16::from_le_bytes(pair))).collect()
    };
    let mut profile_of_pairs = profile.clone();
    profile_of_pairs.resize(profile.len().next_multiple_of(2), 0);
    for (what, bits, planar) in [("8 bits", 8, false), ("planes", 8, true), ("16 bits", 16, false)]
    {
        let tiff = Tiff {
            width: 25,
            height: 25,
            n_samples: 4,
            bits,
            photometric: 5,
            is_planar: planar,
            // Of another kind than it should be, but with the same bytes.
            tags: vec![(34675, value(&profile_of_pairs))],
            ..Tiff::default()
        };
        let samples: Vec<u64> =
            inks.iter().map(|ink| if bits == 8 { *ink } else { ink * 257 }).collect();
        let reference = reference(&tiff.file(&samples), what);
        let most = furthest_from(&reference, &right, what);
        // Its tables are sampled anew, at 17 places a channel.
        assert!(most < 4., "{what}: {most}");
    }
    // Lossy, and stored inverted: the same colours by TIFF and by JPEG.
    let tiff = read("cmyk.tif");
    let plain = Reference::decode(&tiff).expect("a picture");
    let jpeg = with_jpeg(&read("cmyk.jpg"), &profile, 4000);
    let without = furthest_of(&Reference::decode(&read("cmyk.jpg")).expect("a picture"), &plain);
    let mut with = tiff_with_profile(&tiff, &profile);
    let with_tiff = reference(&with, "cmyk.tif");
    let with_jpeg = reference(&jpeg, "cmyk.jpg");
    let apart = furthest_of(&with_jpeg, &with_tiff);
    assert!(apart < 2. * without + 3., "{apart} {without}");
    // It makes a difference.
    assert!(furthest_of(&plain, &with_tiff) > 20.);
    // One of R'G'B' doesn't fit.
    with = tiff_with_profile(&tiff, &Icc::rgb(2, icc::DISPLAY_P3, &Curve::Srgb).file());
    let unfit = Reference::decode(&with).expect("a picture");
    assert_eq!(unfit.profile_fault(), Some("it is of R'G'B', and the picture is in CMYK"));
    assert_eq!(furthest_of(&unfit, &plain), 0.);
}

fn furthest_of(a: &Reference, b: &Reference) -> f64 {
    let pairs = levels(a).into_iter().zip(levels(b));
    pairs
        .flat_map(|(a, b)| a.into_iter().zip(b))
        .fold(0., |most: f64, (a, b)| most.max((a - b).abs() * 255.))
}

/// A TIFF of Pillow's, little-endian, with one more tag: its directory is copied to the end.
fn tiff_with_profile(tiff: &[u8], profile: &[u8]) -> Vec<u8> {
    let mut file = tiff.to_vec();
    let word = |bytes: &[u8]| u32::from_le_bytes(*bytes.first_chunk().expect("a number"));
    assert_eq!(&file[..4], b"II*\0");
    let directory = word(&file[4..]) as usize;
    let n = usize::from(u16::from_le_bytes([file[directory], file[directory + 1]]));
    let entries = file[directory + 2..directory + 2 + 12 * n].to_vec();
    file.resize(file.len().next_multiple_of(2), 0);
    let at = file.len() as u32;
    file.extend(profile);
    file.resize(file.len().next_multiple_of(2), 0);
    let directory = file.len() as u32;
    file[4..8].copy_from_slice(&directory.to_le_bytes());
    file.extend((n as u16 + 1).to_le_bytes());
    file.extend(entries);
    file.extend(34675_u16.to_le_bytes());
    file.extend(7_u16.to_le_bytes());
    file.extend((profile.len() as u32).to_le_bytes());
    file.extend(at.to_le_bytes());
    file.extend([0; 4]);
    file
}

#[test]
fn f164_profiles_of_tables_count() {
    // As far as L* goes; so the way between two nodes is straight in it.
    let lab = |[r, g, b]: [f64; 3]| {
        [100. * (0.3 * r + 0.5 * g + 0.2 * b), 30. * (r - g), 30. * (0.5 * (r + g) - b)]
    };
    let (picture, colors) = picture_of(&grid(9), 16);
    let right: Vec<_> = colors.iter().map(|&color| icc::lab_in_srgb(lab(color))).collect();
    for (kind, version) in
        [(Table::Lut8, 2), (Table::Lut8, 4), (Table::Lut16, 2), (Table::Lut16, 4), (Table::Ab, 4)]
    {
        let what = format!("{kind:?} {version}");
        let table = icc::table(kind, 17, lab);
        let file = with_png(&picture, &Icc::table(version, *b"RGB ", table).file());
        let most = furthest_from(&reference(&file, &what), &right, &what);
        // A step of 8 bits in a* and b* is more than one in sRGB.
        assert!(most < if kind == Table::Lut8 { 3.5 } else { 1. }, "{what}: {most}");
    }
}

#[test]
fn f165_profiles_of_srgb_change_no_byte() {
    let of_media = |name: &str| {
        let mut decoder =
            image::ImageReader::open(media(name)).expect("opens").into_decoder().expect("a PNG");
        image::ImageDecoder::icc_profile(&mut decoder).expect("it reads").expect("it has one")
    };
    let moxcms = moxcms::ColorProfile::new_srgb().encode().expect("a profile");
    let profiles = [
        ("HP's, of cameras", of_media("chelsea.png")),
        ("HP's, of Photoshop", of_media("astronaut.png")),
        ("littlecms's", fs::read(data("srgb_littlecms.icc")).expect("it can be read")),
        ("moxcms's", moxcms),
        ("a formula", Icc::rgb(4, icc::SRGB, &Curve::Srgb).file()),
        ("a table of 1024", Icc::rgb(2, icc::SRGB, &Curve::srgb_table(1024)).file()),
        ("a table of 256", Icc::rgb(2, icc::SRGB, &Curve::srgb_table(256)).file()),
    ];
    for (name, profile) in profiles {
        for plain in kinds_of_samples(33, 21) {
            let what = format!("{name} {:?}", plain.color());
            let without = reference(&encoded(&plain, ImageFormat::Png), &what);
            assert!(reference(&with_png(&plain, &profile), &what) == without, "{what}");
        }
    }
    // What is nearly sRGB is not.
    let (plain, _) = picture_of(&grid(9), 8);
    for (name, profile) in [
        ("a power", Icc::rgb(2, icc::SRGB, &Curve::Gamma(2.2)).file()),
        ("other primaries", Icc::rgb(2, icc::GENERIC_RGB, &Curve::Srgb).file()),
    ] {
        let without = reference(&encoded(&plain, ImageFormat::Png), name);
        assert!(reference(&with_png(&plain, &profile), name) != without, "{name}");
    }
}

#[test]
fn f165_alpha_stays_and_decides_what_counts() {
    let profile = Icc::rgb(4, icc::DISPLAY_P3, &Curve::Srgb).file();
    let pixels = [[255, 0, 0, 0], [200, 30, 90, 1], [10, 240, 20, 255]];
    let picture = ImageBuffer::from_fn(3, 1, |x, _| Rgba::<u8>(pixels[x as usize]));
    let right: Vec<_> = pixels[1..]
        .iter()
        .map(|&[r, g, b, _]| [r, g, b].map(|part| f64::from(part) / 255.))
        .map(|color| icc::in_srgb(icc::DISPLAY_P3, &Curve::Srgb, color))
        .collect();
    let file = with_png(&picture.clone().into(), &profile);
    let most = furthest_from(&reference(&file, "alpha"), &right, "alpha");
    assert!(most < ROUNDING, "{most}");
    // What is decoded alone is as it is stored.
    assert!(super::picture(&file, "alpha") == picture.into());
}

/// A file with a profile that can't be used counts as it does without one, and why is said.
#[track_caller]
fn assert_unusable(file: &[u8], plain: &DynamicImage, why: &str, what: &str) {
    let reference = Reference::decode(file).unwrap_or_else(|error| panic!("{what}: {error}"));
    let fault = reference.profile_fault().unwrap_or_else(|| panic!("{what}"));
    // Some go on in words of `moxcms`.
    assert!(fault == why || (why.ends_with('(') && fault.starts_with(why)), "{what}: {fault}");
    let plain = Reference::from_picture(plain).expect("a picture");
    assert!(levels(&reference) == levels(&plain), "{what}");
}

#[test]
fn f166_profiles_that_are_of_no_use() {
    let (plain, _) = picture_of(&grid(5), 8);
    let good = Icc::rgb(2, icc::DISPLAY_P3, &Curve::srgb_table(1024));
    let changed = |change: fn(&mut Icc)| {
        let mut profile = good.clone();
        change(&mut profile);
        profile.file()
    };
    let file = good.file();
    let grey_table = icc::table(Table::Lut16, 5, |_| [50., 0., 0.]);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a header alone", file[..128].to_vec(), "it ends in its header"),
        (
            "cut off",
            file[..file.len() - 100].to_vec(),
            "it is damaged, or of a kind that isn't read (",
        ),
        ("no words", b"nonsense".to_vec(), "it ends in its header"),
        ("zeros", vec![0; 4000], "it is damaged, or of an unknown kind"),
        ("named colours", changed(|icc| icc.class = *b"nmcl"), "it is of named colours"),
        ("a link", changed(|icc| icc.class = *b"link"), "it leads from one device to another"),
        ("iccMAX", changed(|icc| icc.version = 5), "it is of version 5"),
        (
            "no curves",
            changed(|icc| icc.tags.truncate(3)),
            "it is damaged, or of a kind that isn't read (",
        ),
        (
            "grey",
            Icc::grey(&Curve::Gamma(1.8)).file(),
            "it is of grey, and the picture is in R'G'B'",
        ),
        (
            "CMYK",
            fs::read(data("cmyk.icc")).expect("it can be read"),
            "it is of CMYK, and the picture is in R'G'B'",
        ),
        (
            "a table of three for CMYK",
            Icc::table(2, *b"CMYK", grey_table.clone()).file(),
            "its table is of another number of colours",
        ),
        (
            "a table that is cut off",
            Icc::table(2, *b"RGB ", grey_table[..300].to_vec()).file(),
            "it is damaged, or of a kind that isn't read (",
        ),
        (
            "a curve that is longer than the profile",
            changed(|icc| icc.tags[3].1[8..12].copy_from_slice(&60_000_u32.to_be_bytes())),
            "it is damaged, or of a kind that isn't read (",
        ),
        ("9 MiB", vec![1; 9 << 20], "it has more than 8 MiB"),
    ];
    for (name, profile, why) in &cases {
        let png = with_png(&plain, profile);
        assert_unusable(&png, &plain, why, &format!("{name}, in a PNG"));
        let bmp = with_bmp(&plain, b"MBED", profile);
        assert_unusable(&bmp, &plain, why, &format!("{name}, in a BMP"));
    }
    // Pieces of the file that are damaged around the profile.
    let levels = [0, 100, 255];
    let of_png = |chunk: Vec<u8>| png::file(3, 1, png::GREY_8, &[chunk, png::pixels(&[&levels])]);
    let grey = DynamicImage::from(
        ImageBuffer::<image::Luma<u8>, _>::from_raw(3, 1, levels.to_vec()).expect("pixels"),
    );
    for (content, why) in [
        (b"profile\0\0nonsense".to_vec(), "it can't be decompressed"),
        (b"no end of its name".to_vec(), "it can't be decompressed"),
        ([b"profile\0\0".as_slice(), &png::stored(&[])].concat(), "it is empty"),
        (
            [b"profile\0\0".as_slice(), &png::bomb((1 << 30) / 258)].concat(),
            "it has more than 8 MiB",
        ),
    ] {
        assert_unusable(&of_png(png::chunk(b"iCCP", &content)), &grey, why, why);
    }
    let linked = with_bmp(&plain, b"LINK", b"C:\\profile.icc");
    let why = "it is in another file, and only the picture is read";
    assert_unusable(&linked, &plain, why, "a link");
    let jpeg = encoded(&plain, ImageFormat::Jpeg);
    let read = super::picture(&jpeg, "without a profile");
    let whole = with_jpeg(&jpeg, &file, 500);
    let first = 2 + 2 + 2 + 14 + file.len() % 500;
    let lacks_one = [&whole[..2], &whole[first..]].concat();
    let why = "some of its pieces are missing, or there twice";
    assert_unusable(&lacks_one, &read, why, "a JPEG that lacks a piece");
    let twice = [&whole[..first], &whole[2..]].concat();
    assert_unusable(&twice, &read, why, "a JPEG with a piece twice");
    let mut webp = with_every_kind(&plain, &file).swap_remove(2).1;
    let at = webp.windows(4).position(|name| name == b"ICCP").expect("it is there");
    webp[at..at + 4].copy_from_slice(b"ABCD");
    assert_unusable(&webp, &plain, "it is missing", "a WebP without what it promises");
}

#[test]
fn f166_tags_that_have_nothing_to_do_with_colours_may_be_damaged() {
    let (picture, colors) = picture_of(&grid(5), 8);
    let right: Vec<_> =
        colors.iter().map(|&color| icc::in_srgb(icc::DISPLAY_P3, &Curve::Srgb, color)).collect();
    let mut profile = Icc::rgb(4, icc::DISPLAY_P3, &Curve::Srgb);
    for name in [b"desc", b"cprt", b"B2A0", b"gamt", b"chad", b"meas"] {
        profile.tags.insert(0, (*name, b"mluc\0\0\0\0\xFF\xFF\xFF\xFF damaged".to_vec()));
    }
    let file = with_png(&picture, &profile.file());
    let most = furthest_from(&reference(&file, "damaged"), &right, "damaged");
    assert!(most < ROUNDING, "{most}");
}

#[test]
fn f166_a_profile_of_no_use_is_a_warning() {
    let folder = TempDir::new().expect("a folder can be made");
    let path = folder.path().join("reference.png");
    let (plain, _) = picture_of(&grid(5), 8);
    fs::write(&path, with_png(&plain, b"nonsense")).expect("a file can be written");
    let rig = Rig::new(Some(&path));
    let warning = format!(
        "The reference picture '{}' has a colour profile that can't be used: it ends in its header. \
         Its colours count as sRGB; convert it to sRGB in a program that knows its colours.",
        path.display()
    );
    assert_eq!(rig.complaints(), [Complaint::Warning(warning)]);
}

#[test]
fn f167_what_a_png_says_beside_a_profile() {
    let levels: [u8; 12] = [0, 0, 0, 100, 30, 220, 255, 80, 1, 255, 255, 255];
    let colors: Vec<[f64; 3]> =
        levels.as_chunks().0.iter().map(|rgb: &[u8; 3]| rgb.map(|n| f64::from(n) / 255.)).collect();
    let of = |chunks: &[Vec<u8>]| {
        let pixels = png::pixels(&[&levels]);
        reference(&png::file(4, 1, png::RGB_8, &[chunks, &[pixels]].concat()), "a PNG")
    };
    let gamma = |gamma: u32| png::chunk(b"gAMA", &gamma.to_be_bytes());
    let chromaticities = |[red, green, blue, white]: Chromaticities| {
        let all = [white, red, green, blue];
        let numbers = all.as_flattened().iter().map(|n| ((n * 1e5).round() as u32).to_be_bytes());
        png::chunk(b"cHRM", &numbers.collect::<Vec<_>>().concat())
    };
    let profile = |curve: &Curve| {
        let profile = Icc::rgb(4, icc::BT_2020, curve).file();
        png::chunk(b"iCCP", &[b"profile\0\0".as_slice(), &png::stored(&profile)].concat())
    };
    let srgb = || png::chunk(b"sRGB", &[0]);
    let coded = |primaries, transfer| png::chunk(b"cICP", &[primaries, transfer, 0, 1]);
    let unchanged = of(&[]);
    for (what, chunks) in [
        ("sRGB's gamma", vec![gamma(45455)]),
        ("nearly sRGB's gamma", vec![gamma(45000), chromaticities(icc::SRGB)]),
        ("sRGB wins", vec![gamma(100_000), chromaticities(icc::BT_2020), srgb()]),
        ("video of BT.709", vec![coded(1, 1), profile(&Curve::Linear)]),
        ("video of BT.601", vec![coded(6, 6)]),
        ("FFmpeg's gamma of video", vec![gamma(50_994)]),
        ("FFmpeg's video of BT.601", vec![gamma(50_994), chromaticities(icc::BT_601)]),
        ("behind the pixels", vec![png::pixels(&[&levels]), profile(&Curve::Linear)]),
    ] {
        assert!(of(&chunks) == unchanged, "{what}");
    }
    for (what, chunks, space, curve) in [
        ("gamma", vec![gamma(100_000)], icc::SRGB, Curve::Linear),
        (
            "both",
            vec![gamma(55_556), chromaticities(icc::BT_2020)],
            icc::BT_2020,
            Curve::Gamma(1.8),
        ),
        ("chromaticities", vec![chromaticities(icc::DISPLAY_P3)], icc::DISPLAY_P3, Curve::Srgb),
        ("a profile wins", vec![profile(&Curve::Linear), srgb()], icc::BT_2020, Curve::Linear),
        ("coding wins", vec![coded(12, 13), profile(&Curve::Linear)], icc::DISPLAY_P3, Curve::Srgb),
        ("linear light", vec![coded(9, 8)], icc::BT_2020, Curve::Linear),
    ] {
        let right: Vec<_> =
            colors.iter().map(|&color| icc::in_srgb(space, &curve, color)).collect();
        let most = furthest_from(&of(&chunks), &right, what);
        assert!(most < 0.6, "{what}: {most}");
    }
}
