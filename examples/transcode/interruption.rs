//! What ends the program before its work is done.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// SIGINT and SIGTERM: the first one ends the files so that they can be played, the second one ends
/// the program.
pub struct Interruption {
    pub happened: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interruption {
    pub fn watch() -> anyhow::Result<Self> {
        let new = Self { happened: Arc::default(), signal: Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 128 + signal, new.happened.clone())?;
            flag::register_usize(signal, new.signal.clone(), signal as usize)?;
            flag::register(signal, new.happened.clone())?;
        }
        Ok(new)
    }

    pub fn happened(&self) -> bool {
        self.happened.load(Relaxed)
    }

    /// Also where the program ends that has its standard input in hand.
    pub fn follow_parent(&self) {
        let Self { happened, signal } = self;
        let (happened, signal) = (happened.clone(), signal.clone());
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            signal.store(SIGTERM as usize, Relaxed);
            happened.store(true, Relaxed);
        });
    }

    /// As shells have it.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(128 + self.signal.load(Relaxed) as u8)
    }
}
