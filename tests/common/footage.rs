//! Moving pictures to watch over time: the clip, and what can befall it; and what comes out of the
//! element, with the tables it used.

use std::io::Write;
use std::process::{Command, Stdio};

use gst::prelude::*;
use gsthistomatch::histomatch::stats::Stats;
use image::imageops::{FilterType, crop_imm, resize};
use image::{Rgb, RgbImage};

use super::Rig;
use super::video::{play, quoted};

pub mod moving;
pub mod watched;

pub const WIDTH: u32 = 240;
pub const HEIGHT: u32 = 135;
pub const FPS: usize = 25;

/// The clip: one scene of 132 frames.
pub fn clip() -> Vec<RgbImage> {
    let file = quoted(&super::media("bigbuckbunny.webm"));
    let pipeline = format!(
        "filesrc location={file} ! matroskademux ! vp9dec ! videoconvert ! videoscale \
         ! video/x-raw,format=RGB,width={WIDTH},height={HEIGHT} ! appsink name=frames"
    );
    let [samples] = play(&pipeline, ["frames"]);
    samples.iter().map(|sample| image(sample.buffer().expect("a sample has a buffer"))).collect()
}

/// The frame in a buffer.
pub fn image(buffer: &gst::BufferRef) -> RgbImage {
    let map = buffer.map_readable().expect("the buffer can be read");
    // The width is a multiple of four, so rows have no padding.
    RgbImage::from_raw(WIDTH, HEIGHT, map.to_vec()).expect("it is as large as that")
}

/// Every level through a function of the frame's number and itself, which may be anything.
pub fn graded(frames: &[RgbImage], grade: impl Fn(usize, f64) -> f64) -> Vec<RgbImage> {
    let mut frames = frames.to_vec();
    for (t, frame) in frames.iter_mut().enumerate() {
        let lut: [u8; 256] = std::array::from_fn(|v| grade(t, v as f64).round() as u8);
        frame.iter_mut().for_each(|level| *level = lut[usize::from(*level)]);
    }
    frames
}

/// Brightness that changes by a tenth up and down, eight times a second.
pub fn flickering(frames: &[RgbImage]) -> Vec<RgbImage> {
    let turn = |t| std::f64::consts::TAU * 8. * t as f64 / FPS as f64;
    graded(frames, |t, v| v * (1. + 0.1 * turn(t).sin()))
}

/// A flash each 50 frames, which is half gone in the next one.
pub fn flashing(frames: &[RgbImage]) -> Vec<RgbImage> {
    graded(frames, |t, v| {
        let power = match t % 50 {
            30 => 0.45,
            31 => 0.7,
            _ => 1.,
        };
        255. * (v / 255.).powf(power)
    })
}

/// From the 40th frame on, a fade to black for a second, half a second of black, and back.
pub fn faded(frames: &[RgbImage]) -> Vec<RgbImage> {
    graded(frames, |t, v| {
        let t = t as f64 - 40.;
        v * (1. - t / 25.).max((t - 37.) / 25.).clamp(0., 1.)
    })
}

/// The first 40 frames, then one scene that becomes another in so many.
pub fn cross_faded(frames: &[RgbImage], others: &[RgbImage], n: usize) -> Vec<RgbImage> {
    let mut frames = frames.to_vec();
    for (t, (frame, other)) in frames.iter_mut().zip(others).enumerate() {
        let share = ((t as f64 - 40.) / n as f64).clamp(0., 1.);
        for (level, other) in frame.iter_mut().zip(other.iter()) {
            let mixed = f64::from(*level) * (1. - share) + f64::from(*other) * share;
            *level = mixed.round() as u8;
        }
    }
    frames
}

/// A white square of a twentieth of the area that crosses the picture each second.
pub fn crossed(frames: &[RgbImage]) -> Vec<RgbImage> {
    let side = f64::from(WIDTH * HEIGHT / 20).sqrt() as i64;
    let mut frames = frames.to_vec();
    for (t, frame) in frames.iter_mut().enumerate() {
        let left = (t % FPS) as i64 * (i64::from(WIDTH) + side) / FPS as i64 - side;
        let rows = (i64::from(HEIGHT) - side) / 2..(i64::from(HEIGHT) + side) / 2;
        for y in rows {
            for x in left.max(0)..(left + side).min(WIDTH.into()) {
                frame.put_pixel(x as u32, y as u32, Rgb([255; 3]));
            }
        }
    }
    frames
}

