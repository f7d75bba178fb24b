//! Promise: matching over time is what the docs of `temporal`, `curve` and `cdf` say: equal to the
//! formulas, written down once more without thought for speed.

use std::time::Duration;

use gsthistomatch::cdf::Cdf;
use gsthistomatch::color::{Channels, Encoding, LumaWeights, Range};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::distance::before_and_after;
use gsthistomatch::frame::Area;
use gsthistomatch::frame::letterbox::LetterboxTracker;
use gsthistomatch::histogram::Histogram;
use gsthistomatch::lut::Lut;
use gsthistomatch::mapping::Mapping;
use gsthistomatch::mapping::curve::Curve;
use gsthistomatch::matching::match_cdfs;
use gsthistomatch::reference::Target;
use gsthistomatch::statistics::{Statistics, Thumbnail};
use gsthistomatch::temporal::cuts::{Cuts, novelty};
use gsthistomatch::temporal::exposure::Exposure;
use gsthistomatch::temporal::{FlatFrames, Report, Settings, Temporal, UpdateMode, is_flat};
use proptest::collection::vec;
use proptest::prelude::*;

const FRAME: Duration = Duration::from_millis(40);
const SECOND: Duration = Duration::from_secs(1);

/// One channel of 8 bits, luma in full range.
fn luma() -> Channels {
    Channels {
        encoding: Encoding::Luma(LumaWeights::BT709, Range::Full),
        depths: vec![8],
        colorimetry: Colorimetry::SRGB,
    }
}

/// Samples spread evenly over some levels.
fn even(levels: std::ops::Range<usize>) -> Histogram {
    let mut histogram = Histogram::empty(8);
    histogram.bins[levels].fill(100);
    histogram
}

fn reference(histogram: &Histogram) -> Target {
    Target::new([Cdf::from(histogram)])
}

/// A state that is shown one frame after the other, as `Settings` says.
struct Show {
    temporal: Temporal,
    target: Target,
    settings: Settings,
}

impl Show {
    fn new(settings: Settings) -> Self {
        let target = reference(&even(40..200));
        Self { temporal: Temporal::new(luma()), target, settings }
    }

    fn frame(&mut self, histogram: &Histogram, thumbnail: Option<&Thumbnail>) -> (Lut, Report) {
        self.frame_after(histogram, thumbnail, FRAME)
    }

    fn frame_after(
        &mut self,
        histogram: &Histogram,
        thumbnail: Option<&Thumbnail>,
        elapsed: Duration,
    ) -> (Lut, Report) {
        let statistics = Statistics {
            histograms: vec![histogram.clone()],
            thumbnail: thumbnail.cloned(),
            ..Statistics::default()
        };
        let (mapping, report) =
            self.temporal.decide(&statistics, elapsed, &self.target, &self.settings);
        let Mapping::Luts(mut luts) = mapping else { panic!("no tables") };
        assert_eq!(luts.len(), 1);
        (luts.remove(0), report)
    }

    /// What the bare rule gives.
    fn rule(&self, histogram: &Histogram) -> Lut {
        match_cdfs(&Cdf::from(histogram), &self.target.cdfs[0])
    }
}

fn smooth() -> Settings {
    Settings { smoothing: SECOND, ..Settings::default() }
}

/// Blocks of a picture that gets brighter in a direction, another one for each scene.
fn thumbnail(scene: u32) -> Thumbnail {
    let (sin, cos) = (f64::from(scene) * std::f64::consts::FRAC_PI_2 + 0.1).sin_cos();
    let block = |i: usize| {
        let (x, y) = ((i % 32) as f64 / 31. - 0.5, (i / 32) as f64 / 17. - 0.5);
        (0.45 + 0.5 * (x * cos + y * sin)) as f32
    };
    Thumbnail { columns: 32, luma: (0..32 * 18).map(block).collect() }
}

fn brighter(thumbnail: &Thumbnail, gain: f32) -> Thumbnail {
    let mut thumbnail = thumbnail.clone();
    thumbnail.luma.iter_mut().for_each(|block| *block *= gain);
    thumbnail
}

fn histograms() -> impl Strategy<Value = Histogram> {
    vec(prop_oneof![3 => Just(0), 2 => 1u64..1000], 256)
        .prop_map(|bins| Histogram { bins })
        .prop_filter("some samples", |histogram| histogram.total() > 0)
}

/// Whether a frame shows something: sixteen blocks, and nine tenths of them not all alike.
fn shows_something(frame: &Thumbnail) -> bool {
    let mut luma = frame.luma.clone();
    luma.sort_by(f32::total_cmp);
    let at = |share: usize| luma[(luma.len() - 1) * share / 20];
    luma.len() >= 16 && at(19) - at(1) >= 1. / 32.
}

/// By the definition, block by block.
fn distance(frames: [&Thumbnail; 2]) -> f64 {
    let [a, b] = frames;
    if (a.columns, a.luma.len()) != (b.columns, b.luma.len()) {
        return 1.;
    }
    let n = a.luma.len();
    let ranks = frames.map(|frame| {
        let is_darker = |i: usize, j: usize| (frame.luma[i], i) < (frame.luma[j], j);
        let rank = |j| (0..n).filter(|&i| is_darker(i, j)).count() as f64 / n as f64;
        (0..n).map(rank).collect::<Vec<f64>>()
    });
    let place = |i: usize| (i % a.columns, i / a.columns);
    let is_near = |i: usize, j: usize| {
        let ((x, y), (other_x, other_y)) = (place(i), place(j));
        x.abs_diff(other_x) <= 2 && y.abs_diff(other_y) <= 2
    };
    let outside = |rank: f64, others: &[f64], i: usize| {
        let near = (0..n).filter(|&j| is_near(i, j)).map(|j| others[j]);
        let (low, high) = (near.clone().fold(1., f64::min), near.fold(0., f64::max));
        if rank < low { low - rank } else { (rank - high).max(0.) }
    };
    let compared: Vec<usize> = (0..n).filter(|&i| a.luma[i].max(b.luma[i]) > 0.03).collect();
    if compared.len() < 16 {
        return 0.;
    }
    let both = |&i: &usize| outside(ranks[0][i], &ranks[1], i) + outside(ranks[1][i], &ranks[0], i);
    let mean = compared.iter().map(both).sum::<f64>() / (2 * compared.len()) as f64;
    // Those that are left out are the darkest, so that there are fewer ranks.
    (3. * mean / (compared.len() as f64 / n as f64)).min(1.)
}

/// Small frames, with more or less of them dark.
fn blocks() -> impl Strategy<Value = [Thumbnail; 2]> {
    let size = prop_oneof![Just((5usize, 3usize)), Just((4, 4)), (3..9usize, 3..9usize)];
    (size, 0..10u32).prop_flat_map(|((columns, rows), dark)| {
        let level = prop_oneof![
            dark => prop::sample::select(vec![0., 0.02, 0.03, 0.031]),
            10 - dark => 0f32..1.,
        ];
        let frame = vec(level, columns * rows).prop_map(move |luma| Thumbnail { columns, luma });
        [frame.clone(), frame]
    })
}

