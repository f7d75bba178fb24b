//! What is shown over the picture in the window: a text, and the outline of a part. It is not in what
//! virtual cameras and saved pictures show.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_video::{
    VideoFormat, VideoInfo, VideoMeta, VideoOverlayComposition, VideoOverlayFormatFlags,
    VideoOverlayRectangle,
};

use crate::regions::Region;

/// A plugin that not every system has.
const LINE: &str = "textoverlay name=line silent=true shaded-background=true valignment=bottom \
    halignment=left line-alignment=left";
const OUTLINE: &str = "overlaycomposition name=outline";
/// Largest size of the font, for a picture that is 640 pixels wide: it is scaled with the picture.
const SIZE: f64 = 12.;
/// Height of a line in sizes of the font, and of a text in heights of the picture.
const LINE_HEIGHT: f64 = 2.1;
const TEXT_HEIGHT: f64 = 0.9;

/// How long a line is shown.
const LINE_TIME: Duration = Duration::from_secs(3);

pub struct Overlay {
    /// What to show from the next frame on: a text, or none.
    change: Arc<Mutex<Option<Option<String>>>>,
    outlined: Arc<Mutex<Option<Region>>>,
    shown_until: Option<Instant>,
}

/// Elements that show it.
pub fn elements() -> String {
    let all = [("overlaycomposition", OUTLINE), ("textoverlay", LINE)];
    let there = all.iter().filter(|(name, _)| gst::ElementFactory::find(name).is_some());
    let elements: Vec<&str> = there.map(|(_, elements)| *elements).collect();
    // Not every format can be drawn on. A sink that draws texts itself would leave out their shade.
    let convert = |element: &str| format!("videoconvert ! {element} ! video/x-raw ! ");
    elements.into_iter().map(convert).collect()
}

impl Overlay {
    pub fn of(pipeline: &gst::Pipeline) -> Self {
        let outlined = Arc::new(Mutex::new(None));
        if let Some(element) = pipeline.by_name("outline") {
            let outlined = outlined.clone();
            element.connect("draw", false, move |values| {
                let sample = values.get(1).and_then(|value| value.get::<gst::Sample>().ok());
                let region = *lock(&outlined);
                let composition = region.zip(sample).and_then(|(region, sample)| {
                    let info = VideoInfo::from_caps(sample.caps()?).ok()?;
                    draw(region, [info.width(), info.height()])
                });
                Some(composition.to_value())
            });
        }
        let change = Arc::new(Mutex::new(None::<Option<String>>));
        let input = pipeline.by_name("line").and_then(|line| line.static_pad("video_sink"));
        if let Some(input) = input {
            let change = change.clone();
            // In the thread that draws: another font while it does crashes Pango.
            input.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
                let change = lock(&change).take();
                if let Some(text) = change {
                    set_text(pad, text.as_deref());
                }
                gst::PadProbeReturn::Ok
            });
        }
        Self { change, outlined, shown_until: None }
    }

    /// Shows a text for a while, and the outline of a part as long.
    pub fn show(&mut self, text: &str, region: Option<Region>) {
        *lock(&self.outlined) = region;
        *lock(&self.change) = Some(Some(text.to_string()));
        self.shown_until = Some(Instant::now() + LINE_TIME * text.lines().count() as u32);
    }

    /// Leaves the text where it is, until another one is shown.
    pub fn keep(&mut self) {
        self.shown_until = None;
    }

    /// Hides what was shown long enough.
    pub fn hide_what_is_old(&mut self) {
        if self.shown_until.is_some_and(|until| until <= Instant::now()) {
            self.shown_until = None;
            *lock(&self.outlined) = None;
            *lock(&self.change) = Some(None);
        }
    }

    /// How long something is still shown; `None` if nothing is.
    pub fn time_left(&self) -> Option<gst::ClockTime> {
        let left = self.shown_until?.saturating_duration_since(Instant::now());
        gst::ClockTime::try_from(left).ok()
    }
}

/// Lets the element of a pad show a text, or none.
fn set_text(pad: &gst::Pad, text: Option<&str>) {
    let Some(line) = pad.parent_element() else { return };
    if let Some(text) = text {
        let font = format!("Monospace,{:.1}", font_size(pad, text.lines().count()));
        line.set_property("font-desc", font);
        line.set_property("text", glib::markup_escape_text(text).as_str());
    }
    line.set_property("silent", text.is_none());
}

/// So that all lines fit into the picture.
fn font_size(pad: &gst::Pad, lines: usize) -> f64 {
    let info = pad.current_caps().and_then(|caps| VideoInfo::from_caps(&caps).ok());
    let largest = info.map(|info| {
        let height = 640. * f64::from(info.height()) / f64::from(info.width());
        TEXT_HEIGHT * height / (LINE_HEIGHT * lines.max(1) as f64)
    });
    largest.map_or(SIZE, |largest| largest.min(SIZE))
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|error| error.into_inner())
}

/// A white frame in a black one, so that it is seen on everything.
fn draw(region: Region, [width, height]: [u32; 2]) -> Option<VideoOverlayComposition> {
    let [left, top, right, bottom] = region.edges([width, height]);
    let thickness = (height / 200).max(1) as i32;
    let mut bars = Vec::new();
    for (inset, color) in [(0, [0, 0, 0, 255]), (thickness, [255; 4])] {
        let pixel = pixel(color)?;
        let (left, top) = (left + inset, top + inset);
        let (right, bottom) = (right - inset, bottom - inset);
        for [x, y, width, height] in [
            [left, top, right - left, thickness],
            [left, bottom - thickness, right - left, thickness],
            [left, top, thickness, bottom - top],
            [right - thickness, top, thickness, bottom - top],
        ] {
            let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
            let flags = VideoOverlayFormatFlags::empty();
            bars.push(VideoOverlayRectangle::new_raw(&pixel, x, y, width, height, flags));
        }
    }
    VideoOverlayComposition::new(&bars).ok()
}

/// One that is made as large as it has to be.
fn pixel(color: [u8; 4]) -> Option<gst::Buffer> {
    let mut buffer = gst::Buffer::from_slice(color);
    let flags = gst_video::VideoFrameFlags::empty();
    // BGRA or ARGB, as the machine has it.
    let format = if cfg!(target_endian = "big") { VideoFormat::Argb } else { VideoFormat::Bgra };
    VideoMeta::add(buffer.get_mut()?, flags, format, 1, 1).ok()?;
    Some(buffer)
}
