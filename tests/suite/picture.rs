//! Promise: a decoded picture is matched as a frame of its samples would be, whatever they are; and
//! `examples/match_image` does that to files, and `examples/scope` shows it.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::oracle::{self, Code, Colorspace, Components, Picture, match_pictures};
use crate::common::programs::{example, run, text};
use crate::common::tiff::Tiff;
use crate::common::{self, Rig, bytes, media};
use gst::prelude::*;
use gsthistomatch::color::ColorSpace;
use gsthistomatch::grading::Method;
use gsthistomatch::picture::{UnsupportedPicture, grade_picture, match_picture};
use gsthistomatch::reference::Reference;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{
    ColorType, DynamicImage, ImageBuffer, ImageDecoder, ImageEncoder, ImageReader, Luma, LumaA,
    Pixel, Rgb, RgbImage, Rgba,
};
use moxcms::ColorProfile;
use temp_dir::TempDir;

const WIDTH: u32 = 37;
const HEIGHT: u32 = 19;

/// A part of a photo with samples of any kind. The lower bits of deep samples, and alpha, vary.
fn pictures() -> Vec<DynamicImage> {
    let photo = image::open(media("astronaut.png")).expect("the picture opens").into_rgb8();
    let part = image::imageops::crop_imm(&photo, 120, 40, WIDTH, HEIGHT).to_image();
    let mut noise = common::frames::noise(7);
    let mut pixels = part.pixels().map(|pixel| {
        let deep = pixel.0.map(|sample| u16::from(sample) << 8 | u16::from(noise()));
        (pixel.0, deep, noise())
    });
    let pixels: Vec<_> = pixels.by_ref().collect();

    fn picture<P: Pixel>(
        pixels: &[([u8; 3], [u16; 3], u8)],
        pixel: impl Fn(&([u8; 3], [u16; 3], u8)) -> P,
    ) -> ImageBuffer<P, Vec<P::Subpixel>> {
        ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| pixel(&pixels[(y * WIDTH + x) as usize]))
    }
    let deep = |alpha: u8| u16::from(alpha) << 7;
    vec![
        picture(&pixels, |p| Luma([p.0[1]])).into(),
        picture(&pixels, |p| LumaA([p.0[1], p.2])).into(),
        picture(&pixels, |p| Rgb(p.0)).into(),
        picture(&pixels, |p| Rgba([p.0[0], p.0[1], p.0[2], p.2])).into(),
        picture(&pixels, |p| Luma([p.1[1]])).into(),
        picture(&pixels, |p| LumaA([p.1[1], deep(p.2)])).into(),
        picture(&pixels, |p| Rgb(p.1)).into(),
        picture(&pixels, |p| Rgba([p.1[0], p.1[1], p.1[2], deep(p.2)])).into(),
    ]
}

/// All samples, one after the other.
fn samples(picture: &DynamicImage) -> Vec<u16> {
    let (depth, bytes) = (depth(picture), picture.as_bytes());
    let word = |word: &[u8]| u16::from_ne_bytes([word[0], word[1]]);
    match depth {
        8 => bytes.iter().map(|&byte| byte.into()).collect(),
        _ => bytes.chunks_exact(2).map(word).collect(),
    }
}

fn depth(picture: &DynamicImage) -> u32 {
    let color = picture.color();
    u32::from(color.bits_per_pixel()) / u32::from(color.channel_count())
}

/// All samples as the oracle says.
fn expected(picture: &DynamicImage, reference: &Picture, colorspace: Colorspace) -> Vec<u16> {
    let per_pixel = usize::from(picture.color().channel_count());
    let (code, n_channels) = match picture.color().has_color() {
        true => (Code::Rgb { limited: false }, 3),
        false => (Code::Luma { kr: 0.2126, kb: 0.0722, limited: false }, 1),
    };
    let mut samples = samples(picture);
    let grid = |channel| {
        let rows = samples.chunks_exact(per_pixel * WIDTH as usize);
        let pixels = |row: &[u16]| {
            row.chunks_exact(per_pixel).map(|pixel| i64::from(pixel[channel])).collect()
        };
        rows.map(pixels).collect()
    };
    let mut components = Components {
        grids: (0..n_channels).map(grid).collect(),
        depths: vec![depth(picture); n_channels],
        shared: (1, 1),
        cosited: false,
    };
    match_pictures(std::slice::from_mut(&mut components), code, colorspace, reference);
    for (channel, grid) in components.grids.iter().enumerate() {
        let of_channel = samples.iter_mut().skip(channel).step_by(per_pixel);
        for (sample, &matched) in of_channel.zip(grid.iter().flatten()) {
            *sample = matched as u16;
        }
    }
    samples
}

const COLOR_SPACES: [(ColorSpace, Colorspace); 3] = [
    (ColorSpace::Rgb, Colorspace::Rgb),
    (ColorSpace::YCbCr, Colorspace::Ycbcr),
    (ColorSpace::Luma, Colorspace::Luma),
];

