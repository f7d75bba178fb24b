//! Promise: a picture file of any kind that programs write is read with the colours that it has, or
//! refused by the name of what it is.

use std::fs;
use std::process::Command;

use crate::common::data;
use crate::common::frames::noise;
use crate::common::programs::alone;
use crate::common::tiff::{Pieces, Tiff};
use gsthistomatch::color::{Channels, Encoding, Range};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::reference::{Reference, ReferenceError, decode_picture};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageBuffer, ImageFormat, Rgb, Rgba};
use temp_dir::TempDir;

#[cfg(feature = "heif")]
mod heif;
mod light;
mod profiles;

#[track_caller]
fn assert_unsupported(file: &[u8], what: &str) {
    let error = Reference::decode(file).expect_err("it is not read").to_string();
    let expected = format!("this kind of picture is not supported ({what}");
    assert!(
        error.starts_with(&expected) && error.ends_with("convert it to an 8- or 16-bit PNG"),
        "{error}"
    );
}

#[track_caller]
fn assert_damaged(file: &[u8], what: &str) {
    let error = Reference::decode(file).expect_err("it is damaged").to_string();
    assert_eq!(error, format!("the picture is damaged ({what}); save or copy it again"));
}

#[track_caller]
fn picture(file: &[u8], what: &str) -> DynamicImage {
    decode_picture(file).unwrap_or_else(|error| panic!("{what}: {error}"))
}

// ---- JPEG ----

/// Runs one of libjpeg's programs, and returns what it writes.
#[track_caller]
fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| {
        panic!("{program}: {error}; it is in the package libjpeg-turbo-progs of Debian")
    });
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A soft picture, with all colours and a little noise.
fn soft(width: u32, height: u32) -> ImageBuffer<Rgb<u8>, Vec<u8>> {
    let mut random = noise(139);
    ImageBuffer::from_fn(width, height, |x, y| {
        let (x, y) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let colors = [255. * x, 255. * y, 128. + 100. * (3. * (x - y)).sin()];
        Rgb(colors.map(|color| (color + f64::from(random() % 8) - 4.).clamp(0., 255.) as u8))
    })
}

/// The files that libjpeg's programs are given.
struct Workshop {
    folder: TempDir,
}

impl Workshop {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder can be made") }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("it is UTF-8").to_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("a file can be written");
        path
    }

    /// A soft picture as a file.
    fn ppm(&self, width: u32, height: u32) -> String {
        let header = format!("P6\n{width} {height}\n255\n").into_bytes();
        let content = [header, soft(width, height).into_raw()].concat();
        self.write(&format!("{width}x{height}.ppm"), content)
    }

    /// A JPEG, by `cjpeg`.
    fn jpeg(&self, arguments: &[&str], picture: &str) -> Vec<u8> {
        run("cjpeg", &[&["-quality", "95"], arguments, &[picture]].concat())
    }

    /// What libjpeg reads.
    fn oracle(&self, jpeg: &[u8]) -> DynamicImage {
        let ppm = run("djpeg", &["-rgb", &self.write("oracle.jpg", jpeg)]);
        image::load_from_memory(&ppm).expect("a picture")
    }
}

/// How far two pictures are from each other: in the mean, and at most.
#[track_caller]
fn distance(a: &DynamicImage, b: &DynamicImage) -> (f64, u8) {
    let (a, b) = (a.to_rgb8(), b.to_rgb8());
    assert_eq!(a.dimensions(), b.dimensions());
    let differences = || a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b));
    let sum: u64 = differences().map(u64::from).sum();
    (sum as f64 / a.len() as f64, differences().max().unwrap_or(0))
}

#[test]
fn f139_jpeg_of_every_sampling_scan_restart_and_size() {
    let workshop = Workshop::new();
    let separate = workshop.write("separate", "0;\n1;\n2;\n");
    let partly = workshop.write("partly", "0;\n1 2;\n");
    let samplings = [
        "1x1",
        "2x1",
        "1x2",
        "2x2",
        "4x1",
        "1x4",
        "4x2",
        "2x4",
        "3x1",
        "1x3",
        "3x2",
        "1x1,2x2,2x2",
        "1x1,2x1,1x1",
        "1x2,1x1,1x2",
        "2x2,2x1,1x2",
        "2x2,1x1,2x2",
        "2x1,1x1,2x1",
    ];
    let scans: [&[&str]; 5] = [
        &[],
        &["-progressive"],
        &["-scans", &separate],
        &["-scans", &partly],
        &["-optimize", "-rgb"],
    ];
    let restarts: [&[&str]; 3] = [&[], &["-restart", "1"], &["-restart", "3B"]];
    let mut n = 0;
    for (width, height) in [(64, 48), (61, 43), (7, 5), (1, 1), (130, 3), (11, 75)] {
        let ppm = workshop.ppm(width, height);
        for sampling in samplings {
            for (scans, restart) in
                scans.iter().flat_map(|scans| restarts.map(|restart| (scans, restart)))
            {
                let what = format!("{width}x{height} {sampling} {scans:?} {restart:?}");
                let jpeg = workshop.jpeg(&[&["-sample", sampling], *scans, restart].concat(), &ppm);
                let decoded = picture(&jpeg, &what);
                let (mean, most) = distance(&decoded, &workshop.oracle(&jpeg));
                // Colours of half the resolution are interpolated in slightly different ways.
                assert!(mean < 1.5 && most < 40, "{what}: {mean}, {most}");
                n += 1;
            }
        }
    }
    assert_eq!(n, 6 * 17 * 5 * 3);
}

/// A JPEG whose rows of units are intervals, each with its restart.
fn jpeg_of_intervals(workshop: &Workshop) -> Vec<u8> {
    workshop.jpeg(&["-sample", "1x1", "-restart", "1"], &workshop.ppm(40, 320))
}

fn places(file: &[u8], marker: impl Fn(u8) -> bool) -> Vec<usize> {
    let pairs = file.windows(2).enumerate();
    pairs.filter(|(_, pair)| pair[0] == 0xFF && marker(pair[1])).map(|(at, _)| at).collect()
}

/// The rows of a picture that a damaged JPEG is counted by, as if there were no others.
#[track_caller]
fn assert_rows(file: &[u8], lost: std::ops::Range<u32>, whole: &DynamicImage, what: &str) {
    let reference = Reference::decode(file).unwrap_or_else(|error| panic!("{what}: {error}"));
    let n = lost.end - lost.start;
    let height = whole.height();
    let expected = format!("{n} of its {height} rows can't be read and don't count");
    assert_eq!(reference.damage(), Some(expected.as_str()), "{what}");
    let rows = (0..height).filter(|y| !lost.contains(y));
    let pixels = whole.to_rgb8();
    let rows: Vec<u8> = rows
        .flat_map(|y| (0..whole.width()).flat_map(move |x| [(x, y)]))
        .flat_map(|(x, y)| pixels.get_pixel(x, y).0)
        .collect();
    let rest =
        ImageBuffer::<Rgb<u8>, _>::from_raw(whole.width(), height - n, rows).expect("pixels");
    let rest = Reference::from_picture(&rest.into()).expect("a picture");
    let encoding = Encoding::Rgb(Range::Full);
    let channels = Channels { encoding, depths: vec![8; 3], colorimetry: Colorimetry::SRGB };
    assert!(reference.cdfs(&channels) == rest.cdfs(&channels), "{what}");
}

