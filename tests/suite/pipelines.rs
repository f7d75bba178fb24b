//! Promise: every command and program of the README and of the pages in `docs/` does what it says, with the plugin as it is
//! built, and pictures through `gst-launch-1.0` equal the oracle.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::common::frames::matched;
use crate::common::programs::{example, python, run, text};
use crate::common::video::{REFERENCE, play, play_with, quoted};
use crate::common::{self, PICTURES, media};
use gst::prelude::*;
use gst_video::VideoFormat;
use temp_dir::TempDir;

const README: &str = include_str!("../../README.md");
const FORMATS: &str = include_str!("../../docs/formats.md");
pub const LIVE: &str = include_str!("../../docs/live.md");
pub const PROPERTIES: &str = include_str!("../../docs/properties.md");

const PAGES: [&str; 10] = [
    README,
    FORMATS,
    LIVE,
    PROPERTIES,
    include_str!("../../docs/applications.md"),
    include_str!("../../docs/looks.md"),
    include_str!("../../docs/references.md"),
    include_str!("../../docs/region.md"),
    include_str!("../../docs/speed.md"),
    include_str!("../../docs/steadiness.md"),
];

/// The blocks of code of a language in the pages.
pub fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let of_page = |page: &'static str| page.split(fence.as_str()).skip(1);
    let block = |rest: &'static str| rest.split("```").next().expect("split gives one at least");
    PAGES.into_iter().flat_map(of_page).map(block).collect()
}

#[test]
fn the_readme_leads_to_every_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let names = std::fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("read"));
    let mut names: Vec<_> = names.map(|entry| entry.file_name()).collect();
    names.retain(|name| Path::new(name).extension().is_some_and(|ending| ending == "md"));
    assert_eq!(names.len() + 1, PAGES.len());
    for name in names.iter().map(|name| name.to_string_lossy()) {
        assert!(README.contains(&format!("](docs/{name})")), "{name}");
    }
}

/// There is no camera and no window in a test.
fn without_devices(code: &str) -> String {
    code.replace(" device=/dev/video0", "")
        .replace(" device=/dev/video1", "")
        .replace(" device=/dev/video2", "")
        .replace("v4l2src", "videotestsrc pattern=snow num-buffers=20")
        .replace("autovideosink", "fakesink")
}

/// The programs of `examples/` as they are built for tests. There is no window for any.
fn with_examples(code: &str) -> String {
    let mut parts = code.split("cargo run --release --example ");
    let mut script = parts.next().expect("split gives one at least").to_string();
    for part in parts {
        let (name, rest) = part.split_once(" -- ").expect("arguments follow");
        let play = if name == "play" { "--once --mute --sink=fakesink" } else { "" };
        script += &format!("'{}' {play} {rest}", example(name).display());
    }
    script
}

/// The folder of all that is built, and the name of the profile that these tests are built in.
fn target_and_profile() -> (PathBuf, String) {
    let this = std::env::current_exe().expect("this test has a path");
    // target/debug/deps/that
    let folder = this.ancestors().nth(2).expect("it is two folders deep");
    let target = folder.parent().expect("it is three folders deep");
    let name = folder.file_name().expect("it has a name").to_string_lossy();
    (target.into(), if name == "debug" { "dev".into() } else { name.into() })
}

/// What is built as it is built for tests; a release takes as long as all of them, and `.ci/run`
/// builds it.
fn as_built(code: &str) -> String {
    let (target, profile) = target_and_profile();
    let this = target.join(profile.replace("dev", "debug"));
    let build = format!("cargo build --profile {profile} --locked --lib --example before_after");
    code.replace("cargo build --release --locked", &build)
        .replace("$PWD/target/release", this.to_str().expect("UTF-8"))
}

/// A folder with the files that the pages' commands name.
fn folder_of_pages() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for (from, to) in [
        ("bigbuckbunny.webm", "input.webm"),
        ("bigbuckbunny.webm", "film.webm"),
        ("coffee.png", "reference.png"),
        ("chelsea.png", "picture.png"),
        ("chelsea.png", "mask.png"),
    ] {
        std::fs::copy(media(from), folder.path().join(to)).expect("copied");
    }
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    std::os::unix::fs::symlink(examples, folder.path().join("examples")).expect("linked");
    folder
}

