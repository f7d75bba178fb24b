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
use crate::kernels::grade::{Curve, FixedGrade, FloatGrade, GradeKernels, GradeTables, Numbers};

/// For every CPU.
pub(in crate::kernels) fn kernels<S: Sample>() -> GradeKernels<S> {
    GradeKernels { rgb, ycbcr }
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
        [0, 1].map(|i| mr(chroma[i], gain).saturating_add(at(&self.shift[i], t, 0)))
    }

    /// A row of the matrix.
    #[inline(always)]
    fn sum(factors: &[i16; 3], offset: i16, values: [i16; 3]) -> i16 {
        let terms = [0, 1, 2].map(|i| mr(values[i], factors[i]));
        terms[0].wrapping_add(terms[1]).wrapping_add(terms[2]).wrapping_add(offset)
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
        Numbers::Float(grade) => rgb_float(grade, rows, tables.dither_row(row)),
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
        let chroma =
            [0, 1].map(|i| FixedGrade::sum(&grade.chroma[i], grade.chroma_offset[i], values));
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
        Numbers::Float(grade) => ycbcr_float(tables, grade, lumas, chroma, row),
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
        let chroma =
            [0, 1].map(|i| FixedGrade::sum(&grade.chroma[i], grade.chroma_offset[i], values));
        let dither = tables.dither_row(row / vertical)[i % 8];
        let changed = grade.changed(chroma, t);
        for (c, (sample, changed)) in [cb, cr].into_iter().zip(changed).enumerate() {
            put(sample, grade.output(changed.saturating_add(dither), c + 1), max);
        }
    }
}

impl FloatGrade {
    #[inline(always)]
    fn tone(&self, y: f32) -> f32 {
        between(&self.tone, y + self.tone_from)
    }

    #[inline(always)]
    fn changed(&self, chroma: [f32; 2], y: f32) -> [f32; 2] {
        let place = y * self.per_level;
        let gain = between(&self.gain, place);
        [0, 1].map(|i| chroma[i] * gain + between(&self.shift[i], place))
    }

    #[inline(always)]
    fn sum(factors: &[f32; 3], offset: f32, values: [f32; 3]) -> f32 {
        factors[0] * values[0] + factors[1] * values[1] + factors[2] * values[2] + offset
    }

    /// A sample.
    #[inline(always)]
    fn output(&self, value: f32, component: usize, dither: i16) -> i32 {
        let (low, high) = self.legal[component];
        let rounding = 0.5 + f32::from(dither) / 128.;
        (value * self.scale[component] + self.zero[component] + rounding).clamp(low, high) as i32
    }
}

/// Between the values of a curve.
#[inline(always)]
fn between(values: &[[f32; 2]], place: f32) -> f32 {
    let place = place.clamp(0., (values.len() - 1) as f32);
    let i = place as usize;
    let [value, rise] = values[i];
    value + rise * (place - i as f32)
}

#[inline(always)]
pub(in crate::kernels) fn rgb_float<S: Sample>(
    grade: &FloatGrade,
    [red, green, blue]: [&mut [S]; 3],
    dither: [i16; 8],
) {
    let max = grade.max;
    let pixels = red.iter_mut().zip(green).zip(blue);
    for (x, ((red, green), blue)) in pixels.enumerate() {
        let values = [&*red, &*green, &*blue].map(|sample| (sample.get() & max) as f32);
        let y = grade.tone(FloatGrade::sum(&grade.luma, grade.luma_offset, values));
        let chroma =
            [0, 1].map(|i| FloatGrade::sum(&grade.chroma[i], grade.chroma_offset[i], values));
        let [cb, cr] = grade.changed(chroma, y);
        let dither = dither[x % 8];
        let [red_cr, green_cb, green_cr, blue_cb] = grade.to_rgb;
        put(red, grade.output(y + red_cr * cr, 0, dither), max);
        put(green, grade.output(y + green_cb * cb + green_cr * cr, 1, dither), max);
        put(blue, grade.output(y + blue_cb * cb, 2, dither), max);
    }
}

#[inline(always)]
pub(in crate::kernels) fn ycbcr_float<S: Sample>(
    tables: &GradeTables,
    grade: &FloatGrade,
    lumas: &mut [&mut [S]],
    chroma: Option<[&mut [S]; 2]>,
    row: usize,
) {
    let max = grade.max;
    let (horizontal, vertical) = (tables.chroma.horizontal, tables.chroma.vertical);
    let width = lumas[0].len();
    let luma = |sample: &mut S, base: f32, dither: i16| {
        let old = sample.get() & max;
        let y = grade.tone(grade.luma[0] * old as f32 + base);
        let new = grade.output(y, 0, dither);
        put(sample, new, max);
        [old, new]
    };
    let Some([cbs, crs]) = chroma else {
        for (y, samples) in lumas.iter_mut().enumerate() {
            let dither = tables.dither_row(row + y);
            for (x, sample) in samples.iter_mut().enumerate() {
                luma(sample, grade.luma_offset, dither[x % 8]);
            }
        }
        return;
    };
    let pixels = (horizontal * vertical) as f32;
    for (i, (cb, cr)) in cbs.iter_mut().zip(crs).enumerate() {
        let [own_cb, own_cr] = [&*cb, &*cr].map(|sample| (sample.get() & max) as f32);
        let base = grade.luma[1] * own_cb + grade.luma[2] * own_cr + grade.luma_offset;
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
        let [old, new] = sums.map(|sum| sum as f32 / pixels);
        let values = [old, own_cb, own_cr];
        let chroma =
            [0, 1].map(|i| FloatGrade::sum(&grade.chroma[i], grade.chroma_offset[i], values));
        let y = (new - grade.zero[0]) / grade.scale[0];
        let dither = tables.dither_row(row / vertical)[i % 8];
        let changed = grade.changed(chroma, y);
        for (c, (sample, changed)) in [cb, cr].into_iter().zip(changed).enumerate() {
            put(sample, grade.output(changed, c + 1, dither), max);
        }
    }
}
