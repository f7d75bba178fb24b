//! The containers and codecs that can be written, and what has to be installed for them.

use anyhow::{Context, bail, ensure};
use gst::prelude::*;

pub struct Container {
    /// Of names of files; the first is also the container's name.
    pub endings: &'static [&'static str],
    /// FFmpeg's name of it.
    pub format: &'static str,
    /// The codecs used if none is asked for: of video, and, by FFmpeg's names, of sound and of
    /// subtitles that it can't hold as they are.
    pub video: &'static str,
    pub audio: &'static str,
    pub subtitles: &'static str,
}

pub struct Codec {
    pub name: &'static str,
    /// In order of preference.
    pub encoders: &'static [Encoder],
    /// What muxers need between an encoder and themselves, and its package.
    pub parser: Option<(&'static str, &'static str)>,
    /// The containers that hold it, beside Matroska.
    pub containers: &'static [&'static str],
    pub takes_odd_sizes: bool,
}

pub struct Encoder {
    pub element: &'static str,
    /// Whether it may be installed where it can't work.
    pub hardware: bool,
    /// The Debian package that has it.
    pub package: &'static str,
    /// As in a pipeline's text, with `{}` for the quantizer.
    pub settings: &'static str,
    /// For each [`Quality`].
    pub quantizers: [u32; 3],
}

/// How video is encoded.
pub struct Video {
    /// As a pipeline's text.
    pub pipeline: String,
    /// The name of its element.
    pub encoder: &'static str,
    pub codec: &'static str,
    pub takes_odd_sizes: bool,
}

impl Video {
    pub fn keeps_captions(&self) -> bool {
        self.encoder == "x264enc"
    }

    pub fn keeps_fields(&self) -> bool {
        ["x264enc", "avenc_ffv1"].contains(&self.encoder)
    }

    /// VP8 has no words for them: it is BT.601 in limited range, whatever containers say.
    pub fn names_colors(&self) -> bool {
        self.codec != "vp8"
    }

