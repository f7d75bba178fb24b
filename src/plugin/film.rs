//! Films as references: the colours of frames that are spread over them.
//!
//! A film is decoded by a pipeline of its own, in a thread of its own. If it can be sought in, each of so many
//! spots is given the key frame before it, which is quick however long the film is. If there are few key
//! frames, or it can't be sought in, it is played through.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use glib::subclass::SignalId;
use gst::prelude::*;
use gst_video::{VideoColorRange, VideoColorimetry, VideoInfo};

use super::location::Fragment;
use super::part::Part;
use super::reader::{Failure, FrameReader};
use super::reference::NotRead;
use super::{frame, lock};
use crate::colorimetry::Colorimetry;
use crate::live::gathering::{Gathering, MOST_FRAMES, Pixels};
use crate::reference::{Apart, Interrupt, Reference, apart, is_named_picture};

/// How long a film may take.
const LONGEST: Duration = Duration::from_secs(5);

/// How long it may take with all that a decoder needs to stop, which some never do.
const LONGEST_IN_ALL: Duration = Duration::from_secs(10);

/// How long its first frame may take until it is begun again, and the next time: now and then, a demuxer is faster
/// than what it is to be linked to, and then gives nothing any more.
const LONGEST_TO_OPEN: [Duration; 2] = [Duration::from_millis(750), Duration::from_millis(1500)];

/// So many different key frames are enough; else the film is played through.
const ENOUGH: usize = 8;

/// Before so many spots, which are far from each other, there are different key frames, or it is played through. Where
/// there is no later one, some demuxers have all decoded that comes before a spot.
const TRIED: usize = 4;

/// What the type of a file is found by, in bytes.
const HEAD: u64 = 1 << 20;

/// The time between two looks at the interrupt.
const BETWEEN_LOOKS: gst::ClockTime = gst::ClockTime::from_mseconds(20);

/// Words in the class of elements that open what a file names: other files, addresses.
const OPENING: [&str; 4] = ["Adaptive", "Editing", "Network", "Source"];

/// The answer of `GstAutoplugSelectResult` that a factory is to be left out.
const SKIP: &str = "skip";

/// What says that there is a frame, or none.
const PREROLLED: [gst::MessageType; 2] = [gst::MessageType::AsyncDone, gst::MessageType::Eos];

const CURE: &str = "take a frame of it, for example by 'ffmpeg -i FILM -frames:v 1 REF.png'";

/// What a film looks like.
pub(super) struct Look {
    pub reference: Reference,
    /// Why not all of it counts, in words that follow its name.
    pub warning: Option<String>,
}

/// Whether a file is a film, or of sound, by its content.
pub(super) fn is_film(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    let found = gst_base::functions::type_find_helper_for_data(None::<&gst::Object>, &head);
    let (Ok(_), Ok((caps, probability))) = (read, found) else { return false };
    let is_film = |structure: &gst::StructureRef| {
        const OTHERS: [&str; 5] = [
            "application/mxf",
            "application/ogg",
            "application/x-3gp",
            "application/x-id3",
            "application/x-yuv4mpeg",
        ];
        let name = structure.name().as_str();
        name.starts_with("video/") || name.starts_with("audio/") || OTHERS.contains(&name)
    };
    // HEIC and AVIF are in the container of films.
    probability >= gst::TypeFindProbability::Likely
        && caps.iter().any(is_film)
        && !is_named_picture(&head)
}

