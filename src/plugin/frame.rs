//! From GStreamer's description of a frame to layouts and plane spans.

use std::sync::Arc;

use gst_video::prelude::*;
use gst_video::{VideoFormat, VideoFormatFlags, VideoFormatInfo, VideoInterlaceMode};

use crate::color::{Encoding, LumaWeights, Range};
use crate::colorimetry::Colorimetry;
use crate::frame::unpack::Unpack;
use crate::frame::{
    Area, Component, FrameLayout, PlaneLayout, PlaneSpan, SampleLayout, Scan, Subsampling,
};

/// Whether a raw format is none of the element's: it is tiled in ways of its own, or has a palette,
/// for which GStreamer would put a fixed one when it packs rows, or GStreamer can't unpack it to
/// integers.
fn is_left_out(info: &VideoFormatInfo) -> bool {
    info.flags().intersects(VideoFormatFlags::TILED | VideoFormatFlags::PALETTE)
        || unpacked_bits(info).is_none()
}

/// Bits of the samples that GStreamer unpacks a format to.
fn unpacked_bits(info: &VideoFormatInfo) -> Option<u32> {
    match info.unpack_format() {
        VideoFormat::Argb | VideoFormat::Ayuv => Some(8),
        VideoFormat::Argb64 | VideoFormat::Ayuv64 => Some(16),
        _ => None,
    }
}

/// All formats of the element: what this GStreamer knows, but those that are left out.
///
/// The first ones are chosen where a pipeline leaves the choice, so those come first that cost
/// least: 8 bits, then as few as possible; the machine's byte order; what needs no unpacking.
pub(super) fn formats() -> Vec<VideoFormat> {
    let mut formats: Vec<VideoFormatInfo> = VideoFormat::iter_raw()
        .map(VideoFormatInfo::from_format)
        .filter(|info| !is_left_out(info))
        .collect();
    formats.sort_by_key(|info| {
        let depth = info.depth().iter().take(3).copied().max().unwrap_or_default();
        let deep = depth.max(8);
        let foreign_order = deep > 8 && info.is_le() != cfg!(target_endian = "little");
        (deep > 8, foreign_order, !is_placed(info), deep, !info.is_rgb())
    });
    formats.iter().map(VideoFormatInfo::format).collect()
}

/// The caps of the elements' pads: all formats, in frames or fields.
///
/// Elements that make overlays, such as subtitles, ask by a caps feature whether these may stay beside the
/// frames, or have to be drawn into them. They may: the element matches frames and passes on their metas.
/// The feature is listed with and without that of system memory, as GStreamer takes these for different
/// caps.
pub(super) fn caps() -> gst::Caps {
    let (memory, overlay) = (
        gst::CAPS_FEATURE_MEMORY_SYSTEM_MEMORY,
        gst_video::CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION,
    );
    let fields = gst_video::CAPS_FEATURE_FORMAT_INTERLACED;
    let kinds: [&[&glib::GStr]; 5] =
        [&[], &[fields], &[memory, overlay], &[overlay], &[fields, overlay]];
    let frames = gst_video::VideoCapsBuilder::new().format_list(formats()).build();
    let mut all = gst::Caps::new_empty();
    for features in kinds {
        let mut caps = frames.clone();
        let caps_mut = caps.make_mut();
        if !features.is_empty() {
            caps_mut.set_features_simple(Some(gst::CapsFeatures::new(features.iter().copied())));
        }
        if features.contains(&fields) {
            caps_mut.set("interlace-mode", "alternate");
        }
        all.make_mut().append(caps);
    }
    all
}

