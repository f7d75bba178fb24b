//! Before and after in one frame.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoFormat, VideoFormatFlags, VideoFormatInfo, VideoFrameRef, VideoInfo};

/// Puts the left half of each frame back to what it was in front of an element that works in place.
pub struct Split(Arc<AtomicBool>);

impl Split {
    /// Off at first.
    pub fn around(element: &gst::Element) -> Option<Self> {
        let on = Arc::new(AtomicBool::new(false));
        let kept = Arc::new(Mutex::new(None));

        let (is_on, keep) = (on.clone(), kept.clone());
        element.static_pad("sink")?.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            // With a frame that is kept, the element works on a copy of it.
            let frame = info.buffer().filter(|_| is_on.load(Ordering::Relaxed));
            *keep.lock().unwrap_or_else(|error| error.into_inner()) = frame.cloned();
            gst::PadProbeReturn::Ok
        });
        element.static_pad("src")?.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let before = kept.lock().unwrap_or_else(|error| error.into_inner()).take();
            if let (Some(before), Some(after)) = (before, info.buffer_mut())
                // The element passes frames that it doesn't change.
                && before.as_ptr() != after.as_ptr()
                && let Some(caps) = pad.current_caps()
                && let Err(error) = copy_left_half(&before, after.make_mut(), &caps)
            {
                gst::element_error!(
                    pad.parent_element().expect("a pad with data is in an element"),
                    gst::StreamError::Failed,
                    ("A frame can't be split: {error}")
                );
            }
            gst::PadProbeReturn::Ok
        });
        Some(Self(on))
    }

    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub fn toggle(&self) {
        self.0.fetch_xor(true, Ordering::Relaxed);
    }
}

/// The formats whose pixels begin at a byte, each at the same distance from the one before.
pub fn caps() -> gst::Caps {
    let whole_bytes = |format: &VideoFormat| {
        let info = VideoFormatInfo::from_format(*format);
        let odd = VideoFormatFlags::COMPLEX | VideoFormatFlags::TILED;
        !info.flags().intersects(odd) && info.pixel_stride().iter().all(|stride| *stride > 0)
    };
    gst_video::VideoCapsBuilder::new()
        .format_list(VideoFormat::iter_raw().filter(whole_bytes))
        .build()
}

fn copy_left_half(
    before: &gst::BufferRef,
    after: &mut gst::BufferRef,
    caps: &gst::Caps,
) -> Result<(), glib::BoolError> {
    let info = VideoInfo::from_caps(caps)?;
    // A multiple of 8, so that no pixels on both sides share their chroma.
    let half = (info.width() / 2) & !7;
    let before = VideoFrameRef::from_buffer_ref_readable(before, &info)?;
    let mut after = VideoFrameRef::from_buffer_ref_writable(after, &info)?;
    for plane in 0..info.n_planes() {
        let bytes = row_bytes(&info.format_info(), plane, half);
        let [from, to] =
            [before.plane_stride(), after.plane_stride()].map(|all| all[plane as usize] as usize);
        let rows = before.plane_data(plane)?.chunks(from);
        for (before, after) in rows.zip(after.plane_data_mut(plane)?.chunks_mut(to)) {
            after[..bytes].copy_from_slice(&before[..bytes]);
        }
    }
    Ok(())
}

/// The bytes of this many pixels in a row of a plane.
fn row_bytes(format: &VideoFormatInfo, plane: u32, pixels: u32) -> usize {
    let of_plane = |component: &u8| format.plane()[usize::from(*component)] == plane;
    let bytes = |component: u8| {
        let stride = format.pixel_stride()[usize::from(component)] as usize;
        format.scale_width(component, pixels) as usize * stride
    };
    let components = 0..format.n_components() as u8;
    components.filter(of_plane).map(bytes).max().unwrap_or_default()
}
