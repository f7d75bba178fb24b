//! Frames of every format in memory of any shape.

use gst_video::VideoFormat::{self, *};
use gsthistomatch::color::{Encoding, LumaWeights, Range};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::frame::{self, FrameLayout, PlaneLayout, PlaneSpan, Subsampling};

use super::oracle::{self, Code, Colorspace, Components, Grid, Picture};

/// Where a sample of a pixel is: plane, bytes from word to word, bytes of the first pixel in front
/// of its word.
pub type Place = (usize, usize, usize);

/// Bits of a sample, bytes of its word, bits of the word below the sample, and whether the word's
/// first byte is the most significant one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Word {
    pub depth: u32,
    bytes: usize,
    shift: [u32; 3],
    big_endian: bool,
}

const BYTE: Word = Word { depth: 8, bytes: 1, shift: [0; 3], big_endian: false };

const fn word(depth: u32, shift: u32) -> Word {
    Word { depth, bytes: 2, shift: [shift; 3], big_endian: false }
}

const fn big_endian(word: Word) -> Word {
    Word { big_endian: true, ..word }
}

impl Word {
    /// The word that memory begins with.
    fn value(&self, memory: &[u8]) -> i64 {
        let bytes = &memory[..self.bytes];
        let join = |value, byte: &u8| value << 8 | i64::from(*byte);
        if self.big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) }
    }

    /// The sample of a component in it.
    fn read(&self, component: usize, memory: &[u8]) -> i64 {
        (self.value(memory) >> self.shift[component]) & ((1 << self.depth) - 1)
    }

    /// Puts a sample in, and leaves the other bits as they are.
    fn write(&self, component: usize, memory: &mut [u8], sample: i64) {
        let shift = self.shift[component];
        let mask = ((1 << self.depth) - 1) << shift;
        let value = self.value(memory) & !mask | sample << shift;
        for (i, to) in memory[..self.bytes].iter_mut().enumerate() {
            let byte = if self.big_endian { self.bytes - 1 - i } else { i };
            *to = (value >> (8 * byte)) as u8;
        }
    }
}

/// A format whose samples stand apart from each other.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    pub format: VideoFormat,
    /// Of R', G', B', of Y', Cb, Cr, or of luma alone.
    pub places: &'static [Place],
    word: Word,
    /// The pixels side by side and the rows that share a sample of chroma.
    pub shared: (usize, usize),
}

const fn rgb(format: VideoFormat, places: &'static [Place], word: Word) -> Format {
    Format { format, places, word, shared: (1, 1) }
}

const fn yuv(
    format: VideoFormat,
    shared: (usize, usize),
    places: &'static [Place],
    word: Word,
) -> Format {
    Format { format, places, word, shared }
}

const PLANES: &[Place] = &[(0, 1, 0), (1, 1, 0), (2, 1, 0)];
const PLANES_16: &[Place] = &[(0, 2, 0), (1, 2, 0), (2, 2, 0)];
const GBR_16: &[Place] = &[(2, 2, 0), (0, 2, 0), (1, 2, 0)];

