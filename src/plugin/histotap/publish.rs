//! When snapshots are published.

/// When snapshots are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstHistoTapPublish")]
pub enum Publish {
    /// Again and again.
    #[default]
    #[enum_value(name = "Again and again, as often as interval says", nick = "continuous")]
    Continuous,
    /// When frames of a whole window were seen, or at the end of the stream if that comes before.
    #[enum_value(name = "Once, when the window was seen", nick = "once")]
    Once,
    /// At the signal `capture` alone.
    #[enum_value(name = "When the signal capture asks for it", nick = "manual")]
    Manual,
    /// When the stream ends.
    #[enum_value(name = "At the end of the stream", nick = "eos")]
    Eos,
}
