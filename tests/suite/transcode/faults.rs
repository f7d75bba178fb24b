//! Files in which things were lost or moved; each is made by FFmpeg, and matched with `strength=0`, so
//! that what comes out must be what went in.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{ffmpeg, missing, packets, probe, succeed, times, transcode};
use crate::common::programs::{example, run, skipped, text};
use temp_dir::TempDir;

const X264: &str = "-c:v libx264 -preset ultrafast";

/// A second of moving pictures and sound: `VIDEO` and `SOUND` stand for the inputs.
pub fn make(arguments: &str, folder: &Path) {
    let arguments = arguments
        .replace("VIDEO", "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1")
        .replace("SOUND", "-f lavfi -i sine=duration=1.1")
        .replace("X264", X264);
    ffmpeg("ffmpeg", &format!("-y {arguments}"), folder);
}

pub fn keep(arguments: &str, folder: &Path) -> String {
    succeed(&format!("{arguments} --reference REF --set strength=0 --force"), folder)
}

/// The lowest PSNR of a frame's samples, in R'G'B'.
fn likeness(a: &str, b: &str, folder: &Path) -> f64 {
    let side = |n| format!("[{n}:v:0]settb=1/25,setpts=N,scale=flags=accurate_rnd,format=gbrp");
    let graph = format!("{}[a];{}[b];[a][b]psnr=stats_file=psnr.txt", side(0), side(1));
    let arguments = format!("-i {a} -i {b} -lavfi {graph} -fps_mode passthrough -f null -");
    ffmpeg("ffmpeg", &arguments, folder);
    let stats = fs::read_to_string(folder.join("psnr.txt")).expect("it was written");
    let of_frame = |line: &str| -> f64 {
        let (_, rest) = line.split_once("psnr_avg:").expect("a figure");
        let number = rest.split(' ').next().expect("a number");
        number.parse().unwrap_or(f64::INFINITY)
    };
    stats.lines().map(of_frame).fold(f64::INFINITY, f64::min)
}

fn video(entries: &str, file: &str, folder: &Path) -> String {
    probe(&format!("-select_streams v:0 -show_entries stream={entries}"), file, folder)
}

/// When the packets of a kind begin, in milliseconds.
fn begin(kind: char, file: &str, folder: &Path) -> f64 {
    let entries = format!("-select_streams {kind}:0 -show_entries packet=pts_time");
    let lines = probe(&entries, file, folder);
    let times = lines.lines().filter_map(|line| line.trim_end_matches(',').parse::<f64>().ok());
    1000. * times.fold(f64::INFINITY, f64::min)
}

fn count(kind: char, file: &str, folder: &Path) -> String {
    let entries =
        format!("-count_packets -select_streams {kind}:0 -show_entries stream=nb_read_packets");
    // Transport streams have it once more in their programs.
    probe(&entries, file, folder).lines().next().unwrap_or_default().to_string()
}

/// A folder for a test, or none where what it needs is not installed.
pub fn folder() -> Option<TempDir> {
    (!missing()).then(|| TempDir::new().expect("a temporary folder"))
}

#[test]
fn f180_full_range_stays_full_and_grey_stays_grey() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let full = "-vf scale=out_range=pc,format=yuv420p -color_range pc";
    make(&format!("VIDEO {full} X264 full.mp4"), folder);
    // Here FFmpeg decodes, as the frames are in another order and have no times.
    make(&format!("VIDEO {full} X264 -bf 2 full.avi"), folder);
    make("VIDEO -vf format=gray -color_range pc -c:v ffv1 grey.mkv", folder);
    for (input, output) in [
        ("full.mp4", "a.mp4"),
        ("full.mp4", "a.webm"),
        ("full.avi", "a.mkv"),
        ("grey.mkv", "b.mkv"),
        ("grey.mkv", "b.mp4"),
    ] {
        keep(&format!("{input} -o {output}"), folder);
        assert_eq!(video("color_range", output, folder), "pc", "{output}");
        let likeness = likeness(input, output, folder);
        assert!(likeness > 35., "{input} {output}: {likeness}");
    }
}

/// The first frame of a film that is matched exactly.
fn first_matched(input: &str, folder: &Path) -> Vec<[u8; 3]> {
    let exact = "--set method=channels --set flat-frames=match --video ffv1";
    succeed(&format!("{input} --reference REF {exact} --force -o out.mkv"), folder);
    super::first_frame("out.mkv", folder)
}

#[test]
fn f180_what_colours_do_not_say_is_what_players_take_it_for() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let filter = |range, [matrix, primaries, transfer]: [&str; 3]| {
        format!(
            "-vf scale=out_range={range}:out_color_matrix=bt601,format=yuv420p,setparams=colorspace={matrix}\
             :color_primaries={primaries}:color_trc={transfer} -color_range {range}"
        )
    };
    for [primaries, transfer] in [["unknown"; 2], ["bt2020", "smpte2084"]] {
        for (matrix, file) in [("unknown", "unsaid.mp4"), ("bt470bg", "said.mp4")] {
            let filter = filter("pc", [matrix, primaries, transfer]);
            make(&format!("VIDEO -frames:v 2 {filter} X264 {file}"), folder);
        }
        assert_eq!(video("color_range,color_space", "unsaid.mp4", folder), "pc,unknown");
        let [unsaid, said] = ["unsaid.mp4", "said.mp4"].map(|file| first_matched(file, folder));
        let difference = super::difference(&unsaid, &said);
        assert!(difference < 1., "{transfer}: {difference}");
    }
    // It names its matrix, and no range.
    for codec in ["utvideo utvideo.avi", "ffv1 ffv1.mkv"] {
        let filter = filter("tv", ["bt470bg", "unknown", "unknown"]);
        make(&format!("VIDEO -frames:v 2 {filter} -c:v {codec}"), folder);
    }
    assert_eq!(video("color_range,color_space", "utvideo.avi", folder), "unknown,bt470bg");
    let [unsaid, said] = ["utvideo.avi", "ffv1.mkv"].map(|file| first_matched(file, folder));
    let difference = super::difference(&unsaid, &said);
    assert!(difference < 1., "{difference}");
}

#[test]
fn f180_colours_are_converted_where_the_codec_has_no_words_for_them() {
    let Some(folder) = folder() else { return };
    if skipped(&[], &["vp8enc"]) {
        return;
    }
    let folder = folder.path();
    let full = "-vf scale=out_range=pc,format=yuv420p -color_range pc";
    make(&format!("VIDEO {full} X264 full.mp4"), folder);
    make("VIDEO -vf format=gray -color_range pc -c:v ffv1 grey.mkv", folder);
    let matrix = "-vf scale=out_color_matrix=bt709,format=yuv420p,setparams=colorspace=bt709";
    make(&format!("VIDEO {matrix} X264 bt709.mp4"), folder);
    for input in ["full.mp4", "grey.mkv", "bt709.mp4"] {
        let said = keep(&format!("{input} -o out.webm --video vp8"), folder);
        assert!(said.contains("colours become those of BT.601 in limited range"), "{said}");
        assert_eq!(video("color_range,color_space", "out.webm", folder), "tv,bt470bg", "{input}");
        let likeness = likeness(input, "out.webm", folder);
        assert!(likeness > 35., "{input}: {likeness}");
    }
}

#[test]
fn f180_grey_that_does_not_say_its_range_keeps_its_contrast() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let video = "VIDEO -frames:v 2 -pix_fmt";
    make(&format!("{video} gray -c:v ffv1 grey.mkv"), folder);
    make(&format!("{video} gray -c:v rawvideo grey.avi"), folder);
    make(&format!("{video} gray16le -c:v rawvideo grey.nut"), folder);
    for input in ["grey.mkv", "grey.avi", "grey.nut"] {
        for output in ["out.mp4", "out.webm", "out.mkv --video ffv1"] {
            keep(&format!("{input} -o {output}"), folder);
            let file = output.split(' ').next().expect("a name");
            let [before, after] = [input, file].map(|file| super::first_frame(file, folder));
            let difference = super::difference(&before, &after);
            assert!(difference < 3., "{input} {output}: {difference}");
        }
    }
}

#[test]
fn f181_f182_colours_are_called_what_they_were_called() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO -pix_fmt yuv420p X264 untagged.mp4", folder);
    // FFmpeg 7 has them from frames alone.
    let tags = "-vf setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc=bt2020-10,format=yuv420p";
    let site = "-chroma_sample_location topleft";
    make(&format!("VIDEO -pix_fmt yuv420p {tags} {site} X264 tagged.mkv"), folder);
    let entries = "color_space,color_transfer,color_primaries,chroma_location";
    for input in ["untagged.mp4", "tagged.mkv"] {
        let before = video(entries, input, folder);
        for output in ["out.mp4", "out.mkv", "out.webm"] {
            keep(&format!("{input} -o {output}"), folder);
            let after = video(entries, output, folder);
            // VP9 has no site of its own, and H.264 one that is left if none is named.
            let site = |text: &str| text.replace("unspecified", "left");
            assert_eq!(site(&before), site(&after), "{input} {output}");
        }
    }
    // Turned pixels are no other colours.
    super::turn(&folder.join("untagged.mp4"), &folder.join("turned.mp4"), super::QUARTER);
    keep("turned.mp4 -o turned.mkv", folder);
    assert_eq!(video("width,color_space", "turned.mkv", folder), "120,unknown");
    // What is as high as SD is as high as HD then.
    make("VIDEO -vf scale=720:576 -frames:v 3 -pix_fmt yuv420p X264 sd.mp4", folder);
    super::turn(&folder.join("sd.mp4"), &folder.join("turned.mp4"), super::QUARTER);
    keep("turned.mp4 -o turned.mkv", folder);
    assert_eq!(video(entries, "turned.mkv", folder), video(entries, "sd.mp4", folder));
}

