//! Frames to measure with.
#![allow(dead_code, reason = "each bench uses some of it")]

use std::fmt;
use std::hint::black_box;

use gsthistomatch::kernels::InstructionSet;
use gsthistomatch::matcher::Matcher;
use gsthistomatch::pixels::{ColorModel, Layout, PixelLayout, PlaneLayout, PlaneSpan};
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
}

impl Format {
    pub const ALL: [Self; 4] = [Self::Rgb, Self::Bgrx, Self::Gbr, Self::Gray8];

    pub fn layout(self, width: usize, height: usize) -> Layout {
        let plane = |plane, pixel_stride, channels: &[usize]| PlaneLayout {
            plane,
            pixel: PixelLayout { pixel_stride, first: 0, n_samples: channels.len() },
            channels: channels.to_vec(),
        };
        let planes = match self {
            Self::Rgb => vec![plane(0, 3, &[0, 1, 2])],
            Self::Bgrx => vec![plane(0, 4, &[2, 1, 0])],
            Self::Gbr => vec![plane(0, 1, &[1]), plane(1, 1, &[2]), plane(2, 1, &[0])],
            Self::Gray8 => vec![plane(0, 1, &[0])],
        };
        let color_model = match self {
            Self::Gray8 => ColorModel::Gray,
            _ => ColorModel::Rgb,
        };
        Layout { width, height, color_model, planes }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rgb => "RGB",
            Self::Bgrx => "BGRx",
            Self::Gbr => "GBR",
            Self::Gray8 => "GRAY8",
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

    fn picture(self, width: usize, height: usize) -> image::RgbImage {
        let (width, height) = (width as u32, height as u32);
        let flat = |color| image::RgbImage::from_pixel(width, height, image::Rgb(color));
        match self {
            Self::Natural => {
                let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/media/coffee.png");
                let picture = image::open(path).expect("the picture opens").into_rgb8();
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

/// Equal frames that take turns, and a reference with the same histograms: so the frames stay what
/// they are however often they are matched.
pub struct Frames {
    pub layout: Layout,
    spans: Vec<PlaneSpan>,
    reference: Reference,
    memory: Vec<Vec<u8>>,
    /// Where memory is copied to by [`Frames::copy`].
    copies: Vec<Vec<u8>>,
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
            let stride = width * plane.pixel.pixel_stride;
            spans.push(PlaneSpan { offset: memory.len(), stride: stride as isize });
            for pixel in picture.pixels() {
                let start = memory.len();
                memory.resize(start + plane.pixel.pixel_stride, 0);
                for (byte, &channel) in memory[start..].iter_mut().zip(&plane.channels) {
                    *byte = pixel.0[channel];
                }
            }
        }
        let reference = match layout.color_model {
            ColorModel::Rgb => picture.into(),
            // Grey frames hold R', so the reference's luma is to be R'.
            ColorModel::Gray => {
                image::GrayImage::from_raw(width as u32, height as u32, memory.clone())
                    .expect("one byte per pixel")
                    .into()
            }
        };
        Self {
            spans,
            reference: Reference::from_picture(&reference).expect("a picture with pixels"),
            memory: vec![memory; n],
            copies: (0..n).map(|_| vec![1; layout.bytes()]).collect(),
            layout,
            next: 0,
        }
    }

    pub fn bytes(&self) -> usize {
        self.layout.bytes()
    }

    pub fn matcher(&self, instruction_set: InstructionSet) -> Matcher {
        Matcher::new(self.layout.clone(), instruction_set).expect("kernels for the layout")
    }

    fn turn(&mut self) -> usize {
        self.next = (self.next + 1) % self.memory.len();
        self.next
    }

    /// Matches the next frame, as the element does.
    pub fn process(&mut self, matcher: &mut Matcher, workers: &Workers) {
        let turn = self.turn();
        matcher
            .process(black_box(&mut self.memory[turn]), &self.spans, &self.reference, workers)
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
