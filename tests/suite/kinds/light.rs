//! References on streams of any primaries and transfer, and references in any: as double precision says,
//! from the standards' formulas.

use super::profiles::{grid, picture_of, with_png};
use super::*;

use crate::common::frames::{Frame, Shape};
use crate::common::icc::{self, Curve, Icc};
use crate::common::light::{self, Coding, Transfer, converted};
use crate::common::{self, Complaint, Rig, bytes, media, open, png};
use gst_video::prelude::*;
use gst_video::{VideoColorimetry, VideoFormat, VideoInfo};

/// A file that says what its colours are by numbers.
fn with_codes(picture: &DynamicImage, [primaries, transfer]: [u8; 2]) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).expect("written");
    png::with_chunk(file.get_ref(), b"cICP", &[primaries, transfer, 0, 1])
}

fn reference(file: &[u8], what: &str) -> Reference {
    let reference = Reference::decode(file).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(reference.profile_fault(), None, "{what}");
    reference
}

fn colorimetry(coding: &Coding) -> Colorimetry {
    let [primaries, transfer] = coding.codes;
    Colorimetry::from_codes(primaries, transfer).expect("a known one")
}

fn channels(coding: &Coding, depth: u32) -> Channels {
    Channels {
        encoding: Encoding::Rgb(Range::Full),
        depths: vec![depth; 3],
        colorimetry: colorimetry(coding),
    }
}

/// What a reference of one colour is on a stream, from 0 to 1.
fn color_of(reference: &Reference, to: &Coding) -> [f64; 3] {
    let sample = reference.sample(colorimetry(to));
    sample.pixels().next().expect("a pixel").map(|part| f64::from(part) / 255.)
}

#[test]
fn f174_f175_references_count_in_the_light_that_they_stand_for() {
    for bits in [8, 16] {
        let (picture, stored) = picture_of(&grid(9), bits);
        for from in &light::ALL {
            let reference = reference(&with_codes(&picture, from.codes), "colours");
            for to in &light::ALL {
                let what = format!("{bits} {from:?} {to:?}");
                // In levels of 8 bits, in the order of the picture.
                let sample = reference.sample(colorimetry(to));
                let mut most = 0_f64;
                for (found, &color) in sample.pixels().zip(&stored) {
                    for (found, right) in found.into_iter().zip(converted(from, to, color)) {
                        most = most.max((f64::from(found) - right * 255.).abs());
                    }
                }
                // Where the levels are as those of pictures, 8 bits stay 8.
                let stays = bits == 8 && to.transfer == Transfer::Srgb;
                assert!(most < if stays { 0.51 } else { 0.01 }, "{what}: {most}");
                // The distributions are those of the same colours.
                let depth = if stays || from.codes == to.codes { bits } else { 16 };
                let full = f64::from((1_u32 << depth) - 1);
                let cdfs = reference.cdfs(&channels(to, depth));
                for (cdf, values) in cdfs.iter().zip(&sample.channels) {
                    let mut counts = vec![0; 1 << depth];
                    for &value in values {
                        counts[(f64::from(value) * full / 255.).round() as usize] += 1;
                    }
                    let mut sum = 0;
                    let sums = counts.into_iter().map(|count| {
                        sum += count;
                        sum
                    });
                    assert!(cdf.counts().iter().copied().eq(sums), "{what}");
                }
            }
        }
    }
}

#[test]
fn f175_white_in_diffuse_light_is_white_in_every_coding() {
    let white = |coding: &Coding| match coding.transfer {
        Transfer::Srgb | Transfer::Linear => 1.,
        // By halving.
        Transfer::Pq => {
            let (mut dark, mut bright) = (0., 1.);
            for _ in 0..60 {
                let middle = (dark + bright) / 2.;
                let is_dark = light::pq_light(middle) < light::WHITE;
                *if is_dark { &mut dark } else { &mut bright } = middle;
            }
            dark
        }
        Transfer::Hlg => 0.75,
    };
    assert!((white(&light::PQ) - 0.5807).abs() < 1e-4);
    for from in &light::ALL {
        let (picture, _) = picture_of(&[[white(from); 3]], 16);
        let reference = reference(&with_codes(&picture, from.codes), "white");
        for to in &light::ALL {
            for level in color_of(&reference, to) {
                // A level of 16 bits in PQ is as much in light.
                assert!((level - white(to)).abs() < 1.2e-4, "{from:?} {to:?}: {level}");
            }
        }
        // Black is black, and what is brighter than white is white in SDR.
        for (level, expected) in [(0., 0.), (1., 1.)] {
            let (picture, _) = picture_of(&[[level; 3]], 8);
            let reference = self::reference(&with_codes(&picture, from.codes), "a grey");
            assert_eq!(color_of(&reference, &light::SRGB), [expected; 3], "{from:?} {level}");
        }
    }
}

