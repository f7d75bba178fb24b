//! The rule and the conversions around it, from their definitions and nothing else: sample by
//! sample, in wide integers. It shares no code with the crate.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// `counts[v]`: how many samples have the level `v`.
fn count(samples: impl IntoIterator<Item = i64>, depth: u32) -> Vec<u128> {
    let mut counts = vec![0; 1 << depth];
    samples.into_iter().for_each(|v| counts[v as usize] += 1);
    counts
}

fn cumulate(mut counts: Vec<u128>) -> Vec<u128> {
    (1..counts.len()).for_each(|v| counts[v] += counts[v - 1]);
    counts
}

/// `lut[v]` = the least `u` with `cdf_source[v] / n_source <= cdf_reference[u] / n_reference`, from
/// the counts of each level.
pub fn lut_of_counts(source: Vec<u128>, reference: Vec<u128>) -> Vec<i64> {
    let (source, reference) = (cumulate(source), cumulate(reference));
    let (n_source, n_reference) = (source[source.len() - 1], reference[reference.len() - 1]);
    let least = |v: u128| reference.partition_point(|u| v * n_reference > u * n_source) as i64;
    // A level that doesn't occur has the count, and so the answer, of the one below it.
    let mut known = (0, least(0));
    let mut lut = |&v: &u128| {
        if v != known.0 {
            known = (v, least(v));
        }
        known.1
    };
    source.iter().map(&mut lut).collect()
}

/// The table for samples of 8 bits.
pub fn lut(source: &[u8], reference: &[u8]) -> Vec<u8> {
    let counts = |samples: &[u8]| count(samples.iter().map(|&v| v.into()), 8);
    lut_of_counts(counts(source), counts(reference)).into_iter().map(|u| u as u8).collect()
}

/// What samples mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Code {
    Rgb {
        limited: bool,
    },
    /// With Kr and Kb.
    YCbCr {
        kr: f64,
        kb: f64,
        limited: bool,
    },
    Luma {
        kr: f64,
        kb: f64,
        limited: bool,
    },
}

/// The values of the property `colorspace`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Colorspace {
    Rgb,
    Ycbcr,
    Luma,
}

impl Colorspace {
    pub const ALL: [Self; 3] = [Self::Rgb, Self::Ycbcr, Self::Luma];

    pub fn nick(self) -> &'static str {
        match self {
            Self::Rgb => "rgb",
            Self::Ycbcr => "ycbcr",
            Self::Luma => "luma",
        }
    }
}

const FULL_RGB: Code = Code::Rgb { limited: false };

impl Code {
    pub fn n_channels(self) -> usize {
        if matches!(self, Self::Luma { .. }) { 1 } else { 3 }
    }

    fn is_rgb(self) -> bool {
        matches!(self, Self::Rgb { .. })
    }

    fn is_chroma(self, channel: usize) -> bool {
        matches!(self, Self::YCbCr { .. }) && channel > 0
    }

    fn limited(self) -> bool {
        let (Self::Rgb { limited } | Self::YCbCr { limited, .. } | Self::Luma { limited, .. }) =
            self;
        limited
    }

    /// The code of zero and the codes from 0 to 1 (ITU-R BT.709, section 4, and BT.2100, table 9).
    pub fn zero_one(self, channel: usize, depth: u32) -> (i64, i64) {
        let unit = 1 << (depth - 8);
        let full = (1 << depth) - 1;
        match (self.is_chroma(channel), self.limited()) {
            (false, false) => (0, full),
            (false, true) => (16 * unit, 219 * unit),
            (true, false) => (128 * unit, full),
            (true, true) => (128 * unit, 224 * unit),
        }
    }

    pub fn legal(self, channel: usize, depth: u32) -> (i64, i64) {
        match (self.limited() && depth >= 8, self.is_chroma(channel)) {
            (false, _) => (0, (1 << depth) - 1),
            (true, false) => (16 << (depth - 8), 235 << (depth - 8)),
            (true, true) => (16 << (depth - 8), 240 << (depth - 8)),
        }
    }

