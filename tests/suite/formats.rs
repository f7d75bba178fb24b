//! Promise: every format, size and shape of memory gives what the oracle gives, and no byte but
//! samples is written.

use std::collections::BTreeSet;

use crate::common::frames::{FORMATS, Format, Frame, Shape, noise};
use crate::common::oracle::{Colorspace, Picture};
use crate::common::{self, Complaint, Rig, bytes, media};
use gst::prelude::*;
use gst_video::VideoFormat;
use gst_video::prelude::*;

const SHAPES: [Shape; 5] = [
    Shape::Default,
    Shape::Stride { padding: 0 },
    Shape::Stride { padding: 1 },
    Shape::Stride { padding: 64 },
    Shape::OffsetShortLastRow,
];

/// The same samples, amid other bytes, in each shape of memory through one element.
fn check(rig: &mut Rig, reference: &Picture, info: &gst_video::VideoInfo, colorspace: Colorspace) {
    rig.element.set_property_from_str("colorspace", colorspace.nick());
    let seed = info.width() + info.height();
    let first = Frame::of(info.clone(), Shape::Default, noise(seed));
    let (samples, matched) = (first.pictures(), first.matched_in(colorspace, reference));
    for (n, shape) in (1..).zip(SHAPES) {
        let mut frame = Frame::of(info.clone(), shape, noise(seed + n));
        frame.set_pictures(&samples);
        rig.harness.set_src_caps(frame.caps());
        let output = rig.harness.push_and_pull(frame.buffer()).expect("it passes");
        assert_eq!(rig.complaints(), []);
        frame.set_pictures(&matched);
        assert!(
            bytes(&output) == frame.bytes,
            "{} {shape:?} {} differs from the oracle",
            frame.caps(),
            colorspace.nick()
        );
    }
}

fn check_sizes(sizes: &[(u32, u32)]) {
    let path = media("coffee.png");
    let reference = Picture::of(&path);
    let mut rig = Rig::new(Some(&path));
    for colorspace in Colorspace::ALL {
        for Format { format, .. } in FORMATS {
            for &(width, height) in sizes {
                let info = info(format, width, height).build().expect("valid info");
                check(&mut rig, &reference, &info, colorspace);
            }
        }
    }
}

fn info(format: VideoFormat, width: u32, height: u32) -> gst_video::VideoInfoBuilder<'static> {
    common::init();
    gst_video::VideoInfo::builder(format, width, height)
}

#[test]
fn f02_f09_f10_f11_f26_f27_all_formats_and_shapes_equal_the_oracle() {
    check_sizes(&[(3, 5), (17, 9), (64, 2), (131, 70)]);
}

#[test]
fn f07_one_pixel_in_every_format() {
    check_sizes(&[(1, 1)]);
}

#[test]
fn f08_one_row_or_column_in_every_format() {
    check_sizes(&[(1, 7), (7, 1), (1, 300), (300, 1)]);
}

/// Matrices and ranges of Y'CbCr, luma and R'G'B'.
const COLORIMETRIES: [&str; 9] = [
    "bt601",
    "bt709",
    // That of BT.2020, with other primaries: references stay as they are.
    "2:6:5:1",
    "smpte240m",
    // BT.601 and BT.709 in full range.
    "1:4:0:0",
    "1:3:5:1",
    "2:3:5:1",
    // R'G'B', in full and in limited range.
    "1:1:7:1",
    "2:1:7:1",
];

