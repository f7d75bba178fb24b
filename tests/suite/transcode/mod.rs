//! Promise: the example `transcode` keeps all of a file but its colours; what it writes is whole or
//! has another name; and its errors say which file and what to do.

mod batch;
mod faults;
mod parts;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::media;
use crate::common::programs::{PATIENCE, example, run, skipped, text};
use crate::common::video::{REFERENCE, assert_closer, pixels, reference};
use temp_dir::TempDir;

/// Everything that most tests need; they run where it is installed.
fn missing() -> bool {
    skipped(&["ffmpeg", "ffprobe"], &["x264enc", "h264parse", "avdec_h264", "vp9enc"])
}

fn transcode(arguments: &str, folder: &Path) -> Output {
    run(&mut command(arguments), folder)
}

/// `REF` stands for the reference, `CLIP` for the clip.
fn command(arguments: &str) -> Command {
    let mut command = Command::new(example("transcode"));
    command.args(arguments.split_whitespace().map(|word| match word {
        "REF" => media(REFERENCE).into_os_string(),
        "CLIP" => media("bigbuckbunny.webm").into_os_string(),
        word => word.into(),
    }));
    command
}

fn succeed(arguments: &str, folder: &Path) -> String {
    let output = transcode(arguments, folder);
    assert!(output.status.success(), "{arguments}: {}", text(&output));
    text(&output)
}

/// What FFmpeg's programs print.
fn ffmpeg(program: &str, arguments: &str, folder: &Path) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(["-v", "error"]).args(arguments.split_whitespace().map(|word| match word {
        "CLIP" => media("bigbuckbunny.webm").into_os_string(),
        word => word.into(),
    }));
    let output = run(&mut command, folder);
    assert!(output.status.success(), "{program} {arguments}: {}", text(&output));
    output.stdout
}

fn probe(arguments: &str, file: &str, folder: &Path) -> String {
    let output = ffmpeg("ffprobe", &format!("-of csv=p=0 {arguments} {file}"), folder);
    String::from_utf8(output).expect("ffprobe prints text").trim().to_string()
}

/// The times of all video packets in order, in milliseconds.
fn times(file: &str, folder: &Path) -> Vec<i64> {
    let lines = probe("-select_streams v:0 -show_entries packet=pts_time", file, folder);
    // Transport streams have empty lines for their programs.
    let lines = lines.lines().map(|line| line.trim_end_matches(',')).filter(|it| !it.is_empty());
    let seconds = lines.map(str::parse::<f64>);
    let mut times: Vec<i64> =
        seconds.map(|time| (1000. * time.expect("a time")).round() as i64).collect();
    times.sort();
    times
}

/// The same, from when the sound begins; that of the clip begins 7 ms before its frames, and AAC 21 ms
/// before it is heard.
fn from_sound(file: &str, folder: &Path) -> Vec<i64> {
    let entries = "-select_streams a:0 -show_entries packet=pts_time:stream=codec_name";
    let lines = probe(entries, file, folder);
    let first = lines.lines().next().expect("it has sound").trim_end_matches(',');
    let first = (1000. * first.parse::<f64>().expect("a time")).round() as i64;
    // The clip's own, if it was encoded anew.
    let first = if lines.ends_with("aac") { first + 21 - 7 } else { first };
    times(file, folder).into_iter().map(|time| time - first).collect()
}

/// A checksum of a stream's packets, as they are.
fn packets(stream: &str, file: &str, folder: &Path) -> Vec<u8> {
    ffmpeg("ffmpeg", &format!("-i {file} -map 0:{stream} -c copy -f md5 -"), folder)
}

/// The pixels of the first frame, turned as it is shown.
fn first_frame(file: &str, folder: &Path) -> Vec<[u8; 3]> {
    // To a file, as it is more than `run` reads.
    ffmpeg(
        "ffmpeg",
        &format!("-y -i {file} -frames:v 1 -f rawvideo -pix_fmt rgb0 frame.raw"),
        folder,
    );
    pixels(&fs::read(folder.join("frame.raw")).expect("it is there"), [0, 1, 2])
}

