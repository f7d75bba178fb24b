//! Frames to measure with.
#![allow(dead_code, reason = "each bench uses some of it")]

pub mod ring;

use std::fmt;
use std::hint::black_box;

use gsthistomatch::color::{ColorSpace, Encoding, LumaWeights, Range};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::frame::{
    Component, FrameLayout, PlaneLayout, PlaneSpan, SampleLayout, Scan, Subsampling,
};
use gsthistomatch::grading::{self, Goal, Method, Rule};
use gsthistomatch::kernels::InstructionSet;
use gsthistomatch::matcher::Matcher;
use gsthistomatch::matching::match_histograms;
use gsthistomatch::reference::Reference;
use gsthistomatch::workers::Workers;
use image::imageops::{FilterType, resize};

pub const SIZES: [(&str, usize, usize); 2] = [("1080p", 1920, 1080), ("2160p", 3840, 2160)];

/// Frames that take turns, as in a pipeline: together larger than the second-level cache.
pub const ROTATING: usize = 8;

#[derive(Clone, Copy, Debug)]
pub enum Format {
    Rgb,
    Bgrx,
    Gbr,
    Gray8,
    I420,
    Nv12,
    Yuy2,
    Y444,
    I420_10,
    P010,
    I420_12,
    Gbr10,
    Rgba64,
}

impl Format {
    /// Those whose channels are bytes in memory.
    pub const BYTES: [Self; 4] = [Self::Rgb, Self::Bgrx, Self::Gbr, Self::Gray8];

    pub const ALL: [Self; 10] = [
        Self::Rgb,
        Self::Bgrx,
        Self::Gbr,
        Self::Gray8,
        Self::I420,
        Self::Nv12,
        Self::Yuy2,
        Self::I420_10,
        Self::Gbr10,
        Self::Rgba64,
    ];