#[test]
fn f183_f185_f191_every_packet_is_kept_where_it_was() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO SOUND -pix_fmt yuv420p X264 -g 12 -bf 2 -c:a aac plain.mp4", folder);
    make("-ss 0.5 -i plain.mp4 -c copy cut.mp4", folder);
    make("VIDEO -itsoffset 0.3 SOUND -map 0 -map 1 X264 -c:a aac late-sound.mp4", folder);
    make("-itsoffset 0.3 VIDEO SOUND -map 0 -map 1 X264 -c:a libopus late.mkv", folder);
    make("VIDEO SOUND -c:v mpeg2video -bf 2 -c:a mp2 a.ts", folder);
    make("VIDEO SOUND X264 -bf 2 -c:a aac -output_ts_offset 95443.2 wrap.ts", folder);
    make("VIDEO SOUND -c:v mpeg2video -bf 2 -c:a mp2 a.mpg", folder);
    make("VIDEO SOUND -c:v mpeg4 -bf 2 -c:a libmp3lame a.avi", folder);
    for input in ["plain.mp4", "cut.mp4", "late-sound.mp4", "late.mkv", "a.ts", "wrap.ts", "a.mpg"]
    {
        for output in ["out.mp4", "out.mkv"] {
            keep(&format!("{input} -o {output}"), folder);
            let [before, after] = [input, output].map(|file| count('a', file, folder));
            assert_eq!(before, after, "{input} {output}");
        }
    }
    // What lies before the cut is not heard in MP4. It would be in Matroska, without a picture, but for what a
    // decoder needs.
    make("-ss 0.9 -i plain.mp4 -c copy late-cut.mp4", folder);
    keep("late-cut.mp4 -o cut.mkv", folder);
    let [frames, sound] = ['v', 'a'].map(|kind| begin(kind, "cut.mkv", folder));
    assert!((0. ..=130.).contains(&(frames - sound)), "{frames} {sound}");
    // What FFmpeg decodes says where frames and sound are; in Matroska, times are rounded.
    for (input, output) in
        [("plain.mp4", "p.mkv"), ("late-sound.mp4", "s.mp4"), ("late.mkv", "l.mp4")]
    {
        keep(&format!("{input} -o {output}"), folder);
        let [before, after] =
            [input, output].map(|file| begin('v', file, folder) - begin('a', file, folder));
        assert!((before - after).abs() <= 1.5, "{input} {output}: {before} {after}");
    }
    // The first frame that is shown lies behind the beginning of the sound by this much.
    keep("cut.mp4 -o cut-out.mp4", folder);
    let shown = |file: &str| ffmpeg("ffmpeg", &format!("-i {file} -an -f framemd5 -"), folder);
    let frames = |file| String::from_utf8(shown(file)).expect("text").lines().count();
    assert_eq!(frames("cut.mp4"), frames("cut-out.mp4"));
    assert!(likeness("cut.mp4", "cut-out.mp4", folder) > 35.);
    keep("a.avi -o avi.mp4", folder);
    assert_eq!(count('v', "avi.mp4", folder), "25");
}

#[test]
fn f184_the_last_frame_of_uneven_times_is_shown() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO -vf select=not(mod(n\\,3))+not(mod(n\\,5)) -fps_mode vfr X264 in.mp4", folder);
    keep("in.mp4 -o out.mp4", folder);
    let shown = |file| {
        let frames = "-count_frames -show_entries stream=nb_read_frames";
        probe(frames, file, folder)
    };
    assert_eq!(shown("in.mp4"), shown("out.mp4"));
    assert_eq!(times("in.mp4", folder), times("out.mp4", folder));
}

#[test]
fn f186_f190_sound_is_copied_or_converted_with_its_channels() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO SOUND X264 -c:a aac -f mpegts -mpegts_flags latm latm.ts", folder);
    make("VIDEO SOUND X264 -c:a eac3 -b:a 96k e.mp4", folder);
    make("VIDEO -f lavfi -i sine,aformat=channel_layouts=5.1 -t 1 X264 -c:a ac3 six.mkv", folder);
    let sound = |file| {
        let entries = "-select_streams a:0 -show_entries stream=codec_name,channels";
        // Side data follows, and is empty here.
        probe(entries, file, folder).trim_end_matches(',').to_string()
    };
    let said = keep("latm.ts -o latm.mp4", folder);
    assert!(
        said.contains("(audio, aac_latm) is converted by aac, as .mp4 can't hold it"),
        "{said}"
    );
    assert_eq!(sound("latm.mp4"), "aac,1");
    keep("e.mp4 -o e-out.mp4", folder);
    assert_eq!(packets("a:0", "e.mp4", folder), packets("a:0", "e-out.mp4", folder));
    keep("six.mkv -o six.webm", folder);
    assert_eq!(sound("six.webm"), "opus,6");
    keep("six.mkv -o six.mp4", folder);
    assert_eq!(sound("six.mp4"), "ac3,6");

    let said = keep("six.mkv -o six.mkv.mkv --audio mp3", folder);
    assert!(said.contains("stream #1 (audio, ac3): 6 channels become 2 in the encoder"), "{said}");

    let strict = transcode("six.mkv -o strict.webm --reference REF --strict", folder);
    assert_eq!(strict.status.code(), Some(1));
    assert!(text(&strict).contains("--strict allows no changes: stream #1"), "{}", text(&strict));
    assert!(!folder.join("strict.webm").exists());
}

#[test]
fn f186_channels_of_aac_are_told_apart() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    // FLAC knows these.
    for (layout, expected) in [
        ("5.1(side)", "6,5.1"),
        ("5.1", "6,5.1"),
        ("5.0(side)", "5,5.0"),
        ("quad", "4,quad"),
        ("2.1", "3,2.1"),
        ("6.1", "8,7.1"),
        ("7.1", "8,7.1"),
    ] {
        let sound = format!("-f lavfi -i sine,aformat=channel_layouts={layout} -t 1");
        make(&format!("VIDEO {sound} X264 -c:a flac in.mkv"), folder);
        let said = keep("in.mkv -o out.mp4 --audio aac", folder);
        let entries = "-select_streams a:0 -show_entries stream=channels,channel_layout";
        let written = probe(entries, "out.mp4", folder);
        assert_eq!(written.trim_end_matches(','), expected, "{layout}: {said}");
    }
    // This one AAC has no room for.
    make("VIDEO -f lavfi -i sine,aformat=channel_layouts=3.1 -t 1 X264 -c:a flac in.mkv", folder);
    let said = keep("in.mkv -o out.mp4 --audio aac", folder);
    assert!(said.contains("stream #1 (audio, flac): 4 channels become 3 in the encoder"), "{said}");
}

#[test]
fn f187_f188_f194_all_else_of_a_film_is_kept() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let subtitles =
        "1\n00:00:00,100 --> 00:00:00,500\nOne\n\n2\n00:00:00,600 --> 00:00:03,000\nTwo\n";
    fs::write(folder.join("in.srt"), subtitles).expect("written");
    let chapters = ";FFMETADATA1\ntitle=A film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=700\n\
        title=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=700\nEND=1000\ntitle=Two\n";
    fs::write(folder.join("in.txt"), chapters).expect("written");
    ffmpeg("ffmpeg", "-f lavfi -i color=red:size=64x64 -frames:v 1 cover.png", folder);
    let date = "-metadata creation_time=2020-01-02T03:04:05Z";
    make(
        &format!(
            "VIDEO SOUND -i in.srt -i in.srt -i in.txt -map 0 -map 1 -map 2 -map 3 \
             -map_metadata 4 X264 -c:a aac -c:s:0 ass -c:s:1 webvtt -disposition:s:0 forced \
             -metadata:s:a:0 language=ger -attach in.srt -metadata:s:t:0 mimetype=font/ttf \
             -metadata:s:t:0 filename=a.ttf {date} in.mkv"
        ),
        folder,
    );
    make(
        &format!(
            "VIDEO SOUND -i cover.png -i in.txt -map 0 -map 1 -map 2 -map_metadata 3 X264 \
             -c:a aac -c:v:1 copy -disposition:v:1 attached_pic -metadata location=+48.1+011.5/ \
             {date} in.mp4"
        ),
        folder,
    );
    // FFmpeg 7 moves all of a film whose sound begins before its pictures.
    let from_first = |entries: &str, file: &str| -> Vec<f64> {
        let first = begin('v', file, folder);
        let times = probe(&format!("-show_entries {entries}"), file, folder);
        let times = times.split([',', '\n']).filter_map(|time| time.parse::<f64>().ok());
        times.map(|time| (1000. * time - first).round()).collect()
    };
    let about = |file: &str| {
        let streams = "stream=codec_name:stream_disposition=forced,default,attached_pic";
        let tags = "stream_tags=language:format_tags=title,location,creation_time";
        (
            probe(&format!("-show_entries {streams}:{tags}:chapter_tags=title"), file, folder),
            from_first("chapter=start_time,end_time", file),
        )
    };
    keep("in.mkv -o out.mkv", folder);
    assert_eq!(about("in.mkv"), about("out.mkv"));
    for stream in ["s:0", "s:1"] {
        assert_eq!(packets(stream, "in.mkv", folder), packets(stream, "out.mkv", folder));
    }
    let subtitles = |file| {
        let lengths = probe("-select_streams s -show_entries packet=duration_time", file, folder);
        (from_first("packet=pts_time -select_streams s", file), lengths)
    };
    assert_eq!(subtitles("in.mkv"), subtitles("out.mkv"));

    keep("in.mp4 -o out.mp4", folder);
    assert_eq!(about("in.mp4"), about("out.mp4"));
    let poster =
        "-attach cover.png -metadata:s:t mimetype=image/png -metadata:s:t filename=poster.png";
    make(&format!("VIDEO X264 {poster} poster.mkv"), folder);
    keep("poster.mkv -o poster-out.mkv", folder);
    let name = probe("-show_entries stream_tags=filename", "poster-out.mkv", folder);
    assert!(name.contains("poster.png"), "{name}");
    keep("in.mp4 -o cover.mkv", folder);
    let picture =
        "-select_streams v:1 -show_entries stream=codec_name:stream_disposition=attached_pic";
    assert_eq!(probe(picture, "cover.mkv", folder), "png,1");
}

