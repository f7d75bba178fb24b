//! Promise: a picture file of any kind gives the right histograms or an error that says what is
//! wrong and what to do, in bounded time and memory, whatever is in the file or at its path.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, mpsc};
use std::time::Duration;

use common::frames::{Frame, Shape, noise};
use common::jpeg;
use common::oracle::{Code, Picture};
use common::png::{self, Kind};
use common::{Complaint, Rig, bytes, data, media};
use gst::prelude::*;
use gst_video::VideoFormat;
use gsthistomatch::cdf::Cdf;
use gsthistomatch::color::{Channels, Encoding, LumaWeights, Range};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::reference::{MAX_FILE_BYTES, Reference, ReferenceError};
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba};
use temp_dir::TempDir;

const MIB: usize = 1 << 20;

// What the errors say.
const NOT_FOUND: &str = "there is no such file; check the path (a relative path starts at the \
                         working directory of the process)";
const DIRECTORY: &str = "it is a directory, not a regular file; give the path of a picture file";
const SPECIAL: &str =
    "it is a pipe, socket or device, not a regular file; give the path of a picture file";
const EMPTY: &str = "the file is empty; give the path of a picture file";
const TOO_LARGE: &str = "the file is larger than 256 MiB; scale the picture down or save it \
                         compressed (a smaller copy has the same colours)";
const TOO_MUCH_MEMORY: &str =
    "decoding it takes too much memory; scale it down, or save it again without metadata";
const UNKNOWN: &str = "its content is not a picture in a known format; convert it to PNG, JPEG, \
                       JPEG XL, WebP, BMP, TIFF, GIF, PNM or QOI";
const NO_PIXELS: &str = "the picture has no pixels; give another picture";
const TRANSPARENT: &str = "every pixel of the picture is fully transparent (of an animation, the \
                           first frame counts), so it has no colours; give a picture with visible \
                           pixels";

fn too_many_pixels(width: u32, height: u32) -> String {
    format!(
        "the picture claims {width} x {height} pixels, more than the limit of 134 million; scale \
         it down (a smaller copy has the same colours)"
    )
}

#[track_caller]
fn assert_damaged(error: &str) {
    assert!(
        error.starts_with("the picture is damaged (")
            && error.ends_with("); save or copy it again")
            && error.len() > 50,
        "{error}"
    );
}

#[track_caller]
fn assert_unsupported(error: &str, what: &str) {
    assert!(
        error.starts_with("this kind of picture is not supported (")
            && error.contains(what)
            && error.ends_with("); convert it to an 8- or 16-bit PNG"),
        "{error}"
    );
}

#[track_caller]
fn load_error(path: &Path) -> String {
    Reference::load(path).expect_err("not a reference picture").to_string()
}

#[track_caller]
fn decode_error(file: &[u8]) -> String {
    Reference::decode(file).expect_err("not a reference picture").to_string()
}

#[track_caller]
fn decode(file: &[u8]) -> Reference {
    Reference::decode(file).unwrap_or_else(|error| panic!("{error}"))
}

fn read(name: &str) -> Vec<u8> {
    fs::read(data(name)).expect("the file is there")
}

/// A folder of its own, and a path in it.
fn folder(name: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder can be made");
    let path = folder.path().join(name);
    (folder, path)
}

/// A whole picture file at a path of that name.
fn file_named(name: impl AsRef<Path>) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder can be made");
    let path = folder.path().join(name);
    fs::write(&path, encode(&blocks(), ImageFormat::Png)).expect("the file can be written");
    (folder, path)
}

/// Runs something that must not wait for ever. If it does, its thread is left behind.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(Duration::from_secs(600)).expect("it comes to an end without a panic")
}

// ---- Memory ----

thread_local! {
    static IN_USE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, with a count of what each thread has.
struct Counting;

fn count(bytes: isize) {
    let in_use = IN_USE.get() + bytes;
    IN_USE.set(in_use);
    PEAK.set(PEAK.get().max(in_use));
}

// SAFETY: every call is passed on as it is; the counters allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most memory that decoding takes at a time, in bytes, and its outcome.
fn decode_counting(file: &[u8]) -> (Result<Reference, ReferenceError>, usize) {
    let before = IN_USE.get();
    PEAK.set(before);
    let outcome = Reference::decode(file);
    (outcome, (PEAK.get() - before) as usize)
}

// ---- Pictures ----

/// The formats that are read.
const FORMATS: [ImageFormat; 8] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
    ImageFormat::Gif,
    ImageFormat::Pnm,
    ImageFormat::Qoi,
];

fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap_or_else(|error| panic!("{format:?}: {error}"));
    file.into_inner()
}

/// The colours of [`blocks`] and of many files in `tests/data`.
fn block_colors() -> Vec<[u8; 3]> {
    (0..16u32).map(|k| [k * 17, k * 40 + 30, k * 90 + 60].map(|level| level as u8)).collect()
}

/// Every colour of 16 for 64 pixels: what pictures of blocks of 8 x 8 pixels hold. One colour a
/// block makes even JPEG almost exact.
fn pixels_of(colors: &[[u8; 3]]) -> Vec<[u16; 3]> {
    colors.iter().flat_map(|color| [color.map(wide); 64]).collect()
}

/// A picture of 4 x 4 blocks of 8 x 8 pixels.
fn blocks() -> DynamicImage {
    let colors = block_colors();
    let color = |x: u32, y: u32| Rgb(colors[(x / 8 + y / 8 * 4) as usize]);
    ImageBuffer::from_fn(32, 32, color).into()
}

/// 8 bits as 16 bits.
fn wide(level: u8) -> u16 {
    u16::from(level) * 257
}

/// Pixels of 16 bits as a picture of `depth` bits.
fn oracle_picture(pixels: &[[u16; 3]], depth: u32) -> Picture {
    let pixels = pixels.iter().map(|pixel| pixel.map(|v| i64::from(v) >> (16 - depth)));
    Picture::new(pixels.collect(), depth)
}

/// R', G', B', and grey as it is by default.
const CODES: [(Encoding, Code); 2] = [
    (Encoding::Rgb(Range::Full), Code::Rgb { limited: false }),
    (
        Encoding::Luma(LumaWeights::BT601, Range::Full),
        Code::Luma { kr: 0.299, kb: 0.114, limited: false },
    ),
];

/// The distributions of a reference in channels of `depth` bits.
fn cdfs(reference: &Reference, encoding: Encoding, depth: u32) -> Arc<[Cdf]> {
    reference.cdfs(&Channels {
        encoding,
        depths: vec![depth; encoding.n_channels()],
        colorimetry: Colorimetry::SRGB,
    })
}

