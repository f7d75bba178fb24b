//! The folder beside an output in which it is made.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// It is deleted with all that is in it, and what an earlier run left in it is.
pub struct Workspace {
    folder: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl Workspace {
    pub fn new(output: &Path) -> anyhow::Result<Self> {
        let folder = folder_for(output);
        let cant = || format!("Can't write the folder '{}'", folder.display());
        fs::create_dir_all(&folder).with_context(cant)?;
        let lock = File::create(folder.join("lock")).with_context(cant)?;
        ensure!(
            lock.try_lock().is_ok(),
            "Another program is writing '{}' in the folder '{}'",
            output.display(),
            folder.display()
        );
        Ok(Self { folder, _lock: lock })
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
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
