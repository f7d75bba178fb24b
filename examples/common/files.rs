//! What `transcode` and `match_image` share: which file is written for which, and how a file gets its
//! name only when it is whole.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

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

/// What is to be written; in a folder, each output has the ending that is given for its input.
pub fn plan(
    inputs: &[PathBuf],
    output: &Path,
    kind: &Kind,
    ending: impl Fn(&Path) -> OsString,
) -> anyhow::Result<Plan> {
    let into_folder = match inputs {
        [input] => input.is_dir() || output.is_dir() || ends_in_slash(output),
        _ => true,
    };
    if !into_folder {
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
    fs::create_dir_all(output)
        .with_context(|| format!("Can't make the folder '{}'", output.display()))?;
    let mut tasks = Vec::new();
    for input in inputs {
        for input in if input.is_dir() { files_in(input, kind)? } else { vec![input.clone()] } {
            let mut name = input.file_stem().unwrap_or_default().to_owned();
            name.push(".");
            name.push(ending(&input));
            tasks.push(Task { output: output.join(name), input });
        }
    }
    let mut writers = HashMap::new();
    for task in &tasks {
        check_differs(task)?;
        if let Some(other) = writers.insert(&task.output, &task.input) {
            bail!(
                "'{}' and '{}' would both be written to '{}'; write them to two folders",
                other.display(),
                task.input.display(),
                task.output.display()
            );
        }
    }
    Ok(Plan::Folder(tasks))
}

fn ends_in_slash(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Those of a folder, not of the folders in it, in the order of their names.
fn files_in(folder: &Path, kind: &Kind) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("Can't read the folder '{}'", folder.display()))?;
    let mut files: Vec<_> = entries.iter().map(fs::DirEntry::path).collect();
    files.retain(|file| {
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        let ending = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        !hidden && kind.endings.contains(&ending.as_str()) && file.is_file()
    });
    files.sort();
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
    let same = fs::canonicalize(output)
        .is_ok_and(|output| fs::canonicalize(input).is_ok_and(|input| input == output));
    ensure!(!same, "'{}' would be written over itself; choose another output", input.display());
    Ok(())
}

/// Only regular files have an end, and can be sought in.
pub fn check_readable(input: &Path) -> anyhow::Result<()> {
    let kind = fs::metadata(input).context("Can't read it; check the path")?.file_type();
    ensure!(kind.is_file(), "Not a regular file");
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