/// Looks at a film, or a part of it. The error is the cause and the cure.
pub(super) fn look(
    path: &Path,
    part: Option<Fragment>,
    ignore_borders: bool,
    interrupt: &Interrupt,
) -> Result<Look, NotRead<String>> {
    let uri = glib::filename_to_uri(std::path::absolute(path).unwrap_or(path.into()), None);
    let uri = uri.map_err(|error| NotRead::Because(error.to_string()))?;
    let deadline = Instant::now() + LONGEST;
    let watch = {
        let interrupt = interrupt.clone();
        move || {
            let look = |may_seek, longest_to_open| {
                let player = Player::new(&uri, ignore_borders, deadline, interrupt.clone())?;
                player.look(part, may_seek, longest_to_open)
            };
            let attempt = |may_seek| {
                for longest_to_open in LONGEST_TO_OPEN.into_iter().chain([LONGEST]) {
                    if let Some(look) = look(may_seek, longest_to_open)? {
                        return Ok(look);
                    }
                }
                Err(NotRead::Because(no_frame_in_time()))
            };
            let is_done = |outcome: &Result<Look, NotRead<String>>| match outcome {
                Ok(look) => look.warning.is_none(),
                Err(cause) => matches!(cause, NotRead::Interrupted),
            };
            let first = attempt(true);
            if is_done(&first) {
                return first;
            }
            // Some films can be played and not sought in.
            let second = attempt(false);
            if is_done(&second) || (first.is_err() && second.is_ok()) { second } else { first }
        }
    };
    // Decoders of others can't be stopped.
    match apart(watch, interrupt, Some(Instant::now() + LONGEST_IN_ALL)) {
        Ok(outcome) => outcome,
        Err(Apart::Late) => Err(NotRead::Because(format!("its decoder does not answer; {CURE}"))),
        Err(Apart::Interrupted) => Err(NotRead::Interrupted),
        Err(Apart::Panicked) => Err(NotRead::Because("the film can't be looked at".into())),
    }
}

fn no_frame_in_time() -> String {
    format!("no frame of the film came in {} s; {CURE}", LONGEST.as_secs())
}

/// Whether elements of a factory open something by themselves.
fn opens_others(factory: &gst::ElementFactory) -> bool {
    let class = factory.metadata("klass").unwrap_or_default();
    factory.has_interface("GstURIHandler") || OPENING.iter().any(|word| class.contains(word))
}

/// Why there is nothing more to be had of a film.
enum Stop {
    Interrupted,
    /// There was no first frame for so long that the film had better be begun again.
    Stuck,
    Late,
    Failed(String),
}

