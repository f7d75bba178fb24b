//! Promise: `save-lut` writes what frames are matched by, and other programs do the same with it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::programs::{run, skipped, text};
use crate::common::{Complaint, Rig, media, open};
use gst::prelude::*;
use image::RgbImage;
use temp_dir::TempDir;

/// A picture whose rows need no padding.
fn source() -> RgbImage {
    open(&media("coffee.png")).into_rgb8()
}

fn rig(settings: &[(&str, &str)]) -> Rig {
    let mut rig = Rig::new(Some(&media("chelsea.png")));
    for (name, value) in settings {
        rig.element.set_property_from_str(name, value);
    }
    let (width, height) = source().dimensions();
    let caps = format!("video/x-raw,format=RGB,width={width},height={height},framerate=25/1");
    rig.harness.set_src_caps(caps.parse().expect("caps"));
    rig
}

/// What the element makes of the source.
fn matched(rig: &mut Rig) -> Vec<u8> {
    let out = rig.process(gst::Buffer::from_mut_slice(source().into_raw()));
    out.map_readable().expect("it can be read").to_vec()
}

fn save(rig: &Rig, path: &Path, with_strength: bool) -> bool {
    rig.element.emit_by_name::<bool>("save-lut", &[&path.to_path_buf(), &with_strength])
}

/// What FFmpeg makes of the source by the file.
fn by_ffmpeg(filter: &str, cube: &Path) -> Vec<u8> {
    let folder = cube.parent().expect("it is in a folder");
    source().save(folder.join("source.png")).expect("written");
    let name = cube.file_name().expect("a name").to_str().expect("UTF-8");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y", "-i", "source.png", "-vf", &format!("{filter}={name}")]);
    let output = run(ffmpeg.args(["-pix_fmt", "rgb24", "out.png"]), folder);
    assert!(output.status.success(), "{}", text(&output));
    image::open(folder.join("out.png")).expect("a picture").into_rgb8().into_raw()
}

/// The lines of the file that aren't numbers, and how many are.
fn lines(cube: &Path) -> (Vec<String>, usize) {
    let text = fs::read_to_string(cube).expect("a text");
    let is_node = |line: &&str| line.split(' ').all(|word| word.parse::<f64>().is_ok());
    let (nodes, header): (Vec<_>, Vec<_>) = text.lines().partition(is_node);
    (header.into_iter().map(String::from).collect(), nodes.len())
}

#[test]
fn ffmpeg_does_the_same_by_the_file() {
    if skipped(&["ffmpeg"], &[]) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let cube = folder.path().join("look.cube");
    for (settings, filter, allowed) in [
        (&[("method", "channels")][..], "lut1d", 0.),
        (&[("method", "channels"), ("strength", "0.4")], "lut1d", 0.),
        (&[("method", "channels"), ("colorspace", "ycbcr"), ("max-slope", "2")], "lut3d", 0.001),
        // The steps of the exact rule get lost between nodes.
        (&[("method", "channels"), ("colorspace", "luma")], "lut3d", 0.05),
        (&[("method", "linear")], "lut3d", 0.001),
        (&[("method", "grade")], "lut3d", 0.001),
        (&[("method", "grade"), ("strength", "0.6")], "lut3d", 0.001),
    ] {
        let mut rig = rig(settings);
        let expected = matched(&mut rig);
        assert!(save(&rig, &cube, true), "{settings:?}");
        let made = by_ffmpeg(filter, &cube);
        // FFmpeg cuts off fractions, so that a level can be one less; between nodes, there is more.
        let most = if filter == "lut1d" { 1 } else { 2 };
        let far = |(a, b): (&[u8], &[u8])| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > most);
        let n_far = expected.chunks(3).zip(made.chunks(3)).filter(|pair| far(*pair)).count();
        let share = 3. * n_far as f64 / expected.len() as f64;
        assert!(share <= allowed, "{settings:?}: {share}");
        let (header, n_nodes) = lines(&cube);
        let method = settings[0].1;
        assert!(header[0].starts_with("# histomatch 0."), "{header:?}");
        assert!(header[0].contains(&format!("method={method}")), "{header:?}");
        assert!(header[0].contains("chelsea.png"), "{header:?}");
        let (size, n) = match filter {
            "lut1d" => ("LUT_1D_SIZE 256", 256),
            _ => ("LUT_3D_SIZE 65", 65 * 65 * 65),
        };
        assert_eq!(header[2..], [size, "DOMAIN_MIN 0.0 0.0 0.0", "DOMAIN_MAX 1.0 1.0 1.0"]);
        assert_eq!(n_nodes, n);
    }
    // Nothing else is left there.
    let mut names: Vec<_> = folder.path().read_dir().expect("a folder").collect();
    names.sort_by_key(|entry| entry.as_ref().expect("an entry").file_name());
    let names: Vec<_> =
        names.into_iter().map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names, ["look.cube", "out.png", "source.png"]);
}

#[test]
fn without_strength_it_is_the_whole_look() {
    let folder = TempDir::new().expect("a temporary folder");
    let written = |settings: &[(&str, &str)], with_strength| {
        let cube = folder.path().join("look.cube");
        let mut rig = rig(settings);
        matched(&mut rig);
        assert!(save(&rig, &cube, with_strength));
        let text = fs::read_to_string(&cube).expect("a text");
        text.split_once("TITLE").expect("a title").1.to_string()
    };
    for method in ["channels", "linear", "grade"] {
        let whole = written(&[("method", method)], true);
        for strength in ["0", "0.3"] {
            let settings = [("method", method), ("strength", strength)];
            assert_eq!(written(&settings, false), whole, "{method}, {strength}");
            assert_ne!(written(&settings, true), whole, "{method}, {strength}");
        }
    }
}

#[test]
fn what_can_not_be_saved_is_said_once() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut rig = rig(&[("method", "grade")]);
    let says = |rig: &Rig, path: &Path, expected: &str| {
        assert!(!save(rig, path, true), "{path:?}");
        let complaints = rig.complaints();
        let [Complaint::Warning(text)] = &complaints[..] else { panic!("{complaints:?}") };
        assert!(text.contains(expected) && text.contains(path.to_str().expect("UTF-8")), "{text}");
    };
    says(&rig, &folder.path().join("early.cube"), "no frame was matched yet");
    matched(&mut rig);
    says(
        &rig,
        &folder.path().join("no/look.cube"),
        "Give the path of a file in a folder that exists",
    );
    says(&rig, folder.path(), "Give the path of a file");
    says(&rig, Path::new(""), "Give the path of a file");
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
    // What was there is replaced.
    let cube = folder.path().join("look.cube");
    fs::write(&cube, "something else").expect("written");
    assert!(save(&rig, &cube, true));
    assert_eq!(lines(&cube).1, 65 * 65 * 65);
    assert_eq!(rig.complaints(), []);
}