#[test]
fn f189_f197_mistakes_are_named() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO -frames:v 1 X264 in.mp4", folder);
    fs::write(folder.join("zero.mp4"), "").expect("written");
    make("VIDEO -frames:v 1 -vf scale=36:18 X264 tiny.mp4", folder);
    make("VIDEO X264 -movflags empty_moov+frag_keyframe head.mp4", folder);
    let film = fs::read(folder.join("head.mp4")).expect("it is there");
    let head = film.windows(4).position(|it| it == b"moof").expect("it has fragments") - 4;
    fs::write(folder.join("head.mp4"), &film[..head]).expect("written");
    for (arguments, words) in [
        ("in.mp4 -o out", "The name 'out' doesn't say the container: write out.mkv"),
        ("zero.mp4 -o out.mkv", "'zero.mp4' wasn't converted to 'out.mkv'"),
        (
            "head.mp4 -o out.mkv",
            "stream #0 (video, h264, und) has no frames: it is cut off, or the head",
        ),
        ("in.mp4 -o out.mkv --set smoothing=-1", "'-1' is no value for it"),
        ("in.mp4 -o out.mkv --set smoothing=60000000001", "'60000000001' is no value for it"),
        ("in.mp4 -o out.mkv --set strength=", "'' is no value for it"),
        ("tiny.mp4 -o out.mkv --video h265", "x265 can't encode pictures as small as"),
        ("in.mp4 -o out.mkv --set reference-location=x", "the reference is what --reference says"),
        ("in.mp4 -o out.mkv --set reference_location=x", "the reference is what --reference says"),
        ("in.mp4 -o out.mkv --set name=x", "it says nothing of the look"),
        ("in.mp4 -o out.mkv --set region=0,0,2,2", "'0,0,2,2' is no value for it"),
        ("in.mp4 -o out.mkv --set mask-location=no.png", "'no.png' is no value for it, or there"),
    ] {
        let output = transcode(&format!("{arguments} --reference REF"), folder);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output).contains(words), "{}", text(&output));
    }
    let said = keep("in.mp4 -o out.mkv", folder);
    assert!(said.contains("in.mp4: 1 frame, "), "{said}");
    // What later versions of FFmpeg may read.
    make("VIDEO -frames:v 3 -c:v libwebp_anim moves.webp", folder);
    if video("width", "moves.webp", folder) == "0" {
        let said = transcode("moves.webp -o x.mkv --reference REF", folder);
        assert!(text(&said).contains("FFmpeg can't read WebP that moves"), "{}", text(&said));
    }
}

#[test]
fn f192_depth_subsampling_alpha_and_odd_sizes_are_kept_or_said() {
    if skipped(&[], &["avenc_ffv1"]) {
        return;
    }
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    for format in ["yuv422p10le", "yuv444p12le", "bgr0", "gray", "yuva420p"] {
        make(&format!("VIDEO -pix_fmt {format} -c:v ffv1 in.mkv"), folder);
        keep("in.mkv -o out.mkv --video ffv1", folder);
        assert_eq!(video("pix_fmt", "out.mkv", folder), format);
        let [before, after] = ["in.mkv", "out.mkv"].map(|file| {
            ffmpeg("ffmpeg", &format!("-i {file} -f rawvideo -pix_fmt {format} -f md5 -"), folder)
        });
        assert_eq!(before, after, "{format}");
    }
    // The last one is transparent.
    let said = keep("in.mkv -o out.webm", folder);
    assert!(said.contains("transparency is lost in the encoder; ffv1 keeps more"), "{said}");

    let odd = "-f lavfi -i testsrc2=size=162x122:duration=0.4 \
        -vf format=yuv444p,crop=161:121,format=yuv420p";
    make(&format!("{odd} -c:v libvpx-vp9 -deadline realtime odd.webm"), folder);
    for (output, format) in [("odd.mp4", "yuv444p"), ("odd-out.webm", "yuv420p")] {
        let said = keep(&format!("odd.webm -o {output}"), folder);
        assert_eq!(video("width,height,pix_fmt", output, folder), format!("161,121,{format}"));
        assert_eq!(said.contains("its odd size is kept in 4:4:4"), format == "yuv444p", "{said}");
    }
}

#[test]
fn f192_what_is_no_longer_transparent_does_not_say_so() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    // FFmpeg 8 has the filter in R'G'B' alone.
    let half = "-vf format=yuva420p,colorchannelmixer=aa=0.5,format=yuva420p";
    make(&format!("VIDEO {half} -c:v libvpx-vp9 -deadline realtime in.webm"), folder);
    for output in ["out.webm", "out.mkv"] {
        let said = keep(&format!("in.webm -o {output}"), folder);
        assert!(said.contains("transparency is lost in the encoder"), "{said}");
        let tags = video("index:stream_tags=alpha_mode", output, folder);
        assert_eq!(tags.trim_end_matches(','), "0", "{output}");
        let strict =
            transcode(&format!("in.webm -o {output} --reference REF --force --strict"), folder);
        let said = text(&strict);
        assert_eq!(strict.status.code(), Some(1), "{said}");
        assert!(
            said.contains("loses its transparency in the encoder; choose --video ffv1"),
            "{said}"
        );
    }
    if skipped(&[], &["avenc_ffv1"]) {
        return;
    }
    keep("in.webm -o out.mkv --video ffv1 --strict", folder);
    let pixels = |options: &str| {
        let arguments = format!("{options} -f rawvideo -pix_fmt yuva420p -f md5 -");
        ffmpeg("ffmpeg", &arguments, folder)
    };
    assert_eq!(pixels("-c:v libvpx-vp9 -i in.webm"), pixels("-i out.mkv"));
}

/// GStreamer 1.22 has no names for these; its decoder of FFV1 doesn't survive that.
#[test]
fn f192_pixel_formats_without_a_name_are_kept_in_the_next_wider_one() {
    if skipped(&[], &["avenc_ffv1"]) {
        return;
    }
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let formats = [
        ("yuva444p", "yuva444p10le", ""),
        ("yuv440p", "yuv444p", ""),
        ("yuva420p16le", "yuva420p10le", "16 bits become 10 before the encoder"),
        ("gray12le", "gray16le", ""),
        ("ya8", "bgra", ""),
        ("rgba64le", "gbrap12le", "16 bits become 12 before the encoder"),
    ];
    for (from, to, words) in formats {
        make(&format!("VIDEO -pix_fmt {from} -strict experimental -c:v ffv1 in.mkv"), folder);
        let said = keep("in.mkv -o out.mkv --video ffv1", folder);
        assert!(said.contains(words), "{from}: {said}");
        assert_eq!(said.contains("become"), !words.is_empty(), "{from}: {said}");
        assert_eq!(video("pix_fmt", "out.mkv", folder), to);
        assert!(likeness("in.mkv", "out.mkv", folder) > 50., "{from}");
    }
    let said = keep("in.mkv -o out.mp4", folder);
    assert!(said.contains("16 bits become"), "{said}");
    assert!(said.contains("in the encoder; ffv1 keeps more"), "{said}");

    // With encoders that know no grey.
    make("VIDEO -pix_fmt gray12le -strict experimental -c:v ffv1 grey.mkv", folder);
    for output in ["grey.mp4", "grey.webm"] {
        let said = keep(&format!("grey.mkv -o {output}"), folder);
        let quality = likeness("grey.mkv", output, folder);
        assert!(quality > 35., "{output}: {quality} {said}");
    }
}

