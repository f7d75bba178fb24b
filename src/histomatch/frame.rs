//! From GStreamer's description of a frame to plane spans.

use crate::pixels::{ColorModel, Layout, PixelLayout, PlaneLayout, PlaneSpan};

/// The layout of the frames that `info` describes, from GStreamer's table of formats.
///
/// `None` if a sample is not 8 bits wide or the samples of a pixel don't stand side by side.
pub(super) fn layout(info: &gst_video::VideoInfo) -> Option<Layout> {
    let format = info.format_info();
    let color_model = if format.is_rgb() {
        ColorModel::Rgb
    } else if format.is_gray() {
        ColorModel::Gray
    } else {
        return None;
    };
    let mut planes = Vec::new();
    for plane in 0..info.n_planes() {
        // The colour components come first, alpha last.
        let mut samples: Vec<(usize, usize)> = (0..color_model.n_channels())
            .filter(|&component| format.plane()[component] == plane)
            .map(|component| (format.poffset()[component] as usize, component))
            .collect();
        samples.sort_unstable();
        let Some(&(first, component)) = samples.first() else { continue };
        let side_by_side = samples.iter().enumerate().all(|(i, &(at, _))| at == first + i);
        let eight_bits = samples.iter().all(|&(_, component)| {
            format.depth()[component] == 8 && format.shift()[component] == 0
        });
        if !(side_by_side && eight_bits) {
            return None;
        }
        planes.push(PlaneLayout {
            plane: plane as usize,
            pixel: PixelLayout {
                pixel_stride: format.pixel_stride()[component] as usize,
                first,
                n_samples: samples.len(),
            },
            channels: samples.into_iter().map(|(_, component)| component).collect(),
        });
    }
    Some(Layout {
        width: info.width() as usize,
        height: info.height() as usize,
        color_model,
        planes,
    })
}

/// Where the planes of a frame lie in its buffer: as the buffer's video meta says or, without
/// one, as the caps say.
///
/// Nothing that a meta says is believed here but that it is about these caps; whether the planes
/// lie inside the buffer is checked where they are used.
///
/// # Errors
///
/// A text that says how meta and caps differ.
pub(super) fn spans(
    buffer: &gst::BufferRef,
    info: &gst_video::VideoInfo,
) -> Result<Vec<PlaneSpan>, String> {
    let span = |(&offset, &stride): (&usize, &i32)| PlaneSpan { offset, stride: stride as isize };
    let Some(meta) = buffer.meta::<gst_video::VideoMeta>() else {
        return Ok(info.offset().iter().zip(info.stride()).map(span).collect());
    };
    if meta.format() != info.format() {
        return Err(format!(
            "its video meta says {:?}, the caps say {:?}",
            meta.format(),
            info.format()
        ));
    }
    if meta.width() < info.width() || meta.height() < info.height() {
        return Err(format!(
            "its video meta says {} x {} pixels, the caps say {} x {}",
            meta.width(),
            meta.height(),
            info.width(),
            info.height()
        ));
    }
    if meta.n_planes() != info.n_planes() {
        return Err(format!(
            "its video meta says {} planes, the caps say {}",
            meta.n_planes(),
            info.n_planes()
        ));
    }
    Ok(meta.offset().iter().zip(meta.stride()).map(span).collect())
}
