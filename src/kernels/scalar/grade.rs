//! Grades in plain Rust: the specification.
//!
//! Samples of up to 10 bits are computed in 16 bits (`mr` is the rounding high product: a b / 2^15):
//!
//! ```text
//! s   = (sample − middle) 2^(16 − depth)
//! w   = 2 (mr(s0, a0) + mr(s1, a1) + mr(s2, a2) + a),            saturated
//! t   = tone[w >> 10]  at the place in the piece                  new Y'
//! cb  = mr(s0, b0) + mr(s1, b1) + mr(s2, b2) + b                  cr alike, in 1/64 levels
//! cb' = mr(cb, gain(l)) + shift(l)                                in 1/32 levels
//! ```
//!
//! Levels go from 0 to 255, whatever the depth and the range; `l` is new Y' in 1/128 levels.
//!
//! A curve is made of straight pieces, 64 for tone and 32 by luma: a value in the middle, and half of
//! the rise: `middle[k] + mr(f, half[k])`, where `f` is the place in the piece, from −2^15 to 2^15.
//!
//! - **R'G'B'**: `t` is in 1/128 levels. `y = t / 4; red = y + f cr'` and so on; then
//!   `sample = mr(red, scale) + zero`.
//! - **Y'CbCr**: `t` is the new sample times 2^(15 − depth). Where pixels share chroma, it is mapped by
//!   the means of their old and of their new luma; `l = x + mr(x, f)`, where `x` is the mean less black.
//!
//! Deeper samples are computed in f32, by the formulas of [`Grade`](crate::mapping::grade::Grade).

use crate::frame::rows::Sample;
use crate::kernels::grade::{
    Curve, FixedGrade, FloatCurve, FloatGrade, GradeKernels, GradeTables, LINES, Numbers,
    PackedKernel, PackedPixels, PackedRow,
};
use crate::mapping::grade::TONES;

/// For every CPU.
pub(in crate::kernels) fn kernels<S: Sample>(packed: Option<PackedKernel>) -> GradeKernels<S> {
    GradeKernels { rgb, ycbcr, packed }
}

/// The rounding high product.
#[inline(always)]
fn mr(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b) + (1 << 14)) >> 15) as i16
}

/// The middle of the samples is 0, and they fill 16 bits. Bits above a sample are dropped.
#[inline(always)]
fn signed<S: Sample>(sample: S, depth: u32) -> i16 {
    ((sample.get() - (1 << (depth - 1))) << (16 - depth)) as i16
}

/// The value of a curve, the pieces of which are 1024 wide.
#[inline(always)]
fn at<const N: usize>(curve: &Curve<N>, place: i16, first: i16) -> i16 {
    let piece = ((place >> 10) - first) as usize;
    let within = ((place << 6) as u16 ^ 0x8000) as i16;
    curve.middle[piece].wrapping_add(mr(within, curve.half[piece]))
}

impl FixedGrade {
    #[inline(always)]
    fn tone(&self, sum: i16) -> i16 {
        at(&self.tone, sum.saturating_add(sum), -32)
    }

    /// Chroma behind gain and shift.
    #[inline(always)]
    fn changed(&self, chroma: [i16; 2], t: i16) -> [i16; 2] {
        let gain = at(&self.gain, t, 0);
        let [cb_shift, cr_shift] = &self.shift;
        [
            mr(chroma[0], gain).saturating_add(at(cb_shift, t, 0)),
            mr(chroma[1], gain).saturating_add(at(cr_shift, t, 0)),
        ]
    }

    /// A row of the matrix.
    #[inline(always)]
    fn sum(factors: &[i16; 3], offset: i16, values: [i16; 3]) -> i16 {
        let first = mr(values[0], factors[0]).wrapping_add(mr(values[1], factors[1]));
        first.wrapping_add(mr(values[2], factors[2])).wrapping_add(offset)
    }

