//! Virtual cameras: what is shown, for video calls and OBS.

use std::path::Path;
use std::str::FromStr;

use anyhow::{bail, ensure};
use gst::prelude::*;

use crate::stream::is_device;

/// The name of the element.
const NAME: &str = "virtual-camera";
/// What programs show as the camera's name.
const PIPEWIRE: &str = "pipewiresink mode=provide stream-properties=\"props,media.class=Video/Source,\
    media.role=Camera,node.name=histomatch,node.description=histomatch\"";
/// Frames in time, as YUY2, which most webcams give. What comes too fast for the camera is dropped, so that it
/// never holds up the window. pipewiresink 0.3 gives out memory that it hasn't got yet: it may not be asked.
const BEFORE: &str = "queue ! clocksync ! queue leaky=downstream max-size-buffers=2 ! videoconvert \
    ! video/x-raw,format=YUY2 ! identity drop-allocation=true";

/// What pipewiresink says when its caller has left.
const LEFT: &str = "all buffers have been removed";

#[derive(Clone, Debug)]
pub enum VirtualCamera {
    PipeWire,
    /// Of the kernel module v4l2loopback.
    Device(String),
}

impl FromStr for VirtualCamera {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        Ok(match text {
            "pipewire" => Self::PipeWire,
            path if path.starts_with('/') => Self::Device(path.into()),
            _ => bail!("give 'pipewire', or a device of v4l2loopback, as /dev/video10"),
        })
    }
}

impl VirtualCamera {
    /// An error if what it needs is not there.
    pub fn check(&self) -> anyhow::Result<()> {
        let (element, package) = match self {
            Self::PipeWire => ("pipewiresink", "of PipeWire (Debian: gstreamer1.0-pipewire)"),
            Self::Device(_) => ("v4l2sink", "'good'"),
        };
        let is_there = gst::ElementFactory::find(element).is_some();
        ensure!(is_there, "GStreamer has no '{element}'; install its plugin {package}");
        if let Self::Device(path) = self
            && !is_device(path)
        {
            let number = path.strip_prefix("/dev/video").filter(|number| !number.is_empty());
            let number = number.unwrap_or("10");
            let cause = if Path::new(path).exists() { "is no device" } else { "is not there" };
            bail!(
                "The virtual camera '{path}' {cause}; make one with the kernel module v4l2loopback \
                 (Debian: v4l2loopback-dkms), as root: modprobe v4l2loopback video_nr={number} \
                 card_label=histomatch exclusive_caps=1"
            );
        }
        Ok(())
    }

    /// Elements that end in it.
    pub fn elements(&self) -> String {
        let sink = match self {
            Self::PipeWire => PIPEWIRE,
            Self::Device(_) => "v4l2sink",
        };
        // Nothing waits for it to begin.
        format!("{BEFORE} ! {sink} name={NAME} async=false sync=false")
    }

    pub fn set_up(&self, pipeline: &gst::Pipeline) {
        if let (Self::Device(path), Some(sink)) = (self, pipeline.by_name(NAME)) {
            sink.set_property("device", path);
        }
    }

    /// Whether an error says nothing but that a caller has left: PipeWire 1.4 makes one of that, and goes on.
    pub fn was_left(&self, message: &gst::Message) -> bool {
        let gst::MessageView::Error(error) = message.view() else { return false };
        matches!(self, Self::PipeWire)
            && Self::sent(message)
            && error.error().matches(gst::ResourceError::NotFound)
            && error.error().message() == LEFT
    }

    fn sent(message: &gst::Message) -> bool {
        message.src().is_some_and(|src| src.name() == NAME)
    }

    /// What to say of an error if it is the camera's.
    pub fn failure(&self, message: &gst::Message) -> Option<String> {
        Self::sent(message).then(|| match self {
            Self::PipeWire => "Can't be a camera of PipeWire; does it run? To start it: \
                systemctl --user start pipewire wireplumber"
                .into(),
            Self::Device(path) => format!(
                "Can't write to the virtual camera '{path}'; is it of v4l2loopback, and does no \
                 other program write to it?"
            ),
        })
    }
}