    /// What is matched.
    pub fn channels(self, colorspace: Colorspace) -> Self {
        match (self, colorspace) {
            (Self::Luma { .. }, _)
            | (Self::Rgb { .. }, Colorspace::Rgb)
            | (Self::YCbCr { .. }, Colorspace::Ycbcr) => self,
            (Self::YCbCr { .. }, Colorspace::Rgb) => FULL_RGB,
            (Self::YCbCr { kr, kb, limited }, Colorspace::Luma) => Self::Luma { kr, kb, limited },
            (Self::Rgb { .. }, Colorspace::Ycbcr) => {
                Self::YCbCr { kr: 0.2126, kb: 0.0722, limited: false }
            }
            (Self::Rgb { .. }, Colorspace::Luma) => {
                Self::Luma { kr: 0.2126, kb: 0.0722, limited: false }
            }
        }
    }
}

/// The factors between two codes, in units of 2^-13: `factors[output][input]`.
fn factors(from: Code, to: Code, depth: u32) -> Vec<[i64; 3]> {
    let real: Vec<[f64; 3]> = match (from, to) {
        (Code::Rgb { .. }, Code::Rgb { .. }) => vec![[1., 0., 0.], [0., 1., 0.], [0., 0., 1.]],
        (Code::Rgb { .. }, Code::Luma { kr, kb, .. }) => vec![[kr, 1. - kr - kb, kb]],
        (Code::Rgb { .. }, Code::YCbCr { kr, kb, .. }) => {
            let kg = 1. - kr - kb;
            // Cb = (B' - Y') / (2 (1 - Kb)), Cr = (R' - Y') / (2 (1 - Kr)).
            let (b, r) = (2. * (1. - kb), 2. * (1. - kr));
            vec![[kr, kg, kb], [-kr / b, -kg / b, (1. - kb) / b], [(1. - kr) / r, -kg / r, -kb / r]]
        }
        (Code::YCbCr { kr, kb, .. }, Code::Rgb { .. }) => {
            let kg = 1. - kr - kb;
            // R' = Y' + 2 (1 - Kr) Cr, B' = Y' + 2 (1 - Kb) Cb, G' = (Y' - Kr R' - Kb B') / Kg.
            let (b, r) = (2. * (1. - kb), 2. * (1. - kr));
            vec![[1., 0., r], [1., -kb * b / kg, -kr * r / kg], [1., b, 0.]]
        }
        // The same change for R', G' and B'.
        (Code::Luma { .. }, Code::Rgb { .. }) => vec![[1., 0., 0.]; 3],
        _ => panic!("no such conversion"),
    };
    real.iter()
        .enumerate()
        .map(|(output, row)| {
            let scaled: Vec<f64> = (0..3)
                .map(|input| {
                    let (_, one) = to.zero_one(output, depth);
                    let (_, input_one) = from.zero_one(input, depth);
                    row[input] * one as f64 / input_one as f64 * 8192.
                })
                .collect();
            let [a, b, c] = [0, 1, 2].map(|input| scaled[input].round() as i64);
            if from.is_rgb() {
                // G' takes up the rounding of the others, so that grey stays grey.
                [a, scaled.iter().sum::<f64>().round() as i64 - a - c, c]
            } else {
                [a, b, c]
            }
        })
        .collect()
}

/// `numerator / denominator`, rounded to the nearest, halves up.
fn rounded(numerator: i64, denominator: i64) -> i64 {
    (2 * numerator + denominator).div_euclid(2 * denominator)
}

/// A pixel in another code. Its samples are relative to the middle of the levels, which is 2^15.
fn convert(pixel: [i64; 3], from: Code, to: Code, depth: u32, factors: &[[i64; 3]]) -> Vec<i64> {
    // The bits behind the point of all that is added.
    let fraction = if depth > 10 { 6 } else { 14 - depth };
    factors
        .iter()
        .enumerate()
        .map(|(output, factors)| {
            let terms = (0..3)
                .map(|i| rounded((factors[i] * pixel[i]) << fraction, 1 << (16 - depth + 13)));
            // What becomes of the middle.
            let middle: i64 =
                (0..3).map(|i| factors[i] * ((1 << (depth - 1)) - from.zero_one(i, depth).0)).sum();
            let zero = to.zero_one(output, depth).0;
            let middle = rounded(((zero << 13) + middle) << fraction, 1 << 13);
            rounded(terms.sum::<i64>() + middle, 1 << fraction).clamp(0, (1 << depth) - 1)
        })
        .collect()
}

