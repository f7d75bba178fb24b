//! What FFmpeg does: it puts the matched video into the place of the old one, and copies all else.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

use crate::colors::Colors;
use crate::film::{Action, Recipe, Source};
use crate::formats::Container;
use crate::part::{Part, all_streams, seconds};
use crate::probe::{self, File, MISSING, Stream, program};
use crate::timecode;
use crate::video::{self, Encoded, Job};

/// The video that comes into the place of a stream.
pub struct Replacement {
    pub stream: usize,
    pub path: PathBuf,
    /// The rotation that the container is to say.
    pub turn: Option<f64>,
    pub part: Part,
    /// How many of its frames can be decoded, and what FFmpeg says if that is less than it should be.
    pub decodable: usize,
    pub complaint: Option<String>,
    pub encoded: Encoded,
}

/// A film that is put together.
pub struct Film<'a> {
    pub source: &'a Source<'a>,
    pub actions: &'a [Action],
    pub replacements: &'a [Replacement],
    pub recipe: &'a Recipe,
    pub output: &'a Path,
}

impl Film<'_> {
    /// The numbers of the packets of sound that are left out as they aren't heard.
    pub fn unheard(&self, stream: &Stream) -> Vec<usize> {
        if stream.codec_type != "audio" || self.recipe.is_part() {
            return Vec::new();
        }
        self.source.file.packets[&stream.index].unheard(self.recipe.container.is_mp4())
    }

    /// By how much later than asked for a part lies. FFmpeg moves packets by whole ticks of their stream's clock, of
    /// which those of AVI last as long as a frame or a packet of sound. And frames before 0 would be left out.
    fn delay(&self) -> f64 {
        if self.recipe.from == gst::ClockTime::ZERO {
            return 0.;
        }
        let copied = self.source.file.streams.iter().zip(self.actions);
        let copied =
            copied.filter(|(_, action)| matches!(action, Action::Copy | Action::Convert(_)));
        let tick = copied.filter_map(|(stream, _)| stream.tick()).fold(1e-6, f64::max);
        let least = self.replacements.iter().map(|one| -one.encoded.begin).fold(0., f64::max);
        self.part().delay(least, tick)
    }

    /// What is read of all streams that aren't replaced.
    pub fn part(&self) -> &Part {
        let parts = self.replacements.iter().map(|one| &one.part);
        parts.min_by(|a, b| a.seek.total_cmp(&b.seek)).expect("a film has video")
    }
}

/// Whether a container takes these streams as they are: by trying, as only the muxer knows.
pub fn can_hold(input: &Path, streams: &[usize], container: &Container) -> anyhow::Result<bool> {
    if streams.is_empty() {
        return Ok(true);
    }
    let mut command = program("ffmpeg");
    command.arg("-y").arg("-i").arg(probe::path(input));
    for stream in streams {
        command.args(["-map", &format!("0:{stream}")]);
    }
    command.args(["-c", "copy", "-copy_unknown", "-strict", "experimental", "-t", "0"]);
    command.args(["-f", container.format, "/dev/null"]);
    Ok(command.output().context(MISSING)?.status.success())
}

/// Whether nothing knows a stream of sound any more in a container that takes it: by trying. MOV takes all that AVI does,
/// and says of most what only AVI's readers know.
pub fn is_unknown_in(input: &Path, stream: &Stream, container: &Container) -> anyhow::Result<bool> {
    const KNOWN: [&str; 10] = [
        "aac",
        "ac3",
        "alac",
        "eac3",
        "mp3",
        "opus",
        "pcm_s16be",
        "pcm_s16le",
        "pcm_s24be",
        "pcm_s24le",
    ];
    if container.format != "mov" || KNOWN.contains(&stream.codec_name.as_str()) {
        return Ok(false);
    }
    let mut command = program("ffmpeg");
    command.arg("-i").arg(probe::path(input)).args(["-map", &format!("0:{}", stream.index)]);
    command.args(["-c", "copy", "-strict", "experimental", "-frames:a", "4"]);
    command.args(["-movflags", "frag_keyframe+empty_moov", "-f", container.format, "pipe:1"]);
    let Ok(beginning) = probe::output(&mut command) else { return Ok(true) };
    let streams = probe::piped(&beginning)?;
    Ok(streams.first().is_none_or(|stream| ["", "unknown"].contains(&stream.codec_name.as_str())))
}

/// The codecs that GStreamer finds in Matroska, and decodes as FFmpeg does. Of Motion JPEG, it makes 4:2:0 of all
/// else, and of 4:1:1 what was in memory.
const FOUND: [&str; 11] = [
    "h264",
    "hevc",
    "vp8",
    "vp9",
    "av1",
    "mpeg1video",
    "mpeg2video",
    "mpeg4",
    "theora",
    "prores",
    "ffv1",
];