#[test]
fn f140_jpeg_with_a_bad_interval_or_a_stray_marker() {
    let workshop = Workshop::new();
    let file = jpeg_of_intervals(&workshop);
    let whole = picture(&file, "the whole");
    let restarts = places(&file, |marker| (0xD0..=0xD7).contains(&marker));
    assert_eq!(restarts.len(), 39);
    let between = (restarts[9] + 2 + restarts[10]) / 2;

    // In the interval of the rows 80 to 87: data that are no code, a restart that isn't one, a
    // marker, and something missing.
    let mut bad = file.clone();
    bad[between - 4..between + 4].copy_from_slice(&[0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0]);
    assert_rows(&bad, 80..88, &whole, "no code");
    for marker in [0xD5, 0xC9] {
        let mut bad = file.clone();
        bad[between..between + 2].copy_from_slice(&[0xFF, marker]);
        let outcome = Reference::decode(&bad);
        match marker {
            0xD5 => assert_rows(&bad, 80..88, &whole, "a restart that isn't one"),
            // All that follows is lost.
            _ => assert!(outcome.is_err()),
        }
    }
    let missing = [&file[..restarts[9] + 20], &file[restarts[10]..]].concat();
    assert_rows(&missing, 80..88, &whole, "something missing");
    let missing = [&file[..restarts[9]], &file[restarts[11]..]].concat();
    assert_rows(&missing, 80..96, &whole, "two intervals missing");

    // Without restarts all behind it is lost: too much.
    let plain = workshop.jpeg(&["-sample", "1x1"], &workshop.ppm(40, 320));
    let start = places(&plain, |marker| marker == 0xDA)[0] + 14;
    let mut bad = plain.clone();
    let middle = (start + plain.len()) / 2;
    bad[middle..middle + 2].copy_from_slice(&[0xFF, 0xC9]);
    let error = Reference::decode(&bad).expect_err("half of it is lost").to_string();
    assert!(error.contains(" of its 320 rows can't be read"), "{error}");
    // What broken copies are like: a part is missing.
    for at in (start + 100..plain.len() - 1000).step_by(77) {
        let missing = [&plain[..at], &plain[at + 600..]].concat();
        let only_its_end = [&plain[..at], &[0xFF, 0xD9]].concat();
        for (what, bad) in [("missing", missing), ("an end", only_its_end)] {
            if let Ok(reference) = Reference::decode(&bad) {
                assert!(reference.damage().is_some(), "{what}, {at}");
            }
        }
    }
}

