//! What a stream says of its colours, by the numbers of ITU-T H.273, and where it says it.

use gst_video::{
    VideoColorMatrix, VideoColorPrimaries, VideoColorRange, VideoColorimetry, VideoInfo,
    VideoTransferFunction,
};

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

/// FFmpeg's names.
const PRIMARIES: &[(&str, usize)] = &[
    ("bt709", 1),
    ("bt470m", 4),
    ("bt470bg", 5),
    ("smpte170m", 6),
    ("smpte240m", 7),
    ("film", 8),
    ("bt2020", 9),
    ("smpte428", 10),
    ("smpte431", 11),
    ("smpte432", 12),
    ("ebu3213", 22),
];
const TRANSFERS: &[(&str, usize)] = &[
    ("bt709", 1),
    ("bt470m", 4),
    ("bt470bg", 5),
    ("smpte170m", 6),
    ("smpte240m", 7),
    ("linear", 8),
    ("log100", 9),
    ("log316", 10),
    ("iec61966-2-4", 11),
    ("bt1361e", 12),
    ("iec61966-2-1", 13),
    ("bt2020-10", 14),
    ("bt2020-12", 15),
    ("smpte2084", 16),
    ("smpte428", 17),
    ("arib-std-b67", 18),
];
const MATRICES: &[(&str, usize)] = &[
    ("gbr", 0),
    ("bt709", 1),
    ("fcc", 4),
    ("bt470bg", 5),
    ("smpte170m", 6),
    ("smpte240m", 7),
    ("ycgco", 8),
    ("bt2020nc", 9),
    ("bt2020c", 10),
    ("smpte2085", 11),
    ("chroma-derived-nc", 12),
    ("chroma-derived-c", 13),
    ("ictcp", 14),
];
const SITES: &[(&str, usize)] =
    &[("left", 1), ("center", 2), ("topleft", 3), ("top", 4), ("bottomleft", 5), ("bottom", 6)];
const RANGES: &[(&str, usize)] = &[("tv", LIMITED), ("pc", FULL)];
const LIMITED: usize = 1;
const FULL: usize = 2;
const UNKNOWN: usize = 2;
const BT470BG: usize = 5;

impl Colors {
    pub fn of(stream: &Stream) -> Self {
        let number = |names: &[(&str, usize)], name: &Option<String>, unknown| {
            let known = names.iter().find(|(known, _)| name.as_deref() == Some(known));
            known.map_or(unknown, |(_, number)| *number)
        };
        let range = number(RANGES, &stream.color_range, 0);
        Self {
            range: if stream.is_full_range() { FULL } else { range },
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
            range: if colors.range() == VideoColorRange::Range0_255 { FULL } else { LIMITED },
            primaries: colors.primaries().to_iso() as usize,
            transfer: colors.transfer().to_iso() as usize,
            matrix: colors.matrix().to_iso() as usize,
            site: 0,
        }
    }

    /// Whether it says nothing else than that it is BT.601 in limited range.
    pub fn may_be_bt601(&self) -> bool {
        const SMPTE170M: usize = 6;
        self.range != FULL && [UNKNOWN, BT470BG, SMPTE170M].contains(&self.matrix)
    }

    pub fn in_bt601(self) -> Self {
        Self { range: LIMITED, matrix: BT470BG, ..self }
    }

    /// For GStreamer; what isn't known is what it has found. It takes a range that is not said for full, and full
    /// range without a matrix for limited, and converts grey wrongly without a matrix, in version 1.22.
    pub fn colorimetry(&self, found: Option<VideoColorimetry>) -> VideoColorimetry {
        let range = match self.range {
            FULL => VideoColorRange::Range0_255,
            _ => VideoColorRange::Range16_235,
        };
        let found = found.unwrap_or_else(|| {
            let (transfer, primaries) =
                (VideoTransferFunction::Unknown, VideoColorPrimaries::Unknown);
            VideoColorimetry::new(range, VideoColorMatrix::Bt601, transfer, primaries)
        });
        let matrix = match VideoColorMatrix::from_iso(self.matrix as u32) {
            VideoColorMatrix::Unknown => found.matrix(),
            matrix => matrix,
        };
        let transfer = match VideoTransferFunction::from_iso(self.transfer as u32) {
            VideoTransferFunction::Unknown => found.transfer(),
            transfer => transfer,
        };
        let primaries = match VideoColorPrimaries::from_iso(self.primaries as u32) {
            VideoColorPrimaries::Unknown => found.primaries(),
            primaries => primaries,
        };
        VideoColorimetry::new(range, matrix, transfer, primaries)
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
        let is_full = usize::from(*range == FULL);
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
