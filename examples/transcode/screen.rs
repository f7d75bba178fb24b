//! What is shown while films are written.

use std::path::Path;
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::film::{Progress, Report};

const BAR: &str = "{wide_bar} {percent:>3} % {msg}, {eta} left  {prefix}";
const NO_DURATION: &str = "{spinner} {msg}  {prefix}";

/// A file's line on the screen.
pub struct Line<'a> {
    screen: &'a MultiProgress,
    bar: ProgressBar,
    input: &'a str,
    begin: Instant,
}

impl<'a> Line<'a> {
    pub fn new(screen: &'a MultiProgress, input: &'a str) -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template(NO_DURATION)?;
        let bar = screen.add(ProgressBar::no_length().with_style(style));
        let name = Path::new(input).file_name().unwrap_or_default().to_string_lossy();
        bar.set_prefix(name.into_owned());
        Ok(Self { screen, bar, input, begin: Instant::now() })
    }

    /// Shows text above the bars.
    pub fn print(&self, text: &str) {
        self.screen.suspend(|| eprintln!("{text}"));
    }
}

impl Report for Line<'_> {
    fn progress(&self, progress: &Progress) {
        if let (Some(total), None) = (progress.total, self.bar.length()) {
            self.bar.set_length(total.mseconds());
            if let Ok(style) = ProgressStyle::with_template(BAR) {
                self.bar.set_style(style);
            }
        }
        let took = self.begin.elapsed().as_secs_f64();
        let per_second = progress.frames as f64 / took;
        let speed = progress.done.seconds_f64() / took;
        self.bar.set_position(progress.done.mseconds());
        self.bar.set_message(format!("{per_second:.0} frames/s ({speed:.1}x)"));
    }

    fn say(&self, text: &str) {
        self.print(&format!("{}: {text}", self.input));
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.screen.remove(&self.bar);
    }
}