proptest! {
    /// The average of the shares, by the definition, and the rule on it, but for what rounding may
    /// decide one way or the other.
    #[test]
    fn the_source_is_an_exponential_average(
        frames in vec((histograms(), 1u64..500), 1..8),
        reference_bins in histograms(),
        time_constant in 1u64..3000,
    ) {
        let settings = Settings {
            smoothing: Duration::from_millis(time_constant),
            flat_frames: FlatFrames::Match,
            ..Settings::default()
        };
        let mut show = Show::new(settings);
        show.target = reference(&reference_bins);
        let mut average: Vec<f64> = Vec::new();
        let n_reference = reference_bins.total() as f64;
        for (t, (histogram, elapsed)) in frames.iter().enumerate() {
            let (lut, _) = show.frame_after(histogram, None, Duration::from_millis(*elapsed));
            let shares = histogram.bins.iter().map(|&bin| bin as f64 / histogram.total() as f64);
            if t == 0 {
                average = shares.collect();
            } else {
                let kept = (-(*elapsed as f64) / time_constant as f64).exp();
                for (mean, share) in average.iter_mut().zip(shares) {
                    *mean = *mean * kept + share * (1. - kept);
                }
            }
            let mut sum = 0.;
            for (v, share) in average.iter().enumerate() {
                sum += share;
                let level = usize::from(lut.levels[v]);
                let up_to = |u: usize| reference_bins.bins[..=u].iter().sum::<u64>() as f64;
                prop_assert!(sum <= up_to(level) / n_reference + 1e-9);
                if reference_bins.bins[..level].iter().any(|&bin| bin > 0) {
                    prop_assert!(sum > up_to(level - 1) / n_reference - 1e-9);
                }
            }
        }
    }

    /// Whatever comes before, without smoothing a frame with a distribution is matched by the rule.
    #[test]
    fn the_default_is_the_rule(frames in vec(histograms(), 1..6)) {
        let mut show = Show::new(Settings::default());
        for histogram in &frames {
            let (lut, report) = show.frame(histogram, None);
            if !is_flat(histogram, false) {
                prop_assert_eq!(&lut, &show.rule(histogram));
                prop_assert_eq!((report.learned, report.gain), (vec![true], 1.));
            }
        }
    }

    /// Nor does a table ever fall, or leave the reference's levels, whatever the settings are.
    #[test]
    fn tables_never_fall(
        frames in vec((histograms(), 0u32..3, 0.2f32..1.2), 1..8),
        (strength, deflicker, max_slope) in (0f64..=1., 0f64..=1., prop_oneof![Just(0.), 0.5..8f64]),
        smoothing in prop_oneof![Just(0u64), 1u64..2000],
        update_mode in prop_oneof![
            Just(UpdateMode::Frame), Just(UpdateMode::Scene), Just(UpdateMode::Locked)
        ],
        flat_frames in prop_oneof![Just(FlatFrames::Hold), Just(FlatFrames::Match)],
    ) {
        let settings = Settings {
            strength,
            smoothing: Duration::from_millis(smoothing),
            deflicker,
            update_mode,
            flat_frames,
            max_slope,
            ..Settings::default()
        };
        let mut show = Show::new(settings);
        for (histogram, scene, gain) in &frames {
            let small = brighter(&thumbnail(*scene), *gain);
            let (lut, _) = show.frame(histogram, Some(&small));
            prop_assert!(lut.levels.is_sorted());
            prop_assert!(lut.levels.iter().all(|&level| level <= 255));
        }
    }

    /// On either side of the anchor, each level is as near to what it was as all lines of the steepest
    /// slope allow that begin on the curve between the two.
    #[test]
    fn slopes_are_limited_away_from_the_anchor(
        source in histograms(), target in histograms(), anchor in 0usize..256, max in 0.8f64..20.,
    ) {
        let curve = Curve::from(&match_cdfs(&Cdf::from(&source), &Cdf::from(&target)));
        let mut limited = curve.clone();
        limited.limit_slope(max, anchor);
        let line = |from: usize, to: usize| curve.levels()[from] + max * (to as f64 - from as f64);
        let expected = |v: usize| if v < anchor {
            (v..=anchor).map(|from| line(from, v)).fold(0., f64::max)
        } else {
            (anchor..=v).map(|from| line(from, v)).fold(255., f64::min)
        };
        for (v, &level) in limited.levels().iter().enumerate() {
            prop_assert!((level - expected(v)).abs() < 1e-9, "{}: {} {}", v, level, expected(v));
        }
    }

    /// So no step is larger than the limit, none falls, and nothing moves further from the anchor.
    #[test]
    fn limited_slopes_keep_what_they_can(
        source in histograms(), target in histograms(), anchor in 0usize..256, max in 1f64..20.,
    ) {
        let curve = Curve::from(&match_cdfs(&Cdf::from(&source), &Cdf::from(&target)));
        let mut limited = curve.clone();
        limited.limit_slope(max, anchor);
        let center = curve.levels()[anchor];
        prop_assert_eq!(limited.levels()[anchor], center);
        for pair in limited.levels().windows(2) {
            prop_assert!((0. ..=max + 1e-9).contains(&(pair[1] - pair[0])), "{:?}", pair);
        }
        for (level, old) in limited.levels().iter().zip(curve.levels()) {
            prop_assert!((center.min(*old)..=center.max(*old)).contains(level), "{} {}", level, old);
        }
        // What is not too steep stays, to the last bit.
        let again = limited.clone();
        limited.limit_slope(max + 1e-9, anchor);
        prop_assert_eq!(limited, again);
    }

    #[test]
    fn the_median_has_half_of_the_samples_at_or_below_it(samples in vec(any::<u8>(), 1..300)) {
        let mut histogram = Histogram::empty(8);
        samples.iter().for_each(|&sample| histogram.bins[usize::from(sample)] += 1);
        let mut sorted = samples;
        sorted.sort_unstable();
        let median = usize::from(sorted[(sorted.len() - 1) / 2]);
        prop_assert_eq!(Cdf::from(&histogram).median(), median);
    }

    #[test]
    fn distances_are_those_of_sorted_samples(
        pairs in vec((any::<u8>(), any::<u8>()), 1..300),
    ) {
        let (mut a, mut b): (Vec<u8>, Vec<u8>) = pairs.into_iter().unzip();
        let cdf = |samples: &[u8]| {
            let mut histogram = Histogram::empty(8);
            samples.iter().for_each(|&sample| histogram.bins[usize::from(sample)] += 1);
            Cdf::from(&histogram)
        };
        let distance = cdf(&a).distance(&cdf(&b));
        a.sort_unstable();
        b.sort_unstable();
        let moved: u64 = a.iter().zip(&b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        prop_assert!((distance - moved as f64 / a.len() as f64 / 255.).abs() < 1e-12);
    }

    #[test]
    fn distances_of_frames_are_those_of_ranks([first, second] in blocks()) {
        let mut cuts = Cuts::default();
        prop_assert_eq!(cuts.step(&first, FRAME).distance, 0.);
        let found = cuts.step(&second, FRAME).distance;
        let expected = if shows_something(&first) && shows_something(&second) {
            distance([&first, &second])
        } else {
            0.
        };
        prop_assert!((found - expected).abs() < 1e-5, "{} {}", found, expected);
    }

    /// What differs from the average, but for what is small enough to be noise and dark enough to be
    /// meant; a fade is dark, goes on getting darker, and is not averaged.
    #[test]
    fn exposure_is_what_differs_from_its_average(
        frames in vec(
            (prop::sample::select(vec![0.3, 0.5, 0.7, 0.9, 0.95, 1., 1.03, 1.1]), 0..3u64, 0f64..1.),
            2..12,
        ),
    ) {
        let mut exposure = Exposure::default();
        let (mut now, mut average, mut last) = (0f64, 0f64, None);
        for (brightness, n_frames, weight) in frames {
            let elapsed = FRAME * n_frames as u32;
            let frame = brighter(&thumbnail(1), brightness as f32);
            let found = exposure.follow(&frame, elapsed, weight);
            let step = last.replace(brightness).map_or(0., |last: f64| (brightness / last).ln());
            now += step;
            let is_fading = now - average < -0.2 && step < -0.4 * elapsed.as_secs_f64();
            if !is_fading {
                average += weight * (now - average);
            }
            prop_assert_eq!(found.is_fading_out, is_fading);
            let away = now - average;
            let is_signal = away * away / (away * away + 0.004 * 0.004);
            let is_meant = if away < 0. { 1. - (-(away / 0.4).powi(4)).exp() } else { 0. };
            let expected = (away * is_signal * (1. - is_meant)).exp();
            prop_assert!((found.gain - expected).abs() < 1e-4, "{} {}", found.gain, expected);
        }
    }

    #[test]
    fn mixtures_rise_and_keep_their_total(a in histograms(), b in histograms(), weight in 0f64..=1.) {
        let mixture = Cdf::from(&a).mix(&Cdf::from(&b), weight);
        prop_assert!(mixture.counts().is_sorted());
        prop_assert_eq!(mixture.total(), 1 << 40);
    }
}

/// Distributions of some depth: a source, a table that never falls, and a reference.
fn to_compare(depth: u32) -> impl Strategy<Value = (Histogram, Lut, Histogram)> {
    let levels = 1usize << depth;
    // Blocks of levels and single ones, so that they are smooth, rough, and empty in parts.
    let histogram = move || {
        let block = (0..levels, 0..levels, 1u64..1000);
        let single = (0..levels, 1u64..100_000);
        (vec(block, 1..4), vec(single, 0..40)).prop_map(move |(blocks, singles)| {
            let blocks: Vec<(usize, usize, u64)> = blocks;
            let singles: Vec<(usize, u64)> = singles;
            let mut histogram = Histogram::empty(depth);
            for (a, b, count) in blocks {
                histogram.bins[a.min(b)..=a.max(b)].iter_mut().for_each(|bin| *bin += count);
            }
            singles.iter().for_each(|(level, count)| histogram.bins[*level] += count);
            histogram
        })
    };
    (histogram(), histogram(), histogram(), any::<bool>()).prop_map(
        move |(source, other, reference, is_matched)| {
            let target = if is_matched { &reference } else { &other };
            let lut = match_cdfs(&Cdf::from(&source), &Cdf::from(target));
            (source, lut, reference)
        },
    )
}

proptest! {
    /// Exactly up to 12 bits, and nearly beyond.
    #[test]
    fn distances_are_those_of_the_cdfs(
        (depth, (source, lut, reference)) in prop_oneof![Just(5), Just(8), Just(12), 13..=16u32]
            .prop_flat_map(|depth| (Just(depth), to_compare(depth))),
    ) {
        let reference = Cdf::from(&reference);
        let found = before_and_after(&source, &lut, &reference);
        let after = Cdf::from(&lut.map(&source)).distance(&reference);
        let wanted = [Cdf::from(&source).distance(&reference), after];
        let tolerance = if depth > 12 { 1. / 4096. } else { 1e-12 };
        for (found, wanted) in found.into_iter().zip(wanted) {
            prop_assert!((found - wanted).abs() <= tolerance, "{found} for {wanted}");
        }
    }
}

#[test]
fn distances_of_smooth_distributions_are_nearly_exact() {
    let ramp = |from: usize, to: usize| {
        let mut histogram = Histogram::empty(16);
        (from..to).for_each(|level| histogram.bins[level] = (level - from) as u64 + 1);
        histogram
    };
    let (source, reference) = (ramp(3000, 60_000), Cdf::from(&ramp(10_000, 65_000)));
    let lut = match_cdfs(&Cdf::from(&source), &reference);
    let [before, after] = before_and_after(&source, &lut, &reference);
    assert!((before - Cdf::from(&source).distance(&reference)).abs() < 1e-6, "{before}");
    assert!(after < 1e-4, "{after}");
    let nothing = Histogram::empty(16);
    assert_eq!(before_and_after(&nothing, &lut, &reference), [0.; 2]);
}

#[test]
fn a_curve_does_what_it_says() {
    let mut curve = Curve::identity(256);
    curve.blend(&Curve::from(&Lut { levels: vec![100; 256] }), 0.25);
    assert_eq!((curve.levels()[0], curve.levels()[200]), (25., 175.));
    // What is half as bright, made twice as bright first.
    let doubled = Curve::identity(256).after_gain(2., 0.);
    assert_eq!((doubled.levels()[50], doubled.levels()[200]), (100., 255.));
    let around = Curve::identity(256).after_gain(0.5, 128.);
    assert_eq!((around.levels()[128], around.levels()[28]), (128., 78.));
    let mut pinned = Curve::from(&Lut { levels: vec![60; 256] });
    pinned.pin(&[0.], 16., 1.);
    assert_eq!((pinned.levels()[0], pinned.levels()[16], pinned.levels()[200]), (0., 60., 60.));
    assert_eq!(pinned.levels()[8], 60. - 0.75 * 52.);
}

/// On both sides of a fixed level, what is nearer than the width is drawn to it, by the square of
/// how near it is.
#[test]
fn a_pinned_curve_is_drawn_along_on_both_sides() {
    let pinned = |fixed: &[f64], weight: f64, of: &[usize]| -> Vec<f64> {
        let levels = (0..256).map(|v| if v < 128 { 60 } else { 200 }).collect();
        let mut curve = Curve::from(&Lut { levels });
        curve.pin(fixed, 16., weight);
        of.iter().map(|&v| curve.levels()[v]).collect()
    };
    let around = [0, 112, 120, 128, 136, 144, 255];
    assert_eq!(pinned(&[128.], 1., &around), [60., 60., 105., 128., 152., 200., 200.]);
    assert_eq!(pinned(&[128.], 0.5, &around), [60., 60., 82.5, 164., 176., 200., 200.]);
    let ends = [0, 8, 16, 120, 136, 239, 247, 255];
    assert_eq!(pinned(&[0., 255.], 1., &ends), [0., 21., 60., 60., 200., 200., 235.25, 255.]);
}

#[test]
fn flat_channels_have_few_effective_levels() {
    assert_eq!(even(7..8).effective_levels(), 1.);
    assert!((even(0..16).effective_levels() - 16.).abs() < 1e-9);
    assert!((even(0..256).effective_levels() - 256.).abs() < 1e-9);
    assert_eq!(Histogram::empty(8).effective_levels(), 0.);
    // Half of the samples black, the others everywhere: 1/2 bit + 1/2 (1 + 8) bits.
    let mut half = even(0..256);
    half.bins[0] += 25_600;
    assert!((half.effective_levels() - 2f64.powf(5.)).abs() < 1.);
    // A level of fewer bits stands for several.
    let mut shallow = Histogram::empty(5);
    shallow.bins[3] = 9;
    assert_eq!(shallow.effective_levels(), 8.);
    let mut deep = Histogram::empty(10);
    deep.bins[0..64].fill(1);
    assert!((deep.effective_levels() - 16.).abs() < 1e-9);
    // What was made of 8 bits is not flatter for it.
    let mut padded = Histogram::empty(10);
    padded.bins.iter_mut().step_by(4).for_each(|bin| *bin = 1);
    assert!((padded.effective_levels() - 256.).abs() < 1e-9);
    // Sixteen are enough. Logarithms of one are exact.
    let mut enough = Histogram::empty(8);
    enough.bins[0..16].fill(1);
    assert!(!is_flat(&enough, false));
    assert!(is_flat(&even(0..15), false) && !is_flat(&even(0..17), false));
    assert!(is_flat(&even(0..3), true) && !is_flat(&even(0..5), true));
}

#[test]
fn flat_frames_keep_the_last_mapping() {
    let good = even(10..110);
    let (black, grey) = (even(0..1), even(60..61));
    let mut show = Show::new(Settings::default());
    let identity: Vec<u16> = (0..256).collect();
    assert_eq!(show.frame(&black, None).0.levels, identity, "there was no mapping yet");
    let rule = show.rule(&good);
    assert_eq!(show.frame(&good, None).0, rule);
    let (lut, report) = show.frame(&grey, None);
    assert_eq!(lut.levels[16..240], rule.levels[16..240]);
    assert_eq!(report.learned, [false]);
    // What is black or white stays so.
    assert_eq!((lut.levels[0], lut.levels[255]), (0, 255));
    show.settings.flat_frames = FlatFrames::Match;
    assert_eq!(show.frame(&black, None).0, show.rule(&black));
}

/// What is less and less of a distribution is drawn to black more and more, so that nothing jumps.
#[test]
fn a_frame_becomes_flat_gradually() {
    let mut show = Show::new(Settings::default());
    show.frame(&even(0..100), None);
    let mut last = None;
    for n in (6..40).rev() {
        let (lut, _) = show.frame(&even(0..n), None);
        if let Some(last) = last.replace(lut.levels[0]) {
            let step = i32::from(lut.levels[0]) - i32::from(last);
            assert!((-8..=0).contains(&step) || n >= 16, "{n}: {step}");
        }
    }
    assert_eq!(last, Some(0));
}

#[test]
fn modes_learn_when_they_say() {
    let scenes = [thumbnail(1), thumbnail(2)];
    let (first, second, third) = (even(0..100), even(20..180), even(100..250));
    // Without smoothing, of the first frame alone.
    let at_once = |update_mode| Settings { update_mode, ..Settings::default() };
    let mut show = Show::new(at_once(UpdateMode::Scene));
    assert_eq!(show.frame(&first, Some(&scenes[0])).0, show.rule(&first));
    let (lut, report) = show.frame(&second, Some(&scenes[0]));
    assert_eq!(lut.levels[..99], show.rule(&first).levels[..99]);
    assert_eq!((report.learned, report.scene_change), (vec![false], false));
    let (lut, report) = show.frame(&third, Some(&scenes[1]));
    assert_eq!(lut.levels[100..], show.rule(&third).levels[100..]);
    assert_eq!((report.learned, report.scene_change), (vec![true], true));

    let mut show = Show::new(at_once(UpdateMode::Locked));
    show.frame(&first, Some(&scenes[0]));
    let (lut, report) = show.frame(&third, Some(&scenes[1]));
    assert_eq!(lut.levels[..99], show.rule(&first).levels[..99]);
    assert_eq!((report.learned, report.scene_change), (vec![false], false));
    show.temporal.relearn();
    assert_eq!(show.frame(&second, Some(&scenes[1])).1.learned, [true]);
    assert_eq!(show.frame(&third, Some(&scenes[1])).1.learned, [false]);

    // With smoothing, for as long as its time constant; and again after a cut.
    let mut show = Show::new(Settings { update_mode: UpdateMode::Scene, ..smooth() });
    for t in 0..80 {
        let scene = t / 40;
        let histogram = if scene == 0 { &first } else { &third };
        let learned = show.frame(histogram, Some(&scenes[scene])).1.learned;
        assert_eq!(learned, [t % 40 <= 25], "{t}");
    }
    let mut show = Show::new(Settings { update_mode: UpdateMode::Locked, ..smooth() });
    for t in 0..40 {
        let learned = show.frame(&first, Some(&scenes[0])).1.learned;
        assert_eq!(learned, [t <= 25], "{t}");
    }
}

#[test]
fn a_flat_frame_is_not_learned_at_a_cut() {
    let mut show = Show::new(Settings { scene_threshold: 0., ..smooth() });
    let (first, second) = (even(0..100), even(100..250));
    show.frame(&first, None);
    show.temporal.relearn();
    let (lut, report) = show.frame(&even(0..1), None);
    assert_eq!(report.learned, [false]);
    assert_eq!(lut.levels[20..99], show.rule(&first).levels[20..99]);
    assert_eq!(show.frame(&second, None).0.levels[100..250], show.rule(&second).levels[100..250]);
}

#[test]
fn another_reference_fades_in() {
    let source = even(0..256);
    let mut show = Show::new(smooth());
    let old = show.frame(&source, None).0;
    show.target = reference(&even(0..80));
    let new = show.rule(&source);
    for t in 1..=100 {
        let lut = show.frame(&source, None).0;
        let left = (-0.04 * f64::from(t)).exp();
        for v in 0..256 {
            let [old, new] = [&old, &new].map(|lut| f64::from(lut.levels[v]));
            let expected = new + (old - new) * left;
            assert!((f64::from(lut.levels[v]) - expected).abs() <= 1., "{t} {v}");
        }
    }
    // At once without smoothing.
    show.settings.smoothing = Duration::ZERO;
    show.target = reference(&even(40..200));
    assert_eq!(show.frame(&source, None).0, show.rule(&source));
}

#[test]
fn nothing_of_an_old_reference_is_left_behind_a_cut() {
    let mut show = Show::new(smooth());
    show.frame(&even(0..256), Some(&thumbnail(1)));
    show.target = reference(&even(0..80));
    show.frame(&even(0..256), Some(&thumbnail(1)));
    let source = even(20..180);
    let (lut, report) = show.frame(&source, Some(&thumbnail(2)));
    assert!(report.scene_change);
    assert_eq!(lut.levels[20..180], show.rule(&source).levels[20..180]);
}

#[test]
fn a_reset_forgets_everything() {
    let mut used = Show::new(Settings { deflicker: 1., ..smooth() });
    let mut new = Show::new(used.settings.clone());
    for gain in [0.8, 1.] {
        used.frame(&even(100..200), Some(&brighter(&thumbnail(1), gain)));
    }
    used.temporal.reset();
    for gain in [0.9, 1., 1.1] {
        let thumbnail = brighter(&thumbnail(2), gain);
        let [used, new] =
            [&mut used, &mut new].map(|show| show.frame(&even(0..150), Some(&thumbnail)));
        assert_eq!(used, new);
    }
}

#[test]
fn f119_a_jump_means_what_the_mode_says() {
    let (first, second, flat) = (even(100..200), even(0..150), even(7..8));
    for mode in [UpdateMode::Frame, UpdateMode::Scene, UpdateMode::Locked] {
        let mut show = Show::new(Settings { update_mode: mode, ..smooth() });
        for _ in 0..50 {
            show.frame(&first, Some(&thumbnail(1)));
        }
        show.temporal.jump(mode);
        // There is nothing to learn from yet.
        let is_known = show.frame(&flat, Some(&thumbnail(1))).0 != Curve::identity(256).to_lut();
        assert_eq!(is_known, mode != UpdateMode::Frame, "{mode:?}");
        let lut = show.frame(&second, Some(&thumbnail(1))).0;
        let (range, learned) = match mode {
            UpdateMode::Locked => (100..200, &first),
            _ => (0..150, &second),
        };
        // What is averaged is rounded.
        let expected = &show.rule(learned).levels[range.clone()];
        for (level, expected) in lut.levels[range].iter().zip(expected) {
            assert!(level.abs_diff(*expected) <= 1, "{mode:?}");
        }
    }
}

/// So that a mapping that is held doesn't change on air: neither behind what was lost, nor where the
/// next scene is another one.
#[test]
fn f119_the_exposure_outlasts_a_jump_within_a_scene() {
    for scene_threshold in [0., 0.08] {
        let settings = Settings {
            update_mode: UpdateMode::Locked,
            deflicker: 1.,
            scene_threshold,
            smoothing: Duration::from_secs(1000),
            ..Settings::default()
        };
        let mut show = Show::new(settings);
        let source = even(0..200);
        show.frame(&source, Some(&thumbnail(1)));
        let darker = brighter(&thumbnail(1), 0.9);
        for jumps in [false, true] {
            if jumps {
                show.temporal.jump(UpdateMode::Locked);
            }
            let report = show.frame(&source, Some(&darker)).1;
            assert!((report.gain - 0.9).abs() < 0.01, "{scene_threshold}: {report:?}");
        }
        show.temporal.jump(UpdateMode::Locked);
        let (lut, report) = show.frame(&source, Some(&thumbnail(2)));
        assert_eq!((report.gain, report.scene_change), (1., false), "{scene_threshold}");
        for (level, expected) in lut.levels[..200].iter().zip(show.rule(&source).levels) {
            assert!(level.abs_diff(expected) <= 1, "{scene_threshold}");
        }
    }
}

/// A state that has learned for good, in some channels.
fn locked_to(histogram: &Histogram, channels: &Channels) -> Show {
    let mut show = Show::new(Settings { update_mode: UpdateMode::Locked, ..Settings::default() });
    show.temporal = Temporal::new(channels.clone());
    let depth = channels.depths[0];
    show.target = reference(&even(40..200).at_depth(depth, (0, u16::MAX >> (16 - depth))));
    show.frame(histogram, None);
    show
}

fn luma_of(depth: u32, range: Range) -> Channels {
    Channels {
        encoding: Encoding::Luma(LumaWeights::BT709, range),
        depths: vec![depth],
        colorimetry: Colorimetry::SRGB,
    }
}

proptest! {
    /// To more bits and back, as references are, to the last bit.
    #[test]
    fn f119_what_is_locked_is_converted_to_other_depths(
        bins in histograms().prop_filter("not flat", |histogram| !is_flat(histogram, false)),
        depths in vec(prop::sample::select(vec![8, 10, 12, 16]), 1..6),
        range in prop::sample::select(vec![Range::Full, Range::Limited]),
    ) {
        let mut show = locked_to(&bins, &luma_of(8, range));
        for depth in depths {
            let channels = luma_of(depth, range);
            let legal = channels.encoding.legal(0, depth);
            show.temporal = show.temporal.for_channels(channels, UpdateMode::Locked);
            show.target = reference(&even(40..200).at_depth(depth, legal));
            let (lut, report) = show.frame(&Histogram { bins: vec![1; 1 << depth] }, None);
            prop_assert_eq!(report.learned, vec![false]);
            let expected = show.rule(&bins.at_depth(depth, legal));
            let least = usize::from(legal.0);
            // What is darker than all of the scene is as dark as the reference.
            let first = expected.levels.iter().position(|&level| level > 0).unwrap_or(least);
            prop_assert_eq!(&lut.levels[first..], &expected.levels[first..]);
        }
    }

    /// Each level's samples are spread over what becomes of it, and counted where they are then.
    #[test]
    fn f119_what_is_locked_is_converted_to_another_range(
        bins in histograms().prop_filter("not flat", |histogram| !is_flat(histogram, false)),
        to_full: bool,
    ) {
        let (full, limited) = (Range::Full, Range::Limited);
        let (from, to) = if to_full { (limited, full) } else { (full, limited) };
        let mut show = locked_to(&bins, &luma_of(8, from));
        show.temporal = show.temporal.for_channels(luma_of(8, to), UpdateMode::Locked);
        let (lut, report) = show.frame(&even(0..256), None);
        prop_assert_eq!(report.learned, vec![false]);
        let became = |level: f64| match to {
            Range::Limited => 16. + level * 219. / 255.,
            Range::Full => (level - 16.) * 255. / 219.,
        };
        let up_to = |level: usize| {
            let share = |(v, &bin): (usize, &u64)| {
                let (low, high) = (became(v as f64 - 0.5), became(v as f64 + 0.5));
                bin as f64 * ((level as f64 + 0.5 - low) / (high - low)).clamp(0., 1.)
            };
            let sum = bins.bins.iter().enumerate().map(share).sum::<f64>();
            if level == 255 { 1. } else { sum / bins.total() as f64 }
        };
        let reference = |u: usize| show.target.cdfs[0].counts()[u] as f64 / 16000.;
        for (v, &level) in lut.levels.iter().enumerate() {
            let level = usize::from(level);
            prop_assert!(up_to(v) <= reference(level) + 1e-9, "{v} {level}");
            prop_assert!(level <= 40 || up_to(v) > reference(level - 1) - 1e-9, "{v} {level}");
        }
    }
}

#[test]
fn f119_other_matrices_change_nothing_and_other_kinds_everything() {
    let (weights, range) = (LumaWeights::BT601, Range::Full);
    let source = even(100..200);
    for (encoding, is_kept) in [
        (Encoding::Luma(weights, range), true),
        (Encoding::Rgb(range), false),
        (Encoding::YCbCr(weights, range), false),
    ] {
        let mut show = locked_to(&source, &luma());
        let channels = Channels {
            encoding,
            depths: vec![8; encoding.n_channels()],
            colorimetry: Colorimetry::SRGB,
        };
        show.temporal = show.temporal.for_channels(channels, UpdateMode::Locked);
        let n = encoding.n_channels();
        let statistics = Statistics { histograms: vec![even(0..150); n], ..Statistics::default() };
        let target = Target::new(vec![show.target.cdfs[0].clone(); n]);
        let (mapping, report) = show.temporal.decide(&statistics, FRAME, &target, &show.settings);
        let Mapping::Luts(luts) = mapping else { panic!("no tables") };
        assert_eq!(report.learned, vec![!is_kept; n]);
        if is_kept {
            assert_eq!(luts[0].levels[100..], show.rule(&source).levels[100..]);
        }
    }
}

/// What is locked for channels of one kind is there again when these come back, in any of their depths; but not behind
/// a signal to learn afresh, or if nothing is locked.
#[test]
fn f119_what_is_locked_comes_back_with_its_channels() {
    let source = even(100..200);
    let channels = |encoding: Encoding, depth| Channels {
        encoding,
        depths: vec![depth; encoding.n_channels()],
        colorimetry: Colorimetry::SRGB,
    };
    let (rgb, ycbcr) =
        (Encoding::Rgb(Range::Full), Encoding::YCbCr(LumaWeights::BT601, Range::Full));
    for (away, relearned, is_back) in [
        (UpdateMode::Locked, false, true),
        (UpdateMode::Locked, true, false),
        (UpdateMode::Frame, false, false),
    ] {
        let mut show = locked_to(&source, &luma());
        for (encoding, histogram) in [(rgb, even(0..150)), (ycbcr, even(20..120))] {
            show.temporal = show.temporal.for_channels(channels(encoding, 8), UpdateMode::Locked);
            let n = encoding.n_channels();
            let histograms = vec![histogram; n];
            let statistics = Statistics { histograms, ..Statistics::default() };
            let target = Target::new(vec![show.target.cdfs[0].clone(); n]);
            let (_, report) = show.temporal.decide(&statistics, FRAME, &target, &show.settings);
            assert_eq!(report.learned, vec![true; n], "{encoding:?}");
        }
        if relearned {
            show.temporal.relearn();
        }
        show.temporal = show.temporal.for_channels(luma_of(8, Range::Full), away);
        let (lut, report) = show.frame(&even(0..150), None);
        assert_eq!(report.learned, vec![!is_back], "{away:?} {relearned}");
        let last = even(0..150);
        let expected = show.rule(if is_back { &source } else { &last });
        assert_eq!(lut.levels[100..], expected.levels[100..], "{away:?} {relearned}");
    }
}

/// Half of an old reference is left, and is in another depth and range, too.
#[test]
fn f119_what_fades_out_is_converted() {
    let source = even(16..236);
    let settings = Settings { update_mode: UpdateMode::Locked, ..smooth() };
    let shown = |depth: u32, range| {
        let mut show = Show::new(settings.clone());
        show.temporal = Temporal::new(luma_of(8, Range::Limited));
        show.frame(&source, None);
        // The new reference leaves most levels as they are.
        show.target = reference(&even(16..236));
        show.frame_after(&source, None, Duration::from_millis(693));
        show.temporal = show.temporal.for_channels(luma_of(depth, range), UpdateMode::Locked);
        let n = 1 << depth;
        let levels = if range == Range::Full { 0..n } else { n / 16..n / 256 * 236 };
        let mut same = Histogram::empty(depth);
        same.bins[levels].fill(100);
        // The same reference in other channels.
        show.target.cdfs = reference(&same).cdfs;
        let flat = Histogram { bins: vec![1; n] };
        show.frame_after(&flat, None, Duration::ZERO).0.levels
    };
    let as_it_was = shown(8, Range::Limited);
    for (depth, range) in [(10, Range::Limited), (8, Range::Full), (10, Range::Full)] {
        let converted = shown(depth, range);
        let unit = f64::from(1 << (depth - 8));
        let place = |level: f64| match range {
            Range::Limited => unit * (level + 0.5) - 0.5,
            Range::Full => (level - 16.) / 219. * (256. * unit - 1.),
        };
        for v in 20..232 {
            let expected = place(as_it_was[v].into());
            let found = f64::from(converted[place(v as f64).round() as usize]);
            assert!((found - expected).abs() <= 2. * unit, "{depth} {range:?} {v}");
        }
    }
}

#[test]
fn max_slope_limits_the_table() {
    let source = even(100..130);
    // A slope below 1 would take contrast from what is right already.
    for (max_slope, limit) in [(2., 2.), (0.5, 1.), (f64::MIN_POSITIVE, 1.)] {
        let mut show = Show::new(Settings { max_slope, ..Settings::default() });
        let lut = show.frame(&source, None).0;
        let mut curve = Curve::from(&show.rule(&source));
        // What is darker than the source is as dark as the reference.
        curve.raise(40.);
        curve.limit_slope(limit, 114);
        assert_eq!(lut, curve.to_lut());
        assert_ne!(lut, show.rule(&source));
        assert_eq!(lut.levels[114], show.rule(&source).levels[114], "the median stays");
    }
}

/// With an exposure that isn't the average's, it is the moved mapping that is no steeper, and what is
/// the median by then lands where it did.
#[test]
fn f170_max_slope_holds_where_flicker_is_removed() {
    let source = even(100..130);
    let still = thumbnail(1);
    for gain in [0.85f32, 1.15] {
        let [limited, free] = [2., 0.].map(|max_slope| {
            let settings = Settings { max_slope, deflicker: 1., ..smooth() };
            let mut show = Show::new(settings);
            show.frame(&source, Some(&still));
            // Its samples are not looked at, only its exposure.
            show.frame_after(&source, Some(&brighter(&still, gain)), Duration::ZERO).0.levels
        });
        let median = (114. * f64::from(gain)).round() as usize;
        assert!(limited[median].abs_diff(free[median]) <= 3, "{gain}");
        let rise = f64::from(limited[median + 5]) - f64::from(limited[median - 5]);
        assert!((rise - 20.).abs() <= 1., "{gain}: {rise}");
        let free_rise = f64::from(free[median + 5]) - f64::from(free[median - 5]);
        assert!(free_rise > 30., "{gain}: {free_rise}");
    }
}

/// Black, white and no colour stay what they are in flat frames, however steep that is.
#[test]
fn f171_black_stays_black_with_max_slope() {
    let chroma = Encoding::YCbCr(LumaWeights::BT709, Range::Limited);
    let channels =
        Channels { encoding: chroma, depths: vec![8; 3], colorimetry: Colorimetry::SRGB };
    let mut temporal = Temporal::new(channels);
    let settings = Settings { max_slope: 1., ..Settings::default() };
    let target =
        Target::new([even(60..230), even(40..110), even(130..220)].each_ref().map(Cdf::from));
    let mut show = |histograms: Vec<Histogram>| {
        let statistics = Statistics { histograms, ..Statistics::default() };
        let (mapping, _) = temporal.decide(&statistics, FRAME, &target, &settings);
        let Mapping::Luts(luts) = mapping else { panic!("no tables") };
        luts
    };
    show(vec![even(100..180), even(90..100), even(150..160)]);
    let luts = show(vec![even(16..17), even(128..129), even(128..129)]);
    let found = [(0, 16), (0, 235), (1, 128), (2, 128)].map(|(index, v)| luts[index].levels[v]);
    assert_eq!(found, [16, 235, 128, 128]);
}

#[test]
fn what_has_fractions_is_dithered() {
    let source = even(100..130);
    let mapping = |settings: Settings| {
        let mut show = Show::new(settings);
        let statistics = Statistics { histograms: vec![source.clone()], ..Statistics::default() };
        show.temporal.decide(&statistics, FRAME, &show.target, &show.settings).0
    };
    // The rule's own levels have none.
    let exact = Settings { dither: true, ..Settings::default() };
    assert!(matches!(mapping(exact.clone()), Mapping::Luts(_)));
    for settings in [
        Settings { strength: 0.3, ..exact.clone() },
        Settings { max_slope: 1.5, ..exact.clone() },
        Settings { smoothing: SECOND, ..exact.clone() },
    ] {
        let dithered = mapping(settings.clone());
        let Mapping::Curves(curves) = &dithered else { panic!("{settings:?}") };
        assert_eq!(curves.len(), 1);
        let plain = mapping(Settings { dither: false, ..settings });
        assert!(matches!(plain, Mapping::Luts(_)));
        assert_eq!(dithered.luts(), plain.luts(), "they are the nearest");
    }
}

#[test]
fn strength_is_a_way_from_what_is_to_what_is_matched() {
    let source = even(0..200);
    for (strength, digits) in [(0., 0.), (0.25, 0.25), (1., 1.)] {
        let mut show = Show::new(Settings { strength, ..Settings::default() });
        let lut = show.frame(&source, None).0;
        for (v, (level, full)) in lut.levels.iter().zip(show.rule(&source).levels).enumerate() {
            let expected = v as f64 + digits * (f64::from(full) - v as f64);
            assert_eq!(f64::from(*level), expected.round(), "{strength} {v}");
        }
    }
}

#[test]
fn a_cut_is_another_order_of_brightness() {
    let mut cuts = Cuts::default();
    let scene = thumbnail(1);
    assert_eq!(cuts.step(&scene, FRAME).distance, 0.);
    // No change of brightness, contrast or gamma.
    for change in [|v: f32| v * 0.6, |v: f32| v.powf(2.2), |v: f32| 0.2 + v * 0.5] {
        let mut changed = scene.clone();
        changed.luma.iter_mut().for_each(|block| *block = change(*block));
        assert_eq!(cuts.step(&changed, FRAME).distance, 0.);
    }
    // Nor does what moves by two blocks, but for the edge.
    let mut moved = scene.clone();
    for row in 0..18 {
        moved.luma[row * 32..][..32].copy_within(0..30, 2);
    }
    assert!(cuts.step(&moved, FRAME).distance < 0.02);
    assert!(cuts.step(&thumbnail(2), FRAME).distance > 0.3);
    assert_eq!(
        [0.03, 0.04, 0.06, 0.08, 0.5].map(|d| (novelty(d, 0.08) * 4.).round()),
        [0., 0., 2., 4., 4.]
    );
    assert_eq!(novelty(1., 0.), 0.);
}

/// Between half of the threshold and the threshold, a frame counts for more than its time.
#[test]
fn what_is_nearly_a_cut_is_nearly_a_new_scene() {
    let scenes = [thumbnail(1), thumbnail(2)];
    let mut cuts = Cuts::default();
    let [_, distance] = scenes.each_ref().map(|scene| cuts.step(scene, FRAME).distance);
    let mut show = Show::new(Settings { scene_threshold: distance / 0.75, ..smooth() });
    let [first, second] = [even(0..100), even(100..250)];
    show.frame(&first, Some(&scenes[0]));
    let (lut, report) = show.frame(&second, Some(&scenes[1]));
    assert!(!report.scene_change);
    // Half of a new scene, and what is learned in 40 ms of the rest, where so much moves.
    let time = 1. - (-0.04f64).exp();
    let mut exposure = Exposure::default();
    let [_, exposed] = scenes.each_ref().map(|scene| exposure.follow(scene, FRAME, time));
    let weight = 0.5 + 0.5 * time / (1. + (exposed.unrest / 0.1).min(2.));
    let source = Cdf::from(&first).mix(&Cdf::from(&second), weight);
    let expected = match_cdfs(&source, &show.target.cdfs[0]);
    for (level, expected) in lut.levels.iter().zip(expected.levels).skip(1) {
        assert!(level.abs_diff(expected) <= 1);
    }
}

#[test]
fn black_between_scenes_shows_nothing() {
    let black = Thumbnail { columns: 32, luma: vec![0.; 32 * 18] };
    let (scene, other) = (thumbnail(1), thumbnail(2));
    // Straight out of black.
    for (next, is_cut) in [(&scene, false), (&other, true)] {
        let mut cuts = Cuts::default();
        cuts.step(&scene, FRAME);
        assert_eq!(cuts.step(&black, FRAME).distance, 0.);
        let step = cuts.step(next, FRAME);
        assert_eq!(
            (step.distance > 0.3, step.is_faded_in, step.is_fading_in),
            (is_cut, false, false)
        );
    }
    // Fading.
    let mut cuts = Cuts::default();
    cuts.step(&scene, FRAME);
    cuts.step(&black, FRAME);
    for t in 2..=25 {
        let step = cuts.step(&brighter(&other, t as f32 / 25.), FRAME);
        assert!(step.is_fading_in && step.distance == 0., "{t}");
    }
    let step = cuts.step(&other, FRAME);
    assert!(step.is_faded_in && step.distance > 0.3);
}

/// What comes out of black with half the contrast of the scene before it is there at once; a scene's
/// contrast is remembered for four seconds or so.
#[test]
fn the_contrast_of_a_scene_is_remembered_for_a_while() {
    let black = Thumbnail { columns: 32, luma: vec![0.; 32 * 18] };
    let scene = thumbnail(1);
    for (seconds, share, is_fading_in) in [
        (0, 0.55, false),
        (0, 0.45, true),
        // A share of exp(-0.5) is left, and half of that is asked for.
        (2, 0.33, false),
        (2, 0.28, true),
        // No more than what is seen.
        (30, 0.16, false),
        (30, 0.14, true),
    ] {
        let mut cuts = Cuts::default();
        cuts.step(&scene, FRAME);
        for _ in 0..25 * seconds {
            cuts.step(&brighter(&scene, 0.3), FRAME);
        }
        cuts.step(&black, FRAME);
        let step = cuts.step(&brighter(&scene, share), FRAME);
        assert_eq!(step.is_fading_in, is_fading_in, "{seconds} {share}");
        // Nor does what follows in no time and is as bright fade in.
        assert!(!cuts.step(&brighter(&scene, share), Duration::ZERO).is_fading_in);
    }
}

#[test]
fn flicker_is_told_from_objects_and_fades() {
    let scene = thumbnail(1);
    let mut exposure = Exposure::default();
    // Flicker, up and down.
    for t in 0..50 {
        let gain = if t % 2 == 0 { 1. } else { 1.1 };
        let exposed = exposure.follow(&brighter(&scene, gain), FRAME, 0.04);
        let [up, down] = [1.05, 1. / 1.05];
        if t > 40 {
            let expected = if t % 2 == 0 { down } else { up };
            assert!((exposed.gain / expected - 1.).abs() < 0.02, "{t}: {exposed:?}");
        }
    }
    // An object of a third of the picture.
    let mut exposure = Exposure::default();
    exposure.follow(&scene, FRAME, 0.04);
    let mut covered = scene.clone();
    covered.luma[..192].fill(0.9);
    assert!((exposure.follow(&covered, FRAME, 0.04).gain - 1.).abs() < 0.01);
    // A fade is not undone.
    let mut exposure = Exposure::default();
    for t in 0..20 {
        let exposed = exposure.follow(&brighter(&scene, 1. - 0.05 * t as f32), FRAME, 0.04);
        assert!(exposed.gain > 0.75, "{t}: {exposed:?}");
        assert!(exposed.is_fading_out == (t > 4) || t == 4, "{t}");
        if t > 12 {
            assert!(exposed.gain > 0.99, "{t}: {exposed:?}");
        }
    }
}

/// Two thirds of the picture get brighter each time and one darker, in turns: all medians are those
/// of what gets brighter.
#[test]
fn errors_of_the_exposure_do_not_add_up() {
    let levels = [0.05, 0.2, 0.9];
    let frame = |t: usize| Thumbnail {
        columns: 32,
        luma: (0..32 * 18).map(|i| levels[(t + i) % 3]).collect(),
    };
    let mut exposure = Exposure::default();
    for t in 0..1000 {
        let exposed = exposure.follow(&frame(t), FRAME, 0.);
        assert!((0.8..32.).contains(&exposed.gain), "{t}: {exposed:?}");
    }
}

/// Blocks that are clipped in one of the frames say nothing; sixteen others have to.
#[test]
fn clipped_blocks_tell_no_gain() {
    for (n_usable, expected) in [(16, 1.1), (15, 1.)] {
        let frame = |usable: f32, clipped: f32| Thumbnail {
            columns: 10,
            luma: (0..50).map(|i| if i < n_usable { usable } else { clipped }).collect(),
        };
        for clipped in [[0.99, 0.5], [0.5, 0.99], [0.01, 0.5], [0.5, 0.01]] {
            let mut exposure = Exposure::default();
            exposure.follow(&frame(0.4, clipped[0]), FRAME, 0.);
            let exposed = exposure.follow(&frame(0.44, clipped[1]), FRAME, 0.);
            assert!((exposed.gain - expected).abs() < 0.01, "{n_usable} {clipped:?}: {exposed:?}");
        }
    }
}

#[test]
fn deflicker_moves_the_mapping_with_the_brightness() {
    let scene = thumbnail(1);
    let mut show = Show::new(Settings { deflicker: 1., scene_threshold: 0., ..smooth() });
    let source = even(20..200);
    let mut lut = show.frame(&source, Some(&scene)).0;
    for _ in 0..50 {
        lut = show.frame(&source, Some(&scene)).0;
    }
    // A frame that is a tenth brighter is mapped to what the others are mapped to.
    let mut bright = Histogram::empty(8);
    source.bins.iter().enumerate().for_each(|(v, bin)| bright.bins[v * 11 / 10 % 256] += bin);
    let (brighter_lut, report) = show.frame(&bright, Some(&brighter(&scene, 1.1)));
    assert!((report.gain - 1.1).abs() < 0.01, "{report:?}");
    for v in 25..200 {
        let [was, is] = [lut.levels[v], brighter_lut.levels[v * 11 / 10]].map(i32::from);
        assert!((was - is).abs() <= 6, "{v}: {was} {is}");
    }
    show.settings.deflicker = 0.;
    let (unmoved, _) = show.frame(&bright, Some(&brighter(&scene, 1.1)));
    assert!((i32::from(unmoved.levels[110]) - i32::from(lut.levels[100])).abs() > 6);
}

/// Frames that are learned once count alike, the first one as the last.
#[test]
fn what_is_held_is_the_mean_of_its_frames() {
    for update_mode in [UpdateMode::Scene, UpdateMode::Locked] {
        let mut show = Show::new(Settings { update_mode, ..smooth() });
        let (first, second) = (even(0..100), even(50..250));
        for t in 0..26 {
            let frame = if t < 10 { &first } else { &second };
            assert_eq!(show.frame(frame, None).1.learned, [true], "{t}");
        }
        let (lut, report) = show.frame(&first, None);
        assert_eq!(report.learned, [false]);
        let mean = Cdf::from(&first).mix(&Cdf::from(&second), 16. / 26.);
        let expected = match_cdfs(&mean, &show.target.cdfs[0]);
        for (level, expected) in lut.levels.iter().zip(expected.levels).skip(1) {
            assert!(level.abs_diff(expected) <= 1, "{level} {expected}");
        }
    }
}

/// For cuts and for flicker, where a frame has to do with those before it.
#[test]
fn frames_are_looked_at_where_it_counts() {
    let locked = Settings { update_mode: UpdateMode::Locked, ..Settings::default() };
    let uncut = |settings: &Settings| Settings { scene_threshold: 0., ..settings.clone() };
    let flickering = |settings: &Settings| Settings { deflicker: 0.5, ..settings.clone() };
    for (settings, counts) in [(Settings::default(), false), (smooth(), true), (locked, true)] {
        assert_eq!(settings.needs_thumbnail(), counts);
        assert_eq!(flickering(&settings).needs_thumbnail(), counts);
        assert_eq!(flickering(&uncut(&settings)).needs_thumbnail(), counts);
        assert!(!uncut(&settings).needs_thumbnail());
    }
}

#[test]
fn contradictions_are_known() {
    let fine = [
        Settings::default(),
        Settings { deflicker: 1., ..smooth() },
        Settings { deflicker: 1., update_mode: UpdateMode::Locked, ..Settings::default() },
        Settings { scene_threshold: 0., ..smooth() },
    ];
    assert!(fine.iter().all(|settings| settings.contradiction().is_none()));
    let deflicker = Settings { deflicker: 0.5, ..Settings::default() };
    assert!(deflicker.contradiction().is_some_and(|text| text.contains("smoothing")));
    let scene =
        Settings { update_mode: UpdateMode::Scene, scene_threshold: 0., ..Settings::default() };
    assert!(scene.contradiction().is_some_and(|text| text.contains("scene-threshold")));
}

#[test]
fn borders_grow_at_once_and_shrink_after_a_second() {
    let area = |top, height| Area { left: 0, top, width: 100, height };
    let mut borders = LetterboxTracker::default();
    assert_eq!(borders.follow(Area::default(), FRAME), Area::default());
    assert_eq!(borders.follow(area(20, 60), FRAME), area(20, 60));
    // Subtitles in the lower bar.
    assert_eq!(borders.follow(area(20, 75), FRAME), area(20, 75));
    for t in 1..=25 {
        let expected = if t < 25 { area(20, 75) } else { area(20, 60) };
        assert_eq!(borders.follow(area(20, 60), FRAME), expected, "{t}");
    }
    // A dark frame says nothing.
    for _ in 0..100 {
        assert_eq!(borders.follow(Area::default(), FRAME), area(20, 60));
    }
}

#[test]
fn borders_shrink_to_all_that_was_seen_in_the_second() {
    let area = |top, height| Area { left: 0, top, width: 100, height };
    let mut borders = LetterboxTracker::default();
    borders.follow(area(0, 100), FRAME);
    for t in 1..=25 {
        let content = if t == 9 { area(10, 50) } else { area(20, 60) };
        let expected = if t < 25 { area(0, 100) } else { area(10, 70) };
        assert_eq!(borders.follow(content, FRAME), expected, "{t}");
    }
}

/// Levels that the average doesn't have get the darkest level of the reference, not black, which may
/// not be legal.
#[test]
fn what_is_darker_than_the_average_is_as_dark_as_the_reference() {
    let mut show = Show::new(smooth());
    for _ in 0..2 {
        let lut = show.frame(&even(100..200), None).0;
        assert!(lut.levels[..100].iter().all(|&level| level == 40));
    }
}

/// Behind a fade from black, an average goes on from what it was; a scene that is held begins afresh.
#[test]
fn what_fades_is_not_learned() {
    let histogram = even(0..200);
    for (update_mode, begins) in
        [(UpdateMode::Frame, false), (UpdateMode::Scene, true), (UpdateMode::Locked, false)]
    {
        let mut show = Show::new(Settings { update_mode, ..smooth() });
        let [first, second] = [thumbnail(1), thumbnail(2)];
        assert_eq!(show.frame(&histogram, Some(&first)).1.learned, [true]);
        for t in 1..20 {
            let share = 1. - t as f32 / 20.;
            let report = show.frame(&histogram, Some(&brighter(&first, share))).1;
            assert!(report.learned == [t < 5] || t == 4, "{t}");
        }
        show.frame(&even(0..1), Some(&brighter(&first, 0.)));
        for t in 2..=25 {
            let share = t as f32 / 25.;
            let report = show.frame(&histogram, Some(&brighter(&second, share))).1;
            assert_eq!((report.learned, report.scene_change), (vec![false], false), "{t}");
        }
        let report = show.frame(&histogram, Some(&second)).1;
        assert!(report.scene_distance > 0.3);
        assert_eq!(report.scene_change, begins);
        assert_eq!(report.learned, [begins || update_mode == UpdateMode::Frame]);
    }
}

/// From black, there is no scene to keep, and every frame is learned by itself until it is there. What comes by and by
/// goes over to being matched; what comes at once is matched at once.
#[test]
fn the_first_scene_may_fade_in() {
    let black = Thumbnail { columns: 32, luma: vec![0.; 32 * 18] };
    let whole = even(0..200);
    for update_mode in [UpdateMode::Frame, UpdateMode::Scene, UpdateMode::Locked] {
        let mut show = Show::new(Settings { update_mode, ..smooth() });
        let mut last = show.frame(&even(0..1), Some(&black)).0;
        let mut step = |lut: &Lut| {
            let steps = lut.levels.iter().zip(&last.levels).map(|(now, last)| now.abs_diff(*last));
            let most = steps.max();
            last = lut.clone();
            most.expect("there are levels")
        };
        for t in 1..=25 {
            let share = t as f32 / 25.;
            let (lut, report) = show.frame(&even(0..8 * t), Some(&brighter(&thumbnail(1), share)));
            assert_eq!(report.learned, [t > 1]);
            assert!(step(&lut) <= 12, "{t}");
        }
        for t in 26..400 {
            let lut = show.frame(&whole, Some(&thumbnail(1))).0;
            assert!(step(&lut) <= 12, "{t}");
        }
        let rule = show.rule(&whole);
        assert!((0..200).all(|level| last.levels[level].abs_diff(rule.levels[level]) <= 1));
        let (_, report) = show.frame(&even(100..250), Some(&thumbnail(1)));
        assert!(!report.scene_change);

        let mut show = Show::new(Settings { update_mode, ..smooth() });
        show.frame(&even(0..1), Some(&black));
        for _ in 0..3 {
            let lut = show.frame(&whole, Some(&thumbnail(1))).0;
            let rule = show.rule(&whole);
            assert!((0..200).all(|level| lut.levels[level].abs_diff(rule.levels[level]) <= 1));
        }
    }
}

/// One of R', G' and B' that is matched before the others would make false colours.
#[test]
fn channels_that_get_lighter_are_matched_together() {
    let channels = Channels { encoding: Encoding::Rgb(Range::Full), depths: vec![8; 3], ..luma() };
    let target = Target::new([(); 3].map(|()| Cdf::from(&even(40..200))));
    let mut temporal = Temporal::new(channels);
    let mut decide = |levels: [usize; 3]| {
        let histograms = levels.map(|n| even(0..n)).to_vec();
        let statistics = Statistics { histograms, ..Statistics::default() };
        temporal.decide(&statistics, FRAME, &target, &smooth()).1.learned
    };
    assert_eq!(decide([40, 30, 8]), [false; 3]);
    assert_eq!(decide([40, 30, 18]), [true; 3]);
    // Each has something to keep now.
    assert_eq!(decide([40, 30, 8]), [true, true, false]);
}

/// Of an even number of blocks, two are in the middle.
#[test]
fn f120_the_median_is_off_to_no_side() {
    let frame = |gain: f32| Thumbnail {
        columns: 8,
        luma: (0..32).map(|i| if i % 2 == 0 { 0.4 } else { 0.4 * gain }).collect(),
    };
    for gain in [0.8, 1.25] {
        let mut exposure = Exposure::default();
        exposure.follow(&frame(1.), FRAME, 0.);
        let exposed = exposure.follow(&frame(gain), FRAME, 0.);
        // The blocks are spread around it by as much as it is.
        let median = f64::from(gain).ln() / 2.;
        let expected = (median / 1.16).exp();
        assert!((exposed.gain - expected).abs() < 0.002, "{gain}: {exposed:?}");
    }
}

/// Thumbnails of a still scene whose pixels are noisy. Each block is the mean of so many pixels, which
/// are clipped to 8 bits, as a camera's are: what is nearly black or white is brighter or darker on
/// average than without noise.
struct Noisy {
    columns: usize,
    /// What each block may be.
    pools: Vec<Vec<f32>>,
    random: u64,
    /// By how much brighter or darker frames are, one after the other.
    flicker: Vec<f32>,
}

impl Noisy {
    const POOL: usize = 1024;

    /// Blocks from black to white, side by side.
    fn new((columns, rows): (usize, usize), pixels: usize, sigma: f64) -> Self {
        let mut random = 1;
        let n = columns * rows;
        // The order makes no difference here; neighbours shall.
        let level = |i: usize| 10. + 240. * ((i * 7) % n) as f64 / (n - 1) as f64;
        let mut pixel = |level: f64| {
            // Nearly normal.
            let sum: f64 = (0..4).map(|_| f64::from(next(&mut random) as f32)).sum();
            let normal = (sum / 2f64.powi(32) - 2.) * 3f64.sqrt();
            (level + sigma * normal).round().clamp(0., 255.) / 255.
        };
        let pools = (0..n)
            .map(|i| {
                let mut block =
                    |_| (0..pixels).map(|_| pixel(level(i))).sum::<f64>() / pixels as f64;
                (0..Self::POOL).map(|i| block(i) as f32).collect()
            })
            .collect();
        Self { columns, pools, random: 2, flicker: vec![1.] }
    }

    fn frame(&mut self, thumbnail: &mut Thumbnail) -> f64 {
        let random = &mut self.random;
        self.flicker.rotate_left(1);
        let gain = self.flicker[0];
        thumbnail.columns = self.columns;
        thumbnail.luma.clear();
        let blocks = self.pools.iter().map(|pool| pool[next(random) as usize % Self::POOL]);
        thumbnail.luma.extend(blocks.map(|block| (gain * block).min(1.)));
        gain.into()
    }
}

/// A random number of 32 bits (xorshift).
fn next(state: &mut u64) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 16) as u32
}

