//! One film: its video streams are matched, each into a file of its own, and put into the place of the
//! old ones; everything else is copied.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use std::{fmt, fs};

use anyhow::{bail, ensure};
use indicatif::DecimalBytes;

use crate::check;
use crate::colors::Colors;
use crate::formats::{Container, Video};
use crate::part::Part;
use crate::probe::{self, Extras, File, Format, Stream};
use crate::remux::{self, Film, Replacement};
use crate::turn::Turn;
use crate::video::{self, Encoded, Job};
use crate::workspace::Workspace;

/// What is done to every file.
pub struct Recipe {
    pub reference: PathBuf,
    /// The element's other properties, which are legal.
    pub properties: Vec<(String, String)>,
    pub container: &'static Container,
    pub video: Video,
    pub audio: Audio,
    /// Whether nothing may be converted or left out.
    pub strict: bool,
    /// Whether what is interrupted is written as far as it came.
    pub keeps_parts: bool,
    pub from: gst::ClockTime,
    pub to: Option<gst::ClockTime>,
    /// How long there may be no data before a file is given up.
    pub patience: Duration,
}

pub enum Audio {
    None,
    /// What the container can't hold is converted.
    Copy,
    /// By the name of FFmpeg's encoder.
    Encode(&'static str),
}

impl Recipe {
    /// Whether the codec has no words for the colours of a stream.
    pub fn converts_colors(&self, stream: &Stream) -> bool {
        !self.video.names_colors() && !stream.is_rgb() && !Colors::of(stream).may_be_bt601()
    }

    /// What a stream is matched in, and written in.
    pub fn colors(&self, stream: &Stream) -> Colors {
        let colors = Colors::of(stream);
        if self.converts_colors(stream) { colors.in_bt601() } else { colors }
    }

    pub fn is_part(&self) -> bool {
        self.from > gst::ClockTime::ZERO || self.to.is_some()
    }
}

/// How far a file has come.
#[derive(Default, Clone, Copy)]
pub struct Progress {
    pub frames: u64,
    pub done: gst::ClockTime,
    pub total: Option<gst::ClockTime>,
}

/// Where the user hears of what happens to a file.
pub trait Report {
    fn progress(&self, progress: &Progress);
    fn say(&self, text: &str);
}

pub enum End {
    Whole,
    /// The input ends early, or not all of it can be decoded.
    Damaged,
    Interrupted,
}

/// A film that is read.
pub struct Source<'a> {
    pub input: &'a Path,
    pub file: File,
}

impl Source<'_> {
    /// Whether it was joined of films with times of their own, which FFmpeg lets follow each other.
    pub fn is_joined(&self) -> bool {
        let films = self.file.streams.iter().filter(|stream| stream.is_film());
        self.file.format.may_jump()
            && films.into_iter().any(|it| self.file.packets[&it.index].jumps())
    }

    /// When the frames of a stream are shown that are to be shown, in the file's own time, as far as that says it.
    pub fn times(&self, stream: &Stream) -> &[f64] {
        if self.is_joined() { &[] } else { &self.file.packets[&stream.index].times }
    }
}

/// What is done to a stream.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    Match,
    Copy,
    /// By this encoder of FFmpeg's.
    Convert(&'static str),
    /// As an attachment: Matroska has pictures as such.
    Attach,
    LeaveOut,
}

/// All of a file of fewer bytes is read as soon as its head.
const SMALL: u64 = 64 << 20;

