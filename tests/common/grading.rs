//! What `linear` and `grade` have to give, from their definitions, in f64. It shares nothing with the
//! crate: roots of matrices are found by iteration, and quantiles by sorting.

use image::RgbImage;

use super::oracle::{Code, Components};

pub type Rgb = [f64; 3];
type Matrix = [[f64; 3]; 3];

const LEVELS: usize = 33;

/// A mapping: a matrix, new luma for each luma from -256 on, gain and shifts by new luma.
#[derive(Clone, Debug)]
pub struct Look {
    pub kr_kb: (f64, f64),
    pub matrix: Matrix,
    pub offset: Rgb,
    pub tone: Vec<f64>,
    pub gain: Vec<f64>,
    pub shift: [Vec<f64>; 2],
}

/// A picture's pixels on the grid of samples.
pub fn on_grid(picture: &RgbImage) -> Vec<Rgb> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    // The root of how many pixels there are to one that is wanted, rounded.
    let step = ((width * height) as f64 / 32_400.).sqrt().round().max(1.) as usize;
    let columns = (step / 2..width).step_by(step);
    (step / 2..height)
        .step_by(step)
        .flat_map(|y| columns.clone().map(move |x| (x as u32, y as u32)))
        .map(|(x, y)| picture.get_pixel(x, y).0.map(f64::from))
        .collect()
}

pub fn to_ycbcr((kr, kb): (f64, f64), [r, g, b]: Rgb) -> Rgb {
    let y = kr * r + (1. - kr - kb) * g + kb * b;
    [y, (b - y) / (2. - 2. * kb), (r - y) / (2. - 2. * kr)]
}

fn to_rgb((kr, kb): (f64, f64), [y, cb, cr]: Rgb) -> Rgb {
    let (r, b) = (y + (2. - 2. * kr) * cr, y + (2. - 2. * kb) * cb);
    [r, (y - kr * r - kb * b) / (1. - kr - kb), b]
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let mut c = [[0.; 3]; 3];
    for i in 0..3 {
        for j in 0..3 {
            c[i][j] = (0..3).map(|k| a[i][k] * b[k][j]).sum();
        }
    }
    c
}

fn applied(m: &Matrix, v: Rgb) -> Rgb {
    m.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum())
}

/// By Cramer's rule.
fn inverse(m: &Matrix) -> Matrix {
    let minor = |i: usize, j: usize| {
        let rows: Vec<usize> = (0..3).filter(|&row| row != i).collect();
        let columns: Vec<usize> = (0..3).filter(|&column| column != j).collect();
        m[rows[0]][columns[0]] * m[rows[1]][columns[1]]
            - m[rows[0]][columns[1]] * m[rows[1]][columns[0]]
    };
    let sign = |i: usize| if i.is_multiple_of(2) { 1. } else { -1. };
    let determinant: f64 = (0..3).map(|j| sign(j) * m[0][j] * minor(0, j)).sum();
    let mut inverse = [[0.; 3]; 3];
    for (i, row) in inverse.iter_mut().enumerate() {
        for (j, entry) in row.iter_mut().enumerate() {
            *entry = sign(i + j) * minor(j, i) / determinant;
        }
    }
    inverse
}

/// The root of a positive matrix (E. D. Denman, A. N. Beavers, 1976).
fn root(m: &Matrix) -> Matrix {
    let (mut y, mut z) = (*m, [[1., 0., 0.], [0., 1., 0.], [0., 0., 1.]]);
    for _ in 0..60 {
        let (inverse_y, inverse_z) = (inverse(&y), inverse(&z));
        for i in 0..3 {
            for j in 0..3 {
                (y[i][j], z[i][j]) =
                    ((y[i][j] + inverse_z[i][j]) / 2., (z[i][j] + inverse_y[i][j]) / 2.);
            }
        }
    }
    y
}

fn mean_and_covariance(pixels: &[Rgb]) -> (Rgb, Matrix) {
    let n = pixels.len() as f64;
    let mean = [0, 1, 2].map(|i| pixels.iter().map(|p| p[i]).sum::<f64>() / n);
    let entry = |i: usize, j: usize| {
        pixels.iter().map(|p| (p[i] - mean[i]) * (p[j] - mean[j])).sum::<f64>() / n
    };
    (mean, [0, 1, 2].map(|i| [0, 1, 2].map(|j| entry(i, j))))
}

