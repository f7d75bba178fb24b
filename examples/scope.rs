//! Draws what histogram matching does to a picture: the histograms of the picture, of the reference
//! and of the result, and the lookup tables.
//!
//! ```text
//! cargo run --release --example scope -- INPUT REFERENCE OUTPUT.png
//! ```
//!
//! It made the picture in docs/looks.md, "The rule". It needs no GStreamer.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::ascii::FONT_9X15;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::text::Text;
use gsthistomatch::cdf::Cdf;
use gsthistomatch::color::{Channels, ColorSpace, Encoding, Range};
use gsthistomatch::colorimetry::Colorimetry;
use gsthistomatch::lut::Lut;
use gsthistomatch::matching::match_cdfs;
use gsthistomatch::picture::match_picture;
use gsthistomatch::reference::Reference;
use image::imageops::{self, FilterType};
use image::{DynamicImage, Rgb, RgbImage};

/// Draws the histograms of a picture, a reference and the result, and the lookup tables.
#[derive(Parser)]
#[command(name = "scope", version)]
struct Options {
    /// The picture to match
    input: PathBuf,
    /// The picture whose histograms it is given
    reference: PathBuf,
    /// The file to write
    output: PathBuf,
}

/// Levels of R', G' and B'.
const N_LEVELS: u32 = 256;
/// Pixels to a level, in both directions of the tables.
const SCALE: u32 = 2;

const GAP: u32 = 16;
/// Room for a line of text.
const TITLE: u32 = 20;
/// Of the pictures, which are scaled to fit, and of the histograms.
const CELL_WIDTH: u32 = 270;
const CELL_HEIGHT: u32 = 180;
const HISTOGRAM_WIDTH: u32 = N_LEVELS * SCALE;

const BACKGROUND: Rgb<u8> = Rgb([24; 3]);
const PANEL: Rgb<u8> = Rgb([0; 3]);
const GRID: Rgb<u8> = Rgb([56; 3]);

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let (before, source) = read(&options.input)?;
    let (picture, reference) = read(&options.reference)?;
    let mut after = before.clone();
    match_picture(&mut after, &reference, ColorSpace::Rgb, 1.)?;
    let result = Reference::from_picture(&after)?;

    let scope = draw([
        Row { title: "Before", picture: before, cdfs: cdfs(&source) },
        Row { title: "Reference", picture, cdfs: cdfs(&reference) },
        Row { title: "After", picture: after, cdfs: cdfs(&result) },
    ]);
    scope
        .save(&options.output)
        .with_context(|| format!("Can't write '{}'", options.output.display()))
}

/// A picture and its distribution. That of any picture is to be had as if it were a reference.
fn read(path: &Path) -> anyhow::Result<(DynamicImage, Reference)> {
    let name = path.display();
    let reference = Reference::load(path).with_context(|| format!("Can't use '{name}'"))?;
    let picture = image::load_from_memory(&std::fs::read(path)?);
    Ok((picture.with_context(|| format!("Can't show '{name}'"))?, reference))
}

/// The distributions of R', G' and B' in 8 bits.
fn cdfs(reference: &Reference) -> Vec<Cdf> {
    let channels = Channels {
        encoding: Encoding::Rgb(Range::Full),
        depths: vec![8; 3],
        colorimetry: Colorimetry::SRGB,
    };
    reference.cdfs(&channels).to_vec()
}

struct Row {
    title: &'static str,
    picture: DynamicImage,
    cdfs: Vec<Cdf>,
}