#[test]
fn pictures_with_samples_of_every_kind_equal_the_oracle() {
    let folder = TempDir::new().expect("a temporary folder");
    let deep = folder.path().join("deep.png");
    pictures()
        .into_iter()
        .find(|picture| picture.color() == ColorType::Rgb16)
        .expect("there is one")
        .save(&deep)
        .expect("written");
    for file in [media("coffee.png"), deep] {
        let reference = Reference::load(&file).expect("it is a picture");
        let oracle = Picture::of(&file);
        for picture in pictures() {
            for (color_space, colorspace) in COLOR_SPACES {
                let mut matched = picture.clone();
                match_picture(&mut matched, &reference, color_space, 1.).expect("it is matched");
                let what = format!("{:?} {color_space:?} {}", picture.color(), file.display());
                assert_eq!(samples(&matched), expected(&picture, &oracle, colorspace), "{what}");
            }
        }
    }
}

#[test]
fn strength_is_how_far_levels_go() {
    let reference = Reference::load(&media("coffee.png")).expect("it is a picture");
    for picture in pictures() {
        let at = |strength| {
            let mut matched = picture.clone();
            match_picture(&mut matched, &reference, ColorSpace::Rgb, strength).expect("matched");
            samples(&matched)
        };
        let (before, after) = (at(0.), at(1.));
        assert_eq!(before, samples(&picture));
        assert_ne!(before, after);
        // Half the way, rounded up.
        let half = before.iter().zip(&after).map(|(&a, &b)| a.midpoint(b) + (a ^ b) % 2);
        assert_eq!(at(0.5), half.collect::<Vec<_>>());
    }
}

/// What the element makes of a picture as a frame by itself, for kinds that are formats of video.
fn by_element(picture: &DynamicImage, properties: &[(&str, &str)]) -> Option<Vec<u8>> {
    let (format, colorimetry) = match picture.color() {
        ColorType::L8 => ("GRAY8", "1:3:7:1"),
        ColorType::L16 => ("GRAY16_LE", "1:3:7:1"),
        ColorType::Rgb8 => ("RGB", "sRGB"),
        ColorType::Rgba8 => ("RGBA", "sRGB"),
        ColorType::Rgba16 => ("RGBA64_LE", "sRGB"),
        _ => return None,
    };
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", format)
        .field("width", WIDTH as i32)
        .field("height", HEIGHT as i32)
        .field("framerate", gst::Fraction::new(25, 1))
        .field("colorimetry", colorimetry)
        .build();
    let row = picture.as_bytes().len() / HEIGHT as usize;
    let stride = row.next_multiple_of(4);
    let mut frame = vec![0; stride * HEIGHT as usize];
    for (padded, row) in frame.chunks_exact_mut(stride).zip(picture.as_bytes().chunks_exact(row)) {
        padded[..row.len()].copy_from_slice(row);
    }
    let (element, bus) = common::element(Some(&media("coffee.png")));
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    let mut rig = Rig::of((element, bus));
    rig.harness.set_src_caps(caps);
    let output = bytes(&rig.process(gst::Buffer::from_mut_slice(frame)));
    Some(output.chunks_exact(stride).flat_map(|padded| &padded[..row]).copied().collect())
}

