//! What the element tells of a frame: the property `stats` and the messages.

use std::fmt;

use crate::mapping::grade;

/// The name of the structure.
pub const NAME: &str = "histomatch";

/// What was done to a frame: the content of the property `stats` and of the element messages named
/// `histomatch`.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// `running-time` (`guint64`, nanoseconds): when the frame is to be shown; missing if it has no
    /// time stamp.
    pub running_time: Option<gst::ClockTime>,
    /// `reference` (`gchararray`): what the frame was matched to: the location of a file, as
    /// `reference-location` was set, or several with commas between them, the name of a channel, or `captured`.
    /// What isn't UTF-8 in it is replaced.
    pub reference: String,
    /// Of a snapshot of a channel, which one it was.
    pub live: Option<Live>,
    /// `distance-before` (`gdouble`, 0 to 1): by how much of the full scale the frame's samples would
    /// have to move to have the reference's distribution, on average over all samples and channels.
    pub distance_before: f64,
    /// `distance-after` (`gdouble`, 0 to 1): the same of what the lookup tables make of them.
    pub distance_after: f64,
    /// `scene-distance` (`gdouble`, 0 to 1): how little the frame is like the one before; what
    /// `scene-threshold` is compared with. 0 where the settings don't ask for it.
    pub scene_distance: f64,
    /// `scene-change` (`gboolean`): whether the frame begins a new scene.
    pub scene_change: bool,
    /// `learned` (array of `gboolean`): for each channel, whether the mapping was learned from the
    /// frame; otherwise it was held.
    pub learned: Vec<bool>,
    /// `gain` (`gdouble`): by how much brighter the frame was taken to be than the average, which
    /// `deflicker` evens out; 1 where the settings don't ask for it.
    pub gain: f64,
    /// `depths` (array of `guint`): for each channel, its bits: levels go from 0 to
    /// 2<sup>bits</sup> − 1.
    pub depths: Vec<u32>,
    /// `luts` (array of arrays of `guint`): for each channel, output levels: up to 8 bits, that of
    /// each input level; beyond, of 256 input levels that are evenly spread, the first and the last
    /// among them. [`points`](Self::points) has the input levels, too. With the property
    /// `full-stats`, the property `stats` has the output level of each input level, whatever the
    /// depth.
    pub luts: Vec<Vec<u16>>,
    /// With `method=linear` and `method=grade`, what the frame was graded by; `depths` and `luts` are
    /// then empty.
    pub grade: Option<Grade>,
}

/// A snapshot of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// `reference-sequence` (`guint64`): its number.
    pub sequence: u64,
    /// `reference-age` (`guint64`, nanoseconds): how long ago it was published, when this is read.
    pub age: u64,
}

impl Live {
    /// The names of the fields.
    const SEQUENCE: &str = "reference-sequence";
    const AGE: &str = "reference-age";
}

/// What a frame was graded by: [`mapping::grade::Grade`](crate::mapping::grade::Grade), in R'G'B' from
/// 0 to 255.
#[derive(Clone, Debug, PartialEq)]
pub struct Grade {
    /// `matrix` (array of 9 `gdouble`): what new R', G' and B' are made of, row by row.
    pub matrix: Vec<f64>,
    /// `offset` (array of 3 `gdouble`): what is added to them.
    pub offset: Vec<f64>,
    /// `tone` (array of 256 `gdouble`): new luma, of 0 to 255 behind the matrix.
    pub tone: Vec<f64>,
    /// `chroma-gain` (array of 33 `gdouble`): what chroma is multiplied by where new luma is 0, 8 … 256.
    pub gain: Vec<f64>,
    /// `cb-shift` (array of 33 `gdouble`): what is then added to Cb.
    pub shift_cb: Vec<f64>,
    /// `cr-shift` (array of 33 `gdouble`): and to Cr.
    pub shift_cr: Vec<f64>,
}

impl From<&grade::Grade> for Grade {
    fn from(grade: &grade::Grade) -> Self {
        Self {
            matrix: grade.matrix.as_flattened().into(),
            offset: grade.offset.into(),
            tone: (0..256).map(|y| grade.tone_at(y.into())).collect(),
            gain: grade.gain.into(),
            shift_cb: grade.shift[0].into(),
            shift_cr: grade.shift[1].into(),
        }
    }
}

impl Grade {
    /// The names of the fields, and how many values they have.
    const FIELDS: [(&str, usize); 6] = [
        ("matrix", 9),
        ("offset", 3),
        ("tone", 256),
        ("chroma-gain", grade::LEVELS),
        ("cb-shift", grade::LEVELS),
        ("cr-shift", grade::LEVELS),
    ];

    /// The values of the fields, in the same order.
    fn values(&self) -> [&Vec<f64>; 6] {
        [&self.matrix, &self.offset, &self.tone, &self.gain, &self.shift_cb, &self.shift_cr]
    }
}

/// The most points that a curve of [`Stats::luts`] has, but with `full-stats`.
pub const MAX_POINTS: usize = 256;