#[test]
fn f140_jpeg_that_is_whole_without_its_end_or_with_something_behind_it() {
    let workshop = Workshop::new();
    let mp4 = [b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".as_slice(), &[0xFF, 0xC2, 0, 9, 0xFF, 0xD8]]
        .concat();
    let trailer =
        [b"\0\0\xE1\x08\x0F\0\0\0Panorama_Shot_Info".as_slice(), &[0x40, 1, 2, 0xFF, 0xC0]]
            .concat();
    for scans in [&[][..], &["-progressive"]] {
        let file = workshop.jpeg(scans, &workshop.ppm(40, 40));
        let whole = picture(&file, "the whole");
        let endless = &file[..file.len() - 2];
        for (what, file) in [
            ("no end", endless.to_vec()),
            ("a trailer", [&file[..], &trailer].concat()),
            ("a trailer and no end", [endless, &trailer].concat()),
            ("a film behind it", [&file[..], &mp4].concat()),
            ("another picture behind it", [&file[..], &file].concat()),
            ("zeros in front of its end", [endless, &[0; 50], &[0xFF, 0xD9]].concat()),
        ] {
            let what = format!("{what} {scans:?}");
            assert_eq!(Reference::decode(&file).expect(&what).damage(), None, "{what}");
            assert!(picture(&file, &what) == whole, "{what}");
        }
    }
}

/// A lossless JPEG of one component (T.81, H): every difference has the category 1 or 0.
fn lossless(precision: u8, components: &[u8], width: u16, height: u16) -> Vec<u8> {
    let segment = |marker: u8, content: &[u8]| {
        [&[0xFF, marker], &(content.len() as u16 + 2).to_be_bytes()[..], content].concat()
    };
    let mut frame = vec![precision];
    frame.extend(height.to_be_bytes());
    frame.extend(width.to_be_bytes());
    frame.push(components.len() as u8);
    frame.extend(components.iter().flat_map(|&id| [id, 0x11, 0]));
    // The codes 0 and 10 are the categories 0 and 1.
    let table = [&[0, 1, 1][..], &[0; 14], &[0, 1]].concat();
    let mut scan = vec![components.len() as u8];
    scan.extend(components.iter().flat_map(|&id| [id, 0]));
    scan.extend([1, 0, 0]);
    // 101: one more than the one on the left; 0: the same.
    let n_bits = usize::from(width) * usize::from(height) * 3 * components.len();
    let data = [0b1011_0110, 0b1101_1011, 0b0110_1101].repeat(n_bits.div_ceil(24));
    [
        &[0xFF, 0xD8][..],
        &segment(0xC4, &table),
        &segment(0xC3, &frame),
        &segment(0xDA, &scan),
        &data[..n_bits / 8],
        &[0xFF, 0xD9],
    ]
    .concat()
}

#[test]
fn f141_jpeg_of_kinds_that_few_programs_write() {
    let workshop = Workshop::new();
    let ppm = workshop.ppm(24, 24);
    let plain = workshop.jpeg(&[], &ppm);
    for arguments in [&["-arithmetic"][..], &["-arithmetic", "-progressive"]] {
        assert_unsupported(&workshop.jpeg(arguments, &ppm), "a JPEG with arithmetic coding");
    }
    let frame = places(&plain, |marker| marker == 0xC0)[0];
    let changed = |changes: &[(usize, u8)]| {
        let mut file = plain.clone();
        changes.iter().for_each(|&(at, byte)| file[frame + at] = byte);
        file
    };
    assert_unsupported(&changed(&[(1, 0xC1), (4, 12)]), "a JPEG of 12 bits");
    assert_unsupported(
        &changed(&[(5, 0), (6, 0)]),
        "a JPEG that says its height behind the picture (DNL)",
    );
    assert_unsupported(&changed(&[(1, 0xC5)]), "a hierarchical JPEG");
    assert_unsupported(&changed(&[(13, 1)]), "a JPEG whose components have the same number");
    assert_unsupported(
        &changed(&[(11, 0x31), (14, 0x21)]),
        "a JPEG with sampling factors like 3 and 2",
    );
    assert_unsupported(
        &[&plain[..2], &[0xFF, 0xDE, 0, 4, 0, 0], &plain[2..]].concat(),
        "a hierarchical JPEG",
    );
    let dnl = [&plain[..plain.len() - 2], &[0xFF, 0xDC, 0, 4, 0, 24, 0xFF, 0xD9]].concat();
    // The picture is whole before that, and has the height that it says.
    assert!(picture(&dnl, "DNL") == picture(&plain, "plain"));

    // The first sample is one more than the middle, and so on; later rows go on from the first.
    let column = |y: u32, x: u32| 128 + 1 + x + y;
    let grey = picture(&lossless(8, &[1], 16, 8), "lossless").to_luma8();
    assert!(grey.enumerate_pixels().all(|(x, y, level)| u32::from(level[0]) == column(y, x)));
    let rgb = picture(&lossless(8, &[1, 2, 3], 16, 8), "lossless RGB").to_rgb8();
    assert!(
        rgb.enumerate_pixels().all(|(x, y, level)| level.0.map(u32::from) == [column(y, x); 3])
    );
    let deep = picture(&lossless(12, &[1], 16, 8), "lossless of 12 bits").to_luma16();
    let expected = |x, y| ((2048 + 1 + x + y) * 65535 + 2047) / 4095;
    assert!(deep.enumerate_pixels().all(|(x, y, level)| u32::from(level[0]) == expected(x, y)));
}

// ---- TIFF ----

const WIDTH: usize = 37;
const HEIGHT: usize = 21;

/// Samples of some bits, of all levels and places.
fn samples(n_samples: usize, bits: usize) -> Vec<u64> {
    let mut random = noise(142);
    let mut sample = || (0..8).fold(0, |sample, _| sample << 8 | u64::from(random()));
    (0..WIDTH * HEIGHT * n_samples).map(|_| sample() >> (64 - bits)).collect()
}

/// A sample of some bits as one of 8 or 16.
fn scaled(sample: u64, bits: usize) -> u16 {
    let (from, to) = ((1_u64 << bits) - 1, if bits > 8 { 65535 } else { 255 });
    ((sample as f64 * to as f64 / from as f64).round()) as u16
}

/// The colours that count, in order, and their bits.
fn colors(picture: &DynamicImage) -> (u32, Vec<[u16; 3]>) {
    let is_deep = picture.color().bytes_per_pixel() / picture.color().channel_count() > 1;
    let pixels = picture.to_rgba16();
    let level = |level: u16| if is_deep { level } else { level / 257 };
    let counted = pixels.pixels().filter(|pixel| pixel[3] > 0);
    (
        if is_deep { 16 } else { 8 },
        counted.map(|pixel| [0, 1, 2].map(|at| level(pixel[at]))).collect(),
    )
}

#[track_caller]
fn assert_colors(tiff: &Tiff, samples: &[u64], expected: impl Fn(&[u64]) -> Option<[u16; 3]>) {
    let what = format!("{tiff:?}");
    let (_, found) = colors(&picture(&tiff.file(samples), &what));
    let expected: Vec<_> = samples.chunks(tiff.n_samples).filter_map(expected).collect();
    assert!(found == expected, "{what}");
}

/// All ways to cut a picture and to compress its pieces.
fn layouts() -> impl Iterator<Item = Tiff> {
    let pieces = [
        Pieces::Strips(usize::MAX),
        Pieces::Strips(4),
        Pieces::Tiles(16, 16),
        Pieces::Tiles(64, 32),
    ];
    let compressions = [1, 5, 8, 32773];
    let all = pieces
        .into_iter()
        .flat_map(move |pieces| compressions.map(move |compression| (pieces, compression)));
    all.flat_map(|(pieces, compression)| {
        (0..8).map(move |bits| Tiff {
            width: WIDTH,
            height: HEIGHT,
            pieces,
            compression,
            predictor: 1 + (bits & 1),
            is_planar: bits & 2 > 0,
            is_big_endian: bits & 4 > 0,
            is_big: bits & 5 == 5,
            ..Tiff::default()
        })
    })
}

#[test]
fn f142_tiff_with_extra_samples_in_every_layout() {
    let mut n = 0;
    for layout in layouts() {
        for bits in [8, 16] {
            let largest = (1_u64 << bits) - 1;
            for (extra, n_extra) in [
                (None, 0),
                (None, 1),
                (Some(vec![0]), 1),
                (Some(vec![1]), 1),
                (Some(vec![2]), 1),
                (Some(vec![0, 2]), 2),
            ] {
                let tiff =
                    Tiff { bits, n_samples: 3 + n_extra, extra: extra.clone(), ..layout.clone() };
                let mut samples = samples(tiff.n_samples, bits);
                for pixel in samples.chunks_exact_mut(tiff.n_samples) {
                    // Alpha is often nothing or all.
                    if let Some(alpha) = pixel.get_mut(2 + n_extra).filter(|_| n_extra > 0) {
                        *alpha = if *alpha % 3 == 0 { 0 } else { *alpha };
                        if extra == Some(vec![1]) {
                            let alpha = *alpha;
                            pixel[..3]
                                .iter_mut()
                                .for_each(|color| *color = *color * alpha / largest);
                        }
                    }
                }
                assert_colors(&tiff, &samples, |pixel| {
                    let color = [pixel[0], pixel[1], pixel[2]];
                    let alpha = match (&extra, n_extra) {
                        (_, 0) => largest,
                        (Some(extra), 1) if extra == &[0] => largest,
                        _ => pixel[2 + n_extra],
                    };
                    let color = match extra == Some(vec![1]) && alpha > 0 {
                        true => {
                            color.map(|color| ((color * largest + alpha / 2) / alpha).min(largest))
                        }
                        false => color,
                    };
                    (alpha > 0).then_some(color.map(|color| color as u16))
                });
                n += 1;
            }
        }
    }
    assert_eq!(n, 4 * 4 * 8 * 2 * 6);
}

#[test]
fn f143_tiff_of_grey_of_all_bits() {
    for layout in layouts().filter(|layout| !layout.is_planar) {
        for bits in [1, 2, 4, 8, 12, 16] {
            let is_fax = layout.predictor == 2 && bits % 8 != 0;
            for photometric in [0, 1].into_iter().filter(|_| !is_fax) {
                let tiff = Tiff { bits, n_samples: 1, photometric, ..layout.clone() };
                let largest = (1 << bits) - 1;
                assert_colors(&tiff, &samples(1, bits), |pixel| {
                    let level = if photometric == 0 { largest - pixel[0] } else { pixel[0] };
                    Some([scaled(level, bits); 3])
                });
            }
        }
        // What doesn't fit into 16 bits is rounded.
        let tiff = Tiff { bits: 32, n_samples: 1, photometric: 1, ..layout.clone() };
        assert_colors(&tiff, &samples(1, 32), |pixel| Some([scaled(pixel[0], 32); 3]));
        // Alpha of grey.
        let tiff = Tiff { n_samples: 2, photometric: 1, extra: Some(vec![2]), ..layout.clone() };
        assert_colors(&tiff, &samples(2, 8), |pixel| {
            (pixel[1] > 0).then_some([pixel[0] as u16; 3])
        });
    }
}

#[test]
fn f143_tiff_of_fractions() {
    // Black, white, below and above, no number, and the levels between.
    let levels = |i: usize| match i {
        0 => -0.5,
        1 => 1.5,
        2 => f64::NAN,
        _ => (i % 301) as f64 / 300.,
    };
    let half = |value: f64| {
        let bits = (value as f32).to_bits();
        let exponent = (bits >> 23 & 255) as i32 - 127 + 15;
        match exponent {
            _ if value.is_nan() => 0x7E00,
            ..=0 => 0,
            _ => (bits >> 16 & 0x8000) | (exponent as u32) << 10 | (bits >> 13 & 1023),
        }
    };
    for (bits, n_samples, predictor) in [16, 32, 64].into_iter().flat_map(|bits| {
        [1, 3].into_iter().flat_map(move |n| [1, 2, 3].map(move |predictor| (bits, n, predictor)))
    }) {
        let samples: Vec<u64> = (0..WIDTH * HEIGHT * n_samples)
            .map(|i| match bits {
                16 => half(levels(i)).into(),
                32 => (levels(i) as f32).to_bits().into(),
                _ => levels(i).to_bits(),
            })
            .collect();
        for layout in layouts().filter(|layout| !layout.is_planar && layout.predictor == 1) {
            let photometric = if n_samples == 1 { 1 } else { 2 };
            let tiff = Tiff { bits, n_samples, predictor, photometric, sample_format: 3, ..layout };
            let what = format!("{tiff:?}");
            let (depth, found) = colors(&picture(&tiff.file(&samples), &what));
            assert_eq!(depth, 16);
            for (at, level) in found.as_flattened().iter().enumerate() {
                let i = if n_samples == 1 { at / 3 } else { at };
                let expected = (levels(i).clamp(0., 1.) * 65535.).round();
                // A half has 11 bits.
                let tolerance = if bits == 16 { 32. } else { 1. };
                let difference =
                    (f64::from(*level) - if expected.is_nan() { 0. } else { expected }).abs();
                assert!(difference <= tolerance, "{what}: {level} for {expected}");
            }
        }
    }
}

#[test]
fn f143_tiff_of_palettes_inks_and_chroma() {
    for layout in layouts().filter(|layout| !layout.is_planar) {
        for bits in [1, 2, 4, 8] {
            if layout.predictor == 2 && bits < 8 {
                continue;
            }
            let n = 1 << bits;
            for (factor, offset) in [(257, 0), (256, 0), (1, 0), (200, 5)] {
                let level = |i: usize| (i * 11 % 256) as u32;
                let palette: Vec<u32> = (0..3 * n).map(|i| level(i) * factor + offset).collect();
                let tags = vec![(320, palette)];
                let tiff = Tiff { bits, n_samples: 1, photometric: 3, tags, ..layout.clone() };
                assert_colors(&tiff, &samples(1, bits), |pixel| {
                    let entry = |channel| level(channel * n + pixel[0] as usize);
                    Some([0, 1, 2].map(|channel| match factor {
                        200 => (entry(channel) * factor + offset) as u16,
                        _ => entry(channel) as u16,
                    }))
                });
            }
        }
    }
    let ink = |ink: u64, black: u64| (((255 - ink) * (255 - black) + 127) / 255) as u16;
    for layout in layouts() {
        let cmyk = Tiff { n_samples: 4, photometric: 5, ..layout.clone() };
        assert_colors(&cmyk, &samples(4, 8), |p| Some([0, 1, 2].map(|at| ink(p[at], p[3]))));
        let cmyka = Tiff { n_samples: 5, photometric: 5, extra: Some(vec![2]), ..layout };
        assert_colors(&cmyka, &samples(5, 8), |p| {
            (p[4] > 0).then_some([0, 1, 2].map(|at| ink(p[at], p[3])))
        });
    }
    // JFIF's conversion.
    let rgb = |[y, cb, cr]: [u64; 3]| {
        let [y, cb, cr] = [y as f64, cb as f64 - 128., cr as f64 - 128.];
        let rgb = [y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb];
        rgb.map(|level| level.round().clamp(0., 255.) as u16)
    };
    for layout in layouts() {
        let tiff = Tiff { photometric: 6, tags: vec![(530, vec![1, 1])], ..layout };
        assert_colors(&tiff, &samples(3, 8), |pixel| Some(rgb([pixel[0], pixel[1], pixel[2]])));
    }
    // Of video: with black at 16, white at 235, and BT.709's parts of luma.
    let tiff = Tiff {
        width: WIDTH,
        height: HEIGHT,
        photometric: 6,
        tags: vec![(530, vec![1, 1])],
        ratios: vec![
            (529, vec![2126, 10_000, 7152, 10_000, 722, 10_000]),
            (532, vec![16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1]),
        ],
        ..Tiff::default()
    };
    assert_colors(&tiff, &samples(3, 8), |pixel| {
        let [y, cb, cr] = [pixel[0], pixel[1], pixel[2]].map(|level| level as f64);
        let y = (y - 16.) * 255. / 219.;
        let [cb, cr] = [cb, cr].map(|c| (c - 128.) * 127. / 112.);
        let [r, b] = [y + 1.5748 * cr, y + 1.8556 * cb];
        let rgb = [r, (y - 0.2126 * r - 0.0722 * b) / 0.7152, b];
        Some(rgb.map(|level| level.round().clamp(0., 255.) as u16))
    });
    // Units of Y' with one Cb and one Cr.
    for (h, v) in [(2, 2), (2, 1), (4, 1), (1, 2), (4, 2)] {
        for pieces in [Pieces::Strips(usize::MAX), Pieces::Strips(8), Pieces::Tiles(16, 16)] {
            let mut tiff =
                Tiff { width: 32, height: 16, photometric: 6, pieces, ..Tiff::default() };
            tiff.compression = 8;
            // The default is 2 and 2.
            if (h, v) != (2, 2) {
                tiff.tags = vec![(530, vec![h as u32, v as u32])];
            }
            let y = |x: usize, y: usize| (x * 7 + y * 3) as u64 % 256;
            let c = |x: usize, y: usize| [x * 5 + y, 200 - x * 3 - y].map(|c| c as u64 % 256);
            let (width, height) = match pieces {
                Pieces::Tiles(width, height) => (width, height),
                Pieces::Strips(rows) => (32, rows.min(16)),
            };
            let all: Vec<Vec<u8>> = (0..32 / width * (16 / height))
                .map(|piece| {
                    let (left, top) = (piece % (32 / width) * width, piece / (32 / width) * height);
                    let mut bytes = Vec::new();
                    for (unit_y, unit_x) in
                        (0..height / v).flat_map(|y| (0..width / h).map(move |x| (y, x)))
                    {
                        let (x, below) = (left + unit_x * h, top + unit_y * v);
                        bytes.extend(
                            (0..v).flat_map(|dy| (0..h).map(move |dx| y(x + dx, below + dy) as u8)),
                        );
                        bytes.extend(c(x / h, below / v).map(|c| c as u8));
                    }
                    tiff.compress(&bytes)
                })
                .collect();
            let (_, found) = colors(&picture(&tiff.with_pieces(width, height, &all), "units"));
            let expected: Vec<_> = (0..16 * 32)
                .map(|at| {
                    let [cb, cr] = c(at % 32 / h, at / 32 / v);
                    rgb([y(at % 32, at / 32), cb, cr])
                })
                .collect();
            assert!(found == expected, "{h} {v} {pieces:?}");
        }
    }
}

#[test]
fn f143_tiff_of_reversed_bits_and_fax() {
    for (bits, compression) in [(1, 1), (8, 5), (16, 1), (16, 8), (4, 32773)] {
        let tiff = Tiff {
            width: WIDTH,
            height: HEIGHT,
            bits,
            n_samples: 1,
            photometric: 1,
            compression,
            is_reversed: true,
            ..Tiff::default()
        };
        for pieces in [Pieces::Strips(usize::MAX), Pieces::Strips(4)] {
            let tiff = Tiff { pieces, ..tiff.clone() };
            assert_colors(&tiff, &samples(1, bits), |pixel| Some([scaled(pixel[0], bits); 3]));
        }
    }

    let is_black = |x: u16, y: u16| (x / 3 + y).is_multiple_of(4) || x > 30;
    for (is_reversed, rows) in [(false, usize::MAX), (false, 8), (true, usize::MAX), (true, 8)] {
        let tiff = Tiff {
            width: WIDTH,
            height: HEIGHT,
            bits: 1,
            n_samples: 1,
            photometric: 0,
            compression: 4,
            pieces: Pieces::Strips(rows),
            is_reversed,
            ..Tiff::default()
        };
        let rows = rows.min(HEIGHT);
        let pieces: Vec<_> = (0..HEIGHT)
            .step_by(rows)
            .map(|top| {
                let mut encoder = fax::encoder::Encoder::new(fax::VecWriter::new());
                for y in top..(top + rows).min(HEIGHT) {
                    let color = |x| {
                        if is_black(x, y as u16) { fax::Color::Black } else { fax::Color::White }
                    };
                    let Ok(()) = encoder.encode_line((0..WIDTH as u16).map(color), WIDTH as u16);
                }
                let Ok(writer) = encoder.finish();
                tiff.compress(&writer.finish())
            })
            .collect();
        let (_, found) = colors(&picture(&tiff.with_pieces(WIDTH, rows, &pieces), "fax"));
        let level =
            |at: usize| if is_black((at % WIDTH) as u16, (at / WIDTH) as u16) { 0 } else { 255 };
        assert!(found == (0..WIDTH * HEIGHT).map(|at| [level(at); 3]).collect::<Vec<_>>());
    }
    // By libtiff: every fifth pixel is white.
    let (_, found) =
        colors(&picture(&fs::read(data("fax_group3.tif")).expect("it is there"), "Group 3"));
    assert_eq!(found.len(), 128 * 96);
    assert_eq!(found.iter().filter(|color| color[0] == 255).count(), found.len().div_ceil(5));
}

#[test]
fn f143_tiff_of_jpeg() {
    let workshop = Workshop::new();
    for sampling in ["1x1", "2x2", "2x1"] {
        let jpeg = workshop.jpeg(&["-sample", sampling], &workshop.ppm(48, 32));
        let expected = picture(&jpeg, "JPEG");
        // The tables by themselves, as most programs write them, or with each piece.
        let start = places(&jpeg, |marker| marker == 0xDB)[0];
        let frame = places(&jpeg, |marker| marker == 0xC0)[0];
        let tables = places(&jpeg, |marker| marker == 0xC4);
        let scan = places(&jpeg, |marker| marker == 0xDA)[0];
        let own = [&[0xFF, 0xD8][..], &jpeg[start..frame], &jpeg[tables[0]..scan], &[0xFF, 0xD9]]
            .concat();
        let piece = [&[0xFF, 0xD8][..], &jpeg[frame..tables[0]], &jpeg[scan..]].concat();
        let tiff =
            Tiff { width: 48, height: 32, photometric: 6, compression: 7, ..Tiff::default() };
        let whole = tiff.with_pieces(48, 32, std::slice::from_ref(&jpeg));
        let (mean, most) = distance(&picture(&whole, "whole"), &expected);
        assert!(mean < 0.6 && most <= 2, "{mean}, {most}");
        // Bytes, of type 7.
        let tags = vec![(347, own.iter().map(|&byte| byte.into()).collect())];
        let mut file = Tiff { tags, ..tiff.clone() }.with_pieces(48, 32, &[piece]);
        let entry = file.windows(4).position(|bytes| bytes == [0x5B, 1, 3, 0]).expect("the tag");
        let at =
            u32::from_le_bytes(file[entry + 8..entry + 12].try_into().expect("4 bytes")) as usize;
        file[at..at + own.len()].copy_from_slice(&own);
        file[entry + 2] = 7;
        let (mean, most) = distance(&picture(&file, "tables"), &expected);
        assert!(mean < 0.6 && most <= 2, "{mean}, {most}");
    }
    // As R'G'B', whatever the JPEG says.
    let jpeg = workshop.jpeg(&["-rgb", "-sample", "1x1"], &workshop.ppm(48, 32));
    let tiff = Tiff { width: 48, height: 32, compression: 7, ..Tiff::default() };
    let found = picture(&tiff.with_pieces(48, 32, std::slice::from_ref(&jpeg)), "R'G'B'");
    assert!(found.to_rgb8() == picture(&jpeg, "JPEG").to_rgb8());
}

#[test]
fn f143_kinds_of_tiff_that_are_not_read_are_named() {
    let tiff = Tiff::default();
    let file = |tiff: Tiff| tiff.file(&vec![0; tiff.n_samples]);
    for (compression, name) in [
        (2, "a TIFF with CCITT Huffman compression"),
        (6, "a TIFF with JPEG compression of the old kind"),
        (34712, "a TIFF with JPEG 2000 compression"),
        (34887, "a TIFF with LERC compression"),
        (34925, "a TIFF with LZMA compression"),
        (50000, "a TIFF with Zstandard compression"),
        (50001, "a TIFF with WebP compression"),
        (50002, "a TIFF with JPEG XL compression"),
        (777, "a TIFF with the compression 777"),
    ] {
        assert_unsupported(&file(Tiff { compression, ..tiff.clone() }), name);
    }
    for (photometric, name) in [
        (8, "a TIFF of CIE L*a*b*"),
        (32803, "a raw picture"),
        (4, "a TIFF of a mask"),
        (99, "a TIFF of the colours 99"),
    ] {
        assert_unsupported(&file(Tiff { photometric, ..tiff.clone() }), name);
    }
    assert_unsupported(
        &file(Tiff { sample_format: 2, ..tiff.clone() }),
        "a TIFF of numbers with sign",
    );
    assert_unsupported(&file(Tiff { bits: 24, ..tiff.clone() }), "a TIFF of 24 bits");
    assert_unsupported(&file(Tiff { predictor: 7, ..tiff.clone() }), "a TIFF with the predictor 7");
    assert_unsupported(
        &file(Tiff { tags: vec![(254, vec![1])], ..tiff.clone() }),
        "a raw picture of a camera, or another TIFF that begins with a preview",
    );
    let inks = Tiff { photometric: 5, n_samples: 4, tags: vec![(332, vec![2])], ..tiff };
    assert_unsupported(&file(inks), "a TIFF of other inks than CMYK");
}

// ---- BMP, GIF ----

/// A BMP of bits by masks, with the header of V3 to V5.
fn masked_bmp(size_of_header: u32, pixels: &[[u8; 4]]) -> Vec<u8> {
    let mut file = b"BM\0\0\0\0\0\0\0\0".to_vec();
    file.extend((14 + size_of_header).to_le_bytes());
    file.extend(size_of_header.to_le_bytes());
    file.extend((pixels.len() as u32).to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    file.extend([1, 0, 32, 0, 3, 0, 0, 0]);
    file.extend([0; 20]);
    for mask in [0x00FF_0000_u32, 0xFF00, 0xFF, 0xFF00_0000] {
        file.extend(mask.to_le_bytes());
    }
    file.resize(14 + size_of_header as usize, 0);
    file.extend(pixels.as_flattened());
    file
}

#[test]
fn f144_bmp_with_an_alpha_mask_and_no_alpha() {
    for size in [56, 108, 124] {
        let none = masked_bmp(size, &[[30, 20, 10, 0], [60, 50, 40, 0]]);
        assert_eq!(colors(&picture(&none, "no alpha")).1, [[10, 20, 30], [40, 50, 60]]);
        // With some alpha, none is transparent.
        let some = masked_bmp(size, &[[30, 20, 10, 0], [60, 50, 40, 1]]);
        assert_eq!(colors(&picture(&some, "alpha")).1, [[40, 50, 60]]);
    }
}

/// A BMP of runs: grey levels of 10 more for each place of the palette.
fn bmp_of_runs(width: u32, height: u32, bits: u8, size_of_header: u32, runs: &[u8]) -> Vec<u8> {
    let mut file = b"BM\0\0\0\0\0\0\0\0".to_vec();
    file.extend((14 + size_of_header + 16 * 4).to_le_bytes());
    file.extend(size_of_header.to_le_bytes());
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend([1, 0, bits, 0, if bits == 8 { 1 } else { 2 }, 0, 0, 0]);
    file.extend([0; 12]);
    file.extend(16_u32.to_le_bytes());
    file.resize(14 + size_of_header as usize, 0);
    file.extend((0..16).flat_map(|place| [5 + 10 * place, 5 + 10 * place, 5 + 10 * place, 0]));
    file.extend(runs);
    file
}

#[test]
fn f144_bmp_of_runs() {
    let places = |file: &[u8]| -> Vec<u16> {
        let (_, colors) = colors(&picture(file, "runs"));
        colors.into_iter().map(|[r, ..]| (r - 5) / 10).collect()
    };
    for size in [40, 64, 124] {
        // From below: a run, places of their own; then a step over the first ones of the row.
        let runs = [2, 3, 0, 3, 4, 5, 6, 0, 0, 0, 0, 2, 3, 0, 2, 7, 0, 1];
        assert_eq!(places(&bmp_of_runs(5, 2, 8, size, &runs)), [0, 0, 0, 7, 7, 3, 3, 4, 5, 6]);
        // What is left out at the end, and a run past the end of its row.
        let runs = [9, 2, 0, 0, 1, 4, 0, 1];
        assert_eq!(places(&bmp_of_runs(3, 2, 8, size, &runs)), [4, 0, 0, 2, 2, 2]);
        // Nibbles, one of them past the end; without the mark of the end.
        let runs = [4, 0x12, 0, 0, 0, 3, 0x34, 0x50, 0, 0];
        assert_eq!(places(&bmp_of_runs(3, 2, 4, size, &runs)), [3, 4, 5, 1, 2, 1]);
        // Both steps at once.
        let runs = [0, 2, 1, 1, 1, 9, 0, 1];
        assert_eq!(places(&bmp_of_runs(3, 2, 8, size, &runs)), [0, 9, 0, 0, 0, 0]);
    }
    assert_damaged(&bmp_of_runs(3, 2, 8, 40, &[3, 1]), "the BMP ends early");
    assert_damaged(&bmp_of_runs(3, 2, 8, 40, &[0, 5, 1]), "the BMP ends early");
    // Another program's.
    let picture =
        picture(&fs::read(data("bmp_rle8_short_last_row.bmp")).expect("it is there"), "RLE8");
    assert_eq!(picture.width() * picture.height(), picture.to_luma8().len() as u32);
}

#[test]
fn f145_gif_whose_first_frame_is_empty() {
    let clear = ImageBuffer::from_pixel(2, 2, Rgba([0, 0, 0, 0]));
    let mut file = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut file);
    let frames = [clear, ImageBuffer::from_pixel(2, 2, Rgba([200, 30, 60, 255]))];
    encoder.encode_frames(frames.map(image::Frame::new)).expect("a GIF");
    drop(encoder);
    let error = Reference::decode(&file).expect_err("nothing is seen").to_string();
    assert!(error.contains("of an animation, the first frame counts"), "{error}");
}

// ---- JPEG XL ----

impl Workshop {
    /// The file that a program makes of another, and what it says meanwhile is dropped.
    #[track_caller]
    fn made(&self, package: &str, program: &str, arguments: &[&str], name: &str) -> Option<String> {
        let path = self.path(name);
        let _ = fs::remove_file(&path);
        let arguments: Vec<_> = arguments
            .iter()
            .map(|&word| if word == "OUT" { path.as_str() } else { word })
            .collect();
        let output = Command::new(program).args(&arguments).output();
        let output = output.unwrap_or_else(|error| {
            panic!("{program}: {error}; it is in the package {package} of Debian")
        });
        (output.status.success() && fs::exists(&path).expect("a path")).then_some(path)
    }

    /// A picture as a PNG.
    fn png(&self, picture: &DynamicImage) -> String {
        let path = self.path("picture.png");
        picture.save(&path).expect("a PNG");
        path
    }

    /// A JPEG XL of a file, by `cjxl`.
    #[track_caller]
    fn jxl(&self, arguments: &[&str], picture: &str) -> Vec<u8> {
        self.try_jxl(arguments, picture).unwrap_or_else(|| panic!("{arguments:?}"))
    }

    fn try_jxl(&self, arguments: &[&str], picture: &str) -> Option<Vec<u8>> {
        let arguments = [&[picture, "OUT", "--quiet"], arguments].concat();
        let path = self.made("libjxl-tools", "cjxl", &arguments, "made.jxl")?;
        Some(fs::read(path).expect("it can be read"))
    }

    /// What libjxl reads, if it does.
    fn djxl(&self, jxl: &[u8]) -> Option<DynamicImage> {
        let jxl = self.write("oracle.jxl", jxl);
        let path = self.made("libjxl-tools", "djxl", &[&jxl, "OUT", "--quiet"], "oracle.png")?;
        Some(image::open(path).expect("a picture"))
    }
}

/// A soft picture in samples of each kind, with some transparent pixels.
fn kinds_of_samples(width: u32, height: u32) -> Vec<DynamicImage> {
    let mut random = noise(154);
    let colors = soft(width, height);
    let deep = ImageBuffer::from_fn(width, height, |x, y| {
        let word = |level: u8, low: u8| u16::from_be_bytes([level, low]);
        let Rgb([r, g, b]) = *colors.get_pixel(x, y);
        // Of 8 bits, because old versions of cjxl store no more of it.
        let alpha = if (x + y) % 5 == 0 { 0 } else { word(x as u8 | 0x40, x as u8 | 0x40) };
        Rgba([word(r, random()), word(g, random()), word(b, random()), alpha])
    });
    let deep = DynamicImage::from(deep);
    vec![
        deep.to_luma8().into(),
        deep.to_luma_alpha8().into(),
        deep.to_rgb8().into(),
        deep.to_rgba8().into(),
        deep.to_luma16().into(),
        deep.to_luma_alpha16().into(),
        deep.to_rgb16().into(),
        deep,
    ]
}

/// How far the samples of two pictures of one kind are from each other, at most, where they are seen.
#[track_caller]
fn furthest(a: &DynamicImage, b: &DynamicImage, what: &str) -> u16 {
    assert_eq!(a.color(), b.color(), "{what}");
    let (a, b) = (a.to_rgba16(), b.to_rgba16());
    assert_eq!(a.dimensions(), b.dimensions(), "{what}");
    let seen = a.pixels().zip(b.pixels()).filter(|(_, b)| b[3] > 0);
    let differences = |(a, b): (&Rgba<u16>, &Rgba<u16>)| {
        a.0.into_iter().zip(b.0).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)
    };
    seen.map(differences).max().unwrap_or(0)
}