#[test]
fn pictures_are_graded_as_frames_are() {
    common::init();
    let reference = Reference::load(&media("coffee.png")).expect("it is a picture");
    let mut compared = 0;
    for (method, name) in [(Method::Linear, "linear"), (Method::Grade, "grade")] {
        for (strength, text) in [(1., "1"), (0.6, "0.6"), (0., "0")] {
            for picture in pictures() {
                let what = format!("{name} {text} {:?}", picture.color());
                let mut graded = picture.clone();
                let distance = grade_picture(&mut graded, &reference, method, strength);
                let distance = distance.expect("it is matched");
                if strength == 0. {
                    assert!(graded == picture && distance.after == distance.before, "{what}");
                    continue;
                }
                assert!(distance.after < distance.before, "{what}: {distance:?}");
                if let Some(expected) =
                    by_element(&picture, &[("method", name), ("strength", text)])
                {
                    assert!(graded.as_bytes() == expected, "{what}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 20);
}

#[test]
fn what_can_not_be_matched_is_said_and_stays() {
    let reference = Reference::load(&media("coffee.png")).expect("it is a picture");
    let mut picture = DynamicImage::ImageRgb32F(ImageBuffer::from_pixel(2, 2, Rgb([0.5; 3])));
    let before = picture.clone();
    let error = match_picture(&mut picture, &reference, ColorSpace::Rgb, 1.).unwrap_err();
    assert_eq!(error, UnsupportedPicture(ColorType::Rgb32F));
    assert_eq!(grade_picture(&mut picture, &reference, Method::Grade, 1.), Err(error.clone()));
    assert_eq!(
        error.to_string(),
        "pictures with Rgb32F samples can't be matched; convert it to 8 or 16 bits, for instance \
         by DynamicImage::into_rgb16"
    );
    assert_eq!(picture, before);
    // Nothing to match is no error.
    let mut nothing = DynamicImage::new_rgb8(0, 3);
    match_picture(&mut nothing, &reference, ColorSpace::Luma, 0.5).expect("nothing to do");
}

fn match_image(arguments: &[&str], folder: &Path) -> Output {
    run(Command::new(example("match_image")).args(arguments), folder)
}

/// What it prints, if it works: the scores, and what it has to say.
fn matched_by_program(arguments: &[&str], folder: &Path) -> [String; 2] {
    let output = match_image(arguments, folder);
    assert!(output.status.success(), "{arguments:?} {}", text(&output));
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
}

/// The metadata of `chelsea.png` that has no place in any file that is written.
const NO_TEXTS: &str = "Titles and keywords (XMP, IPTC) are lost: they are not written here.\n";

/// By how much of the full scale samples would have to move, on average, to have the reference's
/// distribution: the area between their CDFs.
fn distance(picture: &RgbImage, reference: &RgbImage) -> f64 {
    let share = |picture: &RgbImage, channel: usize, level: usize| {
        let n = picture.pixels().filter(|p| usize::from(p.0[channel]) <= level).count();
        n as f64 / f64::from(picture.width() * picture.height())
    };
    let channel = |channel| {
        let at = |level| share(picture, channel, level) - share(reference, channel, level);
        (0..256).map(|level| at(level).abs()).sum::<f64>() / 255.
    };
    (0..3).map(channel).sum::<f64>() / 3.
}

#[test]
fn the_program_matches_files() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let [input, reference] = ["chelsea.png", "coffee.png"].map(|name| {
        std::fs::copy(media(name), path(name)).expect("copied");
        name
    });
    let open = |name: &str| image::open(path(name)).expect("a picture");
    let before = open(input);
    let matched = |color_space, strength| {
        let mut picture = before.clone();
        let reference = Reference::load(&path(reference)).expect("it is a picture");
        match_picture(&mut picture, &reference, color_space, strength).expect("it is matched");
        picture
    };
    let [score, said] = matched_by_program(&[input, reference, "a.png"], folder.path());
    assert!(open("a.png") == matched(ColorSpace::Rgb, 1.));
    assert_eq!(said, NO_TEXTS);
    let [from, to] = [&before, &open("a.png")]
        .map(|picture| distance(&picture.to_rgb8(), &open(reference).to_rgb8()));
    assert_eq!(
        score,
        format!(
            "chelsea.png -> a.png: distance from the reference {from:.4} before, {to:.4} after\n"
        )
    );
    assert!(to < from / 20., "{score}");

    let options = ["--colorspace", "luma", "--strength", "0.5", "--force"];
    matched_by_program(&[&[input, reference, "a.png"][..], &options].concat(), folder.path());
    assert!(open("a.png") == matched(ColorSpace::Luma, 0.5));

    for name in ["a.png", "a.tif", "a.webp", "a.bmp"] {
        let arguments = [input, reference, name, "--force"];
        let [_, said] = matched_by_program(&arguments, folder.path());
        assert_eq!(said, NO_TEXTS);
        assert!(open(name) == matched(ColorSpace::Rgb, 1.), "{name}");
    }

    for (method, name) in [(Method::Linear, "linear"), (Method::Grade, "grade")] {
        let arguments = [input, reference, "g.png", "--method", name, "--strength=0.5", "--force"];
        matched_by_program(&arguments, folder.path());
        let mut graded = before.clone();
        let reference = Reference::load(&path(reference)).expect("it is a picture");
        grade_picture(&mut graded, &reference, method, 0.5).expect("it is matched");
        assert!(open("g.png") == graded, "{name}");
    }

    // In formats that lose something, it is near.
    matched_by_program(&[input, reference, "a.jpg"], folder.path());
    let (after, exact) = (open("a.jpg").into_rgb8(), matched(ColorSpace::Rgb, 1.).into_rgb8());
    assert!(mean_difference(&after, &exact) < 6.);
}

fn mean_difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let differences = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| a.abs_diff(*b));
    differences.map(f64::from).sum::<f64>() / a.as_raw().len() as f64
}

/// Exif of a camera: its name, that the picture is to be turned by a quarter, when and where it was
/// taken, that it is not in sRGB, and a thumbnail. Behind it what it becomes.
fn exif(big_endian: bool) -> [Vec<u8>; 2] {
    let with = |orientation: u16, color_space: u16, thumbnail: u32| {
        let mut exif = Vec::new();
        let short = |exif: &mut Vec<u8>, value: u16| match big_endian {
            true => exif.extend(value.to_be_bytes()),
            false => exif.extend(value.to_le_bytes()),
        };
        let long = |exif: &mut Vec<u8>, value: u32| match big_endian {
            true => exif.extend(value.to_be_bytes()),
            false => exif.extend(value.to_le_bytes()),
        };
        let directory = |exif: &mut Vec<u8>, entries: &[(u16, u16, u32, u32)], next: u32| {
            short(exif, entries.len() as u16);
            for &(tag, kind, count, value) in entries {
                short(exif, tag);
                short(exif, kind);
                long(exif, count);
                // A short is in the first two bytes of four.
                if (kind, count) == (3, 1) {
                    short(exif, value as u16);
                    short(exif, 0);
                } else {
                    long(exif, value);
                }
            }
            long(exif, next);
        };
        exif.extend(if big_endian { b"MM" } else { b"II" });
        short(&mut exif, 42);
        long(&mut exif, 8);
        // Four entries end at 62, two at 92, one at 110.
        let main = [
            (0x10F, 2, 8, 152),
            (0x112, 3, 1, orientation.into()),
            (0x8769, 4, 1, 62),
            (0x8825, 4, 1, 92),
        ];
        directory(&mut exif, &main, thumbnail);
        directory(&mut exif, &[(0x9003, 2, 20, 160), (0xA001, 3, 1, color_space.into())], 0);
        directory(&mut exif, &[(1, 2, 2, 0x4E00_4E00)], 0);
        directory(&mut exif, &[(0x201, 4, 1, 180), (0x202, 4, 1, 4), (0x103, 3, 1, 6)], 0);
        exif.resize(152, 0);
        exif.extend(b"Cameras\x002026:11:28 12:00:00\x00thumbnail");
        exif
    };
    [with(6, 0xFFFF, 110), with(1, 1, 0)]
}

/// Writes a picture with Exif.
fn save_with_exif(picture: &DynamicImage, exif: Vec<u8>, path: &Path) {
    let mut file = std::fs::File::create(path).expect("made");
    fn write(picture: &DynamicImage, exif: Vec<u8>, mut encoder: impl ImageEncoder) {
        encoder.set_exif_metadata(exif).expect("it has a place for it");
        picture.write_with_encoder(encoder).expect("written");
    }
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("jpg") => write(picture, exif, JpegEncoder::new_with_quality(&mut file, 100)),
        Some("png") => write(picture, exif, PngEncoder::new(&mut file)),
        _ => write(picture, exif, WebPEncoder::new_lossless(&mut file)),
    }
}

fn exif_of(path: &Path) -> Option<Vec<u8>> {
    let reader = ImageReader::open(path).expect("opens").with_guessed_format().expect("reads");
    reader.into_decoder().expect("a picture").exif_metadata().expect("reads")
}

#[test]
fn exif_stays_and_says_what_is_true() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let picture = DynamicImage::from(
        image::open(media("astronaut.png")).expect("a picture").crop_imm(0, 0, 60, 40).into_rgb8(),
    );
    let coffee = media("coffee.png");
    let coffee = coffee.to_str().expect("UTF-8");
    const NO_EXIF: &str =
        "Date, camera and place (Exif) are lost: they are not written in this format.\n";
    for input in ["in.jpg", "in.png", "in.webp"] {
        for big_endian in [false, true] {
            let [before, expected] = exif(big_endian);
            save_with_exif(&picture, before, &path(input));
            for output in ["out.jpg", "out.png", "out.webp", "out.tif", "out.bmp"] {
                let arguments = [input, coffee, output, "--force", "--strength=0"];
                let [_, said] = matched_by_program(&arguments, folder.path());
                let what = format!("{input} {output} {big_endian}");
                let turned = image::open(path(output)).expect("written").into_rgb8();
                assert!(mean_difference(&turned, &picture.rotate90().into_rgb8()) < 6., "{what}");
                if output.ends_with(".tif") || output.ends_with(".bmp") {
                    assert_eq!(said, NO_EXIF, "{what}");
                } else {
                    assert_eq!(said, "", "{what}");
                    assert_eq!(exif_of(&path(output)), Some(expected.clone()), "{what}");
                }
            }
        }
    }
    // What is no Exif stays as it is; more than a segment of a JPEG holds is left out.
    for exif in [b"no Exif".to_vec(), exif(true)[0][..70].to_vec(), vec![7; 65530]] {
        save_with_exif(&picture, exif.clone(), &path("in.png"));
        let arguments = ["in.png", coffee, "out.jpg", "--force"];
        let [_, said] = matched_by_program(&arguments, folder.path());
        let is_lost = exif.len() > 65000;
        assert_eq!(said, if is_lost { NO_EXIF } else { "" });
        let kept = exif_of(&path("out.jpg"));
        assert_eq!(kept.map(|kept| kept.len()), (!is_lost).then_some(exif.len()));
    }
    // What a TIFF's own tags say.
    const NO_TAGS: &str =
        "Date, camera and place (tags of a TIFF) are lost: they are not read here.\n";
    for is_big_endian in [false, true] {
        for (tag, expected) in [(0x0110, NO_TAGS), (0x8769, NO_TAGS), (0x0131, "")] {
            let tags = vec![(tag, vec![1])];
            let tiff = Tiff { width: 2, height: 1, is_big_endian, tags, ..Tiff::default() };
            std::fs::write(path("in.tif"), tiff.file(&[1, 2, 3, 250, 251, 252])).expect("written");
            let arguments = ["in.tif", coffee, "out.png", "--force"];
            let [_, said] = matched_by_program(&arguments, folder.path());
            assert_eq!(said, expected, "{tag:#x}");
        }
    }
}