/// The pixel formats of FFV1 that GStreamer 1.22 has a name for. With others, its decoders fail.
const NAMED: [&str; 23] = [
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "yuv410p",
    "yuv411p",
    "yuva420p",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p10le",
    "yuva420p10le",
    "yuva422p10le",
    "yuva444p10le",
    "yuv420p12le",
    "yuv422p12le",
    "yuv444p12le",
    "gray",
    "gray16le",
    "bgr0",
    "bgra",
    "gbrp10le",
    "gbrap10le",
    "gbrp12le",
    "gbrap12le",
];

/// Whether GStreamer has a name for the pixel format of a stream.
fn is_named(stream: &Stream) -> bool {
    // The names with a J say of the same formats that their range is full.
    let format = stream.pix_fmt.as_ref().map(|format| format.replacen("yuvj", "yuv", 1));
    format.is_none_or(|format| NAMED.contains(&format.as_str()))
}

/// FFmpeg's options for the nearest format that has a name.
fn into_named(stream: &Stream, recipe: &Recipe) -> Vec<String> {
    let own = stream.pix_fmt.as_deref().unwrap_or_default();
    // Of the same family: what a matrix is may not be said, and grey has none. FFmpeg never limits grey.
    let family = match stream.is_grey() && recipe.converts_colors(stream) {
        true => Some("yuv420p"),
        false => ["gray", "yuv"].into_iter().find(|family| own.contains(family)),
    };
    let formats = NAMED.iter().filter(|format| format.starts_with(family.unwrap_or_default()));
    let formats: Vec<_> = formats.copied().collect();
    // The range would become limited: FFmpeg 5.1 asks the filter, 7.1 the encoder.
    let (range, matrix) = match recipe.converts_colors(stream) {
        true => ("tv", ":out_color_matrix=bt601"),
        false if stream.is_full_range() => ("pc", ""),
        false => ("auto", ""),
    };
    let filter = format!("scale=out_range={range}{matrix},format={}", formats.join("|"));
    let mut options = vec!["-vf".into(), filter];
    if range != "auto" {
        options.extend(["-color_range".into(), range.into()]);
    }
    options
}