/// A sample relative to the middle of the levels, which is 2^15.
fn relative(sample: i64, depth: u32) -> i64 {
    (sample - (1 << (depth - 1))) << (16 - depth)
}

/// A reference picture: R', G', B' of each pixel.
pub struct Picture {
    pixels: Vec<[i64; 3]>,
    pub depth: u32,
    /// What was counted before, because pictures are large.
    counted: Mutex<Vec<(Code, usize, Vec<u128>)>>,
}

impl Picture {
    pub fn new(pixels: Vec<[i64; 3]>, depth: u32) -> Self {
        Self { pixels, depth, counted: Mutex::default() }
    }

    /// Of an opaque picture of 8 or 16 bits.
    pub fn of(path: &Path) -> Self {
        let picture = super::open(path);
        let deep = matches!(picture.color(), image::ColorType::Rgb16 | image::ColorType::Rgba16);
        if deep {
            let pixels = picture.into_rgb16().pixels().map(|p| p.0.map(i64::from)).collect();
            Self::new(pixels, 16)
        } else {
            let pixels = picture.into_rgb8().pixels().map(|p| p.0.map(i64::from)).collect();
            Self::new(pixels, 8)
        }
    }

    /// How often each level of a channel occurs, for channels of some depth.
    pub fn counts(&self, code: Code, channel: usize, depth: u32) -> Vec<u128> {
        let own = self.own_counts(code, channel);
        let mut counts = vec![0; 1 << depth];

        if depth <= self.depth {
            for (v, count) in own.into_iter().enumerate() {
                counts[v >> (self.depth - depth)] += count;
            }
            return counts;
        }
        // Each level of the picture stands for the deeper levels that begin with its bits, and its
        // count is shared out evenly to those of them that are legal.
        let more = 1 << (depth - self.depth);
        let (low, high) = code.legal(channel, depth);
        for (v, count) in own.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let levels = v * more..(v + 1) * more;
            let legal: Vec<usize> =
                levels.filter(|&u| (low..=high).contains(&(u as i64))).collect();
            // Times `more`, so that the share is an integer.
            assert_eq!(count * more as u128 % legal.len() as u128, 0);
            for &u in &legal {
                counts[u] += count * more as u128 / legal.len() as u128;
            }
        }
        counts
    }

    /// How often each level of a channel occurs, in the picture's own depth.
    fn own_counts(&self, code: Code, channel: usize) -> Vec<u128> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counted.iter().find(|known| (known.0, known.1) == (code, channel));
        if let Some((.., counts)) = known {
            return counts.clone();
        }
        let counts = if code == FULL_RGB {
            count(self.pixels.iter().map(|pixel| pixel[channel]), self.depth)
        } else {
            let factors = factors(FULL_RGB, code, self.depth);
            let samples = self.pixels.iter().map(|pixel| {
                let pixel = pixel.map(|sample| relative(sample, self.depth));
                convert(pixel, FULL_RGB, code, self.depth, &factors)[channel]
            });
            count(samples, self.depth)
        };
        counted.push((code, channel, counts.clone()));
        counts
    }
}

/// Samples of a component, row by row.
pub type Grid = Vec<Vec<i64>>;

/// A picture of three components or one.
#[derive(Clone, Debug)]
pub struct Components {
    pub grids: Vec<Grid>,
    pub depths: Vec<u32>,
    /// How many pixels side by side, and how many rows, share a sample of the second and third.
    pub shared: (usize, usize),
    /// Whether chroma is that of the first of the pixels side by side.
    pub cosited: bool,
}