#[test]
fn the_gallery_is_what_is_made_today() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = TempDir::new().expect("a temporary folder");
    let (target, profile) = target_and_profile();
    // If it has something to build, that may take longer than `run` waits.
    let output = Command::new(root.join("examples/gallery.sh"))
        .arg(folder.path())
        .env("CARGO_TARGET_DIR", &target)
        .env("HISTOMATCH_DEMO_PROFILE", &profile)
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", text(&output));
    let pictures = README.split("(examples/media/looks-").skip(1);
    let names: Vec<_> = pictures.map(|rest| rest.split(')').next().expect("a name")).collect();
    assert_eq!(names.len(), 6);
    for name in names.iter().map(|name| format!("looks-{name}")) {
        let [shown, made] = [&media(&name), &folder.path().join(&name)]
            .map(|path| image::open(path).expect("a picture").into_rgb8());
        assert_eq!(shown.dimensions(), made.dimensions(), "{name}");
        // Other versions of GStreamer may convert the clip in other ways.
        let differences = shown.iter().zip(made.iter()).map(|(a, b)| u64::from(a.abs_diff(*b)));
        let mean = differences.sum::<u64>() as f64 / shown.len() as f64;
        assert!(mean < 1., "{name}: {mean} levels");
    }
}

#[test]
fn every_shell_command_of_the_pages_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = folder_of_pages();
    let (target, profile) = target_and_profile();
    let (mut pipelines, mut programs) = (0, 0);
    for block in blocks("sh") {
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("set -e\n{}", as_built(&with_examples(&without_devices(block)))));
        if block.starts_with("gst-launch-1.0") {
            let output = run(&mut shell, folder.path());
            let text = text(&output);
            assert!(output.status.success(), "{block}{text}");
            assert!(text.contains("Got EOS") && !text.contains("WARNING"), "{block}{text}");
            pipelines += 1;
        } else if block.starts_with("cargo run") || block.starts_with("gst-inspect-1.0") {
            let output = run(&mut shell, folder.path());
            assert!(output.status.success(), "{block}{}", text(&output));
            programs += 1;
        } else if block.contains("--features heif") {
            // Not every system has a libheif that is new enough: `versions.sh` does it.
        } else if block.starts_with("./examples/demo.sh") || block.starts_with("cargo build") {
            // If it has something to build, that may take longer than `run` waits.
            let output = shell
                .current_dir(root)
                .env("CARGO_TARGET_DIR", &target)
                .env("HISTOMATCH_DEMO_PROFILE", &profile)
                .env("GST_REGISTRY", folder.path().join("registry.bin"))
                .stdin(Stdio::null())
                .output()
                .expect("sh starts");
            assert!(output.status.success(), "{block}{}", text(&output));
        } else {
            // This test is one of the first one's children; `packages.sh` does the others, which
            // takes longer than all tests.
            let elsewhere = [
                "./tests/run.sh",
                "cargo cinstall",
                "cargo deb",
                // `recipes.rs`
                "# Camera ",
                "GST_PLUGIN_PATH=target/release python3 examples/python/cameras.py",
            ];
            let is_elsewhere = elsewhere.iter().any(|start| block.starts_with(start));
            assert!(is_elsewhere, "no test runs this command of a page:\n{block}");
        }
    }
    assert_eq!((pipelines, programs), (15, 6));

    // What they wrote is what they should write.
    let size = |file| folder.path().join(file).metadata().expect("it was written").len();
    let of_output = packets_of_sound(&folder.path().join("output.webm"));
    assert!(of_output == packets_of_sound(&media("bigbuckbunny.webm")), "the sound is not kept");
    let decibels = decibels_of_encoding(&folder.path().join("output.webm"));
    assert!(decibels > 40., "{decibels} dB: the encoder is seen, not the filter");
    assert!(target.join("demo/before-reference-after.png").exists());
    assert!(target.join("demo/matched.webm").exists());
    assert!(size("matched.mkv") > 100_000);
    assert!(size("look.cube") > 1 << 20);
    assert!(folder.path().join("by-ffmpeg.png").exists());
    let [before, by_element, by_program, _] =
        ["picture.png", "output.png", "matched.png", "scope.png"]
            .map(|file| image::open(folder.path().join(file)).expect("a picture").into_rgb8());
    let expected = matched(&before, "coffee.png");
    assert!(by_element.into_raw() == expected);
    assert!(by_program.into_raw() == expected);
}