    pub fn layout(self, width: usize, height: usize) -> FrameLayout {
        // (plane, bytes from word to word, bytes in front of the first word) of each component.
        let (places, chroma): (&[(usize, usize, usize)], _) = match self {
            Self::Rgb => (&[(0, 3, 0), (0, 3, 1), (0, 3, 2)], (1, 1)),
            Self::Bgrx => (&[(0, 4, 2), (0, 4, 1), (0, 4, 0)], (1, 1)),
            Self::Gbr => (&[(2, 1, 0), (0, 1, 0), (1, 1, 0)], (1, 1)),
            Self::Gray8 => (&[(0, 1, 0)], (1, 1)),
            Self::I420 => (&[(0, 1, 0), (1, 1, 0), (2, 1, 0)], (2, 2)),
            Self::Nv12 => (&[(0, 1, 0), (1, 2, 0), (1, 2, 1)], (2, 2)),
            Self::Yuy2 => (&[(0, 2, 0), (0, 4, 1), (0, 4, 3)], (2, 1)),
            Self::Y444 => (&[(0, 1, 0), (1, 1, 0), (2, 1, 0)], (1, 1)),
            Self::I420_10 | Self::I420_12 => (&[(0, 2, 0), (1, 2, 0), (2, 2, 0)], (2, 2)),
            Self::P010 => (&[(0, 2, 0), (1, 4, 0), (1, 4, 2)], (2, 2)),
            Self::Gbr10 => (&[(2, 2, 0), (0, 2, 0), (1, 2, 0)], (1, 1)),
            Self::Rgba64 => (&[(0, 8, 0), (0, 8, 2), (0, 8, 4)], (1, 1)),
        };
        let depth = match self {
            Self::I420_10 | Self::P010 | Self::Gbr10 => 10,
            Self::I420_12 => 12,
            Self::Rgba64 => 16,
            _ => 8,
        };
        let encoding = match self {
            Self::Gray8 => Encoding::Luma(LumaWeights::BT709, Range::Full),
            Self::I420
            | Self::Nv12
            | Self::Yuy2
            | Self::Y444
            | Self::I420_10
            | Self::I420_12
            | Self::P010 => Encoding::YCbCr(LumaWeights::BT709, Range::Limited),
            _ => Encoding::Rgb(Range::Full),
        };
        let component = |&(plane, pixel_stride, offset): &(usize, usize, usize)| Component {
            depth,
            place: Some(SampleLayout {
                plane,
                offset,
                pixel_stride,
                bytes: depth.div_ceil(8) as usize,
                big_endian: false,
                // The upper bits of a word.
                shift: if matches!(self, Self::P010) { 6 } else { 0 },
            }),
        };
        let (horizontal, vertical) = chroma;
        let shared = |component| if component == 0 { (1, 1) } else { chroma };
        let n_planes = places.iter().map(|place| place.0).max().unwrap_or_default() + 1;
        let plane = |plane| {
            let of_plane = places.iter().enumerate().filter(|(_, place)| place.0 == plane);
            let rows = of_plane.map(|(component, place)| {
                (width.div_ceil(shared(component).0) * place.1, shared(component).1)
            });
            let (row_bytes, vertical) = rows.max().unwrap_or_default();
            PlaneLayout { plane, row_bytes, vertical }
        };
        FrameLayout {
            width,
            height,
            encoding,
            colorimetry: Colorimetry::SRGB,
            components: places.iter().map(component).collect(),
            chroma: Subsampling { horizontal, vertical, cosited: horizontal > 1 },
            planes: (0..n_planes).map(plane).collect(),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rgb => "RGB",
            Self::Bgrx => "BGRx",
            Self::Gbr => "GBR",
            Self::Gray8 => "GRAY8",
            Self::I420 => "I420",
            Self::Nv12 => "NV12",
            Self::Yuy2 => "YUY2",
            Self::Y444 => "Y444",
            Self::I420_10 => "I420_10LE",
            Self::I420_12 => "I420_12LE",
            Self::P010 => "P010_10LE",
            Self::Gbr10 => "GBR_10LE",
            Self::Rgba64 => "RGBA64_LE",
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// A photograph.
    Natural,
    /// One colour.
    Flat,
    Black,
    /// Every sample anything.
    Noise,
}

impl Content {
    pub const ALL: [Self; 4] = [Self::Natural, Self::Flat, Self::Black, Self::Noise];

    pub fn picture(self, width: usize, height: usize) -> image::RgbImage {
        let (width, height) = (width as u32, height as u32);
        let flat = |color| image::RgbImage::from_pixel(width, height, image::Rgb(color));
        match self {
            Self::Natural => {
                let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/media/coffee.png");
                let file = std::fs::read(path).expect("the picture can be read");
                // Not `image::open`, which would compile the decoders into each bench.
                let picture = image::load_from_memory(&file).expect("the picture opens");
                let picture = picture.into_rgb8();
                resize(&picture, width, height, FilterType::Lanczos3)
            }
            Self::Flat => flat([200, 90, 30]),
            Self::Black => flat([0; 3]),
            Self::Noise => {
                let mut state = 1u64;
                image::RgbImage::from_fn(width, height, |_, _| {
                    // Xorshift.
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    let [r, g, b, ..] = state.to_le_bytes();
                    image::Rgb([r, g, b])
                })
            }
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Natural => "natural",
            Self::Flat => "flat",
            Self::Black => "black",
            Self::Noise => "noise",
        })
    }
}

/// A sample of a colour by BT.709, rounded.
fn sample(encoding: Encoding, component: usize, [r, g, b]: [f64; 3]) -> f64 {
    let luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let value = match (encoding, component) {
        (Encoding::Rgb(_), _) => [r, g, b][component],
        (Encoding::Luma(..), _) => luma,
        (_, 0) => 16. + luma * 219. / 255.,
        (_, 1) => 128. + (b - luma) / 1.8556 * 224. / 255.,
        (_, _) => 128. + (r - luma) / 1.5748 * 224. / 255.,
    };
    value.round()
}

/// Equal frames that take turns, and a reference with the same colours: so the frames stay what
/// they are, more or less, however often they are matched.
pub struct Frames {
    pub layout: FrameLayout,
    spans: Vec<PlaneSpan>,
    reference: Reference,
    memory: Vec<Vec<u8>>,
    /// Where memory is copied to by [`Frames::copy`].
    copies: Vec<Vec<u8>>,
    color_space: ColorSpace,
    /// For frames that are graded.
    method: Option<(Method, Goal)>,
    next: usize,
}

impl Frames {
    /// `n` frames without padding.
    pub fn new(
        format: Format,
        content: Content,
        (width, height): (usize, usize),
        n: usize,
    ) -> Self {
        let picture = content.picture(width, height);
        let layout = format.layout(width, height);
        let mut memory = Vec::new();
        let mut spans = Vec::new();
        for plane in &layout.planes {
            let stride = plane.row_bytes;
            spans.push(PlaneSpan { offset: memory.len(), stride: stride as isize });
            memory.resize(memory.len() + stride * height.div_ceil(plane.vertical), 0);
        }
        for (c, component) in layout.components.iter().enumerate() {
            let place = component.place.expect("the place is known");
            let Subsampling { horizontal, vertical, .. } = layout.subsampling(c);
            let span = spans[place.plane];
            for y in 0..height.div_ceil(vertical) {
                let row = span.offset + y * span.stride as usize + place.offset;
                for x in 0..layout.samples(c) {
                    let (x_full, y_full) = ((x * horizontal) as u32, (y * vertical) as u32);
                    let rgb = picture.get_pixel(x_full, y_full).0.map(f64::from);
                    let value = sample(layout.encoding, c, rgb);
                    let word = (value as u32) << (component.depth - 8 + place.shift);
                    let word = word.to_le_bytes();
                    let at = row + x * place.pixel_stride;
                    memory[at..at + place.bytes].copy_from_slice(&word[..place.bytes]);
                }
            }
        }
        Self {
            spans,
            reference: Reference::from_picture(&picture.into()).expect("a picture with pixels"),
            memory: vec![memory; n],
            copies: (0..n).map(|_| vec![1; layout.bytes()]).collect(),
            layout,
            color_space: ColorSpace::Rgb,
            method: None,
            next: 0,
        }
    }

