//! Frames that are counted once, and decided about with any settings: by the core alone, without an element.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use gsthistomatch::color::{ColorSpace, Encoding, Range};
use gsthistomatch::frame::{FrameLayout, FrameRef, PlaneSpan, Scan};
use gsthistomatch::kernels::InstructionSet;
use gsthistomatch::mapping::Mapping;
use gsthistomatch::matcher::Matcher;
use gsthistomatch::matcher::survey::Survey;
use gsthistomatch::reference::{Reference, Target};
use gsthistomatch::statistics::{ColorSample, Statistics};
use gsthistomatch::temporal::{Report, Settings, Temporal};
use gsthistomatch::workers::Workers;
use image::RgbImage;

use super::{HEIGHT, WIDTH};

/// Frames, counted by channels and sampled for grades.
pub struct Watched {
    by_channel: Vec<Statistics>,
    sampled: Vec<Statistics>,
}

/// What was decided about a frame.
pub struct Decided {
    pub mapping: Mapping,
    pub report: Report,
}

/// How frames are matched to the cup of coffee: by channels, and graded.
static MATCHERS: LazyLock<[(Matcher, Target); 2]> = LazyLock::new(|| {
    let reference = Reference::load(&super::super::media("coffee.png")).expect("a picture");
    matchers().map(|matcher| {
        let target = reference.target(matcher.channels());
        (matcher, target)
    })
});

fn layout() -> FrameLayout {
    FrameLayout::packed(WIDTH as usize, HEIGHT as usize, Encoding::Rgb(Range::Full), 3, 1)
}

fn matchers() -> [Matcher; 2] {
    let best = InstructionSet::best();
    let by_channel = Matcher::new(layout(), ColorSpace::Rgb, best, None).expect("known samples");
    [by_channel, Matcher::grading(layout(), best, None).expect("known samples")]
}

impl Watched {
    pub fn new(frames: &[RgbImage]) -> Self {
        let (layout, workers) = (layout(), Workers::default());
        let spans = [PlaneSpan { offset: 0, stride: 3 * WIDTH as isize }];
        let [mut by_channel, mut grading] = matchers();
        let mut survey = Survey::new(&layout, InstructionSet::best(), None).expect("known samples");
        let mut watched = Self { by_channel: Vec::new(), sampled: Vec::new() };
        for frame in frames {
            let pixels = FrameRef::new(frame.as_raw(), &layout, &spans).expect("it fits");
            let thumbnail = Some(survey.look(&pixels, false).thumbnail);
            let scan = Scan::Progressive;
            let counted = by_channel.count(pixels.clone(), scan, &workers).expect("memory");
            watched.by_channel.push(Statistics { thumbnail: thumbnail.clone(), ..counted });
            let counted = grading.count(pixels, scan, &workers).expect("memory");
            // A quarter of the pixels is enough here.
            let sample = counted.sample.map(|sample| {
                let quarter = |channel: &Vec<f32>| channel.iter().step_by(4).copied().collect();
                Arc::new(ColorSample { channels: sample.channels.each_ref().map(quarter) })
            });
            watched.sampled.push(Statistics { sample, thumbnail, ..Statistics::default() });
        }
        watched
    }

    /// What is decided about them, so many in a second.
    pub fn decide(&self, fps: f64, settings: &Settings) -> Vec<Decided> {
        let (frames, (matcher, target)) = match settings.method {
            None => (&self.by_channel, &MATCHERS[0]),
            Some(_) => (&self.sampled, &MATCHERS[1]),
        };
        let mut temporal = Temporal::new(matcher.channels().clone());
        let elapsed = Duration::from_secs_f64(1. / fps);
        let decide = |statistics: &Statistics| {
            let looked_at = settings.needs_thumbnail();
            let thumbnail = statistics.thumbnail.clone().filter(|_| looked_at);
            let statistics = Statistics { thumbnail, ..statistics.clone() };
            let (mapping, report) = temporal.decide(&statistics, elapsed, target, settings);
            Decided { mapping, report }
        };
        frames.iter().map(decide).collect()
    }

    /// By how many levels a frame's samples differ between two mappings, on average.
    pub fn difference(&self, frame: usize, mappings: [&Mapping; 2]) -> f64 {
        match mappings {
            [Mapping::Luts(a), Mapping::Luts(b)] => self.mean(frame, |channel, level| {
                a[channel].levels[level].abs_diff(b[channel].levels[level])
            }),
            [Mapping::Grade(a), Mapping::Grade(b)] => {
                let sample = self.sampled[frame].sample.as_ref().expect("a sample");
                let pixels = sample.pixels().step_by(29).map(|rgb| rgb.map(f64::from));
                let differences: Vec<f64> = pixels
                    .map(|rgb| {
                        (0..3).map(|c| (a.map(rgb)[c] - b.map(rgb)[c]).abs()).sum::<f64>() / 3.
                    })
                    .collect();
                differences.iter().sum::<f64>() / differences.len() as f64
            }
            _ => panic!("mappings of two kinds"),
        }
    }

    /// By how many levels the mapping moves the frames' own colours from one frame to the next, but for
    /// the first frames of scenes.
    pub fn movement(&self, decided: &[Decided], cuts: &[usize]) -> Vec<f64> {
        (1..decided.len())
            .filter(|t| !cuts.contains(t))
            .map(|t| self.difference(t, [&decided[t - 1].mapping, &decided[t].mapping]))
            .collect()
    }

    /// The share of a frame's samples that a grade makes black or as bright as can be in R', G' or B', without
    /// being that before.
    pub fn lost(&self, frame: usize, mapping: &Mapping) -> f64 {
        let Mapping::Grade(grade) = mapping else { panic!("tables") };
        let is_lost = |[old, new]: [[f64; 3]; 2]| {
            let ends = |of: [f64; 3]| {
                of.into_iter().fold((255f64, 0f64), |(a, b), v| (a.min(v), b.max(v)))
            };
            let [(old_low, old_high), (low, high)] = [old, new].map(ends);
            low < 1.5 && old_low > 6. || high > 253.5 && old_high < 249.
        };
        let sample = self.sampled[frame].sample.as_ref().expect("a sample");
        let pixels = sample.pixels().map(|rgb| rgb.map(f64::from));
        let n = pixels.filter(|&rgb| is_lost([rgb, grade.map(rgb)])).count();
        n as f64 / sample.len() as f64
    }

    /// The mean level of a frame that is mapped by tables.
    pub fn mean_level(&self, frame: usize, mapping: &Mapping) -> f64 {
        let Mapping::Luts(luts) = mapping else { panic!("a grade") };
        self.mean(frame, |channel, level| luts[channel].levels[level])
    }

    /// The mean over a frame's samples of something by channel and level.
    fn mean(&self, frame: usize, of: impl Fn(usize, usize) -> u16) -> f64 {
        let histograms = &self.by_channel[frame].histograms;
        let (mut sum, mut n) = (0, 0);
        for (channel, histogram) in histograms.iter().enumerate() {
            for (level, bin) in histogram.bins.iter().enumerate() {
                sum += bin * u64::from(of(channel, level));
                n += bin;
            }
        }
        sum as f64 / n as f64
    }
}
