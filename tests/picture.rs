//! Promise: a decoded picture is matched as a frame of its samples would be, whatever they are; and
//! `examples/match_image` does that to files, and `examples/scope` shows it.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::media;
use common::oracle::{self, Code, Colorspace, Components, Picture, match_pictures};
use common::programs::{example, run, text};
use gsthistomatch::color::ColorSpace;
use gsthistomatch::picture::{UnsupportedPicture, match_picture};
use gsthistomatch::reference::Reference;
use image::{
    ColorType, DynamicImage, ImageBuffer, ImageDecoder, ImageReader, Luma, LumaA, Pixel, Rgb,
    RgbImage, Rgba,
};
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

#[test]
fn what_can_not_be_matched_is_said_and_stays() {
    let reference = Reference::load(&media("coffee.png")).expect("it is a picture");
    let mut picture = DynamicImage::ImageRgb32F(ImageBuffer::from_pixel(2, 2, Rgb([0.5; 3])));
    let before = picture.clone();
    let error = match_picture(&mut picture, &reference, ColorSpace::Rgb, 1.).unwrap_err();
    assert_eq!(error, UnsupportedPicture(ColorType::Rgb32F));
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

#[test]
fn the_program_matches_files() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let [input, reference] = ["chelsea.png", "coffee.png"].map(|name| {
        std::fs::copy(media(name), path(name)).expect("copied");
        name
    });
    let before = image::open(path(input)).expect("the picture opens");
    let matched = |color_space, strength| {
        let mut picture = before.clone();
        let reference = Reference::load(&path(reference)).expect("it is a picture");
        match_picture(&mut picture, &reference, color_space, strength).expect("it is matched");
        picture
    };
    let output = match_image(&[input, reference, "a.png"], folder.path());
    assert!(output.status.success() && text(&output).is_empty(), "{}", text(&output));
    assert!(image::open(path("a.png")).expect("written") == matched(ColorSpace::Rgb, 1.));

    let options = ["--colorspace", "luma", "--strength", "0.5", "--force"];
    let output = match_image(&[&[input, reference, "a.png"][..], &options].concat(), folder.path());
    assert!(output.status.success() && text(&output).is_empty(), "{}", text(&output));
    assert!(image::open(path("a.png")).expect("written") == matched(ColorSpace::Luma, 0.5));

    // The colour profile stays, where there is a place for it.
    for name in ["a.png", "a.tif", "a.webp"] {
        let output = match_image(&[input, reference, name, "--force"], folder.path());
        assert!(output.status.success() && text(&output).is_empty(), "{}", text(&output));
        let open =
            |name| ImageReader::open(path(name)).expect("opens").into_decoder().expect("reads");
        let profile = open(name).icc_profile().expect("reads");
        assert!(
            profile.is_some() && profile == open(input).icc_profile().expect("reads"),
            "{name}"
        );
        assert!(
            image::open(path(name)).expect("written") == matched(ColorSpace::Rgb, 1.),
            "{name}"
        );
    }
    let output = match_image(&[input, reference, "a.bmp"], folder.path());
    assert_eq!(text(&output), "The colour profile is lost: this format has no place for it.\n");

    // In formats that lose something, it is near.
    let output = match_image(&[input, reference, "a.jpg"], folder.path());
    assert!(output.status.success() && text(&output).is_empty(), "{}", text(&output));
    let after = image::open(path("a.jpg")).expect("written").into_rgb8();
    let exact = matched(ColorSpace::Rgb, 1.).into_rgb8();
    let differences = after.as_raw().iter().zip(exact.as_raw()).map(|(a, b)| a.abs_diff(*b));
    let mean = differences.map(f64::from).sum::<f64>() / exact.as_raw().len() as f64;
    assert!(mean < 6., "{mean}");
}

#[test]
fn the_program_says_what_is_wrong() {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::copy(media("chelsea.png"), folder.path().join("in.png")).expect("copied");
    std::fs::write(folder.path().join("text"), "no picture").expect("written");
    for (arguments, message) in [
        (
            ["none.png", "in.png", "out.png"],
            "Can't read 'none.png'\n\nCaused by:\n    No such file or directory",
        ),
        (
            ["in.png", "text", "out.png"],
            "Can't use 'text' as the reference picture\n\nCaused by:\n    its content is not a \
             picture in a known format; convert it to",
        ),
        (["text", "in.png", "out.png"], "Can't read 'text'\n\nCaused by:\n    The image format "),
        (
            ["in.png", "in.png", "out"],
            "Can't tell the format of 'out'; end its name in .png, .tif, .webp, .jpg or .bmp",
        ),
        (["in.png", "in.png", "in.png"], "'in.png' exists; give another name, or --force to"),
        (
            ["in.png", "in.png", "out.gif"],
            "Can't write 'out.gif'\n\nCaused by:\n    Gif is not written here; end the name in \
             .png, .tif, .webp, .jpg or .bmp",
        ),
        (["in.png", "in.png", "no/out.png"], "Can't write 'no/out.png'"),
    ] {
        let output = match_image(&arguments, folder.path());
        let text = text(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {text}");
        assert!(text.contains(message), "{arguments:?} {text}");
    }
    assert_eq!(folder.path().read_dir().expect("it can be read").count(), 2);
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
