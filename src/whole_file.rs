//! Files that are there as a whole, or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a file under another name first, so that nobody sees half of it. A link goes on leading to it.
///
/// # Errors
///
/// It can't be written, or something else than a file is there; what was there before, stays.
pub(crate) fn write(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let target = fs::canonicalize(path);
    let path = target.as_deref().unwrap_or(path);
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        let text = "it is a pipe, socket or device, and not a file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let mut builder = tempfile::Builder::new();
    // As other files: for all whom the process lets.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.prefix(".histomatch-").tempfile_in(folder.unwrap_or(Path::new(".")))?;
    let mut writer = BufWriter::new(file);
    content(&mut writer)?;
    writer.into_inner()?.persist(path)?;
    Ok(())
}
