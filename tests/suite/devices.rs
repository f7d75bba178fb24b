//! Promise: from a camera, and to a window, the element needs no converter: `gst-launch-1.0` with
//! PipeWire and with an X server, neither of which has hardware here.

use std::process::Command;

use crate::common::media;
use crate::common::pipewire::Session;
use crate::common::programs::{self, skipped};
use crate::common::screen::{Screen, window};
use crate::common::video::{
    Pixels, REFERENCE, assert_closer, matching, pixels_of_all, play, quoted, reference, to_picture,
};
use image::{Rgb, RgbImage, imageops};
use temp_dir::TempDir;

const WIDTH: u32 = 480;
const HEIGHT: u32 = 288;
/// Width and height of a field of one colour.
const FIELD: u32 = 96;
const FIELDS: [[u8; 3]; 6] =
    [[200, 40, 40], [40, 180, 60], [50, 60, 190], [230, 210, 60], [90, 90, 90], [240, 240, 240]];

/// The column of fields that a pixel is in, if it is in one.
fn column(x: u32) -> Option<u32> {
    Some(x.checked_sub(WIDTH - 2 * FIELD)? / FIELD)
}

/// A part of the photo of the astronaut.
fn photo() -> RgbImage {
    let photo = image::open(media("astronaut.png")).expect("the picture opens").into_rgb8();
    imageops::crop_imm(&photo, 0, 0, WIDTH, HEIGHT).to_image()
}

/// The photo under two columns of [`FIELDS`].
fn photo_and_fields() -> RgbImage {
    let mut picture = photo();
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if let Some(column) = column(x) {
            *pixel = Rgb(FIELDS[(y / FIELD * 2 + column) as usize]);
        }
    }
    picture
}

/// A folder with the reference and a picture, under names without spaces.
fn folder_with(picture: &RgbImage) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::copy(media(REFERENCE), folder.path().join(REFERENCE)).expect("copied");
    picture.save(folder.path().join("picture.png")).expect("written");
    folder
}

/// Plays a pipeline that ends in [`PIXELS`]; gives its frames.
fn frames(pipeline: &str) -> Vec<RgbImage> {
    let [samples] = play(&format!("{pipeline} ! {PIXELS}"), ["frames"]);
    let frame = |pixels| to_picture(pixels, WIDTH, HEIGHT);
    pixels_of_all(&samples).into_iter().map(frame).collect()
}

const PIXELS: &str = "videoconvert ! video/x-raw,format=RGBx ! appsink name=frames";

/// Makes a crash of `gst-launch-1.0` end it; else it waits for a debugger.
const NO_FAULT: &str = "--no-fault";

/// By how much two pictures differ.
#[derive(Debug)]
struct Difference {
    /// The mean over all samples.
    mean: f64,
    /// The most in the middles of the fields.
    fields: u8,
}

impl Difference {
    fn between(a: &RgbImage, b: &RgbImage) -> Self {
        let middle = |at: u32| (8..FIELD - 8).contains(&(at % FIELD));
        let (mut sum, mut fields) = (0, 0);
        for ((x, y, a), b) in a.enumerate_pixels().zip(b.pixels()) {
            for (a, b) in a.0.iter().zip(b.0) {
                let by = a.abs_diff(b);
                sum += u64::from(by);
                if column(x).is_some_and(|_| middle(x) && middle(y)) {
                    fields = fields.max(by);
                }
            }
        }
        Self { mean: sum as f64 / f64::from(WIDTH * HEIGHT * 3), fields }
    }

    /// In R'G'B', nothing may differ. Of YUV, `glimagesink` and `videoconvert` make pixels that are
    /// up to 4 levels apart in fields, because `videoconvert` calculates in few bits, and 3 on
    /// average, because they fill in chroma between its samples in two ways.
    fn is_small(&self, format: &str) -> bool {
        match format {
            "BGRx" | "RGB" => self.fields == 0 && self.mean == 0.,
            _ => self.fields <= 6 && self.mean < 4.5,
        }
    }
}

/// More than a window.
const SCREEN: [u32; 2] = [WIDTH + 100, HEIGHT + 100];

/// Whether the screen is black but for the window.
fn has_one_window(shot: &RgbImage) -> bool {
    let outside = |x, y| x >= WIDTH || y >= HEIGHT;
    shot.enumerate_pixels().all(|(x, y, pixel)| !outside(x, y) || pixel.0 == [0; 3])
}

/// Sinks that show a window, and formats. Xvfb has no overlays for `xvimagesink`.
const WINDOWS: [(&str, &str); 9] = [
    ("ximagesink", "BGRx"),
    ("glimagesink", "BGRx"),
    ("glimagesink", "RGB"),
    ("glimagesink", "YUY2"),
    ("glimagesink", "UYVY"),
    ("glimagesink", "I420"),
    ("glimagesink", "NV12"),
    ("glimagesink", "P010_10LE"),
    ("glimagesink", "Y42B"),
];