/// Writes a film into a folder, and says where, what became of it, and how much was done.
pub fn write(
    input: &Path,
    workspace: &Workspace,
    recipe: &Recipe,
    interrupted: &AtomicBool,
    report: &dyn Report,
) -> anyhow::Result<(PathBuf, End, Progress)> {
    let is_small = fs::metadata(input).is_ok_and(|it| it.len() < SMALL);
    let file = if is_small { probe::whole(input)? } else { probe::file(input)? };
    check_input(&file, recipe)?;
    let actions = actions(input, &file, recipe)?;
    let changes = changes(&file, &actions, recipe);
    ensure!(
        !recipe.strict || changes.is_empty(),
        "--strict allows no changes: {}; choose another container",
        changes.join("; ")
    );
    changes.iter().for_each(|change| report.say(change));
    check_room(&file, workspace)?;
    let source = Source { input, file: if is_small { file } else { probe::whole(input)? } };
    check_frames(&source)?;
    check_parts(&source, &actions, recipe)?;
    let films: Vec<&Stream> = source.file.streams.iter().filter(|it| it.is_film()).collect();

    let duration = source.file.format.duration.map(|seconds| part_of(seconds, recipe));
    let total = duration.map(|one| one * films.len() as u64 + one / REST);
    let mut step = Step { report, before: Progress { total, ..Progress::default() } };
    let output = workspace.file(&format!("film.{}", recipe.container.endings[0]));
    let mut replacements = Vec::new();
    for stream in &films {
        let replacement = replacement(&source, stream, workspace, recipe, interrupted, &step)?;
        let Some(replacement) = replacement else {
            return Ok((output, End::Interrupted, Progress::default()));
        };
        let encoded = &replacement.encoded;
        step.before.frames += encoded.frames;
        step.before.done += gst::ClockTime::from_seconds_f64(encoded.duration);
        let stop = encoded.interrupted;
        replacements.push(replacement);
        if stop {
            break;
        }
    }
    let matched = step.before;
    let interrupted = replacements.iter().any(|replacement| replacement.encoded.interrupted);
    ensure!(
        !interrupted || replacements.len() == films.len(),
        "Interrupted before each of its video streams was begun; nothing is written"
    );

    let film = Film {
        source: &source,
        actions: &actions,
        replacements: &replacements,
        recipe,
        output: &output,
    };
    let remux = |moves: &[(usize, f64)]| {
        let lacks_packets = remux::remux(&film, moves, &|done| {
            step.progress(&Progress { done: done / REST, ..Progress::default() });
        })?;
        check::check(&film, lacks_packets, &step)
    };
    let mut result = remux(&[])?;
    if let check::Result::Moved(moves) = &result {
        // FFmpeg 5.1 moves Opus in Matroska, which begins before it is heard. It is moved back.
        result = remux(moves)?;
    }
    let damage = match result {
        check::Result::Whole(mut damage) => {
            let of_frames = replacements.iter().find_map(|one| one.complaint.clone());
            let ends_later = replacements.iter().any(|one| one.encoded.ends_later);
            // Of a part, it may be about what lies behind it.
            let complaint = source.file.complaint.clone();
            let said = complaint.filter(|_| !ends_later).or(of_frames).filter(|_| !interrupted);
            damage.extend(said.map(|words| format!("It is cut off or damaged: {words}")));
            damage
        }
        check::Result::Moved(moves) => {
            let all = moves.iter().map(|(stream, by)| {
                format!("{} was moved by {by:.3} s", source.file.streams[*stream].description())
            });
            bail!("The check fails: {}", all.collect::<Vec<_>>().join(", "))
        }
    };
    damage.iter().for_each(|damage| report.say(damage));
    let end = match (interrupted, damage.is_empty()) {
        (true, _) => End::Interrupted,
        (false, true) => End::Whole,
        (false, false) => End::Damaged,
    };
    Ok((output, end, matched))
}

