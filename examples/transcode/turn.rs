//! How a film is to be turned when it is shown.

use crate::formats::Container;
use crate::probe::Stream;

/// What turns nothing.
const NONE: &str = "identity";

/// Of a stream that isn't shown as it is stored.
pub struct Turn {
    /// The signs of the matrix that turns it: of x to x, x to y, y to x, y to y.
    signs: [i64; 4],
    /// In degrees, counter-clockwise, if it isn't mirrored.
    rotation: Option<f64>,
}

impl Turn {
    pub fn of(stream: &Stream) -> Option<Self> {
        let side = stream.side_data_list.iter().find(|side| side.displaymatrix.is_some())?;
        let numbers: Vec<i64> = side
            .displaymatrix
            .as_deref()?
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let [a, b, _, c, d, ..] = numbers[..] else { return None };
        let is_mirrored = a * d - b * c < 0;
        let turn = Self {
            signs: [a, b, c, d].map(i64::signum),
            rotation: side.rotation.filter(|_| !is_mirrored),
        };
        (turn.signs != [1, 0, 0, 1]).then_some(turn)
    }

    /// The rotation, where a container can say it.
    pub fn kept_in(&self, container: &Container) -> Option<f64> {
        self.rotation.filter(|_| container.is_mp4())
    }

    /// The rotation, where a container can't say it and pixels can't be turned by it.
    pub fn lost_in(&self, container: &Container) -> Option<f64> {
        self.rotation.filter(|_| !container.is_mp4() && self.direction() == NONE)
    }

    /// What turns the pixels, as a value of videoflip's.
    pub fn direction(&self) -> &'static str {
        match self.signs {
            [0, 1, -1, 0] => "90r",
            [-1, 0, 0, -1] => "180",
            [0, -1, 1, 0] => "90l",
            [-1, 0, 0, 1] => "horiz",
            [1, 0, 0, -1] => "vert",
            [0, 1, 1, 0] => "ul-lr",
            [0, -1, -1, 0] => "ur-ll",
            _ => NONE,
        }
    }
}