#[test]
fn what_a_format_does_not_hold_is_said() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let coffee = media("coffee.png");
    let coffee = coffee.to_str().expect("UTF-8");
    const NO_DEPTH: &str = "16 bits have become 8: this format has no more.\n";
    const NO_ALPHA: &str = "Transparency is lost: this format has none.\n";
    for picture in pictures() {
        picture.save(path("in.png")).expect("written");
        for (output, has_depth, has_alpha) in [
            ("out.png", true, true),
            ("out.tif", true, true),
            ("out.webp", false, true),
            ("out.bmp", false, true),
            ("out.jpg", false, false),
        ] {
            let arguments = ["in.png", coffee, output, "--force"];
            let [_, said] = matched_by_program(&arguments, folder.path());
            let mut expected = String::new();
            if depth(&picture) == 16 && !has_depth {
                expected += NO_DEPTH;
            }
            if picture.color().has_alpha() && !has_alpha {
                expected += NO_ALPHA;
            }
            assert_eq!(said, expected, "{:?} {output}", picture.color());
        }
    }
    // Animations, and pages.
    const NO_MORE: &str = "All pictures of the file but the first are lost: animations and pages are not written here.\n";
    let frame = || image::Frame::new(image::RgbaImage::from_pixel(4, 4, Rgba([9, 90, 200, 255])));
    for (n_frames, expected) in [(1, ""), (2, NO_MORE)] {
        let file = std::fs::File::create(path("in.gif")).expect("made");
        let mut encoder = image::codecs::gif::GifEncoder::new(file);
        encoder.encode_frames((0..n_frames).map(|_| frame())).expect("encoded");
        drop(encoder);
        let [_, said] = matched_by_program(&["in.gif", coffee, "o.png", "--force"], folder.path());
        assert_eq!(said, expected);
    }
    for (kind, expected) in [(0, NO_MORE), (1, "")] {
        let tags = vec![(0x00FE, vec![0])];
        let mut tiff =
            Tiff { width: 2, height: 1, tags, ..Tiff::default() }.file(&[1, 2, 3, 250, 251, 252]);
        let long =
            |tiff: &[u8], at: usize| u32::from_le_bytes(tiff[at..at + 4].try_into().expect("4"));
        let first = long(&tiff, 4) as usize;
        let n_entries = usize::from(u16::from_le_bytes([tiff[first], tiff[first + 1]]));
        let (next, second) = (first + 2 + 12 * n_entries, tiff.len());
        tiff.extend(tiff[first..next + 4].to_vec());
        tiff[next..next + 4].copy_from_slice(&(second as u32).to_le_bytes());
        // The tags are in order: this is the first one.
        tiff[second + 2 + 8] = kind;
        std::fs::write(path("in.tif"), tiff).expect("written");
        let [_, said] = matched_by_program(&["in.tif", coffee, "o.png", "--force"], folder.path());
        assert_eq!(said, expected, "{kind}");
    }
    // There is nothing to lose.
    DynamicImage::from(image::RgbaImage::from_pixel(4, 4, Rgba([1, 2, 3, 255])))
        .save(path("in.png"))
        .expect("written");
    let [_, said] = matched_by_program(&["in.png", coffee, "o.jpg"], folder.path());
    assert_eq!(said, "");
}