/// Where the mean level of what is shown is, of a scene whose mean level would be 104, in each
/// two-thousandth second frame by frame; and how far it goes from what it was after three time
/// constants, or a tenth of the frames if that is more.
fn drift(
    exposure: &mut Exposure,
    mut scene: Noisy,
    n: usize,
    elapsed: Duration,
    smoothing: Duration,
) -> (f64, Vec<f64>) {
    const WINDOW: usize = 2000;
    let weight = -(-elapsed.as_secs_f64() / smoothing.as_secs_f64()).exp_m1();
    let mut frame = Thumbnail::default();
    let mut windows = Vec::new();
    let mut sum = 0.;
    for t in 1..=n {
        let gain = scene.frame(&mut frame);
        sum += (104. * gain / exposure.follow(&frame, elapsed, weight).gain).min(255.);
        if t % WINDOW == 0 {
            windows.push(std::mem::take(&mut sum) / WINDOW as f64);
        }
    }
    let settled = 3. * smoothing.as_secs_f64() / elapsed.as_secs_f64() / WINDOW as f64;
    let first = (settled.ceil() as usize).max(windows.len() / 10);
    let first = if first < windows.len() { first } else { windows.len() / 10 };
    let before = windows[first];
    (windows[first..].iter().fold(0., |most, now| f64::max(most, (now - before).abs())), windows)
}