/// Between the two nearest of sorted values.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let at = (sorted.len() - 1) as f64 * percent / 100.;
    let i = at.floor() as usize;
    let next = sorted[(i + 1).min(sorted.len() - 1)];
    sorted[i] + (next - sorted[i]) * (at - at.floor())
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// A monotone cubic through points, with slope 1 beyond them.
fn pchip(x: &[f64], y: &[f64], v: f64) -> f64 {
    let last = x.len() - 1;
    if v <= x[0] || v >= x[last] {
        let end = if v <= x[0] { 0 } else { last };
        return y[end] + v - x[end];
    }
    let gap = |i: usize| (x[i + 1] - x[i], (y[i + 1] - y[i]) / (x[i + 1] - x[i]));
    let slope = |i: usize| {
        if i == 0 || i == last {
            return gap(i.min(last - 1)).1;
        }
        let ((h0, d0), (h1, d1)) = (gap(i - 1), gap(i));
        let (w0, w1) = (2. * h1 + h0, h1 + 2. * h0);
        (w0 + w1) / (w0 / d0 + w1 / d1)
    };
    let i = x.iter().rposition(|&x| x < v).unwrap();
    let (h, _) = gap(i);
    let u = (v - x[i]) / h;
    // Hermite's basis.
    (2. * u.powi(3) - 3. * u.powi(2) + 1.) * y[i]
        + (u.powi(3) - 2. * u.powi(2) + u) * h * slope(i)
        + (-2. * u.powi(3) + 3. * u.powi(2)) * y[i + 1]
        + (u.powi(3) - u.powi(2)) * h * slope(i + 1)
}

fn shoulder(v: f64, low: f64, high: f64) -> f64 {
    let room = 0.12 * 255.;
    let bent = |t: f64, distance: f64| distance * t / (1. + (distance / room - 1.) * t);
    let mut v = v;
    let knee = 255. - room;
    if high > 255. && v > knee {
        v = knee + bent((v - knee) / (high - knee), high - knee);
    }
    if low < 0. && v < room {
        v = room - bent((room - v) / (room - low), room - low);
    }
    v.clamp(0., 255.)
}

/// Smoothed by a Gaussian of `sigma` levels, six to each side.
fn blur(values: &[f64], sigma: f64) -> Vec<f64> {
    let weight = |d: i32| (-f64::from(d * d) / (2. * sigma * sigma)).exp();
    let total: f64 = (-6..=6).map(weight).sum();
    let at = |i: i32| values[i.clamp(0, values.len() as i32 - 1) as usize];
    (0..values.len() as i32)
        .map(|i| (-6..=6).map(|d| weight(d) * at(i + d)).sum::<f64>() / total)
        .collect()
}

fn level(y: f64) -> usize {
    ((y.clamp(0., 255.) + 4.) / 8.).floor() as usize
}

fn at_level(curve: &[f64], y: f64) -> f64 {
    let place = y.clamp(0., 255.) / 8.;
    let i = place.floor() as usize;
    curve[i] * (1. - (place - i as f64)) + curve[(i + 1).min(LEVELS - 1)] * (place - i as f64)
}

struct ByLuma {
    share: Vec<f64>,
    means: [Vec<f64>; 2],
    deviation: Vec<f64>,
}

/// Of Y', Cb and Cr.
fn by_luma(pixels: &[Rgb]) -> ByLuma {
    let total = |value: &dyn Fn(&Rgb) -> f64| {
        let mut sums = vec![0.; LEVELS];
        pixels.iter().for_each(|pixel| sums[level(pixel[0])] += value(pixel));
        blur(&sums, 1.5)
    };
    let count = total(&|_| 1.);
    let mean = |sums: Vec<f64>| -> Vec<f64> {
        sums.iter().zip(&count).map(|(sum, count)| sum / (count + 1e-9)).collect()
    };
    let means = [mean(total(&|p| p[1])), mean(total(&|p| p[2]))];
    let squares = mean(total(&|p| p[1] * p[1] + p[2] * p[2]));
    let deviation = (0..LEVELS)
        .map(|i| (squares[i] - means[0][i].powi(2) - means[1][i].powi(2)).max(0.).sqrt())
        .collect();
    ByLuma {
        share: count.iter().map(|count| count / pixels.len() as f64).collect(),
        means,
        deviation,
    }
}

