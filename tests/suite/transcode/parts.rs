//! Parts of films, which are the same as there are in the whole film: to the frame, and to the packet of sound.

use std::fs;

use super::faults::{folder, keep, make};
use super::{ffmpeg, probe, times, transcode};
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
    // Of those without an index, FFmpeg finds no key frame; the raw ones have no times either. The clocks of AVI tick
    // once for each frame and each packet, so that a frame may be nearer to where a part begins than one behind it.
    for (file, coding, from) in [
        ("keys.ts", format!("{VIDEO} {SOUND} X264 -bf 2 -g 30"), 2500.),
        ("one.ts", format!("{VIDEO} {SOUND} X264 -bf 2 -g 1000"), 2500.),
        (
            "refresh.ts",
            format!("{VIDEO} {SOUND} X264 -x264-params intra-refresh=1:keyint=40"),
            2500.,
        ),
        ("in.mpg", format!("{VIDEO} {SOUND} -c:v mpeg2video -bf 2 -g 30 -c:a mp2"), 2500.),
        ("in.avi", format!("{VIDEO} {SOUND} -c:v mpeg4 -bf 2 -g 30 -c:a mp2"), 2500.),
        ("between.avi", format!("{VIDEO} {SOUND} -c:v mpeg4 -bf 2 -g 30 -c:a mp2"), 2495.),
        ("in.mkv", format!("{VIDEO} {SOUND} X264 -bf 2 -g 30 -c:a mp2"), 2500.),
        ("in.h264", format!("{VIDEO} -pix_fmt yuv420p X264 -bf 2 -g 30"), 2500.),
    ] {
        make(&format!("{coding} {file}"), folder);
        let to = 3300.;
        let part = format!("--from {} --to {}", from / 1000., to / 1000.);
        keep(&format!("{file} -o part.mkv --video ffv1 {part}"), folder);
        let margin = if file == "between.avi" { 20. } else { 0. };
        let mut shift = None;
        // What else may be at both ends: a packet of sound.
        for (stream, packet) in [('v', margin), ('a', 30.)] {
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
            let (first, sum) = &part[0];
            // By half a frame and a packet at most in AVI. All of a part is moved as its first frame is; Matroska
            // rounds both to milliseconds.
            let shift = *shift.get_or_insert_with(|| {
                let frame = whole.iter().find(|(_, own)| own == sum);
                frame.expect("the frame is in the film").0 - first
            });
            assert!((shift - from).abs() <= 46., "{file}: from {shift}");
            let at = whole.partition_point(|(time, _)| time - shift < first - 1.5);
            for ((time, sum), (own, expected)) in part.iter().zip(&whole[at..]) {
                assert_eq!(sum, expected, "{file} {stream} at {time}");
                assert!((own - shift - time).abs() <= 1.5, "{file} {stream}: {time} for {own}");
            }
        }
    }
}

#[test]
fn a_part_has_the_damage_of_its_own() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 X264 -g 25 in.ts", folder);
    let mut film = fs::read(folder.join("in.ts")).expect("it is there");
    let middle = film.len() / 2;
    film[middle..middle + 2000].iter_mut().for_each(|byte| *byte ^= 0x5A);
    fs::write(folder.join("damaged.ts"), film).expect("written");
    for (part, code) in [
        ("--to 1.5", 0),
        ("--from 1.6 --to 2.4", 3),
        // Its frames refer to those before it.
        ("--from 2.4 --to 2.6", 3),
        ("--from 3.2", 0),
    ] {
        let output =
            transcode(&format!("damaged.ts --reference REF --force -o part.mkv {part}"), folder);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(code), "{part}: {said}");
        let lacks = said.contains("packets of stream #0 (video, h264) lack bytes");
        assert_eq!(lacks && said.contains("is at 0:00:02.0"), code == 3, "{part}: {said}");
    }

    make("-i in.ts -c copy -movflags +faststart in.mp4", folder);
    let film = fs::read(folder.join("in.mp4")).expect("it is there");
    fs::write(folder.join("cut.mp4"), &film[..film.len() * 3 / 4]).expect("written");
    for (part, code) in [("--to 1.5", 0), ("--to 3.8", 3)] {
        let output =
            transcode(&format!("cut.mp4 --reference REF --force -o part.mkv {part}"), folder);
        assert_eq!(output.status.code(), Some(code), "{part}: {}", text(&output));
    }

    make(
        "VIDEO -pix_fmt yuv420p -vf select=not(eq(n\\,10)) -fps_mode passthrough X264 gap.mkv",
        folder,
    );
    let output = transcode("gap.mkv --reference REF -o x.mkv --from 0.405 --to 0.43", folder);
    let words = "There is no frame of stream #0 (video, h264) between --from and --to";
    assert!(text(&output).contains(words), "{}", text(&output));
}