/// Checks the distributions of a reference. Sample for sample, in order of level, they may be
/// `tolerance` levels off.
#[track_caller]
fn assert_holds(reference: &Reference, pixels: &[[u16; 3]], tolerance: u8, what: &str) {
    let picture = oracle_picture(pixels, reference.depth());
    for (encoding, code) in CODES {
        let found = cdfs(reference, encoding, 8);
        assert_eq!(found.len(), encoding.n_channels());
        for (c, cdf) in found.iter().enumerate() {
            let (found, expected) = (levels(cdf), levels_of(&picture.counts(code, c, 8)));
            assert_eq!(found.len(), expected.len(), "{what}: samples of channel {c}");
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    found.abs_diff(*expected) <= tolerance,
                    "{what}: channel {c} has {found} for {expected}"
                );
            }
        }
    }
}

fn levels_of(counts: &[u128]) -> Vec<u8> {
    let level = |(level, &count): (u8, &u128)| std::iter::repeat_n(level, count as usize);
    (0..=255).zip(counts).flat_map(level).collect()
}

/// All samples of a distribution, sorted.
fn levels(cdf: &Cdf) -> Vec<u8> {
    let mut levels = Vec::new();
    for (level, count) in (0..=255).zip(cdf.counts()) {
        levels.resize(*count as usize, level);
    }
    levels
}

// ---- Through the element ----

/// Sets a location and goes to PAUSED. The error is the text of the one message that tells why
/// that failed.
fn start(location: &Path) -> Result<(), String> {
    // The first search for the type of a film loads plugins, which may take longer than PAUSED waits.
    static PLUGINS: Once = Once::new();
    common::init();
    PLUGINS.call_once(|| {
        let _ = gst_base::functions::type_find_helper_for_data(None::<&gst::Object>, b"none");
    });
    let (element, bus) = common::element(Some(location));
    let changed = element.set_state(gst::State::Paused);
    element.set_state(gst::State::Null).expect("NULL is reached");
    let mut errors = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Error]));
    let error = errors.next().map(|message| match message.view() {
        gst::MessageView::Error(error) => error.error().to_string(),
        _ => unreachable!("only errors are popped"),
    });
    assert_eq!(errors.count(), 0);
    assert_eq!(changed.is_err(), error.is_some(), "{error:?}");
    error.map_or(Ok(()), Err)
}

/// What the element says about a file.
fn sentence(name: impl std::fmt::Display, cause: &str) -> String {
    format!("Can't use '{name}' as the reference: {cause}.")
}

#[test]
fn f75_a_missing_file() {
    let (_folder, missing) = folder("missing.png");
    assert_eq!(load_error(&missing), NOT_FOUND);
    assert_eq!(start(&missing), Err(sentence(missing.display(), NOT_FOUND)));
}

#[test]
fn f76_a_directory() {
    let (folder, _) = folder("");
    assert_eq!(load_error(folder.path()), DIRECTORY);
    assert_eq!(start(folder.path()), Err(sentence(folder.path().display(), DIRECTORY)));
}

#[cfg(unix)]
#[test]
fn f77_a_symlink_loop() {
    let (_folder, path) = folder("loop.png");
    std::os::unix::fs::symlink("loop.png", &path).expect("a link can be made");
    let error = load_error(&path);
    assert!(error.starts_with("the file can't be read (Too many levels of symbolic"), "{error}");
    assert!(error.ends_with("); check the path, and the permissions of the file and its folders"));
    assert_eq!(start(&path), Err(sentence(path.display(), &error)));
}

#[test]
fn f78_no_permission() {
    let denied = io::Error::from(io::ErrorKind::PermissionDenied);
    assert_eq!(
        ReferenceError::Io(denied).to_string(),
        "the file can't be read (permission denied); check the path, and the permissions of the \
         file and its folders"
    );
}

#[cfg(unix)]
#[test]
fn f78_no_permission_for_a_file() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = file_named("secret.png");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("a file of our own");
    if fs::read(&path).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    let error = load_error(&path);
    assert!(error.starts_with("the file can't be read (Permission denied"), "{error}");
    assert_eq!(start(&path), Err(sentence(path.display(), &error)));
}

#[cfg(unix)]
fn make_fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
    assert!(made.success());
}

#[cfg(unix)]
#[test]
fn f79_a_fifo_is_refused_at_once() {
    let (_folder, path) = folder("pipe.png");
    make_fifo(&path);
    let fifo = path.clone();
    assert_eq!(in_time(move || load_error(&fifo)), SPECIAL);
    let fifo = path.clone();
    assert_eq!(in_time(move || start(&fifo)), Err(sentence(path.display(), SPECIAL)));
}

#[cfg(unix)]
#[test]
fn f79_a_socket() {
    let (_folder, path) = folder("socket.png");
    let _socket = std::os::unix::net::UnixListener::bind(&path).expect("a socket can be made");
    assert_eq!(load_error(&path), SPECIAL);
}

#[cfg(unix)]
#[test]
fn f80_f81_a_device_named_like_a_picture() {
    for name in ["x.jpg", "x.png"] {
        let (_folder, path) = folder(name);
        std::os::unix::fs::symlink("/dev/zero", &path).expect("a link can be made");
        assert_eq!(load_error(&path), SPECIAL);
        assert_eq!(start(&path), Err(sentence(path.display(), SPECIAL)));
    }
}

/// Loads a path over and over while `change` is done to it over and over.
fn load_while(path: &Path, times: usize, change: impl Fn(usize) + Send + 'static) -> Vec<Outcome> {
    let path = path.to_owned();
    in_time(move || {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| (0..).take_while(|_| !done.load(Ordering::Relaxed)).for_each(change));
            let outcomes = (0..times).map(|_| Reference::load(&path)).collect();
            done.store(true, Ordering::Relaxed);
            outcomes
        })
    })
}

type Outcome = Result<Reference, ReferenceError>;

#[test]
fn f82_a_file_that_grows_while_it_is_read() {
    let (_folder, path) = folder("growing.png");
    let whole = encode(&DynamicImage::from(noise_picture()), ImageFormat::Png);
    let expected = decode(&whole);
    let target = path.clone();
    let outcomes = load_while(&path, 300, move |_| {
        let mut file = fs::File::create(&target).expect("the file can be written");
        whole.chunks(whole.len() / 20).for_each(|part| file.write_all(part).expect("it grows"));
    });
    for outcome in outcomes {
        match outcome {
            Ok(reference) => assert_eq!(reference, expected),
            Err(ReferenceError::NotFound | ReferenceError::Empty) => {}
            Err(error) => assert_damaged(&error.to_string()),
        }
    }
}