/// A pipeline that decodes a film.
struct Player {
    pipeline: gst::Pipeline,
    sink: gst::Element,
    bus: gst::Bus,
    deadline: Instant,
    interrupt: Interrupt,
    /// What there is no decoder for.
    unknown: Arc<Mutex<Vec<String>>>,
    /// A video with alpha.
    with_alpha: Arc<Mutex<Option<String>>>,
    /// Whether it names others that it consists of.
    has_refused: Arc<AtomicBool>,
    frames: Arc<Mutex<Frames>>,
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Player {
    fn new(
        uri: &str,
        ignore_borders: bool,
        deadline: Instant,
        interrupt: Interrupt,
    ) -> Result<Self, NotRead<String>> {
        let missing = |_| {
            let text = "films need the elements uridecodebin and fakesink of GStreamer; install \
                        gstreamer1.0-plugins-base";
            NotRead::Because(text.into())
        };
        // Sound is not decoded; nor are frames that are on a graphics card.
        let any_memory = gst::Caps::builder("video/x-raw").any_features().build();
        let source = gst::ElementFactory::make("uridecodebin")
            .property("uri", uri)
            .property("caps", any_memory)
            .property("expose-all-streams", false)
            .property("force-sw-decoders", true)
            .build()
            .map_err(missing)?;
        let sink = gst::ElementFactory::make("fakesink").property("sync", false);
        let sink = sink.build().map_err(missing)?;
        let pipeline = gst::Pipeline::new();
        let added = pipeline.add_many([&source, &sink]);
        added.map_err(|error| NotRead::Because(error.to_string()))?;

        // Behind a seek, decoders of libav show grey until they have seen a key frame.
        pipeline.connect_deep_element_added(|_, _, element| {
            if element.has_property("output-corrupt") {
                element.set_property("output-corrupt", false);
            }
        });
        // Lists of files and addresses may be inside of what was taken for a film, behind a tag for instance.
        let answers = SignalId::lookup("autoplug-select", source.type_())
            .and_then(|signal| glib::EnumClass::with_type(signal.query().return_type().into()));
        let answers = answers.filter(|answers| answers.value_by_nick(SKIP).is_some());
        let answers = answers.ok_or_else(|| {
            NotRead::Because("films need another version of uridecodebin of GStreamer".into())
        })?;
        let has_refused = Arc::<AtomicBool>::default();
        let refused = Arc::clone(&has_refused);
        source.connect("autoplug-select", false, move |values| {
            let factory = values.get(3)?.get::<gst::ElementFactory>().ok()?;
            let is_refused = opens_others(&factory);
            refused.fetch_or(is_refused, Ordering::Relaxed);
            // The first value is to try it.
            if is_refused { answers.to_value_by_nick(SKIP) } else { answers.to_value(0) }
        });
        let weak_sink = sink.downgrade();
        source.connect_pad_added(move |_, pad| {
            let sink = weak_sink.upgrade().and_then(|sink| sink.static_pad("sink"));
            // Of several videos, the first counts.
            if let Some(sink) = sink.filter(|sink| !sink.is_linked()) {
                let _ = pad.link(&sink);
            }
        });
        let with_alpha = Arc::<Mutex<Option<String>>>::default();
        let found = Arc::clone(&with_alpha);
        source.connect("autoplug-continue", false, move |values| {
            if let Some(Ok(caps)) = values.get(2).map(|value| value.get::<gst::Caps>()) {
                let has_alpha = |stream: &&gst::StructureRef| stream.get("codec-alpha") == Ok(true);
                let name = caps.iter().find(has_alpha).map(|stream| stream.name().to_string());
                let mut found = lock(&found);
                *found = found.take().or(name);
            }
            Some(true.to_value())
        });
        let unknown = Arc::<Mutex<Vec<String>>>::default();
        let names = Arc::clone(&unknown);
        source.connect("unknown-type", false, move |values| {
            if let Some(Ok(caps)) = values.get(2).map(|value| value.get::<gst::Caps>()) {
                let types = caps.iter().map(|structure| structure.name().to_string());
                lock(&names).extend(types);
            }
            None
        });
        Ok(Self {
            bus: pipeline.bus().expect("a pipeline has a bus"),
            pipeline,
            sink,
            deadline,
            interrupt,
            unknown,
            with_alpha,
            has_refused,
            frames: Arc::new(Mutex::new(Frames::new(ignore_borders))),
        })
    }

    /// `None` if it is stuck.
    fn look(
        self,
        part: Option<Fragment>,
        may_seek: bool,
        longest_to_open: Duration,
    ) -> Result<Option<Look>, NotRead<String>> {
        let (failed, is_late) = match self.gather(part, may_seek, longest_to_open) {
            Err(Stop::Interrupted) => return Err(NotRead::Interrupted),
            Err(Stop::Stuck) => return Ok(None),
            Err(Stop::Failed(cause)) => (Some(cause), false),
            Err(Stop::Late) => (None, true),
            Ok(()) => (None, false),
        };
        // Without the lock, which the streaming thread may wait for.
        let frames = std::mem::replace(&mut *lock(&self.frames), Frames::new(false));
        // Where nobody knows where it ends, nothing is.
        let is_spread =
            !frames.wanted.is_empty() && frames.wanted.iter().all(|(_, pixels)| pixels.is_some());
        let Some(reference) = frames.reference() else {
            let text = failed.unwrap_or_else(|| match is_late {
                true => no_frame_in_time(),
                false => match self.pipeline.query_duration::<gst::ClockTime>() {
                    Some(duration) if part.is_some() => {
                        format!("the film lasts {duration:.3} and has no frame at that time; give another one")
                    }
                    _ => format!("the film has no frame; {CURE}"),
                },
            });
            return Err(NotRead::Because(text));
        };
        let warning = match failed {
            Some(cause) => Some(format!("counts as far as it could be read: {cause}.")),
            None if is_late && !is_spread => Some(format!(
                "takes longer than {} s to decode, and counts as far as that goes. Give a part of it, as in \
                 file:///path/to/film#t=10,20, or a smaller copy.",
                LONGEST.as_secs()
            )),
            None => None,
        };
        Ok(Some(Look { reference, warning }))
    }

    fn gather(
        &self,
        part: Option<Fragment>,
        may_seek: bool,
        longest_to_open: Duration,
    ) -> Result<(), Stop> {
        let _ = self.pipeline.set_state(gst::State::Paused);
        self.open(longest_to_open)?;
        let mut seeking = gst::query::Seeking::new(gst::Format::Time);
        let can_seek = self.sink.query(&mut seeking) && seeking.result().0;
        let duration = self.pipeline.query_duration::<gst::ClockTime>();
        let spots = spots(part, duration);
        lock(&self.frames).want(&spots, part);
        if may_seek && can_seek {
            let n_different = self.seek_to(&spots)?;
            if n_different >= enough(&spots) {
                return Ok(());
            }
            let start = part.map_or(gst::ClockTime::ZERO, |part| part.start);
            self.seek(start, gst::SeekFlags::KEY_UNIT | gst::SeekFlags::SNAP_BEFORE)?;
        }
        self.play_through()
    }

    /// Gives each spot the frame that a seek finds. How many different ones there are.
    fn seek_to(&self, spots: &[gst::ClockTime]) -> Result<usize, Stop> {
        let key_unit = gst::SeekFlags::KEY_UNIT;
        let (attempts, part) = match spots {
            [] => return Ok(0),
            // It may be shown for long.
            [_] => ([gst::SeekFlags::ACCURATE; 2], gst::ClockTime::ZERO..=gst::ClockTime::MAX),
            [first, second, ..] => {
                let (last, margin) = (spots[spots.len() - 1], (*second - *first) / 2);
                let snap = [gst::SeekFlags::SNAP_BEFORE, gst::SeekFlags::SNAP_AFTER];
                (snap.map(|snap| key_unit | snap), first.saturating_sub(margin)..=last + margin)
            }
        };
        let (mut times, mut before) = (BTreeSet::new(), BTreeSet::new());
        // Where time is short, too, they are spread over all.
        let order = (0..MOST_FRAMES).map(scattered).filter(|&spot| spot < spots.len());
        for (n_tried, spot) in order.enumerate() {
            if n_tried == TRIED && before.len() < 2 {
                break;
            }
            for (attempt, flags) in attempts.into_iter().enumerate() {
                match self.seek(spots[spot], flags) {
                    // At an end or a hole, decoders fail.
                    Err(Stop::Failed(_)) if times.len() >= enough(spots) => return Ok(times.len()),
                    outcome => outcome?,
                }
                let Some(sample) = self.sample() else { continue };
                let Some(time) = time(&sample).filter(|time| part.contains(time)) else { continue };
                if lock(&self.frames).find(spot, &sample).map_err(Stop::Failed)? {
                    times.insert(time);
                    before.extend((attempt == 0).then_some(time));
                    break;
                }
            }
        }
        Ok(times.len())
    }

    fn seek(&self, to: gst::ClockTime, flags: gst::SeekFlags) -> Result<(), Stop> {
        let sought = self.sink.seek_simple(gst::SeekFlags::FLUSH | flags, to);
        match sought {
            Ok(()) => self.wait(),
            Err(_) => Err(self.failure()),
        }
    }

    /// The frame that the sink shows.
    fn sample(&self) -> Option<gst::Sample> {
        self.sink.property::<Option<gst::Sample>>("last-sample")
    }

    fn play_through(&self) -> Result<(), Stop> {
        if let Some(sample) = self.sample() {
            lock(&self.frames).play(&sample);
        }
        let pad = self.sink.static_pad("sink").expect("a sink has one");
        let frames = Arc::clone(&self.frames);
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let (Some(buffer), Some(caps)) = (info.buffer(), pad.current_caps()) {
                let segment = pad.sticky_event::<gst::event::Segment>(0);
                let sample = gst::Sample::builder().buffer(buffer).caps(&caps);
                let sample = match &segment {
                    Some(event) => sample.segment(event.segment()).build(),
                    None => sample.build(),
                };
                lock(&frames).play(&sample);
            }
            gst::PadProbeReturn::Ok
        });
        let _ = self.pipeline.set_state(gst::State::Playing);
        while !lock(&self.frames).are_complete().map_err(Stop::Failed)? {
            if self.next_message(&[gst::MessageType::Eos])?.is_some() {
                return lock(&self.frames).end().map_err(Stop::Failed);
            }
        }
        Ok(())
    }

    /// Waits for the first frame, which there is no more time for behind the deadline.
    fn open(&self, longest: Duration) -> Result<(), Stop> {
        let until = Instant::now() + longest;
        while self.next_message(&PREROLLED)?.is_none() {
            if Instant::now() > until {
                return Err(if until < self.deadline { Stop::Stuck } else { Stop::Late });
            }
        }
        Ok(())
    }

    /// Waits until there is a frame.
    fn wait(&self) -> Result<(), Stop> {
        while self.next_message(&PREROLLED)?.is_none() {}
        Ok(())
    }

    /// A message, if one comes soon.
    fn next_message(&self, types: &[gst::MessageType]) -> Result<Option<gst::Message>, Stop> {
        let types = [types, &[gst::MessageType::Error]].concat();
        let message = self.bus.timed_pop_filtered(BETWEEN_LOOKS, &types);
        if self.interrupt.is_interrupted() {
            return Err(Stop::Interrupted);
        }
        match message {
            Some(message) if message.type_() == gst::MessageType::Error => {
                let gst::MessageView::Error(error) = message.view() else { return Ok(None) };
                Err(self.failure_of(&error.error()))
            }
            Some(message) => Ok(Some(message)),
            None if Instant::now() > self.deadline => Err(Stop::Late),
            None => Ok(None),
        }
    }

    /// Why something was refused.
    fn failure(&self) -> Stop {
        match self.next_message(&[]) {
            Err(stop) => stop,
            Ok(_) => Stop::Failed(format!("the film can't be played; {CURE}")),
        }
    }

    fn failure_of(&self, error: &glib::Error) -> Stop {
        let unknown = lock(&self.unknown).clone();
        let is_video = |name: &&String| !name.starts_with("audio/");
        let is_decoded = lock(&self.frames).is_any();
        Stop::Failed(match unknown.iter().find(is_video) {
            Some(name) if !is_decoded && self.has_refused.load(Ordering::Relaxed) => format!(
                "it is a list of other files or addresses ({name}), which are not read; give one of those"
            ),
            Some(name) if !is_decoded => format!(
                "no decoder for its video ({name}) is installed; install the GStreamer plugin that has \
                 one, which for most is gstreamer1.0-libav"
            ),
            // Sound is not asked for.
            None if !is_decoded && error.matches(gst::CoreError::MissingPlugin) => {
                match &*lock(&self.with_alpha) {
                    // With sound left out, that of 1.22 doesn't.
                    Some(name) => {
                        format!(
                            "GStreamer finds no decoder for its video with alpha ({name}); {CURE}"
                        )
                    }
                    None => {
                        "it has no video, as files of sound have none; give a film or a picture"
                            .into()
                    }
                }
            }
            _ => format!("the film can't be decoded ({}); save or copy it again", error.message()),
        })
    }
}