#[test]
fn f154_jpeg_xl_of_every_kind() {
    let workshop = Workshop::new();
    let lossless: [&[&str]; 5] = [
        &["-d", "0", "-e", "3"],
        &["-d", "0", "-e", "5", "--container=1"],
        &["-d", "0", "-e", "3", "-R", "1"],
        &["-d", "0", "-e", "4", "-g", "3"],
        &["-d", "0", "-e", "3", "-C", "1"],
    ];
    let lossy: [&[&str]; 5] = [
        &["-d", "1", "-e", "3"],
        &["-d", "0.5", "-e", "4", "-p"],
        &["-d", "1", "-e", "5", "--progressive_dc=1", "--container=1"],
        &["-d", "2", "-e", "4", "-m", "1"],
        &["-d", "8", "-e", "4", "--epf=3"],
    ];
    let mut n = 0;
    for (width, height) in [(1, 1), (7, 5), (61, 43), (300, 270)] {
        for picture_in in kinds_of_samples(width, height) {
            let png = workshop.png(&picture_in);
            for arguments in lossless {
                let what = format!("{width}x{height} {:?} {arguments:?}", picture_in.color());
                // Old versions fail on some of them.
                let Some(jxl) = workshop.try_jxl(arguments, &png) else { continue };
                let read = picture(&jxl, &what);
                assert_eq!(furthest(&read, &picture_in, &what), 0, "{what}");
                n += 1;
            }
            for arguments in lossy {
                let what = format!("{width}x{height} {:?} {arguments:?}", picture_in.color());
                let Some(jxl) = workshop.try_jxl(arguments, &png) else { continue };
                let Some(expected) = workshop.djxl(&jxl) else { continue };
                let furthest = furthest(&picture(&jxl, &what), &expected, &what);
                // A level and a half of 8 bits.
                assert!(furthest < 386, "{what}: {furthest}");
                n += 1;
            }
        }
    }
    assert!(n > 180, "{n} pictures");
}

