//! Whatever frames, settings and references follow each other, matching over time keeps its laws.

use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use gsthistomatch::cdf::Cdf;
use gsthistomatch::color::{Channels, Encoding, LumaWeights, Range};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::frame::Area;
use gsthistomatch::frame::letterbox::LetterboxTracker;
use gsthistomatch::histogram::Histogram;
use gsthistomatch::lut::Lut;
use gsthistomatch::mapping::Mapping;
use gsthistomatch::matching::match_cdfs;
use gsthistomatch::reference::Target;
use gsthistomatch::statistics::{Statistics, Thumbnail};
use gsthistomatch::temporal::{FlatFrames, Report, Settings, Temporal, UpdateMode, is_flat};

use super::{noise, variant};

/// Frames in one input, so that it ends.
const MAX_FRAMES: u32 = 300;

#[derive(Debug)]
enum Step {
    /// Some frames that are alike, one after the other.
    Frames {
        content: [Content; 3],
        thumbnail: Small,
        elapsed: Elapsed,
        times: u8,
    },
    /// Two kinds of frames in turns.
    Turns {
        content: Content,
        thumbnails: [Small; 2],
        elapsed: Elapsed,
        times: u8,
    },
    Reset,
    Relearn,
    Reference([Content; 3]),
    Settings(AnySettings),
    Borders(u8, u8, u8, u8),
}

impl<'a> Arbitrary<'a> for Step {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match variant(u, 7)? {
            0 => Self::Frames {
                content: u.arbitrary()?,
                thumbnail: u.arbitrary()?,
                elapsed: u.arbitrary()?,
                times: u.arbitrary()?,
            },
            1 => Self::Turns {
                content: u.arbitrary()?,
                thumbnails: u.arbitrary()?,
                elapsed: u.arbitrary()?,
                times: u.arbitrary()?,
            },
            2 => Self::Reset,
            3 => Self::Relearn,
            4 => Self::Reference(u.arbitrary()?),
            5 => Self::Settings(u.arbitrary()?),
            _ => Self::Borders(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
        })
    }
}

/// A histogram.
#[derive(Clone, Copy, Debug)]
enum Content {
    Empty,
    One { level: u16, count: u64 },
    Even { first: u16, len: u16, count: u64 },
    Noise { seed: u32, bits: u8, density: u8 },
    Levels([(u16, u64); 4]),
}

impl<'a> Arbitrary<'a> for Content {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match variant(u, 5)? {
            0 => Self::Empty,
            1 => Self::One { level: u.arbitrary()?, count: u.arbitrary()? },
            2 => Self::Even { first: u.arbitrary()?, len: u.arbitrary()?, count: u.arbitrary()? },
            3 => {
                Self::Noise { seed: u.arbitrary()?, bits: u.arbitrary()?, density: u.arbitrary()? }
            }
            _ => Self::Levels(u.arbitrary()?),
        })
    }
}

impl Content {
    fn histogram(self, depth: u32) -> Histogram {
        let mut histogram = Histogram::empty(depth);
        let bins = &mut histogram.bins;
        let n = bins.len();
        // All together they are less than 2^63, so that a frame and a reference can be compared.
        let fit = |count: u64| count >> (depth + 1);
        match self {
            Self::Empty => {}
            Self::One { level, count } => bins[usize::from(level) % n] = fit(count),
            Self::Even { first, len, count } => {
                let first = usize::from(first) % n;
                bins[first..(first + usize::from(len)).min(n)].fill(fit(count));
            }
            Self::Noise { seed, bits, density } => {
                let mut random = noise(seed);
                for bin in bins {
                    let is_there = random() % 256 <= u32::from(density);
                    let count = fit(u64::from(random()) << 32) >> (bits % 64);
                    *bin = if is_there { count } else { 0 };
                }
            }
            Self::Levels(levels) => {
                levels.iter().for_each(|&(level, count)| {
                    bins[usize::from(level) % n] = fit(count);
                });
            }
        }
        histogram
    }
}

/// A frame in small.
#[derive(Clone, Copy, Debug)]
struct Small {
    columns: u8,
    rows: u8,
    seed: u32,
    gain: u8,
    offset: u8,
    /// Which blocks differ from frame to frame.
    moving: u8,
}

impl<'a> Arbitrary<'a> for Small {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            columns: u.arbitrary()?,
            rows: u.arbitrary()?,
            seed: u.arbitrary()?,
            gain: u.arbitrary()?,
            offset: u.arbitrary()?,
            moving: u.arbitrary()?,
        })
    }
}