/// The mean absolute difference of samples.
fn difference(a: &[[u8; 3]], b: &[[u8; 3]]) -> f64 {
    assert_eq!(a.len(), b.len());
    let differences = a.as_flattened().iter().zip(b.as_flattened()).map(|(a, b)| a.abs_diff(*b));
    differences.map(f64::from).sum::<f64>() / (3 * a.len()) as f64
}

/// A folder with `film.mp4`: two seconds of the clip in H.264 and AAC.
fn folder_with_film() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    let arguments = "-i CLIP -t 2 -c:v libx264 -preset ultrafast -c:a aac film.mp4";
    ffmpeg("ffmpeg", arguments, folder.path());
    folder
}

fn assert_times_equal(a: &[i64], b: &[i64], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    // Matroska rounds to milliseconds.
    let equal = a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= 1);
    assert!(equal, "{what}: {a:?} {b:?}");
}

#[test]
fn the_clip_goes_into_every_container() {
    if missing() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let (before, reference) = (first_frame("CLIP", folder), reference());
    for output in ["out.mkv", "out.mp4", "out.mov", "out.webm"] {
        let said = succeed(&format!("CLIP --reference REF -o {output}"), folder);
        let [before_it, after_it] = ["CLIP", output].map(|file| from_sound(file, folder));
        assert_times_equal(&before_it, &after_it, output);
        let converted = "stream #1 (audio, opus, eng) is converted by aac, as .mov can't hold it";
        if output == "out.mov" {
            assert!(said.contains(converted), "{said}");
        } else {
            assert!(!said.contains("stream"), "{said}");
            assert_eq!(packets("a:0", "CLIP", folder), packets("a:0", output, folder), "{output}");
        }
        assert_closer(&reference, &before, &first_frame(output, folder), output);
    }
}

#[test]
fn every_codec_keeps_the_frames() {
    if missing() || skipped(&[], &["x265enc", "av1enc", "av1parse", "vp8enc"]) {
        return;
    }
    let folder = folder_with_film();
    let folder = folder.path();
    for (codec, output) in
        [("h265", "5.mp4"), ("av1", "a.mkv"), ("vp8", "8.webm"), ("vp9", "9.mp4")]
    {
        let part = "--to 0.6 --quality low";
        succeed(&format!("film.mp4 --reference REF -o {output} --video {codec} {part}"), folder);
        assert_eq!(times(output, folder).len(), 15, "{codec}");
        let name = probe("-select_streams v -show_entries stream=codec_name", output, folder);
        assert_eq!(name, codec.replace("h265", "hevc"));
    }
}

#[test]
fn all_sound_and_subtitles_are_kept_with_their_languages() {
    if missing() {
        return;
    }
    let folder = folder_with_film();
    let folder = folder.path();
    let subtitles = "1\n00:00:00,500 --> 00:00:01,000\nSalt & \"pepper\" > all\n\n\
        2\n00:00:01,200 --> 00:00:01,700\nOne <i>&</i> two\n\n\
        3\n00:00:01,750 --> 00:00:01,900\nA < B\n";
    fs::write(folder.join("in.srt"), subtitles).expect("written");
    ffmpeg(
        "ffmpeg",
        "-i film.mp4 -f lavfi -i sine=duration=2 -i in.srt -map 0:v -map 0:a -map 1:a -map 2 \
         -c:v copy -c:a:0 copy -c:a:1 libopus -c:s srt -metadata:s:a:0 language=ger \
         -metadata:s:a:1 language=fre -metadata:s:s:0 language=spa in.mkv",
        folder,
    );

    let said = succeed("in.mkv --reference REF -o out.mkv", folder);
    assert!(!said.contains("stream"), "{said}");
    for stream in ["a:0", "a:1", "s:0"] {
        assert_eq!(packets(stream, "in.mkv", folder), packets(stream, "out.mkv", folder));
    }
    let languages = |file| probe("-show_entries stream_tags=language", file, folder);
    assert!(languages("out.mkv").ends_with("ger\nfre\nspa"), "{}", languages("out.mkv"));

    succeed("in.mkv --reference REF -o out.mp4", folder);
    assert!(languages("out.mp4").ends_with("ger\nfre\nspa"), "{}", languages("out.mp4"));

    let said = succeed("in.mkv --reference REF -o out.webm", folder);
    for words in [
        "in.mkv: stream #1 (audio, aac, ger) is converted by libopus, as .webm can't hold it",
        "in.mkv: stream #3 (subtitle, subrip, spa) is converted by webvtt, as .webm can't hold it",
    ] {
        assert!(said.contains(words), "{said}");
    }
    let codecs = probe("-show_entries stream=codec_name", "out.webm", folder);
    assert_eq!(codecs, "vp9\nopus\nopus\nwebvtt");

    succeed("in.mkv --reference REF -o none.mkv --audio none", folder);
    let codecs = probe("-show_entries stream=codec_name", "none.mkv", folder);
    assert_eq!(codecs, "h264\nsubrip");
}

