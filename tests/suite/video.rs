//! Promise: between what gives video and what takes it, the element needs no converter, in any
//! format; the colours come close to the reference's, and frames keep their number and times.

use crate::common::media;
use crate::common::video::{
    Pixels, REFERENCE, assert_closer, matching, pixels_of_all, play, quoted, reference,
};
use temp_dir::TempDir;

/// Formats, and an encoder that takes each, with what reads its output. Nothing encodes P010: it
/// goes to a window in `devices.rs`.
///
/// JPEG files are taken for full range by those who read them; `jpegenc` doesn't see to that.
const ENCODERS: [(&str, &str); 9] = [
    ("YUY2,colorimetry=1:4:0:0", "jpegenc quality=95 ! jpegdec"),
    ("UYVY", "matroskamux streamable=true ! matroskademux"),
    ("I420", "vp8enc deadline=1 cpu-used=8 target-bitrate=4000000 ! vp8dec"),
    ("NV12", "x264enc speed-preset=ultrafast bitrate=4000 ! decodebin"),
    ("NV12,colorimetry=1:4:0:0", "jpegenc quality=95 ! jpegdec"),
    ("Y42B", "theoraenc quality=60 speed-level=2 ! theoradec"),
    ("I420_10LE", "vp9enc deadline=1 cpu-used=8 target-bitrate=4000000 ! vp9dec"),
    ("RGB", "pngenc compression-level=1 ! pngdec"),
    ("BGRx", "jpegenc quality=95 ! jpegdec"),
];

/// What writes a file of H.264 or VP9, and its ending.
const FILES: [(&str, &str); 2] = [
    ("x264enc speed-preset=ultrafast bitrate=4000 ! h264parse ! mp4mux", "mp4"),
    ("vp9enc deadline=1 cpu-used=8 target-bitrate=4000000 ! webmmux", "webm"),
];

const FRAMES: usize = 8;

/// The first [`FRAMES`] frames of the clip, decoded.
fn clip() -> String {
    let clip = quoted(&media("bigbuckbunny.webm"));
    // The end comes in place of the frame of this number.
    let end = FRAMES + 1;
    format!("filesrc location={clip} ! matroskademux ! vp9dec ! identity eos-after={end}")
}

fn element() -> String {
    matching(&quoted(&media(REFERENCE)))
}

fn assert_all_closer(before: &[Pixels], after: &[Pixels], what: &str) {
    assert_eq!((before.len(), after.len()), (FRAMES, FRAMES), "{what}");
    let reference = reference();
    for (before, after) in before.iter().zip(after) {
        assert_closer(&reference, before, after, what);
    }
}

#[test]
fn every_format_goes_from_a_source_to_an_encoder() {
    for (format, encoder) in ENCODERS {
        let to_pixels = "videoconvert ! video/x-raw,format=RGBx ! appsink";
        let pipeline = format!(
            "{} ! videoconvert ! video/x-raw,format={format} ! tee name=camera
                camera. ! queue ! {to_pixels} name=before
                camera. ! queue ! {} ! {encoder} ! {to_pixels} name=after",
            clip(),
            element()
        );
        let frames = play(&pipeline, ["before", "after"]);
        let [before, after] = frames.map(|samples| pixels_of_all(&samples));
        assert_all_closer(&before, &after, format);
    }
}

#[test]
fn files_are_decoded_matched_and_encoded_again() {
    let folder = TempDir::new().expect("a temporary folder");
    for (encoder, ending) in FILES {
        let [before, after] =
            ["before", "after"].map(|name| quoted(&folder.path().join(format!("{name}.{ending}"))));
        play(&format!("{} ! {encoder} ! filesink location={before}", clip()), []);
        // What the decoders for both give.
        let element = element();
        play(
            &format!(
                "filesrc location={before} ! decodebin ! {element} ! {encoder}
                    ! filesink location={after}"
            ),
            [],
        );

        let [before, after] = [before, after].map(|file| {
            let [samples] = play(
                &format!(
                    "filesrc location={file} ! decodebin ! videoconvert
                        ! video/x-raw,format=RGBx ! appsink name=frames"
                ),
                ["frames"],
            );
            samples
        });
        assert_eq!(times(&before), times(&after), "{ending}");
        let [before, after] = [before, after].map(|samples| pixels_of_all(&samples));
        assert_all_closer(&before, &after, ending);
    }
}

/// When each frame is shown, and for how long.
fn times(samples: &[gst::Sample]) -> Vec<(gst::ClockTime, gst::ClockTime)> {
    samples
        .iter()
        .map(|sample| {
            let segment = sample.segment().and_then(|segment| segment.downcast_ref());
            let segment: &gst::FormattedSegment<gst::ClockTime> = segment.expect("it has times");
            let buffer = sample.buffer().expect("a sample has a buffer");
            let time = segment.to_running_time(buffer.pts()).expect("a frame has a time");
            (time, buffer.duration().expect("a frame has a duration"))
        })
        .collect()
}
