//! Promise: video stays steady. No flicker, no flash, no pumping, on real footage and what can befall
//! it; figures of FFmpeg's filters on the same frames beside it, where it is installed.

use crate::common::footage::moving::{Footage, Sources};
use crate::common::footage::watched::{Decided, Watched};
use crate::common::footage::{
    FPS, HEIGHT, Shown, WIDTH, another_scene, boxed, clip, cross_faded, crossed, cut_together,
    faded, ffmpeg, flashing, flicker, flickering, jitter, mean, quantile, scdet, show, show_some,
};
use crate::common::footage::{flicker_of, graded};
use crate::common::{PICTURES, media, open};
use gsthistomatch::grading::Method;
use gsthistomatch::temporal::Settings;
use image::RgbImage;
use std::time::Duration;

const SMOOTH: (&str, &str) = ("smoothing", "1000000000");
const STEADY: [(&str, &str); 2] = [SMOOTH, ("deflicker", "1")];

const METHODS: [&str; 3] = ["channels", "linear", "grade"];

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
        for (i, &cut) in cuts.iter().enumerate() {
            // Each fourth scene is the clip, a little later than before: its mapping comes back, as
            // `scenes_that_come_back_look_as_they_did` says.
            if i % 4 == 2 && i > 2 {
                continue;
            }
            let difference = difference(&shown[cut].frame, &by_itself[cut].frame);
            assert!(difference <= 1., "{properties:?}: {difference} levels at {cut}");
        }
    }
}

