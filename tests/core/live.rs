//! Promise: a snapshot is a fair picture of the frames in its window; as a file it is the same
//! reference; and a channel is there as long as somebody has its name.

use std::sync::Arc;
use std::time::Duration;

use gsthistomatch::color::{Channels, Encoding, Range};
use gsthistomatch::colorimetry::{Colorimetry, Primaries, Transfer};
use gsthistomatch::live::channel::{Channel, Consumer};
use gsthistomatch::live::gathering::{Gathering, Pixels};
use gsthistomatch::live::snapshot::Snapshot;
use gsthistomatch::reference::Reference;
use gsthistomatch::statistics::ColorSample;
use temp_dir::TempDir;

const MILLISECOND: Duration = Duration::from_millis(1);

/// The pixels of a plain frame.
fn plain(color: u16, columns: usize, rows: usize) -> Pixels {
    Pixels { columns, rows, colors: vec![[color; 3]; columns * rows], is_flat: false }
}

/// Pixels of every colour that differ from each other.
fn colorful(columns: usize, rows: usize) -> Pixels {
    let color = |i: usize| [i * 7919, i * 104_729, i * 1_299_709].map(|level| level as u16);
    Pixels { columns, rows, colors: (0..columns * rows).map(color).collect(), is_flat: false }
}

fn snapshot(pixels: Pixels, colorimetry: Colorimetry) -> Snapshot {
    Snapshot::new(pixels, colorimetry, 1, None)
}

/// How many pixels have each of some colours.
fn counts(pixels: &Pixels, colors: std::ops::Range<u16>) -> Vec<usize> {
    let count = |color| pixels.colors.iter().filter(|&&pixel| pixel == [color; 3]).count();
    colors.map(count).collect()
}

#[test]
fn one_frame_is_its_own_picture() {
    let mut gathering = Gathering::new(MILLISECOND);
    assert_eq!(gathering.picture(false), None);
    for (columns, rows) in [(1, 1), (16, 9), (240, 135), (1, 500), (180, 180)] {
        gathering.clear();
        gathering.add(Duration::ZERO, colorful(columns, rows));
        assert_eq!(gathering.picture(false), Some(colorful(columns, rows)));
    }
}

/// The sample of a picture of which each pixel of the grid has its number as colour.
fn numbered(width: usize, height: usize) -> ColorSample {
    let (columns, rows) = ColorSample::grid(width, height);
    let channel: Vec<f32> = (0..columns * rows).map(|i| i as f32 / 257.).collect();
    ColorSample { channels: [channel.clone(), channel.clone(), channel] }
}

#[test]
fn a_sample_of_a_frame_has_the_shape_of_its_grid() {
    for (width, height) in [(1, 1), (7, 3), (180, 180), (720, 576), (1920, 1080), (4096, 2160)] {
        let pixels = Pixels::of(&numbered(width, height), (width, height)).expect("pixels");
        let step = ColorSample::step(width, height);
        let n = |len: usize| (0..len).skip(step / 2).step_by(step).count();
        assert_eq!((pixels.columns, pixels.rows), (n(width), n(height)));
        let number = |i: usize| [(i as u64).min(65535) as u16; 3];
        assert!(pixels.colors.iter().enumerate().all(|(i, &color)| color == number(i)));
    }
    assert_eq!(Pixels::of(&ColorSample::default(), (0, 0)), None);
}

#[test]
fn no_picture_is_larger_than_a_snapshot() {
    for (width, height) in [(320, 180), (268, 268), (1, 60_000), (60_000, 1), (3, 19_000)] {
        let picture = Pixels::of(&numbered(width, height), (width, height)).expect("pixels");
        let n = picture.colors.len();
        assert_eq!(n, picture.columns * picture.rows);
        assert!((15_000..=180 * 180).contains(&n), "{width} x {height}: {n}");
        // They are spread over all.
        let (columns, rows) = ColorSample::grid(width, height);
        let last = picture.colors.last().map(|color| usize::from(color[0]));
        assert!(last >= Some(columns * rows * 9 / 10), "{width} x {height}: {last:?}");
        // A file of it is sampled whole.
        assert_eq!(ColorSample::step(picture.columns, picture.rows), 1);
    }
}