    /// Others write it wrongly in GStreamer 1.22, as does the muxer.
    pub fn keeps_hdr10(&self) -> bool {
        self.encoder == "x265enc"
    }
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Quality {
    /// Nearly no loss that can be seen
    High,
    /// Good, at about half the size
    Medium,
    /// Small files
    Low,
}

const GOOD: &str = "gstreamer1.0-plugins-good";
const BAD: &str = "gstreamer1.0-plugins-bad";

pub const CONTAINERS: &[Container] = &[
    Container {
        endings: &["mkv"],
        format: "matroska",
        video: "h264",
        audio: "libopus",
        subtitles: "ass",
    },
    Container {
        endings: &["mp4", "m4v"],
        format: "mp4",
        video: "h264",
        audio: "aac",
        subtitles: "mov_text",
    },
    Container {
        endings: &["mov"],
        format: "mov",
        video: "h264",
        audio: "aac",
        subtitles: "mov_text",
    },
    Container {
        endings: &["webm"],
        format: "webm",
        video: "vp9",
        audio: "libopus",
        subtitles: "webvtt",
    },
];

pub const VIDEO: &[Codec] = &[
    Codec {
        name: "h264",
        encoders: &[
            Encoder {
                element: "x264enc",
                hardware: false,
                package: "gstreamer1.0-plugins-ugly",
                settings: "pass=qual quantizer={}",
                quantizers: [18, 23, 28],
            },
            Encoder {
                element: "openh264enc",
                hardware: false,
                package: BAD,
                settings: "bitrate=100000000 max-bitrate=200000000 qp-max={}",
                quantizers: [20, 26, 32],
            },
            Encoder {
                element: "nvh264enc",
                hardware: true,
                package: BAD,
                settings: "rc-mode=constqp qp-const={}",
                quantizers: [18, 23, 28],
            },
            Encoder {
                element: "vah264enc",
                hardware: true,
                package: BAD,
                settings: "rate-control=cqp qpi={} qpp={} qpb={}",
                quantizers: [18, 23, 28],
            },
        ],
        parser: Some(("h264parse", BAD)),
        containers: &["mp4", "mov"],
        takes_odd_sizes: false,
    },
    Codec {
        name: "h265",
        encoders: &[
            Encoder {
                element: "x265enc",
                hardware: false,
                package: BAD,
                // FFmpeg can't read what it says of itself in more than 8 bits.
                settings: "option-string=crf={}:info=0",
                quantizers: [20, 25, 30],
            },
            Encoder {
                element: "nvh265enc",
                hardware: true,
                package: BAD,
                settings: "rc-mode=constqp qp-const={}",
                quantizers: [20, 25, 30],
            },
            Encoder {
                element: "vah265enc",
                hardware: true,
                package: BAD,
                settings: "rate-control=cqp qpi={} qpp={} qpb={}",
                quantizers: [20, 25, 30],
            },
        ],
        parser: Some(("h265parse", BAD)),
        containers: &["mp4", "mov"],
        takes_odd_sizes: false,
    },
    Codec {
        name: "vp8",
        encoders: &[Encoder {
            element: "vp8enc",
            hardware: false,
            package: GOOD,
            // The bitrate is the most that the constant quality may take. With a lag, large
            // frames are lost at the end.
            settings: "end-usage=cq cq-level={} target-bitrate=100000000 lag-in-frames=0 \
                cpu-used=4 keyframe-max-dist=250",
            quantizers: [8, 16, 28],
        }],
        parser: None,
        containers: &["webm"],
        takes_odd_sizes: true,
    },
    Codec {
        name: "vp9",
        encoders: &[Encoder {
            element: "vp9enc",
            hardware: false,
            package: GOOD,
            settings: "end-usage=cq cq-level={} target-bitrate=100000000 lag-in-frames=0 \
                cpu-used=4 keyframe-max-dist=250 row-mt=true",
            quantizers: [20, 30, 40],
        }],
        parser: Some(("vp9parse", BAD)),
        containers: &["mp4", "webm"],
        takes_odd_sizes: true,
    },
    Codec {
        name: "av1",
        encoders: &[Encoder {
            element: "av1enc",
            hardware: false,
            package: BAD,
            settings: "end-usage=q min-quantizer={} max-quantizer={} cpu-used=6 keyframe-max-dist=250",
            quantizers: [20, 30, 40],
        }],
        parser: Some(("av1parse", BAD)),
        containers: &["mp4", "webm"],
        takes_odd_sizes: true,
    },
    Codec {
        name: "ffv1",
        encoders: &[Encoder {
            element: "avenc_ffv1",
            hardware: false,
            package: "gstreamer1.0-libav",
            settings: "",
            quantizers: [0; 3],
        }],
        parser: None,
        containers: &[],
        takes_odd_sizes: true,
    },
];

/// Codecs of sound, with what encodes them in FFmpeg.
pub const AUDIO: &[(&str, &str)] = &[
    ("aac", "aac"),
    ("flac", "flac"),
    ("mp3", "libmp3lame"),
    ("opus", "libopus"),
    ("vorbis", "libvorbis"),
];

/// The container that a file's ending or the user names.
pub fn container(name: &str) -> anyhow::Result<&'static Container> {
    let name = name.to_lowercase();
    let known = |container: &&Container| container.endings.contains(&name.as_str());
    CONTAINERS.iter().find(known).with_context(|| {
        let endings: Vec<_> = CONTAINERS.iter().flat_map(|known| known.endings).copied().collect();
        format!("There is no container '{name}'; there are {}", endings.join(", "))
    })
}

pub fn video_codec(name: &str) -> anyhow::Result<&'static Codec> {
    VIDEO.iter().find(|codec| codec.name == name).with_context(|| {
        let names: Vec<_> = VIDEO.iter().map(|codec| codec.name).collect();
        no_codec(name, &names)
    })
}

/// What encodes sound in FFmpeg.
pub fn audio_encoder(name: &str) -> anyhow::Result<&'static str> {
    let known = AUDIO.iter().find(|(codec, _)| *codec == name);
    known.map(|(_, encoder)| *encoder).with_context(|| {
        let names: Vec<_> = AUDIO.iter().map(|(codec, _)| *codec).collect();
        no_codec(name, &names)
    })
}