    /// Cb and Cr behind the matrix.
    #[inline(always)]
    fn moved(&self, values: [i16; 3]) -> [i16; 2] {
        [
            Self::sum(&self.chroma[0], self.chroma_offset[0], values),
            Self::sum(&self.chroma[1], self.chroma_offset[1], values),
        ]
    }

    /// A sample out of 1/32 levels.
    #[inline(always)]
    fn output(&self, value: i16, component: usize) -> i32 {
        let (low, high) = self.legal[component];
        let sample = mr(value, self.scale[component]).saturating_add(self.zero[component]);
        i32::from(sample.clamp(low, high))
    }
}

/// Puts a sample in the place of another one. Bits above it stay.
#[inline(always)]
fn put<S: Sample>(sample: &mut S, value: i32, max: i32) {
    *sample = S::new(sample.get() & !max | value);
}

fn rgb<S: Sample>(tables: &GradeTables, rows: [&mut [S]; 3], row: usize) {
    match &tables.numbers {
        Numbers::Fixed(grade) => rgb_fixed(grade, rows, tables.dither_row(row), 0),
        Numbers::Float(grade) => rgb_float(Plain, grade, rows, tables.dither_row(row)),
    }
}

/// Pixels that are taken out of memory together: a multiple of the columns after which dither repeats.
const TOGETHER: usize = 64;

pub(in crate::kernels) fn packed(
    tables: &GradeTables,
    bytes: &mut [u8],
    PackedRow { width, pixels }: PackedRow,
    row: usize,
) {
    let n = |first: usize| TOGETHER.min(width - first);
    let firsts = (0..width).step_by(TOGETHER);
    match pixels {
        PackedPixels::Rgb { pixel_stride, offsets } => {
            for (first, pixels) in firsts.zip(bytes.chunks_mut(TOGETHER * pixel_stride)) {
                let places = offsets.map(|offset| (offset, pixel_stride));
                let mut samples = [[0; TOGETHER]; 3];
                let views = samples.each_mut().map(|samples| &mut samples[..n(first)]);
                transfer(pixels, views, places, |views| rgb(tables, views, row));
            }
        }
        PackedPixels::YCbCr { luma, chroma: [cb, cr] } => {
            for (first, pixels) in firsts.zip(bytes.chunks_mut(2 * TOGETHER)) {
                let n = n(first);
                let mut samples = [[0; TOGETHER]; 3];
                let [y, u, v] = samples.each_mut().map(|samples| &mut samples[..]);
                let views = [&mut y[..n], &mut u[..n.div_ceil(2)], &mut v[..n.div_ceil(2)]];
                transfer(pixels, views, [(luma, 2), (cb, 4), (cr, 4)], |[y, cb, cr]| {
                    ycbcr(tables, &mut [y], Some([cb, cr]), row);
                });
            }
        }
    }
}

/// Calls a function for the samples of components that begin at some bytes and are so far from each other.
fn transfer(
    bytes: &mut [u8],
    mut samples: [&mut [u8]; 3],
    places: [(usize, usize); 3],
    grade: impl FnOnce([&mut [u8]; 3]),
) {
    for (samples, (offset, stride)) in samples.iter_mut().zip(places) {
        for (sample, byte) in samples.iter_mut().zip(bytes[offset..].iter().step_by(stride)) {
            *sample = *byte;
        }
    }
    grade(samples.each_mut().map(|samples| &mut **samples));
    for (samples, (offset, stride)) in samples.iter().zip(places) {
        for (sample, byte) in samples.iter().zip(bytes[offset..].iter_mut().step_by(stride)) {
            *byte = *sample;
        }
    }
}