#[cfg(unix)]
#[test]
fn f82_a_file_that_is_replaced_while_it_is_read() {
    let (folder, path) = folder("replaced.png");
    let one = encode(&blocks(), ImageFormat::Png);
    let other = encode(&blocks(), ImageFormat::Gif);
    let expected = decode(&one);
    assert_eq!(expected, decode(&other));
    let [one_path, other_path, fifo, new] =
        ["one", "other", "fifo", "new"].map(|name| folder.path().join(name));
    fs::write(&one_path, &one).expect("a file can be written");
    fs::write(&other_path, &other).expect("a file can be written");
    make_fifo(&fifo);
    let target = path.clone();
    // Links and many rounds, so that some replacements fall between two looks at the path.
    let outcomes = load_while(&path, 20_000, move |n| {
        let next = match n % 5 {
            0 => &one_path,
            2 => &other_path,
            4 => return fs::remove_file(&target).expect("it was there"),
            _ => &fifo,
        };
        fs::hard_link(next, &new).expect("a link can be made");
        fs::rename(&new, &target).expect("it can be replaced");
    });
    for outcome in outcomes {
        match outcome {
            Ok(reference) => assert_eq!(reference, expected),
            Err(error) => assert!([NOT_FOUND, SPECIAL].contains(&&*error.to_string()), "{error}"),
        }
    }
}

// Other systems' file systems don't take such names.
#[cfg(target_os = "linux")]
#[test]
fn f83_a_name_that_is_not_utf8() {
    use std::ffi::{CString, OsStr};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let (_folder, path) = file_named(OsStr::from_bytes(b"caf\xE9.png"));
    assert_eq!(start(&path), Ok(()));

    // Through the C API, as an application in another language does.
    let (element, _bus) = common::element(None);
    let text = CString::new(path.clone().into_os_string().into_vec()).expect("no NUL in a path");
    let mut value = glib::Value::from_type(glib::Type::STRING);
    // SAFETY: a value of the type string, and strings that outlive the calls.
    unsafe {
        use glib::translate::ToGlibPtrMut;
        glib::gobject_ffi::g_value_set_string(value.to_glib_none_mut().0, text.as_ptr());
        glib::gobject_ffi::g_object_set_property(
            element.as_ptr().cast(),
            c"reference-location".as_ptr(),
            value.to_glib_none_mut().0,
        );
    }
    assert_eq!(element.property::<PathBuf>("reference-location"), path);
    element.set_state(gst::State::Paused).expect("the file is found");
    element.set_state(gst::State::Null).expect("NULL is reached");

    let missing = path.with_file_name(OsStr::from_bytes(b"\xFF.png"));
    assert_eq!(start(&missing), Err(sentence(missing.display(), NOT_FOUND)));
}

#[test]
fn f84_spaces_quotes_and_unicode() {
    for name in ["a picture.png", "it's \"it\".png", "Grüße 日本 🎬.png", "50%.png", "a%20b.png"]
    {
        let (_folder, path) = file_named(name);
        assert_eq!(start(&path), Ok(()), "{name}");
        let uri = glib::filename_to_uri(&path, None).expect("an absolute path");
        assert_eq!(start(Path::new(uri.as_str())), Ok(()), "{uri}");
    }
}

#[test]
fn f85_uris() {
    let (_folder, path) = file_named("a b.png");
    let path = path.to_str().expect("a temporary folder has a plain name");
    for uri in [
        format!("file://{}", path.replace(' ', "%20")),
        format!("file://{path}"),
        format!("file://localhost{path}"),
        format!("FILE://{path}"),
    ] {
        assert_eq!(start(Path::new(&uri)), Ok(()), "{uri}");
    }

    let not_supported = |scheme: &str| {
        format!("{scheme}:// is not supported; save the picture as a local file and give its path")
    };
    for (uri, cause) in [
        ("http://example.com/a.png", not_supported("http")),
        ("https://example.com/a.png", not_supported("https")),
        ("smb://server/a.png", not_supported("smb")),
        (
            "file://server/a.png",
            "the URI names the host 'server', but only local files are read; write \
             file:///path/to/picture"
                .into(),
        ),
        ("file:///nowhere/a.png", NOT_FOUND.into()),
        // No URI, because a scheme has no slash.
        ("nowhere/a://b.png", NOT_FOUND.into()),
    ] {
        assert_eq!(start(Path::new(uri)), Err(sentence(uri, &cause)));
    }
    for uri in ["file:///%", "file://%/a", "file:///a%00b"] {
        let error = start(Path::new(uri)).expect_err("not a URI");
        assert!(error.contains(&format!("'{uri}'")), "{error}");
        assert!(error.contains(": the URI is not valid ("), "{error}");
        assert!(error.ends_with("); write file:///path/to/picture, or the plain path."), "{error}");
    }
}

#[test]
fn f86_f87_the_content_decides_not_the_name() {
    for name in ["picture", "picture.jpg", "picture.txt", "picture.png.", ".png"] {
        let (_folder, path) = file_named(name);
        let reference = Reference::load(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_holds(&reference, &pixels_of(&block_colors()), 0, name);
    }
}

#[test]
fn f88_empty_one_byte_or_a_signature_only() {
    let (_folder, path) = folder("empty.png");
    fs::write(&path, "").expect("a file can be written");
    assert_eq!(load_error(&path), EMPTY);
    assert_eq!(start(&path), Err(sentence(path.display(), EMPTY)));

    for content in ["x", "P", "<html/>", "not a picture", "{\"a\": 1}"] {
        assert_eq!(decode_error(content.as_bytes()), UNKNOWN, "{content}");
    }
    for signature in [
        &b"\x89PNG\r\n\x1a\n"[..],
        b"\xFF\xD8\xFF",
        b"RIFF\x24\0\0\0WEBP",
        b"BM",
        b"II*\0",
        b"MM\0*",
        b"GIF89a",
        b"P6",
        b"qoif",
    ] {
        assert_damaged(&decode_error(signature));
    }
}

#[test]
fn a_format_that_is_known_but_not_read_is_named() {
    let avif = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1";
    #[cfg(not(feature = "heif"))]
    let why = "(AVIF, of which 'heif-convert FILE REF.png', or of a sequence 'ffmpeg -i FILE -frames:v 1 \
               REF.png', makes a PNG, and which a build with '--features heif' reads)";
    #[cfg(feature = "heif")]
    let why = "(AVIF without a still picture)";
    assert_unsupported(&decode_error(avif), why);
    assert_unsupported(&decode_error(b"\0\0\x01\0\x01\0\x10\x10"), "(ICO)");
}

#[test]
fn a_file_over_256_mib_is_refused() {
    let (_folder, path) = folder("large.bmp");
    let file = fs::File::create(&path).expect("a file can be written");
    file.set_len(MAX_FILE_BYTES + 1).expect("a file with a hole");
    assert_eq!(load_error(&path), TOO_LARGE);
    assert_eq!(start(&path), Err(sentence(path.display(), TOO_LARGE)));
    file.set_len(MAX_FILE_BYTES).expect("a file with a hole");
    assert_eq!(load_error(&path), UNKNOWN);
    // Films are, and what they are is said.
    file.set_len(MAX_FILE_BYTES + 1).expect("a file with a hole");
    (&file).write_all(b"\0\0\0\x18ftypmp42AAAAmp42isom").expect("its beginning");
    assert!(load_error(&path).starts_with("it is a film or sound, not a picture; "));
}

/// A file without whatever comes last must not be taken for another picture.
#[test]
fn f89_truncated_files_of_all_formats_but_jpeg() {
    let mut files: Vec<(String, Vec<u8>)> = FORMATS
        .into_iter()
        .filter(|format| *format != ImageFormat::Jpeg)
        .map(|format| (format!("{format:?}"), encode(&blocks(), format)))
        .collect();
    for name in ["lossy.webp", "lossy_alpha.webp", "lzw.tif", "bilevel_fax.tif", "bilevel.bmp"] {
        files.push((name.into(), read(name)));
    }
    for (name, file) in files {
        let whole = decode(&file);
        let mut damaged = 0;
        // VP8 takes the two bytes behind the end for zeros.
        for length in 16..file.len() - 2 {
            match Reference::decode(&file[..length]) {
                Ok(reference) => assert!(reference == whole, "{name}, {length} bytes"),
                Err(error) => {
                    assert_damaged(&error.to_string());
                    damaged += 1;
                }
            }
        }
        assert!(damaged > file.len() / 2, "{name}: {damaged} of {}", file.len());
    }
}

/// A JPEG with a segment inserted after its first marker.
fn with_segment(file: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&file[..2], &[0xFF, marker], &length, content, &file[2..]].concat()
}