/// Writes a picture with a colour profile.
fn save_with_profile(picture: &DynamicImage, profile: Vec<u8>, path: &Path) {
    let mut encoder = PngEncoder::new(std::fs::File::create(path).expect("made"));
    encoder.set_icc_profile(profile).expect("it has a place for it");
    picture.write_with_encoder(encoder).expect("written");
}

/// The sRGB level of a share of light.
fn srgb_level(light: f64) -> f64 {
    match light {
        ..=0.0031308 => light * 12.92,
        _ => 1.055 * light.min(1.).powf(1. / 2.4) - 0.055,
    }
}

fn srgb_light(level: f64) -> f64 {
    if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) }
}

/// Light of Display P3 in the primaries of sRGB, by those of both and a white of D65.
const P3_TO_SRGB: [[f64; 3]; 3] = [
    [1.2249401763, -0.2249401763, 0.],
    [-0.0420569547, 1.0420569547, 0.],
    [-0.0196375546, -0.0786360456, 1.0982736001],
];

#[test]
fn pictures_with_a_profile_keep_their_colours_in_srgb() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let coffee = media("coffee.png");
    let coffee = coffee.to_str().expect("UTF-8");
    let profile = |profile: ColorProfile| profile.encode().expect("a profile");
    for picture in pictures() {
        let full = f64::from((1u32 << depth(&picture)) - 1);
        let has_color = picture.color().has_color();
        let (profile, light): (_, fn(f64) -> f64) = match has_color {
            true => (profile(ColorProfile::new_display_p3()), srgb_light),
            false => (profile(ColorProfile::new_gray_with_gamma(1.8)), |level| level.powf(1.8)),
        };
        save_with_profile(&picture, profile, &path("in.png"));
        let arguments = ["in.png", coffee, "out.png", "--strength=0", "--force"];
        let [_, said] = matched_by_program(&arguments, folder.path());
        assert_eq!(said, "");
        let converted = image::open(path("out.png")).expect("written");
        assert_eq!(converted.color(), picture.color());
        let written = ImageReader::open(path("out.png")).expect("opens").into_decoder();
        assert_eq!(written.expect("reads").icc_profile().expect("reads"), None);

        let n = usize::from(picture.color().channel_count());
        let n_colors = if has_color { 3 } else { 1 };
        let (before, after) = (samples(&picture), samples(&converted));
        for (before, after) in before.chunks(n).zip(after.chunks(n)) {
            let lights: Vec<f64> =
                before[..n_colors].iter().map(|&level| light(f64::from(level) / full)).collect();
            for (channel, &after) in after[..n_colors].iter().enumerate() {
                let light = match has_color {
                    true => P3_TO_SRGB[channel].iter().zip(&lights).map(|(a, b)| a * b).sum(),
                    false => lights[0],
                };
                let exact = srgb_level(f64::max(light, 0.));
                // A level of 8 bits.
                assert!((f64::from(after) / full - exact).abs() < 0.6 / 255., "{before:?}");
            }
            assert_eq!(before[n_colors..], after[n_colors..], "alpha");
        }
    }
    // Profiles of sRGB change nothing, whoever made them; R'G'B' without colour stays grey.
    let mut made_by_others =
        ImageReader::open(media("chelsea.png")).expect("opens").into_decoder().expect("a picture");
    let made_by_others = made_by_others.icc_profile().expect("reads").expect("it has one");
    for srgb in [made_by_others, profile(ColorProfile::new_srgb())] {
        for picture in pictures() {
            save_with_profile(&picture, srgb.clone(), &path("in.png"));
            let arguments = ["in.png", coffee, "out.png", "--strength=0", "--force"];
            matched_by_program(&arguments, folder.path());
            assert!(image::open(path("out.png")).expect("written") == picture);
        }
    }
    let grey = &pictures()[0];
    save_with_profile(grey, profile(ColorProfile::new_pro_photo_rgb()), &path("in.png"));
    matched_by_program(&["in.png", coffee, "out.png", "--strength=0", "--force"], folder.path());
    let converted = image::open(path("out.png")).expect("written");
    assert!(converted.color() == grey.color() && converted != *grey);

    // Profiles that are of no use are said.
    for (bad, cause) in [
        (b"no profile".to_vec(), "(it ends in its header)"),
        (
            profile(ColorProfile::new_gray_with_gamma(1.8)),
            "(it is of grey, and the picture is in R'G'B')",
        ),
    ] {
        save_with_profile(&pictures()[2], bad, &path("in.png"));
        let arguments = ["in.png", coffee, "out.png", "--strength=0", "--force"];
        let [_, said] = matched_by_program(&arguments, folder.path());
        assert_eq!(
            said,
            format!(
                "The colours may be wrong: the colour profile can't be used {cause}, so the \
                 picture counts as sRGB.\n"
            )
        );
        assert!(image::open(path("out.png")).expect("written") == pictures()[2]);
    }
}