/// Of frames as large as they come and of such that have hardly a pixel to a block.
#[test]
fn f120_a_still_noisy_scene_does_not_drift() {
    let (whole, half) = (((32, 18), 40), ((16, 9), 10));
    let (single, tiny) = (((16, 9), 1), ((6, 4), 1));
    let cases = [
        (whole, 20., &[1e9][..], 20_000),
        (half, 20., &[300.], 200_000),
        (single, 5., &[3600.], 100_000),
        (single, 20., &[1e9], 200_000),
        (tiny, 2., &[1e9], 200_000),
        (tiny, 20., &[0.1, 1., 10., 60., 1e9], 200_000),
    ];
    let mut worst: f64 = 0.;
    for ((size, pixels), sigma, smoothings, n) in cases {
        for &smoothing in smoothings {
            // So that an hour is over.
            let elapsed = if smoothing == 3600. { 10 * FRAME } else { FRAME };
            let smoothing = Duration::from_secs_f64(smoothing);
            let mut exposure = Exposure::default();
            let scene = Noisy::new(size, pixels, sigma);
            let (drift, windows) = drift(&mut exposure, scene, n, elapsed, smoothing);
            let some: Vec<_> = windows.iter().step_by(windows.len() / 5).collect();
            println!("{size:?} {sigma} {smoothing:?}: {drift:.2} {some:.1?}");
            worst = worst.max(drift);
            // Nor has it gone away before.
            assert!(windows.iter().all(|mean| (mean - 104.).abs() < 6.), "{windows:?}");
        }
    }
    assert!(worst <= 0.5, "{worst} levels");
}