    /// With other channels.
    pub fn in_color_space(mut self, color_space: ColorSpace) -> Self {
        self.color_space = color_space;
        self
    }

    /// Graded, instead of matched.
    pub fn graded(mut self, method: Method) -> Self {
        let weights = grading::luma_weights(self.layout.encoding);
        self.method = Some((method, Goal::new(&self.reference.sample(Colorimetry::SRGB), weights)));
        self
    }

    pub fn bytes(&self) -> usize {
        self.layout.bytes()
    }

    pub fn matcher(&self, instruction_set: InstructionSet) -> Matcher {
        let layout = self.layout.clone();
        match self.method {
            Some(_) => Matcher::grading(layout, instruction_set, None),
            None => Matcher::new(layout, self.color_space, instruction_set, None),
        }
        .expect("the places are known")
    }

    fn turn(&mut self) -> usize {
        self.next = (self.next + 1) % self.memory.len();
        self.next
    }

    /// Matches the next frame, as the element does.
    pub fn process(&mut self, matcher: &mut Matcher, workers: &Workers) {
        let turn = self.turn();
        let memory = black_box(&mut self.memory[turn]);
        let scan = Scan::Progressive;
        match &self.method {
            None => {
                let references = self.reference.cdfs(matcher.channels());
                matcher.process(memory, scan, &self.spans, workers, |statistics| {
                    match_histograms(&statistics.histograms, &references).into()
                })
            }
            Some((method, goal)) => {
                let rule = Rule { method: *method, ..Rule::default() };
                matcher.process(memory, scan, &self.spans, workers, |statistics| {
                    let sample = statistics.sample.as_ref().expect("of graded frames");
                    grading::learn(InstructionSet::best(), sample, goal, rule).grade.into()
                })
            }
        }
        .expect("the frame fits");
    }

    /// Yardstick: copies the next frame to other memory.
    pub fn copy(&mut self) {
        let turn = self.turn();
        black_box(&mut self.copies[turn]).copy_from_slice(black_box(&self.memory[turn]));
    }

    /// Yardstick: reads and writes every byte of the next copy.
    pub fn add_one(&mut self) {
        let turn = self.turn();
        black_box(&mut self.copies[turn]).iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
    }

    /// The rows of the next frame.
    pub fn rows(&mut self, stride: usize) -> impl Iterator<Item = &mut [u8]> {
        let turn = self.turn();
        black_box(&mut self.memory[turn]).chunks_mut(stride)
    }
}

/// The instruction sets that this CPU has.
pub fn instruction_sets() -> impl Iterator<Item = InstructionSet> {
    InstructionSet::ALL.into_iter().filter(|set| set.is_available())
}
