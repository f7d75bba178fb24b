//! ICC profiles made by hand (ICC.1), right or wrong in any way, and what colours they make, in double
//! precision and from their definitions.

/// XYZ of the profile connection space's white, D50.
const D50: [f64; 3] = [0.9642, 1., 0.8249];

/// The chromaticities of red, green, blue and white.
pub type Chromaticities = [[f64; 2]; 4];

pub const D65: [f64; 2] = [0.3127, 0.3290];
pub const SRGB: Chromaticities = [[0.64, 0.33], [0.30, 0.60], [0.15, 0.06], D65];
pub const DISPLAY_P3: Chromaticities = [[0.680, 0.320], [0.265, 0.690], [0.150, 0.060], D65];
pub const ADOBE_RGB: Chromaticities = [[0.64, 0.33], [0.21, 0.71], [0.15, 0.06], D65];
pub const BT_2020: Chromaticities = [[0.708, 0.292], [0.170, 0.797], [0.131, 0.046], D65];
/// Of 525 lines.
pub const BT_601: Chromaticities = [[0.630, 0.340], [0.310, 0.595], [0.155, 0.070], D65];
/// Of Apple's older monitors, as "Generic RGB" has them.
pub const GENERIC_RGB: Chromaticities = [[0.625, 0.340], [0.280, 0.595], [0.155, 0.070], D65];
pub const PRO_PHOTO: Chromaticities =
    [[0.7347, 0.2653], [0.1596, 0.8404], [0.0366, 0.0001], [0.3457, 0.3585]];

/// A tone curve, from samples to light.
#[derive(Clone, Debug)]
pub enum Curve {
    /// A table of no values.
    Linear,
    /// A table of one value, in 256ths.
    Gamma(f64),
    Table(Vec<u16>),
    /// That of sRGB, as a formula.
    Srgb,
}

impl Curve {
    /// The curve of sRGB as a table.
    pub fn srgb_table(n: usize) -> Self {
        let light = |i: usize| srgb_to_light(i as f64 / (n - 1) as f64);
        Self::Table((0..n).map(|i| (light(i) * 65535.).round() as u16).collect())
    }

    fn tag(&self) -> Vec<u8> {
        let curve = |values: &[u16]| {
            let mut tag = b"curv\0\0\0\0".to_vec();
            tag.extend((values.len() as u32).to_be_bytes());
            tag.extend(values.iter().flat_map(|value| value.to_be_bytes()));
            tag
        };
        match self {
            Self::Linear => curve(&[]),
            Self::Gamma(gamma) => curve(&[(gamma * 256.).round() as u16]),
            Self::Table(values) => curve(values),
            Self::Srgb => {
                let mut tag = b"para\0\0\0\0\0\x03\0\0".to_vec();
                let parts = [2.4, 1. / 1.055, 0.055 / 1.055, 1. / 12.92, 0.04045];
                tag.extend(parts.into_iter().flat_map(fixed));
                tag
            }
        }
    }

    /// The light of a sample, both from 0 to 1.
    pub fn light(&self, sample: f64) -> f64 {
        match self {
            Self::Linear => sample,
            Self::Gamma(gamma) => sample.powf((gamma * 256.).round() / 256.),
            Self::Table(values) => {
                let at = sample * (values.len() - 1) as f64;
                let below = (at as usize).min(values.len() - 2);
                let [a, b] = [values[below], values[below + 1]].map(f64::from);
                (a + (b - a) * (at - below as f64)) / 65535.
            }
            Self::Srgb => srgb_to_light(sample),
        }
    }
}

pub fn srgb_to_light(sample: f64) -> f64 {
    if sample <= 0.04045 { sample / 12.92 } else { ((sample + 0.055) / 1.055).powf(2.4) }
}

/// A sample of sRGB, of light that may be outside.
pub fn srgb_of_light(light: f64) -> f64 {
    match light.clamp(0., 1.) {
        light @ ..=0.0031308 => light * 12.92,
        light => 1.055 * light.powf(1. / 2.4) - 0.055,
    }
}

type Matrix = [[f64; 3]; 3];

fn times(a: Matrix, b: Matrix) -> Matrix {
    a.map(|row| [0, 1, 2].map(|column| (0..3).map(|i| row[i] * b[i][column]).sum()))
}

pub fn applied(matrix: Matrix, v: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
}