#[test]
fn what_is_out_of_range_is_clamped() {
    let sample = ColorSample { channels: [vec![-3.], vec![255.5], vec![128.]] };
    let pixels = Pixels::of(&sample, (1, 1)).expect("a pixel");
    assert_eq!(pixels.colors, [[0, 65535, 128 * 257]]);
}

/// Frames at 25 per second of which each has its number as colour, from 0 on.
fn frames(gathering: &mut Gathering, numbers: std::ops::Range<u16>) {
    for number in numbers {
        let now = 40 * MILLISECOND * u32::from(number);
        if gathering.is_due(now) {
            gathering.add(now, plain(number, 60, 50));
        }
    }
}

#[test]
fn the_frames_of_the_window_count_alike() {
    let mut gathering = Gathering::new(Duration::from_secs(2));
    frames(&mut gathering, 0..101);
    let counts = counts(&gathering.picture(false).expect("a picture"), 0..101);
    // Every fifth of the last fifty.
    let seen: Vec<usize> = (0..101).filter(|&n| counts[n] > 0).collect();
    assert_eq!(seen, (50..=100).step_by(5).collect::<Vec<_>>());
    let (least, most) = (60 * 50 / 11 - 12, 60 * 50 / 11 + 12);
    assert!(seen.iter().all(|&n| (least..=most).contains(&counts[n])), "{counts:?}");
}