/// Matches a video stream. `None`: it was interrupted before there was anything to be kept.
fn replacement(
    source: &Source,
    stream: &Stream,
    workspace: &Workspace,
    recipe: &Recipe,
    interrupted: &AtomicBool,
    report: &dyn Report,
) -> anyhow::Result<Option<Replacement>> {
    let Source { input, file, .. } = source;
    let turn = Turn::of(stream);
    let kept = turn.as_ref().and_then(|turn| turn.kept_in(recipe.container));
    let path = workspace.file(&format!("video-{}.mkv", stream.index));
    let extras = probe::extras(input, stream)?;
    say_what_is_lost(stream, &extras, &recipe.video, report);
    let part = Part::new(source, stream, recipe, extras.first)?;
    let mut job = Job {
        source,
        stream,
        part,
        // Without times of their own, only a decoder knows in which order frames are shown.
        is_decoded: (stream.has_b_frames > 0 || stream.codec_name == "h264")
            && stores_no_times(&file.format)
            || source.file.packets[&stream.index].hides_some_between()
            // GStreamer 1.26 loses its last frame.
            || stream.codec_name == "vp9" && stream.has_alpha(),
        field_order: extras.field_order,
        hdr10: extras.hdr10,
        turn: turn.filter(|_| kept.is_none()).map(|turn| turn.direction()),
        output: &path,
    };
    let mut encoded = video::encode(&job, recipe, interrupted, report)?;
    let is_asked_for = |time: &f64| !recipe.is_part() || (!source.is_joined() && part.shows(*time));
    let mut times = source.file.packets[&stream.index].times.clone();
    times.retain(is_asked_for);
    let (mut decodable, mut complaint) = (times.len(), None);
    if let Some(first) = &encoded
        && !first.interrupted
        && (first.frames as usize) < decodable
    {
        // Some packets hold no frame that is shown.
        let (mut expected, said) = probe::frame_times(input, stream.index)?;
        expected.retain(is_asked_for);
        decodable = expected.len();
        // What comes before the first frame is left out where a film was joined or cut.
        if let Some(first) = expected.first()
            && !source.is_joined()
            && times.first() < Some(first)
        {
            let first = part.time_in_film(*first);
            report.say(&format!(
                "{}: what comes before {first:.2} s is left out, as it can't be decoded",
                stream.description()
            ));
        }
        times.retain(|time| Some(time) >= expected.first());
        if stream.codec_name == "av1" {
            // There, each packet shows a frame.
            decodable = times.len();
        }
        complaint = said.filter(|_| expected.len() < times.len());
        if differs(&expected, job.output)? {
            job.is_decoded = true;
            // FFmpeg may conceal without a word what GStreamer gave up at.
            let damage = first.damage.clone();
            encoded = video::encode(&job, recipe, interrupted, report)?
                .map(|again| Encoded { damage: again.damage.or(damage), ..again });
        }
    }
    let Some(encoded) = encoded else { return Ok(None) };
    say_what_is_reduced(stream, &encoded, recipe, report);
    let stream = stream.index;
    Ok(Some(Replacement { stream, path, part, turn: kept, decodable, complaint, encoded }))
}

/// Whether a container says of frames only in which order they are stored.
fn stores_no_times(format: &Format) -> bool {
    ["avi", "h264", "hevc"].contains(&format.format_name.as_str())
}

/// Whether FFmpeg decodes other frames than were written: behind a broken beginning, decoders of GStreamer
/// may lose some, or give them the times of others.
fn differs(expected: &[f64], output: &Path) -> anyhow::Result<bool> {
    let file = probe::whole(output)?;
    let written = file.packets.get(&0).map_or(&[][..], |packets| &packets.times);
    Ok(written.len() != expected.len() || check::moved_frame(expected, written).is_some())
}

/// Matching takes so many times as long as to copy the rest.
const REST: u64 = 20;

/// Adds what was done before.
struct Step<'a> {
    report: &'a dyn Report,
    before: Progress,
}

impl Report for Step<'_> {
    fn progress(&self, progress: &Progress) {
        self.report.progress(&Progress {
            frames: self.before.frames + progress.frames,
            done: self.before.done + progress.done,
            total: self.before.total,
        });
    }

    fn say(&self, text: &str) {
        self.report.say(text);
    }
}

fn part_of(seconds: f64, recipe: &Recipe) -> gst::ClockTime {
    let duration = gst::ClockTime::try_from_seconds_f64(seconds).unwrap_or_default();
    recipe.to.map_or(duration, |to| to.min(duration)).saturating_sub(recipe.from)
}

