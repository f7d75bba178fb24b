//! The pictures to choose from.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use gsthistomatch::reference::Reference;

pub struct References {
    paths: Vec<PathBuf>,
    current: usize,
}

impl References {
    /// Of picture files, and folders of them. The first that can be read is the current one.
    pub fn new(places: &[PathBuf]) -> anyhow::Result<Self> {
        let mut paths = Vec::new();
        for place in places {
            match place.is_dir() {
                true => paths.extend(
                    files(place).with_context(|| format!("Can't read '{}'", place.display()))?,
                ),
                false => paths.push(place.clone()),
            }
        }
        let mut references = Self { paths, current: 0 };
        references.skip_unreadable()?;
        Ok(references)
    }

    pub fn current(&self) -> &Path {
        &self.paths[self.current]
    }

    /// The name of the current one, and which of how many it is.
    pub fn description(&self) -> String {
        let name = self.current().file_name().unwrap_or_default().to_string_lossy();
        format!("{name} ({} of {})", self.current + 1, self.paths.len())
    }

    /// Goes to the next one, or to the one before.
    pub fn go(&mut self, forwards: bool) -> anyhow::Result<()> {
        let last = self.paths.len() - 1;
        self.current = match (forwards, self.current) {
            (true, current) if current == last => 0,
            (true, current) => current + 1,
            (false, 0) => last,
            (false, current) => current - 1,
        };
        self.skip_unreadable()
    }

    /// Forgets the current one, and those after it, until one can be read.
    fn skip_unreadable(&mut self) -> anyhow::Result<()> {
        while let Some(path) = self.paths.get(self.current) {
            let Err(error) = Reference::load(path) else { return Ok(()) };
            println!("Skipped '{}': {error}", path.display());
            self.paths.remove(self.current);
            self.current %= self.paths.len().max(1);
        }
        bail!("There is no reference picture left; give files or folders of pictures")
    }
}

/// The files of a folder by their names, but for hidden ones.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries: Result<Vec<_>, _> = folder.read_dir()?.collect();
    let is_shown = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        path.is_file() && !name.to_string_lossy().starts_with('.')
    };
    let mut files: Vec<_> =
        entries?.into_iter().map(|entry| entry.path()).filter(is_shown).collect();
    files.sort();
    Ok(files)
}