/// The pads of the elements, with these caps.
pub(super) fn pad_templates() -> Vec<gst::PadTemplate> {
    let caps = caps();
    [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
        .into_iter()
        .filter_map(|(name, direction)| {
            gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
        })
        .collect()
}

/// The layout of the frames that `info` describes, from GStreamer's table of formats.
///
/// If `generic`, the places of samples are left out, as if the format were one of those that only
/// GStreamer can unpack.
pub(super) fn layout(info: &gst_video::VideoInfo, generic: bool) -> FrameLayout {
    let format = info.format_info();
    let encoding = encoding(info);
    let placed = is_placed(&format) && !generic;
    let n_components = format.n_components() as usize;
    let planes: Vec<PlaneLayout> = (0..info.n_planes() as usize)
        .filter_map(|plane| {
            let of_plane: Vec<usize> =
                (0..n_components).filter(|&c| format.plane()[c] as usize == plane).collect();
            let is_color = of_plane.iter().any(|&component| component < encoding.n_channels());
            // A plane of alpha is left alone, unless pixels are packed as a whole.
            let &first = of_plane.first().filter(|_| is_color || !placed)?;
            let row_bytes = of_plane
                .iter()
                .map(|&component| {
                    let samples = format.scale_width(component as u8, info.width()) as usize;
                    match format.pixel_stride()[component] as usize {
                        // Several pixels share bytes.
                        0 => usize::MAX,
                        pixel_stride => samples.saturating_mul(pixel_stride),
                    }
                })
                .max()?;
            Some(PlaneLayout {
                plane,
                // Pixels that are packed in pairs and the like may end early in the last one.
                row_bytes: row_bytes.min(info.stride()[plane] as usize),
                vertical: 1 << format.h_sub()[first],
            })
        })
        .collect();
    let components = (0..encoding.n_channels())
        .map(|component| Component {
            depth: format.depth()[component],
            place: planes
                .iter()
                .position(|plane| plane.plane == format.plane()[component] as usize)
                .filter(|_| placed)
                .map(|plane| SampleLayout { plane, ..place(&format, component) }),
        })
        .collect();
    let chroma = match encoding {
        Encoding::YCbCr(..) => Subsampling {
            horizontal: 1 << format.w_sub()[1],
            vertical: 1 << format.h_sub()[1],
            cosited: format.w_sub()[1] > 0
                && info.chroma_site().contains(gst_video::VideoChromaSite::H_COSITED),
        },
        Encoding::Rgb(_) | Encoding::Luma(..) => Subsampling::NONE,
    };
    FrameLayout {
        width: info.width() as usize,
        height: info.height() as usize,
        encoding,
        // Where it isn't known, levels are matched as they are.
        colorimetry: colorimetry(info).unwrap_or_default(),
        components,
        chroma,
        planes,
    }
}

/// What the components of frames mean, by the caps' colorimetry.
fn encoding(info: &gst_video::VideoInfo) -> Encoding {
    let colorimetry = info.colorimetry();
    let range = match colorimetry.range() {
        gst_video::VideoColorRange::Range16_235 => Range::Limited,
        _ => Range::Full,
    };
    // Where the caps have no matrix of luma, R'G'B' for example, that of GStreamer's default for
    // small pictures.
    let weights = colorimetry
        .matrix()
        .kr_kb()
        .map_or(LumaWeights::BT601, |(red, blue)| LumaWeights { red, blue });
    if info.is_rgb() {
        Encoding::Rgb(range)
    } else if info.is_gray() {
        Encoding::Luma(weights, range)
    } else {
        Encoding::YCbCr(weights, range)
    }
}

/// What GStreamer's table of formats (of 1.22, for one) does not say, or says wrong.
struct Correction {
    formats: &'static [VideoFormat],
    /// The first byte of a pixel's word.
    offsets: [usize; 3],
    /// Bytes of a word and bits of it below the sample, where a word holds several samples.
    shared_word: Option<(usize, [u32; 3])>,
}

/// Little-endian formats that lack the flag.
const LITTLE_ENDIAN: [VideoFormat; 1] = [VideoFormat::V216];

const CORRECTIONS: [Correction; 4] = [
    Correction {
        formats: &[VideoFormat::Rgb10a2Le],
        offsets: [0; 3],
        shared_word: Some((4, [0, 10, 20])),
    },
    Correction {
        formats: &[VideoFormat::Bgr10a2Le],
        offsets: [0; 3],
        shared_word: Some((4, [20, 10, 0])),
    },
    Correction { formats: &[VideoFormat::Vyuy], offsets: [1, 2, 0], shared_word: None },
    Correction {
        formats: &[
            VideoFormat::P01010le,
            VideoFormat::P01010be,
            VideoFormat::P012Le,
            VideoFormat::P012Be,
            VideoFormat::P016Le,
            VideoFormat::P016Be,
        ],
        offsets: [0, 0, 2],
        shared_word: None,
    },
];

fn correction(format: &VideoFormatInfo) -> Option<&'static Correction> {
    CORRECTIONS.iter().find(|correction| correction.formats.contains(&format.format()))
}

