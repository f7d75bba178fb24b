//! A stream that is matched to itself: a tap behind the element that follows it. The tap asks upstream.

/// The name of the query, and of its field.
const QUERY: &str = "histomatch-is-matched-to";
const CHANNEL: &str = "channel";

/// Asks whether the stream is matched to a channel. Who does that, answers; nobody else knows the query.
pub(super) fn query(channel: &str) -> gst::query::Custom<gst::Query> {
    gst::query::Custom::new(gst::Structure::builder(QUERY).field(CHANNEL, channel).build())
}

/// The channel that a query asks for, if it is this query.
pub(super) fn channel(query: &gst::QueryRef) -> Option<&str> {
    query.structure().filter(|structure| structure.name() == QUERY)?.get(CHANNEL).ok()
}