fn check_input(file: &File, recipe: &Recipe) -> anyhow::Result<()> {
    if !file.streams.iter().any(Stream::is_film) {
        let kinds: Vec<_> = file.streams.iter().map(Stream::description).collect();
        bail!("It has no video, only: {}", kinds.join(", "));
    }
    for stream in file.streams.iter().filter(|stream| stream.is_film()) {
        let why = match stream.codec_name.as_str() {
            "webp" => "FFmpeg can't read WebP that moves",
            _ => "its picture's size is missing",
        };
        ensure!(stream.width > Some(0), "{} can't be decoded: {why}", stream.description());
        ensure!(
            !recipe.strict || !stream.has_alpha() || recipe.video.codec == "ffv1",
            "--strict allows no changes: {} loses its transparency in the encoder; choose --video ffv1, which .mkv \
             holds",
            stream.description()
        );
        // It overruns its memory.
        let is_tiny = stream.width.max(stream.height) < Some(64);
        ensure!(
            recipe.video.codec != "h265" || !is_tiny,
            "x265 can't encode pictures as small as those of {}: choose another --video",
            stream.description()
        );
    }
    let manifest = ["hls", "dash"].iter().find(|name| file.format.format_name == **name);
    ensure!(
        manifest.is_none(),
        "It is a list of files ({}), not a film: give the film itself, or join it by \
         `ffmpeg -i LIST -map 0 -c copy FILM.mkv` first",
        file.format.format_name
    );
    if let Some(duration) = file.format.duration.filter(|_| !file.format.may_jump()) {
        let lasts = gst::ClockTime::try_from_seconds_f64(duration).unwrap_or_default();
        ensure!(
            recipe.from < lasts,
            "--from is behind its end: it lasts {}",
            crate::text::time(lasts)
        );
    }
    Ok(())
}

fn check_frames(source: &Source) -> anyhow::Result<()> {
    for stream in source.file.streams.iter().filter(|stream| stream.is_film()) {
        ensure!(
            source.file.packets[&stream.index].count > 0,
            "{} has no frames: it is cut off, or the head of a list of files (HLS, DASH), which \
             `ffmpeg -i LIST -map 0 -c copy FILM.mkv` joins",
            stream.description()
        );
    }
    Ok(())
}

/// Packets of a part aren't counted from where those of the film are.
fn check_parts(source: &Source, actions: &[Action], recipe: &Recipe) -> anyhow::Result<()> {
    let streams = source.file.streams.iter().zip(actions);
    let is_copied =
        |stream: &Stream, action: &Action| *action == Action::Copy && stream.codec_type == "audio";
    for (stream, _) in streams.filter(|(stream, action)| is_copied(stream, action)) {
        ensure!(
            !recipe.is_part() || !source.file.packets[&stream.index].hides_some_between(),
            "{} is joined of parts by an edit list, so that it can't be copied from --from or to --to: choose \
             --audio, or convert all of it first",
            stream.description()
        );
    }
    Ok(())
}

/// Both the video alone and the whole film are there at the end. How large they become can't be known;
/// less than a tenth of a bit for each pixel they won't.
fn check_room(file: &File, workspace: &Workspace) -> anyhow::Result<()> {
    let pixels = |stream: &Stream| {
        let [width, height] = [stream.width, stream.height].map(Option::unwrap_or_default);
        let frames = file.format.duration.unwrap_or_default() * stream.frame_rate()?;
        Some(f64::from(width) * f64::from(height) * frames)
    };
    let pixels: f64 =
        file.streams.iter().filter(|stream| stream.is_film()).filter_map(pixels).sum();
    let needed = 2. * (pixels / 80.).min(file.format.size.unwrap_or_default());
    let (room, needed) = (workspace.room(), needed as u64);
    ensure!(
        room >= needed,
        "{} are free, and it needs {} at least: make room, or write it elsewhere",
        DecimalBytes(room),
        DecimalBytes(needed)
    );
    Ok(())
}

