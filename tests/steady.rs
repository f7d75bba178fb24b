//! Promise: video stays steady. No flicker, no flash, no pumping, on real footage and what can befall
//! it; figures of FFmpeg's filters on the same frames beside it, where it is installed.

mod common;

use common::footage::{
    FPS, HEIGHT, Shown, WIDTH, boxed, clip, crossed, cut_together, flashing, flicker, flickering,
    graded, jitter, mean, quantile, show, show_some,
};
use common::media;
use common::oracle::{self, Colorspace};
use image::RgbImage;

const SMOOTH: (&str, &str) = ("smoothing", "1000000000");
const STEADY: [(&str, &str); 2] = [SMOOTH, ("deflicker", "1")];

fn frames_of(shown: &[Shown]) -> impl Iterator<Item = &RgbImage> {
    shown.iter().map(|shown| &shown.frame)
}

#[test]
fn an_object_that_crosses_the_picture_moves_no_other_colours() {
    let frames = crossed(&clip());
    let of = |properties: &[(&str, &str)]| {
        let jitter = jitter(&frames, &show(&frames, properties));
        (quantile(&jitter, 0.5), quantile(&jitter, 0.95))
    };
    let frame = of(&[]);
    for properties in [&[SMOOTH][..], &STEADY] {
        let smooth = of(properties);
        println!("{properties:?}: {smooth:.3?} of {frame:.3?}");
        assert!(smooth.0 <= frame.0 / 4. && smooth.1 <= frame.1 / 4., "{properties:?}");
    }
}

#[test]
fn flicker_is_removed() {
    let frames = flickering(&clip());
    let [frame, smooth, steady] =
        [&[][..], &[SMOOTH], &STEADY].map(|properties| flicker(frames_of(&show(&frames, properties))));
    println!("input {:.2} frame {frame:.2} smooth {smooth:.2} steady {steady:.2}", flicker(&frames));
    assert!(steady < smooth / 10.);
}

#[test]
fn cuts_are_found_and_nothing_else() {
    let (frames, cuts) = cut_together(&clip());
    for (what, frames) in [
        ("plain", frames.clone()),
        ("flickering", flickering(&frames)),
        ("flashing", flashing(&frames)),
        ("crossed", crossed(&frames)),
    ] {
        let shown = show(&frames, &[SMOOTH]);
        let found: Vec<usize> =
            (0..shown.len()).filter(|&t| shown[t].stats.scene_change).collect();
        let right = found.iter().filter(|t| cuts.contains(t)).count() as f64;
        let (precision, recall) = (right / found.len() as f64, right / cuts.len() as f64);
        println!("{what}: precision {precision:.2} recall {recall:.2}, {} cuts", cuts.len());
        assert!(precision >= 0.9 && recall >= 0.9, "{what}: {found:?} of {cuts:?}");
    }
}