impl Small {
    /// A thumbnail as footroom and headroom of limited range allow it: from -0.07 to 1.09.
    fn thumbnail(self, time: u32) -> Thumbnail {
        let columns = 1 + usize::from(self.columns % 32);
        let rows = 1 + usize::from(self.rows % 18);
        let (mut random, mut other) = (noise(self.seed), noise(self.seed ^ time << 8));
        let (gain, offset) = (f32::from(self.gain) / 255., f32::from(self.offset) / 255.);
        let block = |_| {
            let still = random();
            let block = if other() % 256 < u32::from(self.moving) { other() } else { still };
            (offset + gain * (block % 1024) as f32 / 1023.).clamp(0., 1.) * 1.16 - 0.07
        };
        Thumbnail { columns, luma: (0..columns * rows).map(block).collect() }
    }
}

#[derive(Clone, Copy, Debug)]
enum Elapsed {
    Zero,
    Frame,
    Nanoseconds(u64),
    Max,
}

impl<'a> Arbitrary<'a> for Elapsed {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match variant(u, 4)? {
            0 => Self::Zero,
            1 => Self::Frame,
            2 => Self::Nanoseconds(u.arbitrary()?),
            _ => Self::Max,
        })
    }
}

impl From<Elapsed> for Duration {
    fn from(elapsed: Elapsed) -> Self {
        match elapsed {
            Elapsed::Zero => Self::ZERO,
            Elapsed::Frame => Self::from_millis(40),
            Elapsed::Nanoseconds(nanoseconds) => Self::from_nanos(nanoseconds),
            Elapsed::Max => Self::MAX,
        }
    }
}

#[derive(Debug)]
struct AnySettings(Settings);

impl<'a> Arbitrary<'a> for AnySettings {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        // Mostly the ends of a range, and what is next to them.
        let share = |u: &mut Unstructured| {
            Ok(match u.int_in_range(0..=5)? {
                0 => 0.,
                1 => f64::MIN_POSITIVE,
                2 => 1. - f64::EPSILON,
                3 => 1.,
                _ => f64::from(u.arbitrary::<u16>()?) / 65535.,
            })
        };
        let max_slope = match u.int_in_range(0..=4)? {
            0 | 1 => 0.,
            2 => 1e-300,
            3 => 65535.,
            _ => f64::from(u.arbitrary::<u16>()?) / 256.,
        };
        let smoothing = match u.int_in_range(0..=4)? {
            0 | 1 => 0,
            2 => u64::MAX,
            3 => 1_000_000_000,
            _ => u.arbitrary()?,
        };
        Ok(Self(Settings {
            strength: share(u)?,
            smoothing: Duration::from_nanos(smoothing),
            deflicker: share(u)?,
            scene_threshold: share(u)?,
            update_mode: *u.choose(&[UpdateMode::Frame, UpdateMode::Scene, UpdateMode::Locked])?,
            flat_frames: *u.choose(&[FlatFrames::Hold, FlatFrames::Match])?,
            max_slope,
            ..Settings::default()
        }))
    }
}

fn channels(u: &mut Unstructured) -> Result<Channels> {
    let range = *u.choose(&[Range::Full, Range::Limited])?;
    let encoding = match u.int_in_range(0..=3)? {
        0 => Encoding::Rgb(range),
        1 => Encoding::YCbCr(LumaWeights::BT709, range),
        _ => Encoding::Luma(LumaWeights::BT601, range),
    };
    // Only R'G'B' of full range has fewer than 8 bits. With many, it takes long.
    let least = if encoding == Encoding::Rgb(Range::Full) { 1 } else { 8 };
    let depth = match u.int_in_range(0..=15)? {
        0 if u.ratio(1, 8)? => 16,
        0 | 1 => 10,
        2..=7 => 8,
        _ => u.int_in_range(least..=8)?,
    };
    let depths = vec![depth; encoding.n_channels()];
    Ok(Channels { encoding, depths, colorimetry: Colorimetry::SRGB })
}

struct Show {
    channels: Channels,
    temporal: Temporal,
    target: Target,
    settings: Settings,
    borders: LetterboxTracker,
    /// All that the borders were shown.
    shown: Area,
    frames: u32,
}

/// Shows frames to the state machine, and looks at the tables and reports that come out.
pub fn temporal(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(channels) = channels(&mut u) else { return };
    let mut show = Show {
        temporal: Temporal::new(channels.clone()),
        target: references(&channels, [Content::Even { first: 40, len: 160, count: !0 }; 3]),
        settings: Settings::default(),
        borders: LetterboxTracker::default(),
        shown: Area::default(),
        frames: 0,
        channels,
    };
    while !u.is_empty() {
        let Ok(step) = u.arbitrary() else { return };
        show.step(step);
    }
}