#[test]
fn f175_jpeg_xl_in_pq_and_hlg_counts_as_that() {
    let workshop = Workshop::new();
    let (picture, _) = picture_of(&[[0.7, 0.55, 0.4]], 16);
    let png = workshop.png(&picture);
    for (space, coding) in [("PeQ", light::PQ), ("HLG", light::HLG)] {
        let color_space = format!("color_space=RGB_D65_202_Rel_{space}");
        let jxl = workshop.jxl(&["-d", "0", "-x", &color_space], &png);
        let reference = reference(&jxl, space);
        let by_png = self::reference(&with_codes(&picture, coding.codes), space);
        for to in [light::SRGB, light::PQ, light::HLG] {
            let found = [&reference, &by_png].map(|reference| color_of(reference, &to));
            assert_eq!(found[0], found[1], "{space} {to:?}");
        }
    }
}

#[test]
fn f176_profiles_keep_what_srgb_does_not_have() {
    // As phones write it: more than sRGB has, and nothing new in P3.
    let (picture, stored) = picture_of(&[[1., 0.1, 0.05]], 16);
    let profile = Icc::rgb(4, icc::DISPLAY_P3, &Curve::Srgb).file();
    let reference = reference(&with_png(&picture, &profile), "Display P3");
    for to in &light::ALL {
        let right = converted(&light::P3, to, stored[0]);
        for (found, right) in color_of(&reference, to).into_iter().zip(right) {
            // A profile has numbers of 16 bits.
            assert!((found - right).abs() < 0.25 / 1023., "{to:?}: {found} {right}");
        }
    }
}

fn info(format: VideoFormat, colorimetry: &str) -> VideoInfo {
    let colorimetry: VideoColorimetry = colorimetry.parse().expect("a colorimetry");
    let info = VideoInfo::builder(format, 48, 32).colorimetry(&colorimetry);
    info.build().expect("an info")
}

/// Matched to a file, as each method does it.
fn matched(frame: &Frame, reference: &std::path::Path, method: &str) -> Frame {
    let mut rig = Rig::new(Some(reference));
    rig.element.set_property_from_str("method", method);
    rig.element.set_property_from_str("colorspace", "rgb");
    rig.harness.play();
    rig.harness.set_src_caps(frame.caps());
    let output = bytes(&rig.process(frame.buffer()));
    assert_eq!(rig.complaints(), []);
    let mut matched = Frame::of(frame.info.clone(), Shape::Default, || 0);
    matched.bytes = output;
    matched
}

/// A reference on a stream is what the picture that it should be is on one of SDR.
#[test]
fn f177_streams_are_matched_in_their_own_coding() {
    common::init();
    let workshop = Workshop::new();
    let small = open(&media("coffee.png")).thumbnail(60, 40).into_rgb16();
    let colors: Vec<[f64; 3]> =
        small.pixels().map(|pixel| pixel.0.map(|part| f64::from(part) / 65535.)).collect();
    // All that differs is the light: the same range and matrix.
    for (to, own, plain) in [
        (light::WIDE, "2:6:13:7", "2:6:5:1"),
        (light::P3, "2:3:7:11", "2:3:5:1"),
        (light::PQ, "bt2100-pq", "2:6:5:1"),
        (light::HLG, "bt2100-hlg", "2:6:5:1"),
    ] {
        let right: Vec<[f64; 3]> =
            colors.iter().map(|&color| converted(&light::SRGB, &to, color)).collect();
        let [file, right] = [("in.png", &colors), ("right.png", &right)].map(|(name, colors)| {
            let (picture, _) = picture_of(colors, 16);
            let picture = ImageBuffer::from_raw(60, 40, picture.into_rgb16().into_raw());
            let picture = DynamicImage::ImageRgb16(picture.expect("as many pixels"));
            let mut file = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut file, ImageFormat::Png).expect("written");
            std::path::PathBuf::from(workshop.write(name, file.into_inner()))
        });
        for format in [VideoFormat::P01010le, VideoFormat::I42010le, VideoFormat::Y44416le] {
            let frame = Frame::of(info(format, own), Shape::Default, noise(1));
            let same = Frame::of(info(format, plain), Shape::Default, noise(1));
            for method in ["channels", "linear", "grade"] {
                let [found, right] = [(&frame, &file), (&same, &right)]
                    .map(|(frame, file)| matched(frame, file, method).pictures());
                let depth = found[0].depths[0];
                let mut most = 0;
                for (found, right) in found[0].grids.iter().zip(&right[0].grids) {
                    for (a, b) in found.iter().flatten().zip(right.iter().flatten()) {
                        most = most.max((a - b).abs());
                    }
                }
                let what = format!("{to:?} {format:?} {method}");
                assert!(most <= 1 << depth.saturating_sub(10), "{what}: {most}");
            }
        }
    }
}

