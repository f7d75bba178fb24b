//! What was written is compared with the input.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{bail, ensure};

use crate::film::{Action, Report};
use crate::probe::{self, File, Packets, Stream};
use crate::remux::{Film, Replacement};
use crate::text;

/// How far times may be from each other in seconds: Matroska rounds to milliseconds.
const ROUNDING: f64 = 0.0021;
/// How long packets of sound last at least, in seconds.
const LEAST_PACKET: f64 = 0.01;
/// How much less than what a file says of its duration is no rounding.
const MISSING: f64 = 1.;

/// What a film is like that was written.
pub enum Result {
    /// Everything is where it was; and what is missing in the input itself.
    Whole(Vec<String>),
    /// Streams have moved against the first one: which, and by how many seconds.
    Moved(Vec<(usize, f64)>),
}

/// An error if what was written lacks anything but packets that can't be read. What is fewer because an encoder
/// has no more is said.
pub fn check(film: &Film, lacks_packets: bool, report: &dyn Report) -> anyhow::Result<Result> {
    let Film { source, actions, replacements, recipe, output } = *film;
    let file = &source.file;
    let result = probe::whole(output)?;
    let kept: Vec<(&Stream, &Action)> = file
        .streams
        .iter()
        .zip(actions)
        .filter(|(stream, action)| **action != Action::LeaveOut && has_packets(stream))
        .collect();
    let written: Vec<&Stream> =
        result.streams.iter().filter(|stream| has_packets(stream)).collect();
    ensure!(
        written.len() >= kept.len(),
        "The check fails: {} of {} streams were written",
        written.len(),
        kept.len()
    );

    let is_interrupted = replacements.iter().any(|one| one.encoded.interrupted);
    let is_whole = !recipe.is_part() && !is_interrupted;
    let (mut damage, mut fewer) = (Vec::new(), Vec::new());
    let ending = recipe.container.endings[0];
    let mut unsaid: Vec<String> = lost_tags(file, &result, ending).into_iter().collect();
    let mut shifts = Vec::new();
    for ((stream, action), new) in kept.into_iter().zip(written) {
        let name = stream.description();
        ensure!(
            stream.codec_type == new.codec_type,
            "The check fails: {name} became {}",
            new.description()
        );
        if let (Some(old), Some(new)) = (stream.channels, new.channels)
            && new < old
        {
            fewer.push(format!("{name}: {old} channels become {new} in the encoder"));
        }
        unsaid.extend(lost_flags(stream, new, ending));
        let is_opus = new.codec_name == "opus" && !recipe.container.is_mp4();
        let [old, new] = [&file.packets[&stream.index], &result.packets[&new.index]];
        if recipe.is_part() && !source.is_joined() && old.are_cut_by(film.part()) {
            fewer
                .push(format!("{name}: what is on screen at --from began before, and is left out"));
        }
        let replacement = replacements.iter().find(|one| one.stream == stream.index);
        let frames = replacement.map(|one| one.encoded.frames as usize);
        if let Some(frames) = frames {
            ensure!(
                new.count == frames,
                "The check fails: {name} has {} of {frames} frames",
                new.count
            );
        }
        if is_whole {
            let missing = old.count.saturating_sub(new.count);
            if lacks_packets && *action == Action::Copy && !is_joined(stream) && missing > 0 {
                damage.push(format!("{missing} of {} packets of {name} can't be read", old.count));
            } else {
                damage.extend(compare(film, (stream, action), replacement, old, new)?);
            }
        } else if !is_interrupted {
            damage.extend(replacement.and_then(|one| undecodable(&name, one)));
        }
        if !is_interrupted {
            damage.extend(corrupt(film, stream, replacement));
        }
        // Sound has packets before its beginning, which some containers mark as not to be heard.
        // And by how much what is known of it can have moved.
        let (firsts, most) = match (action, frames) {
            // The others have moved against it.
            (_, Some(_)) if recipe.is_part() => {
                ([replacement.map(|one| one.encoded.begin), new.times.first().copied()], 0.)
            }
            (_, Some(frames)) if frames == old.times.len() || !is_whole => {
                ([old, new].map(|one| one.times.first().copied()), f64::INFINITY)
            }
            (Action::Copy, None)
                if stream.codec_type == "audio" && !lacks_packets && !recipe.is_part() =>
            {
                ([old.first_without(&film.unheard(stream)), new.first], f64::INFINITY)
            }
            // Where a part or what is converted begins is known to a packet.
            (_, None) if is_opus => ([opus_begin(film, action, old), new.first], LEAST_PACKET),
            _ => continue,
        };
        if let [Some(old), Some(new)] = firsts {
            shifts.push((stream.index, new - old, most));
        }
    }
    // Sound may be the first stream, and can be moved; video can't.
    let is_video =
        |(stream, ..): &&(usize, f64, f64)| replacements.iter().any(|one| one.stream == *stream);
    let first = shifts.iter().find(is_video).or(shifts.first());
    let expected = first.map_or(0., |(_, shift, _)| *shift);
    let shifts = shifts.iter().map(|(stream, shift, most)| (*stream, shift - expected, *most));
    let moved = shifts.filter(|(_, shift, most)| (ROUNDING..*most).contains(&shift.abs()));
    let moved: Vec<_> = moved.map(|(stream, shift, _)| (stream, shift)).collect();
    if !moved.is_empty() {
        return Ok(Result::Moved(moved));
    }
    ensure!(
        !recipe.strict || unsaid.is_empty(),
        "--strict allows no changes: {}; choose another container",
        unsaid.join("; ")
    );
    fewer.iter().chain(&unsaid).for_each(|change| report.say(change));
    if is_whole {
        damage.extend(is_cut_off(file));
    }
    if !is_interrupted {
        damage.extend(replacements.iter().filter_map(|one| one.encoded.damage.clone()));
    }
    Ok(Result::Whole(damage))
}

