//! What FFmpeg's programs know of a file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::io::{BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, bail, ensure};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::damage;
use crate::part::{Part, ROUNDING};

#[derive(Deserialize)]
pub struct File {
    program_version: Version,
    pub streams: Vec<Stream>,
    pub format: Format,
    #[serde(default)]
    pub chapters: Vec<serde::de::IgnoredAny>,
    /// Of each stream, if the whole file was read.
    #[serde(default, deserialize_with = "packets")]
    pub packets: HashMap<usize, Packets>,
    /// What ffprobe said of damage as it read it.
    #[serde(skip)]
    pub complaint: Option<String>,
}

/// Of FFmpeg.
#[derive(Deserialize)]
struct Version {
    version: String,
}

impl File {
    /// The first number of FFmpeg's version. A build from the newest source has none.
    pub fn version_of_ffmpeg(&self) -> u32 {
        let version = self.program_version.version.trim_start_matches('n');
        let number = version.split(['.', '-', ' ']).next();
        number.and_then(|number| number.parse().ok()).unwrap_or(u32::MAX)
    }
}

#[derive(Deserialize)]
pub struct Format {
    pub format_name: String,
    #[serde(default, deserialize_with = "number")]
    start_time: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    pub duration: Option<f64>,
    /// In bytes.
    #[serde(default, deserialize_with = "number")]
    pub size: Option<f64>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub struct Stream {
    pub index: usize,
    #[serde(default)]
    pub codec_type: String,
    #[serde(default)]
    pub codec_name: String,
    #[serde(default)]
    pub codec_tag_string: String,
    pub pix_fmt: Option<String>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub color_range: Option<String>,
    pub color_space: Option<String>,
    pub color_transfer: Option<String>,
    pub color_primaries: Option<String>,
    pub chroma_location: Option<String>,
    field_order: Option<String>,
    pub avg_frame_rate: Option<String>,
    pub time_base: String,
    #[serde(default)]
    pub has_b_frames: u32,
    pub channels: Option<u32>,
    #[serde(default)]
    pub disposition: BTreeMap<String, u8>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub side_data_list: Vec<SideData>,
}

#[derive(Deserialize)]
pub struct SideData {
    pub displaymatrix: Option<String>,
    pub rotation: Option<f64>,
    #[serde(flatten)]
    other: Fields,
}

type Fields = BTreeMap<String, serde_json::Value>;

/// ffprobe writes numbers of this kind as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

impl Format {
    /// Whether times may begin again in the middle.
    pub fn may_jump(&self) -> bool {
        ["mpegts", "mpeg"].contains(&self.format_name.as_str())
    }

    /// Where FFmpeg lets the file begin, in the file's own time, if it isn't to be measured: in formats whose times may
    /// be discontinuous, FFmpeg reckons it once more, from the streams in use.
    pub fn origin(&self) -> Option<f64> {
        const CONTINUOUS: [&str; 3] = ["matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "avi"];
        self.start_time.filter(|_| CONTINUOUS.contains(&self.format_name.as_str()))
    }
}

impl Stream {
    /// Cover art is a picture, though its type is video.
    pub fn is_film(&self) -> bool {
        self.codec_type == "video" && !self.has("attached_pic") && !self.has("still_image")
    }

    pub fn is_timecode(&self) -> bool {
        self.codec_tag_string == "tmcd"
    }

    pub fn has(&self, disposition: &str) -> bool {
        self.disposition.get(disposition) == Some(&1)
    }

    /// As in `#1 (audio, aac, ger)`.
    pub fn description(&self) -> String {
        let named =
            if self.codec_name.is_empty() { &self.codec_tag_string } else { &self.codec_name };
        let language = self.tags.get("language").map(|language| format!(", {language}"));
        format!(
            "stream #{} ({}, {named}{})",
            self.index,
            self.codec_type,
            language.unwrap_or_default()
        )
    }

    /// Whether the top field is shown first, if it says that it is interlaced.
    fn shows_top_first(&self) -> Option<bool> {
        match self.field_order.as_deref()? {
            // As they are stored, and as they are shown.
            "tt" | "bt" => Some(true),
            "bb" | "tb" => Some(false),
            _ => None,
        }
    }