/// A row for each picture with its histograms, and the lookup tables beside them.
fn draw(rows: [Row; 3]) -> RgbImage {
    let row_height = TITLE + CELL_HEIGHT + GAP;
    let height = GAP + rows.len() as u32 * row_height;
    let side = N_LEVELS * SCALE;
    let [histograms_left, luts_left] =
        [2 * GAP + CELL_WIDTH, 3 * GAP + CELL_WIDTH + HISTOGRAM_WIDTH];
    let luts_top = (height - side + TITLE) / 2;
    let mut canvas = Canvas(RgbImage::from_pixel(luts_left + side + GAP, height, BACKGROUND));

    let luts: Vec<Lut> =
        rows[0].cdfs.iter().zip(&rows[1].cdfs).map(|(a, b)| match_cdfs(a, b)).collect();
    canvas.write("Lookup tables: level before -> after", luts_left, luts_top - TITLE);
    canvas.place(&luts_panel(&luts), luts_left, luts_top);
    for (top, row) in (GAP..).step_by(row_height as usize).zip(&rows) {
        canvas.write(row.title, GAP, top);
        canvas.place(&thumbnail(&row.picture), GAP, top + TITLE);
        canvas.write("Histograms of R', G', B'", histograms_left, top);
        canvas.place(&histograms_panel(&row.cdfs), histograms_left, top + TITLE);
    }
    canvas.0
}

fn thumbnail(picture: &DynamicImage) -> RgbImage {
    picture.resize(CELL_WIDTH, CELL_HEIGHT, FilterType::Lanczos3).into_rgb8()
}

/// Channels are drawn by their own component of the pixels, so where they overlap, their colours
/// add up.
fn histograms_panel(cdfs: &[Cdf]) -> RgbImage {
    let mut panel = RgbImage::from_pixel(HISTOGRAM_WIDTH, CELL_HEIGHT, PANEL);
    for (channel, cdf) in cdfs.iter().enumerate() {
        let shares = densities(cdf);
        let scale = f64::from(CELL_HEIGHT) / full_height(&shares);
        for (x, share) in (0..).zip(shares.iter().flat_map(|share| [share; SCALE as usize])) {
            let height = ((share * scale).round() as u32).min(CELL_HEIGHT);
            for y in CELL_HEIGHT - height..CELL_HEIGHT {
                panel.get_pixel_mut(x, y)[channel] = 225;
            }
        }
    }
    panel
}

/// The share of the samples that each level has.
fn densities(cdf: &Cdf) -> Vec<f64> {
    let shares: Vec<f64> = cdf.shares().collect();
    let below = std::iter::once(&0.).chain(&shares);
    shares.iter().zip(below).map(|(share, below)| share - below).collect()
}

/// The share that is drawn as high as the panel: few levels have a larger one, and those few, such
/// as clipped black, would make everything else flat.
fn full_height(densities: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = densities.iter().copied().filter(|&share| share > 0.).collect();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) * 98 / 100] * 1.1
}

fn luts_panel(luts: &[Lut]) -> RgbImage {
    let side = N_LEVELS * SCALE;
    let mut panel = RgbImage::from_pixel(side, side, PANEL);
    for quarter in (0..side).step_by(side as usize / 4) {
        for at in 0..side {
            panel.put_pixel(quarter, at, GRID);
            panel.put_pixel(at, quarter, GRID);
            // No change.
            panel.put_pixel(at, side - 1 - at, GRID);
        }
    }
    for (channel, lut) in luts.iter().enumerate() {
        let mut last = 0;
        for (x, &level) in (0..).step_by(SCALE as usize).zip(&lut.levels) {
            let level = u32::from(level);
            // Steps are joined.
            for y in (last.min(level) * SCALE)..=level * SCALE + SCALE - 1 {
                for x in x..x + SCALE {
                    panel.get_pixel_mut(x, side - 1 - y)[channel] = 255;
                }
            }
            last = level;
        }
    }
    panel
}

/// What is drawn on.
struct Canvas(RgbImage);

impl Canvas {
    fn place(&mut self, picture: &RgbImage, left: u32, top: u32) {
        imageops::replace(&mut self.0, picture, left.into(), top.into());
    }

    fn write(&mut self, text: &str, left: u32, top: u32) {
        let style = MonoTextStyle::new(&FONT_9X15, Rgb888::WHITE);
        let baseline = Point::new(left as i32, top as i32 + 12);
        let drawn = Text::new(text, baseline, style).draw(self);
        drawn.expect("there is always a place for pixels");
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.0.width(), self.0.height())
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for Pixel(point, color) in pixels {
            if let Some(pixel) = self.0.get_pixel_mut_checked(point.x as u32, point.y as u32) {
                *pixel = Rgb([color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }
}
