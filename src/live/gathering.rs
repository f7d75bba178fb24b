//! What a snapshot is made of: pixels of some frames, spread over a time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::color::LumaWeights;
use crate::statistics::{ColorSample, SAMPLED_PIXELS};
use crate::temporal;

/// Frames that are looked at in a window.
const FRAMES_OF_WINDOW: u32 = 10;

/// What is so near to a flat frame in time is part of a fade from or to it.
const FADE: Duration = Duration::from_secs(1);

/// The most frames that are kept. Where there is no window, every other one is given up then.
pub const MOST_FRAMES: usize = 32;

/// Pixels of frames.
///
/// Frames are looked at so many times in a window, and every one of them has the same weight. Without a
/// window, all since the start count: the longer that lasts, the farther apart are the frames that are
/// looked at.
///
/// Frames that are [flat](Pixels::is_flat) don't count, nor do those that fade from or to them, as long as there are
/// others.
#[derive(Debug)]
pub struct Gathering {
    /// Zero: all since the start.
    window: Duration,
    /// The least time between two frames.
    apart: Duration,
    /// The oldest first, each with its time.
    frames: VecDeque<(Duration, Pixels)>,
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
    /// Whether their luma has no distribution to speak of ([`is_flat`](temporal::is_flat)): they are black, colour
    /// bars, a test card.
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
        let is_flat = temporal::is_flat(&sample.luma_histogram(LumaWeights::BT709), false);
        Some(Self { columns: kept_columns, rows: kept_rows, colors, is_flat })
    }
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
        Self { window, apart: window / FRAMES_OF_WINDOW, frames: VecDeque::new() }
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
        self.frames.back().is_none_or(|&(last, _)| now < last || now - last >= self.apart)
    }

    /// Takes the pixels of a frame.
    pub fn add(&mut self, now: Duration, pixels: Pixels) {
        let oldest = match self.window {
            Duration::ZERO => Duration::ZERO,
            window => now.saturating_sub(window),
        };
        // What is later than now is of another time.
        self.frames.retain(|&(time, _)| (oldest..=now).contains(&time));
        if self.frames.len() == MOST_FRAMES {
            let mut index = 0;
            self.frames.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            let first = self.frames.front().map_or(now, |&(time, _)| time);
            self.apart = (now - first) / (MOST_FRAMES as u32 / 2);
        }
        self.frames.push_back((now, pixels));
    }

    /// The frames that count, the oldest first: all if there are no others than flat ones and fades.
    fn counted(&self) -> Vec<&Pixels> {
        let flat: Vec<Duration> =
            self.frames.iter().filter(|(_, frame)| frame.is_flat).map(|&(time, _)| time).collect();
        let fades = |time: Duration| flat.iter().any(|flat| time.abs_diff(*flat) < FADE);
        let others = self.frames.iter().filter(|(time, _)| !fades(*time));
        let counted: Vec<&Pixels> = others.map(|(_, frame)| frame).collect();
        match counted.is_empty() {
            true => self.frames.iter().map(|(_, frame)| frame).collect(),
            false => counted,
        }
    }

    /// A picture in the shape of the last frame; its pixels are of all frames that count, which take turns. It is flat
    /// if there are no others than flat ones and fades.
    pub fn picture(&self) -> Option<Pixels> {
        /// In every row, the turn begins somewhere else.
        const SHIFT_OF_ROWS: usize = 3;
        let frames = self.counted();
        let last = *frames.last()?;
        let Pixels { columns, rows, .. } = *last;
        let is_flat = frames.iter().any(|frame| frame.is_flat);
        let n = frames.len();
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
        Some(Pixels { columns, rows, colors, is_flat })
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        *self = Self::new(self.window);
    }
}