/// The look that moves pixels towards those of a reference; with `grade`, by all of the steps.
pub fn learn(source: &[Rgb], reference: &[Rgb], kr_kb: (f64, f64), grade: bool) -> Look {
    let (m, mut s) = mean_and_covariance(source);
    let (n, mut r) = mean_and_covariance(reference);
    for i in 0..3 {
        s[i][i] += 256.;
        r[i][i] += 256.;
    }
    let a = root(&s);
    let b = inverse(&a);
    // Stretches beyond 0.2 to 4 are for another test.
    let matrix = product(&product(&b, &root(&product(&product(&a, &r), &a))), &b);
    let moved = applied(&matrix, m);
    let offset = [0, 1, 2].map(|i| n[i] - moved[i]);

    let behind = |rgb: Rgb| {
        let moved = applied(&matrix, rgb);
        to_ycbcr(kr_kb, [0, 1, 2].map(|i| moved[i] + offset[i]))
    };
    let mut pixels: Vec<Rgb> = source.iter().map(|&rgb| behind(rgb)).collect();
    let goal: Vec<Rgb> = reference.iter().map(|&rgb| to_ycbcr(kr_kb, rgb)).collect();
    let [luma, goal_luma] = [&pixels, &goal].map(|pixels| sorted(pixels.iter().map(|p| p[0])));
    let percents = [1., 10., 25., 50., 75., 90., 99.];
    let x = percents.map(|p| percentile(&luma, p));
    let wanted = percents.map(|p| percentile(&goal_luma, p));
    let mut xs = x;
    let mut ys = [0.; 7];
    for i in 0..7 {
        xs[i] += 1e-3 * (i as f64 - 3.);
        if i > 0 {
            let slope = (wanted[i] - wanted[i - 1] + 2.) / (x[i] - x[i - 1] + 2.);
            ys[i] = ys[i - 1] + slope.clamp(0.4, 2.) * (xs[i] - xs[i - 1]);
        }
    }
    let anchor = wanted[3] - ys[3];
    let ys = ys.map(|y| y + anchor);
    let curve = |v: f64| if grade { pchip(&xs, &ys, v) } else { v };
    let (low, high) = (curve(percentile(&luma, 0.2)), curve(percentile(&luma, 99.8)));
    let tone = |v: f64| shoulder(curve(v), low, high);
    pixels.iter_mut().for_each(|pixel| pixel[0] = tone(pixel[0]));

    let mut gain = vec![1.; LEVELS];
    let mut shift = [vec![0.; LEVELS], vec![0.; LEVELS]];
    if grade {
        let (own, goal) = (by_luma(&pixels), by_luma(&goal));
        let weight = |i: usize| {
            let share = own.share[i].min(goal.share[i]);
            share / (share + 0.003)
        };
        let raw: Vec<f64> = (0..LEVELS)
            .map(|i| {
                let ratio = (goal.deviation[i] + 2.) / (own.deviation[i] + 2.);
                1. + (ratio.clamp(0.6, 1.5) - 1.) * weight(i)
            })
            .collect();
        gain = blur(&raw, 1.);
        for (c, shift) in shift.iter_mut().enumerate() {
            let tint: Vec<f64> = (0..LEVELS)
                .map(|i| ((goal.means[c][i] - own.means[c][i]) * weight(i)).clamp(-16., 16.))
                .collect();
            let tint = blur(&tint, 1.);
            *shift = (0..LEVELS).map(|i| own.means[c][i] * (1. - gain[i]) + tint[i]).collect();
        }
        // Next to no colour of the reference's own.
        let variance = |it: &ByLuma| {
            let weighed: f64 = (0..LEVELS).map(|i| it.share[i] * it.deviation[i].powi(2)).sum();
            weighed / it.share.iter().sum::<f64>()
        };
        let (own, wanted) = (variance(&own).sqrt(), variance(&goal).sqrt());
        if wanted < 0.4 * own {
            let colors = (5. * wanted / own - 1.).max(0.);
            gain.iter_mut().for_each(|gain| *gain *= colors);
            for (shift, means) in shift.iter_mut().zip(&goal.means) {
                for (shift, mean) in shift.iter_mut().zip(means) {
                    *shift = colors * *shift + (1. - colors) * mean;
                }
            }
        }
    }
    let mut scales = vec![Vec::new(); LEVELS];
    for &[y, cb, cr] in &pixels {
        let gain = at_level(&gain, y);
        let chroma = [gain * cb + at_level(&shift[0], y), gain * cr + at_level(&shift[1], y)];
        let scale = to_rgb(kr_kb, [0., chroma[0], chroma[1]])
            .map(|d| match d {
                _ if d > 1. => (255. - y) / d,
                _ if d < -1. => -y / d,
                _ => 1.,
            })
            .into_iter()
            .fold(1., f64::min);
        scales[level(y)].push(scale.max(0.));
    }
    let inside: Vec<f64> = scales
        .into_iter()
        .map(|scales| {
            if scales.is_empty() {
                return 1.;
            }
            let share = scales.len() as f64 / pixels.len() as f64;
            let scale = percentile(&sorted(scales.into_iter()), 2.5);
            1. + (scale - 1.) * share / (share + 0.0003)
        })
        .collect();
    let inside = blur(&inside, 0.7);
    for curve in [&mut gain].into_iter().chain(&mut shift) {
        curve.iter_mut().zip(&inside).for_each(|(value, inside)| *value *= inside);
    }
    let tone = (-256..=512).map(|v| tone(f64::from(v))).collect();
    Look { kr_kb, matrix, offset, tone, gain, shift }
}