#[test]
fn f154_jpeg_xl_that_was_a_jpeg_or_is_animated_or_has_patches() {
    let workshop = Workshop::new();
    for arguments in [&["-sample", "1x1"][..], &["-sample", "2x2"], &["-grayscale"]] {
        let jpeg = workshop.jpeg(arguments, &workshop.ppm(61, 43));
        let jxl = workshop.jxl(&["--lossless_jpeg=1"], &workshop.write("was.jpg", &jpeg));
        // Without what is there to make the JPEG again, it is decoded.
        let (mean, most) = distance(&picture(&jxl, "a JPEG"), &workshop.oracle(&jpeg));
        assert!(mean < 1. && most < 20, "{arguments:?}: {mean}, {most}");
    }
    // The same letters again and again, which are stored once.
    let letter = |x: u32, y: u32| (x * 7 + y * 3) % 5 < 2 || x == y;
    let letters = ImageBuffer::from_fn(400, 200, |x, y| {
        let is_ink = x % 20 < 8 && y % 20 < 11 && letter(x % 20, y % 20);
        Rgb(if is_ink { [20_u8, 30, 40] } else { [250, 250, 245] })
    });
    for arguments in [&["-d", "0", "--patches=1"][..], &["-d", "1", "--patches=1"]] {
        let jxl = workshop.jxl(arguments, &workshop.png(&letters.clone().into()));
        let expected = workshop.djxl(&jxl).expect("it is right");
        assert!(furthest(&picture(&jxl, "patches"), &expected, "patches") < 386);
    }
    // An animation; without times, its frames would be layers of one picture.
    let mut gif = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut gif);
    let frames = [[200, 30, 60, 255], [10, 20, 30, 255]].map(|color| {
        let delay = image::Delay::from_numer_denom_ms(100, 1);
        image::Frame::from_parts(ImageBuffer::from_pixel(8, 8, Rgba(color)), 0, 0, delay)
    });
    encoder.encode_frames(frames).expect("a GIF");
    drop(encoder);
    let jxl = workshop.jxl(&["-d", "0"], &workshop.write("animated.gif", gif));
    let first = picture(&jxl, "animated").to_rgb8();
    assert!(first.pixels().all(|pixel| pixel.0 == [200, 30, 60]), "{:?}", first.get_pixel(0, 0));
    // Fractions count from 0 to 1, as 16 bits.
    let floats = [0., 0.25, 0.5, 1.];
    let bytes = floats.iter().flat_map(|level: &f32| level.to_le_bytes()).collect::<Vec<_>>();
    let pfm = workshop.write("f.pfm", [&b"Pf\n4 1\n-1.0\n"[..], &bytes].concat());
    let read = picture(&workshop.jxl(&["-d", "0"], &pfm), "fractions");
    assert_eq!(read.as_luma16().expect("grey").as_raw()[..], [0, 16384, 32768, 65535]);
}

