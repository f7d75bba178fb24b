//! A part of a picture, whatever its size.

use std::str::FromStr;

use crate::frame::Area;

/// A rectangle, in fractions of the picture's width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// Why a text is no [`Region`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegionError {
    /// It isn't four numbers.
    #[error("it isn't four numbers; write x,y,width,height, as in 0.25,0.25,0.5,0.5")]
    NoNumbers,
    /// Width or height is not positive.
    #[error("it has no area; width and height are more than 0, in fractions of the picture")]
    Empty,
    /// It isn't inside of the picture.
    #[error(
        "it leaves the picture; x, y, width and height are fractions, with x + width and y + height \
         not more than 1"
    )]
    Outside,
}

impl FromStr for Region {
    type Err = RegionError;

    /// From "x,y,width,height".
    fn from_str(text: &str) -> Result<Self, RegionError> {
        /// What sums of decimal fractions may be off.
        const ROUNDING: f64 = 1e-9;
        let numbers: Result<Vec<f64>, _> =
            text.split(',').map(|number| number.trim().parse()).collect();
        let numbers: Result<[f64; 4], _> = numbers.map_err(|_| RegionError::NoNumbers)?.try_into();
        let [x, y, width, height] = numbers.map_err(|_| RegionError::NoNumbers)?;
        if ![x, y, width, height].iter().all(|number| number.is_finite()) {
            return Err(RegionError::NoNumbers);
        }
        if width <= 0. || height <= 0. {
            return Err(RegionError::Empty);
        }
        if x < 0. || y < 0. || x + width > 1. + ROUNDING || y + height > 1. + ROUNDING {
            return Err(RegionError::Outside);
        }
        Ok(Self { x, y, width, height })
    }
}

impl Region {
    /// Its pixels in an area: those that it covers by half or more, but at least one of each row and
    /// column.
    pub fn within(&self, area: Area) -> Area {
        let part = |start: f64, len: f64, pixels: usize| {
            let edge = |at: f64| (at * pixels as f64).round() as usize;
            let first = edge(start).min(pixels.saturating_sub(1));
            (first, edge(start + len).clamp(first + 1, pixels.max(first + 1)) - first)
        };
        let (left, width) = part(self.x, self.width, area.width);
        let (top, height) = part(self.y, self.height, area.height);
        Area { left, top, width, height }.moved(area.left, area.top).intersection(area)
    }
}