/// Starts FFmpeg, which writes a stream to its output, in Matroska. It is decoded if that is asked for, and
/// if GStreamer can't; then FFmpeg chooses the nearest pixel format that GStreamer knows.
pub fn reader(job: &Job, recipe: &Recipe) -> anyhow::Result<Child> {
    let Job { source, stream, part, is_decoded, .. } = job;
    let decodes = *is_decoded
        || !FOUND.contains(&stream.codec_name.as_str())
        || !is_named(stream)
        // GStreamer 1.22 would change the name of the range alone.
        || recipe.converts_colors(stream);
    let mut command = program("ffmpeg");
    // What decoders conceal is no error.
    command.args(["-v", "info", "-nostats"]);
    if !decodes {
        // Packets without times of their own get some. A decoder knows them better.
        command.args(["-fflags", "+genpts"]);
    }
    if decodes && stream.has_alpha() {
        // FFmpeg's own decoders leave out what WebM has beside the picture.
        let decoders = [("vp8", "libvpx"), ("vp9", "libvpx-vp9")];
        let decoder = decoders.iter().find(|(codec, _)| stream.codec_name == *codec);
        if let Some((_, decoder)) = decoder {
            command.arg(format!("-c:{}", stream.index)).arg(decoder);
        }
    }
    if *is_decoded {
        // As ffprobe: with more, FFmpeg 5.1 loses frames of AV1 behind what is damaged.
        command.args(["-threads", "1"]);
    }
    part.seek(&mut command).arg("-i").arg(probe::path(source.input));
    command.args(["-map", &format!("0:{}", stream.index)]);
    if decodes {
        // FFV1 loses nothing.
        command.args(into_named(stream, recipe)).args(["-c", "ffv1"]);
    } else {
        command.args(["-c", "copy"]);
    }
    command.args([
        "-enc_time_base",
        source_clock(&source.file),
        "-fps_mode",
        "passthrough",
        "-strict",
        "experimental",
    ]);
    command.args(["-avoid_negative_ts", "disabled"]);
    let offset = video::OFFSET as f64 - part.lead();
    command.args(["-output_ts_offset", &seconds(offset), "-f", "matroska", "pipe:1"]);
    all_streams(&mut command).args(["-f", "null", "-"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context(MISSING)
}

/// Writes the film; `moves` says which streams FFmpeg moves by how much, and `progress` hears how much
/// there is. Whether packets are left out that can't be read.
pub fn remux(
    film: &Film,
    moves: &[(usize, f64)],
    progress: &dyn Fn(gst::ClockTime),
) -> anyhow::Result<bool> {
    let Film { source, actions, replacements, recipe, output } = *film;
    let Source { input, file, .. } = source;
    let mut command = program("ffmpeg");
    command.args(["-y", "-progress", "pipe:1"]);
    // Streams whose packets have no times get some.
    let delay = film.delay();
    film.part().cut(command.args(["-fflags", "+genpts"]), delay).arg("-i").arg(probe::path(input));
    for replacement in replacements {
        if let Some(turn) = replacement.turn.filter(|_| has_display_rotation(file)) {
            command.args(["-display_rotation", &turn.to_string()]);
        }
        command.args(["-itsoffset", &seconds(replacement.encoded.begin + delay)]);
        command.arg("-i").arg(probe::path(&replacement.path));
    }

    command.args(["-c", "copy", "-copy_unknown", "-strict", "experimental"]);
    if recipe.from > gst::ClockTime::ZERO {
        // None of the packets before it.
        command.args(["-copypriorss", "0"]);
    }
    let (mut place, mut attachments, mut covers) = (0, 0, Vec::new());
    for (stream, action) in file.streams.iter().zip(actions) {
        let index = stream.index;
        let moved = moves.iter().find(|(stream, _)| *stream == index).map(|(_, by)| *by);
        let from = match action {
            Action::LeaveOut => continue,
            Action::Attach => {
                covers.push((cover(input, stream, output)?, stream.tags.get("filename")));
                continue;
            }
            Action::Match => {
                let mut inputs = replacements.iter().zip(1..);
                let (replacement, from) = inputs
                    .find(|(replacement, _)| replacement.stream == index)
                    .context("Each video stream is replaced")?;
                replaced(&mut command, place, stream, replacement, film);
                format!("{from}:0")
            }
            Action::Copy if stream.is_timecode() && writes_timecode(film) => continue,
            Action::Copy => {
                let mut filters = Vec::new();
                if stream.codec_name == "aac" {
                    // The muxer does it, too, but gives up at a header that is damaged.
                    filters.push("aac_adtstoasc".into());
                }
                let unheard = film.unheard(stream);
                if !unheard.is_empty() {
                    filters.push(format!("noise=drop={}", is_among(&unheard)));
                }
                filters.extend(moved.map(|by| setts(by, film)));
                if !filters.is_empty() {
                    command.args([&format!("-bsf:{place}"), &filters.join(",")]);
                }
                format!("0:{index}")
            }
            Action::Convert(encoder) => {
                convert(&mut command, place, stream, encoder, recipe, moved);
                if stream.codec_type == "subtitle" && recipe.from > gst::ClockTime::ZERO {
                    // As those that are copied.
                    command.args([&format!("-bsf:{place}"), "noise=drop=lt(pts\\,0)"]);
                }
                format!("0:{index}")
            }
        };
        attachments += usize::from(stream.codec_type == "attachment");
        command.args(["-map", &from]);
        command.args([&format!("-map_metadata:s:{place}"), &format!("0:s:{index}")]);
        place += 1;
    }
    for (place, ((cover, kind), name)) in (attachments..).zip(&covers) {
        command.arg("-attach").arg(cover);
        let name = name.map_or_else(|| format!("cover.{kind}"), String::clone);
        for tag in [format!("mimetype=image/{kind}"), format!("filename={name}")] {
            command.args([format!("-metadata:s:t:{place}"), tag]);
        }
    }
    command.args(["-map_metadata", "0", "-map_chapters", "0"]);
    let end = replacements.iter().find(|replacement| replacement.encoded.interrupted);
    let end = end.map(|end| end.encoded.begin + end.encoded.duration);
    if let Some(length) = end.or(film.part().length()) {
        // Of the input, it doesn't hold for subtitles that are converted.
        command.args(["-t", &seconds(length + delay)]);
    }
    if recipe.container.is_mp4() {
        for_mp4(&mut command, file, replacements, recipe.container);
    }
    command.args(["-f", recipe.container.format]).arg(probe::path(output));

    // Streams that aren't used don't count for where FFmpeg lets a file begin.
    let unused =
        |action: &Action| matches!(action, Action::Match | Action::LeaveOut | Action::Attach);
    for (stream, _) in file.streams.iter().zip(actions).filter(|(_, action)| unused(action)) {
        command.args(["-map", &format!("0:{}", stream.index)]);
    }
    command.args(["-c", "copy", "-copy_unknown", "-f", "null", "-"]);
    run(&mut command, progress)
}

/// FFmpeg's filter that moves packets back.
fn setts(by: f64, film: &Film) -> String {
    // FFmpeg 5.1 gives it the clock of the input, and times in that of the output, which are milliseconds here.
    let is_mixed = film.source.file.version_of_ffmpeg() < 6 && !film.recipe.container.is_mp4();
    let tick = if is_mixed { "0.001" } else { "TB" };
    format!("setts=ts=TS-({by:.6})/{tick}")
}

/// Writes a picture beside the output, and says where and of which kind it is.
fn cover(input: &Path, stream: &Stream, output: &Path) -> anyhow::Result<(PathBuf, &'static str)> {
    let kind = if stream.codec_name == "png" { "png" } else { "jpeg" };
    let path = output.with_file_name(format!("cover-{}.{kind}", stream.index));
    let mut command = program("ffmpeg");
    command.arg("-y").arg("-i").arg(probe::path(input));
    command.args(["-map", &format!("0:{}", stream.index), "-c", "copy", "-frames:v", "1"]);
    command.args(["-f", "image2", "-update", "1"]).arg(probe::path(&path));
    probe::output(&mut command)?;
    Ok((path, kind))
}

/// Whether FFmpeg writes the track of a timecode by the video's tag. It has a single packet, which lies before a part, and
/// FFmpeg forgets that a copy of it drops numbers.
fn writes_timecode(film: &Film) -> bool {
    let codes = film.source.file.streams.iter().filter(|stream| stream.is_film());
    let mut codes = codes.filter_map(|stream| stream.tags.get("timecode"));
    film.recipe.from > gst::ClockTime::ZERO || codes.any(|code| code.contains(';'))
}

/// An expression of FFmpeg's filters for whether a packet has one of these numbers, which are in order.
fn is_among(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    let runs = runs.map(|run| format!("between(n\\,{}\\,{})", run[0], run[run.len() - 1]));
    runs.collect::<Vec<_>>().join("+")
}

/// What FFmpeg has to be told of a stream that is replaced.
fn replaced(
    command: &mut Command,
    place: usize,
    stream: &Stream,
    replacement: &Replacement,
    Film { source, recipe, .. }: &Film,
) {
    let Encoded { decoded, encoded, .. } = &replacement.encoded;
    let is_kept = decoded.colorimetry() == encoded.colorimetry()
        // What says nothing is taken for something else by GStreamer when it is turned, and stays what it is.
        || stream.color_space.is_none()
            && decoded.is_yuv()
            && encoded.is_yuv()
            && decoded.colorimetry().range() == encoded.colorimetry().range();
    let colors = if is_kept { recipe.colors(stream) } else { Colors::of_frames(encoded) };
    for (name, value) in colors.options() {
        command.args([&format!("{name}:{place}"), &value]);
    }
    let mut filters = Vec::from_iter(colors.filter(recipe.video.codec));
    if recipe.video.codec == "h265" && recipe.container.is_mp4() {
        // Apple plays no other kind. It has its parameter sets in the container alone.
        command.args([&format!("-tag:{place}"), "hvc1"]);
        filters.push("filter_units=remove_types=32-34".into());
    }
    if !filters.is_empty() {
        command.args([&format!("-bsf:{place}"), &filters.join(",")]);
    }
    let dispositions: Vec<&str> =
        stream.disposition.keys().map(String::as_str).filter(|name| stream.has(name)).collect();
    let dispositions = if dispositions.is_empty() { "0".into() } else { dispositions.join("+") };
    command.args([&format!("-disposition:{place}"), &dispositions]);
    // It names another encoder, how much another one wrote, and that transparency lies beside the picture, which
    // none of GStreamer's encoders writes there.
    for tag in ["encoder", "ENCODER", "BPS", "NUMBER_OF_BYTES", "alpha_mode", "ALPHA_MODE"] {
        command.args([&format!("-metadata:s:{place}"), &format!("{tag}=")]);
    }
    // Where the track of a timecode is written anew, what it says beside that comes from here.
    let reel = source.file.streams.iter().filter(|stream| stream.is_timecode());
    if let Some(reel) = reel.filter_map(|stream| stream.tags.get("reel_name")).next() {
        command.args([&format!("-metadata:s:{place}"), &format!("reel_name={reel}")]);
    }
    let timecode = stream.tags.get("timecode");
    let timecode = timecode.filter(|_| recipe.from > gst::ClockTime::ZERO);
    if let Some(code) = timecode.and_then(|code| timecode::of_part(code, stream, &replacement.part))
    {
        command.args([&format!("-metadata:s:{place}"), &format!("timecode={code}")]);
    }
    if let Some(turn) = replacement.turn.filter(|_| !has_display_rotation(&source.file)) {
        let rotate = turn.rem_euclid(360.);
        command.args([&format!("-metadata:s:{place}"), &format!("rotate={rotate}")]);
    }
}

/// What encoders are told so that times stay as they are in the source: a word since FFmpeg 6.1, which 9 insists on.
fn source_clock(file: &File) -> &'static str {
    if file.version_of_ffmpeg() < 7 { "-1" } else { "demux" }
}

/// FFmpeg 5.1 turns what is copied by the tag `rotate`, counter-clockwise; later versions don't know it.
fn has_display_rotation(file: &File) -> bool {
    file.version_of_ffmpeg() > 5
}

fn convert(
    command: &mut Command,
    place: usize,
    stream: &Stream,
    encoder: &str,
    recipe: &Recipe,
    moved: Option<f64>,
) {
    command.args([&format!("-c:{place}"), encoder]);
    let channels = stream.channels.unwrap_or(2);
    match encoder {
        "aac" | "libopus" | "libmp3lame" => {
            let most = if encoder == "libmp3lame" { 320 } else { 1024 };
            let rate = (96 * channels).min(most);
            command.args([&format!("-b:{place}"), &format!("{rate}k")]);
        }
        "libvorbis" => {
            command.args([&format!("-q:{place}"), "7"]);
        }
        _ => {}
    }
    let mut filters = Vec::new();
    if stream.codec_type == "audio" && recipe.from > gst::ClockTime::ZERO {
        filters.push("atrim=start=0".to_string());
    }
    // Filters of packets take what comes from an encoder for what has another clock.
    filters.extend(moved.map(|by| format!("asetpts=PTS-({by:.6})/TB")));
    // Of others, among them 5.1(side), which is most films' 5.1, libopus has none, and of AAC nobody knows which
    // channel is which.
    let layouts = match encoder {
        "aac" => Some("7.1|5.1|5.0|4.0|quad|quad(side)|3.0|3.0(back)|2.1|stereo|mono"),
        "libopus" => Some("7.1|6.1|5.1|5.0|quad|3.0|stereo|mono"),
        _ => None,
    };
    filters.extend(layouts.map(|layouts| format!("aformat=channel_layouts={layouts}")));
    if !filters.is_empty() {
        command.args([&format!("-filter:{place}"), &filters.join(",")]);
    }
}

fn for_mp4(
    command: &mut Command,
    file: &File,
    replacements: &[Replacement],
    container: &Container,
) {
    // MOV has words of its own for the camera.
    let is_camera = |tag: &str| {
        let names = if container.format == "mp4" { &["make", "model"][..] } else { &[] };
        names.iter().any(|name| tag.eq_ignore_ascii_case(name))
    };
    // Those of Apple and Android.
    let own = |tag: &String| tag.starts_with("com.") || is_camera(tag);
    if file.format.tags.keys().any(own) {
        command.args(["-movflags", "+use_metadata_tags"]);
    }
    // The clock of the old video: then times are the same to the tick.
    let stream = replacements.first().map(|replacement| &file.streams[replacement.stream]);
    let rate = stream.and_then(|stream| stream.time_base.strip_prefix("1/")?.parse().ok());
    let Some(rate) = rate.filter(|rate: &u32| (1..=1_000_000).contains(rate)) else { return };
    let rates = std::iter::successors(Some(rate), |rate| Some(rate * 2));
    if let Some(rate) = rates.into_iter().find(|rate| *rate >= 10_000) {
        command.args(["-video_track_timescale", &rate.to_string()]);
    }
}

fn run(command: &mut Command, progress: &dyn Fn(gst::ClockTime)) -> anyhow::Result<bool> {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context(MISSING)?;
    let stdout = child.stdout.take().context("It is piped")?;
    let mut stderr = child.stderr.take().context("It is piped")?;
    let words = std::thread::spawn(move || {
        let mut words = Vec::new();
        let _ = stderr.read_to_end(&mut words);
        words
    });
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let micros = line.strip_prefix("out_time_us=").and_then(|time| time.parse().ok());
        if let Some(micros) = micros {
            progress(gst::ClockTime::from_useconds(micros));
        }
    }
    let status = child.wait()?;
    let words = words.join().unwrap_or_default();
    ensure!(status.success(), "ffmpeg can't write it: {}", probe::words(&words));
    Ok(String::from_utf8_lossy(&words).contains("Error applying bitstream filters"))
}
