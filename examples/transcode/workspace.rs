//! The folder beside an output in which it is made.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// It is deleted with all that is in it, and what an earlier run left in it is.
pub struct Workspace {
    folder: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

const LOCK: &str = "lock";
/// The process of a film ends a moment after a batch that was killed.
const PATIENCE: Duration = Duration::from_secs(10);

impl Workspace {
    pub fn new(output: &Path) -> anyhow::Result<Self> {
        let folder = folder_for(output);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let locked = lock(&folder);
            let locked =
                locked.with_context(|| format!("Can't write the folder '{}'", folder.display()))?;
            if let Some(lock) = locked {
                return Ok(Self { folder, _lock: lock });
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!(
            "Another program is writing '{}' in the folder '{}'",
            output.display(),
            folder.display()
        )
    }

    /// Bytes that are free there, as far as it is known.
    pub fn room(&self) -> u64 {
        let file_system = rustix::fs::statvfs(&self.folder);
        file_system.map_or(u64::MAX, |it| it.f_bavail.saturating_mul(it.f_frsize))
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Makes a folder for oneself, if nobody else has it.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    fs::create_dir_all(folder)?;
    let lock = match File::create(folder.join(LOCK)) {
        // Its owner has just deleted it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        lock => lock?,
    };
    if lock.try_lock().is_err() || !folder.join(LOCK).exists() {
        return Ok(None);
    }
    delete_what_is_left(folder)?;
    Ok(Some(lock))
}

/// Not only to make room: FFmpeg may outlive a run that was killed, and write on.
fn delete_what_is_left(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.ends_with(LOCK) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // What can't be deleted is deleted by the next run.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// As `.OUT.mkv.partial`: it is not taken for a film, and a file's next run finds it again.
fn folder_for(output: &Path) -> PathBuf {
    let name = output.file_name().unwrap_or_default();
    let mut folder = OsString::from(".");
    // File systems have names of 255 bytes at most.
    if name.len() <= 240 {
        folder.push(name);
    } else {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        folder.push(format!("{:016x}", hasher.finish()));
    }
    folder.push(".partial");
    output.with_file_name(folder)
}
