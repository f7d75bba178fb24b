//! Exif, which is a TIFF without a picture: what it says of the samples, made true again.

use image::metadata::Orientation;

/// Tags, of the main directory and of the one that the first of them points to.
const EXIF_DIRECTORY: u16 = 0x8769;
const COLOR_SPACE: u16 = 0xA001;

/// Tags of the main directory that say where a picture is from: the camera's maker and name, the date, and the
/// directories of Exif and of the place.
const ORIGIN: [u16; 5] = [0x010F, 0x0110, 0x0132, EXIF_DIRECTORY, 0x8825];

const SRGB: u16 = 1;

/// Says of a picture that it is upright and in sRGB, and leaves out its thumbnail, which would show
/// the old colours. The rest stays, bit by bit.
pub fn make_true(exif: &mut [u8]) {
    // `None` is one without an orientation, or one that is damaged.
    let _ = Orientation::remove_from_exif_chunk(exif);
    let big_endian = exif.starts_with(b"MM");
    let _ = Directories { exif, big_endian }.make_true();
}

/// Whether a file is a TIFF that says where its picture is from.
pub fn is_in_tiff(file: &[u8]) -> bool {
    of_tiff(file).is_some_and(|(directories, main)| {
        ORIGIN.iter().any(|&tag| directories.value_at(main, tag).is_some())
    })
}

/// Whether a file is a TIFF with more than one picture, the second of which is no thumbnail.
pub fn has_pages(file: &[u8]) -> bool {
    const KIND: u16 = 0x00FE;
    let is_page = |(directories, main): (Directories<&[u8]>, usize)| {
        let second = directories.long(directories.end_of(main)?).filter(|second| *second > 0)?;
        directories.short(second)?;
        let kind = directories.value_at(second, KIND).and_then(|at| directories.long(at));
        Some(kind.is_none_or(|kind| kind & 1 == 0))
    };
    of_tiff(file).and_then(is_page).unwrap_or(false)
}

/// The directories of a TIFF, and where the first one is.
fn of_tiff(file: &[u8]) -> Option<(Directories<&[u8]>, usize)> {
    let big_endian = file.starts_with(b"MM\0*");
    if !big_endian && !file.starts_with(b"II*\0") {
        return None;
    }
    let directories = Directories { exif: file, big_endian };
    let main = directories.long(4)?;
    Some((directories, main))
}

/// The directories within; `None` where they are damaged.
struct Directories<E> {
    exif: E,
    big_endian: bool,
}

impl Directories<&mut [u8]> {
    fn make_true(&mut self) -> Option<()> {
        let main = self.long(4)?;
        // That of the thumbnail.
        let next = self.end_of(main)?;
        self.exif.get_mut(next..next + 4)?.fill(0);

        let directory = self.value_at(main, EXIF_DIRECTORY)?;
        let directory = self.long(directory)?;
        let color_space = self.value_at(directory, COLOR_SPACE)?;
        let srgb = if self.big_endian { SRGB.to_be_bytes() } else { SRGB.to_le_bytes() };
        self.exif.get_mut(color_space..color_space + 2)?.copy_from_slice(&srgb);
        Some(())
    }
}

impl<E: std::ops::Deref<Target = [u8]>> Directories<E> {
    /// Where the value of a tag is.
    fn value_at(&self, directory: usize, tag: u16) -> Option<usize> {
        let n_entries = usize::from(self.short(directory)?);
        let mut entries = (0..n_entries).map(|entry| directory + 2 + 12 * entry);
        entries.find(|&entry| self.short(entry) == Some(tag)).map(|entry| entry + 8)
    }

    /// The end of a directory's entries, where it says where the next one is.
    fn end_of(&self, directory: usize) -> Option<usize> {
        Some(directory + 2 + 12 * usize::from(self.short(directory)?))
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = self.exif.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) })
    }

    fn long(&self, at: usize) -> Option<usize> {
        let bytes = self.exif.get(at..)?.first_chunk()?;
        let long =
            if self.big_endian { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
        Some(long as usize)
    }
}