#[test]
fn f154_jpeg_xl_with_colors_multiplied_by_alpha() {
    // No program makes one of a PNG: see the folder's README.
    let file = fs::read(data("multiplied.jxl")).expect("it is in the project");
    let read = picture(&file, "multiplied").to_rgba8();
    // The decoder spreads what is between two levels over both.
    for pixel in read.pixels() {
        let [r, g, b, alpha] = pixel.0;
        assert!(matches!((r, g, b, alpha), (99..=100, 39..=40, 159..=160, 128)), "{pixel:?}");
    }
}

#[test]
fn f154_jpeg_xl_that_is_damaged() {
    let workshop = Workshop::new();
    let png = workshop.png(&soft(300, 270).into());
    let mut random = noise(155);
    for arguments in
        [&["-d", "0", "-e", "3"][..], &["-d", "1"], &["-d", "1", "-p", "--container=1"]]
    {
        let file = workshop.jxl(arguments, &png);
        for end in [12, 40, file.len() / 2, file.len() - 1] {
            assert_damaged(&file[..end], "the JPEG XL ends early");
        }
        let whole = picture(&file, "the whole");
        assert!(picture(&[&file[..], b"a trailer"].concat(), "a trailer") == whole);
        for _ in 0..60 {
            let mut bad = file.clone();
            let at = usize::from(u16::from_le_bytes([random(), random()])) * 7 % file.len();
            bad[at] ^= random() | 1;
            // Checks of the codes find some damage, not all: what is read is what others read.
            if let Ok(read) = decode_picture(&bad) {
                let expected = workshop.djxl(&bad);
                let expected = expected.unwrap_or_else(|| panic!("{arguments:?}: byte {at}"));
                let furthest = furthest(&read, &expected, "damaged");
                assert!(furthest < 386, "{arguments:?}: byte {at}: {furthest}");
            }
        }
    }
}