    /// The bits of a component, by the name of the pixel format.
    pub fn bits(&self) -> u32 {
        let name = self.pix_fmt.as_deref().unwrap_or_default();
        let name = name.trim_end_matches("le").trim_end_matches("be");
        let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
        match name[letters.len()..].parse() {
            // Of all of a pixel's.
            Ok(48 | 64) => 16,
            Ok(bits @ 9..=16) if letters != "nv" => bits,
            _ => 8,
        }
    }

    pub fn is_grey(&self) -> bool {
        self.pix_fmt.as_ref().is_some_and(|format| format.starts_with("gray"))
    }

    pub fn is_rgb(&self) -> bool {
        let format = self.pix_fmt.as_deref().unwrap_or_default();
        ["rgb", "bgr", "gbr", "pal8"].iter().any(|name| format.contains(name))
    }

    pub fn has_alpha(&self) -> bool {
        const FORMATS: [&str; 10] =
            ["yuva", "ayuv", "vuya", "gbrap", "rgba", "bgra", "argb", "abgr", "ya", "pal8"];
        let format = self.pix_fmt.as_deref().unwrap_or_default();
        // As WebM has it, beside the picture.
        let mut tags = self.tags.iter().filter(|(name, _)| name.eq_ignore_ascii_case("alpha_mode"));
        FORMATS.iter().any(|name| format.starts_with(name)) || tags.any(|(_, value)| value == "1")
    }

    /// FFmpeg and GStreamer take grey that says nothing for full, all else for limited.
    pub fn is_full_range(&self) -> bool {
        self.color_range.as_deref().map_or(self.is_grey(), |range| range == "pc")
    }

    pub fn frame_rate(&self) -> Option<f64> {
        ratio(self.avg_frame_rate.as_deref()?)
    }

