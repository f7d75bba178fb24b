//! Where a new scene begins.
//!
//! Distances of histograms can't tell a cut from a lamp: what flickers moves a histogram as far as a
//! cut to a similar scene does. Differences of pixels can't tell it from a moving camera. What a cut
//! alone changes is *which parts of the picture are brighter than which*. So the blocks of a frame
//! in small are ranked by brightness: no change of exposure, gamma or contrast, no flicker, flash or
//! fade moves a rank. And a block may take any rank that its neighbours had in the other frame: that
//! is what motion does.
//!
//! What hides part of a picture at once changes the ranks of all of it, but it leaves the other part as it
//! is. So a frame that is far from the last one is looked at part by part: where some parts go on, as
//! their correlation with what was there tells, the scene does, too.
//!
//! The comparison by ranks is that of Spearman's rank distance (the "footrule") and of the census
//! transform (R. Zabih and J. Woodfill, "Non-parametric Local Transforms for Computing Visual
//! Correspondence", ECCV 1994); the tolerance is that of a "minimum over a neighbourhood" in template
//! matching.

use std::array;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::statistics::Thumbnail;

/// The threshold where nobody says otherwise.
///
/// On 28,000 frames of films, of photographs panned over and of both cut together, with 650 hard cuts
/// (plain, flickering by 10 %, with flashes, with an object crossing), it finds 95 to 100 % of the
/// cuts of each, and 98 to 100 % of what it finds are cuts. The most like a cut that is none, a body
/// that rushes at the camera, has a distance of 0.082; 95 % of the cuts have one above 0.12 in films,
/// and above 0.08 where other parts of the same photograph are cut together.
pub const DEFAULT_THRESHOLD: f64 = 0.08;

/// How far things may move between two frames, in blocks: a sixteenth of the width.
const TOLERANCE: usize = 2;

/// A frame whose blocks differ less, nine tenths of them, shows nothing: it is black, or the end of
/// a fade.
const LEAST_CONTRAST: f32 = 1. / 32.;

/// Blocks that are darker in both frames are left out: bars and borders are alike in all scenes.
const DARK: f32 = 0.03;

/// The fewest blocks that can be compared.
const FEWEST: usize = 16;

/// The columns and rows of blocks of a part of the picture. Parts overlap by half.
const PART: (usize, usize) = (8, 6);

/// The correlation from which on a part is the same.
const ALIKE: f32 = 0.85;

/// The standard deviation of the blocks of a part that can be told from others.
const LEAST_DEVIATION: f32 = 0.01;

/// The share of the parts that go on where the scene does.
const GOES_ON: f64 = 0.22;

/// If the first frame after black or white has at least this share of the last scene's contrast, the
/// scene begins at once and does not fade in.
const HARD_START: f32 = 0.5;

/// The time constant for which the contrast of a scene is remembered.
const MEMORY: Duration = Duration::from_secs(4);

/// By how much the contrast of a frame that fades in grows at least, in a second.
const FADING: f32 = 0.4;

/// What the last frame that shows something looked like.
#[derive(Clone, Debug, Default)]
pub struct Cuts {
    last: Option<View>,
    /// The one before the last that shows something.
    before: Option<View>,
    /// The contrast of the scene, which a fade takes some time to make forgotten.
    usual: f32,
    /// The contrast of the frame before, from one that shows nothing until the next scene is there.
    rising: Option<f32>,
}

/// What a frame is to the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// How little it is like the last one that showed something. From 0 to 1; 0 if there is nothing
    /// to compare.
    pub distance: f64,
    /// Whether it is part of a fade from black or white.
    pub is_fading_in: bool,
    /// Whether it is the first one behind such a fade; the distance is that to the scene before it.
    pub is_faded_in: bool,
}

/// A frame in small that was looked at. It is cheap to clone.
pub(super) type View = Arc<Ranked>;

/// A frame in small.
#[derive(Clone, Debug)]
pub(super) struct Ranked {
    columns: usize,
    luma: Vec<f32>,
    /// The range of luma, but for the twentieth of the blocks at each end.
    contrast: f32,
    /// The share of the blocks that are darker.
    ranks: Vec<f32>,
    /// The range of ranks around each block.
    around: Vec<(f32, f32)>,
}

