//! Whole frames as multiples of a copy of the frame, in one table.
//!
//! On a machine that others use, speed changes from second to second. So all that is compared is
//! measured in turns, and ratios are of medians of the same rounds.
//!
//! ```text
//! cargo bench --bench ratios
//! cargo bench --bench ratios -- 'RGB 1080p'
//! ```
//!
//! `cargo test` runs one round on small frames.

mod common;

use std::time::{Duration, Instant};

use common::{Content, Format, Frames, ROTATING, SIZES, instruction_sets};
use gsthistomatch::color::ColorSpace;
use gsthistomatch::grading::Method;
use gsthistomatch::workers::Workers;

/// How frames are mapped.
#[derive(Clone, Copy)]
enum Way {
    Matched(ColorSpace),
    Graded(Method),
}

/// Every format in R'G'B', and some in the other colour spaces; the formats that grades have aims for.
fn ways() -> impl Iterator<Item = (Format, Way)> {
    let rgb = Format::ALL.into_iter().map(|format| (format, ColorSpace::Rgb));
    let others = [Format::I420, Format::Nv12, Format::Yuy2, Format::I420_10, Format::Bgrx]
        .into_iter()
        .flat_map(|format| [ColorSpace::YCbCr, ColorSpace::Luma].map(|space| (format, space)));
    let matched = rgb.chain(others).map(|(format, space)| (format, Way::Matched(space)));
    let graded = [
        Format::Rgb,
        Format::Bgrx,
        Format::I420,
        Format::Nv12,
        Format::Yuy2,
        Format::I420_10,
        Format::P010,
        Format::I420_12,
        Format::Gbr,
        Format::Y444,
        Format::Gbr10,
        Format::Rgba64,
    ]
    .into_iter()
    .flat_map(|format| [Method::Linear, Method::Grade].map(|method| (format, Way::Graded(method))));
    matched.chain(graded)
}

struct Subject<'a> {
    name: String,
    run: Box<dyn FnMut(&mut Frames) + 'a>,
    times: Vec<Duration>,
}

impl Subject<'_> {
    fn median(&mut self) -> f64 {
        self.times.sort_unstable();
        self.times[self.times.len() / 2].as_secs_f64() * 1e3
    }

    fn minimum(&self) -> f64 {
        self.times.iter().min().expect("at least a round").as_secs_f64() * 1e3
    }
}

fn main() {
    let (options, names): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    // What Cargo says to benches, and doesn't say when it tests.
    let bench = options.iter().any(|option| option == "--bench");
    let (rounds, sizes) = if bench { (101, &SIZES[..]) } else { (1, &[("tiny", 96, 54)][..]) };
    let alone = Workers::default();
    let (two, _) = Workers::new(2);

    println!("milliseconds: median (minimum); ratio: of the medians, to the copy");
    for &(size, width, height) in sizes {
        for (format, way) in ways() {
            for content in Content::ALL {
                let name = match way {
                    Way::Matched(ColorSpace::Rgb) => format!("{format} {size} {content}"),
                    Way::Matched(other) => format!("{format} {other:?} {size} {content}"),
                    Way::Graded(method) => format!("{format} {method:?} {size} {content}"),
                };
                if !names.is_empty() && !names.iter().any(|part| name.contains(part.as_str())) {
                    continue;
                }
                let frames = Frames::new(format, content, (width, height), ROTATING);
                let mut frames = match way {
                    Way::Matched(color_space) => frames.in_color_space(color_space),
                    Way::Graded(method) => frames.graded(method),
                };
                let mut subjects = vec![
                    subject("copy", |frames| frames.copy()),
                    subject("add one, in place", |frames| frames.add_one()),
                ];
                let best = instruction_sets().last().expect("scalar at least");
                let ways = instruction_sets()
                    .map(|set| (set.name().to_string(), set, &alone))
                    .chain([(format!("{best}, 2 threads"), best, &two)]);
                for (name, set, workers) in ways {
                    let mut matcher = frames.matcher(set);
                    subjects.push(subject(&name, move |frames: &mut Frames| {
                        frames.process(&mut matcher, workers);
                    }));
                }

                for _ in 0..rounds {
                    for subject in &mut subjects {
                        let start = Instant::now();
                        (subject.run)(&mut frames);
                        subject.times.push(start.elapsed());
                    }
                }

                println!("\n{name}, {} bytes", frames.bytes());
                let copy = subjects[0].median();
                for subject in &mut subjects {
                    let (median, minimum) = (subject.median(), subject.minimum());
                    println!(
                        "    {:22} {median:7.3} ({minimum:7.3})  {:5.2}",
                        subject.name,
                        median / copy
                    );
                }
            }
        }
    }
}

fn subject<'a>(name: &str, run: impl FnMut(&mut Frames) + 'a) -> Subject<'a> {
    Subject { name: name.to_string(), run: Box::new(run), times: Vec::new() }
}