/// The content of an EXIF segment with an orientation, and a thumbnail behind it.
fn exif(orientation: u8, thumbnail: &[u8]) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    exif.extend(thumbnail);
    exif
}

fn whole_jpegs() -> Vec<(&'static str, Vec<u8>)> {
    let plain = encode(&blocks(), ImageFormat::Jpeg);
    let mut fill_bytes = plain.clone();
    let at = fill_bytes.windows(2).position(|pair| pair == [0xFF, 0xDA]).expect("a scan");
    fill_bytes.splice(at..at, [0xFF; 3]);
    vec![
        ("thumbnail", with_segment(&plain, 0xE1, &exif(1, &plain))),
        ("comment", with_segment(&plain, 0xFE, b"\xFF\xD9\xFF\xD9")),
        ("trailing zeros", [&plain[..], &[0; 100]].concat()),
        ("trailing picture", [&plain[..], &plain].concat()),
        ("trailing part of a picture", [&plain[..], &plain[..300]].concat()),
        ("fill bytes", fill_bytes),
        ("plain", plain),
        ("progressive", read("progressive.jpg")),
        ("progressive with thumbnail", {
            let file = read("progressive.jpg");
            with_segment(&file, 0xE1, &exif(1, &file))
        }),
        ("restart markers", read("restart.jpg")),
        ("RGB", read("rgb.jpg")),
    ]
}

#[test]
fn f90_whole_jpegs_are_not_taken_for_truncated() {
    for (name, file) in whole_jpegs() {
        assert_eq!(decode(&file).damage(), None, "{name}");
    }
}

#[test]
fn f90_truncated_jpegs_are_errors_or_known_as_damaged() {
    let mut damaged = 0;
    for (name, file) in whole_jpegs() {
        if name.starts_with("trailing") {
            continue;
        }
        let whole = decode(&file);
        for length in 3..file.len() {
            match Reference::decode(&file[..length]) {
                Ok(reference) if reference.damage().is_some() => damaged += 1,
                // What is missing is not of the picture.
                Ok(reference) => assert!(reference == whole, "{name}, {length} bytes"),
                Err(error) => assert_damaged(&error.to_string()),
            }
        }
    }
    assert!(damaged > 100, "{damaged}");
}

#[test]
fn f90_a_truncated_jpeg_is_used_with_one_warning() {
    let (_folder, path) = folder("cut.jpg");
    fs::write(&path, jpeg::cut_off()).expect("a file can be written");
    let mut rig = Rig::new(Some(&path));
    let warning = Complaint::Warning(format!(
        "The reference picture '{}' is damaged: 8 of its 256 rows can't be read and don't count. \
         Save or copy it again.",
        path.display()
    ));
    assert_eq!(rig.complaints(), [warning]);

    let frame = Frame::new(VideoFormat::Gray8, 64, 64, Shape::Default, noise(1));
    rig.harness.set_src_caps(frame.caps());
    let rows = jpeg::levels().map(|level| [i64::from(level); 3]);
    let expected = frame.expected(&Picture::new(rows[..31].to_vec(), 8));
    assert!(bytes(&rig.process(frame.buffer())) == expected);
}

#[test]
fn f91_bad_checksum_bad_data_or_no_palette() {
    let good = png::pixels(&[&[1, 2, 3]]);
    let grey = |chunks: &[Vec<u8>]| png::file(3, 1, png::GREY_8, chunks);
    decode(&grey(std::slice::from_ref(&good)));
    let broken = |at: usize| {
        let mut chunk = good.clone();
        chunk[at] ^= 0x80;
        grey(&[chunk])
    };
    for file in [
        // In the chunk's checksum, in the zlib header, in the length of the block.
        broken(good.len() - 1),
        broken(8),
        broken(11),
        grey(&[png::chunk(b"IDAT", &[0x78, 0x01, 0xFF, 0xFF, 0xFF, 0xFF])]),
        grey(&[png::chunk(b"IDAT", b"")]),
        grey(&[]),
        grey(&[png::chunk(b"CRIT", b""), good.clone()]),
        png::file(3, 1, png::PALETTE_8, std::slice::from_ref(&good)),
        png::file(3, 1, Kind(3, 0), std::slice::from_ref(&good)),
    ] {
        assert_damaged(&decode_error(&file));
    }
}

/// A small file that claims to hold a picture of that size, as far as the format can.
fn claim(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let mut file = encode(&ImageBuffer::from_pixel(1, 1, Rgb([1u8, 2, 3])).into(), format);
    let webp_flags = u32::from(*file.get(24).unwrap_or(&0) & 0xF0) << 24;
    let mut put = |at: usize, value: &[u8]| file[at..at + value.len()].copy_from_slice(value);
    let (w, h) = (width as u16, height as u16);
    match format {
        ImageFormat::Png => {
            return png::file(width, height, png::RGB_16, &[png::chunk(b"IDAT", &png::bomb(1000))]);
        }
        ImageFormat::Bmp => put(18, &[width.to_le_bytes(), height.to_le_bytes()].concat()),
        ImageFormat::Gif => put(6, &[w.to_le_bytes(), h.to_le_bytes()].concat()),
        ImageFormat::Qoi => put(4, &[width.to_be_bytes(), height.to_be_bytes()].concat()),
        ImageFormat::Pnm => return format!("P6 {width} {height} 255\n").into_bytes(),
        ImageFormat::Jpeg => {
            let frame = file.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("a frame");
            let size = [h.to_be_bytes(), w.to_be_bytes()].concat();
            file[frame + 5..frame + 9].copy_from_slice(&size);
        }
        ImageFormat::Tiff => {
            for (tag, value) in [(256u16, width), (257, height)] {
                // The entry of a tag: tag, type LONG, one value, the value.
                let start = [&tag.to_le_bytes()[..], &[4, 0, 1, 0, 0, 0]].concat();
                let entry = file.windows(8).position(|bytes| bytes == start).expect("the tag");
                file[entry + 8..entry + 12].copy_from_slice(&value.to_le_bytes());
            }
        }
        // 14 bits each, less one.
        ImageFormat::WebP => {
            let bits = (width - 1) & 0x3FFF | ((height - 1) & 0x3FFF) << 14;
            put(21, &(bits | webp_flags).to_le_bytes());
        }
        _ => unreachable!("not one of the formats"),
    }
    file
}

