//! Promise: the rule, to the last bit, whatever the sizes of frame and reference.

mod common;

use common::frames::{Frame, Shape};
use common::oracle::{self, Picture};
use common::{PICTURES, Rig, bytes, media};
use gst_video::VideoFormat;
use gsthistomatch::cdf::Cdf;
use gsthistomatch::histogram::Histogram;
use gsthistomatch::lut::match_cdfs;
use proptest::collection::vec;
use proptest::prelude::*;

fn histogram(samples: &[u8]) -> Histogram {
    let mut histogram = Histogram::empty(8);
    samples.iter().for_each(|&sample| histogram.bins[usize::from(sample)] += 1);
    histogram
}

fn lut(source: &Histogram, reference: &Histogram) -> [u8; 256] {
    match_cdfs(&Cdf::from(source), &Cdf::from(reference)).to_bytes()
}

/// Samples of all kinds: flat, few levels, a narrow band, anything.
fn samples() -> impl Strategy<Value = Vec<u8>> {
    (any::<u8>(), prop_oneof![Just(1), 2..4u16, 4..64u16, Just(256)], 1..600usize).prop_flat_map(
        |(first, levels, n)| {
            vec((0..levels).prop_map(move |level| first.wrapping_add(level as u8)), n)
        },
    )
}

proptest! {
    #[test]
    fn the_table_equals_the_oracle(source in samples(), reference in samples()) {
        let expected = oracle::lut(&source, &reference);
        prop_assert_eq!(&lut(&histogram(&source), &histogram(&reference))[..], &expected[..]);
    }

    #[test]
    fn the_table_never_falls(source in samples(), reference in samples()) {
        let lut = lut(&histogram(&source), &histogram(&reference));
        prop_assert!(lut.is_sorted());
    }

    #[test]
    fn a_source_equal_to_the_reference_does_not_change(samples in samples()) {
        let histogram = histogram(&samples);
        let lut = lut(&histogram, &histogram);
        prop_assert!(samples.iter().all(|&v| lut[usize::from(v)] == v));
    }

    #[test]
    fn output_levels_are_levels_of_the_reference(source in samples(), reference in samples()) {
        let lut = lut(&histogram(&source), &histogram(&reference));
        prop_assert!(source.iter().all(|&v| reference.contains(&lut[usize::from(v)])));
    }

    /// The rule compares fractions, so n times as many samples change nothing. The products of
    /// these counts need more than 64 bits.
    #[test]
    fn counts_of_any_size_are_exact(
        source in samples(),
        reference in samples(),
        n_source in 1u64..1 << 50,
        n_reference in 1u64..1 << 50,
    ) {
        let times = |samples: &[u8], n| {
            let bins = histogram(samples).bins.into_iter().map(|bin| bin * n).collect();
            Histogram { bins }
        };
        let expected = lut(&histogram(&source), &histogram(&reference));
        prop_assert_eq!(lut(&times(&source, n_source), &times(&reference, n_reference)), expected);
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let reference = media("coffee.png");
    let mut rig = Rig::new(Some(&reference));
    let frame = Frame::new(VideoFormat::Rgbx, 32, 24, Shape::Default, common::frames::noise(3));
    rig.harness.set_src_caps(frame.caps());
    let upside_down =
        |bytes: &[u8]| bytes.chunks(32 * 4).rev().flatten().copied().collect::<Vec<_>>();
    let mut turned = frame.clone();
    turned.bytes = upside_down(&frame.bytes);
    assert_eq!(
        bytes(&rig.process(turned.buffer())),
        upside_down(&bytes(&rig.process(frame.buffer())))
    );
}

#[test]
fn every_pair_of_pictures_equals_the_oracle() {
    for reference in PICTURES {
        let samples = Picture::of(&media(reference));
        let mut rig = Rig::new(Some(&media(reference)));
        for picture in PICTURES {
            let pixels = image::open(media(picture)).expect("the picture opens").into_rgb8();
            let (width, height) = pixels.dimensions();
            let rows = pixels.as_raw().chunks(width as usize * 3);
            let mut frame = Frame::new(VideoFormat::Rgb, width, height, Shape::Default, || 0);
            let stride = frame.strides[0] as usize;
            for (to, from) in frame.bytes.chunks_mut(stride).zip(rows) {
                to[..from.len()].copy_from_slice(from);
            }
            rig.harness.set_src_caps(frame.caps());
            let output = bytes(&rig.process(frame.buffer()));
            assert!(output == frame.expected(&samples), "{picture} to {reference}");
            if picture == reference {
                assert!(output == frame.bytes, "{picture} to itself is not the identity");
            }
        }
    }
}

#[test]
fn a_1080p_natural_frame_equals_the_oracle() {
    let reference = media("chelsea.png");
    let picture = image::open(media("astronaut.png")).expect("the picture opens").into_rgb8();
    let (width, height) = picture.dimensions();
    let mut samples = (0..1080u32)
        .flat_map(|y| (0..1920u32).map(move |x| (x, y)))
        .flat_map(|(x, y)| picture.get_pixel(x * width / 1920, y * height / 1080).0);
    let frame = Frame::new(VideoFormat::Rgb, 1920, 1080, Shape::Default, || {
        samples.next().expect("as many bytes as samples")
    });
    let mut rig = Rig::new(Some(&reference));
    rig.harness.set_src_caps(frame.caps());
    let expected = frame.expected(&Picture::of(&reference));
    assert!(bytes(&rig.process(frame.buffer())) == expected);
}