#[test]
fn f192_motion_jpeg_keeps_its_chroma() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    for format in ["yuvj420p", "yuvj422p", "yuvj444p"] {
        make(&format!("VIDEO -frames:v 5 -pix_fmt {format} -c:v mjpeg -q:v 2 in.mov"), folder);
        keep("in.mov -o out.mkv --video ffv1", folder);
        let quality = likeness("in.mov", "out.mkv", folder);
        assert!(quality > 50., "{format}: {quality}");
        // Whether GStreamer's VP9 has 4:2:2 of 8 bits is another thing.
        let said = keep("in.mov -o out.webm", folder);
        let is_deeper = video("pix_fmt", "out.webm", folder).ends_with("le");
        assert_eq!(said.contains("8 bits become"), is_deeper, "{format}: {said}");
    }
}

#[test]
fn f198_hdr10_says_what_it_was_made_for() {
    if missing() || skipped(&[], &["x265enc"]) {
        return;
    }
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)";
    make(
        &format!(
            "VIDEO -pix_fmt yuv420p10le -c:v libx265 -preset ultrafast -x265-params \
             log-level=error:master-display={display}:max-cll=1000,400 \
             -vf setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084 in.mkv"
        ),
        folder,
    );
    let light = |file: &str| {
        let entries = "frame_side_data=red_x,green_y,blue_x,white_point_y,min_luminance,max_luminance,\
                       max_content,max_average";
        let text = probe(&format!("-read_intervals %+#1 -show_entries {entries}"), file, folder);
        text.split([',', '\n']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    assert!(light("in.mkv").contains("10000000/10000"), "{}", light("in.mkv"));
    for output in ["out.mkv", "out.mp4"] {
        let said = keep(&format!("in.mkv -o {output} --video h265"), folder);
        assert_eq!(light("in.mkv"), light(output));
        let kind = video("pix_fmt,color_transfer", output, folder);
        assert_eq!(kind.trim_end_matches(','), "yuv420p10le,smpte2084");
        assert!(!said.contains("HDR10"), "{said}");
    }
    // As Apple plays it: parameter sets are in the container alone.
    assert_eq!(video("codec_tag_string", "out.mp4", folder), "hvc1");
    let film = ffmpeg("ffmpeg", "-i out.mp4 -map 0:v -c copy -frames:v 2 -f data -", folder);
    let (mut kinds, mut rest) = (Vec::new(), &film[..]);
    while let [a, b, c, d, kind, ..] = *rest {
        kinds.push(kind >> 1);
        rest = &rest[4 + u32::from_be_bytes([a, b, c, d]) as usize..];
    }
    assert!(kinds.len() > 1 && !kinds.iter().any(|kind| (32..35).contains(kind)), "{kinds:?}");
    let said = keep("in.mkv -o h264.mkv", folder);
    assert!(said.contains("(HDR10) is left out by x264enc; h265 keeps it"), "{said}");

    // Where frames don't say it, the container does.
    let line = "videotestsrc num-buffers=5 ! video/x-raw,format=I420_10LE,width=160,height=120,framerate=25/1,\
                colorimetry=bt2100-pq,content-light-level=(string)1000:400,mastering-display-info=(string)\
                34000:16000:13250:34500:7500:3000:15635:16450:10000000:50 ! vp9enc deadline=1 cpu-used=8 ! \
                vp9parse ! matroskamux ! filesink location=";
    let path = folder.join("vp9.mkv");
    crate::common::video::play(&format!("{line}{}", crate::common::video::quoted(&path)), []);
    keep("vp9.mkv -o out.mkv --video h265", folder);
    assert!(light("out.mkv").contains("1000 400"), "{}", light("out.mkv"));
}

/// FFmpeg doesn't write these boxes of MP4 from what it encodes.
#[test]
fn f198_what_no_encoder_keeps_is_said() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO -frames:v 5 -pix_fmt yuv420p X264 in.mp4", folder);
    let make_box = |name: &[u8], content: &[&[u8]]| {
        let content = content.concat();
        [&(content.len() as u32 + 8).to_be_bytes(), name, &content].concat()
    };
    let write = |name: &str, within: &[&[u8]], new: &[u8]| {
        let mut film = fs::read(folder.join("in.mp4")).expect("it is there");
        let (mut begin, mut end) = (0, 0);
        for outer in within {
            begin += film[begin..].windows(4).position(|it| it == *outer).expect("it is there");
            let length = u32::from_be_bytes(film[begin - 4..begin].try_into().expect("4 bytes"));
            film[begin - 4..begin].copy_from_slice(&(length + new.len() as u32).to_be_bytes());
            end = begin - 4 + length as usize;
        }
        film.splice(end..end, new.iter().copied());
        fs::write(folder.join(name), film).expect("written");
    };
    // Appendix of Google's Spherical Video V2: version, yaw, pitch and roll; bounds.
    let header = make_box(b"prhd", &[&[0; 16]]);
    let projection = make_box(b"proj", &[&header, &make_box(b"equi", &[&[0; 20]])]);
    let spherical =
        make_box(b"sv3d", &[&make_box(b"svhd", &[&[0, 0, 0, 0, b'x', 0]]), &projection]);
    // Version 1.0, profile 8, level 4, what is present, compatible with HLG.
    let dolby = make_box(b"dvvC", &[&[1, 0, 0x10, 0x25, 0x40], &[0; 19]]);
    let entry: [&[u8]; 7] = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"];
    write("all-around.mp4", &entry, &spherical);
    write("dolby.mp4", &entry, &dolby);
    for (input, what) in [("all-around.mp4", "(360°)"), ("dolby.mp4", "(Dolby Vision)")] {
        let said = keep(&format!("{input} -o out.mp4"), folder);
        let end = format!("{what} is left out by x264enc; no other encoder keeps it");
        assert!(said.contains(&end), "{said}");
    }
}

#[test]
fn f196_films_that_gstreamer_does_not_find_are_decoded() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO -c:v gif in.gif", folder);
    make("VIDEO -c:v png png.mov", folder);
    make("VIDEO -c:v jpeg2000 j2k.mov", folder);
    make("VIDEO -c:v mpeg2video silent.mpg", folder);
    make(
        "-f lavfi -i testsrc2=size=720x576:rate=25:duration=0.2 SOUND -t 0.2 -target pal-dv in.dv",
        folder,
    );
    for (input, frames) in
        [("in.gif", 25), ("png.mov", 25), ("j2k.mov", 25), ("silent.mpg", 25), ("in.dv", 5)]
    {
        keep(&format!("{input} -o out.mov"), folder);
        assert_eq!(times("out.mov", folder).len(), frames, "{input}");
    }
    make("VIDEO X264 -f hls list.m3u8", folder);
    let refused = transcode("list.m3u8 -o x.mkv --reference REF", folder);
    assert!(
        text(&refused).contains("It is a list of files (hls), not a film"),
        "{}",
        text(&refused)
    );
}

#[test]
fn f193_what_changes_in_the_middle_is_brought_to_what_was_first() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO SOUND -pix_fmt yuv420p X264 -c:a aac a.ts", folder);
    for (name, change) in [
        ("size", "-vf scale=320:180 -pix_fmt yuv420p"),
        ("aspect", "-vf setsar=2/1 -pix_fmt yuv420p"),
        ("colour", "-pix_fmt yuv444p"),
        ("rate", "-r 50 -pix_fmt yuv420p"),
        ("fields", "-pix_fmt yuv420p -flags +ildct+ilme -x264-params tff=1"),
    ] {
        make(&format!("VIDEO SOUND {change} X264 -c:a aac b.ts"), folder);
        let [mut film, second] =
            ["a.ts", "b.ts"].map(|file| fs::read(folder.join(file)).expect("it is there"));
        film.extend(second);
        fs::write(folder.join("in.ts"), film).expect("written");
        for output in ["out.mkv", "out.mp4"] {
            keep(&format!("in.ts -o {output}"), folder);
            for kind in ['v', 'a'] {
                let [before, after] = ["in.ts", output].map(|file| count(kind, file, folder));
                assert_eq!(before, after, "{name} {output}");
            }
            let picture = video("width,height,sample_aspect_ratio", output, folder);
            assert_eq!(picture, "160,120,1:1", "{name}");
        }
    }
}