#[test]
fn f92_zero_width_or_height() {
    for format in FORMATS {
        // WebP has no way to write 0.
        if format == ImageFormat::WebP {
            continue;
        }
        for (width, height) in [(0, 1), (1, 0), (0, 0)] {
            let error = decode_error(&claim(format, width, height));
            match format {
                ImageFormat::Bmp => assert_unsupported(&error, &format!("({width}x{height} ")),
                ImageFormat::Jpeg if width > 0 => assert_unsupported(&error, "(DNL)"),
                _ if error == NO_PIXELS => {}
                _ => assert_damaged(&error),
            }
        }
    }
}

#[test]
fn f93_f94_a_claim_of_too_many_pixels() {
    let sizes = |format| match format {
        ImageFormat::WebP => vec![(16383, 16383), (13000, 13000)],
        ImageFormat::Jpeg | ImageFormat::Gif => vec![(65535, 65535), (13000, 13000)],
        ImageFormat::Pnm | ImageFormat::Png => {
            vec![(65535, 65535), (1 << 22, 1 << 22), (13000, 13000), (1 << 22, 33)]
        }
        // Its decoder has a limit of its own, of 400 million.
        ImageFormat::Qoi => vec![(16000, 16000), (13000, 13000)],
        _ => vec![(65535, 65535), (13000, 13000)],
    };
    for format in FORMATS {
        for (width, height) in sizes(format) {
            let file = claim(format, width, height);
            assert!(file.len() < 10_000);
            let (outcome, peak) = decode_counting(&file);
            let error = outcome.expect_err("too large").to_string();
            assert_eq!(error, too_many_pixels(width, height), "{format:?}");
            assert!(peak < 2 * MIB, "{format:?}: {peak} bytes");
        }
    }
}

#[test]
fn f94_the_limit_itself_is_not_too_many() {
    // No pixel follows.
    assert_damaged(&decode_error(&claim(ImageFormat::Pnm, 1 << 27, 1)));
    assert_eq!(
        decode_error(&claim(ImageFormat::Pnm, (1 << 27) + 1, 1)),
        too_many_pixels((1 << 27) + 1, 1)
    );
}

#[test]
fn f94_a_png_whose_rows_alone_are_too_large() {
    let (outcome, peak) = decode_counting(&claim(ImageFormat::Png, 1 << 30, 1));
    assert_eq!(outcome.expect_err("too large").to_string(), TOO_MUCH_MEMORY);
    assert!(peak < 2 * MIB, "{peak} bytes");
}

/// A profile of 1 GiB in a file of 7 MB is given up, the picture is not.
#[test]
fn f95_f96_compression_bombs_in_metadata() {
    let bomb = png::bomb((1 << 30) / 258);
    let with_bomb = |start: &[u8]| [start, &bomb].concat();
    for chunk in [
        png::chunk(b"iCCP", &with_bomb(b"profile\0\0")),
        png::chunk(b"zTXt", &with_bomb(b"Comment\0\0")),
        png::chunk(b"zTXt", &with_bomb(b"Raw profile type iptc\0\0")),
        png::chunk(b"iTXt", &with_bomb(b"Comment\0\x01\0\0\0")),
        png::chunk(b"iTXt", &with_bomb(b"XML:com.adobe.xmp\0\x01\0\0\0")),
    ] {
        let name = String::from_utf8_lossy(&chunk[4..12]).into_owned();
        let file = png::file(3, 1, png::GREY_8, &[chunk, png::pixels(&[&[1, 2, 3]])]);
        let (outcome, peak) = decode_counting(&file);
        let reference = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_holds(&reference, &[1, 2, 3].map(|level| [wide(level); 3]), 0, &name);
        assert!(peak < file.len() * 3 + 64 * MIB, "{name}: {peak} bytes");
    }
}

#[test]
fn f97_a_million_by_one() {
    let picture = ImageBuffer::from_fn(1_000_000, 1, |x, _| Rgb([x as u8, (x >> 8) as u8, 7]));
    let pixels: Vec<_> = picture.pixels().map(|pixel| pixel.0.map(wide)).collect();
    let picture = DynamicImage::from(picture);
    for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Pnm, ImageFormat::Qoi] {
        for picture in [&picture, &picture.rotate90()] {
            let reference = decode(&encode(picture, format));
            assert_holds(&reference, &pixels, 0, &format!("{format:?}"));
        }
    }
}

#[test]
fn f98_one_pixel_gives_every_sample_its_colour() {
    let (_folder, path) = folder("pixel.png");
    let pixel = ImageBuffer::from_pixel(1, 1, Rgb([10u8, 200, 77]));
    fs::write(&path, encode(&pixel.into(), ImageFormat::Png)).expect("a file can be written");
    let mut rig = Rig::new(Some(&path));
    // 0.299 * 10 + 0.587 * 200 + 0.114 * 77 = 129.168
    for (format, expected) in [(VideoFormat::Rgb, &[10, 200, 77][..]), (VideoFormat::Gray8, &[129])]
    {
        let frame = Frame::new(format, 64, 32, Shape::Default, noise(3));
        rig.harness.set_src_caps(frame.caps());
        let output = bytes(&rig.process(frame.buffer()));
        assert!(output.chunks(expected.len()).all(|pixel| pixel == expected), "{format:?}");
    }
}

/// Pixels of red, green, blue and alpha in 16 bits: levels next to where rounding turns, and
/// alpha of nothing, next to nothing, half and all.
fn noise_pixels() -> Vec<[u16; 4]> {
    let mut byte = noise(99);
    let edges = [0, 128, 129, 385, 386, 32767, 32896, 65406, 65407, 65535];
    let alphas = [0, 1, 255, 256, 32768, 65535];
    (0..16 * 15)
        .map(|n| {
            let rgb = [(); 3].map(|()| match byte() {
                low @ 0..128 => edges[usize::from(low) % edges.len()],
                high => u16::from_be_bytes([high, byte()]),
            });
            [rgb[0], rgb[1], rgb[2], alphas[n % alphas.len()]]
        })
        .collect()
}

