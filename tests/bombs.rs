//! Promise: no picture file takes more than 5 s of CPU or 1.5 GB of memory to load or refuse, and
//! loading can be stopped.

#[path = "bombs/files.rs"]
mod files;
#[allow(dead_code)]
#[path = "common/icc.rs"]
mod icc;
#[allow(dead_code)]
#[path = "common/png.rs"]
mod png;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use files::{Scan, jpeg, jpeg_of_refinements, jpeg_of_scans, riff, tiff_of_jpeg, tiff_of_tiles};
use gsthistomatch::reference::{Interrupt, Reference, ReferenceError};
use icc::{Curve, Icc, Table};
use temp_dir::TempDir;

/// Names the file that [`child`] loads.
const FILE: &str = "HISTOMATCH_TEST_BOMB";

/// What a load may take in memory, in bytes.
const MAX_BYTES: u64 = 1_500_000_000;

/// What a load may take of CPU, in seconds. Debug builds are slower.
const MAX_SECONDS: u64 = if cfg!(debug_assertions) { 20 } else { 5 };

/// Loads a file where it is killed if that takes too much. The outcome is what there is to print.
#[cfg(target_os = "linux")]
fn load(file: &[u8]) -> String {
    let folder = TempDir::new().expect("a folder can be made");
    let path = folder.path().join("bomb");
    fs::write(&path, file).expect("a file can be written");
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(FILE, &path)
        .output()
        .expect("it starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {printed}{errors}", output.status);
    // Nothing in it prints by itself.
    assert_eq!(errors, "");
    let outcome = printed.lines().find_map(|line| line.split_once("outcome: "));
    outcome.expect("the outcome is printed").1.to_owned()
}

#[test]
#[ignore = "run by others, in a process of its own"]
#[cfg(target_os = "linux")]
fn child() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let status = fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages = status.split(' ').next().expect("a number").parse::<u64>().expect("a number");
    for (resource, limit) in
        [(libc::RLIMIT_AS, pages * 4096 + MAX_BYTES), (libc::RLIMIT_CPU, MAX_SECONDS)]
    {
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        // SAFETY: the limit is there to be read.
        assert_eq!(unsafe { libc::setrlimit(resource, &limit) }, 0);
    }
    match Reference::load(Path::new(&path)) {
        Ok(_) => println!("outcome: a picture"),
        Err(error) => println!("outcome: {error}"),
    }
}

#[track_caller]
fn assert_costly(file: &[u8], what: &str) {
    let outcome = load(file);
    assert!(
        outcome.starts_with(&format!("decoding it takes too much time or memory: {what}"))
            && outcome.ends_with(
                "; save it again as an 8-bit PNG, scaled down if it is large (a smaller copy has \
                 the same colours)"
            ),
        "{outcome}"
    );
}

/// A zlib stream that becomes 2^28 zeros.
fn zeros() -> Vec<u8> {
    png::bomb((1 << 28) / 258)
}

#[test]
fn f110_tiff_of_tiles_larger_than_the_picture() {
    let tiles = tiff_of_tiles([1, 3000], [1 << 28, 16], 8, &zeros());
    assert!(tiles.len() < 2_000_000);
    let what = "the TIFF has tiles of 268435456 x 16 pixels for a picture of 1 x 3000";
    assert_costly(&tiles, what);
    // 20,000 of them.
    assert_costly(&tiff_of_tiles([1, 20_000], [1 << 28, 1], 8, &zeros()), "the TIFF has tiles of ");
    // In LZW and PackBits, too.
    assert_costly(
        &tiff_of_tiles([1, 3000], [1 << 28, 16], 5, &[0; 1000]),
        "the TIFF has tiles of ",
    );
    assert_costly(
        &tiff_of_tiles([1, 3000], [1 << 28, 16], 32773, &[0; 9]),
        "the TIFF has tiles of ",
    );
}