/// From a pixel on.
pub(in crate::kernels) fn rgb_fixed<S: Sample>(
    grade: &FixedGrade,
    [red, green, blue]: [&mut [S]; 3],
    dither: [i16; 8],
    from: usize,
) {
    let depth = grade.depth;
    let max = (1 << depth) - 1;
    let pixels = red.iter_mut().zip(green).zip(blue);
    for (x, ((red, green), blue)) in pixels.enumerate().skip(from) {
        let values = [signed(*red, depth), signed(*green, depth), signed(*blue, depth)];
        let t = grade.tone(FixedGrade::sum(&grade.luma, grade.luma_offset, values));
        let chroma = grade.moved(values);
        let [cb, cr] = grade.changed(chroma, t);
        let y = mr(t, 1 << 13).saturating_add(dither[x % 8]);
        let [red_cr, green_cb, green_cr, blue_cb] = grade.to_rgb;
        let sum = |a: i16, b: i16| y.saturating_add(a).saturating_add(b);
        put(red, grade.output(sum(cr, mr(cr, red_cr)), 0), max);
        put(green, grade.output(sum(mr(cb, green_cb), mr(cr, green_cr)), 1), max);
        put(blue, grade.output(sum(cb, mr(cb, blue_cb)), 2), max);
    }
}

fn ycbcr<S: Sample>(
    tables: &GradeTables,
    lumas: &mut [&mut [S]],
    chroma: Option<[&mut [S]; 2]>,
    row: usize,
) {
    match &tables.numbers {
        Numbers::Fixed(grade) => ycbcr_fixed(tables, grade, lumas, chroma, row, 0),
        Numbers::Float(grade) => ycbcr_float(Plain, tables, grade, lumas, chroma, row),
    }
}

/// From a sample of chroma on.
pub(in crate::kernels) fn ycbcr_fixed<S: Sample>(
    tables: &GradeTables,
    grade: &FixedGrade,
    lumas: &mut [&mut [S]],
    chroma: Option<[&mut [S]; 2]>,
    row: usize,
    from: usize,
) {
    let depth = grade.depth;
    let max = (1 << depth) - 1;
    let (horizontal, vertical) = (tables.chroma.horizontal, tables.chroma.vertical);
    let width = lumas[0].len();
    let luma = |sample: &mut S, base: i16, dither: i16| {
        let sum = base.wrapping_add(mr(signed(*sample, depth), grade.luma[0]));
        let t = grade.tone(sum).saturating_add(dither << 2);
        let (low, high) = grade.legal[0];
        let new = i32::from(mr(t, 1 << depth).clamp(low, high));
        let old = sample.get() & max;
        put(sample, new, max);
        [old, new]
    };
    let Some([cbs, crs]) = chroma else {
        for (y, samples) in lumas.iter_mut().enumerate() {
            let dither = tables.dither_row(row + y);
            for (x, sample) in samples.iter_mut().enumerate().skip(from) {
                luma(sample, grade.luma_offset, dither[x % 8]);
            }
        }
        return;
    };
    let shift = 15 - depth - (horizontal * vertical).ilog2();
    for (i, (cb, cr)) in cbs.iter_mut().zip(crs).enumerate().skip(from) {
        let (own_cb, own_cr) = (signed(*cb, depth), signed(*cr, depth));
        let base = mr(own_cb, grade.luma[1])
            .wrapping_add(mr(own_cr, grade.luma[2]))
            .wrapping_add(grade.luma_offset);
        // The last column and the last row stand for those that are missing.
        let mut sums = [0; 2];
        let mut of_row = [0; 2];
        for y in 0..vertical {
            if let Some(samples) = lumas.get_mut(y) {
                let dither = tables.dither_row(row + y);
                let mut last = [0; 2];
                of_row = [0; 2];
                for x in i * horizontal..(i + 1) * horizontal {
                    if x < width {
                        last = luma(&mut samples[x], base, dither[x % 8]);
                    }
                    of_row = [of_row[0] + last[0], of_row[1] + last[1]];
                }
            }
            sums = [sums[0] + of_row[0], sums[1] + of_row[1]];
        }
        let [old, new] = sums.map(|sum| (sum << shift) as i16);
        let above_black = new.wrapping_sub(grade.black);
        let t = above_black.wrapping_add(mr(above_black, grade.to_levels));
        let values = [old, own_cb, own_cr];
        let chroma = grade.moved(values);
        let dither = tables.dither_row(row / vertical)[i % 8];
        let changed = grade.changed(chroma, t);
        for (c, (sample, changed)) in [cb, cr].into_iter().zip(changed).enumerate() {
            put(sample, grade.output(changed.saturating_add(dither), c + 1), max);
        }
    }
}