/// The matrix that turns by 90 degrees: of x to x, x to y, y to x, y to y.
const QUARTER: [i32; 4] = [0, 1, -1, 0];

/// Copies an MP4, and tells players to turn its first track. By its bytes: the metadata that FFmpeg 5
/// does it by is nothing to FFmpeg 7, whose option FFmpeg 5 doesn't know.
fn turn(from: &Path, to: &Path, by: [i32; 4]) {
    let matrix = |[a, b, c, d]: [i32; 4]| {
        let numbers = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30];
        numbers.map(i32::to_be_bytes).concat()
    };
    let mut film = fs::read(from).expect("it can be read");
    // Behind its name: version, times, number, duration, layer, volume and what is reserved.
    let header = film.windows(4).position(|bytes| bytes == b"tkhd").expect("it has a track");
    let place = &mut film[header + 44..][..36];
    assert_eq!(place, matrix([1, 0, 0, 1]), "upright");
    place.copy_from_slice(&matrix(by));
    fs::write(to, film).expect("written");
}

#[test]
fn video_that_is_shown_turned_stays_so() {
    if missing() {
        return;
    }
    let folder = folder_with_film();
    let folder = folder.path();
    turn(&folder.join("film.mp4"), &folder.join("turned.mp4"), QUARTER);
    let expected = first_frame("turned.mp4", folder);
    // MP4 says how it is to be turned; in Matroska, the pixels are turned.
    for (output, as_stored) in [("out.mp4", "480,270,-90"), ("out.mkv", "270,480")] {
        let unchanged = "--set strength=0";
        succeed(&format!("turned.mp4 --reference REF -o {output} {unchanged}"), folder);
        let size = "-select_streams v -show_entries stream=width,height:stream_side_data=rotation";
        assert_eq!(probe(size, output, folder).replace('\n', ","), as_stored, "{output}");
        let difference = difference(&expected, &first_frame(output, folder));
        assert!(difference < 4., "{output}: {difference}");
    }
}

#[test]
fn frames_keep_uneven_times() {
    if missing() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    // Of thirty frames a second, those whose numbers can be divided by 3 or 5; no sound.
    ffmpeg(
        "ffmpeg",
        "-f lavfi -i testsrc2=size=160x120:rate=30:duration=2 \
         -vf select=not(mod(n\\,3))+not(mod(n\\,5)) -fps_mode vfr -c:v libx264 in.mkv",
        folder,
    );
    ffmpeg("ffmpeg", "-i in.mkv -c copy in.mp4", folder);
    assert_eq!(times("in.mkv", folder).len(), 28);
    for (input, output) in [("in.mkv", "1.mkv"), ("in.mkv", "2.mp4"), ("in.mp4", "3.webm")] {
        succeed(&format!("{input} --reference REF -o {output}"), folder);
        assert_times_equal(&times(input, folder), &times(output, folder), output);
    }
}

