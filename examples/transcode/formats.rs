//! The containers and codecs that can be written, and what has to be installed for them.

use anyhow::{Context, bail};

pub struct Container {
    /// Of names of files; the first is also the container's name.
    pub endings: &'static [&'static str],
    pub muxer: &'static str,
    /// The codecs used if none is asked for.
    pub video: &'static str,
    pub audio: &'static str,
}

pub struct Codec {
    pub name: &'static str,
    /// In order of preference.
    pub encoders: &'static [Encoder],
    /// What muxers need between an encoder and themselves, and its package.
    pub parser: Option<(&'static str, &'static str)>,
}

pub struct Encoder {
    pub element: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
    /// As in a pipeline's text, with `{}` for the quantizer.
    pub settings: &'static str,
    /// For each [`Quality`].
    pub quantizers: [u32; 3],
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
    Container { endings: &["mkv"], muxer: "matroskamux", video: "h264", audio: "opus" },
    Container { endings: &["mp4", "m4v"], muxer: "mp4mux", video: "h264", audio: "aac" },
    Container { endings: &["mov"], muxer: "qtmux", video: "h264", audio: "aac" },
    Container { endings: &["webm"], muxer: "webmmux", video: "vp9", audio: "opus" },
];

pub const VIDEO: &[Codec] = &[
    Codec {
        name: "h264",
        encoders: &[
            Encoder {
                element: "x264enc",
                package: "gstreamer1.0-plugins-ugly",
                settings: "pass=qual quantizer={}",
                quantizers: [18, 23, 28],
            },
            Encoder {
                element: "openh264enc",
                package: BAD,
                settings: "bitrate=100000000 max-bitrate=200000000 qp-max={}",
                quantizers: [20, 26, 32],
            },
        ],
        parser: Some(("h264parse", BAD)),
    },
    Codec {
        name: "h265",
        encoders: &[Encoder {
            element: "x265enc",
            package: BAD,
            settings: "option-string=crf={}",
            quantizers: [20, 25, 30],
        }],
        parser: Some(("h265parse", BAD)),
    },
    Codec {
        name: "vp8",
        encoders: &[Encoder {
            element: "vp8enc",
            package: GOOD,
            // The bitrate is the most that the constant quality may take. With a lag, large
            // frames are lost at the end.
            settings: "end-usage=cq cq-level={} target-bitrate=100000000 lag-in-frames=0 \
                cpu-used=4 keyframe-max-dist=250",
            quantizers: [8, 16, 28],
        }],
        parser: None,
    },
    Codec {
        name: "vp9",
        encoders: &[Encoder {
            element: "vp9enc",
            package: GOOD,
            settings: "end-usage=cq cq-level={} target-bitrate=100000000 lag-in-frames=0 \
                cpu-used=4 keyframe-max-dist=250 row-mt=true",
            quantizers: [20, 30, 40],
        }],
        parser: Some(("vp9parse", BAD)),
    },
    Codec {
        name: "av1",
        encoders: &[Encoder {
            element: "av1enc",
            package: BAD,
            settings: "end-usage=q min-quantizer={} max-quantizer={} cpu-used=6 keyframe-max-dist=250",
            quantizers: [20, 30, 40],
        }],
        parser: Some(("av1parse", BAD)),
    },
];

/// For sound there is one quality, a high one.
const fn audio(element: &'static str, package: &'static str, settings: &'static str) -> Encoder {
    Encoder { element, package, settings, quantizers: [0; 3] }
}

pub const AUDIO: &[Codec] = &[
    Codec {
        name: "aac",
        encoders: &[
            audio("fdkaacenc", BAD, "bitrate=192000"),
            audio("avenc_aac", "gstreamer1.0-libav", "bitrate=192000"),
            audio("voaacenc", BAD, "bitrate=192000"),
        ],
        parser: Some(("aacparse", GOOD)),
    },
    Codec {
        name: "flac",
        encoders: &[audio("flacenc", GOOD, "")],
        parser: Some(("flacparse", GOOD)),
    },
    Codec {
        name: "mp3",
        encoders: &[audio("lamemp3enc", GOOD, "target=quality quality=1")],
        parser: Some(("mpegaudioparse", GOOD)),
    },
    Codec {
        name: "opus",
        encoders: &[audio("opusenc", "gstreamer1.0-plugins-base", "bitrate=160000")],
        parser: None,
    },
    Codec {
        name: "vorbis",
        encoders: &[audio("vorbisenc", "gstreamer1.0-plugins-base", "quality=0.7")],
        parser: None,
    },
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
    codec(VIDEO, name)
}

pub fn audio_codec(name: &str) -> anyhow::Result<&'static Codec> {
    codec(AUDIO, name)
}

fn codec(table: &'static [Codec], name: &str) -> anyhow::Result<&'static Codec> {
    table.iter().find(|codec| codec.name == name).with_context(|| {
        let names: Vec<_> = table.iter().map(|codec| codec.name).collect();
        format!("There is no codec '{name}'; there are {}", names.join(", "))
    })
}

impl Container {
    pub fn check_installed(&self) -> anyhow::Result<()> {
        check_installed(self.muxer, GOOD)
    }
}

impl Codec {
    /// The elements that encode, as a pipeline's text.
    pub fn pipeline(&self, quality: Quality) -> anyhow::Result<String> {
        let installed = |encoder: &&Encoder| gst::ElementFactory::find(encoder.element).is_some();
        let Some(encoder) = self.encoders.iter().find(installed) else {
            let wanted: Vec<_> = self
                .encoders
                .iter()
                .map(|encoder| format!("{} (Debian's {})", encoder.element, encoder.package))
                .collect();
            bail!(
                "No encoder for {} is installed: install one of {}, or choose another codec",
                self.name,
                wanted.join(", ")
            );
        };
        let quantizer = encoder.quantizers[quality as usize].to_string();
        let mut text =
            format!("{} {}", encoder.element, encoder.settings.replace("{}", &quantizer));
        if let Some((parser, package)) = self.parser {
            check_installed(parser, package)?;
            text += &format!(" ! {parser}");
        }
        Ok(text)
    }
}

fn check_installed(element: &str, package: &str) -> anyhow::Result<()> {
    gst::ElementFactory::find(element)
        .map(|_| ())
        .with_context(|| format!("The element '{element}' is missing: install Debian's {package}"))
}
