//! What was learned in some channels, in others of the same kind: frames with more or fewer bits, or in
//! another range.
//!
//! Every level of the old channel becomes one, or some, of the new channel, whatever the other channels
//! of the pixel are; so distributions can be converted. Another matrix is none such: there, levels are
//! taken as they are. Greys are the same with any matrix, and other colours differ by little. Between
//! R'G'B', Y'CbCr and luma, and between primaries or transfers, nothing is converted.

use std::mem::discriminant;

use super::channel::ChannelState;
use crate::cdf::Cdf;
use crate::color::Channels;
use crate::histogram::Histogram;
use crate::mapping::curve::Curve;

/// Whether channels mean the same, but for the number of bits, the range and the matrix of luma.
pub(super) fn are_alike(from: &Channels, to: &Channels) -> bool {
    discriminant(&from.encoding) == discriminant(&to.encoding) && from.colorimetry == to.colorimetry
}

/// What is known of a channel, as one of other channels that are alike.
pub(super) fn convert(
    channel: ChannelState,
    index: usize,
    from: &Channels,
    to: &Channels,
) -> ChannelState {
    let depths = [from, to].map(|channels| channels.depths[index]);
    let curve = |curve: Curve| {
        // First to the same number of bits, then to the range. The middle of a level stays the middle.
        let depth = depths[0].max(depths[1]);
        let [wider, narrower] = depths.map(|own| f64::from(1u32 << depth) / f64::from(1u32 << own));
        let (factor, offset) = range_change(index, depth, from, to);
        let scale = wider * factor / narrower;
        let offset = ((wider - 1.) / 2. * factor + offset - (narrower - 1.) / 2.) / narrower;
        curve.rescaled(1 << depths[1], scale, offset)
    };
    ChannelState {
        source: channel.source.map(|source| convert_cdf(&source, index, from, to)),
        shown: channel.shown.map(curve),
        outgoing: channel.outgoing.map(|(old, left)| (curve(old), left)),
        ..channel
    }
}

/// The number of bits is changed as that of a reference is ([`Histogram::at_depth`]); the range, at the
/// larger of the two numbers.
fn convert_cdf(cdf: &Cdf, index: usize, from: &Channels, to: &Channels) -> Cdf {
    let depths = [from, to].map(|channels| channels.depths[index]);
    let at_depth = |cdf: &Cdf, channels: &Channels| {
        let depth = depths[1];
        let legal = channels.encoding.legal(index, depth);
        Cdf::from(&Histogram::from(cdf).at_depth(depth, legal))
    };
    let in_range = |cdf: Cdf| {
        let (factor, offset) = range_change(index, depths[0].max(depths[1]), from, to);
        if (factor, offset) == (1., 0.) { cdf } else { cdf.rescaled(factor, offset) }
    };
    let converted = if depths[1] > depths[0] {
        in_range(at_depth(cdf, from))
    } else {
        at_depth(&in_range(cdf.clone()), to)
    };
    converted.limited()
}

/// From a level to that in another range: times a factor, plus an offset.
fn range_change(index: usize, depth: u32, from: &Channels, to: &Channels) -> (f64, f64) {
    // With fewer bits there is only one range.
    if depth < 8 {
        return (1., 0.);
    }
    let [(zero, one), (to_zero, to_one)] =
        [from, to].map(|channels| channels.encoding.quantization(index, depth));
    let factor = f64::from(to_one) / f64::from(one);
    (factor, f64::from(to_zero) - factor * f64::from(zero))
}
