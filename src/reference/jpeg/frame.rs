//! The headers of a JPEG: what the frame is made of.

use super::super::ReferenceError;
use super::super::checks::u16_be;

/// How the coefficients or samples are coded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Process {
    Sequential,
    Progressive,
    Lossless,
}

/// What the components are (JFIF, and the decision of libjpeg where nothing says it).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Colors {
    Grey,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

/// A frame's header (B.2.2).
pub(super) struct Frame {
    pub process: Process,
    /// Bits of a sample.
    pub precision: u8,
    pub width: usize,
    pub height: usize,
    pub components: Vec<Component>,
    /// Units of all components (MCU) in a row, and how many rows of them there are.
    pub units: [usize; 2],
    pub v_max: usize,
}

pub(super) struct Component {
    pub id: u8,
    /// Sampling factors.
    pub h: usize,
    pub v: usize,
    /// Blocks in a row, and rows of them, of a scan that has this component alone (A.2.2).
    pub blocks: [usize; 2],
}

impl Frame {
    /// Reads the segment behind a marker of a frame (C0 to CF), with its length in front.
    pub fn read(marker: u8, segment: &[u8]) -> Result<Self, ReferenceError> {
        let unsupported = |what: String| Err(ReferenceError::Unsupported(what));
        let process = match marker {
            0xC0 | 0xC1 => Process::Sequential,
            0xC2 => Process::Progressive,
            0xC3 => Process::Lossless,
            0xC9..=0xCB => return unsupported("a JPEG with arithmetic coding".into()),
            _ => return unsupported("a hierarchical JPEG".into()),
        };
        let damaged = || ReferenceError::Damaged("the JPEG's frame header is wrong".into());
        let &[precision, _, _, _, _, n] = segment.get(2..8).ok_or_else(damaged)? else {
            return Err(damaged());
        };
        let (height, width) = (u16_be(segment, 3).unwrap_or(0), u16_be(segment, 5).unwrap_or(0));
        let entries = segment[8..].as_chunks::<3>().0.get(..usize::from(n)).ok_or_else(damaged)?;
        if process != Process::Lossless && precision != 8 {
            return unsupported(format!("a JPEG of {precision} bits"));
        }
        if !(2..=16).contains(&precision) || width == 0 {
            return Err(damaged());
        }
        if height == 0 {
            return unsupported("a JPEG that says its height behind the picture (DNL)".into());
        }
        if !matches!(n, 1 | 3 | 4) {
            return unsupported(format!("a JPEG of {n} components"));
        }
        let (width, height) = (usize::from(width), usize::from(height));
        let factors = |sampling: u8| (usize::from(sampling >> 4), usize::from(sampling & 15));
        let (h, v): (Vec<_>, Vec<_>) = entries.iter().map(|entry| factors(entry[1])).unzip();
        if h.iter().chain(&v).any(|factor| !(1..=4).contains(factor)) {
            return Err(damaged());
        }
        let (h_max, v_max) =
            (h.iter().copied().max().unwrap_or(1), v.iter().copied().max().unwrap_or(1));
        let is_subsampled = h.iter().any(|h| *h != h_max) || v.iter().any(|v| *v != v_max);
        if h.iter().any(|h| h_max % h != 0) || v.iter().any(|v| v_max % v != 0) {
            return unsupported("a JPEG with sampling factors like 3 and 2".into());
        }
        if process == Process::Lossless && is_subsampled {
            return unsupported("a lossless JPEG with subsampling".into());
        }
        let mut ids: Vec<_> = entries.iter().map(|entry| entry[0]).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return unsupported("a JPEG whose components have the same number".into());
        }
        // Samples of a lossless one are units by themselves.
        let block = if process == Process::Lossless { 1 } else { 8 };
        let component = |(id, (h, v)): (u8, (usize, usize))| Component {
            id,
            h,
            v,
            blocks: [
                (width * h).div_ceil(h_max).div_ceil(block),
                (height * v).div_ceil(v_max).div_ceil(block),
            ],
        };
        let ids = entries.iter().map(|entry| entry[0]);
        Ok(Self {
            process,
            precision,
            width,
            height,
            components: ids.zip(h.into_iter().zip(v)).map(component).collect(),
            units: [width.div_ceil(block * h_max), height.div_ceil(block * v_max)],
            v_max,
        })
    }
}