/// Black bars of so many rows above and below, and columns at the sides.
pub fn boxed(frames: &[RgbImage], rows: u32, columns: u32) -> Vec<RgbImage> {
    let mut frames = frames.to_vec();
    for frame in &mut frames {
        for (x, y, pixel) in frame.enumerate_pixels_mut() {
            let inside =
                (columns..WIDTH - columns).contains(&x) && (rows..HEIGHT - rows).contains(&y);
            if !inside {
                *pixel = Rgb([0; 3]);
            }
        }
    }
    frames
}

/// A way over a picture: where it begins and ends, as shares of what there is, and how much of the
/// picture is seen then.
#[derive(Clone, Copy)]
struct Way {
    from: (f64, f64, f64),
    to: (f64, f64, f64),
}

fn pan(picture: &RgbImage, n: usize, Way { from, to }: Way) -> Vec<RgbImage> {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    // The largest part of the picture of the frame's shape.
    let scale = (width / f64::from(WIDTH)).min(height / f64::from(HEIGHT));
    let frame = |t: usize| {
        let at = |a: f64, b: f64| a + (b - a) * t as f64 / n as f64;
        let part = at(from.2, to.2) * scale;
        let (w, h) = (f64::from(WIDTH) * part, f64::from(HEIGHT) * part);
        let (x, y) = ((width - w) * at(from.0, to.0), (height - h) * at(from.1, to.1));
        let seen = crop_imm(picture, x as u32, y as u32, w as u32, h as u32).to_image();
        resize(&seen, WIDTH, HEIGHT, FilterType::Triangle)
    };
    (0..n).map(frame).collect()
}

/// One of the pictures, as large as the frames.
pub fn still(name: &str) -> RgbImage {
    let picture = super::open(&super::media(name));
    resize(&picture.into_rgb8(), WIDTH, HEIGHT, FilterType::Triangle)
}

/// A way over one of the pictures, as long as the clip.
pub fn another_scene() -> Vec<RgbImage> {
    let picture = super::open(&super::media("astronaut.png"));
    let way = Way { from: (0., 0., 0.8), to: (0.8, 0.4, 0.6) };
    pan(&picture.into_rgb8(), 132, way)
}

/// Scenes cut together, from the clip and from pans and zooms over the three pictures, and the
/// numbers of the frames that begin one, but for the first.
pub fn cut_together(clip: &[RgbImage]) -> (Vec<RgbImage>, Vec<usize>) {
    let pictures = super::PICTURES.map(|name| super::open(&super::media(name)).into_rgb8());
    let ways = [
        Way { from: (0., 0., 0.5), to: (0.3, 0.2, 0.5) },
        Way { from: (1., 1., 0.6), to: (0.9, 0.9, 0.4) },
        Way { from: (0., 1., 0.45), to: (0.5, 1., 0.45) },
        Way { from: (0.5, 0.2, 0.9), to: (0.5, 0.2, 0.7) },
        Way { from: (1., 0., 0.4), to: (0.8, 0.5, 0.5) },
        Way { from: (0.3, 0.6, 0.5), to: (0.3, 0.6, 0.55) },
    ];
    let (mut frames, mut cuts) = (Vec::new(), Vec::new());
    for (i, way) in ways.into_iter().cycle().take(24).enumerate() {
        let n = 12 + i * 7 % 11;
        if i > 0 {
            cuts.push(frames.len());
        }
        if i % 4 == 3 {
            frames.extend_from_slice(&clip[i * 4..][..n]);
        } else {
            frames.extend(pan(&pictures[(i + i / 4) % 3], n, way));
        }
    }
    (frames, cuts)
}

/// A frame that came out of the element, and what it says about it.
pub struct Shown {
    pub frame: RgbImage,
    pub stats: Stats,
}

/// Shows frames to an element with some properties, at their rate.
pub fn show(frames: &[RgbImage], properties: &[(&str, &str)]) -> Vec<Shown> {
    let numbers: Vec<usize> = (0..frames.len()).collect();
    show_some(frames, &numbers, properties)
}

/// Shows the frames of these numbers, at their times.
pub fn show_some(
    frames: &[RgbImage],
    numbers: &[usize],
    properties: &[(&str, &str)],
) -> Vec<Shown> {
    let mut rig = rig(properties);
    numbers
        .iter()
        .map(|&number| {
            let output = rig.process(buffer(&frames[number], number));
            Shown { frame: image(&output), stats: stats(&rig) }
        })
        .collect()
}