#[test]
fn f110_tiff_of_many_pieces() {
    assert_costly(
        &tiff_of_tiles([70_000, 1], [1, 1], 8, &png::bomb(1)),
        "the TIFF is in 70000 pieces",
    );
    let shared = tiff_of_tiles([1000, 1], [1, 1], 32773, &[0x80; 100_000]);
    assert_costly(&shared, "the pieces of the TIFF share their data");
}

#[test]
fn f110_tiff_with_long_values() {
    let entries = [
        (256, files::LONG, vec![1]),
        (257, files::LONG, vec![1]),
        (258, files::SHORT, vec![8; 1 << 20]),
    ];
    assert_costly(
        &files::tiff(b"", &entries),
        "the TIFF has 2097152 bytes of values for its tag 258",
    );
    // As a text of 512 MiB: the decoder prints a line of its own to refuse it.
    let mut text = files::tiff(b"", &[(256, files::LONG, vec![1]), (257, files::LONG, vec![1])]);
    text[12..18].copy_from_slice(&[2, 0, 0, 0, 0, 0x20]);
    assert_costly(&text, "the TIFF has 536870912 bytes of values for its tag 256");
}

#[test]
fn f110_tiff_with_a_jpeg_inside() {
    // No larger than the picture, it is read; the JPEG says YCbCr, the TIFF R'G'B'.
    let small = jpeg(16, 16, false, 0, &[Scan(&[1, 2, 3], 0, 63, 0, &[0; 40])]);
    assert_eq!(load(&tiff_of_jpeg([16, 16], &small)), "a picture");
    for height in [16, 64] {
        let large = jpeg(30_000, 30_000, false, 0, &[Scan(&[1, 2, 3], 0, 63, 0, &[0; 40])]);
        assert_costly(
            &tiff_of_jpeg([16, height], &large),
            "the TIFF holds a JPEG of 30000 x 30000 pixels in a piece of 16 x ",
        );
    }
    // The components are never all there, so all scans would have to be gone over.
    let scans: Vec<_> = (0..99).map(|_| Scan(&[1], 0, 63, 0, &[0; 500 * 500 / 4])).collect();
    let scans = jpeg(4000, 4000, false, 0, &scans);
    assert_costly(
        &tiff_of_jpeg([4000, 4000], &scans),
        "the scans of the JPEG go over more than 9 million blocks",
    );
}

#[test]
fn f111_webp_with_65536_sets_of_prefix_codes() {
    // 4 x 4 blocks have one number: with 3 sets it is a picture.
    let few = riff(&[(b"VP8L", files::vp8l(8, 8, 3))]);
    assert_eq!(load(&few), "a picture");
    let what = "the WebP has 65536 sets of prefix codes";
    assert_costly(&riff(&[(b"VP8L", files::vp8l(8, 8, 65536))]), what);
    let extended = [(b"VP8X", files::vp8x(0, 8, 8)), (b"VP8L", files::vp8l(8, 8, 65536))];
    assert_costly(&riff(&extended), what);
    assert_costly(&files::webp_with_alpha(65536, &[0; 30]), what);
}

#[test]
fn webp_whose_picture_is_larger_than_it_says() {
    // The header of a frame of VP8: tag, start code, 14 bits each of width and height.
    let vp8 = |width: u16, height: u16, length: usize| {
        let mut frame = vec![0x10, 0, 0, 0x9D, 0x01, 0x2A];
        frame.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
        frame.resize(length, 0);
        frame
    };
    let hidden = [(b"VP8X", files::vp8x(0, 8, 8)), (b"VP8 ", vp8(16383, 16383, 100))];
    assert!(
        load(&riff(&hidden)).starts_with("the picture is damaged (the WebP's picture has another")
    );
    assert_costly(
        &riff(&[(b"VP8 ", vp8(10_000, 10_000, 100))]),
        "10000 x 10000 pixels are more than the limit for WebP, 67 million",
    );
    assert_costly(
        &riff(&[(b"VP8 ", vp8(100, 100, 25 << 20))]),
        "25 MiB are more than the limit for lossy WebP, 24 MiB",
    );
}