#[test]
fn f192_closed_captions_stay() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make(
        "VIDEO -pix_fmt yuv420p X264 -bf 0 -x264-params sliced-threads=0:slices=1 in.h264",
        folder,
    );
    // FFmpeg doesn't write any by itself: CEA-608 in ATSC A/53, in front of each picture.
    let captions = b"\xb5\0\x31GA94\x03\x41\xff\xfc\x94\x20\xff";
    let sei = [&[0, 0, 1, 6, 4, captions.len() as u8], &captions[..], &[0x80]].concat();
    let film = fs::read(folder.join("in.h264")).expect("it is there");
    let mut with = Vec::new();
    for (place, byte) in film.iter().enumerate() {
        let is_picture =
            film[place..].starts_with(&[0, 0, 1]) && matches!(film[place + 3] & 31, 1 | 5);
        with.extend(is_picture.then_some(&sei).into_iter().flatten());
        with.push(*byte);
    }
    fs::write(folder.join("with.h264"), with).expect("written");
    ffmpeg("ffmpeg", "-r 25 -i with.h264 -c copy in.mp4", folder);
    let captions = |file: &str| {
        let frames =
            probe("-show_frames -show_entries frame_side_data=side_data_type", file, folder);
        frames.matches("Closed Captions").count()
    };
    assert_eq!(captions("in.mp4"), 25);
    for output in ["out.mp4", "out.mkv"] {
        keep(&format!("in.mp4 -o {output}"), folder);
        assert_eq!(captions(output), 25, "{output}");
    }
    let said = keep("in.mp4 -o out.webm", folder);
    assert!(
        said.contains("what its closed captions say is left out by vp9enc; h264 keeps it"),
        "{said}"
    );
}

/// Matrices that FFmpeg 5 doesn't know as rotations; where the first frame's corners come to is told by
/// the pixels of the input, as they are stored.
#[test]
fn f181_pictures_that_are_mirrored_stay_so() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO -pix_fmt yuv420p X264 in.mp4", folder);
    for (matrix, filter) in [
        ([0, 1, 1, 0], "transpose=cclock_flip"),
        ([0, -1, -1, 0], "transpose=clock_flip"),
        ([-1, 0, 0, 1], "hflip"),
    ] {
        super::turn(&folder.join("in.mp4"), &folder.join("turned.mp4"), matrix);
        make(&format!("-noautorotate -i in.mp4 -vf {filter} -c:v ffv1 expected.mkv"), folder);
        for output in ["out.mp4", "out.mkv"] {
            keep(&format!("turned.mp4 -o {output}"), folder);
            let likeness = likeness("expected.mkv", output, folder);
            assert!(likeness > 35., "{matrix:?} {output}: {likeness}");
        }
    }
}

#[test]
fn f192_what_cannot_be_turned_is_said() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO -pix_fmt yuv420p X264 in.mp4", folder);
    // FFmpeg 5.1 turns by a tag, later ones by an option.
    make("-i in.mp4 -c copy -metadata:s:v rotate=45 turned.mp4", folder);
    if probe("-show_entries stream_side_data=rotation", "turned.mp4", folder).trim().is_empty() {
        make("-display_rotation 45 -i in.mp4 -c copy turned.mp4", folder);
    }
    let said = keep("turned.mp4 -o out.mkv", folder);
    assert!(said.contains("is left out, as .mkv can't hold it"), "{said}");
    let strict = transcode("turned.mp4 -o strict.mkv --reference REF --strict", folder);
    assert_eq!(strict.status.code(), Some(1), "{}", text(&strict));
    let said = succeed("turned.mp4 -o dry.mkv --reference REF --dry-run", folder);
    assert!(said.contains("is matched") && said.contains("as .mkv can't hold it"), "{said}");
    keep("turned.mp4 -o out.mp4", folder);
}

#[test]
fn f192_fields_stay_in_their_order() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    // Of the first frame: whether it is interlaced, and whether the top field is first.
    let fields = |file: &str| -> String {
        let entries = "-show_entries frame=interlaced_frame,top_field_first";
        let fields = probe(&format!("-read_intervals %+#1 {entries}"), file, folder);
        fields.chars().filter(char::is_ascii_digit).take(2).collect()
    };
    for (scan, top_first) in [("tff", "1"), ("bff", "0")] {
        let filter = format!("-vf interlace=scan={scan} -pix_fmt yuv420p");
        let x264 = format!("X264 -flags +ildct+ilme -x264-params {scan}=1");
        make(&format!("VIDEO {filter} {x264} in.mp4"), folder);
        make(&format!("VIDEO {filter} -c:v mpeg2video -flags +ildct+ilme in.mpg"), folder);
        let outputs = ["out.mp4", "out.mkv", "out.mkv --video ffv1"];
        for (input, output) in
            ["in.mp4", "in.mpg"].into_iter().flat_map(|it| outputs.map(|out| (it, out)))
        {
            keep(&format!("{input} -o {output}"), folder);
            let (file, _) = output.split_once(' ').unwrap_or((output, ""));
            assert_eq!(fields(file), format!("1{top_first}"), "{input} {output}");
        }
    }
    let said = keep("in.mp4 -o out.webm", folder);
    assert!(said.contains("that it is interlaced is left out by vp9enc"), "{said}");

    // Of what FFmpeg has written, containers say another order than frames. And GStreamer does not decode H.265 of
    // fields.
    let filter = "-vf interlace=scan=tff -pix_fmt yuv422p10le";
    make(&format!("VIDEO {filter} -c:v prores_ks -flags +ildct in.mov"), folder);
    let x265 = "-c:v libx265 -preset ultrafast -x265-params log-level=error:interlace=tff";
    make(
        &format!("VIDEO -vf interlace=scan=tff,scale=160:128 -pix_fmt yuv420p {x265} x265.mkv"),
        folder,
    );
    for (input, output) in [("in.mov", "out.mov"), ("in.mov", "out.mkv"), ("x265.mkv", "out.mkv")] {
        keep(&format!("{input} -o {output}"), folder);
        assert_eq!(fields(output), "11", "{input} {output}");
    }
}

/// Frames that lie far apart, while an encoder takes them out of order.
#[test]
fn pauses_between_frames_stay() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let pause = "-f lavfi -i testsrc2=size=160x120:rate=30:duration=3 -vf select='lt(n\\,30)+gt(n\\,50)' \
                 -fps_mode vfr -pix_fmt yuv420p -c:v libx264 -bf 2";
    for input in ["in.mp4", "in.ts"] {
        make(&format!("{pause} {input}"), folder);
        for output in ["out.mp4", "out.mkv", "out.mp4 --video h265"] {
            keep(&format!("{input} -o {output}"), folder);
            let (file, _) = output.split_once(' ').unwrap_or((output, ""));
            let from_first = |file: &str| {
                let times = times(file, folder);
                times.iter().map(|time| time - times[0]).collect::<Vec<_>>()
            };
            let [before, after] = [input, file].map(from_first);
            super::assert_times_equal(&before, &after, &format!("{input} {output}"));
        }
    }
}

#[test]
fn the_last_frame_lasts_as_long_as_it_did() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO -pix_fmt yuv420p X264 even.mp4", folder);
    let last = "setts=duration=if(eq(N\\,24)\\,2/TB\\,DURATION)";
    ffmpeg("ffmpeg", &format!("-i even.mp4 -c copy -bsf:v {last} in.mp4"), folder);
    let duration = |file| -> f64 {
        let text = probe("-show_entries format=duration", file, folder);
        text.parse().expect("a number")
    };
    for output in ["out.mkv", "out.mp4", "out.webm"] {
        keep(&format!("in.mp4 -o {output}"), folder);
        let [before, after] = ["in.mp4", output].map(duration);
        assert!((before - 2.96).abs() < 0.01, "{before}");
        assert!((after - before).abs() < 0.01, "{output}: {after}, not {before}");
    }
}

/// AVI says only in which order frames are stored, and raw streams don't say even that.
#[test]
fn frames_without_times_are_shown_in_order() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO -pix_fmt yuv420p -c:v libx264 -bf 3 x264.avi", folder);
    make("VIDEO -pix_fmt yuv420p -c:v mpeg4 -bf 2 mpeg4.avi", folder);
    make("VIDEO -pix_fmt yuv420p -c:v libx264 -bf 3 raw.h264", folder);
    make("VIDEO -pix_fmt yuv420p -c:v libx264 -bf 0 in-order.avi", folder);
    for input in ["x264.avi", "mpeg4.avi", "raw.h264", "in-order.avi"] {
        keep(&format!("{input} -o out.mkv --video ffv1"), folder);
        let frames = |file: &str| {
            let arguments = format!("-i {file} -map 0:v -fps_mode passthrough -f framemd5 -");
            let text = String::from_utf8(ffmpeg("ffmpeg", &arguments, folder)).expect("text");
            let sum = |line: &str| line.rsplit(' ').next().map(str::to_owned);
            text.lines().filter(|line| !line.starts_with('#')).filter_map(sum).collect::<Vec<_>>()
        };
        assert!(frames(input) == frames("out.mkv"), "{input}");
        let spread = times("out.mkv", folder);
        assert!(
            spread.windows(2).all(|pair| (39..=41).contains(&(pair[1] - pair[0]))),
            "{spread:?}"
        );
        if input == "in-order.avi" {
            assert_eq!(spread[0], 0);
        }
    }
}

/// MP4 has empty subtitles between the others.
#[test]
fn subtitles_of_mp4_go_into_other_containers() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    fs::write(folder.join("in.srt"), "1\n00:00:00,200 --> 00:00:00,700\nWords\n").expect("written");
    make("VIDEO -i in.srt -map 0 -map 1 -pix_fmt yuv420p X264 -c:s mov_text in.mp4", folder);
    for output in ["out.mkv", "out.webm"] {
        keep(&format!("in.mp4 -o {output}"), folder);
        assert_eq!(count('s', output, folder), "1", "{output}");
    }
}

