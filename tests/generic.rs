//! Promise: formats that only GStreamer can unpack give what the oracle gives, and so does every
//! other format if it is treated as one of them.

mod common;

use std::collections::BTreeSet;

use common::frames::{FORMATS, Frame, Shape, code, noise};
use common::oracle::{Code, Colorspace, Components, Picture, match_pictures};
use common::{Rig, bytes, media};
use gst::prelude::*;
use gst_video::{VideoFormat, VideoFormatInfo};

const SIZES: [(u32, u32); 6] = [(1, 1), (3, 5), (17, 9), (48, 4), (50, 21), (7, 130)];

/// The formats of the element that have no place in the table of the tests.
fn others() -> Vec<VideoFormat> {
    let known: BTreeSet<VideoFormat> = FORMATS.iter().map(|known| known.format).collect();
    common::formats_of_template().into_iter().filter(|format| !known.contains(format)).collect()
}

/// The four samples of each pixel, alpha first, as GStreamer unpacks a frame in one piece.
fn unpack(info: &gst_video::VideoInfo, bytes: &[u8]) -> Vec<Vec<[i64; 4]>> {
    let format = info.format_info();
    let unpacked = VideoFormatInfo::from_format(format.unpack_format());
    let deep = unpacked.pixel_stride()[0] == 8;
    // GStreamer's function for one row is asked for as many bytes as if no plane were subsampled.
    let planes: Vec<Vec<u8>> = (0..info.n_planes() as usize)
        .map(|plane| {
            let mut bytes = bytes[info.offset()[plane]..].to_vec();
            bytes.resize(info.stride()[plane] as usize * (info.height() as usize + 4) + 64, 0);
            bytes
        })
        .collect();
    let planes: Vec<&[u8]> = planes.iter().map(Vec::as_slice).collect();
    let width = info.width() as usize;
    (0..info.height() as i32)
        .map(|y| {
            let mut pixels = vec![0; width * if deep { 8 } else { 4 } + 64];
            format.unpack(
                gst_video::VideoPackFlags::empty(),
                &mut pixels,
                &planes,
                info.stride(),
                0,
                y,
                width as i32,
            );
            let sample = |pixel: &[u8], i: usize| match deep {
                true => u16::from_ne_bytes([pixel[2 * i], pixel[2 * i + 1]]).into(),
                false => pixel[i].into(),
            };
            pixels
                .chunks(if deep { 8 } else { 4 })
                .take(width)
                .map(|pixel| [0, 1, 2, 3].map(|i| sample(pixel, i)))
                .collect()
        })
        .collect()
}

/// The components of a frame, with as many bits as they have, at least `least_depth`.
fn components(info: &gst_video::VideoInfo, bytes: &[u8], least_depth: u32) -> Components {
    let format = info.format_info();
    let pixels = unpack(info, bytes);
    let bits = if format.unpack_format() == VideoFormat::Argb
        || format.unpack_format() == VideoFormat::Ayuv
    {
        8
    } else {
        16
    };
    let n = if format.is_gray() { 1 } else { 3 };
    let depths: Vec<u32> = format.depth()[..n].iter().map(|&d| d.max(least_depth)).collect();
    let grids = (0..n)
        .map(|c| {
            let (h, v) = (1 << format.w_sub()[c], 1 << format.h_sub()[c]);
            let sample = |pixel: &[i64; 4]| pixel[1 + c] >> (bits - depths[c]);
            pixels
                .iter()
                .step_by(v)
                .map(|row| row.iter().step_by(h).map(sample).collect())
                .collect()
        })
        .collect();
    Components {
        grids,
        depths,
        shared: (1 << format.w_sub()[n - 1], 1 << format.h_sub()[n - 1]),
        cosited: format.w_sub()[n - 1] > 0
            && info.chroma_site().contains(gst_video::VideoChromaSite::H_COSITED),
    }
}

/// Whether a format has room for all samples of a row.
fn is_whole(info: &gst_video::VideoInfo) -> bool {
    let format = info.format_info();
    let pixels_of_a_unit = match format.name().as_str() {
        "NV12_10LE32" | "NV16_10LE32" => 6,
        "NV12_10LE40" => 4,
        "UYVP" => 2,
        _ => return true,
    };
    info.width().is_multiple_of(pixels_of_a_unit)
}