/// What becomes of each stream.
fn actions(input: &Path, file: &File, recipe: &Recipe) -> anyhow::Result<Vec<Action>> {
    let first = |stream: &Stream| -> anyhow::Result<Action> {
        Ok(match (stream.codec_type.as_str(), &recipe.audio) {
            ("video", _) if stream.is_film() => Action::Match,
            ("audio", Audio::None) => Action::LeaveOut,
            ("audio", Audio::Encode(encoder)) => Action::Convert(encoder),
            ("video", _) if recipe.container.format == "matroska" => Action::Attach,
            _ if is_dropped(stream, recipe.container) => Action::LeaveOut,
            // FFmpeg loses all of it where its packets are copied. This loses nothing, either.
            ("audio", _) if stream.codec_name == "tta" && recipe.container.format == "matroska" => {
                Action::Convert("flac")
            }
            ("audio", _) if remux::is_unknown_in(input, stream, recipe.container)? => {
                Action::Convert(recipe.container.audio)
            }
            _ if is_list_of_chapters(stream, file) => Action::LeaveOut,
            _ => Action::Copy,
        })
    };
    let mut actions: Vec<Action> = file.streams.iter().map(first).collect::<anyhow::Result<_>>()?;
    let copied = |actions: &[Action]| -> Vec<usize> {
        (0..actions.len()).filter(|index| actions[*index] == Action::Copy).collect()
    };
    if remux::can_hold(input, &copied(&actions), recipe.container)? {
        return Ok(actions);
    }
    for index in copied(&actions) {
        if !remux::can_hold(input, &[index], recipe.container)? {
            actions[index] = instead_of_copy(&file.streams[index], recipe.container);
        }
    }
    Ok(actions)
}

/// FFmpeg leaves it out without a word, or writes it as something that nothing knows.
fn is_dropped(stream: &Stream, container: &Container) -> bool {
    const BITMAPS: [&str; 4] = ["dvb_subtitle", "dvd_subtitle", "hdmv_pgs_subtitle", "xsub"];
    match stream.codec_type.as_str() {
        "video" => container.format == "mov",
        "subtitle" => container.format == "mov" && BITMAPS.contains(&stream.codec_name.as_str()),
        "attachment" => container.format != "matroska",
        _ => false,
    }
}

/// FFmpeg writes such a track of MP4 itself if there are chapters.
fn is_list_of_chapters(stream: &Stream, file: &File) -> bool {
    let is_text = stream.codec_type == "data" && stream.codec_tag_string == "text";
    is_text && !file.chapters.is_empty()
}

/// Beside chapters, FFmpeg writes the timecode that the video's stream tells: as a track or as a tag.
fn is_written_anew(stream: &Stream, file: &File) -> bool {
    is_list_of_chapters(stream, file) || stream.is_timecode()
}

/// What isn't kept as it is, though nobody asked for that.
fn changes(file: &File, actions: &[Action], recipe: &Recipe) -> Vec<String> {
    let ending = recipe.container.endings[0];
    let of = |(stream, action): (&Stream, &Action)| {
        let is_asked_for = stream.codec_type == "audio" && !matches!(recipe.audio, Audio::Copy);
        let is_kept = !matches!(action, Action::Convert(_) | Action::LeaveOut)
            || is_written_anew(stream, file);
        (!is_asked_for && !is_kept)
            .then(|| format!("{} is {action}, as .{ending} can't hold it", stream.description()))
    };
    let mut changes: Vec<_> = file.streams.iter().zip(actions).filter_map(of).collect();
    changes.extend(turns(file, recipe));
    changes
}

/// The rotations that neither a container can say nor pixels can be turned by.
fn turns<'a>(file: &'a File, recipe: &'a Recipe) -> impl Iterator<Item = String> + 'a {
    let (container, ending) = (recipe.container, recipe.container.endings[0]);
    file.streams.iter().filter(|stream| stream.is_film()).filter_map(move |stream| {
        let (name, degrees) = (stream.description(), Turn::of(stream)?.lost_in(container)?);
        Some(format!(
            "{name}: that it is turned by {degrees}° is left out, as .{ending} can't hold it"
        ))
    })
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Action::Match => write!(f, "matched"),
            Action::Copy => write!(f, "copied"),
            Action::Convert(encoder) => write!(f, "converted by {encoder}"),
            Action::Attach => write!(f, "attached"),
            Action::LeaveOut => write!(f, "left out"),
        }
    }
}