impl Cuts {
    /// Compares a frame with the last one that showed something.
    ///
    /// For each block: how far its rank lies outside the ranks that the block and its neighbours, up to
    /// two away, have in the other frame. The distance is the mean over all blocks of both frames,
    /// divided by a third of the number of ranks: by that much, ranks differ that have nothing to do with
    /// each other.
    ///
    /// `elapsed` is the time since the frame before.
    pub fn step(&mut self, frame: &Thumbnail, elapsed: Duration) -> Step {
        let Some(frame) = Ranked::new(frame) else {
            self.rising = Some(0.);
            return Step::default();
        };
        let mut is_faded_in = false;
        if let Some(before) = self.rising {
            let is_hard =
                self.last.is_some() && before == 0. && frame.contrast >= HARD_START * self.usual;
            if !is_hard && frame.contrast > before * (1. + FADING * elapsed.as_secs_f32()) {
                self.rising = Some(frame.contrast);
                return Step { is_fading_in: true, ..Step::default() };
            }
            is_faded_in = !is_hard;
        }
        let distance = self.last.as_ref().map_or(0., |last| last.distance(&frame));
        let kept = (-elapsed.as_secs_f32() / MEMORY.as_secs_f32()).exp();
        self.usual = frame.contrast.max(self.usual * kept);
        self.before = self.last.replace(Arc::new(frame));
        self.rising = None;
        Step { distance, is_fading_in: false, is_faded_in }
    }

    /// Whether some parts of the last frame are those of the one before, however far the others are
    /// from what was there: something came into the picture or left it.
    pub fn goes_on(&self) -> bool {
        let both = self.before.as_ref().zip(self.last.as_ref());
        both.is_some_and(|(before, last)| {
            let (before, last) = (Parts::new(before), Parts::new(last));
            before.share_in(&last).min(last.share_in(&before)) >= GOES_ON
        })
    }

    /// What the frame before the last one looked like.
    pub(super) fn before(&self) -> Option<&View> {
        self.before.as_ref()
    }

    /// How little the last frame is like another one.
    pub(super) fn distance(&self, other: &View) -> f64 {
        self.last.as_ref().map_or(1., |last| last.distance(other))
    }
}

/// How much of a new scene a frame at a distance is: 0 up to half of the threshold, 1 from the
/// threshold on. A threshold of 0 is never passed.
pub fn novelty(distance: f64, threshold: f64) -> f64 {
    if threshold > 0. { (2. * distance / threshold - 1.).clamp(0., 1.) } else { 0. }
}

impl Ranked {
    fn new(frame: &Thumbnail) -> Option<Self> {
        let luma = &frame.luma;
        if luma.len() < FEWEST {
            return None;
        }
        // In the order of luma; blocks of one have that of their places, in every frame the same.
        // What isn't negative is ordered by its bits.
        let key = |(block, luma): (usize, &f32)| (luma.max(0.).to_bits(), block as u32);
        let mut order: Vec<(u32, u32)> = luma.iter().enumerate().map(key).collect();
        order.sort_unstable();
        let at = |share: usize| luma[order[(luma.len() - 1) * share / 20].1 as usize];
        let contrast = at(19) - at(1);
        if contrast < LEAST_CONTRAST {
            return None;
        }
        let mut ranks = vec![0.; luma.len()];
        for (rank, &(_, block)) in order.iter().enumerate() {
            ranks[block as usize] = rank as f32 / luma.len() as f32;
        }
        let around = around(&ranks, frame.columns);
        Some(Self { columns: frame.columns, luma: luma.clone(), contrast, ranks, around })
    }

    fn distance(&self, other: &Self) -> f64 {
        if (self.columns, self.luma.len()) != (other.columns, other.luma.len()) {
            return 1.;
        }
        let outside = |rank: f32, (low, high): (f32, f32)| (low - rank).max(rank - high).max(0.);
        let (mut sum, mut n) = (0., 0);
        for i in 0..self.luma.len() {
            if self.luma[i] > DARK || other.luma[i] > DARK {
                sum += outside(self.ranks[i], other.around[i]);
                sum += outside(other.ranks[i], self.around[i]);
                n += 2;
            }
        }
        if n < 2 * FEWEST {
            return 0.;
        }
        // Blocks that are left out have the lowest ranks, so that the others have fewer.
        let share = n as f32 / (2 * self.luma.len()) as f32;
        f64::from(3. * sum / n as f32 / share).min(1.)
    }
}

/// All parts of a picture.
struct Parts<'a> {
    picture: &'a Ranked,
    /// How many there are beside and below each other.
    lefts: usize,
    tops: usize,
    parts: Vec<Part>,
}

/// Part of a picture: how much brighter its blocks are than their mean.
struct Part {
    differences: [[f32; PART.0]; PART.1],
    deviation: f32,
}

