//! What a stream says of its colours, by the numbers of ITU-T H.273, and where it says it.

use gst_video::{VideoColorRange, VideoInfo};

use crate::probe::Stream;

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Colors {
    /// As FFmpeg numbers it: unknown, limited, full.
    range: usize,
    primaries: usize,
    transfer: usize,
    matrix: usize,
    /// As FFmpeg numbers it: unknown, left, center, ...
    site: usize,
}

/// FFmpeg's names, each in the place of its number. What has none is reserved, or unknown.
const PRIMARIES: &[&str] = &[
    "",
    "bt709",
    "",
    "",
    "bt470m",
    "bt470bg",
    "smpte170m",
    "smpte240m",
    "film",
    "bt2020",
    "smpte428",
    "smpte431",
    "smpte432",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "ebu3213",
];
const TRANSFERS: &[&str] = &[
    "",
    "bt709",
    "",
    "",
    "bt470m",
    "bt470bg",
    "smpte170m",
    "smpte240m",
    "linear",
    "log100",
    "log316",
    "iec61966-2-4",
    "bt1361e",
    "iec61966-2-1",
    "bt2020-10",
    "bt2020-12",
    "smpte2084",
    "smpte428",
    "arib-std-b67",
];
const MATRICES: &[&str] = &[
    "gbr",
    "bt709",
    "",
    "",
    "fcc",
    "bt470bg",
    "smpte170m",
    "smpte240m",
    "ycgco",
    "bt2020nc",
    "bt2020c",
    "smpte2085",
    "chroma-derived-nc",
    "chroma-derived-c",
    "ictcp",
];
const SITES: &[&str] = &["", "left", "center", "topleft", "top", "bottomleft", "bottom"];
const RANGES: &[&str] = &["", "tv", "pc"];
const UNKNOWN: usize = 2;

impl Colors {
    pub fn of(stream: &Stream) -> Self {
        let number = |names: &[&str], name: &Option<String>, unknown| {
            let name = name.as_deref().filter(|name| !name.is_empty());
            names.iter().position(|known| name == Some(known)).unwrap_or(unknown)
        };
        Self {
            range: number(RANGES, &stream.color_range, 0),
            primaries: number(PRIMARIES, &stream.color_primaries, UNKNOWN),
            transfer: number(TRANSFERS, &stream.color_transfer, UNKNOWN),
            matrix: number(MATRICES, &stream.color_space, UNKNOWN),
            site: number(SITES, &stream.chroma_location, 0),
        }
    }

    /// Of frames whose colours were converted.
    pub fn of_frames(info: &VideoInfo) -> Self {
        let colors = info.colorimetry();
        Self {
            range: if colors.range() == VideoColorRange::Range0_255 { 2 } else { 1 },
            primaries: colors.primaries().to_iso() as usize,
            transfer: colors.transfer().to_iso() as usize,
            matrix: colors.matrix().to_iso() as usize,
            site: 0,
        }
    }

    /// For the container, as options of FFmpeg's for a stream.
    pub fn options(&self) -> [(&'static str, String); 5] {
        [
            ("-color_range", self.range),
            ("-color_primaries", self.primaries),
            ("-color_trc", self.transfer),
            ("-colorspace", self.matrix),
            ("-chroma_sample_location", self.site),
        ]
        .map(|(name, number)| (name, number.to_string()))
    }

    /// A filter of FFmpeg's that writes it into the stream itself, whatever the encoder wrote.
    pub fn filter(&self, codec: &str) -> Option<String> {
        let Self { range, primaries, transfer, matrix, site } = self;
        let is_full = usize::from(*range == 2);
        let numbers = format!(
            "colour_primaries={primaries}:transfer_characteristics={transfer}\
             :matrix_coefficients={matrix}"
        );
        // The names of the filters' options are not the same.
        match codec {
            "h264" | "h265" => {
                let name = codec.replace("h265", "hevc");
                let site = site.saturating_sub(1);
                Some(format!(
                    "{name}_metadata=video_full_range_flag={is_full}:{numbers}\
                     :chroma_sample_loc_type={site}"
                ))
            }
            "vp9" => {
                let space = match matrix {
                    0 => 7,
                    1 => 2,
                    5 => 1,
                    6 => 3,
                    7 => 4,
                    9 => 5,
                    _ => 0,
                };
                Some(format!("vp9_metadata=color_space={space}:color_range={is_full}"))
            }
            "av1" => {
                let numbers = numbers.replace("colour_", "color_");
                Some(format!("av1_metadata={numbers}:color_range={is_full}"))
            }
            _ => None,
        }
    }
}