/// Says what would be done with each stream.
pub fn describe(input: &Path, recipe: &Recipe) -> anyhow::Result<String> {
    let file = probe::file(input)?;
    check_input(&file, recipe)?;
    let actions = actions(input, &file, recipe)?;
    let changes = changes(&file, &actions, recipe);
    let lines = file.streams.iter().zip(&actions).map(|(stream, action)| {
        let name = stream.description();
        let change = changes.iter().find(|one| one.starts_with(&format!("{name} is "))).cloned();
        let done = match action {
            Action::Match => format!("{action}, and encoded by {}", recipe.video.encoder),
            Action::LeaveOut if is_written_anew(stream, &file) => "written anew".into(),
            _ => action.to_string(),
        };
        format!("    {}", change.unwrap_or_else(|| format!("{name} is {done}")))
    });
    let turns = turns(&file, recipe).map(|turn| format!("    {turn}"));
    Ok(lines.chain(turns).collect::<Vec<_>>().join("\n"))
}

fn instead_of_copy(stream: &Stream, container: &Container) -> Action {
    const TEXT: [&str; 6] = ["subrip", "ass", "ssa", "webvtt", "mov_text", "text"];
    match stream.codec_type.as_str() {
        "audio" => Action::Convert(container.audio),
        "subtitle" if TEXT.contains(&stream.codec_name.as_str()) => {
            Action::Convert(container.subtitles)
        }
        _ => Action::LeaveOut,
    }
}

fn say_what_is_lost(stream: &Stream, extras: &Extras, video: &Video, report: &dyn Report) {
    let lost = [
        (
            extras.hdr10.is_some() && !video.keeps_hdr10(),
            "what it says of the display and the light that it was made for (HDR10)",
            "h265 keeps",
        ),
        (extras.captions && !video.keeps_captions(), "what its closed captions say", "h264 keeps"),
        (
            extras.field_order.is_some() && !video.keeps_fields(),
            "that it is interlaced",
            "h264 and ffv1 keep",
        ),
    ];
    let unwritten = extras.lost.iter().map(|what| (true, *what, "no other encoder keeps"));
    for (_, what, who) in lost.into_iter().chain(unwritten).filter(|(is_lost, ..)| *is_lost) {
        let name = stream.description();
        report.say(&format!("{name}: {what} is left out by {}; {who} it", video.encoder));
    }
}

fn say_what_is_reduced(stream: &Stream, encoded: &Encoded, recipe: &Recipe, report: &dyn Report) {
    let [from, to] = [&encoded.decoded, &encoded.encoded].map(|info| info.format_info());
    let mut lost = Vec::new();
    if stream.bits() > to.bits() {
        lost.push(format!("{} bits become {}", stream.bits(), to.bits()));
    }
    // The first component of colour; grey has none.
    let is_coarser = |of: fn(&gst_video::VideoFormatInfo) -> &[u32]| matches!((of(&from), of(&to)), ([_, from, ..], [_, to, ..]) if to > from);
    if is_coarser(|info| info.w_sub()) || is_coarser(|info| info.h_sub()) {
        lost.push("colour becomes coarser".to_string());
    }
    if from.has_alpha() && !to.has_alpha() {
        lost.push("transparency is lost".to_string());
    }
    if recipe.converts_colors(stream) {
        lost.push("colours become those of BT.601 in limited range".to_string());
    }
    if !lost.is_empty() {
        let how = match recipe.video.codec {
            "ffv1" => "before the encoder",
            _ => "in the encoder; ffv1 keeps more",
        };
        report.say(&format!("{}: {} {how}", stream.description(), lost.join(", ")));
    }
    if to.bits() > from.bits() {
        // vp9enc of GStreamer 1.22 has no 4:2:2 of 8 bits. In 4:4:4, more would be lost.
        report.say(&format!(
            "{}: {} bits become {} in the encoder, which not every player shows; another --video may keep them",
            stream.description(),
            from.bits(),
            to.bits()
        ));
    }
    let is_odd = encoded.encoded.width() % 2 == 1 || encoded.encoded.height() % 2 == 1;
    if is_odd && to.w_sub().get(1) < from.w_sub().get(1) {
        report.say(&format!(
            "{}: its odd size is kept in 4:4:4, which not every player shows",
            stream.description()
        ));
    }
}