/// The times that frames are taken of: one, or as many as a gathering has. There are none if nobody knows where
/// the film ends.
fn spots(part: Option<Fragment>, duration: Option<gst::ClockTime>) -> Vec<gst::ClockTime> {
    let (start, end) = match part {
        None => (gst::ClockTime::ZERO, duration),
        Some(Fragment { start, end: None }) => return vec![start],
        // A film may be longer than it says.
        Some(Fragment { start, end: Some(end) }) => {
            (start, duration.filter(|&last| last > start).map(|last| last.min(end)))
        }
    };
    let Some(length) = end.map(|end| end - start) else { return Vec::new() };
    let n = 2 * MOST_FRAMES as u64;
    let spot = |i: u64| length.mul_div_floor(2 * i + 1, n).map(|after| start + after);
    (0..MOST_FRAMES as u64).filter_map(spot).collect()
}

/// So many different frames are enough.
fn enough(spots: &[gst::ClockTime]) -> usize {
    ENOUGH.min(spots.len()).max(1)
}

/// The order in which spots are looked at: first those that are far from each other.
fn scattered(i: usize) -> usize {
    let bits = MOST_FRAMES.ilog2();
    i.reverse_bits() >> (usize::BITS - bits)
}

/// The time of a frame in the film.
fn time(sample: &gst::Sample) -> Option<gst::ClockTime> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    segment.to_stream_time(sample.buffer()?.pts())
}