/// What gets brighter slowly and darker at once, over and over.
#[test]
fn f120_nor_does_one_that_flickers() {
    let mut scene = Noisy::new((16, 9), 1, 20.);
    scene.flicker = (0..7).map(|t| 0.9 + 0.03 * t as f32).collect();
    let smoothing = Duration::from_secs(1_000_000_000);
    let (drift, windows) = drift(&mut Exposure::default(), scene, 60_000, FRAME, smoothing);
    assert!(drift <= 0.5, "{drift} levels: {windows:?}");
}

/// What the scene looked like before things moved is no measure for it.
#[test]
fn f120_nor_does_one_in_which_things_have_moved() {
    let mut scene = Noisy::new((16, 9), 1, 10.);
    let smoothing = Duration::from_secs(1_000_000_000);
    let (mut exposure, mut frame) = (Exposure::default(), Thumbnail::default());
    for _ in 0..100 {
        scene.frame(&mut frame);
        exposure.follow(&frame, FRAME, 0.);
    }
    scene.pools.rotate_left(50);
    let (drift, windows) = drift(&mut exposure, scene, 60_000, FRAME, smoothing);
    assert!(drift <= 0.5, "{drift} levels: {windows:?}");
}

/// How far the gains of blocks are spread around their median says how much of it may be an error.
#[test]
fn what_is_no_more_than_the_blocks_are_spread_is_no_flicker() {
    // In turns a little more and a little less, so that no motion explains it.
    let frame = |gain: f32, spread: f32| {
        let mut frame = thumbnail(1);
        for (i, block) in frame.luma.iter_mut().enumerate() {
            let is_more = (i + i / 32).is_multiple_of(2);
            *block = 0.4 * gain * if is_more { spread.exp() } else { (-spread).exp() };
        }
        frame
    };
    for (gain, spread) in
        [(1.1, 0.), (1.1, 0.05), (1.02, 0.05), (1.02, 0.01), (0.98, 0.01), (1.02, 0.)]
    {
        let mut exposure = Exposure::default();
        exposure.follow(&frame(1., 0.), FRAME, 0.);
        let exposed = exposure.follow(&frame(gain, spread), FRAME, 0.);
        let away = f64::from(gain).ln();
        let floor = 0.004 * 0.004 + (0.4 * f64::from(spread)).powi(2);
        let expected = away * away * away / (away * away + floor);
        assert!((exposed.gain.ln() - expected).abs() < 2e-3, "{gain} {spread}: {exposed:?}");
    }
}

