//! Gives pictures the histograms of another one, without GStreamer:
//!
//! ```text
//! cargo run --release --example match_image -- INPUT REFERENCE OUTPUT
//! cargo run --release --example match_image -- INPUTS... REFERENCE -o FOLDER/
//! ```
//!
//! It needs no more of the crate than `default-features = false` gives.
//! [examples/README.md](../README.md) tells more.

mod exif;
#[path = "../common/files.rs"]
mod files;
mod pictures;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use gsthistomatch::color::ColorSpace;
use gsthistomatch::grading::Method;
use gsthistomatch::picture::{grade_picture, match_picture};
use gsthistomatch::reference::Reference;
use image::ImageFormat;
use indicatif::{ProgressBar, ProgressStyle};

use files::{Kind, Plan, Task};
use pictures::{ENDINGS, WRITTEN};

/// Writes pictures with the histograms of a reference picture, and keeps their Exif.
#[derive(Parser)]
#[command(name = "match_image", version)]
#[command(override_usage = "match_image [OPTIONS] INPUT REFERENCE OUTPUT\n       \
                            match_image [OPTIONS] INPUTS... REFERENCE --output FOLDER/")]
struct Options {
    /// Pictures, or folders of pictures; behind them the picture whose histograms they are given; and
    /// without --output, the file to write
    #[arg(required = true, num_args = 2.., value_name = "PICTURES")]
    pictures: Vec<PathBuf>,
    /// The file to write, or a folder. The name's ending gives the format: .png, .tif, .webp, .jpg or
    /// .bmp. In a folder, names stay, but for formats that are not written, which become .png; files
    /// that exist there are skipped
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// The rule: channels (each by itself, to the level), linear or grade (all together: smooth, greys
    /// stay nearer to grey)
    #[arg(long, default_value = "channels", value_parser = parse_method)]
    method: Rule,
    /// What is matched by --method channels: rgb, ycbcr or luma (which leaves colours as they are)
    #[arg(long, value_name = "CHANNELS", default_value = "rgb", value_parser = parse_color_space)]
    colorspace: ColorSpace,
    /// How far levels go from what they are (0) to what they are matched to (1)
    #[arg(long, default_value = "1", value_parser = parse_strength)]
    strength: f64,
    /// Write over files that exist
    #[arg(long)]
    force: bool,
}

const PICTURES: Kind = Kind {
    name: "picture",
    endings: &[
        "bmp", "gif", "jpeg", "jpg", "jxl", "pam", "pbm", "pgm", "png", "pnm", "ppm", "qoi", "tif",
        "tiff", "webp",
    ],
};

fn main() -> anyhow::Result<()> {
    let mut options = Options::parse();
    let output = match options.output.take() {
        Some(output) => output,
        None => options.pictures.pop().expect("clap sees to two"),
    };
    let reference = options.pictures.pop().expect("clap sees to two");
    ensure!(
        !options.pictures.is_empty(),
        "Three pictures are needed: INPUT REFERENCE OUTPUT; see --help"
    );
    ensure!(
        options.method.is_none() || options.colorspace == ColorSpace::Rgb,
        "--colorspace is for --method channels; leave one of the two out"
    );
    let plan = files::plan(&options.pictures, &output, &PICTURES, false, ending_in_folder)?;
    let matcher = Matcher {
        reference: Reference::load(&reference).with_context(|| {
            format!("Can't use '{}' as the reference picture", reference.display())
        })?,
        options,
    };
    let name = reference.display();
    let complaints = matcher.reference.complaints();
    complaints.for_each(|what| eprintln!("The reference picture '{name}' {what}"));
    let check = |task: &Task| {
        ensure!(
            !files::is_same(&task.output, &reference),
            "'{}', the reference picture, would be written over; choose another output",
            reference.display()
        );
        Ok(())
    };
    match plan {
        Plan::Single(task) => {
            check(&task)?;
            matcher.single(&task)
        }
        Plan::Folder(tasks) => {
            tasks.iter().try_for_each(check)?;
            files::make_folders(&tasks)?;
            matcher.folder(tasks)
        }
    }
}

fn ending_in_folder(input: &Path) -> OsString {
    let is_written = ImageFormat::from_path(input).is_ok_and(|format| WRITTEN.contains(&format));
    match input.extension() {
        Some(ending) if is_written => ending.to_owned(),
        _ => "png".into(),
    }
}