impl Look {
    fn behind(&self, rgb: Rgb) -> Rgb {
        let moved = applied(&self.matrix, rgb);
        to_ycbcr(self.kr_kb, [0, 1, 2].map(|i| moved[i] + self.offset[i]))
    }

    fn tone(&self, y: f64) -> f64 {
        let at = (y + 256.).clamp(0., 768.);
        let i = at.floor() as usize;
        let next = self.tone[(i + 1).min(768)];
        self.tone[i] + (next - self.tone[i]) * (at - at.floor())
    }

    fn chroma(&self, y: f64, [cb, cr]: [f64; 2]) -> [f64; 2] {
        let gain = at_level(&self.gain, y);
        [gain * cb + at_level(&self.shift[0], y), gain * cr + at_level(&self.shift[1], y)]
    }

    /// What becomes of a colour.
    pub fn map(&self, rgb: Rgb) -> Rgb {
        let [y, cb, cr] = self.behind(rgb);
        let y = self.tone(y);
        let [cb, cr] = self.chroma(y, [cb, cr]);
        to_rgb(self.kr_kb, [y, cb, cr]).map(|value| value.clamp(0., 255.))
    }

    /// What becomes of the samples of a picture, not rounded. Chroma that pixels share is mapped by the
    /// means of their old and their new samples of luma; what the latter are, `output` says.
    #[allow(clippy::needless_range_loop)]
    pub fn map_picture(
        &self,
        picture: &Components,
        output: &Components,
        code: Code,
    ) -> Vec<Vec<Vec<f64>>> {
        // As the kernels have it, with 8 bits at least.
        let depth = picture.depths[0];
        let scale = |c: usize| {
            let (zero, one) = code.zero_one(c, depth);
            (zero as f64, one as f64 / 255.)
        };
        let value = |c: usize, sample: f64| (sample - scale(c).0) / scale(c).1;
        let sample = |c: usize, value: f64| {
            let (low, high) = code.legal(c, depth);
            (value * scale(c).1 + scale(c).0).clamp(low as f64, high as f64)
        };
        let old = |c: usize, x: usize, y: usize| value(c, picture.grids[c][y][x] as f64);
        let height = picture.grids[0].len();
        let width = picture.grids[0][0].len();
        let mut new: Vec<Vec<Vec<f64>>> = picture
            .grids
            .iter()
            .map(|grid| grid.iter().map(|row| row.iter().map(|&v| v as f64).collect()).collect())
            .collect();
        match code {
            Code::Rgb { .. } => {
                for y in 0..height {
                    for x in 0..width {
                        let mapped = self.map([0, 1, 2].map(|c| old(c, x, y)));
                        (0..3).for_each(|c| new[c][y][x] = sample(c, mapped[c]));
                    }
                }
            }
            Code::Luma { .. } => {
                for y in 0..height {
                    for x in 0..width {
                        let luma = self.behind([old(0, x, y); 3])[0];
                        new[0][y][x] = sample(0, self.tone(luma));
                    }
                }
            }
            Code::YCbCr { .. } => {
                let (horizontal, vertical) = picture.shared;
                for j in 0..picture.grids[1].len() {
                    for i in 0..picture.grids[1][0].len() {
                        let own = [old(1, i, j), old(2, i, j)];
                        let (mut olds, mut news) = (0., 0.);
                        for dy in 0..vertical {
                            for dx in 0..horizontal {
                                // The last column and row stand for those that are missing.
                                let x = (i * horizontal + dx).min(width - 1);
                                let y = (j * vertical + dy).min(height - 1);
                                let luma = old(0, x, y);
                                let rgb = to_rgb(self.kr_kb, [luma, own[0], own[1]]);
                                let toned = self.tone(self.behind(rgb)[0]);
                                new[0][y][x] = sample(0, toned);
                                olds += luma;
                                news += value(0, output.grids[0][y][x] as f64);
                            }
                        }
                        let n = (horizontal * vertical) as f64;
                        let rgb = to_rgb(self.kr_kb, [olds / n, own[0], own[1]]);
                        let [_, cb, cr] = self.behind(rgb);
                        let changed = self.chroma(news / n, [cb, cr]);
                        (0..2).for_each(|c| new[1 + c][j][i] = sample(1 + c, changed[c]));
                    }
                }
            }
        }
        new
    }
}