fn noise_picture() -> ImageBuffer<Rgba<u16>, Vec<u16>> {
    ImageBuffer::from_raw(16, 15, noise_pixels().concat()).expect("it has that size")
}

/// A picture of [`noise_pixels`] without what its kind can't hold, and the pixels that count.
fn noise_of_kind(kind: &str) -> (DynamicImage, Vec<[u16; 3]>) {
    let eight = kind.ends_with('8');
    let sample = |level: u16| if eight { level >> 8 } else { level };
    let full = if eight { 255 } else { 65535 };
    let (grey, alpha) = (kind.starts_with('L'), kind.contains('A'));
    let pixels: Vec<[u16; 4]> = noise_pixels()
        .into_iter()
        .map(|[r, g, b, a]| {
            let [r, g, b, a] = [r, g, b, a].map(sample);
            let [g, b] = if grey { [r, r] } else { [g, b] };
            [r, g, b, if alpha { a } else { full }]
        })
        .collect();
    let counted = pixels
        .iter()
        .filter(|pixel| pixel[3] > 0)
        .map(|&[r, g, b, _]| [r, g, b].map(|level| if eight { level * 257 } else { level }));
    let at = |x: u32, y: u32| pixels[(y * 16 + x) as usize];
    let at8 = |x, y| at(x, y).map(|level| level as u8);
    let (w, h) = (16, 15);
    let picture = match kind {
        "L8" => ImageBuffer::from_fn(w, h, |x, y| Luma([at8(x, y)[0]])).into(),
        "LA8" => ImageBuffer::from_fn(w, h, |x, y| LumaA([at8(x, y)[0], at8(x, y)[3]])).into(),
        "RGB8" => ImageBuffer::from_fn(w, h, |x, y| Rgb(*at8(x, y).first_chunk().unwrap())).into(),
        "RGBA8" => ImageBuffer::from_fn(w, h, |x, y| Rgba(at8(x, y))).into(),
        "L16" => ImageBuffer::from_fn(w, h, |x, y| Luma([at(x, y)[0]])).into(),
        "LA16" => ImageBuffer::from_fn(w, h, |x, y| LumaA([at(x, y)[0], at(x, y)[3]])).into(),
        "RGB16" => ImageBuffer::from_fn(w, h, |x, y| Rgb(*at(x, y).first_chunk().unwrap())).into(),
        "RGBA16" => ImageBuffer::from_fn(w, h, |x, y| Rgba(at(x, y))).into(),
        _ => unreachable!("not a kind"),
    };
    (picture, counted.collect())
}

#[test]
fn f99_grey_colour_alpha_8_and_16_bits_in_all_formats_that_hold_them() {
    let kinds: [(ImageFormat, &[&str]); 7] = [
        (ImageFormat::Png, &["L8", "LA8", "RGB8", "RGBA8", "L16", "LA16", "RGB16", "RGBA16"]),
        (ImageFormat::Tiff, &["L8", "RGB8", "RGBA8", "L16", "RGB16", "RGBA16"]),
        (ImageFormat::WebP, &["L8", "LA8", "RGB8", "RGBA8"]),
        (ImageFormat::Bmp, &["L8", "RGB8", "RGBA8"]),
        (ImageFormat::Pnm, &["L8", "LA8", "RGB8", "RGBA8", "L16", "RGB16"]),
        (ImageFormat::Gif, &["RGB8", "RGBA8"]),
        (ImageFormat::Qoi, &["RGB8", "RGBA8"]),
    ];
    for (format, kinds) in kinds {
        for kind in kinds {
            let (picture, pixels) = noise_of_kind(kind);
            let reference = decode(&encode(&picture, format));
            assert_holds(&reference, &pixels, 0, &format!("{format:?} of {kind}"));
        }
    }
}

#[test]
fn f99_all_levels_of_16_bits_are_rounded_to_the_nearest_of_8() {
    let picture = ImageBuffer::from_fn(256, 256, |x, y| Luma([(x + y * 256) as u16]));
    let pixels: Vec<_> = (0..=u16::MAX).map(|level| [level; 3]).collect();
    let reference = decode(&encode(&picture.into(), ImageFormat::Png));
    assert_holds(&reference, &pixels, 0, "16 bits");
}

#[test]
fn f99_all_colours_of_8_bits_have_their_luma() {
    // Every 5th level of each channel: 52 * 52 * 52 pixels.
    let picture =
        ImageBuffer::from_fn(52 * 52, 52, |x, y| Rgb([x / 52, x % 52, y].map(|n| (n * 5) as u8)));
    let pixels: Vec<_> = picture.pixels().map(|pixel| pixel.0.map(wide)).collect();
    let reference = decode(&encode(&picture.into(), ImageFormat::Png));
    assert_holds(&reference, &pixels, 0, "luma");
}

#[test]
fn f99_packed_samples_palettes_and_transparent_colours() {
    let palette = || png::chunk(b"PLTE", &[10, 20, 30, 200, 100, 50, 0, 255, 0, 7, 7, 7]);
    let colors = [[10, 20, 30], [200, 100, 50], [0, 255, 0], [7, 7, 7]];
    let grey = |levels: &[u8]| levels.iter().map(|&level| [level; 3]).collect::<Vec<_>>();
    for (what, kind, chunks, width, expected) in [
        // The bits behind the last pixel of a row say nothing.
        ("1 bit", png::GREY_1, vec![png::pixels(&[&[0b1010_1111]])], 4, grey(&[255, 0, 255, 0])),
        ("2 bits", png::GREY_2, vec![png::pixels(&[&[0b0001_1011]])], 4, grey(&[0, 85, 170, 255])),
        ("4 bits", png::GREY_4, vec![png::pixels(&[&[0x0F, 0x7F]])], 3, grey(&[0, 255, 119])),
        (
            "palette of 2",
            png::PALETTE_1,
            vec![palette(), png::pixels(&[&[0b0110_0000]])],
            3,
            vec![colors[0], colors[1], colors[1]],
        ),
        (
            "palette of 4",
            png::PALETTE_2,
            vec![palette(), png::pixels(&[&[0b1110_0100]])],
            4,
            colors.to_vec(),
        ),
        (
            "transparent and half transparent entries of a palette",
            png::PALETTE_8,
            vec![palette(), png::chunk(b"tRNS", &[0, 128]), png::pixels(&[&[0, 1, 2, 3, 0]])],
            5,
            colors[1..].to_vec(),
        ),
        (
            "a transparent grey",
            png::GREY_8,
            vec![png::chunk(b"tRNS", &[0, 5]), png::pixels(&[&[5, 6, 5]])],
            3,
            grey(&[6]),
        ),
        (
            "a transparent colour",
            png::RGB_8,
            vec![
                png::chunk(b"tRNS", &[0, 1, 0, 2, 0, 3]),
                png::pixels(&[&[1, 2, 3, 1, 2, 4, 3, 2, 1]]),
            ],
            3,
            vec![[1, 2, 4], [3, 2, 1]],
        ),
        (
            "a transparent colour of 16 bits",
            png::RGB_16,
            vec![
                png::chunk(b"tRNS", &[1, 1, 2, 2, 3, 3]),
                png::pixels(&[&[1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 4]]),
            ],
            2,
            vec![[1, 2, 3]],
        ),
    ] {
        let reference = decode(&png::file(width, 1, kind, &chunks));
        let pixels: Vec<_> = expected.iter().map(|pixel| pixel.map(wide)).collect();
        assert_holds(&reference, &pixels, 0, what);
    }
}