/// A scene with soft edges, moved by so many blocks.
fn moved(x: f32, y: f32) -> Thumbnail {
    let block = |i: usize| {
        let (x, y) = ((i % 32) as f32 + x, (i / 32) as f32 + y);
        // More gets darker to the right than brighter, and more brighter below.
        0.4 + 0.2 * (-x / 10.).exp() + 0.006 * y + 0.1 * (x / 3.).sin() * (y / 4.).cos()
    };
    Thumbnail { columns: 32, luma: (0..32 * 18).map(block).collect() }
}

#[test]
fn motion_is_no_change_of_brightness() {
    let mut exposure = Exposure::default();
    let mut worst: f64 = 1.;
    for t in 0..25 {
        let exposed = exposure.follow(&moved(0.3 * t as f32, 0.2 * t as f32), FRAME, 0.);
        worst = worst.max(exposed.gain.max(1. / exposed.gain));
    }
    assert!(worst < 1.01, "{worst}");
    // Nor does it hide one.
    let flickering = brighter(&moved(0.3 * 25., 0.2 * 25.), 1.1);
    let exposed = exposure.follow(&flickering, FRAME, 0.);
    assert!((exposed.gain - 1.1).abs() < 0.02, "{exposed:?}");
}

proptest! {
    /// The mean of how far logarithms are from their averages, at the same exposure.
    #[test]
    fn unrest_is_how_far_blocks_are_from_what_they_usually_are(
        frames in vec(vec(prop_oneof![8 => 0.1f32..0.9, 1 => Just(0.01f32), 1 => Just(0.97f32)], 24), 1..6),
        weight in 0f64..1.,
    ) {
        // What stays the same, so that the exposure does.
        let still = [0.5; 40];
        let mut exposure = Exposure::default();
        let mut usual: Vec<Option<f64>> = Vec::new();
        for frame in frames {
            let luma: Vec<f32> = still.iter().chain(&frame).copied().collect();
            let known = |&luma: &f32| (0.03..0.95).contains(&luma).then(|| f64::from(luma).ln());
            let logs: Vec<Option<f64>> = luma.iter().map(known).collect();
            if usual.is_empty() {
                usual = logs.clone();
            }
            let mut sum = 0.;
            for (usual, log) in usual.iter_mut().zip(&logs) {
                match (*usual, *log) {
                    (Some(old), Some(log)) => {
                        sum += (log - old).abs().min(1.);
                        *usual = Some(old + weight * (log - old));
                    }
                    (None, Some(log)) => {
                        sum += 1.;
                        *usual = Some(log);
                    }
                    (Some(_), None) => sum += 1.,
                    (None, None) => {}
                }
            }
            let exposed = exposure.follow(&Thumbnail { columns: 8, luma }, FRAME, weight);
            let expected = sum / 64.;
            prop_assert!((exposed.unrest - expected).abs() < 0.01, "{} {expected}", exposed.unrest);
        }
    }
}