impl Components {
    /// The chroma of each pixel, relative to the middle of the levels, which is 2^15: linear
    /// interpolation in a row, the nearest row.
    fn chroma(&self, component: usize) -> Grid {
        let (h, v) = self.shared;
        let luma = &self.grids[0];
        (0..luma.len())
            .map(|y| {
                let row = &self.grids[component][y / v];
                let at = |i: i64| row[i.clamp(0, row.len() as i64 - 1) as usize];
                (0..luma[y].len() as i64)
                    .map(|x| {
                        // The place of the pixel among the chroma samples, in parts of 2 h.
                        let h = h as i64;
                        let place = if self.cosited { 2 * x } else { 2 * x + 1 - h };
                        let (before, part) = (place.div_euclid(2 * h), place.rem_euclid(2 * h));
                        let at = |i| relative(at(i), self.depths[0]);
                        rounded(at(before) * (2 * h - part) + at(before + 1) * part, 2 * h)
                    })
                    .collect()
            })
            .collect()
    }

    /// The sum of a value of the pixels around each chroma sample, and of how many: of those that
    /// share it or, where it is that of the first of them, with weights that fall to both sides.
    fn sums(&self, values: &Grid) -> (Grid, i64) {
        let (h, v) = (self.shared.0 as i64, self.shared.1 as i64);
        let (n_rows, width) = (values.len() as i64, values[0].len() as i64);
        let at =
            |x: i64, y: i64| values[y.min(n_rows - 1) as usize][x.clamp(0, width - 1) as usize];
        let weights: Vec<(i64, i64)> = if self.cosited {
            (1 - h..h).map(|x| (x, h - x.abs())).collect()
        } else {
            (0..h).map(|x| (x, 1)).collect()
        };
        let total = v * weights.iter().map(|(_, weight)| weight).sum::<i64>();
        let sums = (0..(n_rows + v - 1) / v)
            .map(|j| {
                (0..(width + h - 1) / h)
                    .map(|i| {
                        (0..v)
                            .flat_map(|y| weights.iter().map(move |(x, weight)| (x, y, weight)))
                            .map(|(x, y, weight)| weight * at(h * i + x, v * j + y))
                            .sum()
                    })
                    .collect()
            })
            .collect();
        (sums, total)
    }
}

/// Matches pictures, the fields of a frame or a single one, to a reference.
pub fn match_pictures(
    pictures: &mut [Components],
    code: Code,
    colorspace: Colorspace,
    reference: &Picture,
) {
    let luts = luts_of(pictures, code, colorspace, reference, None);
    replace(pictures, code, colorspace, &luts);
}

/// The pictures' channels, and the bits of each.
fn channels_of(
    pictures: &[Components],
    code: Code,
    colorspace: Colorspace,
) -> (Vec<Vec<Grid>>, Vec<u32>) {
    let channels = code.channels(colorspace);
    let n = channels.n_channels();
    if code.is_rgb() == channels.is_rgb() {
        let grids = pictures.iter().map(|picture| picture.grids.clone()).collect();
        return (grids, pictures[0].depths.clone());
    }
    let depth = pictures[0].depths[0];
    let to_channels = factors(code, channels, depth);
    let converted = pictures
        .iter()
        .map(|picture| {
            let (cb, cr) = (picture.chroma(1), picture.chroma(2));
            let mut grids = vec![vec![Vec::new(); cb.len()]; n];
            for (y, row) in picture.grids[0].iter().enumerate() {
                for (x, &first) in row.iter().enumerate() {
                    let pixel = [relative(first, depth), cb[y][x], cr[y][x]];
                    let values = convert(pixel, code, channels, depth, &to_channels);
                    grids.iter_mut().zip(values).for_each(|(grid, value)| grid[y].push(value));
                }
            }
            grids
        })
        .collect();
    (converted, vec![depth; n])
}