fn place(format: &VideoFormatInfo, component: usize) -> SampleLayout {
    let correction = correction(format);
    let (bytes, shift) = match correction.and_then(|correction| correction.shared_word) {
        Some((bytes, shifts)) => (bytes, shifts[component]),
        None => {
            let shift = format.shift()[component];
            ((format.depth()[component] + shift).div_ceil(8) as usize, shift)
        }
    };
    SampleLayout {
        plane: format.plane()[component] as usize,
        offset: correction.map_or(format.poffset()[component] as usize, |correction| {
            correction.offsets[component]
        }),
        pixel_stride: format.pixel_stride()[component] as usize,
        bytes,
        big_endian: bytes > 1 && !format.is_le() && !LITTLE_ENDIAN.contains(&format.format()),
        shift,
    }
}

/// Whether the place of every sample is known, and it is one that there is code for.
fn is_placed(format: &VideoFormatInfo) -> bool {
    let n_colors = if format.is_gray() { 1 } else { 3 };
    let places: Vec<SampleLayout> = match correction(format) {
        Some(_) => (0..n_colors).map(|component| place(format, component)).collect(),
        None => {
            (0..format.n_components() as usize).map(|component| place(format, component)).collect()
        }
    };
    let is_apart = |a: &SampleLayout, b: &SampleLayout| {
        a.plane != b.plane || a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset
    };
    // For most formats with several samples in a word, and some others, the table has only zeros.
    let are_apart =
        places.iter().enumerate().all(|(i, a)| places[..i].iter().all(|b| is_apart(a, b)));
    let shares_words = correction(format).is_some_and(|known| known.shared_word.is_some());
    !format.is_complex()
        // What conversions need; fewer bits are widened when GStreamer unpacks them.
        && format.depth()[..n_colors].iter().all(|&depth| depth >= 8)
        && (are_apart || shares_words)
        && (0..n_colors).all(|component| {
            let place = Some(place(format, component));
            Component { depth: format.depth()[component], place }.words().is_some()
        })
}

/// Unpacks and packs rows by GStreamer's functions for a format.
#[derive(Debug)]
struct GstUnpack {
    format: VideoFormatInfo,
    width: i32,
    bits: u32,
    strides: Vec<i32>,
    chroma_site: gst_video::VideoChromaSite,
}

/// GStreamer's functions for the format of `info`.
pub(super) fn unpack(info: &gst_video::VideoInfo) -> Option<Arc<dyn Unpack>> {
    let format = info.format_info();
    Some(Arc::new(GstUnpack {
        format,
        width: info.width() as i32,
        bits: unpacked_bits(&format)?,
        strides: info.stride().to_vec(),
        chroma_site: info.chroma_site(),
    }))
}

impl Unpack for GstUnpack {
    fn bits(&self) -> u32 {
        self.bits
    }

    fn width(&self) -> usize {
        self.width as usize
    }

    fn stride(&self, plane: usize) -> usize {
        self.strides[plane] as usize
    }