/// As those of references: so what is matched to itself stays as it is, but for rounding.
#[test]
fn what_a_png_says_of_its_colours_counts_for_inputs_as_for_references() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let coffee = media("coffee.png");
    let coffee = coffee.to_str().expect("UTF-8");
    let deep = pictures().into_iter().find(|picture| picture.color() == ColorType::Rgb16);
    let deep = deep.expect("there is one").into_rgb16();
    // A gamma of 1: as much light as the sRGB of the picture.
    let full = f64::from(u16::MAX);
    let mut linear = deep.clone();
    for sample in linear.iter_mut() {
        *sample = (srgb_light(f64::from(*sample) / full) * full).round() as u16;
    }
    let with_chunk = |picture: &ImageBuffer<Rgb<u16>, Vec<u16>>, name, data: &[u8]| {
        picture.save(path("plain.png")).expect("written");
        let plain = std::fs::read(path("plain.png")).expect("it is there");
        let file = common::png::with_chunk(&plain, name, data);
        std::fs::write(path("in.png"), file).expect("written");
    };
    with_chunk(&linear, b"gAMA", &100_000u32.to_be_bytes());
    let [_, said] =
        matched_by_program(&["in.png", coffee, "out.png", "--strength=0"], folder.path());
    assert_eq!(said, "");
    let out = image::open(path("out.png")).expect("written").into_rgb16();
    for (before, after) in deep.iter().zip(out.iter()) {
        assert!(before.abs_diff(*after) < 130, "{before} became {after}");
    }

    // PQ, HLG, P3 and BT.2020.
    for codes in [[9, 16], [9, 18], [12, 13], [9, 14]] {
        with_chunk(&deep, b"cICP", &[codes[0], codes[1], 0, 1]);
        let arguments = ["in.png", "in.png", "out.png", "--method=grade", "--force"];
        let [score, said] = matched_by_program(&arguments, folder.path());
        assert_eq!(said, "");
        let distances = score.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
        let distances: Vec<f64> = distances.collect();
        assert!(distances.len() == 2 && distances.iter().all(|&one| one < 5e-4), "{score}");
    }
}

