//! Promise: video stays steady. No flicker, no flash, no pumping, on real footage and what can befall
//! it; figures of FFmpeg's filters on the same frames beside it, where it is installed.

use crate::common::footage::{
    FPS, HEIGHT, Shown, WIDTH, another_scene, boxed, clip, cross_faded, crossed, cut_together,
    faded, ffmpeg, flashing, flicker, flickering, jitter, mean, quantile, scdet, show, show_some,
};
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
    let [frame, smooth, steady] = [&[][..], &[SMOOTH], &STEADY]
        .map(|properties| flicker(frames_of(&show(&frames, properties))));
    println!(
        "input {:.2} frame {frame:.2} smooth {smooth:.2} steady {steady:.2}",
        flicker(&frames)
    );
    assert!(steady < smooth / 10.);
    let [smooth, steady] = [&[SMOOTH][..], &STEADY].map(|properties| {
        let properties = [properties, &[("colorspace", "ycbcr")]].concat();
        flicker(frames_of(&show(&frames, &properties)))
    });
    println!("ycbcr: smooth {smooth:.2} steady {steady:.2}");
    assert!(steady < smooth / 10.);
    for (filter, share) in [("deflicker", 1.), ("normalize=smoothing=25", 1. / 3.)] {
        if let Some((filtered, _)) = ffmpeg(&frames, filter) {
            let filtered = flicker(&filtered);
            println!("{filter} {filtered:.2}");
            assert!(steady <= filtered * share, "{filter}");
        }
    }
}

/// Precision and recall.
fn score(found: &[usize], cuts: &[usize]) -> (f64, f64) {
    let right = found.iter().filter(|t| cuts.contains(t)).count() as f64;
    (right / found.len() as f64, right / cuts.len() as f64)
}

#[test]
fn cuts_are_found_and_nothing_else() {
    let (frames, cuts) = cut_together(&clip());
    for (what, frames) in [
        ("plain", frames.clone()),
        ("flickering", flickering(&frames)),
        ("flashing", flashing(&frames)),
        ("crossed", crossed(&frames)),
        ("letterboxed", boxed(&frames, 17, 0)),
    ] {
        let shown = show(&frames, &[SMOOTH]);
        let found: Vec<usize> = (0..shown.len()).filter(|&t| shown[t].stats.scene_change).collect();
        let (precision, recall) = score(&found, &cuts);
        println!("{what}: {precision:.2}, {recall:.2}");
        assert!(precision >= 0.9 && recall >= 0.9, "{what}: {found:?} of {cuts:?}");
        if let Some(found) = scdet(&frames) {
            let others = score(&found, &cuts);
            println!("scdet {others:.2?}");
            assert!(precision >= others.0, "{what}");
        }
    }
}

/// The mean difference of the levels of two frames.
fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let sum: u64 = a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

#[test]
fn a_new_scene_has_nothing_of_the_last_one() {
    let (frames, cuts) = cut_together(&clip());
    let by_itself = show(&frames, &[]);
    for properties in [&[SMOOTH][..], &STEADY, &[("update-mode", "scene")]] {
        let shown = show(&frames, properties);
        for &cut in &cuts {
            let difference = difference(&shown[cut].frame, &by_itself[cut].frame);
            assert!(difference <= 1., "{properties:?}: {difference} levels at {cut}");
        }
    }
}

#[test]
fn fades_to_black_and_back_flash_nowhere() {
    let frames = faded(&clip());
    for properties in [&[][..], &[SMOOTH], &STEADY] {
        let shown = show(&frames, properties);
        let means: Vec<f64> = frames_of(&shown).map(mean).collect();
        for (t, (before, after)) in frames.iter().zip(frames_of(&shown)).enumerate() {
            if before.iter().all(|&level| level == 0) {
                assert!(after.iter().all(|&level| level == 0), "{properties:?}: {t}");
            }
        }
        if properties.is_empty() {
            // The bare rule cancels a fade, as far as there is something to match.
            continue;
        }
        // As bright as the frames around it, and none brighter than the scene is.
        for (t, three) in means.windows(3).enumerate() {
            assert!(three[1] <= three[0].max(three[2]) + 2., "{properties:?}: {t} {three:?}");
        }
        let brightest = means[..40].iter().copied().fold(0., f64::max);
        assert!(means.iter().all(|&mean| mean <= brightest + 5.), "{properties:?}");
    }
}

