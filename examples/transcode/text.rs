//! Times as people write them.

use anyhow::{Context, ensure};

/// Seconds, M:SS or H:MM:SS, with or without a fraction.
pub fn parse_time(text: &str) -> anyhow::Result<gst::ClockTime> {
    ensure!(!text.starts_with('-'), "a time can't be negative; write seconds or H:MM:SS");
    let parts: Vec<&str> = text.split(':').collect();
    let number = |part: &&str| part.parse().ok().filter(|number: &f64| *number >= 0.);
    let numbers: Option<Vec<f64>> = parts.iter().map(number).collect();
    numbers
        .filter(|numbers| numbers.len() <= 3)
        .map(|numbers| numbers.iter().fold(0., |sum, number| sum * 60. + number))
        .and_then(|seconds| gst::ClockTime::try_from_seconds_f64(seconds).ok())
        .with_context(|| {
            format!("'{text}' is no time; write seconds or H:MM:SS, as 90.5 or 0:01:30.5")
        })
}

/// As H:MM:SS.s.
pub fn time(time: gst::ClockTime) -> String {
    format!("{time:.1}")
}