    /// The unit of its times, in seconds.
    pub fn tick(&self) -> Option<f64> {
        ratio(&self.time_base)
    }
}

/// As ffprobe writes one.
fn ratio(text: &str) -> Option<f64> {
    let (numerator, denominator) = text.split_once('/')?;
    let [numerator, denominator]: [f64; 2] = [numerator.parse().ok()?, denominator.parse().ok()?];
    (numerator > 0. && denominator > 0.).then_some(numerator / denominator)
}

/// A path that FFmpeg takes for nothing else, whatever its name.
pub fn path(path: &Path) -> OsString {
    let mut text = OsString::from("file:");
    text.push(path);
    text
}

/// One of FFmpeg's programs, which says nothing but errors.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.args(["-hide_banner", "-v", "error"]).stdin(Stdio::null());
    // Ctrl+C is for this program alone, which ends the other one in order.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

pub const MISSING: &str = "FFmpeg's programs ffmpeg and ffprobe are needed, 5.1 or newer: install \
    Debian's package ffmpeg";

/// What a program prints, or its own words on why it can't.
pub fn output(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    Ok(outputs(command)?.0)
}

/// The same, and what it says although it can.
fn outputs(command: &mut Command) -> anyhow::Result<(Vec<u8>, Option<String>)> {
    let output = command.output().context(MISSING)?;
    ensure!(output.status.success(), "{}", words(&output.stderr));
    let said = (!output.stderr.is_empty()).then(|| words(&output.stderr));
    Ok((output.stdout, said))
}

/// The last lines of what a program said, which are its reasons.
pub fn words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let says = |line: &&str| !line.trim().is_empty() && !line.contains("Last message repeated");
    let lines: Vec<&str> = text.lines().filter(says).map(damage::without_speaker).collect();
    let last = &lines[lines.len().saturating_sub(3)..];
    if last.is_empty() { "FFmpeg ended without a word".into() } else { last.join("; ") }
}

/// What a file says at its beginning, and at its end if it says it there.
pub fn file(file: &Path) -> anyhow::Result<File> {
    Ok(serde_json::from_slice(&output(program("ffprobe").args(HEADERS).arg(path(file)))?)?)
}

/// The streams of a file that is in memory.
pub fn piped(file: &[u8]) -> anyhow::Result<Vec<Stream>> {
    let mut command = program("ffprobe");
    command.args(HEADERS).arg("pipe:0").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().context(MISSING)?;
    // It may have seen enough before the end.
    let _ = child.stdin.take().context("It is piped")?.write_all(file);
    let output = child.wait_with_output()?;
    let file: Option<File> = serde_json::from_slice(&output.stdout).ok();
    Ok(file.map_or_else(Vec::new, |file| file.streams))
}

/// The same, and of each of its packets, without decoding it. A file that is damaged gives what can be read.
pub fn whole(file: &Path) -> anyhow::Result<File> {
    const PACKETS: &str =
        "packet=codec_type,stream_index,pts_time,dts_time,duration_time,size,flags";
    let mut command = program("ffprobe");
    command.args(HEADERS).args(["-v", "warning", "-show_entries", PACKETS]).arg(path(file));
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context(MISSING)?;
    let stdout = child.stdout.take().context("It is piped")?;
    let stderr = child.stderr.take().context("It is piped")?;
    // To the last line, so that ffprobe isn't held up.
    let said = thread::spawn(move || {
        damage::lines(stderr).fold(Said::default(), |mut said, line| {
            said.hear(&line);
            said
        })
    });
    let read = serde_json::from_reader(BufReader::new(stdout));
    let is_whole = child.wait()?.success();
    let said = said.join().unwrap_or_default();
    if !is_whole {
        // It says more of a file that it can't read at all.
        self::file(file)?;
        bail!("{}", words(said.last.as_bytes()));
    }
    let mut file: File = read?;
    file.complaint = said.complaint;
    for (stream, time) in said.corrupt {
        file.packets.entry(stream).or_default().corrupt.insert(time);
    }
    for stream in &file.streams {
        file.packets.entry(stream.index).or_default();
    }
    Ok(file)
}

const HEADERS: [&str; 6] =
    ["-of", "json=c=1", "-show_program_version", "-show_format", "-show_streams", "-show_chapters"];

/// What ffprobe says while it reads packets.
#[derive(Default)]
struct Said {
    /// Which packets lack some of their bytes: of which stream, and when they are stored.
    corrupt: Vec<(usize, i64)>,
    complaint: Option<String>,
    last: String,
}

impl Said {
    fn hear(&mut self, line: &str) {
        self.corrupt.extend(corrupt_packet(line));
        self.last = damage::without_speaker(line).to_string();
        if is_about_damage(line) {
            self.complaint = Some(self.last.clone());
        }
    }
}

/// The packets of a stream.
#[derive(Default)]
pub struct Packets {
    pub count: usize,
    /// Of these, those that hold next to nothing: between the subtitles of MP4.
    pub empty: usize,
    /// Of these, those of three bytes: what ends a picture of PGS, where each of its segments is a packet.
    ends: usize,
    /// When the first one begins, whether or not it is shown or heard.
    pub first: Option<f64>,
    /// When each begins, in seconds and in order; of those that are shown.
    pub times: Vec<f64>,
    /// When the last one ends.
    pub end: f64,
    /// Of subtitles that say how long they are shown, when they begin and end.
    cues: Vec<[f64; 2]>,
    /// When those that a decoder can begin with are shown, and when they are stored.
    pub keys: Vec<[f64; 2]>,
    /// The numbers of those that are neither shown nor heard, and when they begin.
    hidden: Vec<(usize, f64)>,
    /// When those are stored that lack some of their bytes, in units of the stream's. FFmpeg says it more than once.
    corrupt: BTreeSet<i64>,
    /// When the last one is stored.
    stored: Option<f64>,
    /// When those are stored behind which time begins anew or jumps.
    joints: Vec<f64>,
}

/// Decoders of sound need less than so many seconds before what is heard.
pub const WARM_UP: f64 = 0.1;

/// Where time jumps by more than so many seconds, films were joined.
const JUMP: f64 = 10.;

#[derive(Deserialize)]
struct Packet {
    #[serde(default)]
    codec_type: String,
    stream_index: usize,
    #[serde(default, deserialize_with = "number")]
    pts_time: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    dts_time: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    duration_time: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    size: Option<f64>,
    #[serde(default)]
    flags: String,
}

/// Gathered while they are read: a film has a million.
fn packets<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<HashMap<usize, Packets>, D::Error> {
    struct Gatherer;
    impl<'de> Visitor<'de> for Gatherer {
        type Value = HashMap<usize, Packets>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("packets")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
            let mut streams = Self::Value::new();
            while let Some(packet) = all.next_element::<Packet>()? {
                streams.entry(packet.stream_index).or_default().add(&packet);
            }
            streams.values_mut().for_each(|one| one.times.sort_by(f64::total_cmp));
            Ok(streams)
        }
    }
    deserializer.deserialize_seq(Gatherer)
}