/// By Cramer's rule.
pub fn inverse(m: Matrix) -> Matrix {
    let minor = |row: usize, column: usize| {
        let [r1, r2] = [(row + 1) % 3, (row + 2) % 3];
        let [c1, c2] = [(column + 1) % 3, (column + 2) % 3];
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3).map(|column| m[0][column] * minor(0, column)).sum();
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| minor(column, row) / determinant))
}

fn xyz([x, y]: [f64; 2]) -> [f64; 3] {
    [x / y, 1., (1. - x - y) / y]
}

/// From light to XYZ, adapted to D50 by Bradford's method (ICC.1, annex E).
pub fn to_xyz([red, green, blue, white]: Chromaticities) -> Matrix {
    let columns = [red, green, blue].map(xyz);
    let primaries = [0, 1, 2].map(|row| columns.map(|column| column[row]));
    let white = xyz(white);
    let amounts = applied(inverse(primaries), white);
    let own = primaries.map(|row| [0, 1, 2].map(|i| row[i] * amounts[i]));
    let cones = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]];
    let [from, to] = [applied(cones, white), applied(cones, D50)];
    let scale = [0, 1, 2].map(|row| [0, 1, 2].map(|i| if i == row { to[i] / from[i] } else { 0. }));
    times(times(inverse(cones), times(scale, cones)), own)
}

/// A number in 65,536ths.
fn fixed(number: f64) -> [u8; 4] {
    ((number * 65536.).round() as i32).to_be_bytes()
}

/// A profile.
#[derive(Clone)]
pub struct Icc {
    pub version: u8,
    pub class: [u8; 4],
    pub space: [u8; 4],
    pub pcs: [u8; 4],
    pub tags: Vec<([u8; 4], Vec<u8>)>,
}

impl Icc {
    /// Of a monitor, by light and a matrix.
    pub fn rgb(version: u8, chromaticities: Chromaticities, curve: &Curve) -> Self {
        let matrix = to_xyz(chromaticities);
        let color = |i: usize| {
            let mut tag = b"XYZ \0\0\0\0".to_vec();
            tag.extend(matrix.iter().flat_map(|row| fixed(row[i])));
            tag
        };
        let tags = [(*b"rXYZ", color(0)), (*b"gXYZ", color(1)), (*b"bXYZ", color(2))];
        let curves = [*b"rTRC", *b"gTRC", *b"bTRC"].map(|name| (name, curve.tag()));
        Self {
            version,
            class: *b"mntr",
            space: *b"RGB ",
            pcs: *b"XYZ ",
            tags: tags.into_iter().chain(curves).collect(),
        }
    }

    pub fn grey(curve: &Curve) -> Self {
        Self {
            version: 2,
            class: *b"mntr",
            space: *b"GRAY",
            pcs: *b"XYZ ",
            tags: vec![(*b"kTRC", curve.tag())],
        }
    }

    /// Of a table to L*a*b*.
    pub fn table(version: u8, space: [u8; 4], table: Vec<u8>) -> Self {
        Self { version, class: *b"scnr", space, pcs: *b"Lab ", tags: vec![(*b"A2B0", table)] }
    }