// ---- What isn't read ----

#[test]
fn f146_what_is_not_read_is_named() {
    let jp2 = b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 \0\0\0\0jp2 ";
    let tga = |head: [u8; 18], tail: &[u8]| [&head[..], &[7; 30], tail].concat();
    let mut head = [0; 18];
    (head[2], head[12], head[14], head[16]) = (2, 2, 5, 24);
    for (file, name) in [
        (&b"\0\0\0\x1CftypheicAAAAmif1heic"[..], "HEIC"),
        (b"\0\0\0\x1CftypmsfAAAAAheixmsf1", "HEIC"),
        (b"\0\0\0\x18ftypmif1AAAAmif1miaf", "HEIF"),
        (b"\0\0\0\x1CftypavifAAAAmif1avif", "AVIF"),
        (b"\0\0\0\x1CftypavisAAAAmsf1avis", "AVIF"),
        (b"\0\0\0\x18ftypcrx AAAAcrx isom", "a raw picture of a camera"),
        (b"\0\0\0\x18ftypmiafAAAAmiaf    ", "HEIF"),
        (b"\0\0\0\x08wide\0\0\0\x0Cfree    \0\0\0\x10ftypheic    ", "HEIC"),
        (jp2, "JPEG 2000"),
        (b"\xFF\x4F\xFF\x51\0\x2F", "JPEG 2000"),
        (b"8BPS\0\x01", "PSD"),
        (b"gimp xcf v011", "XCF"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<svg width='1'/>", "SVG"),
        (b"\xEF\xBB\xBF  <svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"PF\n3 2\n-1.0\n", "PFM"),
        (b"\x0A\x05\x01\x08\0\0\0\0", "PCX"),
        (&tga(head, b""), "TGA"),
        (&tga([9; 18], b"TRUEVISION-XFILE.\0"), "TGA"),
        (b"DDS \x7C\0\0\0", "DDS"),
        (b"\x76\x2F\x31\x01\x02", "OpenEXR"),
        (b"#?RADIANCE\n", "Radiance HDR"),
        (b"SDPX\0\0\x20\0", "DPX"),
        (b"FORM\0\0\x20\0ILBMBMHD", "IFF"),
        (b"%PDF-1.7", "PDF"),
        (b"II*\0\x10\0\0\0CR\x02\0", "a raw picture of a camera"),
    ] {
        assert_unsupported(file, name);
    }
    let packets = |first: usize, size: usize| {
        let mut file = vec![0; first + 3 * size];
        (0..3).for_each(|i| file[first + i * size] = 0x47);
        file
    };
    for film in [
        &b"\0\0\0\x18ftypmp42AAAAmp42isom"[..],
        b"\0\0\0\x08wide\0\0\x20\0mdat",
        b"\0\0\0\x10free        \0\0\x20\0moov",
        b"\x1A\x45\xDF\xA3\x01\0\0\0",
        b"RIFF\x10\0\0\0AVI LIST",
        b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9",
        b"\x06\x0E\x2B\x34\x02\x05\x01\x01\x0D",
        b"YUV4MPEG2 W2 H2",
        &packets(0, 188),
        &packets(4, 192),
    ] {
        let error = decode_picture(film).expect_err("it is no picture");
        assert!(matches!(error, ReferenceError::Film), "{film:?}: {error:?}");
    }
    for other in [&b"\0\0\0\x08wide\0\0\0\0"[..], b"\0\0\0\x08free", b"FORM\0\0\x20\0AIFF"] {
        let error = decode_picture(other).expect_err("it is no picture");
        assert!(matches!(error, ReferenceError::UnknownFormat), "{other:?}: {error:?}");
    }
}

/// The programs that a message names do what it says.
#[test]
fn f146_what_is_not_read_becomes_a_png_as_the_message_says() {
    let workshop = Workshop::new();
    let soft = DynamicImage::from(soft(64, 48));
    let png = workshop.png(&soft);
    let heif: [(&str, &[&str]); 2] =
        [("a.heic", &[&png, "-q", "90", "-o", "OUT"]), ("a.avif", &[&png, "-A", "-o", "OUT"])];
    let made = heif.map(|(name, arguments)| {
        workshop.made("libheif-examples", "heif-enc", arguments, name).expect(name)
    });
    let jp2 = ["-i", &png, "-o", "OUT"];
    let jp2 = workshop.made("libopenjp2-tools", "opj_compress", &jp2, "a.jp2").expect("a JP2");
    for file in made.into_iter().filter(|_| !cfg!(feature = "heif")).chain([jp2]) {
        let error = Reference::load(file.as_ref()).expect_err("it is not read").to_string();
        let command = error.split('\'').nth(1).unwrap_or_else(|| panic!("{error}"));
        let mut words = command.split(' ').map(|word| match word {
            "FILE" => file.as_str(),
            "REF.png" => "OUT",
            word => word,
        });
        let program = words.next().expect("a program");
        let read = workshop.made("of the message", program, &words.collect::<Vec<_>>(), "ref.png");
        let read = image::open(read.unwrap_or_else(|| panic!("{command}"))).expect("a PNG");
        let (mean, _) = distance(&read, &soft);
        assert!(mean < 8., "{command}: {mean}");
    }
}

/// The formats of which something is read are not taken for others.
#[test]
fn f146_what_is_read_has_no_other_name() {
    let soft = DynamicImage::from(soft(5, 3));
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Pnm, Qoi, Tiff, WebP};
    for format in [Bmp, Gif, Jpeg, Png, Pnm, Qoi, Tiff, WebP] {
        let mut file = std::io::Cursor::new(Vec::new());
        soft.write_to(&mut file, format).expect("a file");
        picture(file.get_ref(), &format!("{format:?}"));
    }
    let mut file = Vec::new();
    JpegEncoder::new(&mut file).encode_image(&soft).expect("a JPEG");
    picture(&file, "JPEG");
}

#[test]
fn f147_nothing_is_printed_whatever_is_read() {
    let mut child = alone(module_path!(), "child_that_reads_damaged_files");
    let output = child.arg("--ignored").output().expect("it runs");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "\nread: 6000\n\n");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.lines().all(|line| line.is_empty() || line.contains("test")), "{said}");
}

#[test]
#[ignore = "run by another, in a process of its own"]
fn child_that_reads_damaged_files() {
    let mut files: Vec<Vec<u8>> = fs::read_dir(data(""))
        .expect("the folder is there")
        .map(|entry| fs::read(entry.expect("a file").path()).expect("it can be read"))
        .collect();
    files.extend(layouts().take(8).map(|tiff| tiff.file(&samples(3, 8))));
    let mut random = noise(147);
    for n in 0..6000 {
        let mut file = files[n % files.len()].clone();
        for _ in 0..4 {
            let place = u16::from_le_bytes([random(), random()]);
            let at = usize::from(place) % file.len().min(800);
            file[at] = random();
        }
        drop(Reference::decode(&file));
    }
    eprintln!("\nread: 6000\n");
}
