//! Frames as picture files.

use std::path::Path;

use anyhow::Context;
use gst::prelude::*;
use gst_video::VideoFormat;

use crate::frame;

/// The name of the message that carries a frame.
const MESSAGE: &str = "snapshot";
const TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(5);

/// Posts the next frame that goes through a pad.
pub fn take(pad: &gst::Pad, bus: gst::Bus) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some((buffer, caps)) = info.buffer().zip(pad.current_caps()) else {
            return gst::PadProbeReturn::Ok;
        };
        // Its own copy, as the next elements may write into the buffer.
        let copy = buffer.copy_deep().ok();
        if let Some(buffer) = copy {
            let sample = gst::Sample::builder().buffer(&buffer).caps(&caps).build();
            let structure = gst::Structure::builder(MESSAGE).field("sample", sample).build();
            // It fails only when the pipeline has ended.
            let _ = bus.post(gst::message::Application::new(structure));
        }
        gst::PadProbeReturn::Remove
    });
}

/// The frame of a message that was posted here.
pub fn of_message(message: &gst::message::Application) -> Option<gst::Sample> {
    let structure = message.structure().filter(|structure| structure.name() == MESSAGE)?;
    structure.get("sample").ok()
}

/// Writes a frame to a file of the current folder that isn't there yet; gives its name.
pub fn save(sample: &gst::Sample) -> anyhow::Result<String> {
    let name = (1..).map(|number| format!("histomatch-{number}.png"));
    let name =
        name.into_iter().find(|name| !Path::new(name).exists()).context("No name is left")?;
    let square = gst::Fraction::new(1, 1);
    let caps =
        gst_video::VideoCapsBuilder::new().format(VideoFormat::Rgb).pixel_aspect_ratio(square);
    let sample = gst_video::convert_sample(sample, &caps.build(), Some(TIMEOUT))?;
    let picture = frame::to_picture(&sample)?;
    picture.save(&name).with_context(|| {
        format!("Can't write '{name}'; start this in a folder that may be written to and has room")
    })?;
    Ok(name)
}
