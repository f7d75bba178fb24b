//! Parts of the picture to learn from.

/// Where it begins on the left and at the top, its width and its height, as shares of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region([f64; 4]);

/// In the order that a key goes through them.
const REGIONS: [(&str, Option<Region>); 6] = [
    ("all of the picture", None),
    ("the middle", Some(Region([0.25, 0.25, 0.5, 0.5]))),
    ("the left half", Some(Region([0., 0., 0.5, 1.]))),
    ("the right half", Some(Region([0.5, 0., 0.5, 1.]))),
    ("the upper half", Some(Region([0., 0., 1., 0.5]))),
    ("the lower half", Some(Region([0., 0.5, 1., 0.5]))),
];

/// The one after that in use, by the values of the property `region`.
pub fn next(current: Option<&str>) -> Option<Region> {
    let at = REGIONS.iter().position(|(_, region)| value(*region).as_deref() == current);
    REGIONS[at.map_or(0, |at| (at + 1) % REGIONS.len())].1
}

/// In words, by the value of the property.
pub fn description(current: &str) -> &str {
    let known = REGIONS.iter().find(|(_, region)| value(*region).as_deref() == Some(current));
    known.map_or(current, |(name, _)| name)
}

/// The value of the property.
pub fn value(region: Option<Region>) -> Option<String> {
    region.map(|Region(numbers)| numbers.map(|number| number.to_string()).join(","))
}

impl Region {
    /// Left, top, right and bottom in pixels of a picture.
    pub fn edges(self, [width, height]: [u32; 2]) -> [i32; 4] {
        let Self([x, y, w, h]) = self;
        let (width, height) = (f64::from(width), f64::from(height));
        [x * width, y * height, (x + w) * width, (y + h) * height].map(|edge| edge.round() as i32)
    }
}
