//! The containers and codecs that can be written, and what has to be installed for them.

use anyhow::{Context, bail, ensure};

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
    pub codec: &'static str,
    pub takes_odd_sizes: bool,
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
        containers: &["mp4", "mov"],
        takes_odd_sizes: false,
    },
    Codec {
        name: "h265",
        encoders: &[Encoder {
            element: "x265enc",
            package: BAD,
            // FFmpeg can't read what it says of itself in more than 8 bits.
            settings: "option-string=crf={}:info=0",
            quantizers: [20, 25, 30],
        }],
        parser: Some(("h265parse", BAD)),
        containers: &["mp4", "mov"],
        takes_odd_sizes: false,
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
        containers: &["webm"],
        takes_odd_sizes: true,
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
        containers: &["mp4", "webm"],
        takes_odd_sizes: true,
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
        containers: &["mp4", "webm"],
        takes_odd_sizes: true,
    },
    Codec {
        name: "ffv1",
        encoders: &[Encoder {
            element: "avenc_ffv1",
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

    pub fn video(&self, quality: Quality) -> anyhow::Result<Video> {
        let Self { name: codec, takes_odd_sizes, .. } = *self;
        Ok(Video { pipeline: self.pipeline(quality)?, codec, takes_odd_sizes })
    }

    /// The elements that encode, as a pipeline's text.
    fn pipeline(&self, quality: Quality) -> anyhow::Result<String> {
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
