//! A decoded picture, matched to a reference in place.

use std::time::Duration;

use image::DynamicImage;

use crate::color::{Channels, ColorSpace, Encoding, LumaWeights, Range};
use crate::distance::mean_before_and_after;
use crate::frame::{FrameLayout, PlaneSpan, Scan};
use crate::grading::Method;
use crate::kernels::InstructionSet;
use crate::lut::Lut;
use crate::mapping::Mapping;
use crate::mapping::curve::Curve;
use crate::matcher::Matcher;
use crate::matching::match_histograms;
use crate::reference::{Reference, memory};
use crate::statistics::Statistics;
use crate::temporal::{Settings, Temporal};
use crate::workers::Workers;

/// The samples of a picture are of a kind that is not matched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "pictures with {0:?} samples can't be matched; convert it to 8 or 16 bits, for instance by \
     DynamicImage::into_rgb16"
)]
pub struct UnsupportedPicture(pub image::ColorType);

/// How far the samples of a picture would have to move, on average over all samples and channels, to
/// have the distribution of the reference: as a share of the full scale, as the element says it in
/// `stats`. 0 for a picture without pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distance {
    /// Of the picture as it was.
    pub before: f64,
    /// Of what has become of it.
    pub after: f64,
}

/// Gives a picture the histograms of a reference: what the element does with a frame, if it is
/// matched by itself.
///
/// Samples count as they are stored, as those of [references](Reference). 16-bit pictures are
/// matched in 16 bits, grey ones by their luma, whatever the `color_space`. Alpha stays as it is,
/// and pixels of any alpha are counted.
///
/// Levels go as much of the way to what they are matched to as `strength` says, from 0 to 1. What is
/// given back is how far the picture is from the reference, before and after.
///
/// # Errors
///
/// The picture is in floating point. It is then unchanged.
///
/// # Panics
///
/// `strength` is not between 0 and 1.
///
/// # Example
///
/// ```
/// use gsthistomatch::color::ColorSpace;
/// use gsthistomatch::picture::match_picture;
/// use gsthistomatch::reference::Reference;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let reference = Reference::load("examples/media/coffee.png".as_ref())?;
/// let mut picture = image::open("examples/media/chelsea.png")?;
/// let distance = match_picture(&mut picture, &reference, ColorSpace::Rgb, 1.)?;
/// assert!(distance.after < 0.01 && distance.before > 0.05);
/// # Ok(())
/// # }
/// ```
pub fn match_picture(
    picture: &mut DynamicImage,
    reference: &Reference,
    color_space: ColorSpace,
    strength: f64,
) -> Result<Distance, UnsupportedPicture> {
    let matcher =
        |layout, best| Matcher::new(layout, color_space, best, None).expect("samples side by side");
    process(picture, strength, matcher, |Statistics { histograms, .. }, channels| {
        let references = reference.cdfs(channels);
        let luts = match_histograms(histograms, &references);
        let luts: Vec<Lut> = luts.iter().map(|lut| weakened(lut, strength)).collect();
        let distances = mean_before_and_after(histograms, &luts, &references);
        (luts.into(), distances)
    })
}

/// Moves all colours of a picture together towards those of a reference: what the element does with a
/// frame by itself with `method=linear` or `grade`.
///
/// As in [`match_picture`], samples count as they are stored, and alpha stays as it is. The distances are
/// those of some pixels that are spread over the picture. A picture without a distribution to speak of
/// ([`is_flat`](crate::temporal::is_flat)) stays as it is.
///
/// # Errors
///
/// The picture is in floating point. It is then unchanged.
///
/// # Panics
///
/// `strength` is not between 0 and 1.
pub fn grade_picture(
    picture: &mut DynamicImage,
    reference: &Reference,
    method: Method,
    strength: f64,
) -> Result<Distance, UnsupportedPicture> {
    let matcher =
        |layout, best| Matcher::grading(layout, best, None).expect("samples side by side");
    process(picture, strength, matcher, |statistics, channels| {
        let target = reference.target(channels);
        let settings = Settings { method: Some(method), strength, ..Settings::default() };
        let (mapping, _) =
            Temporal::new(channels.clone()).decide(statistics, Duration::ZERO, &target, &settings);
        let distances = target.distances(statistics, mapping.grade());
        (mapping, distances.expect("colours of both, as this is what a grade is learned from"))
    })
}

/// Matches a picture as it is decided, with the distances before and after.
fn process(
    picture: &mut DynamicImage,
    strength: f64,
    matcher: impl FnOnce(FrameLayout, InstructionSet) -> Matcher,
    decide: impl FnOnce(&Statistics, &Channels) -> (Mapping, [f64; 2]),
) -> Result<Distance, UnsupportedPicture> {
    assert!((0. ..=1.).contains(&strength), "a strength of {strength}");
    let layout = layout(picture);
    let Some(memory) = memory(picture) else {
        return Err(UnsupportedPicture(picture.color()));
    };
    if memory.is_empty() {
        return Ok(Distance::default());
    }
    let spans = [PlaneSpan { offset: 0, stride: layout.planes[0].row_bytes as isize }];
    let mut matcher = matcher(layout, InstructionSet::best());
    let channels = matcher.channels().clone();
    let mut distance = Distance::default();
    let decide = |statistics: &Statistics| {
        let (mapping, [before, after]) = decide(statistics, &channels);
        distance = Distance { before, after };
        mapping
    };
    matcher
        .process(memory, Scan::Progressive, &spans, &Workers::default(), decide)
        .expect("the memory is the picture");
    Ok(distance)
}

fn weakened(lut: &Lut, strength: f64) -> Lut {
    let mut curve = Curve::identity(lut.levels.len());
    curve.blend(&lut.into(), strength);
    curve.to_lut()
}

fn layout(picture: &DynamicImage) -> FrameLayout {
    let color = picture.color();
    let samples = usize::from(color.channel_count());
    let bytes = usize::from(color.bytes_per_pixel()) / samples;
    let encoding = match color.has_color() {
        true => Encoding::Rgb(Range::Full),
        false => Encoding::Luma(LumaWeights::BT709, Range::Full),
    };
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    FrameLayout::packed(width, height, encoding, samples, bytes)
}
