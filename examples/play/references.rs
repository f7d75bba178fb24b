//! The references to choose from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use gst_pbutils::Discoverer;
use gsthistomatch::reference::{Reference, ReferenceError, load_picture};
use image::{DynamicImage, GenericImageView};

/// How long it may take to find out what a file is.
const TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(5);

#[derive(Clone, Debug)]
pub enum Choice {
    /// The other stream.
    Live,
    /// A picture, or a film.
    File(PathBuf),
    /// Found in a folder: it counts if it is a picture.
    Found(PathBuf),
}

pub struct References {
    choices: Vec<Choice>,
    current: usize,
}

impl References {
    /// Another stream, if there is one, and files, and the pictures of folders. The first that can be
    /// used is the current one.
    pub fn new(has_live: bool, places: &[PathBuf]) -> anyhow::Result<Self> {
        let mut choices: Vec<_> = has_live.then_some(Choice::Live).into_iter().collect();
        for place in places {
            match place.is_dir() {
                true => choices.extend(
                    files(place)
                        .with_context(|| format!("Can't read '{}'", place.display()))?
                        .into_iter()
                        .map(Choice::Found),
                ),
                false => choices.push(Choice::File(place.clone())),
            }
        }
        let mut references = Self { choices, current: 0 };
        references.skip_unusable(true)?;
        Ok(references)
    }

    pub fn current(&self) -> &Choice {
        &self.choices[self.current]
    }

    /// Which of how many the current one is.
    pub fn place(&self) -> String {
        format!("({} of {})", self.current + 1, self.choices.len())
    }

    /// Goes to the next one, or to the one before.
    pub fn go(&mut self, forwards: bool) -> anyhow::Result<()> {
        self.current = match forwards {
            true => (self.current + 1) % self.choices.len(),
            false => self.current.checked_sub(1).unwrap_or(self.choices.len() - 1),
        };
        self.skip_unusable(forwards)
    }

    /// Forgets the current one, and those after it or before it, until one can be used.
    fn skip_unusable(&mut self, forwards: bool) -> anyhow::Result<()> {
        while let Some(choice) = self.choices.get(self.current) {
            let (path, result) = match choice {
                Choice::Live => return Ok(()),
                Choice::File(path) => (path, check_file(path)),
                Choice::Found(path) => (path, check_found(path)),
            };
            let Err(error) = result else { return Ok(()) };
            println!("Skipped '{}': {error}", path.display());
            self.choices.remove(self.current);
            // The next one is where this one was.
            self.current = match forwards {
                true => self.current % self.choices.len().max(1),
                false => {
                    self.current.checked_sub(1).unwrap_or(self.choices.len().saturating_sub(1))
                }
            };
        }
        bail!(
            "There is no reference picture left; give files or folders of pictures, or another stream \
             by --reference-from"
        )
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

/// What was asked for by its name may be a film.
fn check_file(path: &Path) -> anyhow::Result<()> {
    match Reference::load(path) {
        Ok(_) => Ok(()),
        Err(error @ ReferenceError::Unsupported(_)) => Err(error.into()),
        Err(_) if is_film(path) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn check_found(path: &Path) -> anyhow::Result<()> {
    let picture = load_picture(path)?;
    Reference::from_picture(&picture)?;
    ensure!(
        !is_chart(&picture),
        "it looks like a chart, as a third of it is of one colour; give it by its name to use it"
    );
    Ok(())
}

/// Whether there is video in a file, of which a URI may give a part, as in `film.mp4#t=10,20`.
fn is_film(path: &Path) -> bool {
    let uri = match path.to_str().filter(|text| text.starts_with("file://")) {
        Some(uri) => uri.split('#').next().unwrap_or(uri).into(),
        None => {
            let path = std::path::absolute(path).unwrap_or(path.into());
            glib::filename_to_uri(path, None).unwrap_or_default()
        }
    };
    let about = Discoverer::new(TIMEOUT).and_then(|discoverer| discoverer.discover_uri(&uri));
    about.is_ok_and(|about| !about.video_streams().is_empty())
}

/// Charts, slides and drawings have a ground of one colour.
fn is_chart(picture: &DynamicImage) -> bool {
    let (width, height) = picture.dimensions();
    // Some thousand pixels say it.
    let [across, down] = [width, height].map(|size| (size / 128).max(1) as usize);
    let mut counts = HashMap::<_, usize>::new();
    let mut n = 0;
    for y in (0..height).step_by(down) {
        for x in (0..width).step_by(across) {
            *counts.entry(picture.get_pixel(x, y)).or_default() += 1;
            n += 1;
        }
    }
    counts.into_values().max().is_some_and(|most| 3 * most >= n)
}