#[test]
fn f99_pnm_of_all_kinds() {
    let pam = |depth, max, kind: &str, content: &[u8]| {
        let header = format!(
            "P7\nWIDTH 2\nHEIGHT 1\nDEPTH {depth}\nMAXVAL {max}\nTUPLTYPE {kind}\nENDHDR\n"
        );
        [header.as_bytes(), content].concat()
    };
    for (file, expected) in [
        (b"P1 2 1\n0 1".to_vec(), [[255; 3], [0; 3]]),
        (b"P2 2 1 100\n25 100".to_vec(), [[64; 3], [255; 3]]),
        (b"P3 # comment\n2 1 255\n1 2 3 4 5 6".to_vec(), [[1, 2, 3], [4, 5, 6]]),
        (b"P4 2 1\n\x40".to_vec(), [[255; 3], [0; 3]]),
        (b"P5 2 1 15\n\x05\x0F".to_vec(), [[85; 3], [255; 3]]),
        // 4 of 1023 is 0.997 of 255.
        (b"P5 2 1 1023\n\x00\x04\x03\xFF".to_vec(), [[1; 3], [255; 3]]),
        (b"P6 2 1 255\n\x01\x02\x03\x04\x05\x06".to_vec(), [[1, 2, 3], [4, 5, 6]]),
        (pam(1, 1, "BLACKANDWHITE", b"\x01\x00"), [[255; 3], [0; 3]]),
        (pam(2, 255, "GRAYSCALE_ALPHA", b"\x08\x01\x09\xFF"), [[8; 3], [9; 3]]),
        (pam(3, 255, "RGB", b"\x01\x02\x03\x04\x05\x06"), [[1, 2, 3], [4, 5, 6]]),
    ] {
        let pixels = expected.map(|pixel| pixel.map(wide));
        assert_holds(&decode(&file), &pixels, 0, &String::from_utf8_lossy(&file));
    }
}

#[test]
fn f99_files_of_other_programs() {
    let black_and_white = [[[0; 3]; 32], [[65535; 3]; 32]].concat();
    let palette: Vec<_> = [[10, 20, 30], [200, 100, 50], [200, 100, 50], [0, 255, 0]]
        .map(|pixel: [u8; 3]| pixel.map(wide))
        .into();
    let blocks = pixels_of(&block_colors());
    let plain = [[200, 100, 50].map(wide); 512];
    let half = [[32768; 3]; 4];
    for (name, pixels, tolerance) in [
        ("float.tif", &half[..], 0),
        ("bilevel.bmp", &black_and_white, 0),
        ("bilevel.tif", &black_and_white, 0),
        ("bilevel_fax.tif", &black_and_white, 0),
        ("palette.bmp", &palette, 0),
        ("palette.tif", &palette, 0),
        // Without the last colour, which is transparent.
        ("palette.gif", &palette[..3], 0),
        ("lzw.tif", &blocks, 0),
        // Colour of half the resolution does no harm to blocks; what is left is quantization and,
        // in JPEG, the freedom of 1 that the transform has.
        ("progressive.jpg", &blocks, 3),
        ("restart.jpg", &blocks, 3),
        ("rgb.jpg", &blocks, 3),
        ("lossy_alpha.webp", &plain, 3),
    ] {
        assert_holds(&decode(&read(name)), pixels, tolerance, name);
    }
}

#[test]
fn f99_through_the_element_transparent_pixels_and_16_bits_equal_the_oracle() {
    let (_folder, path) = folder("noise.png");
    let (picture, pixels) = noise_of_kind("RGBA16");
    fs::write(&path, encode(&picture, ImageFormat::Png)).expect("a file can be written");
    let mut rig = Rig::new(Some(&path));
    for format in [VideoFormat::Rgb, VideoFormat::Gray8] {
        let frame = Frame::new(format, 57, 31, Shape::Default, noise(4));
        rig.harness.set_src_caps(frame.caps());
        let output = bytes(&rig.process(frame.buffer()));
        assert!(output == frame.expected(&oracle_picture(&pixels, 16)), "{format:?}");
    }
}

#[test]
fn f100_all_transparent() {
    let (_folder, path) = folder("clear.png");
    let eight: DynamicImage = ImageBuffer::from_pixel(3, 2, Rgba([9u8, 9, 9, 0])).into();
    let sixteen: DynamicImage = ImageBuffer::from_pixel(3, 2, LumaA([9u16, 0])).into();
    for (picture, format) in [
        (&eight, ImageFormat::Png),
        (&eight, ImageFormat::WebP),
        (&eight, ImageFormat::Gif),
        (&eight, ImageFormat::Qoi),
        (&eight, ImageFormat::Tiff),
        (&sixteen, ImageFormat::Png),
    ] {
        let file = encode(picture, format);
        assert_eq!(decode_error(&file), TRANSPARENT, "{format:?}");
        fs::write(&path, file).expect("a file can be written");
        assert_eq!(start(&path), Err(sentence(path.display(), TRANSPARENT)));
    }
}

/// What Pillow makes of the blocks of `cmyk.jpg`, and of the same bytes as YCCK.
const CMYK_BLOCKS: [[u8; 3]; 16] = [
    [255, 255, 255],
    [255, 255, 105],
    [255, 55, 255],
    [255, 55, 105],
    [0, 255, 255],
    [0, 255, 105],
    [0, 55, 255],
    [0, 55, 105],
    [155, 155, 155],
    [155, 155, 64],
    [155, 33, 155],
    [155, 33, 64],
    [0, 155, 155],
    [0, 155, 64],
    [0, 33, 155],
    [0, 33, 64],
];
const YCCK_BLOCKS: [[u8; 3]; 16] = [
    [0, 134, 0],
    [32, 27, 0],
    [0, 66, 129],
    [32, 0, 129],
    [77, 255, 30],
    [255, 255, 30],
    [77, 255, 255],
    [255, 213, 255],
    [0, 81, 0],
    [19, 16, 0],
    [0, 40, 78],
    [19, 0, 78],
    [47, 155, 18],
    [155, 155, 18],
    [47, 155, 155],
    [155, 129, 155],
];