#[test]
fn fades_to_black_and_back_flash_nowhere() {
    let frames = faded(&clip());
    for (method, properties) in
        METHODS.iter().flat_map(|method| [&[][..], &[SMOOTH], &STEADY].map(|p| (method, p)))
    {
        let is_bare = properties.is_empty();
        let properties = &[&[("method", *method)], properties].concat()[..];
        let shown = show(&frames, properties);
        let means: Vec<f64> = frames_of(&shown).map(mean).collect();
        for (t, (before, after)) in frames.iter().zip(frames_of(&shown)).enumerate() {
            if before.iter().all(|&level| level == 0) {
                assert!(after.iter().all(|&level| level == 0), "{properties:?}: {t}");
            }
        }
        if is_bare {
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
    for frames in [over_black, cross_faded(&clip, &another_scene(), FPS)] {
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

fn sources() -> Sources {
    Sources { clip: clip(), pictures: PICTURES.map(|name| open(&media(name)).into_rgb8()) }
}

/// Every frame by itself, smoothing, and smoothing with deflicker.
fn settings(method: Option<Method>) -> [Settings; 3] {
    let bare = Settings { method, ..Settings::default() };
    let smooth = Settings { smoothing: Duration::from_secs(1), ..bare.clone() };
    [bare, smooth.clone(), Settings { deflicker: 1., ..smooth }]
}

/// How far mappings move as shares of what they move frame by frame: the median and the 95th percentile, by
/// method, with `smoothing` and with `deflicker`, too.
const COLUMNS: [(&str, Option<Method>, usize, f64); 6] = [
    ("channels", None, 1, 0.2),
    ("channels, deflicker", None, 2, 0.25),
    ("linear", Some(Method::Linear), 1, 0.25),
    ("linear, deflicker", Some(Method::Linear), 2, 0.25),
    ("grade", Some(Method::Grade), 1, 0.25),
    ("grade, deflicker", Some(Method::Grade), 2, 0.25),
];

/// Where the bound of a column isn't reached, and what is: `src/temporal/NOTES.md` says why.
const MISSED: [(&str, [f64; 6]); 13] = [
    ("pan, 4 s", [0.31, 0.59, 0.3, 0.52, 0.25, 0.3]),
    ("pan to and fro, 1.6 s", [0.2, 1.03, 0.25, 0.55, 0.25, 0.42]),
    ("zoom, 4 s", [0.32, 0.65, 0.27, 0.4, 0.25, 0.26]),
    ("zoom, 0.6 s, and hold", [0.8, 1.29, 0.4, 0.6, 0.25, 0.4]),
    ("hand-held, 50 % in 0.4 s", [1.02, 0.99, 0.85, 0.85, 0.65, 0.65]),
    ("hand-held, 50 % in 1.0 s", [0.2, 0.37, 0.25, 0.27, 0.25, 0.27]),
    ("hand-held, 50 % in 2.0 s", [0.2, 0.42, 0.27, 0.4, 0.26, 0.38]),
    ("half hidden for 0.1 s", [0.32, 0.33, 0.25, 0.25, 0.25, 0.25]),
    ("half hidden for 0.4 s", [0.26, 0.27, 0.25, 0.25, 0.25, 0.25]),
    ("half hidden for 0.8 s", [0.27, 0.35, 0.25, 0.25, 0.25, 0.25]),
    ("dissolve, 1 s", [0.2, 0.76, 0.7, 1.1, 0.45, 0.65]),
    ("dissolve, 2 s", [0.38, 0.38, 0.36, 0.36, 0.32, 0.32]),
    ("clip, B, clip, B", [0.24, 0.25, 0.25, 0.25, 0.25, 0.25]),
];

/// Watches footage, and says what was decided with `smoothing`.
fn watch(footage: &Footage) -> (Watched, Vec<Decided>) {
    let Footage { name, frames, cuts } = footage;
    let watched = Watched::new(frames);
    let decide = |settings: &Settings| watched.decide(FPS as f64, settings);
    let movement = |settings: &Settings| {
        let movement = watched.movement(&decide(settings), cuts);
        [0.5, 0.95].map(|share| quantile(&movement, share))
    };
    let missed = MISSED.iter().find(|(other, _)| other == name).map(|(_, bounds)| bounds);
    let mut faults = Vec::new();
    let shares = [0, 1, 2, 3, 4, 5].map(|column| {
        let (title, method, index, aim) = COLUMNS[column];
        let settings = settings(method);
        let [bare, moved] = [0, index].map(|index| movement(&settings[index]));
        let shares = [moved[0] / bare[0], moved[1] / bare[1]];
        let bound = missed.map_or(aim, |bounds| bounds[column]);
        if shares.iter().any(|&share| share > bound) {
            faults.push(format!("{title}: {shares:.2?} for {bound}"));
        }
        format!("{:.2}, {:.2}", shares[0], shares[1])
    });
    println!("| {name} | {} |", shares.join(" | "));
    assert!(faults.is_empty(), "{name}: {faults:?}");
    let [_, smooth, _] = settings(None);
    let decided = decide(&smooth);
    (watched, decided)
}

fn changes(decided: &[Decided]) -> Vec<usize> {
    (0..decided.len()).filter(|&t| decided[t].report.scene_change).collect()
}

/// Half of the picture, by 17 % of its width from one frame to the next: nothing that is there goes on.
const TOO_FAST: &str = "hand-held, 50 % in 0.4 s";

#[test]
fn what_crosses_the_picture_moves_no_colours() {
    for footage in sources().crossings() {
        let (_, smooth) = watch(&footage);
        let found = changes(&smooth);
        assert!(found.is_empty() || footage.name == TOO_FAST, "{}: {found:?}", footage.name);
    }
}

#[test]
fn mappings_move_less_than_the_camera() {
    for footage in sources().cameras() {
        assert_eq!(changes(&watch(&footage).1), footage.cuts, "{}", footage.name);
    }
}

#[test]
fn what_hides_half_of_the_picture_is_no_cut() {
    for footage in sources().occlusions() {
        assert_eq!(changes(&watch(&footage).1), footage.cuts, "{}", footage.name);
    }
}

#[test]
fn dissolves_are_no_cuts() {
    for footage in sources().dissolves() {
        assert_eq!(changes(&watch(&footage).1), footage.cuts, "{}", footage.name);
    }
}

/// The grade of a scene on its average would leave next to nothing of another one in the range.
#[test]
fn what_a_scene_becomes_stays_in_the_range() {
    for Footage { name, frames, .. } in sources().dissolves_into_other_light() {
        let watched = Watched::new(&frames);
        for method in [Method::Linear, Method::Grade] {
            for smoothing in [500, 1000, 2000] {
                let smoothing = Duration::from_millis(smoothing);
                let bare = Settings { method: Some(method), ..Settings::default() };
                let [bare, smooth] = [bare.clone(), Settings { smoothing, ..bare }]
                    .map(|settings| watched.decide(FPS as f64, &settings));
                // A moment after it has become something else.
                let lost = (80..frames.len()).map(|t| {
                    watched.lost(t, &smooth[t].mapping) - watched.lost(t, &bare[t].mapping)
                });
                let worst = lost.fold(0., f64::max);
                println!("{name}, {method:?}, {smoothing:?}: {worst:.2}");
                assert!(worst < 0.13, "{name}, {method:?}, {smoothing:?}: {worst}");
            }
        }
    }
}

#[test]
fn scenes_that_come_back_look_as_they_did() {
    for (footage, n_scenes) in sources().dialogues().iter().zip([2, 2, 3]) {
        let (watched, smooth) = watch(footage);
        assert_eq!(changes(&smooth), footage.cuts, "{}", footage.name);
        let bare = watched.decide(FPS as f64, &settings(None)[0]);
        let begins = [&[0], &footage.cuts[..]].concat();
        for (i, &t) in begins.iter().enumerate() {
            let to = |other: &Decided| watched.difference(t, [&smooth[t].mapping, &other.mapping]);
            let by_itself = to(&bare[t]);
            if i < n_scenes {
                assert!(by_itself <= 1., "{}, {t}: {by_itself} levels", footage.name);
                continue;
            }
            let before = to(&smooth[begins[i - n_scenes + 1] - 1]);
            println!("{}, {t}: {before:.2} levels, by itself {by_itself:.2}", footage.name);
            // The clip goes on meanwhile.
            let is_new = footage.name.starts_with("clip") && by_itself <= 1.;
            assert!(before <= 1. || is_new, "{}, {t}: {before} levels", footage.name);
        }
    }
}

/// Flicker of all sizes and speeds, of lamps at 50 and 60 Hz among them.
#[test]
fn flicker_is_removed_whatever_moves() {
    let sources = sources();
    let mut cameras = sources.cameras();
    for (name, frames) in [
        ("clip", sources.clip[..100].to_vec()),
        ("hand-held", cameras.remove(4).frames),
        ("pan", cameras.remove(0).frames),
    ] {
        for (hertz, fps, size) in [
            (2., 25., 0.02),
            (2., 25., 0.1),
            (2., 25., 0.2),
            (5., 25., 0.1),
            (8., 25., 0.02),
            (8., 25., 0.1),
            (8., 25., 0.2),
            (12., 25., 0.02),
            (12., 25., 0.2),
            // Twice the frequency of the mains, as frames of a short exposure see it.
            (120., 25., 0.1),
            (100., 30., 0.1),
        ] {
            let wave = |t: usize| (std::f64::consts::TAU * hertz * t as f64 / fps).sin();
            let flickering = graded(&frames, |t, v| v * (1. + size * wave(t)) / (1. + size));
            let watched = Watched::new(&flickering);
            let [_, smooth, steady] = settings(None).map(|settings| {
                let decided = watched.decide(fps, &settings);
                let mean =
                    |(t, decided): (usize, &Decided)| watched.mean_level(t, &decided.mapping);
                flicker_of(&decided.iter().enumerate().map(mean).collect::<Vec<f64>>())
            });
            let others = ffmpeg(&flickering, "deflicker").map(|(frames, _)| flicker(&frames));
            let others = others.map_or("?".to_owned(), |others| format!("{others:.2}"));
            println!(
                "| {name}, {hertz} Hz at {fps}, {size} | {:.2} | {smooth:.2} | {steady:.2} | {others} |",
                flicker(&flickering)
            );
            // A few tenths of a level are the content's own, and a 25th of 20 % is taken for meant.
            let bound = match name {
                "hand-held" => 2.6,
                _ => 1.,
            };
            assert!(steady <= f64::max(0.25 * smooth, bound), "{name}, {hertz} Hz, {size}");
        }
    }
}