    pub fn file(&self) -> Vec<u8> {
        let mut tags = self.tags.clone();
        let mut white = b"XYZ \0\0\0\0".to_vec();
        white.extend(D50.into_iter().flat_map(fixed));
        tags.push((*b"wtpt", white));
        let mut file = vec![0; 128];
        file[8] = self.version;
        file[12..16].copy_from_slice(&self.class);
        file[16..20].copy_from_slice(&self.space);
        file[20..24].copy_from_slice(&self.pcs);
        // The first of January 2026.
        file[24..36].copy_from_slice(&[0x07, 0xEA, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
        file[36..40].copy_from_slice(b"acsp");
        file[68..80].copy_from_slice(&D50.map(fixed).concat());
        file.extend((tags.len() as u32).to_be_bytes());
        let mut at = 132 + tags.len() * 12;
        for (name, content) in &tags {
            file.extend(name);
            file.extend((at as u32).to_be_bytes());
            file.extend((content.len() as u32).to_be_bytes());
            at += content.len().next_multiple_of(4);
        }
        for (_, content) in &tags {
            file.extend(content);
            file.resize(file.len().next_multiple_of(4), 0);
        }
        let size = (file.len() as u32).to_be_bytes();
        file[..4].copy_from_slice(&size);
        file
    }
}

/// How a table is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Table {
    /// `mft1`: 8 bits.
    Lut8,
    /// `mft2`: 16 bits, in which L* = 100 is 0xFF00.
    Lut16,
    /// `mAB `: 16 bits, in which L* = 100 is 0xFFFF.
    Ab,
}

/// A table from R'G'B' to L*a*b*.
pub fn table(kind: Table, n: u8, lab: impl Fn([f64; 3]) -> [f64; 3]) -> Vec<u8> {
    let mut nodes = Vec::new();
    for node in 0..usize::from(n).pow(3) {
        let place = |i: u32| node / usize::from(n).pow(2 - i) % usize::from(n);
        let [l, a, b] = lab([0, 1, 2].map(|i| place(i) as f64 / f64::from(n - 1)));
        for (of_l, part) in [(true, l), (false, a), (false, b)] {
            let (level, full) = if of_l { (part / 100., 1.) } else { (part + 128., 255.) };
            match kind {
                Table::Lut8 => nodes.push((level / full * 255.).round() as u8),
                Table::Lut16 => {
                    let level = (level / full * 65280.).round() as u16;
                    nodes.extend(level.to_be_bytes());
                }
                Table::Ab => nodes.extend(((level / full * 65535.).round() as u16).to_be_bytes()),
            }
        }
    }
    let identity = [1., 0., 0., 0., 1., 0., 0., 0., 1.].into_iter().flat_map(fixed);
    let straight = Curve::Linear.tag();
    match kind {
        Table::Lut8 => {
            let mut tag = b"mft1\0\0\0\0\x03\x03".to_vec();
            tag.extend([n, 0]);
            tag.extend(identity);
            (0..3).for_each(|_| tag.extend(0..=255));
            tag.extend(nodes);
            (0..3).for_each(|_| tag.extend(0..=255));
            tag
        }
        Table::Lut16 => {
            let mut tag = b"mft2\0\0\0\0\x03\x03".to_vec();
            tag.extend([n, 0]);
            tag.extend(identity);
            tag.extend([0, 2, 0, 2]);
            (0..3).for_each(|_| tag.extend([0, 0, 0xFF, 0xFF]));
            tag.extend(nodes);
            (0..3).for_each(|_| tag.extend([0, 0, 0xFF, 0xFF]));
            tag
        }
        Table::Ab => {
            let mut tag = b"mAB \0\0\0\0\x03\x03\0\0".to_vec();
            // Curves behind the table, no matrix, no curves behind that; the table; curves in front.
            let size = (20 + nodes.len()).next_multiple_of(4);
            for at in [32, 0, 0, 32 + 36, 32 + 36 + size] {
                tag.extend((at as u32).to_be_bytes());
            }
            (0..3).for_each(|_| tag.extend(&straight));
            let mut grid = [[n; 3].as_slice(), &[0; 13], &[2, 0, 0, 0]].concat();
            grid.extend(nodes);
            grid.resize(size, 0);
            tag.extend(grid);
            (0..3).for_each(|_| tag.extend(&straight));
            tag
        }
    }
}

/// What R'G'B' of some primaries and curve is in sRGB, all from 0 to 1.
pub fn in_srgb(chromaticities: Chromaticities, curve: &Curve, color: [f64; 3]) -> [f64; 3] {
    // As exact as a profile says it.
    let stored = to_xyz(chromaticities).map(|row| row.map(|part| (part * 65536.).round() / 65536.));
    let light = color.map(|sample| curve.light(sample));
    xyz_in_srgb(applied(stored, light))
}

fn xyz_in_srgb(xyz: [f64; 3]) -> [f64; 3] {
    applied(inverse(to_xyz(SRGB)), xyz).map(srgb_of_light)
}

/// What L*a*b* is in sRGB.
pub fn lab_in_srgb([l, a, b]: [f64; 3]) -> [f64; 3] {
    let middle = (l + 16.) / 116.;
    let part = |t: f64| {
        if t > 6. / 29. { t.powi(3) } else { 3. * (6_f64 / 29.).powi(2) * (t - 4. / 29.) }
    };
    let parts = [middle + a / 500., middle, middle - b / 200.].map(part);
    xyz_in_srgb([0, 1, 2].map(|i| parts[i] * D50[i]))
}
