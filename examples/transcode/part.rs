//! Which part of a stream is read, where it begins, and where FFmpeg begins to read for that.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::film::{Recipe, Source};
use crate::probe::{self, Stream, program};

/// In seconds.
#[derive(Clone, Copy)]
pub struct Part {
    /// Where FFmpeg lets the file begin, in the file's own time.
    origin: f64,
    /// From there.
    from: f64,
    length: Option<f64>,
    /// When the key frame is stored that its frames refer to, from where the part begins.
    pub key: f64,
    /// Where FFmpeg begins to read, from where it lets the file begin: before that key frame, for which it doesn't
    /// look by itself in files without an index.
    pub seek: f64,
    /// When its first frame is shown, from where the part begins.
    pub shown: f64,
    /// How much later than the first frame of the stream that is.
    pub skipped: f64,
}

/// Key frames may be stored so much before they are shown, or behind sound of the same time.
const LEAD: f64 = 1.;

impl Part {
    /// `first`: when the first frame of the stream is shown, in the file's own time, if that is known.
    pub fn new(
        source: &Source,
        stream: &Stream,
        recipe: &Recipe,
        first: Option<f64>,
    ) -> anyhow::Result<Self> {
        let whole = f64::NEG_INFINITY;
        let mut part = Self {
            origin: 0.,
            from: 0.,
            length: None,
            key: whole,
            seek: 0.,
            shown: 0.,
            skipped: 0.,
        };
        let first_frame =
            |part: &Self, options: &[&str]| part.first_frame(source.input, stream.index, options);
        let origin = source.file.format.origin();
        part.shown = match (origin, first) {
            (Some(origin), Some(first)) => first - origin,
            _ => first_frame(&part, &[])?,
        };
        part.origin = match (origin, first) {
            (Some(origin), _) => origin,
            (None, Some(first)) => first - part.shown,
            (None, None) => first_frame(&part, &["-copyts"])? - part.shown,
        };
        let first_of_all = part.shown;
        part.from = recipe.from.seconds_f64();
        part.length = recipe.to.map(|to| (to - recipe.from).seconds_f64());
        if part.from == 0. {
            return Ok(part);
        }
        let times = source.times(stream);
        let mut keys =
            source.file.packets[&stream.index].keys.iter().filter(|_| !source.is_joined());
        let key = keys.rfind(|[shown, _]| part.time(*shown) <= 0.);
        if let Some([_, stored]) = key {
            part.key = part.time(*stored);
            // In whole ticks of its clock or in whole milliseconds, as FFmpeg would round it.
            let tick = stream.tick().unwrap_or_default().max(1e-3);
            part.seek = (((part.key + part.from - LEAD) / tick).floor() * tick).max(0.);
        }
        let second = times.iter().filter(|time| part.time(**time) >= -ROUNDING).nth(1);
        let first = first_frame(&part, &[]);
        part.shown = match first {
            Ok(shown) if second.is_none_or(|second| shown < part.time(*second)) => shown,
            first if part.seek == 0. => first?,
            // There may be key frames that no decoder can begin with.
            _ => {
                (part.key, part.seek) = (whole, 0.);
                first_frame(&part, &[])?
            }
        };
        ensure!(
            !part.ends_before(part.shown),
            "There is no frame of {} between --from and --to",
            stream.description()
        );
        part.skipped = part.from + part.shown - first_of_all;
        Ok(part)
    }

    /// A time of the file's own from where FFmpeg lets the file begin.
    pub fn time_in_film(&self, own: f64) -> f64 {
        own - self.origin
    }

    /// The same from where the part begins.
    pub fn time(&self, own: f64) -> f64 {
        self.time_in_film(own) - self.from
    }

    /// Whether a frame at this time, from where the part begins, lies behind its end.
    pub fn ends_before(&self, time: f64) -> bool {
        self.length.is_some_and(|length| time > length - ROUNDING)
    }

    /// Whether a frame is shown, at a time of the file's own.
    pub fn shows(&self, own: f64) -> bool {
        let time = self.time(own);
        time >= self.shown - ROUNDING && !self.ends_before(time)
    }

    /// How long before the part FFmpeg begins to read.
    pub fn lead(&self) -> f64 {
        self.from - self.seek
    }

    /// How long the part lasts at most.
    pub fn length(&self) -> Option<f64> {
        self.length
    }

    /// By how much later than asked for all of the film lies: at least by so much, and moved by whole ticks of a clock.
    pub fn delay(&self, least: f64, tick: f64) -> f64 {
        let begin = self.origin + self.from;
        let ticks = ((begin - least) / tick + 1e-6).floor();
        (begin - ticks * tick).max(least)
    }

    /// FFmpeg's options for an input that is read for the part.
    pub fn seek<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if self.seek > 0. {
            command.args(["-ss", &seconds(self.seek)]);
        }
        command
    }

    /// The same for one that ends with the part, and whose times are from so much before the part begins.
    pub fn cut<'a>(&self, command: &'a mut Command, delay: f64) -> &'a mut Command {
        self.seek(command.args(["-itsoffset", &seconds(delay - self.lead())]));
        if let Some(length) = self.length {
            command.args(["-t", &seconds(length + delay)]);
        }
        command
    }

    /// It is decoded, as frames at the beginning may refer to what is not there.
    fn first_frame(&self, input: &Path, stream: usize, options: &[&str]) -> anyhow::Result<f64> {
        let mut command = program("ffmpeg");
        self.seek(command.args(options)).arg("-i").arg(probe::path(input));
        command.args(["-map", &format!("0:{stream}"), "-frames:v", "1"]);
        if self.from > 0. {
            command.args(["-ss", &seconds(self.lead())]);
        }
        // In microseconds: in the clock of the stream, it would be rounded to one of its frames.
        command.args(["-fps_mode", "passthrough", "-enc_time_base", "1/1000000"]);
        command.args(["-f", "framecrc", "-"]);
        all_streams(&mut command).args(["-t", "0", "-f", "null", "-"]);
        let text = String::from_utf8(probe::output(&mut command)?)?;
        let frame = text.lines().find(|line| !line.starts_with('#'));
        let time = frame.and_then(|line| line.split(',').nth(2)?.trim().parse::<f64>().ok());
        Ok(time.context(match self.from {
            0. => "No frame of the video could be decoded",
            _ => "No frame of the video from --from on could be decoded",
        })? / 1e6)
    }
}

/// Streams that aren't used don't count for where FFmpeg lets a file begin. So all are.
pub fn all_streams(command: &mut Command) -> &mut Command {
    command.args(["-map", "0", "-c", "copy", "-copy_unknown"])
}

/// As FFmpeg's options take it.
pub fn seconds(time: f64) -> String {
    format!("{time:.6}")
}

/// A little more than half a millisecond, to which Matroska rounds.
pub const ROUNDING: f64 = 0.0006;