#[test]
fn what_is_wrong_with_the_reference_is_said() {
    let folder = TempDir::new().expect("a temporary folder");
    let picture = pictures().swap_remove(2);
    save_with_profile(&picture, b"no profile".to_vec(), &folder.path().join("reference.png"));
    picture.save(folder.path().join("in.png")).expect("written");
    let [_, said] = matched_by_program(&["in.png", "reference.png", "out.png"], folder.path());
    assert_eq!(
        said,
        "The reference picture 'reference.png' has a colour profile that can't be used: it ends in its \
         header. Its colours count as sRGB; convert it to sRGB in a program that knows its colours.\n"
    );
}

#[test]
fn the_program_matches_folders() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("in")).expect("made");
    let picture = pictures().swap_remove(2);
    for name in ["in/a.png", "in/b.gif", "in/c.JPG", "d.webp"] {
        picture.save(path(name)).expect("written");
    }
    std::fs::write(path("in/e.png"), "no picture").expect("written");
    std::os::unix::fs::symlink("nowhere", path("in/f.png")).expect("linked");
    std::fs::write(path("in/notes.txt"), "not taken").expect("written");
    std::fs::copy(path("in/a.png"), path("in/.hidden.png")).expect("copied");
    let coffee = media("coffee.png");
    let coffee = coffee.to_str().expect("UTF-8");

    let output = match_image(&["in", "d.webp", coffee, "-o", "out/"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    let scores = String::from_utf8_lossy(&output.stdout);
    let names = ["in/a.png -> out/a.png", "in/b.gif -> out/b.png", "in/c.JPG -> out/c.JPG"];
    for (line, name) in scores.lines().zip([&names[..], &["d.webp -> out/d.webp"]].concat()) {
        assert!(line.starts_with(&format!("{name}: distance from the reference 0.")), "{scores}");
    }
    assert_eq!(scores.lines().count(), 4, "{scores}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Error: Can't read 'in/e.png': "), "{said}");
    assert!(said.contains("Error: Can't read 'in/f.png': "), "{said}");
    assert!(said.contains("it is a link to what is not there"), "{said}");
    assert!(said.contains("2 of the files failed; the lines above say why"), "{said}");
    let mut written: Vec<_> = path("out").read_dir().expect("made").flatten().collect();
    written.sort_by_key(|entry| entry.file_name());
    let written: Vec<_> = written.iter().map(|entry| entry.file_name()).collect();
    assert_eq!(written, ["a.png", "b.png", "c.JPG", "d.webp"]);

    // What is there is skipped.
    for name in ["in/e.png", "in/f.png"] {
        std::fs::remove_file(path(name)).expect("removed");
    }
    std::fs::remove_file(path("out/b.png")).expect("removed");
    let [scores, said] = matched_by_program(&["in", coffee, "-o", "out"], folder.path());
    assert!(scores.lines().count() == 1 && scores.starts_with("in/b.gif"), "{scores}");
    assert_eq!(
        said,
        "in/a.png: skipped, as 'out/a.png' exists\nin/c.JPG: skipped, as 'out/c.JPG' exists\n"
    );

    for (arguments, message) in [
        (vec!["in", coffee, "-o", "in", "--force"], "'in/a.png' would be written over itself"),
        (
            vec!["in", "out/a.png", "-o", "out", "--force"],
            "'out/a.png', the reference picture, would be",
        ),
        (
            vec!["d.webp", "in/a.png", "in/a.png", "--force"],
            "'in/a.png', the reference picture, would be",
        ),
        (vec!["in", "d.webp", coffee, "-o", "d.webp"], "Can't write several files to 'd.webp'"),
        (vec!["out", "in", coffee, "-o", "x"], "'out/a.png' and 'in/a.png' would both be written"),
        (vec!["in", coffee], "Three pictures are needed: INPUT REFERENCE OUTPUT; see --help"),
        (
            vec!["in", coffee, "-o", "x", "--method=grade", "--colorspace=luma"],
            "--colorspace is for --method channels; leave one of the two out",
        ),
        (
            vec!["in", coffee, "-o", "x", "--method=exact"],
            "it is none of channels, linear and grade",
        ),
    ] {
        let output = match_image(&arguments, folder.path());
        let text = text(&output);
        assert!(!output.status.success() && text.contains(message), "{arguments:?} {text}");
    }
}