/// The packets of sound in a WebM file.
fn packets_of_sound(file: &Path) -> Vec<Vec<u8>> {
    let [packets] = play(
        &format!(
            "filesrc location={} ! matroskademux ! audio/x-opus ! appsink name=packets",
            quoted(file)
        ),
        ["packets"],
    );
    assert!(packets.len() > 100, "{} packets", packets.len());
    buffers(&packets)
}

/// How much of the matched clip is left behind the encoder: the peak signal-to-noise ratio of the
/// luma of all frames.
fn decibels_of_encoding(file: &Path) -> f64 {
    let frames = |file: &Path, element: &str| {
        let pipeline = format!(
            "filesrc location={} ! matroskademux ! decodebin ! {element}
                ! video/x-raw,format=I420 ! appsink name=frames",
            quoted(file)
        );
        let [frames] = play(&pipeline, ["frames"]);
        buffers(&frames)
    };
    let reference = quoted(&media(REFERENCE));
    let grade =
        format!("histomatch method=grade smoothing=2000000000 reference-location={reference}");
    let exact = frames(&media("bigbuckbunny.webm"), &grade);
    let encoded = frames(file, "identity");
    assert_eq!(exact.len(), encoded.len(), "frames");
    let (mut sum, mut count) = (0., 0);
    for (exact, encoded) in exact.iter().zip(&encoded) {
        // Luma is the first two thirds.
        let luma = exact.len() / 3 * 2;
        for (a, b) in exact[..luma].iter().zip(&encoded[..luma]) {
            sum += f64::from(a.abs_diff(*b)).powi(2);
        }
        count += luma;
    }
    10. * (255f64.powi(2) * count as f64 / sum).log10()
}

fn buffers(samples: &[gst::Sample]) -> Vec<Vec<u8>> {
    let buffer = |sample: &gst::Sample| sample.buffer_owned().expect("a sample has a buffer");
    samples.iter().map(|sample| common::bytes(&buffer(sample))).collect()
}

/// The doc tests see that it runs to its end.
#[test]
fn the_rust_program_of_the_pages_matches_its_frames() {
    let program = blocks("rust")[0];
    let [pipeline, reference] = [" ! ", ".png"].map(|part| {
        let mut texts = program.split('"').skip(1).step_by(2);
        texts.find(|text| text.contains(part)).expect("it has a pipeline and a reference")
    });
    let distances = Arc::new(Mutex::new(Vec::new()));
    play_with(pipeline, [], |pipeline| {
        let look = pipeline.by_name("look").expect("it is called so");
        look.set_property("reference-location", reference);
        let (pad, distances) = (look.static_pad("src").expect("a pad"), distances.clone());
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            let stats: gst::Structure = look.property("stats");
            let distance = |field| stats.get::<f64>(field).expect("a number");
            let both = (distance("distance-before"), distance("distance-after"));
            distances.lock().expect("no panic").push(both);
            gst::PadProbeReturn::Ok
        });
    });
    let distances = distances.lock().expect("no panic");
    assert!(distances.len() > 20, "{distances:?}");
    assert!(distances.iter().all(|(before, after)| *after < before / 5.), "{distances:?}");
}

#[test]
fn the_python_program_of_the_pages_runs() {
    let [program] = blocks("python")[..] else { panic!("there is one Python program") };
    let folder = folder_of_pages();
    let mut command = python();
    command.arg("-c").arg(without_devices(program).replace("fakesink", "fakesink sync=true"));
    command.env("GST_DEBUG", "histomatch:4").env("GST_DEBUG_NO_COLOR", "1");
    let output = run(&mut command, folder.path());
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    for file in ["reference.png", "picture.png"] {
        assert!(text.contains(&format!("Read the reference '{file}'")), "{text}");
    }
}