/// What moves isn't learned as fast as what stands still; a change of light is.
#[test]
fn much_that_moves_is_learned_slowly() {
    let learned = |next: &Thumbnail| {
        let mut show = Show::new(Settings { scene_threshold: 1., ..smooth() });
        show.frame(&even(0..200), Some(&moved(0., 0.)));
        let lut = show.frame(&even(50..250), Some(next)).0;
        let weight = |weight: f64| {
            let source = Cdf::from(&even(0..200)).mix(&Cdf::from(&even(50..250)), weight);
            let expected = match_cdfs(&source, &show.target.cdfs[0]);
            (0..256).map(|v| lut.levels[v].abs_diff(expected.levels[v])).sum::<u16>()
        };
        // The weight that explains the table best, as a share of that of the time.
        let time = 1. - (-0.04f64).exp();
        let best = (1..=20).min_by_key(|&share| weight(time * f64::from(share) / 20.));
        f64::from(best.expect("there are some")) / 20.
    };
    assert!(learned(&brighter(&moved(0., 0.), 1.3)) >= 0.95);
    let mut third = moved(0., 0.);
    third.luma[..192].fill(0.1);
    let share = learned(&third);
    assert!((0.3..=0.4).contains(&share), "{share}");
    // A twentieth of the picture has some weight less.
    let mut part = moved(0., 0.);
    part.luma[..29].fill(0.05);
    let share = learned(&part);
    assert!((0.45..=0.8).contains(&share), "{share}");
}