/// Which stream it is of, and when it is stored: as FFmpeg says it of what transport streams lack.
fn corrupt_packet(line: &str) -> Option<(usize, i64)> {
    let (_, packet) = line.split_once("Packet corrupt (stream = ")?;
    let (stream, rest) = packet.split_once(", dts = ")?;
    let (time, _) = rest.split_once(')')?;
    Some((stream.parse().ok()?, time.parse().ok()?))
}

/// As FFmpeg says it of Matroska, MP4, Ogg, FLV, ASF, MXF and NUT.
fn is_about_damage(line: &str) -> bool {
    const WORDS: [&str; 10] = [
        "File ended prematurely",
        "partial file",
        "invalid as first byte of an EBML number",
        "exceeds containing master element",
        "Error parsing frame sizes",
        "CRC mismatch!",
        "Packet mismatch",
        "packet_obj_size",
        "edit unit sync lost",
        "and no checksum",
    ];
    WORDS.iter().any(|words| line.contains(words))
}

impl Packets {
    fn add(&mut self, packet: &Packet) {
        self.count += 1;
        let is_empty = packet.size.is_some_and(|size| size <= 2.);
        self.empty += usize::from(is_empty);
        self.ends += usize::from(packet.size == Some(3.));
        if let Some(stored) = packet.dts_time {
            let before = self.stored.replace(stored).unwrap_or(stored);
            if stored < before || stored > before + JUMP {
                self.joints.push(before);
            }
        }
        if packet.flags.contains('K')
            && let Some(shown) = packet.pts_time.or(packet.dts_time)
        {
            self.keys.push([shown, packet.dts_time.unwrap_or(shown)]);
        }
        let Some(time) = packet.pts_time else { return };
        if packet.codec_type == "subtitle"
            && let Some(duration) = packet.duration_time
            && !is_empty
        {
            self.cues.push([time, time + duration]);
        }
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        if packet.flags.contains('D') {
            self.hidden.push((self.count - 1, time));
            return;
        }
        self.times.push(time);
        self.end = self.end.max(time + packet.duration_time.unwrap_or(0.));
    }

    /// Whether some are hidden between others that are not, as where an edit list joins parts of a film. Only FFmpeg's
    /// decoders know which.
    pub fn hides_some_between(&self) -> bool {
        let Some(begin) = self.times.first() else { return false };
        let end = self.end - ROUNDING;
        self.hidden.iter().any(|(_, time)| (*begin..end).contains(time))
    }

    /// When those begin that are hidden behind the end of all others.
    pub fn hidden_end(&self) -> Option<f64> {
        let times = self.hidden.iter().map(|(_, time)| *time);
        times.filter(|time| *time >= self.end - ROUNDING).reduce(f64::min)
    }

    /// Whether time begins anew or jumps in the middle.
    pub fn jumps(&self) -> bool {
        !self.joints.is_empty()
    }

    /// When those are stored that lack some of their bytes, in seconds. The last one before a joint isn't: what is
    /// counted anew there isn't lost.
    pub fn corrupt(&self, stream: &Stream) -> Vec<f64> {
        let is_joint = |time: f64| self.joints.iter().any(|joint| (joint - time).abs() < 1e-3);
        let tick = stream.tick().unwrap_or_default();
        let times = self.corrupt.iter().map(|time| *time as f64 * tick);
        times.filter(|time| !is_joint(*time)).collect()
    }

