//! A mapping as a lookup table for other programs: a `.cube` file (Adobe, *Cube LUT Specification 1.0*,
//! 2013).

use std::io::{self, Write};
use std::path::Path;

use super::Mapping;
use super::curve::Curve;
use crate::color::{Channels, Encoding};
use crate::matrix::{self, Vector};
use crate::whole_file;

/// Nodes along each side of a cube.
pub const SIDE: usize = 65;

/// The fewest nodes of a line, which has as many as the channel has levels.
const SHORTEST: usize = 256;

/// What becomes of R'G'B', from 0, black, to 1.
#[derive(Clone, Debug)]
pub struct Cube {
    map: Map,
    encoding: Encoding,
    /// The nodes of a line where each of R', G' and B' is mapped by itself; of a cube otherwise.
    line: Option<usize>,
}

#[derive(Clone, Debug)]
enum Map {
    /// Of each channel: the levels, the level of 0, and how many levels make up 1.
    Curves(Vec<(Curve, f64, f64)>),
    Grade(Box<super::grade::Grade>),
}

impl Cube {
    /// Of a mapping of these channels.
    pub fn new(mapping: &Mapping, Channels { encoding, depths, .. }: &Channels) -> Self {
        let encoding = *encoding;
        match mapping {
            Mapping::Luts(luts) => {
                Self::of_curves(luts.iter().map(Curve::from).collect(), encoding, depths)
            }
            Mapping::Curves(curves) => Self::of_curves(curves.clone(), encoding, depths),
            Mapping::Grade(grade) => Self { map: Map::Grade(grade.clone()), encoding, line: None },
        }
    }

    fn of_curves(curves: Vec<Curve>, encoding: Encoding, depths: &[u32]) -> Self {
        let most = curves.iter().map(|curve| curve.levels().len()).max().unwrap_or(0);
        let scaled = |(channel, (curve, &depth)): (usize, (Curve, &u32))| {
            let (zero, one) = encoding.scale(channel, depth);
            (curve, zero, one)
        };
        Self {
            map: Map::Curves(curves.into_iter().zip(depths).enumerate().map(scaled).collect()),
            encoding,
            line: matches!(encoding, Encoding::Rgb(_)).then_some(most.max(SHORTEST)),
        }
    }

    /// What becomes of a colour. It may leave the range.
    pub fn map(&self, rgb: Vector) -> Vector {
        match &self.map {
            Map::Curves(curves) => {
                let channels = matrix::apply(&self.encoding.matrix_from_rgb(), rgb);
                // What has no curve stays.
                let mut changes = [0.; 3];
                for ((change, value), (curve, zero, one)) in
                    changes.iter_mut().zip(channels).zip(curves)
                {
                    *change = (curve.at(zero + one * value) - zero) / one - value;
                }
                let changes = matrix::apply(&self.encoding.matrix_to_rgb(), changes);
                [0, 1, 2].map(|i| rgb[i] + changes[i])
            }
            Map::Grade(grade) => {
                grade.map_unclamped(rgb.map(|value| 255. * value)).map(|value| value / 255.)
            }
        }
    }

    /// The lines of the file, under a title and behind a comment.
    fn write(&self, to: &mut dyn Write, title: &str, comment: &str) -> io::Result<()> {
        // Quotes end a title, and lines end comments.
        let plain = |text: &str| text.replace(|c: char| c.is_control() || c == '"', " ");
        writeln!(to, "# {}", plain(comment))?;
        writeln!(to, "TITLE \"{}\"", plain(title))?;
        match self.line {
            Some(n) => writeln!(to, "LUT_1D_SIZE {n}")?,
            None => writeln!(to, "LUT_3D_SIZE {SIDE}")?,
        }
        writeln!(to, "DOMAIN_MIN 0.0 0.0 0.0\nDOMAIN_MAX 1.0 1.0 1.0")?;
        let mut node = |rgb: Vector| {
            let [r, g, b] = self.map(rgb);
            writeln!(to, "{r:.6} {g:.6} {b:.6}")
        };
        match self.line {
            Some(n) => (0..n).try_for_each(|i| node([i as f64 / (n - 1) as f64; 3])),
            // Red changes from line to line.
            None => (0..SIDE.pow(3)).try_for_each(|i| {
                let place = |digit: usize| (digit % SIDE) as f64 / (SIDE - 1) as f64;
                node([place(i), place(i / SIDE), place(i / SIDE.pow(2))])
            }),
        }
    }

    /// Writes the file, as a whole or not at all.
    ///
    /// # Errors
    ///
    /// It can't be written; what was there before, stays.
    pub fn save(&self, path: &Path, title: &str, comment: &str) -> io::Result<()> {
        whole_file::write(path, |to| self.write(to, title, comment))
    }
}