/// A scene whose upper half is hidden at once, by something with an order of its own.
fn hidden(scene: &Thumbnail) -> Thumbnail {
    let mut frame = scene.clone();
    let other = thumbnail(2);
    frame.luma[..288].iter_mut().zip(&other.luma).for_each(|(own, other)| *own = 1. - other);
    frame
}

#[test]
fn what_hides_part_of_a_scene_is_no_cut() {
    let scene = moved(0., 0.);
    let mut show = Show::new(smooth());
    let (source, other) = (even(0..200), even(100..250));
    let before = show.frame(&source, Some(&scene)).0;
    let (lut, report) = show.frame(&other, Some(&hidden(&scene)));
    assert!(report.scene_distance > 0.08, "{report:?}");
    assert!(!report.scene_change);
    // Nothing of it is learned for a second.
    assert_eq!(lut.levels[..200], before.levels[..200]);
    for t in 1..40 {
        let learned = show.frame(&other, Some(&hidden(&scene))).1.learned;
        assert_eq!(learned, [t >= 25], "{t}");
    }
    // Nor is it when it goes; and the scene is learned again at once.
    let report = show.frame(&source, Some(&scene)).1;
    assert!(report.scene_distance > 0.08 && !report.scene_change, "{report:?}");
    // What stays is a scene of its own to those that learn scenes once.
    let mut show = Show::new(Settings { update_mode: UpdateMode::Scene, ..smooth() });
    show.frame(&source, Some(&scene));
    let [from, to] = [&source, &other].map(|learned| show.rule(learned).levels[150]);
    let mut last = from;
    for t in 1..=300 {
        let level = show.frame(&other, Some(&hidden(&scene))).0.levels[150];
        // There is no cut that would hide a jump.
        let most = if t <= 25 { 1 } else { from.abs_diff(to) / 20 };
        assert!(level.abs_diff(last) <= most, "{t}: {last}, {level}");
        last = level;
    }
    assert!(from.abs_diff(to) > 40 && last.abs_diff(to) <= 1, "{from}, {to}: {last}");
    // In bars, which go on behind any cut.
    let boxed = |scene: &Thumbnail| {
        let mut frame = scene.clone();
        for row in [0..96, 480..576] {
            frame.luma[row].fill(0.);
        }
        frame
    };
    let mut show = Show::new(smooth());
    show.frame(&source, Some(&boxed(&thumbnail(1))));
    assert!(show.frame(&source, Some(&boxed(&thumbnail(2)))).1.scene_change);
}

/// Two who speak in turns.
#[test]
fn a_scene_that_comes_back_has_its_mapping() {
    let (first, second) = (even(0..100), even(100..250));
    // How long the other scene is, and what happens meanwhile.
    type Event = fn(&mut Show);
    let cases: [(u32, Event, bool); 4] = [
        (25, |_| {}, true),
        (240, |_| {}, true),
        (260, |_| {}, false),
        (25, |show| show.temporal.relearn(), false),
    ];
    for (n, event, is_back) in cases {
        let mut show = Show::new(smooth());
        let mut before = Lut { levels: Vec::new() };
        for t in 0..50 {
            let source = even(t..t + 100);
            before = show.frame(&source, Some(&thumbnail(1))).0;
        }
        for t in 0..n {
            let report = show.frame(&second, Some(&thumbnail(2))).1;
            assert_eq!(report.scene_change, t == 0);
        }
        event(&mut show);
        let (lut, report) = show.frame(&first, Some(&thumbnail(1)));
        assert!(report.scene_change);
        if is_back {
            let worst = (0..256).map(|v| lut.levels[v].abs_diff(before.levels[v])).max();
            assert!(worst <= Some(8), "{n}: {worst:?}");
        } else {
            assert_eq!(lut.levels[..100], show.rule(&first).levels[..100], "{n}");
        }
    }
}