#[test]
fn f28_every_matrix_range_and_chroma_site_equals_the_oracle() {
    common::init();
    let path = media("chelsea.png");
    let reference = Picture::of(&path);
    let mut rig = Rig::new(Some(&path));
    let formats = [
        VideoFormat::I420,
        VideoFormat::Yuy2,
        VideoFormat::Y41b,
        VideoFormat::Yuv9,
        VideoFormat::Y444,
        VideoFormat::P01010le,
        VideoFormat::Y44416le,
        VideoFormat::Gray8,
        VideoFormat::Gray16Le,
        VideoFormat::Rgb,
        VideoFormat::Gbr10le,
    ];
    use gst_video::VideoChromaSite as Site;
    for format in formats {
        for colorimetry in COLORIMETRIES {
            let colorimetry: gst_video::VideoColorimetry =
                colorimetry.parse().expect("a colorimetry");
            for site in [Site::NONE, Site::MPEG2, Site::COSITED, Site::DV] {
                let subsampled = Format::of(format).is_subsampled();
                if !subsampled && site != Site::NONE {
                    continue;
                }
                let info = info(format, 22, 11).colorimetry(&colorimetry);
                let info = if subsampled { info.chroma_site(site) } else { info };
                let info = info.build().expect("valid info");
                for colorspace in Colorspace::ALL {
                    check(&mut rig, &reference, &info, colorspace);
                }
            }
        }
    }
}

#[test]
fn f28_levels_stay_legal() {
    let path = media("coffee.png");
    let mut rig = Rig::new(Some(&path));
    for colorspace in Colorspace::ALL {
        rig.element.set_property_from_str("colorspace", colorspace.nick());
        for format in [VideoFormat::I420, VideoFormat::Yuy2, VideoFormat::I42010le] {
            let mut content = noise(3);
            let mut frame = Frame::new(format, 64, 48, Shape::Default, || 0);
            let depth = Format::of(format).depth();
            let mut pictures = frame.pictures();
            let code = frame.code();
            for (c, grid) in pictures[0].grids.iter_mut().enumerate() {
                let (low, high) = code.legal(c, depth);
                for sample in grid.iter_mut().flatten() {
                    let random = i64::from(content()) << 8 | i64::from(content());
                    *sample = low + random % (high + 1 - low);
                }
            }
            frame.set_pictures(&pictures);
            rig.harness.set_src_caps(frame.caps());
            frame.bytes = bytes(&rig.process(frame.buffer()));
            for (c, grid) in frame.pictures()[0].grids.iter().enumerate() {
                let (low, high) = code.legal(c, depth);
                let legal = grid.iter().flatten().all(|sample| (low..=high).contains(sample));
                assert!(legal, "{format:?} {} component {c}", colorspace.nick());
            }
        }
    }
}

#[test]
fn f48_interleaved_fields_are_pictures_of_their_own() {
    let path = media("coffee.png");
    let reference = Picture::of(&path);
    let mut rig = Rig::new(Some(&path));
    for format in [
        VideoFormat::I420,
        VideoFormat::Nv12,
        VideoFormat::Yuy2,
        VideoFormat::Bgrx,
        VideoFormat::P01010le,
        VideoFormat::Yuv9,
    ] {
        for height in [5, 6, 8, 24] {
            let info = info(format, 19, height)
                .interlace_mode(gst_video::VideoInterlaceMode::Interleaved)
                .build()
                .expect("valid info");
            for colorspace in Colorspace::ALL {
                check(&mut rig, &reference, &info, colorspace);
            }
        }
    }
}

#[test]
fn f48_mixed_frames_are_interleaved_if_their_flag_says_so() {
    let path = media("coffee.png");
    let reference = Picture::of(&path);
    let mut rig = Rig::new(Some(&path));
    let with = |mode| {
        let info = info(VideoFormat::I420, 32, 24).interlace_mode(mode);
        Frame::of(info.build().expect("valid info"), Shape::Default, noise(9))
    };
    let [progressive, interleaved, mixed] = [
        gst_video::VideoInterlaceMode::Progressive,
        gst_video::VideoInterlaceMode::Interleaved,
        gst_video::VideoInterlaceMode::Mixed,
    ]
    .map(with);
    assert_eq!(progressive.bytes, mixed.bytes);
    rig.harness.set_src_caps(mixed.caps());
    for (flags, alike) in [
        (gst_video::VideoBufferFlags::empty(), &progressive),
        (gst_video::VideoBufferFlags::INTERLACED, &interleaved),
    ] {
        let mut buffer = mixed.buffer();
        let writable = buffer.get_mut().expect("no one else has it");
        writable.set_video_flags(flags);
        assert!(bytes(&rig.process(buffer)) == alike.expected(&reference), "{flags:?}");
    }
    assert!(progressive.expected(&reference) != interleaved.expected(&reference));
}