#[test]
fn the_tables_of_properties_are_in_step() {
    common::init();
    for (name, page, own) in [
        ("histomatch", README, gsthistomatch::histomatch::HistoMatch::static_type()),
        ("histomatch", PROPERTIES, gsthistomatch::histomatch::HistoMatch::static_type()),
        ("histotap", LIVE, gsthistomatch::histotap::HistoTap::static_type()),
    ] {
        let element = gst::ElementFactory::make(name).build().expect("the element is made");
        // The first cell of a row may name several.
        let cell = |line: &'static str| line.strip_prefix("| `")?.split(" |").next();
        let names =
            page.lines().filter_map(cell).flat_map(|cell| cell.trim_end_matches('`').split("`, `"));
        let mut rows: Vec<&str> = names.collect();
        rows.retain(|name| element.find_property(name).is_some());
        let properties: Vec<_> =
            element.list_properties().iter().filter(|p| p.owner_type() == own).cloned().collect();
        assert_eq!(rows, properties.iter().map(|p| p.name()).collect::<Vec<_>>());
    }
}

/// The formats named in code in a paragraph of the page on formats.
fn listed(start: &str) -> Vec<&'static str> {
    let rest = FORMATS.split(start).nth(1).expect("the paragraph is there");
    let paragraph = rest.split("\n\n").next().expect("split gives one at least");
    paragraph.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_lists_of_formats_are_in_step() {
    common::init();
    for format in listed("Directly, ") {
        let known = common::frames::FORMATS.iter().any(|known| known.format.to_str() == format);
        assert!(known, "{format}");
    }
    for known in common::frames::FORMATS {
        let name = known.format.to_str().as_str();
        // The page lists one byte order.
        if !name.ends_with("BE") {
            assert!(listed("Directly, ").contains(&name), "{name}");
        }
    }
    let element = gst::ElementFactory::make("histomatch").build().expect("the element is made");
    let caps = element.pad_template("sink").expect("a template").caps().clone();
    for format in listed("Left out ") {
        let caps_of_format =
            gst_video::VideoCapsBuilder::new().format(VideoFormat::from_string(format)).build();
        assert!(!caps.can_intersect(&caps_of_format), "{format}");
    }
}

#[test]
fn every_pair_of_pictures_through_gst_launch_equals_the_oracle() {
    let folder = TempDir::new().expect("a temporary folder");
    for picture in PICTURES {
        let pixels = image::open(media(picture)).expect("the picture opens").into_rgb8();
        let (width, height) = pixels.dimensions();
        std::fs::write(folder.path().join("in.raw"), pixels.as_raw()).expect("written");
        for reference in PICTURES.into_iter().filter(|reference| *reference != picture) {
            let parse = format!(
                "rawvideoparse format=rgb width={width} height={height} plane-strides=<{}>",
                width * 3
            );
            let mut launch = Command::new("gst-launch-1.0");
            launch
                .args(["filesrc", "location=in.raw", "!"])
                .args(parse.split(' '))
                .args(["!", "histomatch"])
                .arg(format!("reference-location={}", media(reference).display()))
                .args(["!", "filesink", "location=out.raw"]);
            let output = run(&mut launch, folder.path());
            assert!(output.status.success(), "{}", text(&output));
            let out = std::fs::read(folder.path().join("out.raw")).expect("it was written");
            assert!(out == matched(&pixels, reference), "{picture} to {reference}");
        }
    }
}

#[test]
fn a_bad_file_on_the_command_line_gives_the_cause_and_the_cure() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut launch = Command::new("gst-launch-1.0");
    launch.args("videotestsrc ! histomatch reference-location=no-such.png ! fakesink".split(' '));
    let output = run(&mut launch, folder.path());
    assert!(!output.status.success());
    let text = text(&output);
    assert!(
        text.contains(
            "Can't use 'no-such.png' as the reference: there is no such file; check the path"
        ),
        "{text}"
    );
}

#[test]
fn the_elements_page_prints_without_a_warning() {
    let mut inspect = Command::new("gst-inspect-1.0");
    let output = run(inspect.arg("histomatch"), Path::new("/"));
    assert!(output.status.success());
    let text = text(&output);
    for words in ["Histogram matching", "Filter/Effect/Video", "reference-location", "MIT/X11"] {
        assert!(text.contains(words), "{text}");
    }
}
