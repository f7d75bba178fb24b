//! References that live: what another stream looks like now.
//!
//! ```text
//! frames ─► Gathering ─► Pixels ─► Publisher ─► Channel ─► Snapshot ─► Reference ─► Target
//! ```
//!
//! Who looks at frames takes a sample of some of them ([`gathering`]) and publishes what that shows
//! ([`snapshot`]) under a name ([`channel`]). Who matches to it takes the newest snapshot. Nobody waits
//! for anybody.

pub mod channel;
pub mod gathering;
pub mod mask;
mod png;
pub mod region;
pub mod snapshot;