#[test]
fn a_frame_with_the_colours_of_the_reference_does_not_change() {
    let path = media("astronaut.png");
    let picture = image::open(&path).expect("the picture opens").into_rgb8();
    let mut rig = Rig::new(Some(&path));
    let mut frame = Frame::new(VideoFormat::Gbr10le, 512, 512, Shape::Default, || 0);
    let mut pictures = frame.pictures();
    for (c, grid) in pictures[0].grids.iter_mut().enumerate() {
        for (sample, pixel) in grid.iter_mut().flatten().zip(picture.pixels()) {
            // Of the four levels that one of 8 bits stands for, each as often as the others.
            *sample = i64::from(pixel.0[c]) << 2;
        }
    }
    frame.set_pictures(&pictures);
    rig.harness.set_src_caps(frame.caps());
    let output = bytes(&rig.process(frame.buffer()));
    frame.bytes = output;
    // Every level is the highest of the four that the reference's level stands for.
    for (before, after) in pictures[0].grids.iter().zip(&frame.pictures()[0].grids) {
        let pairs = before.iter().flatten().zip(after.iter().flatten());
        assert!(pairs.into_iter().all(|(before, after)| before + 3 == *after));
    }
}

#[test]
fn deep_references_keep_their_depth() {
    let folder = temp_dir::TempDir::new().expect("a temporary folder");
    let path = folder.path().join("deep.png");
    // Levels that 8 bits can't tell apart.
    let picture = image::ImageBuffer::from_fn(64, 64, |x, y| {
        image::Rgb([30_000 + (x + 64 * y) as u16 % 200, 70 + x as u16, (65_535 - y * 3) as u16])
    });
    picture.save(&path).expect("it can be written");
    let reference = Picture::of(&path);
    assert_eq!(reference.depth, 16);
    let mut rig = Rig::new(Some(&path));
    for format in [
        VideoFormat::Rgba64Le,
        VideoFormat::Gbr12le,
        VideoFormat::Rgb,
        VideoFormat::I42010le,
        VideoFormat::Gray16Le,
    ] {
        let info = info(format, 40, 30).build().expect("valid info");
        for colorspace in Colorspace::ALL {
            check(&mut rig, &reference, &info, colorspace);
        }
    }
    let frame = Frame::new(VideoFormat::Rgba64Le, 64, 64, Shape::Default, noise(1));
    rig.harness.set_src_caps(frame.caps());
    rig.element.set_property_from_str("colorspace", "rgb");
    let mut output = frame.clone();
    output.bytes = bytes(&rig.process(frame.buffer()));
    let red: BTreeSet<i64> = output.pictures()[0].grids[0].iter().flatten().copied().collect();
    assert_eq!(red, (30_000..30_200).collect());
}

#[test]
fn flat_black_and_white_frames_equal_the_oracle() {
    let reference = media("astronaut.png");
    let samples = Picture::of(&reference);
    let mut rig = Rig::new(Some(&reference));
    for Format { format, .. } in FORMATS {
        for level in [0, 1, 127, 255] {
            let frame = Frame::new(format, 6, 4, Shape::Default, || level);
            rig.harness.set_src_caps(frame.caps());
            assert_eq!(bytes(&rig.process(frame.buffer())), frame.expected(&samples));
        }
    }
}