/// The frames of a film.
struct Frames {
    ignore_borders: bool,
    reader: Option<(gst::Caps, FrameReader)>,
    /// Of the first frame. Those in other ones don't count.
    colorimetry: Option<Colorimetry>,
    /// Spots, in their order, and what they show.
    wanted: Vec<(gst::ClockTime, Option<Pixels>)>,
    /// Whether the spots are all that is wanted. Else they are where the film is said to be, which may be wrong,
    /// and what is played of it is gathered to its end.
    is_part: bool,
    /// A part that is gathered as it is played, for want of spots.
    range: Option<std::ops::Range<gst::ClockTime>>,
    gathering: Gathering,
    has_ended: bool,
    /// How many spots were played.
    n_played: usize,
    /// The last frame that was played.
    last: Option<gst::Sample>,
    /// Why frames that were played can't be looked at.
    fault: Option<String>,
}

impl Frames {
    fn new(ignore_borders: bool) -> Self {
        Self {
            ignore_borders,
            reader: None,
            colorimetry: None,
            wanted: Vec::new(),
            is_part: false,
            range: None,
            gathering: Gathering::new(Duration::ZERO),
            has_ended: false,
            n_played: 0,
            last: None,
            fault: None,
        }
    }

    fn want(&mut self, spots: &[gst::ClockTime], part: Option<Fragment>) {
        self.wanted = spots.iter().map(|&spot| (spot, None)).collect();
        self.is_part = part.is_some() && !spots.is_empty();
        let range = part.and_then(|Fragment { start, end }| Some(start..end?));
        self.range = range.filter(|_| spots.is_empty());
    }