impl<'a> Parts<'a> {
    fn new(picture: &'a Ranked) -> Self {
        let rows = picture.luma.len() / picture.columns;
        let lefts = (picture.columns + 1).saturating_sub(PART.0);
        let tops = (rows + 1).saturating_sub(PART.1);
        let places = (0..tops).flat_map(|top| (0..lefts).map(move |left| (left, top)));
        let parts = places.map(|(left, top)| Part::new(picture, left, top)).collect();
        Self { picture, lefts, tops, parts }
    }

    /// The share of every other part, in each direction, that is in another picture, at most two blocks
    /// away.
    fn share_in(&self, other: &Self) -> f64 {
        let (luma, columns) = (&self.picture.luma, self.picture.columns);
        if (columns, luma.len()) != (other.picture.columns, other.picture.luma.len()) {
            return 0.;
        }
        let (mut n, mut found) = (0, 0);
        for top in (0..self.tops).step_by(PART.1 / 2) {
            for left in (0..self.lefts).step_by(PART.0 / 2) {
                let part = &self.parts[top * self.lefts + left];
                let is_dark = |i: usize| luma[i] <= DARK && other.picture.luma[i] <= DARK;
                // Bars are alike in all scenes, and so are their edges.
                if part.deviation < LEAST_DEVIATION || blocks(columns, left, top).any(is_dark) {
                    continue;
                }
                n += 1;
                let mut near = near(top, self.tops).flat_map(|top| {
                    near(left, self.lefts).map(move |left| top * self.lefts + left)
                });
                if near.any(|i| part.correlation(&other.parts[i]) >= ALIKE) {
                    found += 1;
                }
            }
        }
        f64::from(found) / f64::from(n.max(1))
    }
}

impl Part {
    const BLOCKS: f32 = (PART.0 * PART.1) as f32;

    fn new(picture: &Ranked, left: usize, top: usize) -> Self {
        let row = |y: usize| &picture.luma[(top + y) * picture.columns + left..];
        let luma: [[f32; PART.0]; PART.1] = array::from_fn(|y| array::from_fn(|x| row(y)[x]));
        let mean = sum(|y, x| luma[y][x]) / Self::BLOCKS;
        let differences = luma.map(|row| row.map(|luma| luma - mean));
        let variance = sum(|y, x| differences[y][x].powi(2)) / Self::BLOCKS;
        Self { differences, deviation: variance.sqrt() }
    }

    fn correlation(&self, other: &Self) -> f32 {
        let (a, b) = (&self.differences, &other.differences);
        let covariance = sum(|y, x| a[y][x] * b[y][x]) / Self::BLOCKS;
        covariance / (self.deviation * other.deviation).max(f32::MIN_POSITIVE)
    }
}

/// A sum over the blocks of a part, column by column, which the compiler makes vectors of.
fn sum(of: impl Fn(usize, usize) -> f32) -> f32 {
    let mut columns = [0.; PART.0];
    for y in 0..PART.1 {
        columns.iter_mut().enumerate().for_each(|(x, sum)| *sum += of(y, x));
    }
    columns.iter().sum()
}

/// The blocks of a part.
fn blocks(columns: usize, left: usize, top: usize) -> impl Iterator<Item = usize> {
    let (width, height) = PART;
    (top..top + height).flat_map(move |y| y * columns + left..y * columns + left + width)
}

/// What is at most two away, before an end.
fn near(i: usize, end: usize) -> Range<usize> {
    i.saturating_sub(TOLERANCE)..(i + TOLERANCE + 1).min(end)
}

/// The lowest and the highest value of each block and its neighbours.
fn around(ranks: &[f32], columns: usize) -> Vec<(f32, f32)> {
    let rows = ranks.len() / columns;
    // Along rows, then along columns.
    let wider = |(low, high): (f32, f32), (l, h): (f32, f32)| (low.min(l), high.max(h));
    let none = (f32::INFINITY, f32::NEG_INFINITY);
    let in_rows: Vec<(f32, f32)> = (0..ranks.len())
        .map(|i| {
            let row = &ranks[i / columns * columns..][..columns];
            row[near(i % columns, columns)].iter().map(|&rank| (rank, rank)).fold(none, wider)
        })
        .collect();
    (0..ranks.len())
        .map(|i| {
            let column = near(i / columns, rows).map(|row| in_rows[row * columns + i % columns]);
            column.fold(none, wider)
        })
        .collect()
}