/// What is left out, with the reason, in this or another version of GStreamer.
const LEFT_OUT: [(&str, &str); 12] = [
    ("NV12_64Z32", "tiles"),
    ("NV12_4L4", "tiles"),
    ("NV12_32L32", "tiles"),
    ("NV12_16L32S", "tiles"),
    ("NV12_8L128", "tiles"),
    ("NV12_10BE_8L128", "tiles"),
    ("NV12_10LE40_4L4", "tiles"),
    ("MT2110T", "tiles"),
    ("MT2110R", "tiles"),
    ("RGB8P", "a palette, and GStreamer packs it with a fixed one"),
    ("DMA_DRM", "not in system memory"),
    ("ENCODED", "not raw"),
];

#[test]
fn the_pad_templates_and_the_list_of_what_is_left_out_are_all_formats() {
    let rig = Rig::new(None);
    let all: BTreeSet<&str> =
        VideoFormat::iter_raw().map(|format| format.to_str().as_str()).collect();
    for pad in ["sink", "src"] {
        let caps = rig.element.pad_template(pad).expect("the pad has a template").caps().clone();
        // The same again for fields in buffers of their own, and for overlays.
        const OVERLAYS: &str = "meta:GstVideoOverlayComposition";
        let features: [&[&str]; 5] = [
            &["memory:SystemMemory"],
            &["format:Interlaced"],
            &["memory:SystemMemory", OVERLAYS],
            &[OVERLAYS],
            &["format:Interlaced", OVERLAYS],
        ];
        assert_eq!(caps.size(), features.len());
        let structure = caps.structure(0).expect("it is there");
        assert_eq!(structure.name(), "video/x-raw");
        for names in features {
            let features = gst::CapsFeatures::new(names.iter().copied());
            let at = (0..caps.size())
                .find(|&at| caps.features(at).is_some_and(|own| own.is_equal(&features)))
                .unwrap_or_else(|| panic!("{names:?}"));
            let other = caps.structure(at).expect("it is there");
            let formats = |structure: &gst::StructureRef| structure.get::<gst::List>("format");
            let [own, all] = [other, structure].map(|s| formats(s).expect("a list"));
            assert_eq!(own.as_slice().len(), all.as_slice().len());
            let mode = names.contains(&"format:Interlaced").then_some("alternate");
            assert_eq!(other.get::<&str>("interlace-mode").ok(), mode, "{names:?}");
        }
        let promised = structure.get::<gst::List>("format").expect("a list of formats");
        let promised: Vec<&str> =
            promised.iter().map(|format| format.get().expect("a string")).collect();
        let set: BTreeSet<&str> = promised.iter().copied().collect();
        assert_eq!(set.len(), promised.len(), "no format twice");
        let left_out: BTreeSet<&str> = LEFT_OUT.iter().map(|(name, _)| *name).collect();
        assert!(set.is_disjoint(&left_out));
        assert_eq!(all.difference(&left_out).copied().collect::<BTreeSet<_>>(), set);
        for Format { format, .. } in FORMATS {
            assert!(set.contains(format.to_str().as_str()), "{format:?}");
        }
        // What costs least comes first, and the machine's byte order before the other.
        let place = |name| promised.iter().position(|&format| format == name);
        assert!(place("I420") < place("I420_10LE") && place("BGRx") < place("RGB16"));
        assert!(place("I420_10LE") < place("v210"));
        assert!(place("I420_10LE") < place("I420_10BE"));
    }
}

#[test]
fn f23_f24_impossible_caps_are_not_negotiated() {
    for caps in [
        "video/x-raw, format=RGB, width=65536, height=65536, framerate=1/1",
        "video/x-raw, format=RGB, width=2147483647, height=2147483647, framerate=1/1",
        "video/x-raw, format=RGB, width=0, height=4, framerate=1/1",
        "video/x-raw, width=4, height=4, framerate=1/1",
        "video/x-raw, format=NV12_4L4, width=4, height=4, framerate=1/1",
        "video/x-raw, format=NONSENSE, width=4, height=4, framerate=1/1",
    ] {
        let mut rig = Rig::new(Some(&media("coffee.png")));
        rig.harness.set_src_caps(caps.parse().expect("the caps parse"));
        let outcome = rig.harness.push(gst::Buffer::with_size(48).expect("a small buffer"));
        assert_eq!(outcome, Err(gst::FlowError::NotNegotiated), "{caps}");
    }
}

