//! What decoders say of damage. Those of FFmpeg conceal it in the picture, and GStreamer passes what they say to
//! its log alone.

use std::io::{BufRead, BufReader, Read};
use std::process::ChildStderr;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The last that was said.
static SAID: Mutex<Option<String>> = Mutex::new(None);

/// As decoders say it of H.264, MPEG-1 and MPEG-2, MPEG-4, Motion JPEG, ProRes, FFV1, and of what they conceal. All
/// else may be no damage: that what was cut refers to frames before it, for instance.
const WORDS: [&str; 7] = [
    "error while decoding MB",
    "damaged at",
    "Error at MB",
    "error y=",
    "ac tex damaged",
    "slice CRC mismatch",
    "concealing ",
];

/// Listens to GStreamer's decoders from now on.
pub fn listen() {
    // Its category is there with it.
    let _ = gst::Plugin::load_by_name("libav");
    let Some(decoders) = gst::DebugCategory::get("libav") else { return };
    if std::env::var_os("GST_DEBUG").is_none() {
        // It would write what is listened to.
        gst::log::remove_default_log_function();
    }
    if decoders.threshold() < gst::DebugLevel::Info {
        decoders.set_threshold(gst::DebugLevel::Info);
    }
    gst::log::add_log_function(move |category, level, _, _, _, _, message| {
        if let Some(text) = message.get()
            && category == decoders
            && level <= gst::DebugLevel::Info
        {
            hear(&text);
        }
    });
}

/// Listens to FFmpeg until it ends.
pub fn listen_to(stderr: ChildStderr) {
    thread::spawn(move || lines(stderr).for_each(|line| hear(&line)));
}

/// What a program says, to its end.
pub fn lines(stderr: impl Read) -> impl Iterator<Item = String> {
    let lines = BufReader::new(stderr).split(b'\n').map_while(Result::ok);
    lines.map(|line| String::from_utf8_lossy(&line).into_owned())
}

fn hear(text: &str) {
    if WORDS.iter().any(|words| text.contains(words)) {
        *SAID.lock().unwrap_or_else(PoisonError::into_inner) = Some(without_speaker(text).into());
    }
}

/// Without the name of who says it and his address.
pub fn without_speaker(line: &str) -> &str {
    line.rsplit_once("] ").map_or(line, |(_, words)| words)
}

/// What was said last, and not yet taken.
pub fn said() -> Option<String> {
    SAID.lock().unwrap_or_else(PoisonError::into_inner).take()
}