    /// Takes a frame for a spot. Whether it counts.
    fn find(&mut self, spot: usize, sample: &gst::Sample) -> Result<bool, String> {
        let pixels = self.pixels(sample)?;
        let counts = pixels.is_some();
        self.wanted[spot].1 = pixels;
        Ok(counts)
    }

    /// A frame is played.
    fn play(&mut self, sample: &gst::Sample) {
        let Some(time) = time(sample) else { return };
        let outcome = match self.is_part {
            // Until now, the one before was shown.
            true => self.play_until(time),
            false => self.gather(time, sample),
        };
        self.fault = outcome.err();
        self.last = Some(sample.clone());
    }

    fn gather(&mut self, time: gst::ClockTime, sample: &gst::Sample) -> Result<(), String> {
        let Some(range) = self.range.clone() else { return self.add(time.into(), sample) };
        self.begin_range(time)?;
        if time >= range.end {
            self.has_ended = true;
        } else if time >= range.start {
            self.add(time.into(), sample)?;
        }
        Ok(())
    }

    /// The last frame is shown until some time. It may be what a part begins with.
    fn begin_range(&mut self, until: gst::ClockTime) -> Result<(), String> {
        let Some(range) = &self.range else { return Ok(()) };
        let start = range.start;
        match self.last.take() {
            Some(last) if until > start && self.gathering.is_empty() => {
                self.add(start.into(), &last)
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, time: Duration, sample: &gst::Sample) -> Result<(), String> {
        if self.gathering.is_due(time)
            && let Some(pixels) = self.pixels(sample)?
        {
            self.gathering.add(time, pixels);
        }
        Ok(())
    }

    /// The film ends.
    fn end(&mut self) -> Result<(), String> {
        self.has_ended = true;
        let last =
            self.last.as_ref().and_then(|last| Some((time(last)?, last.buffer()?.duration())));
        let end = last.and_then(|(time, duration)| Some(time.saturating_add(duration?)));
        let end = end.unwrap_or(gst::ClockTime::MAX);
        self.begin_range(end)?;
        self.play_until(end)
    }

    /// The last frame is shown until some time.
    fn play_until(&mut self, time: gst::ClockTime) -> Result<(), String> {
        let Some(last) = self.last.take().filter(|_| self.is_part) else { return Ok(()) };
        let n = self.wanted[self.n_played..].iter().take_while(|(spot, _)| *spot < time).count();
        if n > 0 {
            let pixels = self.pixels(&last)?;
            for (_, shown) in &mut self.wanted[self.n_played..][..n] {
                shown.clone_from(&pixels);
            }
            self.n_played += n;
        }
        self.last = Some(last);
        Ok(())
    }

    /// Whether all that is wanted was played.
    fn are_complete(&mut self) -> Result<bool, String> {
        let is_played = self.is_part && self.n_played == self.wanted.len();
        let is_complete = is_played || self.range.is_some() && self.has_ended;
        self.fault.take().map_or(Ok(is_complete), Err)
    }

    /// Pixels of a frame, if it is whole and coded as those before.
    fn pixels(&mut self, sample: &gst::Sample) -> Result<Option<Pixels>, String> {
        let (Some(buffer), Some(caps)) = (sample.buffer(), sample.caps()) else { return Ok(None) };
        if buffer.flags().contains(gst::BufferFlags::CORRUPTED) {
            return Ok(None);
        }
        if self.reader.as_ref().is_none_or(|(known, _)| known.as_ref() != caps) {
            self.reader = Some((caps.to_owned(), reader_of(caps)?));
        }
        let Some((_, reader)) = &mut self.reader else { return Ok(None) };
        let colorimetry = reader.matcher.layout().colorimetry;
        if *self.colorimetry.get_or_insert(colorimetry) != colorimetry {
            return Ok(None);
        }
        // What is black in all frames is a border.
        let pixels = reader.pixels(buffer, self.ignore_borders, Part::default(), Duration::ZERO);
        pixels.map_err(|failure| match failure {
            Failure::Buffer(cause) => format!("its frames can't be read ({cause}); {CURE}"),
            Failure::Memory => format!("there is not enough memory for its frames; {CURE}"),
        })
    }

    /// Whether there is any.
    fn is_any(&self) -> bool {
        self.colorimetry.is_some()
    }

    /// All of them as one.
    fn reference(self) -> Option<Reference> {
        let mut found = Gathering::new(Duration::ZERO);
        for (spot, pixels) in self.wanted {
            if let Some(pixels) = pixels {
                found.add(spot.into(), pixels);
            }
        }
        let played = self.gathering.picture_of_all();
        // What was played in part is of the beginning alone.
        let picture = match self.has_ended {
            true => played.or(found.picture_of_all()),
            false => found.picture_of_all().or(played),
        };
        Some(Reference::of_colors(picture?.colors, self.colorimetry?))
    }
}

/// As players take colours that don't say all: GStreamer takes a range of YUV that is not said for full, and full range
/// without a matrix for limited.
fn info_of(caps: &gst::CapsRef) -> Result<VideoInfo, glib::BoolError> {
    let info = VideoInfo::from_caps(caps)?;
    let said = caps.structure(0).and_then(|caps| caps.get::<&str>("colorimetry").ok());
    let said = said.and_then(|said| said.parse::<VideoColorimetry>().ok());
    let Some(said) = said.filter(|_| info.is_yuv()) else { return Ok(info) };
    let range = match said.range() {
        VideoColorRange::Range0_255 => VideoColorRange::Range0_255,
        _ => VideoColorRange::Range16_235,
    };
    let colors = info.colorimetry();
    let (matrix, transfer) = (colors.matrix(), colors.transfer());
    let colors = VideoColorimetry::new(range, matrix, transfer, colors.primaries());
    let mut caps = caps.to_owned();
    caps.make_mut().set("colorimetry", colors.to_string());
    VideoInfo::from_caps(&caps)
}

/// Reads frames of some caps.
fn reader_of(caps: &gst::CapsRef) -> Result<FrameReader, String> {
    let refused = |cause: &str| format!("its frames can't be read ({cause}); {CURE}");
    if !frame::caps().can_intersect(caps) {
        return Err(refused(&caps.to_string()));
    }
    let info = info_of(caps).map_err(|error| refused(&error.to_string()))?;
    FrameReader::of_colors(&info).map_err(|error| refused(&error))
}