    /// The numbers of those that aren't heard and that no decoder needs. Those before the beginning stay where a
    /// container can say that they aren't to be heard.
    pub fn unheard(&self, keeps_beginning: bool) -> Vec<usize> {
        let Some(begin) = self.times.first() else { return Vec::new() };
        let from = if keeps_beginning { f64::NEG_INFINITY } else { begin - WARM_UP };
        let hidden = self.hidden.iter().zip(0..);
        // Those at a joint may have times before the beginning, too.
        let unheard = hidden.filter(|((number, time), place)| number != place || *time < from);
        unheard.map(|((number, _), _)| *number).collect()
    }

    /// When the first one begins without those that are left out, which are in order.
    pub fn first_without(&self, left_out: &[usize]) -> Option<f64> {
        let hidden =
            self.hidden.iter().filter(|(number, _)| left_out.binary_search(number).is_err());
        let hidden = hidden.map(|(_, time)| *time);
        hidden.chain(self.times.first().copied()).reduce(f64::min)
    }

    /// Whether a subtitle is on screen where a part begins.
    pub fn are_cut_by(&self, part: &Part) -> bool {
        let mut cues = self.cues.iter().map(|times| times.map(|time| part.time(time)));
        cues.any(|[begin, end]| begin < -ROUNDING && end > ROUNDING)
    }

    /// How many subtitles are shown or end. Matroska has one packet for each; Blu-rays and transport streams have several
    /// for one of PGS.
    pub fn subtitles(&self, stream: &Stream) -> usize {
        match (stream.codec_name.as_str(), self.ends) {
            ("hdmv_pgs_subtitle", 1..) => self.ends,
            _ => self.count - self.empty,
        }
    }

    /// How far they are from each other, on average.
    pub fn spacing(&self) -> f64 {
        match self.times[..] {
            [begin, .., last] => (last - begin) / (self.times.len() - 1) as f64,
            _ => 0.,
        }
    }

    /// How long the last one lasts at most if it doesn't say it: Matroska says it of none of WavPack.
    fn unsaid(&self) -> f64 {
        if self.times.last() >= Some(&self.end) { self.spacing() } else { 0. }
    }

    /// From the first to the end of the last one.
    pub fn length(&self) -> f64 {
        self.times.first().map_or(0., |begin| self.end - begin + self.unsaid())
    }
}

/// What the frames of a stream have beside their pixels.
#[derive(Default)]
pub struct Extras {
    /// When the first one is shown, in the file's own time.
    pub first: Option<f64>,
    /// Which field is shown first, as GStreamer calls it, if it is interlaced.
    pub field_order: Option<&'static str>,
    pub captions: bool,
    /// What HDR10 says of the display and the light that a film was made for, as x265 is told of it.
    pub hdr10: Option<String>,
    /// What nothing here can write, in words.
    pub lost: Vec<&'static str>,
}

/// By the beginning of what FFmpeg calls it.
const UNWRITTEN: [(&str, &str); 4] = [
    ("Spherical Mapping", "that it shows all around (360°)"),
    ("DOVI configuration record", DOLBY_VISION),
    ("Dolby Vision", DOLBY_VISION),
    ("HDR Dynamic Metadata SMPTE2094-40", "what it says of the light of each scene (HDR10+)"),
];
const DOLBY_VISION: &str = "what it says of the light of each scene (Dolby Vision)";