#[test]
fn jpeg_xl_of_too_many_samples() {
    // Its size, and that all else is as usual (18181-1, D.2).
    let jxl = |height: u64, width: u64| {
        let bits = (3 << 1) | (height - 1) << 3 | (3 << 36) | (width - 1) << 38;
        let mut file = vec![0xFF, 0x0A];
        file.extend(bits.to_le_bytes());
        // The 68 bits of the sizes go on; then everything has its default.
        file.extend([((width - 1) >> 26) as u8 | 3 << 4, 0, 0, 0, 0]);
        file
    };
    assert_costly(
        &jxl(4097, 4096),
        "4096 x 4097 pixels are more than the limit for JPEG XL, 50 million samples",
    );
    let outcome = load(&jxl(1 << 20, 1 << 20));
    assert!(outcome.starts_with("the picture claims 1048576 x 1048576 pixels"), "{outcome}");
    assert_costly(&jxl(1 << 30, 1 << 30), "a JPEG XL with 1073741824 pixels in a row or column");
    // A size that is read.
    assert!(load(&jxl(4096, 4096)).starts_with("the picture is damaged (the JPEG XL ends early)"));
}

#[test]
#[cfg(feature = "heif")]
fn heif_of_too_many_pixels() {
    let heif = |tile, grid| files::heif_of_tiles(b"hvc1", tile, b"", &[0; 99], grid);
    let outcome = load(&heif([1 << 14, 1 << 14], [1, 1]));
    assert!(outcome.starts_with("the picture claims 16384 x 16384 pixels"), "{outcome}");
    assert_costly(
        &heif([10_000, 10_000], [1, 1]),
        "10000 x 10000 pixels are more than the limit for HEIC, 50 million",
    );
    // Tiles that a decoder of its own is needed for, each.
    assert_costly(&heif([8, 8], [200, 200]), "the parts of the HEIC are larger than it is");
    let mut long = heif([64, 64], [1, 1]);
    long.resize(17 << 20, 0);
    assert_costly(&long, "17 MiB are more than the limit for HEIC, 16 MiB");
}

/// The most that is decoded, of noise.
#[test]
#[cfg(feature = "heif")]
fn heif_of_one_tile_again_and_again() {
    let folder = TempDir::new().expect("a folder can be made");
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let pixels: Vec<u8> = (0..512 * 512 * 3).map(|_| noise()).collect();
    let source = folder.path().join("tile.png");
    image::save_buffer(&source, &pixels, 512, 512, image::ColorType::Rgb8).expect("a PNG");
    for (codec, kind, configuration) in [("--hevc", b"hvc1", b"hvcC"), ("--avif", b"av01", b"av1C")]
    {
        for how in [&["-q", "50"][..], &["--lossless"]] {
            let tile = folder.path().join("tile.heif");
            let mut command = Command::new("heif-enc");
            command.arg(codec).args(how).arg(&source).arg("-o").arg(&tile);
            let made = command.output().expect("it is in Debian's package libheif-examples");
            assert!(made.status.success(), "{made:?}");
            let tile = fs::read(tile).expect("a file");
            let place = |kind: &[u8; 4]| {
                let at = tile.windows(4).position(|bytes| bytes == kind).expect("such a box") - 4;
                let size = u32::from_be_bytes(*tile[at..].first_chunk().expect("a size"));
                (at, at + size as usize)
            };
            let (start, end) = place(configuration);
            let (data, _) = place(b"mdat");
            let file = files::heif_of_tiles(
                kind,
                [512, 512],
                &tile[start..end],
                &tile[data + 8..],
                if kind == b"hvc1" { [13, 14] } else { [12, 13] },
            );
            let outcome = load(&file);
            assert!(
                outcome == "a picture" || outcome.starts_with("decoding it takes too long"),
                "{codec} {how:?}: {outcome}"
            );
        }
    }
}