#[test]
fn f25_an_8k_frame_counts_exactly() {
    let reference = media("chelsea.png");
    let samples = Picture::of(&reference);
    let mut rig = Rig::new(Some(&reference));
    for format in [VideoFormat::Bgrx, VideoFormat::Gray8] {
        let mut content = noise(8);
        // Far more than 2^24 samples of one level, and some of each other.
        let frame = Frame::new(format, 7680, 4320, Shape::Default, || match content() {
            0..=199 => 77,
            level => level.wrapping_mul(37),
        });
        assert!(frame.channels()[0].iter().filter(|&&v| v == 77).count() > 1 << 24);
        rig.harness.set_src_caps(frame.caps());
        assert!(bytes(&rig.process(frame.buffer())) == frame.expected(&samples), "{format:?}");
    }
}

#[test]
fn f29_frames_in_other_memory_are_refused_with_a_hint() {
    for (memory, cure) in [
        ("GLMemory", "Put 'glcolorconvert ! gldownload' in front of it."),
        (
            "DMABuf",
            "Put 'glupload ! glcolorconvert ! gldownload', or what turns it off at the source \
             (v4l2src io-mode=mmap), in front of it.",
        ),
        ("VAMemory", "Put 'vapostproc' in front of it."),
        ("CUDAMemory", "Put 'cudadownload' in front of it."),
        ("Strange", "Put an element that downloads frames to system memory in front of it."),
    ] {
        let mut rig = Rig::new(Some(&media("coffee.png")));
        let caps = format!("video/x-raw(memory:{memory}), format=RGBA, width=4, height=4");
        rig.harness.set_src_caps(caps.parse().expect("the caps parse"));
        let outcome = rig.harness.push(gst::Buffer::with_size(64).expect("a small buffer"));
        assert_eq!(outcome, Err(gst::FlowError::NotNegotiated), "{caps}");
        let text = format!(
            "Frames in {memory} memory can't be matched: histomatch works on system memory. {cure}"
        );
        // Once for each time that the harness sends the caps.
        let mut complaints = rig.complaints();
        complaints.dedup();
        assert_eq!(complaints, [Complaint::Error(text)]);
    }
}

/// 34, 35, 36: size, format and colorimetry change while frames flow.
#[test]
fn f34_f35_f36_every_frame_is_matched_by_its_own_caps() {
    common::init();
    let path = media("chelsea.png");
    let reference = Picture::of(&path);
    let mut rig = Rig::new(Some(&path));
    let with = |format, (width, height), colorimetry: &str| {
        let colorimetry: gst_video::VideoColorimetry = colorimetry.parse().expect("colorimetry");
        info(format, width, height).colorimetry(&colorimetry).build().expect("valid info")
    };
    for info in [
        with(VideoFormat::Rgb, (20, 10), "sRGB"),
        with(VideoFormat::Rgb, (33, 7), "sRGB"),
        with(VideoFormat::I420, (33, 7), "bt601"),
        with(VideoFormat::I420, (33, 7), "bt709"),
        with(VideoFormat::I420, (33, 7), "1:3:5:1"),
        with(VideoFormat::I42010le, (33, 7), "bt709"),
        with(VideoFormat::Gray8, (33, 7), "bt601"),
        with(VideoFormat::Gray8, (33, 7), "bt709"),
        with(VideoFormat::Rgb, (20, 10), "sRGB"),
    ] {
        let frame = Frame::of(info, Shape::Default, noise(5));
        rig.harness.set_src_caps(frame.caps());
        for colorspace in Colorspace::ALL {
            rig.element.set_property_from_str("colorspace", colorspace.nick());
            let output = bytes(&rig.process(frame.buffer()));
            assert!(output == frame.expected_in(colorspace, &reference), "{}", frame.caps());
        }
    }
}