/// Black, a test card, and what fades from or to them.
#[test]
fn flat_frames_and_fades_do_not_count() {
    let flat = || Pixels { is_flat: true, ..plain(0, 60, 50) };
    // What is shown in tenths of a second, and the colours of the picture: none if it is flat.
    let cases: [(&[u16], &[u16]); 17] = [
        (&[0], &[]),
        (&[50], &[50]),
        // Behind black, a cut is told from a fade by the next frame.
        (&[0, 50], &[]),
        (&[0, 50, 50], &[50]),
        (&[0, 10, 20, 30, 40], &[]),
        (&[0, 10, 20, 30, 40, 40, 41], &[40, 41]),
        (&[50, 50, 0], &[50]),
        (&[50, 40, 30, 20, 0], &[50]),
        (&[50, 50, 40, 30, 20, 0, 0, 0], &[50]),
        (&[60, 61, 0, 62, 62, 0, 63, 50, 0], &[60, 61, 62]),
        // What flickers or moves.
        (&[50, 70, 50, 70], &[50, 70]),
        (&[50, 70, 50, 70, 0], &[50, 70]),
        // A fade that is longer than the window: what was there before it.
        (&[90, 89, 80, 75, 70, 65, 60, 55, 50, 45, 40, 35, 30, 25, 20, 15, 10, 0], &[89, 90]),
        (&[90, 80, 75, 70, 65, 60, 55, 50, 45, 40, 35, 30, 25, 20, 15, 10, 0, 0], &[]),
        // What was there before it goes out of the window first.
        (&[90, 90, 80, 60, 40, 20, 0, 0, 0, 0, 0, 0], &[90]),
        (&[90, 90, 80, 60, 40, 20, 0, 0, 0, 0, 0, 0, 0], &[]),
        (&[90, 90, 80, 60, 40, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[]),
    ];
    for (shown, expected) in cases {
        let mut gathering = Gathering::new(Duration::from_secs(1));
        let mut picture = None;
        for (&color, t) in shown.iter().zip(0..) {
            let pixels = if color == 0 { flat() } else { plain(color, 60, 50) };
            gathering.add(100 * MILLISECOND * t, pixels);
            picture = gathering.picture(false);
        }
        let picture = picture.expect("a picture");
        let all = counts(&picture, 0..100);
        let seen: Vec<u16> = (1..100).filter(|color| all[usize::from(*color)] > 0).collect();
        match expected {
            [] => assert!(picture.is_flat, "{shown:?}: {seen:?}"),
            _ => assert_eq!((&seen[..], picture.is_flat), (expected, false), "{shown:?}"),
        }
    }
}

/// Whatever a picture becomes by and by before nothing is left of it, it comes back.
#[test]
fn what_was_there_before_a_fade_comes_back() {
    let picture: Vec<[f64; 3]> =
        (0..60 * 50).map(|i| [i * 7, i * 11, i * 13].map(|v| f64::from(v % 200 + 20))).collect();
    type Fade = fn(f64, f64) -> f64;
    let fades: [(&str, Fade); 6] = [
        ("to black", |value, share| value * (1. - share)),
        ("to white", |value, share| value + (255. - value) * share),
        ("to grey", |value, share| value + (120. - value) * share),
        ("to black by its gamma", |value, share| 255. * (value / 255.).powf(1. / (1. - share))),
        ("to white by its gamma", |value, share| 255. * (value / 255.).powf(1. - share)),
        ("by overexposure", |value, share| (value / (1. - share)).min(255.)),
    ];
    for (name, fade) in fades {
        for tenths in [1, 3, 10, 30] {
            let mut gathering = Gathering::new(Duration::from_secs(1));
            let frame = |share: f64| {
                let color =
                    |color: &[f64; 3]| color.map(|value| (fade(value, share) * 257.) as u16);
                let colors: Vec<_> = picture.iter().map(color).collect();
                let values = || colors.iter().flatten().copied();
                let range = values().max().expect("pixels") - values().min().expect("pixels");
                let is_flat = range < 16 * 257;
                Pixels { columns: 60, rows: 50, colors, is_flat }
            };
            let mut pictures = Vec::new();
            for t in 0..=20 + tenths {
                let share = f64::from(t.max(20) - 20) / f64::from(tenths);
                let pixels = frame(share.min(0.999));
                let is_flat = pixels.is_flat;
                gathering.add(100 * MILLISECOND * t, pixels);
                pictures.push((is_flat, gathering.picture(false).expect("a picture")));
            }
            let end = pictures.iter().find(|(is_flat, _)| *is_flat);
            let is_back = end.is_some_and(|(_, picture)| *picture == frame(0.));
            assert!(is_back, "{name}, {tenths} tenths");
        }
    }
}

/// A frame that is asked for counts, though nobody knows yet whether it fades in.
#[test]
fn a_frame_that_is_asked_for_counts_behind_black() {
    let mut gathering = Gathering::new(Duration::from_secs(1));
    gathering.add(Duration::ZERO, Pixels { is_flat: true, ..plain(0, 60, 50) });
    gathering.add(40 * MILLISECOND, plain(50, 60, 50));
    assert!(gathering.picture(false).is_some_and(|picture| picture.is_flat));
    assert_eq!(gathering.picture(true), Some(plain(50, 60, 50)));
}

/// Of a sample, by its luma without black: portraits in wide pictures, and what is shown in bars.
#[test]
fn bars_are_not_flat() {
    let of = |luma: &dyn Fn(usize) -> f32| {
        let channel: Vec<f32> = (0..160 * 90).map(luma).collect();
        let sample = ColorSample { channels: [channel.clone(), channel.clone(), channel] };
        Pixels::of(&sample, (160, 90)).expect("pixels").is_flat
    };
    let portrait =
        |i: usize| if (60..100).contains(&(i % 160)) { (i % 97) as f32 + 20. } else { 0. };
    assert!(!of(&portrait));
    assert!(of(&|i| if i % 160 < 10 { (i % 97) as f32 + 20. } else { 0. }));
    assert!(of(&|i| (i % 7) as f32));
    assert!(of(&|i| (i % 160 / 20 * 30) as f32));
    assert!(!of(&|i| (i % 160) as f32));
}

#[test]
fn without_a_window_frames_since_the_start_count_alike() {
    for n in [1, 10, 32, 33, 1000, 20_000] {
        let mut gathering = Gathering::new(Duration::ZERO);
        frames(&mut gathering, 0..n);
        let counts = counts(&gathering.picture(false).expect("a picture"), 0..n);
        let seen: Vec<usize> = (0..usize::from(n)).filter(|&n| counts[n] > 0).collect();
        assert!(seen.len() <= 32 && seen.len() >= usize::from(n).min(16), "{seen:?}");
        assert_eq!(seen[0], 0);
        // The distances between them are the same but for what a frame lasts.
        let distances = || seen.windows(2).map(|pair| pair[1] - pair[0]);
        let (least, most) = (distances().min(), distances().max());
        assert!(most.unwrap_or(0) <= least.unwrap_or(0) + 1, "{seen:?}");
    }
}

#[test]
fn what_is_cleared_or_of_a_later_time_does_not_count() {
    let mut gathering = Gathering::new(Duration::from_secs(2));
    frames(&mut gathering, 0..20);
    gathering.clear();
    assert_eq!(gathering.picture(false), None);
    frames(&mut gathering, 90..100);
    assert!(gathering.is_due(MILLISECOND), "time went back");
    gathering.add(MILLISECOND, plain(7, 60, 50));
    assert_eq!(counts(&gathering.picture(false).expect("a picture"), 7..8), [60 * 50]);
}

#[test]
fn frames_of_other_sizes_count_alike() {
    let mut gathering = Gathering::new(Duration::from_secs(2));
    for (n, (columns, rows)) in [(7, 300), (40, 30), (90, 2)].into_iter().enumerate() {
        gathering.add(200 * MILLISECOND * n as u32, plain(n as u16, columns, rows));
    }
    let picture = gathering.picture(false).expect("a picture");
    assert_eq!((picture.columns, picture.rows), (90, 2));
    assert_eq!(counts(&picture, 0..3), [60; 3]);
}

/// R'G'B' of 8 bits, and more of those that convert colours.
fn channels(colorimetry: Colorimetry) -> Channels {
    Channels { encoding: Encoding::Rgb(Range::Full), depths: vec![10; 3], colorimetry }
}

fn colorimetry(primaries: Primaries, transfer: Transfer) -> Colorimetry {
    Colorimetry { primaries, transfer }
}

/// As a reference from a file and from the snapshot that was saved in it.
fn saved(snapshot: &Snapshot) -> Reference {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("look.png");
    snapshot.save(&file).expect("it can be written");
    Reference::load(&file).expect("it can be read")
}

#[test]
fn f200_a_saved_snapshot_is_the_same_reference() {
    let (bt709, bt2020) = (Primaries::Bt709, Primaries::Bt2020);
    for own in [
        Colorimetry::SRGB,
        colorimetry(bt2020, Transfer::Pq),
        colorimetry(bt2020, Transfer::Hlg),
        colorimetry(bt709, Transfer::Pq),
        colorimetry(Primaries::P3, Transfer::Hlg),
        colorimetry(bt2020, Transfer::Sdr),
        colorimetry(Primaries::P3, Transfer::Sdr),
        colorimetry(bt709, Transfer::Power(1.)),
        colorimetry(bt709, Transfer::Power(2.2)),
        colorimetry(bt2020, Transfer::Power(2.8)),
    ] {
        for (columns, rows) in [(240, 135), (1, 1), (180, 180)] {
            let snapshot = snapshot(colorful(columns, rows), own);
            let file = saved(&snapshot);
            assert_eq!(&file, &**snapshot.reference());
            for stream in [Colorimetry::SRGB, colorimetry(bt2020, Transfer::Pq)] {
                let [a, b] =
                    [&file, &**snapshot.reference()].map(|it| it.target(&channels(stream)));
                assert_eq!(a.cdfs, b.cdfs);
                assert_eq!(file.sample(stream), snapshot.reference().sample(stream));
            }
        }
    }
}

#[test]
fn f200_a_saved_snapshot_of_what_has_no_number_is_srgb() {
    let own = colorimetry(Primaries::Bt709, Transfer::Power(1.8));
    let grey = Pixels { colors: (0..256).map(|i| [i * 257; 3]).collect(), ..plain(0, 16, 16) };
    let snapshot = snapshot(grey, own);
    let file = saved(&snapshot);
    assert_eq!(file.profile_fault(), None);
    let (a, b) = (file.sample(Colorimetry::SRGB), snapshot.reference().sample(Colorimetry::SRGB));
    assert_eq!(a, b);
}

/// Programs that don't know `cICP` show nearly the same by what else the file says.
#[test]
fn f200_a_saved_snapshot_of_a_wide_gamut_in_sdr_says_its_primaries_twice() {
    for (primaries, transfer, gamma) in [
        (Primaries::Bt2020, Transfer::Sdr, 45_455),
        (Primaries::P3, Transfer::Power(2.8), 35_714),
        (Primaries::Bt709, Transfer::Power(1.), 100_000),
    ] {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("look.png");
        let snapshot = snapshot(colorful(24, 13), colorimetry(primaries, transfer));
        snapshot.save(&path).expect("it can be written");
        let file = std::fs::read(&path).expect("it was written");
        let reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("it is one");
        let info = reader.info();
        assert!(info.coding_independent_code_points.is_some() && info.srgb.is_none());
        assert_eq!(info.gama_chunk.expect("it says so").into_scaled(), gamma);
        let stated = info.chrm_chunk.expect("it says so");
        let stated = [stated.red, stated.green, stated.blue].map(|(x, y)| [x, y]);
        for (stated, own) in stated.iter().flatten().zip(primaries.chromaticities().as_flattened())
        {
            assert_eq!(f64::from(stated.into_scaled()), (own * 1e5).round());
        }
    }
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let snapshot = snapshot(colorful(3, 3), Colorimetry::SRGB);
    assert!(snapshot.save("no/such/folder/look.png".as_ref()).is_err());
}

#[test]
fn f201_consumers_count_a_snapshot_once() {
    let snapshot = snapshot(colorful(240, 135), Colorimetry::SRGB);
    let channels = channels(Colorimetry::SRGB);
    let target = || snapshot.reference().target(&channels);
    let targets: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(target)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(targets.iter().all(|other| Arc::ptr_eq(&other.cdfs, &targets[0].cdfs)));
    assert!(targets.iter().all(|other| other.id == targets[0].id));
}

#[test]
fn f202_a_channel_lives_as_long_as_somebody_has_its_name() {
    let name = "f202";
    let publish = |channel: &Arc<Channel>| {
        let publisher = channel.publisher("a").expect("nobody else publishes");
        publisher.publish(plain(1, 4, 4), Colorimetry::SRGB, None);
    };
    // The consumer comes first, the tap goes first.
    let consumer = Consumer::of(name);
    assert!(consumer.newest().is_none());
    publish(&Channel::named(name));
    assert_eq!(consumer.newest().map(|snapshot| snapshot.sequence()), Some(1));
    publish(&Channel::named(name));
    assert_eq!(consumer.newest().map(|snapshot| snapshot.sequence()), Some(2));
    assert_eq!(Channel::named(name).n_consumers(), 1);
    drop(consumer);
    assert!(Channel::named(name).newest().is_none());

    // The other way round.
    let channel = Channel::named(name);
    publish(&channel);
    let consumer = Consumer::of(name);
    drop(channel);
    assert_eq!(consumer.newest().map(|snapshot| snapshot.sequence()), Some(1));
    assert!(Channel::named("F202").newest().is_none(), "another name");
}

#[test]
fn f203_a_channel_has_one_publisher() {
    let channel = Channel::named("f203");
    let first = channel.publisher("the first").expect("nobody else publishes");
    let refused = channel.publisher("the second").expect_err("one is enough");
    assert_eq!(refused.to_string(), "the channel 'f203' is published by 'the first'");
    drop(first);
    channel.publisher("the second").expect("nobody publishes any more");
}

#[test]
fn f204_what_is_held_by_nobody_is_freed() {
    let channel = Channel::named("f204");
    let publisher = channel.publisher("a").expect("nobody else publishes");
    publisher.publish(plain(1, 4, 4), Colorimetry::SRGB, None);
    let first = Arc::downgrade(&channel.newest().expect("a snapshot"));
    publisher.publish(plain(2, 4, 4), Colorimetry::SRGB, None);
    assert!(first.upgrade().is_none());
    let second = Arc::downgrade(&channel.newest().expect("a snapshot"));
    drop(publisher);
    assert!(second.upgrade().is_some());
    drop(channel);
    assert!(second.upgrade().is_none());
}