#[test]
fn a_part_begins_and_ends_where_it_should() {
    if missing() {
        return;
    }
    let folder = folder_with_film();
    let folder = folder.path();
    let unchanged = "--set strength=0";
    let part = "--from 0:00:00.48 --to 1.28";
    succeed(&format!("film.mp4 --reference REF -o out.mkv {part} {unchanged}"), folder);
    let times = times("out.mkv", folder);
    assert_times_equal(&times, &(0..20).map(|n| 40 * n).collect::<Vec<_>>(), "out.mkv");

    ffmpeg("ffmpeg", "-i film.mp4 -ss 0.48 -frames:v 1 wanted.png", folder);
    let difference =
        difference(&first_frame("wanted.png", folder), &first_frame("out.mkv", folder));
    assert!(difference < 4., "{difference}");

    // Sound begins and ends with it, but for a packet (of 1024 samples at 48 kHz).
    let sound = probe("-select_streams a -show_entries packet=pts_time", "out.mkv", folder);
    let times: Vec<f64> =
        sound.lines().map(|line| line.trim_end_matches(',').parse().expect("a time")).collect();
    let (first, last) = (times[0], times[times.len() - 1]);
    assert!(first.abs() < 0.03 && (last - 0.8).abs() < 0.05, "{first} {last}");
}

/// A film of a minute, which takes a while. Its first frame is at 0, as the clip's is: without these
/// options FFmpeg moves it by the 7 ms that the sound begins earlier.
fn long_film(folder: &Path) {
    let kept = "-avoid_negative_ts disabled";
    ffmpeg("ffmpeg", &format!("-copyts -stream_loop 10 -i CLIP -c copy {kept} long.webm"), folder);
    assert_eq!(times("long.webm", folder)[0], 0);
}

/// Starts it, and waits until it has written a part of a file.
fn start(arguments: &str, partial: &str, folder: &Path) -> Child {
    start_until(arguments, folder.join(partial), 100_000, folder)
}