/// Columns that are worked on at once, so that compilers make vectors of each step.
const CHUNK: usize = 64;

pub(in crate::kernels) type Chunk<T = f32> = [T; CHUNK];

const LAST_TONE: u16 = TONES as u16 - 1;

/// Gain and shift of chroma, in f32: as here, or by vectors.
pub(in crate::kernels) trait ChangeChroma: Copy {
    /// Changes Cb and Cr by luma.
    #[inline(always)]
    fn change_chroma(self, grade: &FloatGrade, y: &Chunk, [cb, cr]: [&mut Chunk; 2]) {
        let [gain, cb_shift, cr_shift] = &grade.chroma_by_luma;
        for ((y, cb), cr) in y.iter().zip(cb).zip(cr) {
            let (line, within) = place(y * grade.per_level, LINES as u16);
            let line = usize::from(line) % LINES;
            let at = |curve: &FloatCurve| curve.value[line] + curve.rise[line] * within;
            let gain = at(gain);
            (*cb, *cr) = (*cb * gain + at(cb_shift), *cr * gain + at(cr_shift));
        }
    }
}

/// For every CPU.
#[derive(Clone, Copy)]
struct Plain;

impl ChangeChroma for Plain {}

impl FloatGrade {
    /// Luma behind the tone curve.
    #[inline(always)]
    fn tone(&self, y: &mut Chunk) {
        let (mut places, mut within) = ([0; CHUNK], [0.; CHUNK]);
        for ((to, within), y) in places.iter_mut().zip(&mut within).zip(&*y) {
            (*to, *within) = place(*y + self.tone_from, LAST_TONE);
        }
        // In a loop of its own, a copy of 64 bits each.
        let mut lines = [[0.; 2]; CHUNK];
        for (line, &place) in lines.iter_mut().zip(&places) {
            *line = self.tone[usize::from(place) % self.tone.len()];
        }
        for ((y, [value, rise]), within) in y.iter_mut().zip(lines).zip(within) {
            *y = value + rise * within;
        }
    }

    #[inline(always)]
    fn sum(factors: &[f32; 3], offset: f32, values: [f32; 3]) -> f32 {
        factors[0] * values[0] + factors[1] * values[1] + factors[2] * values[2] + offset
    }

    /// Cb and Cr behind the matrix.
    #[inline(always)]
    fn moved(&self, values: [f32; 3]) -> [f32; 2] {
        [
            Self::sum(&self.chroma[0], self.chroma_offset[0], values),
            Self::sum(&self.chroma[1], self.chroma_offset[1], values),
        ]
    }

    /// A sample.
    #[inline(always)]
    fn output(&self, value: f32, component: usize, rounding: f32) -> i32 {
        let (low, high) = self.legal[component];
        let sample = value * self.scale[component] + self.zero[component] + rounding;
        cut_off(sample, low, high).1
    }

    /// Puts values in the place of samples.
    #[inline(always)]
    fn put_all<S: Sample>(
        &self,
        samples: &mut [S],
        values: &Chunk,
        component: usize,
        rounding: &Chunk,
    ) {
        for ((sample, value), rounding) in samples.iter_mut().zip(values).zip(rounding) {
            put(sample, self.output(*value, component, *rounding), self.max);
        }
    }