/// When the first packet of Opus of a part is due, or of what is converted to that.
fn opus_begin(film: &Film, action: &Action, old: &Packets) -> Option<f64> {
    // What an encoder puts before the beginning, rounded as Matroska does.
    const LEAD_IN: f64 = 0.007;
    let part = film.part();
    let mut times = old.times.iter().map(|time| part.time(*time));
    match action {
        Action::Copy => times.find(|time| *time >= 0.),
        _ => times.next().map(|time| time.max(0.) - LEAD_IN),
    }
}

/// Compares a whole stream with what became of it; gives what couldn't be decoded.
fn compare(
    film: &Film,
    (stream, action): (&Stream, &Action),
    replacement: Option<&Replacement>,
    old: &Packets,
    new: &Packets,
) -> anyhow::Result<Option<String>> {
    let name = stream.description();
    if let Some(replacement) = replacement {
        let frames = replacement.encoded.frames as usize;
        if frames == old.times.len() {
            if !film.source.file.format.may_jump() {
                compare_times(&name, old, new)?;
            }
        } else if frames < old.times.len() {
            return Ok(undecodable(&name, replacement));
        }
    } else if *action == Action::Copy && !is_joined(stream) {
        let expected = old.count - film.unheard(stream).len();
        ensure!(
            new.count == expected,
            "The check fails: {name} has {} of {expected} packets",
            new.count
        );
    } else if stream.codec_type == "audio" {
        let most = old.spacing().max(0.5);
        // Of a single packet that doesn't say it, nobody knows how long it lasts.
        let is_unknown = old.times.len() < 2 && old.length() == 0.;
        ensure!(
            is_unknown || (new.length() - old.length()).abs() < most,
            "The check fails: {name} lasts {:.3} s instead of {:.3} s",
            new.length(),
            old.length()
        );
    } else {
        let expected = old.subtitles(stream);
        ensure!(new.count >= expected, "The check fails: {name} lacks some of its {expected}");
    }
    Ok(None)
}