#[test]
fn f101_cmyk_is_converted_as_pillow_does() {
    let cmyk = read("cmyk.jpg");
    let mut ycck = cmyk.clone();
    let adobe = ycck.windows(5).position(|bytes| bytes == b"Adobe").expect("Adobe's segment");
    ycck[adobe + 11] = 2;
    let unmarked = [&cmyk[..adobe - 4], &cmyk[adobe + 12..]].concat();
    // The transform may be 1 off (ITU-T T.83), and so may the product of ink and black; the
    // conversion of chroma can double that.
    for (what, file, colors, tolerance) in [
        ("CMYK", cmyk, CMYK_BLOCKS, 2),
        ("CMYK without Adobe's segment", unmarked, CMYK_BLOCKS, 2),
        ("YCCK", ycck, YCCK_BLOCKS, 3),
        ("CMYK in a TIFF", read("cmyk.tif"), CMYK_BLOCKS, 1),
    ] {
        assert_holds(&decode(&file), &pixels_of(&colors), tolerance, what);
    }
}

#[test]
fn f102_orientation_has_no_influence() {
    let plain = encode(&blocks(), ImageFormat::Jpeg);
    for orientation in 1..=8 {
        let rotated = with_segment(&plain, 0xE1, &exif(orientation, b""));
        assert_eq!(decode(&rotated), decode(&plain), "{orientation}");
    }
}

#[test]
fn f103_what_says_nothing_of_colours_has_no_influence() {
    let levels = [0, 100, 255];
    let pixels = || png::pixels(&[&levels]);
    // A header of an ICC profile, and no more.
    let mut profile = vec![0; 128];
    profile[..4].copy_from_slice(&128u32.to_be_bytes());
    profile[12..24].copy_from_slice(b"mntrGRAYXYZ ");
    profile[36..40].copy_from_slice(b"acsp");
    for (chunk, is_of_use) in [
        (png::chunk(b"gAMA", &45_455u32.to_be_bytes()), true),
        (png::chunk(b"sRGB", &[0]), true),
        (png::chunk(b"cICP", &[9, 17, 0, 1]), false),
        (png::chunk(b"iCCP", &[b"profile\0\0", &*png::stored(&profile)].concat()), false),
        (png::chunk(b"iCCP", b"profile\0\0nonsense"), false),
    ] {
        let name = String::from_utf8_lossy(&chunk[4..8]).into_owned();
        let reference = decode(&png::file(3, 1, png::GREY_8, &[chunk, pixels()]));
        assert_holds(&reference, &levels.map(|level| [wide(level); 3]), 0, &name);
        assert_eq!(reference.profile_fault().is_none(), is_of_use, "{name}");
    }
}

#[test]
fn f104_an_animation_counts_by_its_first_frame() {
    for name in ["animated.png", "animated.gif", "animated.webp"] {
        assert_holds(&decode(&read(name)), &[[65535, 0, 0]; 64], 0, name);
    }
}

#[test]
fn f105_trailing_data_has_no_influence() {
    for format in FORMATS {
        let mut file = encode(&blocks(), format);
        let whole = decode(&file);
        file.extend(b"\0\xFF\xD8trailing data");
        assert_eq!(decode(&file), whole, "{format:?}");
    }
}

/// Some bytes changed, some removed, some put in twice, or the end missing.
fn mutate(file: &mut Vec<u8>, random: &mut impl FnMut() -> u8) {
    let mut below =
        |n: usize| u32::from_be_bytes([random(), random(), random(), random()]) as usize % n.max(1);
    for _ in 0..1 + below(4) {
        // Headers are where it hurts.
        let at = if below(2) == 0 { below(file.len().min(64)) } else { below(file.len()) };
        match below(8) {
            0..3 => file[at] ^= 1 << below(8),
            3..5 => file[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][below(6)],
            5 => drop(file.drain(at..file.len().min(at + 1 + below(16)))),
            6 => {
                let part = file[at..file.len().min(at + 1 + below(16))].to_vec();
                file.splice(at..at, part);
            }
            _ => file.truncate(at.max(8)),
        }
        if file.is_empty() {
            return;
        }
    }
}

#[test]
fn f106_mutated_files_are_pictures_or_clear_errors() {
    let mut seeds: Vec<Vec<u8>> = FORMATS.map(|format| encode(&blocks(), format)).into();
    seeds.extend(whole_jpegs().into_iter().map(|(_, file)| file));
    for entry in fs::read_dir(data("")).expect("the folder is there") {
        seeds.push(fs::read(entry.expect("a file").path()).expect("it can be read"));
    }
    let mut random = noise(106);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..200 {
        for seed in &seeds {
            let mut file = seed.clone();
            mutate(&mut file, &mut random);
            match Reference::decode(&file) {
                Ok(reference) => {
                    assert!(cdfs(&reference, CODES[1].0, 8)[0].total() > 0);
                    good += 1;
                }
                Err(error) => {
                    assert!(error.to_string().contains("; "), "{error}");
                    bad += 1;
                }
            }
        }
    }
    assert!(good.min(bad) >= 1000, "the mutations are too wild or too tame: {good}, {bad}");
}

#[test]
fn f60_a_bad_file_set_while_playing_is_one_warning_and_the_old_reference_stays() {
    let good = media("coffee.png");
    let mut rig = Rig::new(Some(&good));
    let frame = Frame::new(VideoFormat::Rgb, 64, 64, Shape::Default, noise(1));
    rig.harness.set_src_caps(frame.caps());
    let expected = frame.expected(&Picture::of(&good));
    let (folder, _) = folder("");
    for (location, cause) in [
        (folder.path().join("missing.png"), NOT_FOUND.to_owned()),
        (folder.path().to_owned(), DIRECTORY.to_owned()),
        (media("CREDITS.md"), UNKNOWN.to_owned()),
        (
            "http://example.com/a.png".into(),
            "http:// is not supported; save the picture as a local file and give its path".into(),
        ),
    ] {
        rig.element.set_property("reference-location", &location);
        let warning = Complaint::Warning(sentence(location.display(), &cause));
        assert_eq!(rig.complaints(), [warning]);
        assert_eq!(rig.element.property::<PathBuf>("reference-location"), location);
        assert!(bytes(&rig.process(frame.buffer())) == expected, "{cause}");
        let stats: gst::Structure = rig.element.property("stats");
        assert_eq!(stats.get::<PathBuf>("reference").ok(), Some(good.clone()));
    }
}

#[test]
fn what_a_file_says_does_not_flood_the_message() {
    let mut file = b"P7\n".to_vec();
    file.resize(1 << 20, b'x');
    file.push(b'\n');
    let error = decode_error(&file);
    assert_damaged(&error);
    assert!(error.contains("xxx …)") && error.len() < 300, "{} bytes", error.len());
}