/// Of the first frames: what is there at all is there from the beginning. They know better than containers which
/// field is shown first.
pub fn extras(file: &Path, stream: &Stream) -> anyhow::Result<Extras> {
    #[derive(Deserialize)]
    struct Frames {
        frames: Vec<Frame>,
    }
    #[derive(Deserialize)]
    struct Frame {
        #[serde(default, deserialize_with = "number")]
        best_effort_timestamp_time: Option<f64>,
        #[serde(default)]
        interlaced_frame: u8,
        #[serde(default)]
        top_field_first: u8,
        #[serde(default)]
        side_data_list: Vec<Fields>,
    }
    let mut command = program("ffprobe");
    command.args(["-of", "json", "-show_frames", "-read_intervals", "%+#5"]);
    const ENTRIES: &str =
        "frame=best_effort_timestamp_time,interlaced_frame,top_field_first,side_data_list";
    command.args(["-show_entries", ENTRIES]);
    command.args(["-select_streams", &stream.index.to_string()]).arg(path(file));
    let frames: Frames = serde_json::from_slice(&output(&mut command)?)?;
    let interlaced = frames.frames.iter().find(|frame| frame.interlaced_frame == 1);
    let top_first = interlaced.map(|frame| frame.top_field_first == 1);
    let of_stream = stream.side_data_list.iter().map(|data| &data.other);
    let of_frames = frames.frames.iter().flat_map(|frame| &frame.side_data_list);
    let all: Vec<&Fields> = of_frames.chain(of_stream).collect();
    let of_kind =
        |kind| all.iter().find(|data| data.get("side_data_type").is_some_and(|it| it == kind));
    let kinds: Vec<&str> =
        all.iter().filter_map(|data| data.get("side_data_type")?.as_str()).collect();
    let is_there = |name: &str| kinds.iter().any(|kind| kind.starts_with(name));
    let lost = UNWRITTEN.iter().filter(|(name, _)| is_there(name)).map(|(_, what)| *what);
    let mut lost: Vec<_> = lost.collect();
    lost.dedup();
    let display = of_kind("Mastering display metadata").and_then(|data| display(data));
    let light = of_kind("Content light level metadata").and_then(|data| {
        Some(format!("max-cll={},{}", data.get("max_content")?, data.get("max_average")?))
    });
    let hdr10: Vec<_> = display.into_iter().chain(light).collect();
    let is_pq = stream.color_transfer.as_deref() == Some("smpte2084");
    Ok(Extras {
        first: frames.frames.first().and_then(|frame| frame.best_effort_timestamp_time),
        field_order: top_first.or(stream.shows_top_first()).map(|is_top| match is_top {
            true => "top-field-first",
            false => "bottom-field-first",
        }),
        captions: of_kind("ATSC A53 Part 4 Closed Captions").is_some(),
        hdr10: (is_pq && !hdr10.is_empty()).then(|| hdr10.join(":")),
        lost,
    })
}

/// In the units of H.265, D.3.28.
fn display(data: &Fields) -> Option<String> {
    let scaled = |name: &str, unit: f64| {
        let (numerator, denominator) = data.get(name)?.as_str()?.split_once('/')?;
        let [a, b]: [f64; 2] = [numerator.parse().ok()?, denominator.parse().ok()?];
        Some((a / b * unit).round() as u32)
    };
    let pair = |name: &str| {
        let [x, y] = ["x", "y"].map(|axis| scaled(&format!("{name}_{axis}"), 50_000.));
        Some(format!("({},{})", x?, y?))
    };
    let [r, g, b, w] = ["red", "green", "blue", "white_point"].map(pair);
    let [max, min] = ["max_luminance", "min_luminance"].map(|name| scaled(name, 10_000.));
    Some(format!("master-display=G{}B{}R{}WP{}L({},{})", g?, b?, r?, w?, max?, min?))
}

/// When the frames begin that FFmpeg decodes of a stream, in seconds and in order, and its last complaint. It takes as
/// long as to watch it at full speed.
pub fn frame_times(file: &Path, stream: usize) -> anyhow::Result<(Vec<f64>, Option<String>)> {
    let mut command = program("ffprobe");
    command.args(["-of", "csv=p=0", "-show_entries", "frame=best_effort_timestamp_time"]);
    command.args(["-select_streams", &stream.to_string()]).arg(path(file));
    let (text, complaint) = outputs(&mut command)?;
    let text = String::from_utf8(text)?;
    let time = |line: &str| line.split(',').next()?.trim().parse().ok();
    let mut times: Vec<f64> = text.lines().filter_map(time).collect();
    times.sort_by(f64::total_cmp);
    Ok((times, complaint))
}
