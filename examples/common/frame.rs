//! What `before_after` and `play` share: a frame of a pipeline as a picture.

use anyhow::Context;
use gst_video::prelude::*;
use image::RgbImage;

/// Of a frame in the format RGB.
pub fn to_picture(sample: &gst::SampleRef) -> anyhow::Result<RgbImage> {
    let info = gst_video::VideoInfo::from_caps(sample.caps().context("No caps")?)?;
    let buffer = sample.buffer().context("No buffer")?;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info)?;

    let row_bytes = 3 * frame.width() as usize;
    let rows = frame.plane_data(0)?.chunks(frame.plane_stride()[0] as usize);
    let pixels = rows.flat_map(|row| &row[..row_bytes]).copied().collect();
    RgbImage::from_raw(frame.width(), frame.height(), pixels).context("Rows are missing")
}
