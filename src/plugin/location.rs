//! The value of `reference-location` as a path, and what of a film it names.

use std::path::{Path, PathBuf};

/// A part of a film, by its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    pub start: gst::ClockTime,
    /// Without it, it is one moment.
    pub end: Option<gst::ClockTime>,
}

/// The file that a location names: a path, or a `file://` URI. A URI may have a media fragment, which names
/// a part.
///
/// # Errors
///
/// A text that says what to write instead.
pub(super) fn to_path(location: &Path) -> Result<(PathBuf, Option<Fragment>), String> {
    let Some(text) = location.to_str() else { return Ok((location.to_owned(), None)) };
    match text.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("file") => {
            let (uri, fragment) = match text.split_once('#') {
                Some((uri, fragment)) => (uri, Some(to_fragment(fragment)?)),
                None => (text, None),
            };
            Ok((file_uri_to_path(uri)?, fragment))
        }
        Some((scheme, _)) if is_scheme(scheme) => Err(format!(
            "{scheme}:// is not supported; save the picture as a local file and give its path"
        )),
        _ => Ok((location.to_owned(), None)),
    }
}

/// The part that a fragment names (W3C, *Media Fragments URI 1.0*, 4.2.1: normal play time).
fn to_fragment(fragment: &str) -> Result<Fragment, String> {
    let times =
        fragment.split('&').filter_map(|dimension| dimension.strip_prefix("t=")).next_back();
    let part = times.and_then(|times| {
        let times = times.strip_prefix("npt:").unwrap_or(times);
        Some(match times.split_once(',') {
            None => Fragment { start: to_time(times)?, end: None },
            Some(("", end)) => Fragment { start: gst::ClockTime::ZERO, end: Some(to_time(end)?) },
            Some((start, end)) => Fragment { start: to_time(start)?, end: Some(to_time(end)?) },
        })
    });
    part.filter(|part| part.end.is_none_or(|end| part.start < end)).ok_or_else(|| {
        format!(
            "'#{fragment}' names no part of a film; write #t=12.5 for a moment, or #t=10,20 for a part, in \
             seconds or as h:mm:ss ('#' itself is %23 in a URI)"
        )
    })
}

/// A time in seconds, or as "mm:ss" or "h:mm:ss", with decimals.
fn to_time(text: &str) -> Option<gst::ClockTime> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = whole.split(':').collect();
    let is_one = |part: &&str| !part.is_empty() && are_digits(part);
    if parts.len() > 3 || !parts.iter().all(is_one) || !are_digits(decimals) {
        return None;
    }
    let mut seconds = 0_u64;
    for (n, part) in parts.iter().enumerate() {
        let part = part.parse().ok().filter(|&part: &u64| n == 0 || part < 60)?;
        seconds = seconds.checked_mul(60)?.checked_add(part)?;
    }
    let nanoseconds = format!("{decimals:0<9.9}").parse().ok()?;
    let nanoseconds = seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)?;
    // Seeks have a sign.
    (nanoseconds <= i64::MAX as u64).then(|| gst::ClockTime::from_nseconds(nanoseconds))
}

/// Why there is no file of that name, if it was meant in another way.
pub(super) fn cause_of_absence(location: &Path) -> Option<&'static str> {
    let name = location.as_os_str().as_encoded_bytes();
    let is_path = !name.windows(3).any(|part| part == b"://");
    (is_path && name.windows(3).any(|part| part == b"#t=")).then_some(
        "there is no such file; only a URI can name a part of a film: write file:///path/to/film#t=10,20",
    )
}

fn file_uri_to_path(uri: &str) -> Result<PathBuf, String> {
    match glib::filename_from_uri(uri) {
        // RFC 8089, section 2: localhost is as good as no host.
        Ok((_, Some(host))) if host != "localhost" => Err(format!(
            "the URI names the host '{host}', but only local files are read; write \
             file:///path/to/picture"
        )),
        Ok((path, _)) => Ok(path),
        Err(error) => Err(format!(
            "the URI is not valid ({}); write file:///path/to/picture, or the plain path",
            error.message()
        )),
    }
}

/// Whether a text has the form of a URI scheme (RFC 3986, section 3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}