#[test]
fn what_ffmpeg_leaves_out_without_a_word_is_said() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO -pix_fmt yuv420p X264 in.mp4", folder);
    make("VIDEO -frames:v 1 cover.jpg", folder);
    make(
        "-i in.mp4 -i cover.jpg -map 0 -map 1 -c copy -disposition:v:1 attached_pic cover.mp4",
        folder,
    );
    fs::write(folder.join("font.ttf"), "letters").expect("written");
    let kind = "-metadata:s:t mimetype=application/x-truetype-font";
    make(&format!("-i in.mp4 -c copy -attach font.ttf {kind} font.mkv"), folder);
    for (input, output, what) in [
        ("cover.mp4", "out.mov", "(video, mjpeg) is left out, as .mov can't hold it"),
        ("font.mkv", "out.webm", "is left out, as .webm can't hold it"),
        ("font.mkv", "out.mp4", "is left out, as .mp4 can't hold it"),
    ] {
        let said = keep(&format!("{input} -o {output}"), folder);
        assert!(said.contains(what), "{said}");
        let arguments = format!("{input} -o {output} --reference REF --force --strict");
        let output = transcode(&arguments, folder);
        assert_eq!(output.status.code(), Some(1), "{arguments}");
    }
    for (input, output) in [("cover.mp4", "out.mp4"), ("font.mkv", "out.mkv")] {
        succeed(&format!("{input} -o {output} --reference REF --force --strict"), folder);
    }
    // What .mov takes, and nothing reads.
    make("VIDEO SOUND -pix_fmt yuv420p X264 -c:a aac -f mpegts -mpegts_flags latm latm.ts", folder);
    make("VIDEO SOUND -c:v mpeg4 -c:a adpcm_ms adpcm.avi", folder);
    make(
        "VIDEO SOUND X264 -c:a pcm_bluray -ar 48000 -ac 2 -f mpegts -mpegts_m2ts_mode 1 pcm.m2ts",
        folder,
    );
    for (input, what) in [
        ("latm.ts", "(audio, aac_latm) is converted by aac"),
        ("adpcm.avi", "(audio, adpcm_ms) is converted by aac"),
        ("pcm.m2ts", "(audio, pcm_bluray) is converted by aac"),
    ] {
        let said = keep(&format!("{input} -o out.mov"), folder);
        assert!(said.contains(what), "{said}");
        ffmpeg("ffmpeg", "-i out.mov -map 0:a -f null -", folder);
    }
    // What FFmpeg loses where it copies packets.
    make("VIDEO SOUND X264 -c:a tta tta.mkv", folder);
    let said = keep("tta.mkv -o tta-out.mkv", folder);
    assert!(said.contains("(audio, tta) is converted by flac"), "{said}");
    let sound = |file| ffmpeg("ffmpeg", &format!("-i {file} -map 0:a -f md5 -"), folder);
    assert_eq!(sound("tta.mkv"), sound("tta-out.mkv"));
    // The camera, and what MP4 has no words for.
    make("VIDEO X264 -metadata make=Canon -metadata director=Me in.mkv", folder);
    make("VIDEO X264 -metadata director=Me director.mkv", folder);
    keep("in.mkv -o camera.mov", folder);
    let own = fs::read(folder.join("camera.mov")).expect("it is there");
    assert!(own.windows(4).any(|it| it == b"\xA9mak"), "MOV has a word of its own for the camera");
    let said = keep("in.mkv -o out.mp4", folder);
    let tags = probe("-show_entries format_tags=make,MAKE,director,DIRECTOR", "out.mp4", folder);
    assert!(
        tags.contains("Canon") && tags.contains("Me") && !said.contains("tags"),
        "{tags} {said}"
    );
    let words = "What its tags say ('director') is left out, as .mp4 can't hold it";
    let said = keep("director.mkv -o out.mp4", folder);
    assert!(said.contains(words), "{said}");
    let strict = transcode("director.mkv -o strict.mp4 --reference REF --strict", folder);
    assert!(text(&strict).contains(words) && strict.status.code() == Some(1), "{}", text(&strict));
    if skipped(&[], &["dvbsubenc", "mpegtsmux"]) {
        return;
    }
    let line = "videotestsrc num-buffers=3 ! video/x-raw,format=AYUV,width=64,height=48,framerate=3/1 ! \
                dvbsubenc ! mpegtsmux ! filesink location=subtitles.ts";
    let made = run(Command::new("gst-launch-1.0").args(line.split_whitespace()), folder);
    assert!(made.status.success(), "{}", text(&made));
    make("-i in.mp4 -i subtitles.ts -map 0 -map 1 -c copy subtitles.mkv", folder);
    let said = keep("subtitles.mkv -o out.mov", folder);
    let what = "(subtitle, dvb_subtitle) is left out, as .mov can't hold it";
    assert!(said.contains(what), "{said}");
}

#[test]
fn damage_in_the_middle_is_said() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let source = "-f lavfi -i testsrc2=size=240x136:rate=25:duration=3";
    for input in ["in.mp4", "in.mkv"] {
        make(&format!("{source} -pix_fmt yuv420p X264 -bf 2 -g 25 {input}"), folder);
        let mut film = fs::read(folder.join(input)).expect("it is there");
        let middle = film.len() / 2;
        film[middle..middle + 3000].fill(0);
        fs::write(folder.join(input), film).expect("written");
        let output = transcode(&format!("{input} -o out.mkv --reference REF --force"), folder);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(3), "{input}: {said}");
        assert!(said.contains("damaged"), "{input}: {said}");
    }
    // Few bytes, which decoders conceal: GStreamer's own, and FFmpeg, as AVI has no times.
    let source = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=1,noise=alls=40";
    for input in ["few.mkv", "few.avi"] {
        make(&format!("{source} -pix_fmt yuv420p -c:v libx264 -bf 2 {input}"), folder);
        let mut film = fs::read(folder.join(input)).expect("it is there");
        let (begin, end) = (film.len() / 3, film.len() / 4 * 3);
        film[begin..end].iter_mut().step_by(9973).for_each(|byte| *byte ^= 0x5A);
        fs::write(folder.join(input), film).expect("written");
        let output = transcode(&format!("{input} -o out.mkv --reference REF --force"), folder);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(3), "{input}: {said}");
        assert!(said.contains("It is damaged: "), "{input}: {said}");
    }
}

/// As demuxers say it of FLV and ASF, which go on behind what they can't read.
#[test]
fn what_demuxers_skip_is_said() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let source = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=3 SOUND";
    for (input, codecs) in [("in.flv", "X264 -c:a aac"), ("in.wmv", "-c:v wmv2 -c:a wmav2")] {
        make(&format!("{source} -pix_fmt yuv420p {codecs} {input}"), folder);
        let mut film = fs::read(folder.join(input)).expect("it is there");
        let middle = film.len() / 2;
        let junk = film[middle..middle + 4000].iter_mut().zip(0u32..);
        junk.for_each(|(byte, i)| *byte = (i * 37 + 11) as u8);
        fs::write(folder.join(input), film).expect("written");
        let output = transcode(&format!("{input} -o out.mkv --reference REF --force"), folder);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(3), "{input}: {said}");
    }
}

/// FFmpeg 5.1 puts Opus 7 ms too early into Matroska, whether it is copied or made.
#[test]
fn f190_opus_is_heard_when_it_was() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO SOUND X264 -c:a pcm_s16le in.mov", folder);
    make("-i in.mov -c:v copy -c:a libopus in.mp4", folder);
    make("-i in.mov -map 0:a -map 0:v -c copy sound-first.mov", folder);
    let first = |kind: &str, file: &str| -> f64 {
        let entries = format!("-select_streams {kind} -show_entries packet=pts_time");
        let times = probe(&entries, file, folder);
        times.lines().next().and_then(|it| it.trim_matches(',').parse().ok()).expect("a time")
    };
    for (arguments, output) in [
        ("in.mov", "out.webm"),
        ("in.mov --audio opus", "out.mkv"),
        ("in.mov --from 0.5", "out.webm"),
        ("in.mp4", "out.mkv"),
        ("sound-first.mov", "out.webm"),
        ("sound-first.mov --from 0.5", "out.webm"),
    ] {
        keep(&format!("{arguments} -o {output}"), folder);
        // What lies before the beginning is not heard.
        let heard = first("a", output) + 0.0065;
        let off = heard - first("v", output);
        let frame = if arguments.contains("--from") { 0.02 } else { 0. };
        assert!((off + frame).abs() < 0.0021, "{arguments}, {output}: {off}");
    }
}

