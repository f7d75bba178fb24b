//! The memory of buffers, mapped block by block.
//!
//! A buffer can be made of several memories, one for each plane for instance. Mapped as a whole,
//! they are copied into a new one, and what they were (DMABufs, for one) is lost.

use gst::{buffer, memory};

use crate::frame::{FrameLayout, PlaneSpan};

/// A buffer's memory that can't be mapped.
pub(super) struct NotMapped;

/// What of a buffer is mapped.
pub(super) enum Mapped<Block, Whole> {
    /// Each of its memories.
    Blocks(Vec<Block>),
    /// All of it, because a plane lies in more than one memory.
    Whole(Whole),
}

type Readable<'a> =
    Mapped<memory::MemoryMap<'a, memory::Readable>, buffer::BufferMap<'a, buffer::Readable>>;

type Writable<'a> =
    Mapped<memory::MemoryMap<'a, memory::Writable>, buffer::BufferMap<'a, buffer::Writable>>;

/// Whether the buffer has to be mapped as a whole.
fn is_split(buffer: &gst::BufferRef, layout: &FrameLayout, spans: &[PlaneSpan]) -> bool {
    let sizes: Vec<usize> = buffer.iter_memories().map(|memory| memory.size()).collect();
    sizes.len() > 1 && layout.is_split(spans, &sizes)
}

/// Maps a frame to read.
pub(super) fn read<'a>(
    buffer: &'a gst::BufferRef,
    layout: &FrameLayout,
    spans: &[PlaneSpan],
) -> Result<Readable<'a>, NotMapped> {
    if is_split(buffer, layout, spans) {
        return buffer.map_readable().map(Mapped::Whole).map_err(|_| NotMapped);
    }
    let blocks = buffer.iter_memories().map(|memory| memory.map_readable());
    blocks.collect::<Result<_, _>>().map(Mapped::Blocks).map_err(|_| NotMapped)
}

/// Maps a frame to read and to change. Memories that others have, too, or that are read-only, are
/// replaced by copies.
pub(super) fn write<'a>(
    buffer: &'a mut gst::BufferRef,
    layout: &FrameLayout,
    spans: &[PlaneSpan],
) -> Result<Writable<'a>, NotMapped> {
    if is_split(buffer, layout, spans) {
        return buffer.map_writable().map(Mapped::Whole).map_err(|_| NotMapped);
    }
    for index in 0..buffer.n_memory() {
        let is_read_only = buffer.peek_memory(index).flags().contains(gst::MemoryFlags::READONLY);
        if is_read_only || !buffer.is_memory_range_writable(index..=index) {
            // It fails by a panic where the memory can't be read.
            drop(buffer.peek_memory(index).map_readable().map_err(|_| NotMapped)?);
            let copy = buffer.peek_memory(index).copy_range(..);
            buffer.replace_memory(index, copy);
        }
    }
    let memories = buffer.iter_memories_mut().map_err(|_| NotMapped)?;
    let blocks = memories.map(|memory| memory.map_writable());
    blocks.collect::<Result<_, _>>().map(Mapped::Blocks).map_err(|_| NotMapped)
}

impl<Block: AsRef<[u8]>, Whole: AsRef<[u8]>> Mapped<Block, Whole> {
    pub fn blocks(&self) -> Vec<&[u8]> {
        match self {
            Self::Blocks(blocks) => blocks.iter().map(AsRef::as_ref).collect(),
            Self::Whole(whole) => vec![whole.as_ref()],
        }
    }
}

impl<Block: AsMut<[u8]>, Whole: AsMut<[u8]>> Mapped<Block, Whole> {
    pub fn blocks_mut(&mut self) -> Vec<&mut [u8]> {
        match self {
            Self::Blocks(blocks) => blocks.iter_mut().map(AsMut::as_mut).collect(),
            Self::Whole(whole) => vec![whole.as_mut()],
        }
    }
}
