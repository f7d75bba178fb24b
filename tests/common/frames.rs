//! Frames of every format in memory of any shape.

use gst_video::VideoFormat;

use super::oracle::{self, Samples};

/// Where a sample of a pixel is: plane, bytes from pixel to pixel, byte of the pixel.
pub type Place = (usize, usize, usize);

/// The formats of the element and where each has R', G', B' or luma, written down by hand from
/// GStreamer's documentation of raw video formats.
pub const FORMATS: [(VideoFormat, &[Place]); 13] = [
    (VideoFormat::Rgbx, &[(0, 4, 0), (0, 4, 1), (0, 4, 2)]),
    (VideoFormat::Xrgb, &[(0, 4, 1), (0, 4, 2), (0, 4, 3)]),
    (VideoFormat::Bgrx, &[(0, 4, 2), (0, 4, 1), (0, 4, 0)]),
    (VideoFormat::Xbgr, &[(0, 4, 3), (0, 4, 2), (0, 4, 1)]),
    (VideoFormat::Rgba, &[(0, 4, 0), (0, 4, 1), (0, 4, 2)]),
    (VideoFormat::Argb, &[(0, 4, 1), (0, 4, 2), (0, 4, 3)]),
    (VideoFormat::Bgra, &[(0, 4, 2), (0, 4, 1), (0, 4, 0)]),
    (VideoFormat::Abgr, &[(0, 4, 3), (0, 4, 2), (0, 4, 1)]),
    (VideoFormat::Rgb, &[(0, 3, 0), (0, 3, 1), (0, 3, 2)]),
    (VideoFormat::Bgr, &[(0, 3, 2), (0, 3, 1), (0, 3, 0)]),
    (VideoFormat::Gbr, &[(2, 1, 0), (0, 1, 0), (1, 1, 0)]),
    (VideoFormat::Gbra, &[(2, 1, 0), (0, 1, 0), (1, 1, 0)]),
    (VideoFormat::Gray8, &[(0, 1, 0)]),
];

pub fn places(format: VideoFormat) -> &'static [Place] {
    FORMATS.iter().find(|(known, _)| *known == format).expect("a format of the element").1
}

/// How a frame lies in its buffer.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// As the caps say; no video meta.
    Default,
    /// Rows without padding, or with more than the caps say; told by a video meta.
    Stride { padding: usize },
    /// Something in front of and between the planes, padded rows, and a buffer that ends with the
    /// last visible byte; told by a video meta.
    OffsetShortLastRow,
}

/// A frame in a block of bytes, every byte of which, alpha and padding too, has some value.
#[derive(Clone, Debug)]
pub struct Frame {
    pub info: gst_video::VideoInfo,
    pub bytes: Vec<u8>,
    pub offsets: Vec<usize>,
    pub strides: Vec<i32>,
    pub meta: bool,
}

impl Frame {
    pub fn new(
        format: VideoFormat,
        width: u32,
        height: u32,
        shape: Shape,
        content: impl FnMut() -> u8,
    ) -> Self {
        super::init();
        let info =
            gst_video::VideoInfo::builder(format, width, height).build().expect("valid info");
        let planes = info.n_planes() as usize;
        let (width, height) = (width as usize, height as usize);
        // All planes of these formats have full size; one of three planes holds one sample a
        // pixel, as does one of four.
        let pixel_stride = places(format)[0].1;
        let row = width * pixel_stride;
        let (mut offsets, mut strides): (Vec<usize>, Vec<i32>) =
            (info.offset().to_vec(), info.stride().to_vec());
        let size = match shape {
            Shape::Default => info.size(),
            Shape::Stride { padding } => {
                let stride = row + padding;
                strides.fill(stride as i32);
                (0..planes).for_each(|p| offsets[p] = p * stride * height);
                planes * stride * height
            }
            Shape::OffsetShortLastRow => {
                let stride = row + 13;
                let plane = stride * (height - 1) + row;
                strides.fill(stride as i32);
                (0..planes).for_each(|p| offsets[p] = 7 + p * (plane + 5));
                7 + planes * (plane + 5) - 5
            }
        };
        let mut frame = Self {
            info,
            bytes: vec![0; size],
            offsets,
            strides,
            meta: !matches!(shape, Shape::Default),
        };
        frame.bytes.fill_with(content);
        frame
    }

    pub fn caps(&self) -> gst::Caps {
        self.info.to_caps().expect("caps of the info")
    }

    /// As a buffer, with a time stamp.
    pub fn buffer(&self) -> gst::Buffer {
        let mut buffer = gst::Buffer::from_mut_slice(self.bytes.clone());
        let writable = buffer.get_mut().expect("no one else has it");
        writable.set_pts(gst::ClockTime::ZERO);
        if self.meta {
            gst_video::VideoMeta::add_full(
                writable,
                gst_video::VideoFrameFlags::empty(),
                self.info.format(),
                self.info.width(),
                self.info.height(),
                &self.offsets,
                &self.strides,
            )
            .expect("the meta fits");
        }
        buffer
    }

    /// Where in `bytes` the samples of a channel are.
    fn positions(&self, (plane, pixel_stride, byte): Place) -> Vec<usize> {
        let (width, height) = (self.info.width() as usize, self.info.height() as usize);
        (0..height)
            .flat_map(|y| {
                let row = self.offsets[plane] + y * self.strides[plane] as usize;
                (0..width).map(move |x| row + x * pixel_stride + byte)
            })
            .collect()
    }

    /// The samples of each channel.
    pub fn channels(&self) -> Vec<Vec<u8>> {
        places(self.info.format())
            .iter()
            .map(|&place| self.positions(place).iter().map(|&at| self.bytes[at]).collect())
            .collect()
    }

    /// The bytes that the element must give: samples as the oracle says, the rest as it was.
    pub fn expected(&self, reference: &Samples) -> Vec<u8> {
        let places = places(self.info.format());
        let references = match places.len() {
            1 => std::slice::from_ref(&reference.luma),
            _ => &reference.rgb[..],
        };
        let mut bytes = self.bytes.clone();
        for (&place, reference) in places.iter().zip(references) {
            let positions = self.positions(place);
            let source: Vec<u8> = positions.iter().map(|&at| self.bytes[at]).collect();
            let lut = oracle::lut(&source, reference);
            positions.iter().for_each(|&at| bytes[at] = lut[usize::from(self.bytes[at])]);
        }
        bytes
    }
}

/// Bytes that look random and are the same in every run (Marsaglia's xorshift).
pub fn noise(seed: u32) -> impl FnMut() -> u8 {
    let mut state = seed.wrapping_mul(2_654_435_769) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    }
}