fn references(channels: &Channels, contents: [Content; 3]) -> Target {
    let cdf = |(content, &depth): (Content, &u32)| {
        let mut histogram = content.histogram(depth);
        if histogram.total() == 0 {
            // No picture is without pixels.
            histogram.bins[0] = 1;
        }
        Cdf::from(&histogram)
    };
    Target::new(contents.into_iter().zip(&channels.depths).map(cdf).collect::<Vec<_>>())
}

impl Show {
    fn step(&mut self, step: Step) {
        match step {
            Step::Frames { content, thumbnail, elapsed, times } => {
                for _ in 0..times.max(1) {
                    self.frame(content, thumbnail, elapsed);
                }
            }
            Step::Turns { content, thumbnails, elapsed, times } => {
                for i in 0..usize::from(times) {
                    self.frame([content; 3], thumbnails[i % 2], elapsed);
                }
            }
            Step::Reset => self.temporal.reset(),
            Step::Relearn => self.temporal.relearn(),
            Step::Reference(contents) => self.target = references(&self.channels, contents),
            Step::Settings(AnySettings(settings)) => self.settings = settings,
            Step::Borders(left, top, width, height) => {
                let (left, top) = (left.into(), top.into());
                self.follow(Area { left, top, width: width.into(), height: height.into() });
            }
        }
    }

    fn frame(&mut self, contents: [Content; 3], small: Small, elapsed: Elapsed) {
        // What takes as long as 256 levels is a frame.
        self.frames += self.channels.depths.iter().map(|depth| 1 << depth >> 8).sum::<u32>().max(1);
        if self.frames > MAX_FRAMES {
            return;
        }
        let histograms: Vec<Histogram> = contents
            .iter()
            .zip(&self.channels.depths)
            .map(|(content, &depth)| content.histogram(depth))
            .collect();
        let thumbnail = self.settings.needs_thumbnail().then(|| small.thumbnail(self.frames));
        let statistics = Statistics { histograms, thumbnail, ..Statistics::default() };
        let (mapping, report) =
            self.temporal.decide(&statistics, elapsed.into(), &self.target, &self.settings);
        let Mapping::Luts(luts) = mapping else { panic!("a grade of histograms") };
        self.check(&statistics.histograms, &luts, &report);
    }

    fn check(&self, histograms: &[Histogram], luts: &[Lut], report: &Report) {
        let Self { channels, settings, .. } = self;
        let n_channels = channels.depths.len();
        assert_eq!((luts.len(), report.learned.len()), (n_channels, n_channels));
        assert!((0. ..=1.).contains(&report.scene_distance), "{report:?}");
        assert!(report.gain.is_finite() && report.gain >= 0.8, "{report:?}");
        for (index, (lut, histogram)) in luts.iter().zip(histograms).enumerate() {
            let reference = &self.target.cdfs[index];
            let n_levels = histogram.bins.len();
            assert_eq!(lut.levels.len(), n_levels);
            assert!(lut.levels.is_sorted(), "it falls: {lut:?}");
            assert!(lut.levels.iter().all(|&level| usize::from(level) < n_levels), "{lut:?}");
            for source in [histogram, &lut.map(histogram)] {
                let distance = Cdf::from(source).distance(reference);
                assert!((0. ..=1.).contains(&distance), "{distance}");
            }
            if settings.strength == 0. {
                assert!((0..=u16::MAX).zip(&lut.levels).all(|(v, &level)| v == level), "{lut:?}");
            }
            let is_matched = histogram.total() > 0
                && (settings.flat_frames == FlatFrames::Match
                    || !is_flat(histogram, channels.encoding.is_chroma(index)));
            let is_limited = settings.max_slope > 0.;
            if is_matched && settings.is_frame_by_frame() && settings.strength == 1. && !is_limited
            {
                assert_eq!(*lut, match_cdfs(&Cdf::from(histogram), reference), "not the rule");
            }
            // Black and white of what is flat stay, however steep that is.
            if is_limited && is_matched {
                let mut steps = lut.levels.windows(2).map(|pair| f64::from(pair[1] - pair[0]));
                // A part of the way is a part of the identity's slope.
                let limit = settings.max_slope.max(1.);
                // Of two rounded levels.
                assert!(steps.all(|step| step <= limit + 1.), "steeper than {limit}: {lut:?}");
            }
        }
    }

    fn follow(&mut self, content: Area) {
        self.shown = self.shown.union(content);
        let area = self.borders.follow(content, Duration::from_millis(300));
        assert_eq!(area.union(content), area, "{content:?} is picture at once");
        assert_eq!(self.shown.union(area), self.shown, "more than was shown");
    }
}