fn no_codec(name: &str, known: &[&str]) -> String {
    format!("There is no codec '{name}'; there are {}", known.join(", "))
}

impl Container {
    /// Whether it is of the family of MP4, which says how a picture is to be turned.
    pub fn is_mp4(&self) -> bool {
        matches!(self.format, "mp4" | "mov")
    }
}

impl Codec {
    pub fn check_fits(&self, container: &Container) -> anyhow::Result<()> {
        let fits = container.format == "matroska" || self.containers.contains(&container.format);
        ensure!(
            fits,
            "A file named .{} can't hold {}: choose another --video, or .mkv",
            container.endings[0],
            self.name
        );
        Ok(())
    }

    /// How it is encoded. Without a wish, by the first program that is installed; `auto` prefers
    /// hardware that works.
    pub fn video(&self, quality: Quality, wish: Option<&str>) -> anyhow::Result<Video> {
        let encoder = match wish {
            None => self.encoders.iter().find(|one| !one.hardware && one.is_installed()),
            Some("auto") => {
                let mut in_order: Vec<_> = self.encoders.iter().collect();
                in_order.sort_by_key(|encoder| !encoder.hardware);
                in_order.into_iter().find(|encoder| encoder.try_it(quality).is_ok())
            }
            Some(name) => {
                let known = self.encoders.iter().find(|encoder| encoder.element == name);
                let names: Vec<_> = self.encoders.iter().map(|encoder| encoder.element).collect();
                let encoder = known.with_context(|| {
                    let names = names.join(", ");
                    format!("There is no encoder '{name}' of {}; there are {names}", self.name)
                })?;
                encoder.try_it(quality).with_context(|| {
                    format!("The encoder {name} doesn't work here; choose another --encoder")
                })?;
                Some(encoder)
            }
        };
        let Some(encoder) = encoder else {
            let wanted = self.encoders.iter().filter(|encoder| !encoder.hardware);
            let wanted: Vec<_> = wanted
                .map(|encoder| format!("{} (Debian's {})", encoder.element, encoder.package))
                .collect();
            bail!(
                "No encoder for {} is installed: install one of {}, or choose another codec",
                self.name,
                wanted.join(", ")
            );
        };
        let mut pipeline = encoder.text(quality);
        if let Some((parser, package)) = self.parser {
            check_installed(parser, package)?;
            pipeline += &format!(" ! {parser}");
        }
        Ok(Video {
            pipeline,
            encoder: encoder.element,
            codec: self.name,
            takes_odd_sizes: self.takes_odd_sizes,
        })
    }
}

impl Encoder {
    fn is_installed(&self) -> bool {
        gst::ElementFactory::find(self.element).is_some()
    }

    fn text(&self, quality: Quality) -> String {
        let quantizer = self.quantizers[quality as usize].to_string();
        format!("{} name=encoder {}", self.element, self.settings.replace("{}", &quantizer))
    }

    /// Encodes some frames, as a driver or a device may be missing.
    fn try_it(&self, quality: Quality) -> anyhow::Result<()> {
        const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(10);
        check_installed(self.element, self.package)?;
        let text = self.text(quality);
        let pipeline = gst::parse::launch(&format!(
            "videotestsrc num-buffers=3 ! video/x-raw, width=320, height=240 ! videoconvert ! {text} \
             ! fakesink"
        ))?;
        let _ = pipeline.set_state(gst::State::Playing);
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        let message = pipeline.bus().and_then(|bus| bus.timed_pop_filtered(PATIENCE, &kinds));
        pipeline.set_state(gst::State::Null)?;
        match message.as_deref().map(gst::MessageRef::view) {
            Some(gst::MessageView::Eos(_)) => Ok(()),
            Some(gst::MessageView::Error(error)) => bail!("{}", error.error()),
            _ => bail!("It encoded nothing within {PATIENCE:.0}"),
        }
    }
}

fn check_installed(element: &str, package: &str) -> anyhow::Result<()> {
    gst::ElementFactory::find(element)
        .map(|_| ())
        .with_context(|| format!("The element '{element}' is missing: install Debian's {package}"))
}
