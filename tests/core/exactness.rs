//! Promise: the rule, to the last bit, whatever the sizes of frame and reference.

use crate::common::frames::{Frame, Shape};
use crate::common::oracle::{self, Picture};
use crate::common::{self, PICTURES, Rig, bytes, media};
use gst_video::VideoFormat;
use gsthistomatch::cdf::Cdf;
use gsthistomatch::color::{Encoding, LumaWeights, Range};
use gsthistomatch::histogram::Histogram;
use gsthistomatch::matching::{match_cdfs, match_histograms};
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
    fn every_channel_has_a_table_of_its_own(channels in vec((samples(), samples()), 0..4)) {
        let (sources, references): (Vec<Histogram>, Vec<Cdf>) = channels
            .iter()
            .map(|(source, reference)| (histogram(source), Cdf::from(&histogram(reference))))
            .unzip();
        let found: Vec<_> =
            match_histograms(&sources, &references).iter().map(|lut| lut.to_bytes()[..].to_vec()).collect();
        let expected: Vec<_> =
            channels.iter().map(|(source, reference)| oracle::lut(source, reference)).collect();
        prop_assert_eq!(found, expected);
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

    #[test]
    fn a_mapped_histogram_is_that_of_mapped_samples(source in samples(), reference in samples()) {
        let before = histogram(&source);
        let lut = match_cdfs(&Cdf::from(&before), &Cdf::from(&histogram(&reference)));
        let mapped: Vec<u8> = source.iter().map(|&v| lut.levels[usize::from(v)] as u8).collect();
        prop_assert_eq!(lut.map(&before), histogram(&mapped));
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

    /// A level stands for the deeper ones that begin with its bits: for those that are legal, if any
    /// are, and for each as much as for the others.
    #[test]
    fn another_depth_is_the_same_distribution(
        own_depth in 1..12u32,
        depth in 1..13u32,
        bins in vec(0..1000u64, 1 << 11),
        range in prop_oneof![Just(Range::Full), Just(Range::Limited)],
        channel in 0..2usize,
    ) {
        let histogram = Histogram { bins: bins[..1 << own_depth].to_vec() };
        // Samples of fewer than 8 bits are in full range.
        let range = if own_depth < 8 { Range::Full } else { range };
        let (low, high) = Encoding::YCbCr(LumaWeights::BT709, range).legal(channel, depth);
        let found = histogram.at_depth(depth, (low, high));
        prop_assert_eq!(found.bins.len(), 1 << depth);
        if depth <= own_depth {
            for (levels, bin) in histogram.bins.chunks(1 << (own_depth - depth)).zip(found.bins) {
                prop_assert_eq!(levels.iter().sum::<u64>(), bin);
            }
        } else {
            let times = 1 << (depth - own_depth);
            for (v, bin) in histogram.bins.iter().enumerate() {
                let levels: Vec<usize> = (v * times..(v + 1) * times).collect();
                let is_legal = |u: &usize| (usize::from(low)..=usize::from(high)).contains(u);
                let legal: Vec<usize> = levels.iter().copied().filter(is_legal).collect();
                let sharing = if legal.is_empty() { &levels } else { &legal };
                for u in &levels {
                    let share = if sharing.contains(u) { bin * times as u64 } else { 0 };
                    prop_assert_eq!(found.bins[*u] * sharing.len() as u64, share);
                }
            }
        }
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