#[test]
fn a_window_shows_the_matched_frame() {
    let elements = ["ximagesrc", "ximagesink", "glimagesink", "imagefreeze", "pngdec"];
    if skipped(&["setpriv", "Xvfb"], &elements) {
        return;
    }
    let picture = photo_and_fields();
    let folder = folder_with(&picture);
    let folder = folder.path();
    let screen = Screen::new(SCREEN, folder);
    for (sink, format) in WINDOWS {
        let element = matching(&quoted(&media(REFERENCE)));
        let source = format!("pngdec ! videoconvert ! video/x-raw,format={format}");
        let path = quoted(&folder.join("picture.png"));
        let expected = &frames(&format!("filesrc location={path} ! {source} ! {element}"))[0];
        // Or else a window without the element would do.
        assert!(Difference::between(&picture, expected).mean > 20., "{format}");

        let set_up = |command: &mut Command| {
            let element = matching(REFERENCE);
            let pipeline = format!(
                "{NO_FAULT} filesrc location=picture.png ! {source} ! imagefreeze
                    ! video/x-raw,framerate=10/1 ! {element} ! {sink}"
            );
            command.args(pipeline.split_whitespace()).env("DISPLAY", &screen.display);
            // Mesa draws without a graphics card.
            command.envs([("LIBGL_ALWAYS_SOFTWARE", "1"), ("GST_GL_WINDOW", "x11")]);
        };
        let mut player = programs::start("gst-launch-1.0", set_up, folder);
        let mut last = None;
        let shown = player.wait_for(|_| {
            let shot = screen.shot(folder);
            let window = window(&shot, WIDTH, HEIGHT);
            let difference = last.insert(Difference::between(&window, expected));
            (difference.is_small(format) && has_one_window(&shot)).then_some(())
        });
        assert!(shown.is_some(), "{sink}, {format}: {last:?}\n{}", player.text());
    }
}

const CAMERAS: [&str; 3] = ["YUY2", "NV12", "BGRx"];

#[test]
fn a_camera_is_matched() {
    let elements = ["pipewiresrc", "pipewiresink", "compositor", "imagefreeze", "pngdec"];
    if skipped(&["setpriv", "pipewire", "pw-link"], &elements) {
        return;
    }
    // Without fields: few levels can't be spread over as many as the reference has.
    let picture = photo();
    let folder = folder_with(&picture);
    let folder = folder.path();
    let session = Session::new(folder);
    let start = |program: &str, arguments: &str| {
        let set_up = |command: &mut Command| {
            session.enter(command.args(arguments.split_whitespace()));
        };
        programs::start(program, set_up, folder)
    };

    for format in CAMERAS {
        // The compositor does nothing but make the frames in memory that PipeWire shares: with
        // most other elements, pipewiresink 0.3 makes memory of no bytes, and crashes.
        let mut camera = start(
            "gst-launch-1.0",
            &format!(
                "{NO_FAULT} filesrc location=picture.png ! pngdec ! imagefreeze
                    ! video/x-raw,framerate=25/1 ! compositor
                    ! video/x-raw,format={format},width={WIDTH},height={HEIGHT}
                    ! pipewiresink mode=provide
                        stream-properties=props,media.class=Video/Source,node.name=camera-{format}"
            ),
        );
        let from = session.port(&mut camera, "--output", &format!("camera-{format}"));
        let mut matcher = start(
            "gst-launch-1.0",
            &format!(
                "{NO_FAULT} pipewiresrc num-buffers=10
                        stream-properties=props,node.name=matcher-{format}
                    ! {} ! filesink location={format}.raw",
                matching(REFERENCE)
            ),
        );
        let to = session.port(&mut matcher, "--input", &format!("matcher-{format}"));
        session.link(&from, &to);
        assert!(
            matcher.succeeds(),
            "{format}: matcher: {}camera: {}server: {}",
            matcher.text(),
            camera.text(),
            session.text()
        );

        let name = format.to_lowercase();
        let frames = frames(&format!(
            "filesrc location={}
                ! rawvideoparse format={name} width={WIDTH} height={HEIGHT} framerate=25/1",
            quoted(&folder.join(format!("{format}.raw")))
        ));
        assert_eq!(frames.len(), 10, "{format}");
        let pixels = |picture: &RgbImage| picture.pixels().map(|pixel| pixel.0).collect::<Pixels>();
        let (reference, before) = (reference(), pixels(&picture));
        for frame in frames {
            assert_closer(&reference, &before, &pixels(&frame), format);
        }
    }
}