#[test]
fn the_program_says_what_is_wrong() {
    let folder = TempDir::new().expect("a temporary folder");
    for name in ["in.png", "old.png"] {
        std::fs::copy(media("chelsea.png"), folder.path().join(name)).expect("copied");
    }
    std::fs::write(folder.path().join("text"), "no picture").expect("written");
    for (arguments, message) in [
        (
            ["none.png", "in.png", "out.png"],
            "Can't read 'none.png'\n\nCaused by:\n    0: Can't read it; check the path",
        ),
        (
            ["~/none.png", "in.png", "out.png"],
            "Can't read '~/none.png'\n\nCaused by:\n    0: Can't read it; the '~' at its start was not expanded: write the whole path",
        ),
        (
            ["in.png", "text", "out.png"],
            "Can't use 'text' as the reference picture\n\nCaused by:\n    its content is not a \
             picture in a known format; convert it to",
        ),
        (
            ["text", "in.png", "out.png"],
            "Can't read 'text'\n\nCaused by:\n    its content is not a picture in a known format; \
             convert it to",
        ),
        (
            ["in.png", "in.png", "out"],
            "Can't tell the format of 'out'; end its name in .png, .tif, .webp, .jpg or .bmp",
        ),
        (["in.png", "in.png", "old.png"], "'old.png' exists; give another name, or --force to"),
        (["in.png", "in.png", "in.png"], "'in.png' would be written over itself; choose another"),
        (
            ["in.png", "in.png", "out.gif"],
            "Can't write 'out.gif'\n\nCaused by:\n    Gif is not written here; end the name in \
             .png, .tif, .webp, .jpg or .bmp",
        ),
        (["in.png", "in.png", "no/out.png"], "Can't write 'no/out.png': there is no folder 'no'"),
    ] {
        let output = match_image(&arguments, folder.path());
        let text = text(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {text}");
        assert!(text.contains(message), "{arguments:?} {text}");
    }
    assert_eq!(folder.path().read_dir().expect("it can be read").count(), 3);
    for strength in ["-1", "1.5", "NaN"] {
        let output = match_image(
            &["in.png", "in.png", "o.png", &format!("--strength={strength}")],
            folder.path(),
        );
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output).contains("it is not between 0 and 1"), "{}", text(&output));
    }
}

#[test]
fn the_scope_draws_the_tables_and_is_what_the_readme_shows() {
    let folder = TempDir::new().expect("a temporary folder");
    let files = ["chelsea.png", "coffee.png"].map(media);
    let output = run(Command::new(example("scope")).args(&files).arg("scope.png"), folder.path());
    assert!(output.status.success() && text(&output).is_empty(), "{}", text(&output));
    let scope = image::open(folder.path().join("scope.png")).expect("written").into_rgb8();

    let shown = image::open(media("how-it-works.png")).expect("the README's").into_rgb8();
    assert_eq!(scope.dimensions(), shown.dimensions());
    // Scaling is in floating point.
    let near = scope.as_raw().iter().zip(shown.as_raw()).all(|(a, b)| a.abs_diff(*b) <= 2);
    assert!(near, "run examples/scope on {files:?} for examples/media/how-it-works.png");

    let [before, reference] =
        files.map(|file| image::open(file).expect("the picture opens").into_rgb8());
    let channel = |picture: &RgbImage, c| picture.pixels().map(|p| p.0[c]).collect::<Vec<u8>>();
    // Two pixels to a level, up to 16 from the edge on the right; grid lines are darker.
    let (left, middle) = (scope.width() - 16 - 512, (scope.height() + 20) / 2);
    for c in 0..3 {
        let lut = oracle::lut(&channel(&before, c), &channel(&reference, c));
        for (v, &level) in (0..).zip(&lut) {
            let top = (middle - 256..middle + 256)
                .find(|&y| scope.get_pixel(left + 2 * v, y).0[c] == 255)
                .expect("something is drawn");
            assert_eq!(top, middle + 256 - 2 * (u32::from(level) + 1), "{c} {v}");
        }
    }
}