/// The tables of pictures, of whose pixels each counts as often as `weights` say.
pub fn luts_of(
    pictures: &[Components],
    code: Code,
    colorspace: Colorspace,
    reference: &Picture,
    weights: Option<&[Grid]>,
) -> Vec<Vec<i64>> {
    let channels = code.channels(colorspace);
    let (grids, depths) = channels_of(pictures, code, colorspace);
    (0..channels.n_channels())
        .map(|c| {
            // Of converted pictures, each pixel has all channels.
            let is_shared = c > 0 && code.is_rgb() == channels.is_rgb();
            let times = |picture: usize, y: usize, x: usize| {
                let shared = if is_shared { pictures[picture].shared } else { (1, 1) };
                weights.map_or(1, |weights| weight_of(&weights[picture], shared, y, x))
            };
            let samples = grids.iter().enumerate().flat_map(|(picture, grids)| {
                grids[c].iter().enumerate().flat_map(move |(y, row)| {
                    let sample = move |(x, &sample): (usize, &i64)| {
                        std::iter::repeat_n(sample, times(picture, y, x) as usize)
                    };
                    row.iter().enumerate().flat_map(sample)
                })
            });
            lut_of_counts(count(samples, depths[c]), reference.counts(channels, c, depths[c]))
        })
        .collect()
}

/// The weight of a sample that some pixels share: that of the one that has the most.
pub fn weight_of(weights: &Grid, (h, v): (usize, usize), y: usize, x: usize) -> i64 {
    let rows = weights[y * v..].iter().take(v);
    rows.flat_map(|row| row[x * h..].iter().take(h)).copied().max().unwrap_or_default()
}

/// Replaces the levels of pictures.
pub fn replace(pictures: &mut [Components], code: Code, colorspace: Colorspace, luts: &[Vec<i64>]) {
    replace_by(pictures, code, colorspace, (luts, 1), |_, _| HALF);
}

/// What rounds to the nearest, in parts of 128.
const HALF: i64 = 64;

/// The same by levels in parts of a level. What is added to a sample before its fraction is cut off is by its
/// row and column, in parts of 128.
pub fn replace_by(
    pictures: &mut [Components],
    code: Code,
    colorspace: Colorspace,
    (luts, parts): (&[Vec<i64>], i64),
    rounding: impl Fn(usize, usize) -> i64,
) {
    let cut_off = |sum: i64, total: i64, y: usize, x: usize| {
        (128 * sum + total * rounding(y, x)).div_euclid(128 * total)
    };
    let channels = code.channels(colorspace);
    let n = channels.n_channels();
    if code.is_rgb() == channels.is_rgb() {
        for (grid, lut) in
            pictures.iter_mut().flat_map(|picture| picture.grids.iter_mut().zip(luts))
        {
            for (y, row) in grid.iter_mut().enumerate() {
                for (x, sample) in row.iter_mut().enumerate() {
                    *sample = cut_off(lut[*sample as usize], parts, y, x);
                }
            }
        }
        return;
    }

    let depth = pictures[0].depths[0];
    let back = factors(channels, code, depth);
    let (converted, _) = channels_of(pictures, code, colorspace);
    for (picture, channels) in pictures.iter_mut().zip(&converted) {
        let changes: Vec<Grid> = channels
            .iter()
            .zip(luts)
            .map(|(grid, lut)| {
                let change = |&v: &i64| lut[v as usize] - parts * v;
                grid.iter().map(|row| row.iter().map(change).collect()).collect()
            })
            .collect();
        for (c, factors) in back.iter().enumerate() {
            let (changes, total): (Vec<Grid>, _) = match c {
                0 => (changes.clone(), 1),
                _ => {
                    let sums = changes.iter().map(|grid| picture.sums(grid));
                    let (sums, totals): (Vec<_>, Vec<_>) = sums.unzip();
                    (sums, totals[0])
                }
            };
            let (low, high) = code.legal(c, depth);
            for (y, row) in picture.grids[c].iter_mut().enumerate() {
                for (x, sample) in row.iter_mut().enumerate() {
                    let sum: i64 = (0..n).map(|i| factors[i] * changes[i][y][x]).sum();
                    // What was legal stays so.
                    let (low, high) = (low.min(*sample), high.max(*sample));
                    let change = cut_off(sum, (total * parts) << 13, y, x);
                    *sample = (*sample + change).clamp(low, high);
                }
            }
        }
    }
}