#[test]
fn a_part_of_joined_films_is_found_as_they_are_played() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    const FIRST: &str = "VIDEO SOUND -shortest -pix_fmt yuv420p X264 -bf 2 -c:a mp2";
    make(&format!("{FIRST} a.ts"), folder);
    make(&format!("{FIRST} -output_ts_offset 100 late.ts"), folder);
    let join = |second: &str| {
        let films = ["a.ts", second].map(|name| fs::read(folder.join(name)).expect("it is there"));
        fs::write(folder.join("joined.ts"), films.concat()).expect("written");
    };
    for second in ["a.ts", "late.ts"] {
        join(second);
        for (part, frames) in [("", 50), ("--from 1.2", 20), ("--from 0.6 --to 1.4", 20)] {
            keep(&format!("joined.ts -o part.mkv {part}"), folder);
            let times = times("part.mkv", folder);
            assert!(times.len().abs_diff(frames) <= 1, "{second} {part}: {}", times.len());
            assert!(times[times.len() - 1] - times[0] <= 40 * frames as i64, "{times:?}");
            let duration = probe("-show_entries format=duration", "part.mkv", folder);
            let duration: f64 = duration.parse().expect("a number");
            assert!(duration < frames as f64 / 25. + 0.2, "{second} {part}: {duration}");
        }
    }
}

#[test]
fn a_part_has_the_subtitles_and_the_timecode_of_its_own() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let subtitles = "1\n00:00:00,100 --> 00:00:00,300\nBefore\n\n\
        2\n00:00:00,600 --> 00:00:00,700\nWithin\n\n\
        3\n00:00:00,900 --> 00:00:01,000\nBehind\n\n";
    fs::write(folder.join("in.srt"), subtitles).expect("written");
    let film = "VIDEO SOUND -i in.srt -map 0 -map 1 -map 2 -pix_fmt yuv420p X264 -g 50 -c:a aac";
    make(&format!("{film} -c:s mov_text in.mp4"), folder);
    // They are copied, and converted; so is the sound.
    for output in ["out.mp4", "out.mkv", "out.webm"] {
        let said = keep(&format!("in.mp4 -o {output} --from 0.5 --to 0.8"), folder);
        assert!(!said.contains("on screen"), "{said}");
        let entries = "-select_streams s -show_entries packet=pts_time,size";
        let lines = probe(entries, output, folder);
        // Between two, MP4 has empty ones.
        let shown: Vec<&str> = lines.lines().filter(|line| !line.ends_with(",2")).collect();
        assert!(shown.len() == 1 && shown[0].starts_with("0.1"), "{output}: {lines}");
        let first = times(output, folder)[0];
        assert!((0..40).contains(&first), "{output}: {first}");
    }
    make("-i in.mp4 -map 0 -c copy -c:s srt in.mkv", folder);
    for film in ["in.mp4", "in.mkv"] {
        let said = keep(&format!("{film} -o out.mkv --from 0.65"), folder);
        let words = "what is on screen at --from began before, and is left out";
        let mut lines = said.lines().filter(|line| line.contains(words));
        assert!(lines.any(|line| line.contains("(subtitle, ")), "{film}: {said}");
    }

    make(
        "-f lavfi -i testsrc2=size=160x120:rate=30000/1001:duration=3 -pix_fmt yuv420p X264 \
         -timecode 00:00:58;10 in.mov",
        folder,
    );
    for output in ["out.mov", "out.mkv"] {
        keep(&format!("in.mov -o {output} --from 2"), folder);
        let code = probe("-select_streams v -show_entries stream_tags=timecode", output, folder);
        // Two frames of the first minute's end are not counted.
        assert_eq!(code, "00:01:00;12", "{output}");
    }
    let kinds = probe("-show_entries stream=codec_tag_string", "out.mov", folder);
    assert!(kinds.contains("tmcd"), "{kinds}");
}