/// An element with these properties, which matches flat frames as it does by default.
pub fn rig(properties: &[(&str, &str)]) -> Rig {
    let (element, bus) = super::element(Some(&super::media("coffee.png")));
    element.set_property_from_str("flat-frames", "hold");
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    let mut rig = Rig::of((element, bus));
    rig.harness.set_src_caps(caps(FPS as i32));
    rig
}

/// The caps of frames, so many in a second.
pub fn caps(fps: i32) -> gst::Caps {
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgb, WIDTH, HEIGHT)
        .fps(gst::Fraction::new(fps, 1))
        .build()
        .expect("a valid size");
    info.to_caps().expect("caps")
}

/// What the element says about the last frame.
pub fn stats(rig: &Rig) -> Stats {
    let stats: gst::Structure = rig.element.property("stats");
    Stats::try_from(&*stats).expect("a frame was matched")
}

/// A frame as the one of this number, in memory of its own.
pub fn buffer(frame: &RgbImage, number: usize) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(frame.as_raw().clone());
    let buffer_mut = buffer.get_mut().expect("nobody else has it");
    let duration = gst::ClockTime::SECOND / FPS as u64;
    buffer_mut.set_pts(duration * number as u64);
    buffer_mut.set_duration(duration);
    buffer
}

/// How much the tables change from each frame to the next: the mean over all samples of a frame of
/// the levels by which it would look otherwise with the table of the frame before.
pub fn jitter(frames: &[RgbImage], shown: &[Shown]) -> Vec<f64> {
    let pairs = shown.windows(2).zip(&frames[1..]);
    pairs
        .map(|(pair, frame)| {
            let [before, now] = [&pair[0], &pair[1]].map(|shown| &shown.stats.luts);
            let change = |(i, level): (usize, &u8)| {
                let (channel, level) = (i % 3, usize::from(*level));
                now[channel][level].abs_diff(before[channel][level])
            };
            let sum: u64 = frame.iter().enumerate().map(change).map(u64::from).sum();
            sum as f64 / frame.len() as f64
        })
        .collect()
}

/// The mean level of a frame.
pub fn mean(frame: &RgbImage) -> f64 {
    frame.iter().map(|&level| f64::from(level)).sum::<f64>() / frame.len() as f64
}

/// The standard deviation of the frames' mean levels, after a moving average over nine frames is
/// taken out.
pub fn flicker<'a>(frames: impl IntoIterator<Item = &'a RgbImage>) -> f64 {
    flicker_of(&frames.into_iter().map(mean).collect::<Vec<f64>>())
}

/// The same of mean levels.
pub fn flicker_of(means: &[f64]) -> f64 {
    let rest: Vec<f64> =
        means.windows(9).map(|nine| nine[4] - nine.iter().sum::<f64>() / 9.).collect();
    let mean = rest.iter().sum::<f64>() / rest.len() as f64;
    (rest.iter().map(|rest| (rest - mean).powi(2)).sum::<f64>() / rest.len() as f64).sqrt()
}

/// The value that a share of some are below.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

/// What FFmpeg makes of frames by a filter, and what it says meanwhile; `None` if it isn't installed.
pub fn ffmpeg(frames: &[RgbImage], filter: &str) -> Option<(Vec<RgbImage>, String)> {
    let size = format!("{WIDTH}x{HEIGHT}");
    let rate = FPS.to_string();
    let raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"];
    let mut child = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostats"])
        .args(raw)
        .args(["-s", &size, "-r", &rate, "-i", "-", "-vf", filter])
        .args(raw)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .inspect_err(|error| println!("FFmpeg's filters are skipped: {error}"))
        .ok()?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            frames.iter().for_each(|frame| stdin.write_all(frame.as_raw()).expect("it reads"));
        });
        child.wait_with_output().expect("it ends")
    });
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let frames = output.stdout.chunks_exact((WIDTH * HEIGHT * 3) as usize);
    let image = |bytes: &[u8]| RgbImage::from_raw(WIDTH, HEIGHT, bytes.to_vec());
    Some((frames.filter_map(image).collect(), said))
}

/// The frames that FFmpeg's `scdet` says begin a scene.
pub fn scdet(frames: &[RgbImage]) -> Option<Vec<usize>> {
    let (_, said) = ffmpeg(frames, "scdet")?;
    let number = |line: &str| {
        let seconds: f64 = line.split("lavfi.scd.time: ").nth(1)?.trim().parse().ok()?;
        Some((seconds * FPS as f64).round() as usize)
    };
    Some(said.lines().filter_map(number).collect())
}
