//! Keys, by the names that X has for them, from the window, the terminal and signals.

use std::io::{IsTerminal, stdin, stdout};
use std::sync::OnceLock;
use std::thread;

use console::{Key, Term};
use gst::prelude::*;
use gst_video::{NavigationEvent, NavigationMessage};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::player::Player;

/// The name of the messages that carry a key.
const MESSAGE: &str = "key";
const QUIT: &str = "q";
/// The state of the terminal that it is to have at the end.
static TERMINAL: OnceLock<Termios> = OnceLock::new();

/// Keys, what they do, and how.
type Binding = (&'static [&'static str], &'static str, fn(&mut Player));

const BINDINGS: [Binding; 20] = [
    (&["n"], "next reference", |player| player.change_reference(true)),
    (&["p"], "reference before", |player| player.change_reference(false)),
    (&["t"], "take this frame as the reference", |player| player.take_reference()),
    (&["r"], "learn now, and lock", |player| player.learn_and_lock()),
    (&["l"], "lock: hold the mapping as it is", |player| player.toggle_lock()),
    (&["a"], "next part of the picture to learn from", |player| player.change_region()),
    (&["Up"], "stronger", |player| player.change_strength(0.1)),
    (&["Down"], "weaker", |player| player.change_strength(-0.1)),
    (&["m"], "next method: grade, channels, linear", |player| player.change_method()),
    (&["s"], "split: before on the left, after on the right", |player| player.toggle_split()),
    (&["c"], "save the look as histomatch.cube, for other programs", |player| player.save_lut()),
    (&["w"], "save the look as histomatch-look.png, a reference", |player| player.save_look()),
    (&["i"], "save this frame as a picture", |player| player.take_snapshot()),
    (&["Right"], "5 seconds forwards", |player| player.seek(true)),
    (&["Left"], "5 seconds back", |player| player.seek(false)),
    (&["space"], "pause", |player| player.toggle_pause()),
    (&["f"], "full screen", |player| player.toggle_full_screen()),
    (&["h"], "this help", |player| player.show(&help())),
    (&["Escape"], "leave the full screen, or quit", |player| player.escape()),
    (&[QUIT], "quit", |player| player.end(Ok(()))),
];

pub fn help() -> String {
    let line = |(keys, what, _): &Binding| format!("{:<7} {what}", keys.join(", "));
    let lines: Vec<String> = BINDINGS.iter().map(line).collect();
    format!("Keys:\n{}", lines.join("\n"))
}

fn action_of(key: &str) -> Option<fn(&mut Player)> {
    BINDINGS.iter().find(|(keys, _, _)| keys.contains(&key)).map(|&(_, _, action)| action)
}

/// Does what a key stands for.
pub fn press(key: &str, player: &mut Player) {
    if let Some(action) = action_of(key) {
        action(player);
    }
}

/// The key of a message that was posted here.
pub fn of_message(message: &gst::message::Application) -> Option<String> {
    let structure = message.structure().filter(|structure| structure.name() == MESSAGE)?;
    structure.get("name").ok()
}

fn post(bus: &gst::Bus, key: &str) {
    // Ctrl+Space is NUL, for one, and no field may have that.
    if action_of(key).is_none() {
        return;
    }
    let structure = gst::Structure::builder(MESSAGE).field("name", key).build();
    // It fails only when the pipeline has ended.
    let _ = bus.post(gst::message::Application::new(structure));
}

/// Posts the keys that the window sends, as events that travel upstream through a pad.
pub fn listen_to_window(pad: &gst::Pad, bus: gst::Bus) {
    pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        match info.event().and_then(|event| key_of(event)) {
            Some(key) => {
                post(&bus, &key);
                // The sink posts what nobody takes.
                gst::PadProbeReturn::Handled
            }
            None => gst::PadProbeReturn::Ok,
        }
    });
}

fn key_of(event: &gst::EventRef) -> Option<String> {
    match NavigationEvent::parse(event) {
        Ok(NavigationEvent::KeyPress { key, .. }) => Some(key),
        _ => None,
    }
}

/// The key that a sink posts as it can't send it upstream, for instance while it is sought.
pub fn of_sink(message: &gst::message::Element) -> Option<String> {
    let NavigationMessage::Event(message) = NavigationMessage::parse(message.message()).ok()?;
    key_of(&message.event)
}

/// Posts the keys of the terminal, if there is one, and signals to end as the key to quit.
pub fn listen(bus: gst::Bus) -> std::io::Result<()> {
    keep_terminal();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let to_bus = bus.clone();
    thread::spawn(move || signals.forever().for_each(|_| post(&to_bus, QUIT)));

    if stdin().is_terminal() && stdout().is_terminal() {
        thread::spawn(move || {
            let terminal = Term::stdout();
            while let Ok(key) = terminal.read_key() {
                post(&bus, &name_of(key));
            }
        });
    }
    Ok(())
}

fn name_of(key: Key) -> String {
    match key {
        Key::ArrowLeft => "Left".into(),
        Key::ArrowRight => "Right".into(),
        Key::ArrowUp => "Up".into(),
        Key::ArrowDown => "Down".into(),
        Key::Escape => "Escape".into(),
        // In raw mode, Ctrl+C is no signal.
        Key::CtrlC | Key::Char('\x03') => QUIT.into(),
        Key::Char(' ') => "space".into(),
        Key::Char(char) => char.into(),
        _ => String::new(),
    }
}

/// Puts the terminal back into the state that it has now, however the program ends: a thread that waits for a key leaves
/// it in raw mode, and X's library ends programs whose window or display is gone.
fn keep_terminal() {
    extern "C" fn restore() {
        if let Some(state) = TERMINAL.get() {
            let _ = tcsetattr(stdin(), OptionalActions::Now, state);
        }
    }
    if let Ok(state) = tcgetattr(stdin())
        && TERMINAL.set(state).is_ok()
    {
        // SAFETY: it is a function without arguments that doesn't unwind.
        unsafe { libc::atexit(restore) };
    }
}
