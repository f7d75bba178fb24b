//! What a snapshot is made of: pixels of some frames, spread over a time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::color::LumaWeights;
use crate::statistics::{ColorSample, SAMPLED_PIXELS};
use crate::temporal;

/// Frames that are looked at in a window.
const FRAMES_OF_WINDOW: u32 = 10;

/// A frame that is so much nearer to what is flat than the one beside it may be part of a fade,
const FADING: f64 = 0.02;

/// if it is that near to it.
const FADING_WITHIN: Duration = Duration::from_secs(1);

/// The most frames that are kept. Where there is no window, every other one is given up then.
pub const MOST_FRAMES: usize = 32;

/// Pixels of frames.
///
/// Frames are looked at so many times in a window, and every one of them has the same weight. Without a
/// window, all since the start count: the longer that lasts, the farther apart are the frames that are
/// looked at.
///
/// Frames that are [flat](Pixels::is_flat) don't count, nor do those that fade from or to them: that get farther and
/// farther away from their colour behind them, or nearer and nearer to it before them.
#[derive(Debug)]
pub struct Gathering {
    /// Zero: all since the start.
    window: Duration,
    /// The least time between two frames.
    apart: Duration,
    /// The oldest first.
    frames: VecDeque<Frame>,
    /// What the last picture was before it faded.
    steady: Option<Pixels>,
}

#[derive(Debug)]
struct Frame {
    time: Duration,
    pixels: Pixels,
    /// The mean colour.
    mean: [f64; 3],
    /// How far colours are from that.
    contrast: f64,
}

impl Frame {
    fn new(time: Duration, pixels: Pixels) -> Self {
        let mean = pixels.mean();
        Self { time, contrast: pixels.distance(mean), pixels, mean }
    }

    fn is_near(&self, other: &Self) -> bool {
        other.time.abs_diff(self.time) <= FADING_WITHIN
    }

    /// Whether it is farther from the colour of what is `flat` than the frame beside it.
    fn is_farther(&self, beside: &Self, flat: &Self) -> bool {
        let [own, other] = [self, beside].map(|frame| frame.pixels.distance(flat.mean));
        self.is_near(beside) && own > other * (1. + FADING)
    }

    /// Whether it may be on its way from or to something flat, by the frame beside it: black, white, or what lies between.
    fn is_fading(&self, beside: &Self) -> bool {
        let left = |frame: &Self| {
            let brightness: f64 = frame.mean.iter().sum();
            [brightness, 3. * f64::from(u16::MAX) - brightness, frame.contrast]
        };
        let mut pairs = left(self).into_iter().zip(left(beside));
        let differs = |(own, other): (f64, f64)| own.max(other) > own.min(other) * (1. + FADING);
        self.is_near(beside) && pairs.any(differs)
    }
}

/// A small picture: R'G'B' in 16 bits, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Pixels in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// The colours.
    pub colors: Vec<[u16; 3]>,
    /// Whether their luma has no distribution to speak of ([`is_flat`](temporal::is_flat)) beside black: they are black,
    /// colour bars, a test card.
    pub is_flat: bool,
}

impl Pixels {
    /// A sample of a picture of some width and height, with no more pixels than a snapshot has; `None` if
    /// it has none. Where pixels were left out, the rest is one row.
    pub fn of(sample: &ColorSample, (width, height): (usize, usize)) -> Option<Self> {
        let (columns, rows) = match ColorSample::grid(width, height) {
            _ if sample.is_empty() => return None,
            (columns, rows) if sample.len() == columns * rows => (columns, rows),
            _ => (sample.len(), 1),
        };
        let (kept_columns, kept_rows) = limited_size(columns, rows);
        let [red, green, blue] = &sample.channels;
        let level = |value: f32| (value * 257. + 0.5) as u16;
        let column = scaled(columns, kept_columns);
        let mut colors = Vec::with_capacity(kept_columns * kept_rows);
        for y in scaled(rows, kept_rows) {
            let [red, green, blue] =
                [red, green, blue].map(|channel| &channel[y * columns..][..columns]);
            if kept_columns == columns {
                let row = red.iter().zip(green).zip(blue);
                colors.extend(row.map(|((&red, &green), &blue)| [red, green, blue].map(level)));
            } else {
                colors.extend(column.iter().map(|&x| [red[x], green[x], blue[x]].map(level)));
            }
        }
        Some(Self { columns: kept_columns, rows: kept_rows, colors, is_flat: is_flat(sample) })
    }

    fn mean(&self) -> [f64; 3] {
        let mut sums = [0; 3];
        for color in &self.colors {
            sums.iter_mut().zip(color).for_each(|(sum, &value)| *sum += u64::from(value));
        }
        sums.map(|sum| sum as f64 / self.colors.len() as f64)
    }

    /// The mean distance of the pixels to a colour.
    fn distance(&self, from: [f64; 3]) -> f64 {
        let from = from.map(|value| value as u16);
        let of_pixel = |color: &[u16; 3]| -> u64 {
            color.iter().zip(from).map(|(value, from)| u64::from(value.abs_diff(from))).sum()
        };
        self.colors.iter().map(of_pixel).sum::<u64>() as f64 / self.colors.len() as f64
    }
}

/// Bars around a picture say nothing of it.
fn is_flat(sample: &ColorSample) -> bool {
    /// In levels of 8 bits.
    const BLACK: usize = 8;
    let mut luma = sample.luma_histogram(LumaWeights::BT709);
    let all = luma.total();
    luma.bins[..=BLACK].fill(0);
    luma.total() < all / 10 || temporal::is_flat(&luma, false)
}

/// The places of `n` pixels that are spread over as many as there are.
fn scaled(pixels: usize, n: usize) -> Vec<usize> {
    (0..n).map(|i| i * pixels / n).collect()
}