    /// Grades luma, to which chroma has added `base`. The old and the new samples.
    #[inline(always)]
    fn luma<S: Sample>(
        &self,
        samples: &mut [S],
        base: &Chunk,
        rounding: &Chunk,
        [old, new]: &mut [Chunk<i32>; 2],
    ) {
        let mut y = [0.; CHUNK];
        for (((y, old), sample), base) in y.iter_mut().zip(&mut *old).zip(&*samples).zip(base) {
            *old = sample.get() & self.max;
            *y = self.luma[0] * *old as f32 + base;
        }
        self.tone(&mut y);
        for (((sample, new), y), rounding) in samples.iter_mut().zip(new).zip(&y).zip(rounding) {
            *new = self.output(*y, 0, *rounding);
            put(sample, *new, self.max);
        }
    }
}

/// The value of a curve that a place is behind, up to the last one, and how far.
#[inline(always)]
fn place(place: f32, last: u16) -> (u16, f32) {
    let (place, whole) = cut_off(place, 0, last);
    (whole as u16, place - whole as f32)
}

/// A value within limits, and the whole part of it.
#[inline(always)]
fn cut_off(value: f32, low: u16, high: u16) -> (f32, i32) {
    let (low, high) = (f32::from(low), f32::from(high));
    // `max` and `min` have more to do with NaN.
    let value = if value > low { value } else { low };
    let value = if value < high { value } else { high };
    // SAFETY: no comparison is true of NaN, so that the value is within the limits whatever it was.
    // `as` would look for what they have left out, and that one value at a time.
    (value, unsafe { value.to_int_unchecked() })
}

/// What is added before samples are cut off.
#[inline(always)]
fn rounding(dither: [i16; 8]) -> Chunk {
    let of_column = dither.map(|dither| 0.5 + f32::from(dither) / 128.);
    let mut rounding = [0.; CHUNK];
    rounding.as_chunks_mut().0.fill(of_column);
    rounding
}

#[inline(always)]
pub(in crate::kernels) fn rgb_float<S: Sample>(
    change: impl ChangeChroma,
    grade: &FloatGrade,
    [red, green, blue]: [&mut [S]; 3],
    dither: [i16; 8],
) {
    let max = grade.max;
    let rounding = rounding(dither);
    let [red_cr, green_cb, green_cr, blue_cb] = grade.to_rgb;
    let [mut y, mut cb, mut cr] = [[0.; CHUNK]; 3];
    let chunks = red.chunks_mut(CHUNK).zip(green.chunks_mut(CHUNK)).zip(blue.chunks_mut(CHUNK));
    for ((red, green), blue) in chunks {
        let values = y.iter_mut().zip(&mut cb).zip(&mut cr);
        let pixels = red.iter().zip(&*green).zip(&*blue);
        for (((y, cb), cr), ((red, green), blue)) in values.zip(pixels) {
            let value = |sample: &S| (sample.get() & max) as f32;
            let values = [value(red), value(green), value(blue)];
            *y = FloatGrade::sum(&grade.luma, grade.luma_offset, values);
            [*cb, *cr] = grade.moved(values);
        }
        grade.tone(&mut y);
        change.change_chroma(grade, &y, [&mut cb, &mut cr]);
        for ((y, cb), cr) in y.iter_mut().zip(&mut cb).zip(&mut cr) {
            (*y, *cb, *cr) =
                (*y + red_cr * *cr, *y + green_cb * *cb + green_cr * *cr, *y + blue_cb * *cb);
        }
        grade.put_all(red, &y, 0, &rounding);
        grade.put_all(green, &cb, 1, &rounding);
        grade.put_all(blue, &cr, 2, &rounding);
    }
}