/// Formats and where each has its samples, written down by hand from GStreamer's documentation of
/// raw video formats.
pub const FORMATS: [Format; 62] = [
    rgb(Rgbx, &[(0, 4, 0), (0, 4, 1), (0, 4, 2)], BYTE),
    rgb(Xrgb, &[(0, 4, 1), (0, 4, 2), (0, 4, 3)], BYTE),
    rgb(Bgrx, &[(0, 4, 2), (0, 4, 1), (0, 4, 0)], BYTE),
    rgb(Xbgr, &[(0, 4, 3), (0, 4, 2), (0, 4, 1)], BYTE),
    rgb(Rgba, &[(0, 4, 0), (0, 4, 1), (0, 4, 2)], BYTE),
    rgb(Argb, &[(0, 4, 1), (0, 4, 2), (0, 4, 3)], BYTE),
    rgb(Bgra, &[(0, 4, 2), (0, 4, 1), (0, 4, 0)], BYTE),
    rgb(Abgr, &[(0, 4, 3), (0, 4, 2), (0, 4, 1)], BYTE),
    rgb(Rgb, &[(0, 3, 0), (0, 3, 1), (0, 3, 2)], BYTE),
    rgb(Bgr, &[(0, 3, 2), (0, 3, 1), (0, 3, 0)], BYTE),
    rgb(Gbr, &[(2, 1, 0), (0, 1, 0), (1, 1, 0)], BYTE),
    rgb(Gbra, &[(2, 1, 0), (0, 1, 0), (1, 1, 0)], BYTE),
    rgb(Gray8, &[(0, 1, 0)], BYTE),
    yuv(I420, (2, 2), PLANES, BYTE),
    yuv(Yv12, (2, 2), &[(0, 1, 0), (2, 1, 0), (1, 1, 0)], BYTE),
    yuv(Nv12, (2, 2), &[(0, 1, 0), (1, 2, 0), (1, 2, 1)], BYTE),
    yuv(Nv21, (2, 2), &[(0, 1, 0), (1, 2, 1), (1, 2, 0)], BYTE),
    yuv(A420, (2, 2), PLANES, BYTE),
    yuv(Yuy2, (2, 1), &[(0, 2, 0), (0, 4, 1), (0, 4, 3)], BYTE),
    yuv(Yvyu, (2, 1), &[(0, 2, 0), (0, 4, 3), (0, 4, 1)], BYTE),
    yuv(Uyvy, (2, 1), &[(0, 2, 1), (0, 4, 0), (0, 4, 2)], BYTE),
    yuv(Vyuy, (2, 1), &[(0, 2, 1), (0, 4, 2), (0, 4, 0)], BYTE),
    yuv(Y42b, (2, 1), PLANES, BYTE),
    yuv(Nv16, (2, 1), &[(0, 1, 0), (1, 2, 0), (1, 2, 1)], BYTE),
    yuv(Nv61, (2, 1), &[(0, 1, 0), (1, 2, 1), (1, 2, 0)], BYTE),
    yuv(Y444, (1, 1), PLANES, BYTE),
    yuv(Nv24, (1, 1), &[(0, 1, 0), (1, 2, 0), (1, 2, 1)], BYTE),
    yuv(Ayuv, (1, 1), &[(0, 4, 1), (0, 4, 2), (0, 4, 3)], BYTE),
    yuv(Vuya, (1, 1), &[(0, 4, 2), (0, 4, 1), (0, 4, 0)], BYTE),
    yuv(V308, (1, 1), &[(0, 3, 0), (0, 3, 1), (0, 3, 2)], BYTE),
    yuv(Iyu2, (1, 1), &[(0, 3, 1), (0, 3, 0), (0, 3, 2)], BYTE),
    yuv(Y41b, (4, 1), PLANES, BYTE),
    yuv(Yuv9, (4, 4), PLANES, BYTE),
    yuv(Yvu9, (4, 4), &[(0, 1, 0), (2, 1, 0), (1, 1, 0)], BYTE),
    yuv(I42010le, (2, 2), PLANES_16, word(10, 0)),
    yuv(I42012le, (2, 2), PLANES_16, word(12, 0)),
    yuv(A42010le, (2, 2), PLANES_16, word(10, 0)),
    yuv(I42210le, (2, 1), PLANES_16, word(10, 0)),
    yuv(I42212le, (2, 1), PLANES_16, word(12, 0)),
    yuv(Y44410le, (1, 1), PLANES_16, word(10, 0)),
    yuv(Y44412le, (1, 1), PLANES_16, word(12, 0)),
    yuv(Y44416le, (1, 1), PLANES_16, word(16, 0)),
    yuv(P01010le, (2, 2), &[(0, 2, 0), (1, 4, 0), (1, 4, 2)], word(10, 6)),
    yuv(P012Le, (2, 2), &[(0, 2, 0), (1, 4, 0), (1, 4, 2)], word(12, 4)),
    yuv(P016Le, (2, 2), &[(0, 2, 0), (1, 4, 0), (1, 4, 2)], word(16, 0)),
    yuv(V216, (2, 1), &[(0, 4, 2), (0, 8, 0), (0, 8, 4)], word(16, 0)),
    yuv(Ayuv64, (1, 1), &[(0, 8, 2), (0, 8, 4), (0, 8, 6)], word(16, 0)),
    rgb(Gbr10le, GBR_16, word(10, 0)),
    rgb(Gbr12le, GBR_16, word(12, 0)),
    rgb(Gbra10le, GBR_16, word(10, 0)),
    rgb(Argb64Le, &[(0, 8, 2), (0, 8, 4), (0, 8, 6)], word(16, 0)),
    rgb(Rgba64Le, &[(0, 8, 0), (0, 8, 2), (0, 8, 4)], word(16, 0)),
    rgb(Bgra64Le, &[(0, 8, 4), (0, 8, 2), (0, 8, 0)], word(16, 0)),
    rgb(Gray16Le, &[(0, 2, 0)], word(16, 0)),
    rgb(
        Rgb10a2Le,
        &[(0, 4, 0), (0, 4, 0), (0, 4, 0)],
        Word { depth: 10, bytes: 4, shift: [0, 10, 20], big_endian: false },
    ),
    rgb(
        Bgr10a2Le,
        &[(0, 4, 0), (0, 4, 0), (0, 4, 0)],
        Word { depth: 10, bytes: 4, shift: [20, 10, 0], big_endian: false },
    ),
    yuv(I42010be, (2, 2), PLANES_16, big_endian(word(10, 0))),
    yuv(Y44412be, (1, 1), PLANES_16, big_endian(word(12, 0))),
    rgb(Gbr10be, GBR_16, big_endian(word(10, 0))),
    yuv(P01010be, (2, 2), &[(0, 2, 0), (1, 4, 0), (1, 4, 2)], big_endian(word(10, 6))),
    rgb(Rgba64Be, &[(0, 8, 0), (0, 8, 2), (0, 8, 4)], big_endian(word(16, 0))),
    rgb(Gray16Be, &[(0, 2, 0)], big_endian(word(16, 0))),
];