/// The size of a picture of some shape that has no more pixels than a snapshot.
fn limited_size(columns: usize, rows: usize) -> (usize, usize) {
    if columns * rows <= SAMPLED_PIXELS {
        return (columns, rows);
    }
    let scale = (SAMPLED_PIXELS as f64 / (columns * rows) as f64).sqrt();
    // What is very narrow keeps its width.
    let columns = ((columns as f64 * scale) as usize).clamp(1, SAMPLED_PIXELS);
    (columns, rows.min(SAMPLED_PIXELS / columns))
}

impl Gathering {
    /// Nothing seen yet. A `window` of zero has all frames from now on.
    pub fn new(window: Duration) -> Self {
        Self { window, apart: window / FRAMES_OF_WINDOW, frames: VecDeque::new(), steady: None }
    }

    /// The least time between two frames.
    pub fn apart(&self) -> Duration {
        self.apart
    }

    /// Whether there is no frame yet.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether a frame at a time is to be [added](Self::add).
    pub fn is_due(&self, now: Duration) -> bool {
        let is_due = |last: Duration| now < last || now - last >= self.apart;
        self.frames.back().is_none_or(|last| is_due(last.time))
    }

    /// Takes the pixels of a frame.
    pub fn add(&mut self, now: Duration, pixels: Pixels) {
        let oldest = match self.window {
            Duration::ZERO => Duration::ZERO,
            window => now.saturating_sub(window),
        };
        // What is later than now is of another time.
        self.frames.retain(|frame| (oldest..=now).contains(&frame.time));
        if self.frames.len() == MOST_FRAMES {
            let mut index = 0;
            self.frames.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            let first = self.frames.front().map_or(now, |first| first.time);
            self.apart = (now - first) / (MOST_FRAMES as u32 / 2);
        }
        let ends = pixels.is_flat && self.frames.back().is_some_and(|last| !last.pixels.is_flat);
        self.frames.push_back(Frame::new(now, pixels));
        if ends && let counted @ [_, ..] = &self.counted()[..] {
            self.steady = Some(mixed(counted));
        }
    }

    /// The frames that count, the oldest first.
    fn counted(&self) -> Vec<&Pixels> {
        let frames: Vec<&Frame> = self.frames.iter().collect();
        let mut counted = Vec::new();
        let mut begin = 0;
        for shot in frames.chunk_by(|a, b| a.pixels.is_flat == b.pixels.is_flat) {
            let end = begin + shot.len();
            let before = begin.checked_sub(1).map(|index| frames[index]);
            let behind = frames.get(end).copied();
            begin = end;
            if shot[0].pixels.is_flat {
                continue;
            }
            let mut pairs = shot.windows(2);
            let first = match before.filter(|flat| flat.is_near(shot[0])) {
                Some(flat) => pairs.clone().position(|pair| !pair[1].is_farther(pair[0], flat)),
                None => Some(0),
            };
            let last = match behind.filter(|flat| shot[shot.len() - 1].is_near(flat)) {
                Some(flat) => {
                    pairs.rposition(|pair| !pair[0].is_farther(pair[1], flat)).map(|i| i + 1)
                }
                None => Some(shot.len() - 1),
            };
            let steady = first.zip(last).and_then(|(first, last)| shot.get(first..=last));
            counted.extend(steady.unwrap_or_default().iter().map(|frame| &frame.pixels));
        }
        counted
    }

    /// Whether there is nothing but what is flat, and fades from and to that.
    pub fn is_flat(&self) -> bool {
        self.counted().is_empty()
    }

    /// A picture of all frames that count. If there are none, it is the last frame if that `is_asked_for`; otherwise what
    /// the last picture was before it faded, once, and then one of all frames, which is flat.
    pub fn picture(&mut self, is_asked_for: bool) -> Option<Pixels> {
        let last = self.frames.back()?;
        let counted = self.counted();
        if !counted.is_empty() {
            let picture = mixed(&counted);
            let before = self.frames.iter().rev().nth(1);
            if before.is_none_or(|before| !last.is_fading(before)) {
                self.steady = Some(picture.clone());
            }
            return Some(picture);
        }
        if is_asked_for {
            return Some(last.pixels.clone());
        }
        let steady = self.steady.take();
        steady.or_else(|| Some(Pixels { is_flat: true, ..self.picture_of_all()? }))
    }

    /// A picture of all frames, flat or not.
    pub fn picture_of_all(&self) -> Option<Pixels> {
        let all: Vec<&Pixels> = self.frames.iter().map(|frame| &frame.pixels).collect();
        (!all.is_empty()).then(|| mixed(&all))
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        *self = Self::new(self.window);
    }
}

/// A picture in the shape of the last frame; its pixels are of all frames, which take turns. There is one at least.
fn mixed(frames: &[&Pixels]) -> Pixels {
    /// In every row, the turn begins somewhere else.
    const SHIFT_OF_ROWS: usize = 3;
    let n = frames.len();
    let Pixels { columns, rows, .. } = *frames[n - 1];
    let mut colors = vec![[0; 3]; columns * rows];
    // One frame after the other: divisions for each pixel would cost more than all else.
    for (turn, frame) in frames.iter().rev().enumerate() {
        let column = scaled(frame.columns, columns);
        let from = scaled(frame.rows, rows);
        for (y, row) in colors.chunks_exact_mut(columns).enumerate() {
            let from = &frame.colors[from[y] * frame.columns..];
            let first = (turn + SHIFT_OF_ROWS * y) % n;
            for x in (first..columns).step_by(n) {
                row[x] = from[column[x]];
            }
        }
    }
    Pixels { columns, rows, colors, is_flat: false }
}