impl Stats {
    /// The input and the output level of each point of a channel's curve: point `i` of `n` is of the
    /// input level `i` (2<sup>bits</sup> − 1) / (`n` − 1), rounded down.
    pub fn points(&self, channel: usize) -> impl Iterator<Item = (u16, u16)> {
        let levels = &self.luts[channel];
        let inputs = inputs(1 << self.depths[channel], levels.len());
        inputs.map(|input| input as u16).zip(levels.iter().copied())
    }
}

/// The levels, of so many, that the points of a curve are of.
fn inputs(n_levels: usize, n_points: usize) -> impl Iterator<Item = usize> {
    (0..n_points).map(move |i| i * (n_levels - 1) / (n_points - 1).max(1))
}

/// A table as a curve of at most so many points.
pub(super) fn curve(levels: &[u16], max_points: usize) -> Vec<u16> {
    inputs(levels.len(), levels.len().min(max_points)).map(|input| levels[input]).collect()
}

/// A structure that isn't one of [`Stats`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoStats {
    /// What is missing or of another type.
    pub field: &'static str,
}

impl fmt::Display for NoStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a structure of histomatch: '{}' is missing or of another type", self.field)
    }
}

impl std::error::Error for NoStats {}

impl From<&Stats> for gst::Structure {
    fn from(stats: &Stats) -> Self {
        let lut = |levels: &Vec<u16>| gst::Array::new(levels.iter().map(|&level| u32::from(level)));
        let mut structure = gst::Structure::builder(NAME)
            .field("reference", &stats.reference)
            .field("distance-before", stats.distance_before)
            .field("distance-after", stats.distance_after)
            .field("scene-distance", stats.scene_distance)
            .field("scene-change", stats.scene_change)
            .field("learned", gst::Array::new(stats.learned.iter().copied()))
            .field("gain", stats.gain)
            .field("depths", gst::Array::new(stats.depths.iter().copied()))
            .field("luts", gst::Array::new(stats.luts.iter().map(lut)))
            .build();
        if let Some(grade) = &stats.grade {
            for ((name, _), values) in Grade::FIELDS.into_iter().zip(grade.values()) {
                structure.set(name, gst::Array::new(values.iter().copied()));
            }
        }
        if let Some(live) = stats.live {
            structure.set(Live::SEQUENCE, live.sequence);
            structure.set(Live::AGE, live.age);
        }
        if let Some(running_time) = stats.running_time {
            structure.set("running-time", running_time);
        }
        structure
    }
}

impl TryFrom<&gst::StructureRef> for Stats {
    type Error = NoStats;

    fn try_from(structure: &gst::StructureRef) -> Result<Self, NoStats> {
        fn get<'a, T: glib::value::FromValue<'a>>(
            structure: &'a gst::StructureRef,
            field: &'static str,
        ) -> Result<T, NoStats> {
            structure.get(field).map_err(|_| NoStats { field })
        }
        fn all<T: for<'a> glib::value::FromValue<'a>>(
            array: gst::Array,
            field: &'static str,
        ) -> Result<Vec<T>, NoStats> {
            array.iter().map(|value| value.get::<T>().map_err(|_| NoStats { field })).collect()
        }
        if structure.name() != NAME {
            return Err(NoStats { field: "name" });
        }
        let lut = |levels: gst::Array| {
            let levels: Vec<u32> = all(levels, "luts")?;
            let level = |level| u16::try_from(level).map_err(|_| NoStats { field: "luts" });
            levels.into_iter().map(level).collect()
        };
        let depths: Vec<u32> = all(get(structure, "depths")?, "depths")?;
        if depths.iter().any(|depth| !(1..=16).contains(depth)) {
            return Err(NoStats { field: "depths" });
        }
        let grade = || -> Result<Grade, NoStats> {
            let mut fields = Vec::with_capacity(Grade::FIELDS.len());
            for (field, len) in Grade::FIELDS {
                let values: Vec<f64> = all(get(structure, field)?, field)?;
                if values.len() != len {
                    return Err(NoStats { field });
                }
                fields.push(values);
            }
            let mut fields = fields.into_iter();
            let mut next = || fields.next().unwrap_or_default();
            Ok(Grade {
                matrix: next(),
                offset: next(),
                tone: next(),
                gain: next(),
                shift_cb: next(),
                shift_cr: next(),
            })
        };
        let live = || -> Result<Live, NoStats> {
            let [sequence, age] = [Live::SEQUENCE, Live::AGE].map(|field| get(structure, field));
            Ok(Live { sequence: sequence?, age: age? })
        };
        Ok(Self {
            live: structure.has_field(Live::SEQUENCE).then(live).transpose()?,
            grade: structure.has_field("matrix").then(grade).transpose()?,
            running_time: structure
                .has_field("running-time")
                .then(|| get(structure, "running-time"))
                .transpose()?,
            reference: get(structure, "reference")?,
            distance_before: get(structure, "distance-before")?,
            distance_after: get(structure, "distance-after")?,
            scene_distance: get(structure, "scene-distance")?,
            scene_change: get(structure, "scene-change")?,
            learned: all(get(structure, "learned")?, "learned")?,
            gain: get(structure, "gain")?,
            depths,
            luts: all(get(structure, "luts")?, "luts")?
                .into_iter()
                .map(lut)
                .collect::<Result<_, _>>()?,
        })
    }
}
