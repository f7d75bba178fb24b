//! Promise: the presets set what `docs/properties.md` says, and nothing else; they are found where the packages
//! put them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::programs::{run, text};
use crate::common::{self, media};
use crate::pipelines::PROPERTIES;
use gst::prelude::*;
use gsthistomatch::histomatch::HistoMatch;
use temp_dir::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What no preset sets: what is seen and told, not how it is matched.
const LEFT_ALONE: [&str; 12] = [
    "reference-location",
    "reference-locations",
    "reference-channel",
    "reference-timeout",
    "region",
    "mask-location",
    "roi-type",
    "apply-region",
    "n-threads",
    "post-messages",
    "interval",
    "full-stats",
];

/// An element whose presets are read from the project's folder.
fn element() -> HistoMatch {
    common::init();
    gst::Preset::set_app_dir(root().join("presets")).expect("it is taken");
    glib::Object::new()
}

/// The properties that presets are about.
fn settings(element: &HistoMatch) -> Vec<glib::ParamSpec> {
    let is_one = |property: &&glib::ParamSpec| {
        let is_own = property.owner_type() == HistoMatch::static_type();
        (is_own || property.name() == "qos")
            && property.flags().contains(glib::ParamFlags::WRITABLE)
    };
    let all = element.list_properties();
    let all = all.iter().filter(is_one).filter(|property| !LEFT_ALONE.contains(&property.name()));
    all.cloned().collect()
}

fn values(element: &HistoMatch) -> Vec<(String, String)> {
    let value = |property: glib::ParamSpec| {
        let value = element.property_value(property.name());
        (property.name().to_string(), value.serialize().expect("it has a text").to_string())
    };
    settings(element).into_iter().map(value).collect()
}

/// The rows of the page's table: a preset, and what it sets that isn't the default.
fn table() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    let section = PROPERTIES.split("\n## Presets\n").nth(1).expect("a section on presets");
    let section = section.split("\n## ").next().expect("split gives one at least");
    let code = |cell: &'static str| cell.split('`').nth(1);
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row.split('|').skip(1);
        let name = cells.next().and_then(code).expect("a name");
        let set = cells.next().and_then(code).expect("what it sets");
        (name, set.split(' ').map(|pair| pair.split_once('=').expect("a value")).collect())
    })
    .collect()
}

#[test]
fn presets_set_what_the_page_says() {
    let element = element();
    let names: Vec<String> = element.preset_names().iter().map(ToString::to_string).collect();
    let mut listed: Vec<&str> = table().into_iter().map(|(name, _)| name).collect();
    assert_eq!(listed, ["live-camera", "film", "exact", "normalise"]);
    listed.sort_unstable();
    assert_eq!(names, listed);
    for (name, set) in table() {
        let expected = glib::Object::new::<HistoMatch>();
        for (property, value) in set {
            // Not what it declares: GStreamer's filters make `qos` true.
            let default = expected.property_value(property);
            let default = default.serialize().expect("it has a text");
            assert_ne!(default, value, "{name}: {property} is the default");
            expected.set_property_from_str(property, value);
        }
        // Whatever was set before.
        for before in names.iter().map(Some).chain([None]) {
            let element = glib::Object::new::<HistoMatch>();
            element.set_reference_location(Some(Path::new("a picture.png")));
            element.set_n_threads(3);
            element.set_post_messages(true);
            if let Some(before) = before {
                element.load_preset(before).expect("it is there");
            }
            element.load_preset(name).expect("it is there");
            assert_eq!(values(&element), values(&expected), "{name}");
            assert_eq!(element.reference_location(), Some(PathBuf::from("a picture.png")));
            assert_eq!((element.n_threads(), element.post_messages()), (3, true));
        }
    }
    assert!(element.load_preset("no such").is_err());
}

#[test]
fn gst_launch_takes_a_preset() {
    let folder = TempDir::new().expect("a temporary folder");
    let frame = image::RgbImage::from_fn(64, 48, |x, _| image::Rgb([x as u8 / 16 * 40; 3]));
    std::fs::write(folder.path().join("in.raw"), frame.as_raw()).expect("written");
    // Few levels, which the bare rule matches and no other preset does.
    for (preset, is_matched) in [("film", false), ("exact", true)] {
        let mut launch = Command::new("gst-launch-1.0");
        launch
            .args(
                "filesrc location=in.raw ! rawvideoparse format=rgb width=64 height=48".split(' '),
            )
            .args(["!", "histomatch", &format!("@preset={preset}")])
            .arg(format!("reference-location={}", media("coffee.png").display()))
            .args(["!", "filesink", "location=out.raw"]);
        let output = run(&mut launch, folder.path());
        assert!(output.status.success(), "{}", text(&output));
        let out = std::fs::read(folder.path().join("out.raw")).expect("it was written");
        let expected = common::frames::matched(&frame, "coffee.png");
        assert_eq!(out == expected, is_matched, "{preset}");
        assert_eq!(out == *frame.as_raw(), !is_matched, "{preset}");
    }
}

/// `packages.sh` makes and installs them.
#[test]
fn the_packages_have_the_presets() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("it is there");
    for line in [
        r#""/presets""#,
        r#"["presets/GstHistoMatch.prs", "usr/share/gstreamer-1.0/presets/", "644"]"#,
        "[package.metadata.capi.install.data]\nsubdirectory = \"gstreamer-1.0/presets\"\n\
         asset = [{ from = \"presets/*.prs\" }]",
    ] {
        assert!(manifest.contains(line), "{line}");
    }
}