#[test]
fn f190_sound_that_is_odd_is_copied_to_the_packet() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    // From stereo to 5.1 in the middle.
    for (name, channels) in [("two.ts", "stereo"), ("six.ts", "5.1")] {
        let sound = format!("-f lavfi -i sine=duration=1,aformat=channel_layouts={channels}");
        make(&format!("VIDEO {sound} -pix_fmt yuv420p X264 -c:a ac3 {name}"), folder);
    }
    let [mut film, six] =
        ["two.ts", "six.ts"].map(|name| fs::read(folder.join(name)).expect("it is there"));
    film.extend(six);
    fs::write(folder.join("changes.ts"), film).expect("written");
    // One header of AC-3 is damaged.
    make("VIDEO SOUND -pix_fmt yuv420p X264 -c:a ac3 in.mkv", folder);
    let mut film = fs::read(folder.join("in.mkv")).expect("it is there");
    let headers: Vec<_> = film.windows(2).enumerate().filter(|(_, it)| it == b"\x0b\x77").collect();
    let middle = headers[headers.len() / 2].0;
    film[middle] = 0;
    film[middle + 4] = 0xff;
    fs::write(folder.join("damaged.mkv"), film).expect("written");
    // Packets have no times of their own.
    make("VIDEO SOUND -c:v mpeg4 -c:a pcm_s16le timeless.avi", folder);
    for input in ["changes.ts", "damaged.mkv", "timeless.avi"] {
        keep(&format!("{input} -o out.mkv"), folder);
        for kind in ['v', 'a'] {
            let [before, after] = [input, "out.mkv"].map(|file| count(kind, file, folder));
            assert_eq!(before, after, "{input}");
        }
        assert_eq!(packets("a:0", input, folder), packets("a:0", "out.mkv", folder), "{input}");
    }
}

/// As recordings of broadcasts have it.
#[test]
fn f190_a_damaged_header_of_aac_costs_no_film() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO SOUND -pix_fmt yuv420p X264 -c:a aac in.ts", folder);
    let film = fs::read(folder.join("in.ts")).expect("it is there");
    let is_sound =
        |at: usize| film[at / 188 * 188 + 1] & 0x1F == 1 && film[at / 188 * 188 + 2] == 1;
    let headers = film.windows(2).enumerate().filter(|(at, it)| is_sound(*at) && it == b"\xff\xf1");
    let headers: Vec<usize> = headers.map(|(at, _)| at).collect();
    // FFmpeg may read none of those behind it that have no time of their own, which isn't looked at here.
    for header in [headers[0], headers[headers.len() - 2]] {
        let mut film = film.clone();
        film[header] = 0;
        fs::write(folder.join("damaged.ts"), film).expect("written");
        for output in ["out.mkv", "out.mp4"] {
            let output = format!("damaged.ts -o {output} --reference REF --force");
            let output = transcode(&output, folder);
            let said = text(&output);
            assert_eq!(output.status.code(), Some(3), "{said}");
            assert!(said.contains("packets of stream #1 (audio, aac) can't be read"), "{said}");
        }
        for kind in ['v', 'a'] {
            let [whole, after] = ["in.ts", "out.mkv"].map(|file| count(kind, file, folder));
            let [whole, after] =
                [whole, after].map(|count| count.parse::<u32>().expect("a number"));
            assert!(whole - after < 4, "{kind}: {after} of {whole}");
        }
    }
}

#[test]
fn f191_what_can_be_decoded_of_a_broken_beginning_keeps_its_times() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    // A cut in an open group of pictures, and a stream that was joined late.
    let open = "-pix_fmt yuv420p -c:v libx264 -bf 3 -x264-params open-gop=1:keyint=10:scenecut=0";
    make(&format!("VIDEO SOUND {open} -c:a aac whole.mp4"), folder);
    make("-ss 0.45 -i whole.mp4 -c copy cut.mkv", folder);
    make("VIDEO SOUND -c:v mpeg2video -bf 2 -g 12 -c:a mp2 whole.ts", folder);
    let film = fs::read(folder.join("whole.ts")).expect("it is there");
    fs::write(folder.join("late.ts"), &film[film.len() / 188 / 3 * 188..]).expect("written");
    for input in ["cut.mkv", "late.ts"] {
        keep(&format!("{input} -o out.mkv"), folder);
        // What FFmpeg decodes of either, from when its sound begins.
        let decoded = |file: &str| {
            let frames = probe("-select_streams v:0 -show_entries frame=pts_time", file, folder);
            let sound = begin('a', file, folder);
            let times = frames.lines().filter_map(|line| line.trim_end_matches(',').parse().ok());
            times.map(|time: f64| (1000. * time - sound).round()).collect::<Vec<_>>()
        };
        let [before, after] = [input, "out.mkv"].map(decoded);
        assert_eq!(before.len(), after.len(), "{input}");
        let moved = before.iter().zip(&after).any(|(a, b)| (a - b).abs() > 1.5);
        assert!(!moved, "{input}: {before:?} {after:?}");
    }
}

/// Changes the edit list of each track: to parts of it, of which each begins at a time and lasts for a while, both in
/// seconds. Its clock ticks 48000 times a second.
fn edit(film: &mut Vec<u8>, parts: &[(f64, f64)]) {
    let lists: Vec<_> = film.windows(4).enumerate().filter(|(_, it)| it == b"elst").collect();
    let lists: Vec<usize> = lists.into_iter().map(|(place, _)| place).collect();
    // Behind version and times: its own clock, and how long it lasts.
    let header = film.windows(4).position(|it| it == b"mvhd").expect("it is there");
    let clock: [u8; 4] = film[header + 16..][..4].try_into().expect("4 bytes");
    let clock = f64::from(u32::from_be_bytes(clock));
    let lasts = parts.iter().map(|(_, lasts)| lasts * clock).sum::<f64>() as u32;
    film[header + 20..][..4].copy_from_slice(&lasts.to_be_bytes());
    for list in lists.into_iter().rev() {
        // Behind version and flags and the number of entries: duration by the film's clock, time, rate.
        let time: [u8; 4] = film[list + 16..][..4].try_into().expect("4 bytes");
        let first = f64::from(i32::from_be_bytes(time));
        let entry = |(begin, lasts): &(f64, f64)| {
            [(lasts * clock) as u32, (first + begin * 48000.) as u32, 1 << 16].map(u32::to_be_bytes)
        };
        let entries: Vec<u8> = parts.iter().flat_map(entry).flatten().collect();
        film[list + 8..][..4].copy_from_slice(&(parts.len() as u32).to_be_bytes());
        let more = entries.len() as u32 - 12;
        film.splice(list + 12..list + 24, entries);
        for name in [b"elst", b"edts", b"trak", b"moov"] {
            let place =
                film[..list + 4].windows(4).rposition(|it| it == name).expect("it is there");
            let length = u32::from_be_bytes(film[place - 4..place].try_into().expect("4 bytes"));
            film[place - 4..place].copy_from_slice(&(length + more).to_be_bytes());
        }
    }
}

/// As telephones trim films: what was cut off is still in the file.
#[test]
fn f191_what_an_edit_list_leaves_out_stays_so() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let film = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -f lavfi -i sine=duration=4:sample_rate=48000";
    make(
        &format!(
            "{film} -pix_fmt yuv420p -c:v libx264 -g 36 -bf 2 -c:a aac -video_track_timescale 48000 in.mp4"
        ),
        folder,
    );
    let film = fs::read(folder.join("in.mp4")).expect("it is there");
    let decoded = |kind: char, file: &str| {
        let coding = "-fps_mode passthrough -enc_time_base 1/1000000";
        let all = "-map 0 -c copy -f null -";
        let arguments = format!("-i {file} -map 0:{kind} {coding} -f framecrc - {all}");
        let text = String::from_utf8(ffmpeg("ffmpeg", &arguments, folder)).expect("text");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        // When each begins, and its checksum.
        let fields = lines.map(|line| line.split(',').map(str::trim).collect::<Vec<_>>());
        fields
            .map(|it| (it[2].parse::<i64>().expect("a time"), it[5].to_string()))
            .collect::<Vec<_>>()
    };
    for (parts, frames) in [
        (&[(0., 1.)][..], 25),
        (&[(0.6, 1.2)], 30),
        (&[(0., 1.), (2., 1.)], 50),
        (&[(2.4, 0.8), (0.4, 1.2)], 50),
    ] {
        let mut film = film.clone();
        edit(&mut film, parts);
        fs::write(folder.join("cut.mp4"), film).expect("written");
        let before = decoded('v', "cut.mp4");
        assert_eq!(before.len(), frames, "{parts:?}");
        for output in ["out.mkv --video ffv1", "out.mp4", "out.mkv"] {
            keep(&format!("cut.mp4 -o {output}"), folder);
            let (file, options) = output.split_once(' ').unwrap_or((output, ""));
            let after = decoded('v', file);
            assert_eq!(after.len(), frames, "{parts:?} {output}");
            for (before, after) in before.iter().zip(&after) {
                assert!(options.is_empty() || before.1 == after.1, "{parts:?} {output}");
            }
            // From where sound begins; Matroska has a little more of it.
            if file == "out.mp4" {
                let [from, to] = ["cut.mp4", file].map(|file| decoded('a', file));
                let moved = before.iter().zip(&after).any(|(a, b)| (a.0 - b.0).abs() > 1000);
                assert!(!moved, "{parts:?}: {before:?} {after:?}");
                assert_eq!((from.len(), from[0].0), (to.len(), to[0].0), "{parts:?}");
            }
        }
    }
    let part = transcode("cut.mp4 -o part.mkv --reference REF --to 1", folder);
    assert!(text(&part).contains("is joined of parts by an edit list"), "{}", text(&part));
    keep("cut.mp4 -o part.mkv --video ffv1 --to 1.2 --audio aac", folder);
    assert_eq!(decoded('v', "part.mkv").len(), 30);
}

