//! The value of `reference-location` as a path.

use std::path::{Path, PathBuf};

/// The file that a location names: a path, or a `file://` URI.
///
/// # Errors
///
/// A text that says what to write instead.
pub(super) fn to_path(location: &Path) -> Result<PathBuf, String> {
    let Some(text) = location.to_str() else { return Ok(location.to_owned()) };
    match text.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("file") => file_uri_to_path(text),
        Some((scheme, _)) if is_scheme(scheme) => Err(format!(
            "{scheme}:// is not supported; save the picture as a local file and give its path"
        )),
        _ => Ok(location.to_owned()),
    }
}

/// Why there is no file where [`is_for_the_shell`].
pub(super) const NOT_EXPANDED: &str = "there is no such file; the '~' at its start was not expanded, \
                                       which is what a shell does, and only where a word begins: \
                                       write the whole path, or \"$HOME\" instead of '~'";

/// Whether a shell would put a home folder where this begins.
pub(super) fn is_for_the_shell(location: &Path) -> bool {
    location.as_os_str().as_encoded_bytes().starts_with(b"~")
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