#[test]
fn f112_jpeg_of_many_scans() {
    assert_eq!(load(&jpeg_of_scans(300, 200, 10)), "a picture");
    let what = "2080 x 64224 pixels are more than the limit for a progressive JPEG";
    assert_costly(&jpeg_of_scans(2080, 64224, 99), what);
    assert_costly(
        &jpeg_of_scans(4000, 4000, 99),
        "the scans of the JPEG go over more than 9 million blocks",
    );
    assert_costly(
        &jpeg_of_refinements(6000, 6000, 90),
        "the scans of the JPEG go over more than 9 million blocks",
    );
    // The components are never all there.
    let scans: Vec<_> = (0..99).map(|_| Scan(&[1], 0, 63, 0, &[0; 500 * 500 / 4])).collect();
    assert_costly(
        &jpeg(4000, 4000, false, 0, &scans),
        "the scans of the JPEG go over more than 9 million blocks",
    );
}

#[test]
fn f113_png_of_many_chunks() {
    let many = |chunk: Vec<u8>, n: usize| {
        let pixels = png::pixels(&[&[1, 2, 3]]);
        png::file(3, 1, png::GREY_8, &[chunk.repeat(n), pixels])
    };
    for chunk in [png::chunk(b"IDAT", b""), png::chunk(b"tEXt", b"a\0"), png::chunk(b"abCd", b"")] {
        assert_costly(&many(chunk.clone(), 1 << 18), "the PNG has more than 262144 chunks");
        assert_eq!(load(&many(chunk, 1000)), "a picture");
    }
}

#[test]
fn f113_png_of_16_bits_rgba_at_the_limit() {
    let pixels = |n: usize| png::chunk(b"IDAT", &png::bomb(n));
    let kind = png::Kind(16, 6);
    // Twice 2^26 pixels of 8 bytes, and the filter of each row: all transparent.
    let outcome = load(&png::file(1 << 14, 1 << 13, kind, &[pixels(1)]));
    assert!(outcome.starts_with("decoding it takes too much memory; scale it down"), "{outcome}");
    let rows = png::file(1 << 14, 3000, kind, &[pixels(((1 << 17) + 1) * 3000 / 258 + 1)]);
    assert!(load(&rows).starts_with("every pixel of the picture is fully transparent"));
}

/// Loads a file until it is interrupted, which must come soon.
#[track_caller]
fn assert_stops(file: &[u8]) {
    let folder = TempDir::new().expect("a folder can be made");
    let path = folder.path().join("bomb");
    fs::write(&path, file).expect("a file can be written");
    let interrupt = Interrupt::default();
    let begun = Instant::now();
    let stopped = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            interrupt.interrupt();
        });
        Reference::load_until(&path, &interrupt)
    });
    assert!(matches!(stopped, Err(ReferenceError::Interrupted)), "{stopped:?}");
    // Its own time is a look at the interrupt every 20 ms; the rest is for a busy machine.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn f114_interrupted_while_it_loads() {
    let png = png::chunk(b"IDAT", &png::bomb((1 << 29) / 258));
    assert_stops(&png::file((1 << 14) - 1, 1 << 13, png::Kind(16, 2), &[png]));
    // Two bits for each block.
    let scan = [Scan(&[1, 2, 3], 0, 63, 0, &[0; 2000 * 1000 * 3 / 4])];
    assert_stops(&jpeg(16_000, 8000, false, 0, &scan));
}

#[test]
fn f114_interrupted_before_it_loads() {
    let interrupt = Interrupt::default();
    interrupt.clone().interrupt();
    let file = png::file(3, 1, png::GREY_8, &[png::pixels(&[&[1, 2, 3]])]);
    let stopped = Reference::decode_until(&file, &interrupt);
    assert!(matches!(stopped, Err(ReferenceError::Interrupted)), "{stopped:?}");
    assert!(Reference::decode_until(&file, &Interrupt::default()).is_ok());
}

/// A PNG of so many rows of 4096 black pixels, with a profile.
fn png_with_profile(rows: u32, profile: &[u8]) -> Vec<u8> {
    let mut compressed = vec![];
    let mut zlib = flate2::write::ZlibEncoder::new(&mut compressed, flate2::Compression::fast());
    zlib.write_all(profile).and_then(|()| zlib.try_finish()).expect("memory");
    drop(zlib);
    let profile = png::chunk(b"iCCP", &[b"profile\0\0", &*compressed].concat());
    let pixels = png::bomb((4096 * 3 + 1) * rows as usize / 258 + 1);
    png::file(4096, rows, png::RGB_8, &[profile, png::chunk(b"IDAT", &pixels)])
}