    fn unpack(&self, planes: &[Vec<u8>], row: usize, pixels: &mut [u8]) {
        let planes: Vec<&[u8]> = planes.iter().map(Vec::as_slice).collect();
        let flags = gst_video::VideoPackFlags::empty();
        self.format.unpack(flags, pixels, &planes, &self.strides, 0, row as i32, self.width);
    }

    fn pack(&self, pixels: &[u8], planes: &mut [Vec<u8>], row: usize) {
        let mut planes: Vec<&mut [u8]> = planes.iter_mut().map(Vec::as_mut_slice).collect();
        let flags = gst_video::VideoPackFlags::empty();
        self.format.pack(
            flags,
            pixels,
            pixels.len() as i32,
            &mut planes,
            &self.strides,
            self.chroma_site,
            row as i32,
            self.width,
        );
    }
}

/// The picture in a buffer.
pub(super) struct Placement {
    /// Pixels in a row, and rows.
    pub size: (u32, u32),
    /// Where its planes lie.
    pub spans: Vec<PlaneSpan>,
    /// What of it is shown, by a crop meta.
    pub crop: Option<Area>,
}

/// The size of the picture in a buffer that nothing more is said about: that of the caps or, of a
/// field that is alone in its buffer, half of its rows.
pub(super) fn size_by_caps(info: &gst_video::VideoInfo) -> (u32, u32) {
    let rows = match info.interlace_mode() {
        VideoInterlaceMode::Alternate => info.height().div_ceil(2),
        _ => info.height(),
    };
    (info.width(), rows)
}

/// What the caps say, for pictures of another size.
///
/// # Errors
///
/// A text that says that there are no such pictures.
pub(super) fn resized(
    info: &gst_video::VideoInfo,
    (width, height): (u32, u32),
) -> Result<gst_video::VideoInfo, String> {
    if (width, height) == (info.width(), info.height()) {
        return Ok(info.clone());
    }
    gst_video::VideoInfo::builder(info.format(), width, height)
        .colorimetry(&info.colorimetry())
        .chroma_site(info.chroma_site())
        .fps(info.fps())
        .build()
        .map_err(|_| format!("its video meta says {width} x {height} pixels, which can't be"))
}

/// Where the picture in a buffer lies: as the buffer's metas say or, without any, as the caps say.
///
/// Nothing that a meta says is believed here but that it is about these caps; whether the planes
/// lie inside the buffer is checked where they are used.
///
/// # Errors
///
/// A text that says how meta and caps differ.
pub(super) fn placement(
    buffer: &gst::BufferRef,
    info: &gst_video::VideoInfo,
) -> Result<Placement, String> {
    let span = |(&offset, &stride): (&usize, &i32)| PlaneSpan { offset, stride: stride as isize };
    let crop = buffer.meta::<gst_video::VideoCropMeta>().map(|meta| {
        let (left, top, width, height) = meta.rect();
        let [left, top, width, height] = [left, top, width, height].map(|n| n as usize);
        Area { left, top, width, height }
    });
    // As GStreamer does it: the meta of the first picture, if there are several.
    let metas = buffer.iter_meta::<gst_video::VideoMeta>();
    let Some(meta) = metas.min_by_key(|meta| meta.id()) else {
        let size = size_by_caps(info);
        let by_caps = resized(info, size)?;
        let spans = by_caps.offset().iter().zip(by_caps.stride()).map(span).collect();
        return Ok(Placement { size, spans, crop });
    };
    if meta.format() != info.format() {
        return Err(format!(
            "its video meta says {:?}, the caps say {:?}",
            meta.format(),
            info.format()
        ));
    }
    let (width, height) = size_by_caps(info);
    // The caps have the size of what is shown, which with a crop meta is a part of the frame.
    let size = if crop.is_some() { (meta.width(), meta.height()) } else { (width, height) };
    if meta.width() < size.0 || meta.height() < size.1 {
        return Err(format!(
            "its video meta says {} x {} pixels, the caps say {width} x {height}",
            meta.width(),
            meta.height(),
        ));
    }
    if meta.n_planes() != info.n_planes() {
        return Err(format!(
            "its video meta says {} planes, the caps say {}",
            meta.n_planes(),
            info.n_planes()
        ));
    }
    let spans = meta.offset().iter().zip(meta.stride()).map(span).collect();
    Ok(Placement { size, spans, crop })
}