/// In transport streams and on Blu-rays, each segment of a picture is a packet; in Matroska, each picture is.
#[test]
fn f187_pictures_as_subtitles_of_blu_rays_go_into_matroska() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let segment = |time: u32, kind: u8, content: &[u8]| {
        let length = (content.len() as u16).to_be_bytes();
        [b"PG", &time.to_be_bytes()[..], &[0; 4], &[kind], &length, content].concat()
    };
    let shown = |number: u8, time: u32| {
        // A picture of 160x120 without anything in it, a window, and the end.
        let composition = [0, 160, 0, 120, 0x10, 0, number, 0x80, 0, 0, 0];
        let window = [1, 0, 0, 10, 0, 10, 0, 64, 0, 16];
        [segment(time, 0x16, &composition), segment(time, 0x17, &window), segment(time, 0x80, &[])]
            .concat()
    };
    fs::write(folder.join("in.sup"), [shown(0, 18_000), shown(1, 54_000)].concat())
        .expect("written");
    let subtitles = "-i in.sup -map 0 -map 1 -c:s copy -pix_fmt yuv420p X264";
    make(&format!("VIDEO {subtitles} -mpegts_m2ts_mode 1 in.m2ts"), folder);
    assert_eq!(count('s', "in.m2ts", folder), "6");
    keep("in.m2ts -o out.mkv", folder);
    assert_eq!(count('s', "out.mkv", folder), "2");
    keep("out.mkv -o again.mkv", folder);
    assert_eq!(packets("s:0", "out.mkv", folder), packets("s:0", "again.mkv", folder));
}

#[test]
fn f194_flags_of_tracks_stay_or_are_said() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let flags = "-disposition:a:0 default+original -disposition:a:1 comment+visual_impaired";
    let film = "VIDEO SOUND SOUND -map 0 -map 1 -map 2 -pix_fmt yuv420p X264 -c:a aac";
    make(&format!("{film} {flags} in.mkv"), folder);
    let said = succeed("in.mkv -o out.mkv --reference REF --strict", folder);
    assert!(!said.contains("flags"), "{said}");
    let all = |file| {
        let flags = "default,original,comment,visual_impaired";
        probe(&format!("-show_entries stream=index:stream_disposition={flags}"), file, folder)
    };
    assert_eq!(all("in.mkv"), all("out.mkv"));
    let words = "stream #2 (audio, aac): what its flags say ('comment', 'visual impaired') is left out, as .mov can't \
                 hold it";
    let said = keep("in.mkv -o out.mov", folder);
    assert!(said.contains(words), "{said}");
    let strict = transcode("in.mkv -o strict.mov --reference REF --strict", folder);
    assert_eq!(strict.status.code(), Some(1));
    let said = text(&strict);
    assert!(said.contains("--strict allows no changes: ") && said.contains(words), "{said}");
    assert!(!folder.join("strict.mov").exists());
}

/// Of WavPack, Matroska doesn't say how long its packets last.
#[test]
fn f186_wavpack_is_converted_to_its_end() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    // In one packet.
    make("VIDEO -f lavfi -i sine=duration=0.9 X264 -c:a wavpack one.mkv", folder);
    keep("one.mkv -o out.mp4", folder);
    make("VIDEO -f lavfi -i sine=duration=2.5 X264 -c:a wavpack -ac 2 in.mkv", folder);
    for output in ["out.mp4", "out.webm"] {
        keep(&format!("in.mkv -o {output}"), folder);
        let times = probe("-select_streams a -show_entries packet=pts_time", output, folder);
        let last = times.lines().last().expect("it has sound").trim_end_matches(',');
        let last: f64 = last.parse().expect("a time");
        assert!((last - 2.5).abs() < 0.05, "{output}: {last}");
    }
}

#[test]
fn f194_timecodes_stay_with_what_they_say() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    for (rate, code) in
        [("30000/1001", "01:02:03;04"), ("30000/1001", "01:02:03:04"), ("25", "01:02:03:04")]
    {
        let video = format!("-f lavfi -i testsrc2=size=160x120:rate={rate}:duration=1");
        let tags = format!("-timecode {code} -metadata:s:v reel_name=A001");
        make(&format!("{video} -pix_fmt yuv420p X264 {tags} in.mov"), folder);
        keep("in.mov -o out.mov", folder);
        let tags = |file| probe("-show_entries stream_tags=timecode,reel_name", file, folder);
        assert!(tags("in.mov").contains("A001"), "{}", tags("in.mov"));
        assert_eq!(tags("in.mov"), tags("out.mov"), "{rate} {code}");
    }
}

#[test]
fn every_video_of_a_film_is_matched() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let second = "-f lavfi -i testsrc=size=128x96:rate=10:duration=1";
    for output in ["two.mkv", "two.ts"] {
        make(&format!("VIDEO {second} -map 0 -map 1 -pix_fmt yuv420p X264 {output}"), folder);
        keep(&format!("{output} -o out.mp4"), folder);
        let sizes = probe("-show_entries stream=width", "out.mp4", folder);
        assert_eq!(sizes, "160\n128", "{output}");
        assert!(likeness(output, "out.mp4", folder) > 35.);
    }
}

#[test]
fn f195_where_ffmpeg_is_missing_its_package_is_named() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO X264 in.mp4", folder);
    let mut command = Command::new(example("transcode"));
    let reference = crate::common::media(crate::common::video::REFERENCE);
    command.args(["in.mp4", "-o", "out.mkv", "--reference"]).arg(reference).env("PATH", folder);
    let output = run(&mut command, folder);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("install Debian's package ffmpeg"), "{}", text(&output));
}

const AV1: &str =
    "-pix_fmt yuv420p -c:v libaom-av1 -usage realtime -cpu-used 8 -lag-in-frames 0 -g 100";

/// Changes the bytes of a packet of the video.
fn change(number: usize, file: &str, folder: &Path, how: impl Fn(&mut [u8])) {
    let packets = probe("-select_streams v:0 -show_entries packet=pos,size", file, folder);
    let packet = packets.lines().nth(number).expect("it is there");
    let numbers: Vec<usize> =
        packet.split(',').map(|word| word.parse().expect("a number")).collect();
    let mut film = fs::read(folder.join(file)).expect("it is there");
    how(&mut film[numbers[1]..][..numbers[0]]);
    fs::write(folder.join(file), film).expect("written");
}

fn damage(number: usize, file: &str, folder: &Path) {
    change(number, file, folder, |packet| {
        let third = packet.len() / 3;
        packet[third..2 * third].iter_mut().for_each(|byte| *byte ^= 0x35);
    });
}

fn frames(file: &str, folder: &Path) -> String {
    let entries = "-count_frames -select_streams v:0 -show_entries stream=nb_read_frames";
    probe(entries, file, folder)
}

#[test]
fn damage_that_leaves_frames_or_no_words_is_said() {
    if skipped(&[], &["av1dec", "theoradec", "avdec_prores", "avdec_ffv1"]) {
        return;
    }
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make("VIDEO -c:v libtheora in.ogv", folder);
    make("VIDEO -c:v prores_ks in.mov", folder);
    make("VIDEO -c:v ffv1 -level 3 -slicecrc 1 in.mkv", folder);
    make(&format!("VIDEO {AV1} av1.mkv"), folder);
    make(&format!("VIDEO {AV1} hidden.mkv"), folder);
    make("VIDEO -c:v libtheora lacing.mkv", folder);
    for input in ["in.ogv", "in.mov", "in.mkv", "av1.mkv", "hidden.mkv", "lacing.mkv"] {
        keep(&format!("{input} -o out.mkv"), folder);
        if input == "hidden.mkv" {
            // The first byte behind Matroska's header says that it is a frame. Now it says that it is padding.
            change(24, input, folder, |packet| {
                let kind = packet.iter_mut().find(|byte| **byte == 0x32);
                *kind.expect("it is a frame") = 0x7A;
            });
        } else if input == "av1.mkv" {
            // Other bytes may be another picture, which dav1d shows without a word.
            change(20, input, folder, |packet| packet[4..].fill(0));
        } else if input == "lacing.mkv" {
            // Behind the number of the track and a time: that the block holds several frames.
            change(20, input, folder, |packet| packet[3..6].fill(0xFF));
        } else {
            damage(20, input, folder);
        }
        let output = transcode(&format!("{input} -o out.mkv --reference REF --force"), folder);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(3), "{input}: {said}");
        if input == "hidden.mkv" {
            assert!(said.contains("24 of 25 frames of stream #0 (video, av1)"), "{said}");
        }
    }
}

/// GStreamer's decoder gives up before the encoder has written anything.
#[test]
fn damage_near_the_beginning_is_no_pause() {
    if skipped(&[], &["av1dec"]) {
        return;
    }
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make(&format!("VIDEO {AV1} in.mkv"), folder);
    damage(4, "in.mkv", folder);
    let output = transcode("in.mkv -o out.mkv --reference REF --patience 10", folder);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(frames("out.mkv", folder), frames("in.mkv", folder), "{said}");
}
