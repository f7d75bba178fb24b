//! Timecodes of parts, which begin later than those of whole films.

use gst_video::{ValidVideoTimeCode, VideoTimeCode};

use crate::part::Part;
use crate::probe::Stream;

/// The timecode of the first frame of a part, by that of the whole stream.
pub fn of_part(whole: &str, stream: &Stream, part: &Part) -> Option<String> {
    let rate = stream.frame_rate()?;
    let mut first: VideoTimeCode = whole.parse().ok()?;
    first.set_fps(gst::Fraction::approximate_f64(rate)?);
    let mut first = ValidVideoTimeCode::try_from(first).ok()?;
    first.add_frames((part.skipped * rate).round() as i64);
    Some(first.to_string())
}