#[test]
fn f168_profiles_that_are_large_or_take_long() {
    const LARGE: usize = 100_000_000;
    // In each kind of file that has room for it: it is left out, and the picture counts.
    let size = [(256, files::LONG, vec![1]), (257, files::LONG, vec![1])];
    let strip = [(273, files::LONG, vec![8]), (278, files::LONG, vec![1])];
    let mut tiff = files::tiff(
        &[1; 3],
        &[
            &size[..],
            &[(258, files::SHORT, vec![8; 3]), (262, files::SHORT, vec![2])],
            &strip,
            &[(277, files::SHORT, vec![3]), (279, files::LONG, vec![3])],
            &[(34675, files::LONG, vec![0; LARGE / 4])],
        ]
        .concat(),
    );
    assert!(tiff.len() > LARGE);
    assert_eq!(load(&tiff), "a picture");
    // It says that it is even larger.
    let tag = tiff.windows(4).position(|tag| tag == [0x73, 0x87, 4, 0]).expect("the tag");
    tiff[tag + 4..tag + 8].copy_from_slice(&[0xFF; 4]);
    assert_eq!(load(&tiff), "a picture");
    assert_eq!(load(&png_with_profile(1, &vec![0; LARGE])), "a picture");

    // A table of 2 MB, which is read as often as it is there: 500,000 times.
    let table = icc::table(Table::Lut8, 90, |rgb| rgb.map(|part| 100. * part));
    let mut tables = Icc::table(2, *b"RGB ", table).file();
    let n = 500_000_u32;
    let entry: [u8; 12] = *tables[132..].first_chunk().expect("a tag");
    let tag = |at: u32| [&entry[..4], &at.to_be_bytes(), &entry[8..]].concat();
    let at = u32::from_be_bytes(*entry[4..].first_chunk().expect("a place")) + 12 * n;
    tables.splice(132..132, tag(at).repeat(n as usize));
    tables[128..132].copy_from_slice(&n.to_be_bytes());
    assert!(tables.len() < 8 << 20, "{}", tables.len());
    assert_eq!(load(&png_with_profile(1, &tables)), "a picture");

    // Long curves, and a table, for a large picture.
    let long = Icc::rgb(2, icc::DISPLAY_P3, &Curve::srgb_table(1 << 16)).file();
    let table = icc::table(Table::Lut16, 33, |rgb| rgb.map(|part| 100. * part));
    let table = Icc::table(2, *b"RGB ", table);
    for profile in [long, table.file()] {
        assert_eq!(load(&png_with_profile(1 << 12, &profile)), "a picture");
    }
}

#[test]
fn f168_cmyk_with_a_profile_in_rows_of_a_pixel() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cmyk.icc");
    let mut profile = fs::read(path).expect("it can be read");
    profile.resize(profile.len().next_multiple_of(4), 0);
    let words: Vec<u32> =
        profile.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect();
    let file = |n_rows: u32| {
        let stream = png::bomb(n_rows as usize * 4 / 258 + 1);
        files::tiff(
            &stream,
            &[
                (256, files::LONG, vec![1]),
                (257, files::LONG, vec![n_rows]),
                (258, files::SHORT, vec![8; 4]),
                (259, files::SHORT, vec![8]),
                (262, files::SHORT, vec![5]),
                (273, files::LONG, vec![8]),
                (277, files::SHORT, vec![4]),
                (278, files::LONG, vec![n_rows]),
                (279, files::LONG, vec![stream.len() as u32]),
                (34675, files::LONG, words.clone()),
            ],
        )
    };
    let outcome = load(&file(if cfg!(debug_assertions) { 1 << 21 } else { 100_000_000 }));
    assert!(
        outcome == "a picture" || outcome.starts_with("decoding it takes too long"),
        "{outcome}"
    );
}