fn others_equal_the_oracle(rig: &mut Rig, reference: &Picture) {
    let formats = others();
    assert!(formats.len() > 30, "{formats:?}");
    for (format, (width, height)) in
        formats.into_iter().flat_map(|format| SIZES.map(|size| (format, size)))
    {
        let info = gst_video::VideoInfo::builder(format, width, height).build().expect("valid");
        let info = gst_video::VideoInfo::from_caps(&info.to_caps().expect("caps")).expect("info");
        let mut content = noise(width * height);
        let input: Vec<u8> = (0..info.size()).map(|_| content()).collect();
        for colorspace in Colorspace::ALL {
            let what = format!("{format:?} {width} x {height} {}", colorspace.nick());
            rig.element.set_property_from_str("colorspace", colorspace.nick());
            rig.harness.set_src_caps(info.to_caps().expect("caps"));
            let output = bytes(&rig.process(gst::Buffer::from_mut_slice(input.clone())));
            assert_eq!(output.len(), input.len());
            // In GStreamer's layout of some formats, rows of odd lengths share bytes.
            if !is_whole(&info) {
                println!("skipped: {what}");
                continue;
            }

            let code = code(&info);
            let is_conversion = matches!(code, Code::Rgb { .. })
                != matches!(code.channels(colorspace), Code::Rgb { .. });
            // Conversions see samples of less than 8 bits as GStreamer widens them.
            let least_depth = if is_conversion { 8 } else { 1 };
            let mut expected = [components(&info, &input, least_depth)];
            match_pictures(&mut expected, code, colorspace, reference);
            let found = components(&info, &output, 1);
            for (c, (expected, found)) in expected[0].grids.iter().zip(&found.grids).enumerate() {
                let depth = info.format_info().depth()[c];
                let narrow = |v: i64| match depth {
                    0..8 if is_conversion => (v * ((1 << depth) - 1) + 127) / 255,
                    _ => v,
                };
                let expected: Vec<Vec<i64>> =
                    expected.iter().map(|row| row.iter().map(|&v| narrow(v)).collect()).collect();
                assert!(&expected == found, "{what}, component {c}\n{expected:?}\n{found:?}");
            }
            let alpha = |bytes: &[u8]| -> Vec<i64> {
                unpack(&info, bytes).iter().flatten().map(|pixel| pixel[0]).collect()
            };
            assert_eq!(alpha(&input), alpha(&output), "{what}: alpha");
        }
    }
}

fn known_formats_equal_the_oracle(rig: &mut Rig, reference: &Picture) {
    for known in FORMATS {
        for (width, height) in SIZES {
            // GStreamer takes Cb for Cr in the last one of an odd number of pixels.
            let swaps = [VideoFormat::Vyuy, VideoFormat::Nv61].contains(&known.format);
            if swaps && !width.is_multiple_of(2) {
                continue;
            }
            for (seed, shape) in [Shape::Default, Shape::OffsetShortLastRow].into_iter().enumerate()
            {
                let mut content = noise(seed as u32 + width);
                // GStreamer does not keep bits that have no meaning.
                let any = known.has_no_unused_bits();
                let mut frame =
                    Frame::new(
                        known.format,
                        width,
                        height,
                        shape,
                        || {
                            if any { content() } else { 0 }
                        },
                    );
                let mut pictures = frame.pictures();
                for sample in pictures[0].grids.iter_mut().flatten().flatten() {
                    let random = i64::from(content()) << 8 | i64::from(content());
                    *sample = random & ((1 << known.depth()) - 1);
                }
                frame.set_pictures(&pictures);
                for colorspace in Colorspace::ALL {
                    rig.element.set_property_from_str("colorspace", colorspace.nick());
                    rig.harness.set_src_caps(frame.caps());
                    let mut output = frame.clone();
                    output.bytes = bytes(&rig.process(frame.buffer()));
                    let mut expected = frame.clone();
                    expected.bytes = frame.expected_in(colorspace, reference);
                    let equal = |a: &Frame, b: &Frame| {
                        let (a, b) = (&a.pictures()[0], &b.pictures()[0]);
                        a.grids == b.grids
                    };
                    assert!(
                        equal(&output, &expected),
                        "{:?} {width} x {height} {shape:?} {}",
                        known.format,
                        colorspace.nick()
                    );
                }
            }
        }
    }
}

#[test]
fn f27_formats_unpacked_by_gstreamer_equal_the_oracle() {
    let path = media("coffee.png");
    let reference = Picture::of(&path);
    let mut rig = Rig::new(Some(&path));
    others_equal_the_oracle(&mut rig, &reference);

    // SAFETY: this is the only test of the process, and no other thread reads the environment now.
    unsafe { std::env::set_var("HISTOMATCH_GENERIC", "1") };
    known_formats_equal_the_oracle(&mut rig, &reference);
}