impl Format {
    pub fn of(format: VideoFormat) -> &'static Self {
        FORMATS.iter().find(|known| known.format == format).expect("a format of the table")
    }

    pub fn depth(&self) -> u32 {
        self.word.depth
    }

    /// Whether every bit of a word belongs to a sample or to alpha.
    pub fn has_no_unused_bits(&self) -> bool {
        self.word.depth == 8 * self.word.bytes as u32 || self.word.bytes == 4
    }

    pub fn is_subsampled(&self) -> bool {
        self.shared != (1, 1)
    }

    fn shared(&self, component: usize) -> (usize, usize) {
        if component == 0 { (1, 1) } else { self.shared }
    }

    /// The rows of each of a frame's planes, alpha too, and the bytes that a row takes.
    fn planes(&self, info: &gst_video::VideoInfo) -> Vec<(usize, usize)> {
        let (width, height) = (info.width() as usize, info.height() as usize);
        (0..info.n_planes() as usize)
            .map(|plane| {
                let components: Vec<usize> =
                    (0..self.places.len()).filter(|&c| self.places[c].0 == plane).collect();
                let Some(&first) = components.first() else {
                    // Alpha, a sample for each pixel.
                    return (height, width * self.word.bytes);
                };
                let row = |&c: &usize| width.div_ceil(self.shared(c).0) * self.places[c].1;
                let vertical = self.shared(first).1;
                let rows = height.div_ceil(vertical);
                (rows, components.iter().map(row).max().unwrap_or_default())
            })
            .collect()
    }
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
        Self::of(info, shape, content)
    }

    pub fn of(info: gst_video::VideoInfo, shape: Shape, mut content: impl FnMut() -> u8) -> Self {
        // Caps can't say all that an info can.
        let info = gst_video::VideoInfo::from_caps(&info.to_caps().expect("caps of the info"))
            .expect("info of the caps");
        let planes = Format::of(info.format()).planes(&info);
        let (mut offsets, mut strides): (Vec<usize>, Vec<i32>) =
            (info.offset().to_vec(), info.stride().to_vec());
        let size = match shape {
            Shape::Default => info.size(),
            Shape::Stride { padding } => {
                let mut at = 0;
                for (plane, (rows, row_bytes)) in planes.into_iter().enumerate() {
                    let stride = row_bytes + padding;
                    strides[plane] = stride as i32;
                    offsets[plane] = at;
                    at += rows * stride;
                }
                at
            }
            Shape::OffsetShortLastRow => {
                let mut at = 7;
                for (plane, (rows, row_bytes)) in planes.into_iter().enumerate() {
                    let stride = row_bytes + 13;
                    strides[plane] = stride as i32;
                    offsets[plane] = at;
                    at += stride * (rows - 1) + row_bytes + 5;
                }
                at - 5
            }
        };
        let bytes = (0..size).map(|_| content()).collect();
        Self { info, bytes, offsets, strides, meta: !matches!(shape, Shape::Default) }
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

    /// The layout, as the core takes it.
    pub fn layout(&self) -> FrameLayout {
        let format = Format::of(self.info.format());
        let (width, height) = (self.info.width() as usize, self.info.height() as usize);
        let range = |limited| if limited { Range::Limited } else { Range::Full };
        let n_planes = format.places.iter().map(|place| place.0).max().unwrap_or_default() + 1;
        let word = format.word;
        FrameLayout {
            width,
            height,
            encoding: match self.code() {
                Code::Rgb { limited } => Encoding::Rgb(range(limited)),
                Code::Luma { kr, kb, limited } => {
                    Encoding::Luma(LumaWeights { red: kr, blue: kb }, range(limited))
                }
                Code::YCbCr { kr, kb, limited } => {
                    Encoding::YCbCr(LumaWeights { red: kr, blue: kb }, range(limited))
                }
            },
            colorimetry: Colorimetry::SRGB,
            components: format
                .places
                .iter()
                .zip(word.shift)
                .map(|(&(plane, pixel_stride, offset), shift)| frame::Component {
                    depth: word.depth,
                    place: Some(frame::SampleLayout {
                        plane,
                        offset,
                        pixel_stride,
                        bytes: word.bytes,
                        big_endian: word.big_endian,
                        shift,
                    }),
                })
                .collect(),
            chroma: Subsampling {
                horizontal: format.shared.0,
                vertical: format.shared.1,
                cosited: false,
            },
            planes: format
                .planes(&self.info)
                .into_iter()
                .take(n_planes)
                .enumerate()
                .map(|(plane, (_, row_bytes))| {
                    let first = format.places.iter().position(|place| place.0 == plane);
                    let vertical = format.shared(first.expect("a plane of colours")).1;
                    PlaneLayout { plane, row_bytes, vertical }
                })
                .collect(),
        }
    }

    /// Where the planes are, as the core takes it.
    pub fn spans(&self) -> Vec<PlaneSpan> {
        let span =
            |(&offset, &stride): (&usize, &i32)| PlaneSpan { offset, stride: stride as isize };
        self.offsets.iter().zip(&self.strides).map(span).collect()
    }

    /// What the samples mean, by the caps.
    pub fn code(&self) -> Code {
        code(&self.info)
    }

    /// Where in `bytes` the words of a component are, row by row, in one of `n_fields` fields.
    fn positions(&self, component: usize, field: usize, n_fields: usize) -> Vec<Vec<usize>> {
        let format = Format::of(self.info.format());
        let (plane, stride, byte) = format.places[component];
        let shared = format.shared(component);
        let rows = (self.info.height() as usize + n_fields - 1 - field) / n_fields;
        let samples = (self.info.width() as usize).div_ceil(shared.0);
        (0..rows.div_ceil(shared.1))
            .map(|y| {
                let row =
                    self.offsets[plane] + (y * n_fields + field) * self.strides[plane] as usize;
                (0..samples).map(|x| row + x * stride + byte).collect()
            })
            .collect()
    }

    /// The pictures of which it consists: two fields if it is interlaced.
    pub fn pictures(&self) -> Vec<Components> {
        let format = Format::of(self.info.format());
        let interleaved = self.info.interlace_mode() == gst_video::VideoInterlaceMode::Interleaved;
        // Chroma of fields can be told apart where each field has whole groups of rows.
        let has_fields =
            format.shared.1 > 1 && self.info.height().is_multiple_of(2 * format.shared.1 as u32);
        let n_fields = if interleaved && has_fields { 2 } else { 1 };
        let site = self.info.chroma_site();
        (0..n_fields)
            .map(|field| Components {
                grids: (0..format.places.len())
                    .map(|c| -> Grid {
                        let sample = |&at: &usize| format.word.read(c, &self.bytes[at..]);
                        let row = |row: &Vec<usize>| row.iter().map(sample).collect();
                        self.positions(c, field, n_fields).iter().map(row).collect()
                    })
                    .collect(),
                depths: vec![format.word.depth; format.places.len()],
                shared: format.shared,
                cosited: format.shared.0 > 1
                    && site.contains(gst_video::VideoChromaSite::H_COSITED),
            })
            .collect()
    }

    /// Replaces the samples of all pictures.
    pub fn set_pictures(&mut self, pictures: &[Components]) {
        let (n_fields, word) = (pictures.len(), Format::of(self.info.format()).word);
        for (field, picture) in pictures.iter().enumerate() {
            for (c, grid) in picture.grids.iter().enumerate() {
                for (positions, samples) in self.positions(c, field, n_fields).iter().zip(grid) {
                    for (&at, &sample) in positions.iter().zip(samples) {
                        word.write(c, &mut self.bytes[at..], sample);
                    }
                }
            }
        }
    }

    /// The samples of each component, of frames with bytes for samples.
    pub fn channels(&self) -> Vec<Vec<u8>> {
        self.pictures()[0]
            .grids
            .iter()
            .map(|grid| grid.iter().flatten().map(|&v| v as u8).collect())
            .collect()
    }

    /// The bytes that the element must give: samples as the oracle says, the rest as it was.
    pub fn expected(&self, reference: &Picture) -> Vec<u8> {
        self.expected_in(Colorspace::Rgb, reference)
    }

    pub fn expected_in(&self, colorspace: Colorspace, reference: &Picture) -> Vec<u8> {
        let mut frame = self.clone();
        frame.set_pictures(&self.matched_in(colorspace, reference));
        frame.bytes
    }

    /// Its pictures, matched by the oracle.
    pub fn matched_in(&self, colorspace: Colorspace, reference: &Picture) -> Vec<Components> {
        let mut pictures = self.pictures();
        oracle::match_pictures(&mut pictures, self.code(), colorspace, reference);
        pictures
    }
}

/// What the samples of frames mean.
pub fn code(info: &gst_video::VideoInfo) -> Code {
    let colorimetry = info.colorimetry();
    let limited = colorimetry.range() == gst_video::VideoColorRange::Range16_235;
    let (kr, kb) = colorimetry.matrix().kr_kb().unwrap_or((0.299, 0.114));
    if info.is_rgb() {
        Code::Rgb { limited }
    } else if info.is_gray() {
        Code::Luma { kr, kb, limited }
    } else {
        Code::YCbCr { kr, kb, limited }
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

/// The bytes of a picture after the oracle, rows without padding.
pub fn matched(picture: &image::RgbImage, reference: &str) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let mut frame = Frame::new(VideoFormat::Rgb, width, height, Shape::Stride { padding: 0 }, || 0);
    frame.bytes = picture.as_raw().clone();
    frame.expected(&Picture::of(&super::media(reference)))
}