#[test]
fn a_fade_into_another_scene_flashes_nowhere() {
    let clip = clip();
    // Over black, and into each other.
    let black = faded(&clip);
    let mut over_black = black[..70].to_vec();
    over_black.extend_from_slice(&faded(&another_scene())[70..]);
    for frames in [over_black, cross_faded(&clip, &another_scene())] {
        for properties in [&[SMOOTH][..], &STEADY] {
            let means: Vec<f64> = frames_of(&show(&frames, properties)).map(mean).collect();
            for (t, three) in means.windows(3).enumerate() {
                assert!(three[1] <= three[0].max(three[2]) + 3., "{properties:?}: {t} {three:?}");
            }
            // What fades in is first mapped as the scene before it, and then less and less so.
            let end = means[means.len() - 1];
            assert!((end - means[0]).abs() < 5., "{properties:?}: {end}");
        }
    }
}

#[test]
fn bars_stay_bars() {
    let clip = clip();
    for (rows, columns) in [(17, 0), (0, 30), (17, 30)] {
        let frames = boxed(&clip, rows, columns);
        let on = ("ignore-borders", "true");
        let shown = show(&frames, &[on]);
        // The picture is matched as if there were no bars.
        let (width, height) = (WIDTH - 2 * columns, HEIGHT - 2 * rows);
        for (t, shown) in shown.iter().enumerate() {
            let is_inside = |x: u32, y: u32| {
                (columns..columns + width).contains(&x) && (rows..rows + height).contains(&y)
            };
            for (x, y, pixel) in shown.frame.enumerate_pixels() {
                assert!(is_inside(x, y) || pixel.0 == [0; 3], "{t}: {x} {y}");
            }
            let after = shown.stats.distance_after;
            assert!(after < 0.01, "{t}: {after} from the reference");
        }
    }
}

/// What comes at 5 frames a second gets where it gets at 25.
#[test]
fn dropped_frames_change_nothing_in_time() {
    let (clip, other) = (clip(), another_scene());
    let mut frames = clip[..40].to_vec();
    frames.extend_from_slice(&other[40..]);
    // So that the new scene is smoothed into.
    let properties = [SMOOTH, ("scene-threshold", "0")];
    let all = show(&frames, &properties);
    let numbers: Vec<usize> = (0..frames.len()).filter(|t| t % 5 == 0 || t % 7 == 0).collect();
    let some = show_some(&frames, &numbers, &properties);
    // The first frame of the new scene stands for all that were dropped before it.
    for (&t, some) in numbers.iter().zip(&some).filter(|(t, _)| !(40..65).contains(*t)) {
        let difference = difference(&all[t].frame, &some.frame);
        assert!(difference < 4., "{t}: {difference} levels");
    }
    // With a time constant of a second, e^-1 of the old scene is left after a second.
    let away = |t: usize| all[t].stats.distance_after;
    let left = away(39 + FPS) / away(40);
    println!("left after a second: {left}");
    assert!((0.2..0.55).contains(&left), "{left} of the distance is left after a second");
}

/// Not a frame of the footage is flat, so this is the rule, whatever came before.
#[test]
fn without_smoothing_every_frame_is_matched_by_itself() {
    let frames = flickering(&crossed(&clip()));
    for (t, shown) in show(&frames, &[]).iter().enumerate().step_by(10) {
        let alone = show(&frames[t..=t], &[("flat-frames", "match")]);
        assert!(shown.frame == alone[0].frame, "{t}");
        assert!(shown.stats.distance_after < shown.stats.distance_before / 5., "{t}");
        assert_eq!(shown.stats.learned, [true; 3]);
    }
}