/// What a container doesn't hold of what a file says of itself.
fn lost_tags(old: &File, new: &File, ending: &str) -> Option<String> {
    // Of the container itself.
    const OWN: [&str; 5] =
        ["compatible_brands", "duration", "encoder", "major_brand", "minor_version"];
    // MOV says some in a language, too.
    let plain = |name: &str| {
        let name = name.to_lowercase();
        let (first, language) = name.rsplit_once('-').unwrap_or((&name, ""));
        if language.len() == 3 { first.into() } else { name }
    };
    let kept: BTreeSet<String> = new.format.tags.keys().map(|name| plain(name)).collect();
    let names = old.format.tags.iter().filter(|(_, value)| !value.trim().is_empty());
    let names: BTreeSet<String> = names.map(|(name, _)| plain(name)).collect();
    let lost = names.difference(&kept).filter(|name| !OWN.contains(&name.as_str()));
    let lost = quoted(lost)?;
    Some(format!("What its tags say ({lost}) is left out, as .{ending} can't hold it"))
}

/// What a container doesn't hold of the flags of a track. Some set others by themselves.
fn lost_flags(old: &Stream, new: &Stream, ending: &str) -> Option<String> {
    let lost = old.disposition.keys().filter(|flag| old.has(flag) && !new.has(flag));
    let (name, lost) = (old.description(), quoted(lost.map(|flag| flag.replace('_', " ")))?);
    Some(format!("{name}: what its flags say ({lost}) is left out, as .{ending} can't hold it"))
}

/// A list of names, if there are some.
fn quoted(names: impl Iterator<Item = impl fmt::Display>) -> Option<String> {
    let names: Vec<_> = names.map(|name| format!("'{name}'")).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Whether several packets may become one.
fn is_joined(stream: &Stream) -> bool {
    stream.codec_name.starts_with("pcm_") || stream.codec_name == "hdmv_pgs_subtitle"
}

fn undecodable(name: &str, replacement: &Replacement) -> Option<String> {
    let (frames, all) = (replacement.encoded.frames as usize, replacement.decodable);
    (frames < all).then(|| format!("{frames} of {all} frames of {name} could be decoded"))
}

fn corrupt(film: &Film, stream: &Stream, replacement: Option<&Replacement>) -> Option<String> {
    let (source, is_part) = (film.source, film.recipe.is_part());
    if is_part && source.is_joined() {
        return None;
    }
    let packets = &source.file.packets[&stream.index];
    // Frames refer to those behind the key frame before them.
    let part = replacement.map_or(film.part(), |one| &one.part);
    let begin = replacement.map_or(0., |one| one.part.key);
    let mut times = packets.corrupt(stream);
    times.retain(|time| {
        let time = part.time(*time);
        !is_part || (time >= begin && !part.ends_before(time))
    });
    let first = gst::ClockTime::try_from_seconds_f64(part.time_in_film(*times.first()?)).ok()?;
    let joined = if source.file.format.may_jump() { ", or films were joined there" } else { "" };
    Some(format!(
        "{} of {} packets of {} lack bytes{joined}; the first one is at {}",
        times.len(),
        packets.count,
        stream.description(),
        text::time(first)
    ))
}

fn has_packets(stream: &Stream) -> bool {
    ["video", "audio", "subtitle"].contains(&stream.codec_type.as_str())
        && !stream.has("attached_pic")
}

fn compare_times(name: &str, old: &Packets, new: &Packets) -> anyhow::Result<()> {
    match moved_frame(&old.times, &new.times) {
        None => Ok(()),
        Some((old, new)) => bail!(
            "The check fails: a frame of {name} is at {new:.3} s from the first one, not {old:.3} s"
        ),
    }
}

/// The first frame that lies elsewhere than it did: how far from the first one.
pub fn moved_frame(old: &[f64], new: &[f64]) -> Option<(f64, f64)> {
    let from_first = |times: &[f64]| -> Vec<f64> { times.iter().map(|it| it - times[0]).collect() };
    let mut pairs = from_first(old).into_iter().zip(from_first(new));
    pairs.find(|(old, new)| (old - new).abs() > ROUNDING)
}

fn is_cut_off(file: &File) -> Option<String> {
    let (should, packets) = (file.format.duration?, &file.packets);
    let begin = packets.values().filter_map(|one| one.times.first()).copied().reduce(f64::min)?;
    let lasts = packets.values().map(|one| one.end).reduce(f64::max)? - begin;
    (lasts + MISSING < should).then(|| {
        format!("It ends at {lasts:.1} s although it should last {should:.1} s: it is cut off or damaged")
    })
}