/// Starts it, and waits until there is a file of so many bytes, or a folder.
fn start_until(arguments: &str, partial: PathBuf, bytes: u64, folder: &Path) -> Child {
    let mut child = command(arguments)
        .current_dir(folder)
        .env("G_DEBUG", "fatal-warnings")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let deadline = Instant::now() + PATIENCE;
    while fs::metadata(&partial).map_or(true, |file| file.len() < bytes) {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended too early");
        assert!(Instant::now() < deadline, "it does not write");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

fn send(signal: &str, child: &Child) {
    let kill = ["-c", "kill -s \"$0\" \"$1\"", signal, &child.id().to_string()];
    assert!(Command::new("sh").args(kill).status().expect("sh starts").success());
}

#[test]
fn an_interruption_ends_a_file_that_plays() {
    if missing() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    long_film(folder);
    for (signal, code, output) in [("INT", 130, "out.mp4"), ("TERM", 143, "out.mkv")] {
        let partial = format!(".{output}.partial/video-0.mkv");
        let arguments = format!("long.webm --reference REF -o {output}");
        let child = start(&arguments, &partial, folder);
        assert!(!folder.join(output).exists());
        send(signal, &child);
        let ended = child.wait_with_output().expect("it ends");
        let said = text(&ended);
        assert_eq!(ended.status.code(), Some(code), "{said}");
        assert!(said.contains(&format!("Interrupted: '{output}' has the first 0:00:")), "{said}");

        let [whole, part] = ["long.webm", output].map(|file| from_sound(file, folder));
        assert!(part.len() > 10 && part.len() < whole.len(), "{}", part.len());
        assert_times_equal(&part, &whole[..part.len()], output);
        // Every frame can be decoded; ffmpeg prints what can't.
        ffmpeg("ffmpeg", &format!("-xerror -i {output} -f null -"), folder);
    }
}

#[test]
fn an_interruption_before_the_first_frame_leaves_nothing() {
    if missing() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    long_film(folder);
    for delay in 0..6 {
        let arguments = "long.webm --reference REF -o out.mkv";
        let child = start_until(arguments, folder.join(".out.mkv.partial"), 0, folder);
        std::thread::sleep(Duration::from_millis(20 * delay));
        send("INT", &child);
        let ended = child.wait_with_output().expect("it ends");
        let said = text(&ended);
        assert_eq!(ended.status.code(), Some(130), "{said}");
        assert!(!said.contains("encoder"), "{said}");
    }
}

#[test]
fn a_folder_goes_on_where_it_was_stopped() {
    if missing() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    fs::create_dir(folder.join("films")).expect("made");
    ffmpeg("ffmpeg", "-i CLIP -t 0.4 -c copy films/a.webm", folder);
    ffmpeg("ffmpeg", "-i CLIP -c copy films/b.webm", folder);
    fs::write(folder.join("films/notes.txt"), "no film").expect("written");
    let arguments = "films --reference REF -o out --jobs 1";

    let mut child = start(arguments, "out/.b.mkv.partial/video-0.mkv", folder);
    send("KILL", &child);
    child.wait().expect("it ends");
    let first = fs::metadata(folder.join("out/a.mkv")).expect("it is whole").modified();
    assert!(!folder.join("out/b.mkv").exists());

    let said = succeed(arguments, folder);
    assert!(said.contains("films/a.webm: skipped, as 'out/a.mkv' exists"), "{said}");
    let again = fs::metadata(folder.join("out/a.mkv")).expect("it is there").modified();
    assert_eq!(first.expect("it has a time"), again.expect("it has a time"));
    assert_eq!(times("out/b.mkv", folder).len(), 132);
    let mut names: Vec<_> = fs::read_dir(folder.join("out"))
        .expect("it can be read")
        .map(|entry| entry.expect("it can be read").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["a.mkv", "b.mkv"]);
}

#[test]
fn a_bad_file_does_not_keep_the_others() {
    if missing() {
        return;
    }
    let folder = folder_with_film();
    let folder = folder.path();
    fs::write(folder.join("bad.mp4"), "no film at all").expect("written");
    fs::copy(folder.join("film.mp4"), folder.join("good.mp4")).expect("copied");
    let output = transcode(
        "bad.mp4 film.mp4 missing.mp4 good.mp4 --reference REF -o out/ --jobs 2 --to 0.4",
        folder,
    );
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in [
        "'bad.mp4' wasn't converted to 'out/bad.mkv': ",
        "'missing.mp4' wasn't converted to 'out/missing.mkv': Can't read it; check the path",
        "2 of the files failed",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    for output in ["out/film.mkv", "out/good.mkv"] {
        assert_eq!(times(output, folder).len(), 10);
    }
    assert!(!folder.join("out/.bad.mkv.partial").exists());
}

#[test]
fn nothing_is_written_over() {
    if missing() {
        return;
    }
    let folder = folder_with_film();
    let folder = folder.path();
    fs::write(folder.join("out.mkv"), "mine").expect("written");
    let part = "--reference REF --to 0.2";
    let output = transcode(&format!("film.mp4 -o out.mkv {part}"), folder);
    assert!(!output.status.success());
    let said = text(&output);
    assert!(said.contains("'out.mkv' exists; choose another output"), "{said}");
    assert_eq!(fs::read(folder.join("out.mkv")).expect("it is there"), b"mine");
    succeed(&format!("film.mp4 -o out.mkv --force {part}"), folder);
    assert_eq!(times("out.mkv", folder).len(), 5);

    // Nor an input, whatever it is called, not even with --force.
    let film = fs::read(folder.join("film.mp4")).expect("it is there");
    std::os::unix::fs::symlink("film.mp4", folder.join("link.mp4")).expect("linked");
    for (input, output) in
        [("film.mp4", "film.mp4"), ("link.mp4", "film.mp4"), ("film.mp4", "link.mp4")]
    {
        let output = transcode(&format!("{input} -o {output} --force {part}"), folder);
        assert!(!output.status.success());
        assert!(text(&output).contains("would be written over itself"), "{}", text(&output));
    }
    fs::create_dir(folder.join("other")).expect("made");
    fs::copy(folder.join("film.mp4"), folder.join("other/film.mp4")).expect("copied");
    let output = transcode(&format!("film.mp4 other/film.mp4 -o out {part}"), folder);
    let both = "would both be written to 'out/film.mp4.mkv'";
    assert!(text(&output).contains(both), "{}", text(&output));
    assert!(fs::read(folder.join("film.mp4")).expect("it is there") == film);
}

#[test]
fn errors_say_which_and_why_and_what_to_do() {
    if missing() {
        return;
    }
    let folder = folder_with_film();
    let folder = folder.path();
    ffmpeg("ffmpeg", "-i film.mp4 -vn -c copy sound.mp4", folder);
    for (arguments, words) in [
        (
            "sound.mp4 -o x.mkv",
            "'sound.mp4' wasn't converted to 'x.mkv'|It has no video, only: stream #0 (audio, aac, eng)",
        ),
        ("film.mp4 -o x.mkv --from 5", "--from is behind its end: it lasts 0:00:02.0"),
        ("film.mp4 -o x.mkv --from 2 --to 1", "--from must be before --to"),
        ("film.mp4 -o x.mkv --from 1:x", "'1:x' is no time; write seconds or H:MM:SS"),
        ("film.mp4 -o x.mkv --patience 0", "There was no data for 0 s; is the file complete"),
        ("film.mp4 -o x.mkv --set x=1", "histomatch has no property 'x' that can be set"),
        ("film.mp4 -o x.mkv --set strength=7", "'7' is no value for it"),
        ("film.mp4 -o x.mkv --set n-threads=5000", "'5000' is no value for it"),
        ("film.mp4 -o x.mkv --set smoothing", "write NAME=VALUE"),
        ("film.mp4 -o x.mkv --video xvid", "There is no codec 'xvid'; there are h264, h265"),
        (
            "film.mp4 -o x.webm --video h264",
            "A file named .webm can't hold h264: choose another --video",
        ),
        ("film.mp4 -o x.avi", "There is no container 'avi'; there are mkv, mp4"),
        (
            "film.mp4 -o x.mkv --container mp4",
            "'x.mkv' is named as .mkv, but --container says mp4: leave one of them out",
        ),
        ("film.mp4 -o no/x.mkv", "there is no folder 'no'; make it first"),
        (". -o film.mp4", "give a folder as --output"),
        ("film.mp4 -o x.mkv --from -1", "a time can't be negative"),
        ("film.mp4 -o x.mkv --to -0:30", "a time can't be negative"),
        ("film.mp4 -o x.mkv --jobs 0", "write a whole number, 1 or more"),
        ("http://localhost/a.mp4 -o x.mkv", "Not a regular file, and only those are read"),
        ("pipe:0 -o x.mkv", "`ffmpeg -i ADDRESS -map 0 -c copy FILM.mkv` writes one"),
        ("- -o x.mkv", "Not a regular file, and only those are read"),
        ("/dev/null -o x.mkv", "Not a regular file, and only those are read"),
    ] {
        let output = transcode(&format!("{arguments} --reference REF"), folder);
        let said = text(&output);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments}: {said}");
        for words in words.split('|') {
            assert!(said.contains(words), "{arguments}: {said}");
        }
    }
    let output = transcode("film.mp4 -o x.mkv --reference film.mp4", folder);
    assert!(text(&output).contains("Can't use 'film.mp4' as the reference picture"));
    let left: Vec<PathBuf> = fs::read_dir(folder)
        .expect("it can be read")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.to_string_lossy().contains("partial"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_is_not_installed_is_said() {
    if missing() || skipped(&["pkg-config"], &[]) {
        return;
    }
    let folder = folder_with_film();
    let folder = folder.path();
    let mut pkg_config = Command::new("pkg-config");
    pkg_config.args(["--variable=pluginsdir", "gstreamer-1.0"]);
    let plugins = PathBuf::from(text(&run(&mut pkg_config, folder)).trim());
    fs::create_dir(folder.join("plugins")).expect("made");
    for entry in fs::read_dir(&plugins).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().expect("a file has a name");
        // Whatever decodes or encodes H.264, by the plugins' whole names: `nv` is in `convert`.
        let without = [
            "x264",
            "openh264",
            "libav",
            "va",
            "vaapi",
            "v4l2codecs",
            "video4linux2",
            "nvcodec",
            "omx",
            "amfcodec",
            "msdk",
            "qsv",
            "vulkan",
            "rsvulkan",
        ];
        let left_out =
            without.iter().any(|plugin| name.to_string_lossy() == format!("libgst{plugin}.so"));
        if !left_out && path.is_file() {
            std::os::unix::fs::symlink(&path, folder.join("plugins").join(name)).expect("linked");
        }
    }
    for (output, words) in [
        (
            "x.mkv",
            "No encoder for h264 is installed: install one of x264enc (Debian's \
             gstreamer1.0-plugins-ugly), openh264enc (Debian's gstreamer1.0-plugins-bad), or choose",
        ),
        ("x.webm", "It needs what is not installed: H.264"),
        ("x.webm", "gstreamer1.0-libav"),
    ] {
        let program = command(&format!("film.mp4 --reference REF -o {output}"));
        // Not by `Command::env`: `run` would set the registry again.
        let mut command = Command::new("env");
        command.args(["GST_REGISTRY=plugins.bin", "GST_PLUGIN_SYSTEM_PATH_1_0=plugins"]);
        command.arg(program.get_program()).args(program.get_args());
        let output = run(&mut command, folder);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_file_that_is_cut_off_is_said() {
    if missing() {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    let clip = fs::read(media("bigbuckbunny.webm")).expect("it can be read");
    fs::write(folder.join("cut.webm"), &clip[..clip.len() / 2]).expect("written");
    let output = transcode("cut.webm --reference REF -o out.mkv", folder);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("it is cut off or damaged"), "{said}");
    assert!(times("out.mkv", folder).len() > 10);

    // Even if so little is missing that durations don't tell.
    for (whole, cut) in [("a.mkv", "cut.mkv"), ("a.mp4", "cut.mp4")] {
        let arguments = "-t 1 -c:v libx264 -preset ultrafast -c:a aac -movflags +faststart";
        ffmpeg("ffmpeg", &format!("-i CLIP {arguments} {whole}"), folder);
        let film = fs::read(folder.join(whole)).expect("it is there");
        fs::write(folder.join(cut), &film[..film.len() * 2 / 3]).expect("written");
        let output = transcode(&format!("{cut} --reference REF -o out.mkv --force"), folder);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("It is cut off or damaged: "), "{said}");
    }
}

#[test]
fn the_line_for_gnu_parallel_runs() {
    if missing() || skipped(&["parallel"], &[]) {
        return;
    }
    const README: &str = include_str!("../../../examples/README.md");
    let line = README.split("```sh\n").find(|block| block.starts_with("parallel "));
    let line = line.and_then(|block| block.split("```").next()).expect("it is there");

    let folder = folder_with_film();
    let folder = folder.path();
    fs::create_dir_all(folder.join("target/release/examples")).expect("made");
    let program = folder.join("target/release/examples/transcode");
    std::os::unix::fs::symlink(example("transcode"), program).expect("linked");
    fs::copy(media(REFERENCE), folder.join("REF.png")).expect("copied");
    fs::create_dir(folder.join("films")).expect("made");
    for name in ["one.mp4", "two words.mp4", "three.mp4"] {
        fs::copy(folder.join("film.mp4"), folder.join("films").join(name)).expect("copied");
    }
    let mut shell = Command::new("sh");
    let output = run(shell.args(["-c", line]).env("HOME", folder), folder);
    assert!(output.status.success(), "{}", text(&output));
    fs::rename(folder.join("done/two words.mkv"), folder.join("done/two.mkv")).expect("made");
    for name in ["done/one.mkv", "done/two.mkv", "done/three.mkv"] {
        assert_eq!(times(name, folder).len(), 50, "{name}");
    }
}