/// Regions of a frame that metas of some type tell of.
pub(super) fn regions_of_interest(buffer: &gst::BufferRef, roi_type: &str) -> Vec<Area> {
    let metas = buffer.iter_meta::<gst_video::VideoRegionOfInterestMeta>();
    let area = |(left, top, width, height): (u32, u32, u32, u32)| {
        let [left, top, width, height] = [left, top, width, height].map(|n| n as usize);
        Area { left, top, width, height }
    };
    metas.filter(|meta| meta.roi_type() == roi_type).map(|meta| area(meta.rect())).collect()
}

/// How the rows of a frame follow each other, by the caps and, where they leave it to each buffer,
/// its flags.
pub(super) fn scan(buffer: &gst::BufferRef, info: &gst_video::VideoInfo) -> Scan {
    use gst_video::VideoBufferFlags;
    let flags = buffer.video_flags();
    match info.interlace_mode() {
        VideoInterlaceMode::Interleaved => Scan::Interleaved,
        VideoInterlaceMode::Mixed if flags.contains(VideoBufferFlags::INTERLACED) => {
            Scan::Interleaved
        }
        _ => Scan::Progressive,
    }
}

/// The kind of memory of caps that are not in system memory, and the elements that bring frames to
/// system memory.
pub(super) fn foreign_memory(caps: &gst::CapsRef) -> Option<(String, &'static str)> {
    let features = caps.features(0)?;
    let memory = features
        .iter()
        .filter_map(|feature| feature.strip_prefix("memory:"))
        .find(|&memory| memory != "SystemMemory")?;
    let cure = match memory {
        "GLMemory" => "'glcolorconvert ! gldownload'",
        "DMABuf" => {
            "'glupload ! glcolorconvert ! gldownload', or what turns it off at the source \
             (v4l2src io-mode=mmap),"
        }
        "VAMemory" | "VASurface" => "'vapostproc'",
        "CUDAMemory" => "'cudadownload'",
        "D3D11Memory" => "'d3d11download'",
        "D3D12Memory" => "'d3d12download'",
        _ => "an element that downloads frames to system memory",
    };
    Some((memory.to_string(), cure))
}

/// What R'G'B' of a stream stands for.
///
/// # Errors
///
/// What of it isn't known, by name.
pub(super) fn colorimetry(info: &gst_video::VideoInfo) -> Result<Colorimetry, String> {
    use gst_video::{VideoColorMatrix, VideoColorPrimaries, VideoTransferFunction};
    let colorimetry = info.colorimetry();
    let primaries = match colorimetry.primaries() {
        // The matrix was made for them.
        VideoColorPrimaries::Unknown if colorimetry.matrix() == VideoColorMatrix::Bt2020 => {
            VideoColorPrimaries::Bt2020
        }
        primaries => primaries,
    };
    let transfer = colorimetry.transfer();
    // For what has no number, GStreamer gives that of nothing in particular.
    const UNSPECIFIED: u32 = 2;
    let codes = [primaries.to_iso(), transfer.to_iso()];
    if codes[0] == UNSPECIFIED && primaries != VideoColorPrimaries::Unknown {
        return Err(format!("the primaries {primaries:?}"));
    }
    if codes[1] == UNSPECIFIED && transfer != VideoTransferFunction::Unknown {
        return Err(format!("the transfer {transfer:?}"));
    }
    Colorimetry::from_codes(codes[0] as u8, codes[1] as u8)
}