#[inline(always)]
pub(in crate::kernels) fn ycbcr_float<S: Sample>(
    change: impl ChangeChroma,
    tables: &GradeTables,
    grade: &FloatGrade,
    lumas: &mut [&mut [S]],
    chroma: Option<[&mut [S]; 2]>,
    row: usize,
) {
    match (chroma, tables.chroma.horizontal) {
        (None, _) => {
            for (y, samples) in lumas.iter_mut().enumerate() {
                let rounding = rounding(tables.dither_row(row + y));
                for samples in samples.chunks_mut(CHUNK) {
                    let base = [grade.luma_offset; CHUNK];
                    grade.luma(samples, &base, &rounding, &mut [[0; CHUNK]; 2]);
                }
            }
        }
        (Some(chroma), 1) => ycbcr_float_shared::<S, 1>(change, tables, grade, lumas, chroma, row),
        (Some(chroma), 2) => ycbcr_float_shared::<S, 2>(change, tables, grade, lumas, chroma, row),
        (Some(chroma), 4) => ycbcr_float_shared::<S, 4>(change, tables, grade, lumas, chroma, row),
        (Some(_), columns) => unreachable!("{columns} columns share chroma in no format"),
    }
}

/// Where so many pixels side by side share chroma.
#[inline(always)]
fn ycbcr_float_shared<S: Sample, const COLUMNS: usize>(
    change: impl ChangeChroma,
    tables: &GradeTables,
    grade: &FloatGrade,
    lumas: &mut [&mut [S]],
    [cbs, crs]: [&mut [S]; 2],
    row: usize,
) {
    let max = grade.max;
    let width = lumas[0].len();
    let vertical = tables.chroma.vertical;
    let pixels = (COLUMNS * vertical) as f32;
    let chroma_rounding = rounding(tables.dither_row(row / vertical));
    let mut own = [[0.; CHUNK]; 2];
    let mut base = [0.; CHUNK];
    let shared = CHUNK / COLUMNS;
    for (i, (cbs, crs)) in cbs.chunks_mut(shared).zip(crs.chunks_mut(shared)).enumerate() {
        let from = i * CHUNK;
        let n = (width - from).min(CHUNK);
        let bases = base.as_chunks_mut::<COLUMNS>().0;
        let [own_cb, own_cr] = &mut own;
        let values = bases.iter_mut().zip(own_cb).zip(own_cr);
        for (((base, own_cb), own_cr), (cb, cr)) in values.zip(cbs.iter().zip(&*crs)) {
            let value = |sample: &S| (sample.get() & max) as f32;
            [*own_cb, *own_cr] = [value(cb), value(cr)];
            *base =
                [grade.luma[1] * *own_cb + grade.luma[2] * *own_cr + grade.luma_offset; COLUMNS];
        }
        let mut sums = [[0; CHUNK]; 2];
        let mut both = [[0; CHUNK]; 2];
        for y in 0..vertical {
            // The last column and the last row stand for those that are missing.
            if let Some(samples) = lumas.get_mut(y) {
                // As dither repeats, it begins anew with a chunk; that of chroma in the middle of one.
                let rounding = rounding(tables.dither_row(row + y));
                grade.luma(&mut samples[from..][..n], &base, &rounding, &mut both);
                for values in &mut both {
                    let last = values[n - 1];
                    values[n..].fill(last);
                }
            }
            for (sums, values) in sums.iter_mut().zip(&both) {
                for (sum, values) in sums.iter_mut().zip(values.as_chunks::<COLUMNS>().0) {
                    *sum += values.iter().sum::<i32>();
                }
            }
        }
        let [old, new] = &sums;
        let [own_cb, own_cr] = &mut own;
        let mut y = [0.; CHUNK];
        let values = y.iter_mut().zip(old).zip(new).zip(&mut *own_cb).zip(&mut *own_cr);
        for ((((y, old), new), own_cb), own_cr) in values {
            let (old, new) = (*old as f32 / pixels, *new as f32 / pixels);
            *y = (new - grade.zero[0]) / grade.scale[0];
            [*own_cb, *own_cr] = grade.moved([old, *own_cb, *own_cr]);
        }
        change.change_chroma(grade, &y, [own_cb, own_cr]);
        grade.put_all(cbs, &own[0], 1, &chroma_rounding);
        grade.put_all(crs, &own[1], 2, &chroma_rounding);
    }
}