/// `None`: each channel by itself. By this name, as clap reads `Option` as "may be left out".
type Rule = Option<Method>;

fn parse_method(text: &str) -> anyhow::Result<Rule> {
    match text {
        "channels" => Ok(None),
        "linear" => Ok(Some(Method::Linear)),
        "grade" => Ok(Some(Method::Grade)),
        _ => bail!("it is none of channels, linear and grade"),
    }
}

fn parse_color_space(text: &str) -> anyhow::Result<ColorSpace> {
    match text {
        "rgb" => Ok(ColorSpace::Rgb),
        "ycbcr" => Ok(ColorSpace::YCbCr),
        "luma" => Ok(ColorSpace::Luma),
        _ => bail!("it is none of rgb, ycbcr and luma"),
    }
}

fn parse_strength(text: &str) -> anyhow::Result<f64> {
    let strength: f64 = text.parse()?;
    ensure!((0. ..=1.).contains(&strength), "it is not between 0 and 1");
    Ok(strength)
}

struct Matcher {
    reference: Reference,
    options: Options,
}

impl Matcher {
    fn single(&self, task: &Task) -> anyhow::Result<()> {
        let output = task.output.display();
        ensure!(
            self.options.force || !task.output.exists(),
            "'{output}' exists; give another name, or --force to write over it"
        );
        let Outcome { score, warnings } = self.write(task)?;
        warnings.iter().for_each(|warning| eprintln!("{warning}"));
        println!("{score}");
        Ok(())
    }

    fn folder(&self, tasks: Vec<Task>) -> anyhow::Result<()> {
        let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} files, {eta} left")?;
        let bar = ProgressBar::new(tasks.len() as u64).with_style(style);
        let mut failures = 0;
        for task in tasks {
            let input = task.input.display();
            if task.output.exists() && !self.options.force {
                let output = task.output.display();
                bar.suspend(|| eprintln!("{input}: skipped, as '{output}' exists"));
                bar.inc(1);
                continue;
            }
            let outcome = self.write(&task);
            bar.suspend(|| match outcome {
                Ok(Outcome { score, warnings }) => {
                    warnings.iter().for_each(|warning| eprintln!("{input}: {warning}"));
                    println!("{score}");
                }
                Err(error) => {
                    failures += 1;
                    eprintln!("Error: {error:#}");
                }
            });
            bar.inc(1);
        }
        bar.finish_and_clear();
        ensure!(failures == 0, "{failures} of the files failed; the lines above say why");
        Ok(())
    }

    fn write(&self, task: &Task) -> anyhow::Result<Outcome> {
        let (input, output) = (task.input.display(), task.output.display());
        let format = ImageFormat::from_path(&task.output).with_context(|| {
            format!("Can't tell the format of '{output}'; end its name in {ENDINGS}")
        })?;
        let (mut picture, warning) = files::check_readable(&task.input)
            .and_then(|()| pictures::read(&task.input))
            .with_context(|| format!("Can't read '{input}'"))?;
        let mut warnings = Vec::from_iter(warning);
        let Options { method, colorspace, strength, .. } = self.options;
        let samples = &mut picture.samples;
        let distance = match method {
            None => match_picture(samples, &self.reference, colorspace, strength),
            Some(method) => grade_picture(samples, &self.reference, method, strength),
        }
        .with_context(|| format!("Can't match '{input}'"))?;

        pictures::encode(picture, format)
            .and_then(|(file, losses)| {
                warnings.extend(losses.into_iter().map(String::from));
                Ok(std::fs::write(partial(&task.output), file)?)
            })
            .with_context(|| format!("Can't write '{output}'"))?;
        files::finish(&partial(&task.output), &task.output)?;
        let score = format!(
            "{input} -> {output}: distance from the reference {:.4} before, {:.4} after",
            distance.before, distance.after
        );
        Ok(Outcome { score, warnings })
    }
}

struct Outcome {
    /// A line.
    score: String,
    warnings: Vec<String>,
}

/// The name of a file while it is not whole. It is not taken out of a folder.
fn partial(output: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(output.file_stem().unwrap_or_default());
    name.push(".partial.");
    name.push(output.extension().unwrap_or(OsStr::new("")));
    output.with_file_name(name)
}
