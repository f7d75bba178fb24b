//! Parts of films, which are the same as there are in the whole film: to the frame, and to the packet of sound.

use std::fs;

use super::faults::{folder, keep, make};
use super::{ffmpeg, probe, transcode};
use crate::common::programs::text;

/// When each frame or packet is, in milliseconds, with a checksum of what is in it.
fn all(stream: char, options: &str, file: &str) -> String {
    let coding = match stream {
        'v' => "-fps_mode passthrough -enc_time_base 1/1000000",
        _ => "-c copy",
    };
    // Streams that aren't used don't count for where a file begins.
    format!("{options} -i {file} -map 0:{stream} {coding} -f framecrc - -map 0 -c copy -f null -")
}

#[test]
fn a_part_is_what_the_whole_film_has_there() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let list = |stream, options: &str, file: &str| -> Vec<(f64, String)> {
        let text = String::from_utf8(ffmpeg("ffmpeg", &all(stream, options, file), folder));
        let text = text.expect("it is text");
        let unit = text.lines().find_map(|line| line.strip_prefix("#tb 0: ")?.split_once('/'));
        let unit = unit.expect("it says its clock");
        let [ticks, seconds] =
            [unit.0, unit.1].map(|number| number.parse::<f64>().expect("a number"));
        let unit = 1000. * ticks / seconds;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let fields = lines.map(|line| line.split(',').map(str::trim).collect::<Vec<_>>());
        let of = |fields: Vec<&str>| {
            let ticks: f64 = fields[2].parse().expect("a time");
            (ticks * unit, fields[5].to_string())
        };
        fields.map(of).collect()
    };
    const VIDEO: &str = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=4";
    const SOUND: &str = "-f lavfi -i sine=duration=4 -shortest -pix_fmt yuv420p";
    // Of those without an index, FFmpeg finds no key frame; the raw ones have no times either.
    for (file, coding) in [
        ("keys.ts", format!("{VIDEO} {SOUND} X264 -bf 2 -g 30")),
        ("one.ts", format!("{VIDEO} {SOUND} X264 -bf 2 -g 1000")),
        ("refresh.ts", format!("{VIDEO} {SOUND} X264 -x264-params intra-refresh=1:keyint=40")),
        ("in.mpg", format!("{VIDEO} {SOUND} -c:v mpeg2video -bf 2 -g 30 -c:a mp2")),
        ("in.avi", format!("{VIDEO} {SOUND} -c:v mpeg4 -bf 2 -g 30 -c:a mp2")),
        ("in.mkv", format!("{VIDEO} {SOUND} X264 -bf 2 -g 30 -c:a mp2")),
        ("in.h264", format!("{VIDEO} -pix_fmt yuv420p X264 -bf 2 -g 30")),
    ] {
        make(&format!("{coding} {file}"), folder);
        let (from, to) = (2500., 3300.);
        keep(&format!("{file} -o part.mkv --video ffv1 --from 2.5 --to 3.3"), folder);
        // What is in it, and what else may be at both ends; then, how far it may be moved.
        for (stream, packet, rounding) in [('v', 0., 1.), ('a', 30., 14.)] {
            if stream == 'a' && file == "in.h264" {
                continue;
            }
            let whole = list(stream, "", file);
            let part = list(stream, "-copyts", "part.mkv");
            let of_whole = |margin: f64| {
                let begin = whole.partition_point(|(time, _)| *time < from - margin);
                let end = whole.partition_point(|(time, _)| *time < to + margin);
                begin..end
            };
            let (least, most) = (of_whole(-packet).len(), of_whole(packet).len());
            assert!((least..=most).contains(&part.len()), "{file} {stream}: {}", part.len());
            let (first, _) = &part[0];
            let at = whole.partition_point(|(time, _)| time - from < first - rounding);
            for ((time, sum), (own, expected)) in part.iter().zip(&whole[at..]) {
                assert_eq!(sum, expected, "{file} {stream} at {time}");
                assert!((own - from - time).abs() <= rounding, "{file} {stream}: {time} for {own}");
            }
        }
    }
}

#[test]
fn a_part_has_the_damage_and_the_subtitles_of_its_own() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 X264 -g 25 in.ts", folder);
    let mut film = fs::read(folder.join("in.ts")).expect("it is there");
    let middle = film.len() / 2;
    film[middle..middle + 2000].iter_mut().for_each(|byte| *byte ^= 0x5A);
    fs::write(folder.join("damaged.ts"), film).expect("written");
    for (part, code) in [("--to 1.5", 0), ("--from 1.6 --to 2.4", 3), ("--from 3.2", 0)] {
        let arguments = format!("damaged.ts --reference REF --force -o part.mkv {part}");
        let output = transcode(&arguments, folder);
        assert_eq!(output.status.code(), Some(code), "{part}: {}", text(&output));
        let words = "packets of stream #0 (video, h264) lack bytes, the first one at 0:00:02.0";
        assert_eq!(text(&output).contains(words), code == 3, "{}", text(&output));
    }

    let subtitles = "1\n00:00:01,000 --> 00:00:02,000\nBefore\n\n\
        2\n00:00:03,000 --> 00:00:03,500\nWithin\n\n";
    fs::write(folder.join("in.srt"), subtitles).expect("written");
    make("-i in.ts -i in.srt -map 0 -map 1 -c:v copy -c:s mov_text in.mp4", folder);
    // They are copied, and converted.
    for output in ["out.mp4", "out.mkv"] {
        keep(&format!("in.mp4 -o {output} --from 2.5"), folder);
        let entries = "-select_streams s -show_entries packet=pts_time,size";
        let lines = probe(entries, output, folder);
        // Between two, MP4 has empty ones.
        let shown: Vec<&str> = lines.lines().filter(|line| !line.ends_with(",2")).collect();
        assert!(shown.len() == 1 && shown[0].starts_with("0.500"), "{output}: {lines}");
        assert!(
            probe("-select_streams v -show_entries packet=pts_time", output, folder)
                .starts_with("0.0")
        );
    }
}