#[test]
fn f178_codings_of_sdr_count_as_one() {
    common::init();
    let path = media("coffee.png");
    let output = |colorimetry: &str| {
        let frame = Frame::of(info(VideoFormat::Y444, colorimetry), Shape::Default, noise(1));
        matched(&frame, &path, "channels").bytes
    };
    let plain = output("2:3:5:1");
    // By transfer and primaries.
    for colors in ["16:4", "7:1", "13:1", "11:3", "5:0", "0:0", "6:5"] {
        assert!(output(&format!("2:3:{colors}")) == plain, "{colors}");
    }
    // A matrix that was made for primaries tells of them, where nothing else does.
    let [wide, untold, plain] = ["2:6:5:7", "2:6:0:0", "2:6:5:1"].map(output);
    assert!(untold == wide && untold != plain);
}

#[test]
fn f179_another_coding_while_frames_flow() {
    common::init();
    let path = media("coffee.png");
    // What was learned of one coding says nothing of another.
    for (method, mode) in
        [("channels", "frame"), ("channels", "locked"), ("grade", "frame"), ("grade", "locked")]
    {
        let mut rig = Rig::new(Some(&path));
        rig.element.set_property_from_str("method", method);
        rig.element.set_property_from_str("update-mode", mode);
        rig.element.set_property_from_str("smoothing", "60000000000");
        rig.harness.play();
        let codings = ["bt709", "bt2100-pq", "bt2100-hlg", "bt2020", "bt709"];
        for (darker, colorimetry) in codings.into_iter().enumerate() {
            let mut noise = noise(1);
            let info = info(VideoFormat::P01010le, colorimetry);
            let frame = Frame::of(info, Shape::Default, move || noise() >> darker);
            rig.harness.set_src_caps(frame.caps());
            let output = bytes(&rig.process(frame.buffer()));
            let expected = matched(&frame, &path, method).bytes;
            // What was locked is back with its coding.
            let is_back = mode == "locked" && darker == codings.len() - 1;
            assert_eq!(output == expected, !is_back, "{method} {mode} {colorimetry}");
        }
    }
}

#[test]
fn f179_what_is_not_known_is_warned_of_once() {
    common::init();
    let path = media("coffee.png");
    for (colorimetry, what) in [
        ("2:3:5:8", "the primaries Adobergb"),
        ("2:3:5:10", "the primaries 11 of ITU-T H.273"),
        ("2:3:9:1", "the transfer 9 of ITU-T H.273"),
        ("2:3:2:1", "the transfer Gamma18"),
    ] {
        let frame = Frame::of(info(VideoFormat::P01010le, colorimetry), Shape::Default, noise(1));
        let mut rig = Rig::new(Some(&path));
        rig.harness.set_src_caps(frame.caps());
        for _ in 0..3 {
            rig.harness.push_and_pull(frame.buffer()).expect("it passes");
        }
        let warning = format!(
            "The stream's colours are coded with {what}, for which the reference picture can't be \
             converted. They are matched as if they were those of BT.709, so the video will not look \
             like the picture. Convert the stream to BT.709 first."
        );
        assert_eq!(rig.complaints(), [Complaint::Warning(warning)], "{colorimetry}");
    }
}
