//! What `transcode` and `match_image` share: which file is written for which, and how a file gets its
//! name only when it is whole.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use walkdir::{DirEntry, WalkDir};

/// The files that are taken out of a folder.
pub struct Kind {
    pub name: &'static str,
    pub endings: &'static [&'static str],
}

#[derive(Debug)]
pub struct Task {
    pub input: PathBuf,
    pub output: PathBuf,
}

pub enum Plan {
    /// One file, under the name that was asked for.
    Single(Task),
    /// Any number of files into a folder.
    Folder(Vec<Task>),
}

/// What is to be written; in a folder, each output has the ending that is given for its input. What is in
/// folders of folders is taken if it is `recursive`.
pub fn plan(
    inputs: &[PathBuf],
    output: &Path,
    kind: &Kind,
    recursive: bool,
    ending: impl Fn(&Path) -> OsString,
) -> anyhow::Result<Plan> {
    if !goes_into_folder(inputs, output) {
        let task = Task { input: inputs[0].clone(), output: output.into() };
        let folder = folder_of(output);
        ensure!(
            folder.is_dir(),
            "Can't write '{}': there is no folder '{}'; make it first",
            output.display(),
            folder.display()
        );
        check_differs(&task)?;
        return Ok(Plan::Single(task));
    }

    ensure!(
        !output.is_file(),
        "Can't write several files to '{}'; give a folder as --output",
        output.display()
    );
    let mut tasks = Vec::new();
    for input in inputs {
        let files = match input.is_dir() {
            true => files_in(input, output, kind, recursive)?,
            false => vec![input.clone()],
        };
        for file in files {
            let folder = output.join(folder_of(&file).strip_prefix(input).unwrap_or(Path::new("")));
            let mut name = file.file_stem().unwrap_or_default().to_owned();
            name.push(".");
            name.push(ending(&file));
            tasks.push(Task { output: folder.join(name), input: file });
        }
    }
    tell_apart(&mut tasks)?;
    tasks.iter().try_for_each(check_differs)?;
    Ok(Plan::Folder(tasks))
}

/// Inputs whose names differ by the ending alone keep it: `a.mp4` and `a.webm` become `a.mp4.mkv` and
/// `a.webm.mkv`.
fn tell_apart(tasks: &mut [Task]) -> anyhow::Result<()> {
    let mut writers: HashMap<_, usize> = HashMap::new();
    for task in tasks.iter() {
        *writers.entry(task.output.clone()).or_default() += 1;
    }
    for task in tasks.iter_mut().filter(|task| writers[&task.output] > 1) {
        let name = task.input.file_name().unwrap_or_default();
        if task.output.file_name() != Some(name) {
            let mut both = name.to_owned();
            both.push(".");
            both.push(task.output.extension().unwrap_or_default());
            task.output.set_file_name(both);
        }
    }
    let mut writers = HashMap::new();
    for task in tasks.iter() {
        if let Some(other) = writers.insert(&task.output, &task.input) {
            bail!(
                "'{}' and '{}' would both be written to '{}'; write them to two folders",
                other.display(),
                task.input.display(),
                task.output.display()
            );
        }
    }
    Ok(())
}

pub fn make_folders(tasks: &[Task]) -> anyhow::Result<()> {
    tasks.iter().map(|task| folder_of(&task.output)).try_for_each(|folder| {
        fs::create_dir_all(folder)
            .with_context(|| format!("Can't make the folder '{}'", folder.display()))
    })
}

/// Whether what is written is a folder of files, not a file.
pub fn goes_into_folder(inputs: &[PathBuf], output: &Path) -> bool {
    let ends_in_slash = output.as_os_str().as_encoded_bytes().ends_with(b"/");
    match inputs {
        [input] => input.is_dir() || output.is_dir() || ends_in_slash,
        _ => true,
    }
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Those of a folder, in the order of their names; never what is in the output's folder.
fn files_in(
    folder: &Path,
    output: &Path,
    kind: &Kind,
    recursive: bool,
) -> anyhow::Result<Vec<PathBuf>> {
    let output = fs::canonicalize(output).ok();
    let is_taken = |entry: &DirEntry| {
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let is_output = || output.is_some() && fs::canonicalize(entry.path()).ok() == output;
        !(is_hidden || entry.file_type().is_dir() && is_output())
    };
    let depth = if recursive { usize::MAX } else { 1 };
    let walk = WalkDir::new(folder).min_depth(1).max_depth(depth).sort_by_file_name();
    let mut files = Vec::new();
    for entry in walk.into_iter().filter_entry(is_taken) {
        let file = entry
            .with_context(|| format!("Can't read the folder '{}'", folder.display()))?
            .into_path();
        let ending = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        // What can't be asked, as a link that leads nowhere, fails later, with words.
        let is_file = fs::metadata(&file).map_or(true, |it| it.is_file());
        if kind.endings.contains(&ending.as_str()) && is_file {
            files.push(file);
        }
    }
    ensure!(
        !files.is_empty(),
        "There is no {} in the folder '{}' (files named .{})",
        kind.name,
        folder.display(),
        kind.endings.join(", .")
    );
    Ok(files)
}

/// An input must never be written over, by whatever name.
fn check_differs(task: &Task) -> anyhow::Result<()> {
    let Task { input, output } = task;
    ensure!(
        !is_same(input, output),
        "'{}' would be written over itself; choose another output",
        input.display()
    );
    Ok(())
}

/// Whether two paths lead to one file, which exists.
pub fn is_same(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

const ONLY_FILES: &str = "Not a regular file, and only those are read; of a film, \
                          `ffmpeg -i ADDRESS -map 0 -c copy FILM.mkv` writes one";

/// Only regular files have an end, and can be sought in.
pub fn check_readable(input: &Path) -> anyhow::Result<()> {
    let name = input.to_string_lossy();
    let is_address = name == "-" || name.starts_with("pipe:") || name.contains("://");
    ensure!(!is_address || input.exists(), ONLY_FILES);
    let advice = match name.starts_with('~') {
        true => "Can't read it; the '~' at its start was not expanded: write the whole path",
        _ if input.is_symlink() => "Can't read it; it is a link to what is not there",
        _ => "Can't read it; check the path",
    };
    let kind = fs::metadata(input).context(advice)?.file_type();
    ensure!(kind.is_file(), ONLY_FILES);
    File::open(input).context("Can't read it; check its permissions")?;
    Ok(())
}

/// Gives a file the name it is to have, once it is on the disk.
pub fn finish(partial: &Path, output: &Path) -> anyhow::Result<()> {
    File::open(partial)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(partial, output))
        .with_context(|| format!("Can't write '{}'", output.display()))
}
