//! Picture files that promise little and cost much, made by hand.

/// Bits, lowest first, as VP8L has them.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    n: usize,
}

impl Bits {
    fn put(&mut self, value: u32, n: usize) {
        for i in 0..n {
            if self.n.is_multiple_of(8) {
                self.bytes.push(0);
            }
            self.bytes[self.n / 8] |= ((value >> i & 1) as u8) << (self.n % 8);
            self.n += 1;
        }
    }
}

/// A segment of a JPEG.
fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&[0xFF, marker], &length[..], content].concat()
}

/// A scan of a JPEG: which components, first and last coefficient, which bits of them, and data.
pub struct Scan<'a>(pub &'a [u8], pub u8, pub u8, pub u8, pub &'a [u8]);

/// A JPEG of three components of full resolution, whose tables say: the bit 0 is no change of the
/// mean, and the coefficient -1 or a run of blocks (`ac`).
pub fn jpeg(width: u16, height: u16, is_progressive: bool, ac: u8, scans: &[Scan]) -> Vec<u8> {
    let mut file = vec![0xFF, 0xD8];
    file.extend(segment(0xDB, &[[0].as_slice(), &[1; 64]].concat()));
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes());
    frame.extend(width.to_be_bytes());
    frame.extend([3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    file.extend(segment(if is_progressive { 0xC2 } else { 0xC0 }, &frame));
    for (class, symbol) in [(0x00, 0), (0x10, ac)] {
        let mut table = vec![class, 1];
        table.extend([0; 15]);
        table.push(symbol);
        file.extend(segment(0xC4, &table));
    }
    for Scan(components, first, last, bits, data) in scans {
        let mut header = vec![components.len() as u8];
        header.extend(components.iter().flat_map(|&id| [id, 0]));
        header.extend([*first, *last, *bits]);
        file.extend(segment(0xDA, &header));
        file.extend(*data);
    }
    file.extend([0xFF, 0xD9]);
    file
}

/// A progressive JPEG whose scans after the first, of the means, go over all blocks again.
pub fn jpeg_of_scans(width: u16, height: u16, n: usize) -> Vec<u8> {
    let first = vec![0; usize::from(width.div_ceil(8)) * usize::from(height.div_ceil(8))];
    let mut scans = vec![Scan(&[1, 2, 3], 0, 0, 1, &first)];
    scans.extend((1..n).map(|_| Scan(&[1, 2, 3], 0, 0, 0x10, &[0; 1000])));
    jpeg(width, height, true, 1, &scans)
}

/// A progressive JPEG whose second scan sets all coefficients of the first component, and whose
/// others refine them all.
pub fn jpeg_of_refinements(width: u16, height: u16, n: usize) -> Vec<u8> {
    let mut scans = vec![Scan(&[1, 2, 3], 0, 0, 1, &[0; 16]), Scan(&[1], 1, 63, 1, &[0; 1000])];
    scans.extend((2..n).map(|_| Scan(&[1], 1, 63, 0x10, &[0; 1000])));
    jpeg(width, height, true, 1, &scans)
}

/// Type of a TIFF's values.
pub const SHORT: u16 = 3;
pub const LONG: u16 = 4;

/// A TIFF: `content` lies at 8, the directory and its values behind it.
pub fn tiff(content: &[u8], entries: &[(u16, u16, Vec<u32>)]) -> Vec<u8> {
    let directory = 8 + content.len().next_multiple_of(2);
    let mut values_at = directory + 2 + entries.len() * 12 + 4;
    let mut values = Vec::new();
    let mut file = b"II*\0".to_vec();
    file.extend((directory as u32).to_le_bytes());
    file.extend(content);
    file.resize(directory, 0);
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, numbers) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend((numbers.len() as u32).to_le_bytes());
        let mut bytes: Vec<u8> = match *kind {
            SHORT => numbers.iter().flat_map(|&n| (n as u16).to_le_bytes()).collect(),
            _ => numbers.iter().flat_map(|n| n.to_le_bytes()).collect(),
        };
        if bytes.len() > 4 {
            file.extend((values_at as u32).to_le_bytes());
            values_at += bytes.len();
            values.extend(bytes);
        } else {
            bytes.resize(4, 0);
            file.extend(bytes);
        }
    }
    file.extend([0; 4]);
    file.extend(values);
    file
}

/// A TIFF of 8-bit grey in tiles that all share one stream.
pub fn tiff_of_tiles(size: [u32; 2], tile: [u32; 2], compression: u32, stream: &[u8]) -> Vec<u8> {
    let n = (size[0].div_ceil(tile[0]) * size[1].div_ceil(tile[1])) as usize;
    tiff(
        stream,
        &[
            (256, LONG, vec![size[0]]),
            (257, LONG, vec![size[1]]),
            (258, SHORT, vec![8]),
            (259, SHORT, vec![compression]),
            (262, SHORT, vec![1]),
            (277, SHORT, vec![1]),
            (322, LONG, vec![tile[0]]),
            (323, LONG, vec![tile[1]]),
            (324, LONG, vec![8; n]),
            (325, LONG, vec![stream.len() as u32; n]),
        ],
    )
}

/// A TIFF of RGB in one strip, which is a JPEG.
pub fn tiff_of_jpeg(size: [u32; 2], jpeg: &[u8]) -> Vec<u8> {
    tiff(
        jpeg,
        &[
            (256, LONG, vec![size[0]]),
            (257, LONG, vec![size[1]]),
            (258, SHORT, vec![8; 3]),
            (259, SHORT, vec![7]),
            (262, SHORT, vec![2]),
            (273, LONG, vec![8]),
            (277, SHORT, vec![3]),
            (278, LONG, vec![size[1]]),
            (279, LONG, vec![jpeg.len() as u32]),
        ],
    )
}

/// A WebP of chunks.
pub fn riff(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut content = b"WEBP".to_vec();
    for (name, data) in chunks {
        content.extend(*name);
        content.extend((data.len() as u32).to_le_bytes());
        content.extend(data);
        content.resize(content.len().next_multiple_of(2), 0);
    }
    [b"RIFF", &(content.len() as u32).to_le_bytes()[..], &content].concat()
}

/// A prefix code whose symbols have the lengths 1, 2, … 15, 15: the largest tables of a decoder.
fn put_long_code(bits: &mut Bits) {
    bits.put(0, 1);
    bits.put(15, 4);
    // The lengths 0 to 15 have codes of 4 bits: in the order of the format, 17, 18, 0 to 5, 16, 6…
    for length in [[0, 0].as_slice(), &[4; 6], &[0], &[4; 10]].concat() {
        bits.put(length, 3);
    }
    bits.put(1, 1);
    bits.put(1, 3);
    bits.put(14, 4);
    for length in (1..=15).chain([15u32]) {
        bits.put(length.reverse_bits() >> 28, 4);
    }
}

/// A prefix code of one symbol.
fn put_single(bits: &mut Bits, symbol: u32) {
    bits.put(0b101, 3);
    bits.put(symbol, 8);
}

/// VP8L data of that size, from the transforms on, with that many sets of prefix codes.
fn put_codes(bits: &mut Bits, n: u32) {
    bits.put(0, 1);
    bits.put(0, 1);
    // One number for all blocks of 4 x 4 pixels: the highest.
    bits.put(1, 1);
    bits.put(0, 3);
    bits.put(0, 1);
    put_single(bits, (n - 1) & 0xFF);
    put_single(bits, (n - 1) >> 8);
    (0..3).for_each(|_| put_single(bits, 0));
    (0..n * 5).for_each(|_| put_long_code(bits));
    // Pixels, any.
    (0..100).for_each(|_| bits.put(0, 32));
}

pub fn vp8l(width: u32, height: u32, n_codes: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0x2F, 8);
    bits.put(width - 1, 14);
    bits.put(height - 1, 14);
    bits.put(0, 4);
    put_codes(&mut bits, n_codes);
    bits.bytes
}

/// The header of a WebP with more than one chunk.
pub fn vp8x(flags: u8, width: u32, height: u32) -> Vec<u8> {
    [&[flags, 0, 0, 0], &(width - 1).to_le_bytes()[..3], &(height - 1).to_le_bytes()[..3]].concat()
}

/// A WebP whose alpha has that many sets of prefix codes.
pub fn webp_with_alpha(n_codes: u32, vp8: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(1, 8);
    put_codes(&mut bits, n_codes);
    riff(&[(b"VP8X", vp8x(0x10, 16, 16)), (b"ALPH", bits.bytes), (b"VP8 ", vp8.into())])
}

/// A box of HEIF.
#[cfg(feature = "heif")]
fn heif_box(kind: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, &content].concat()
}

/// A HEIC or AVIF whose picture is a grid of one and the same tile: of the tile its kind, size,
/// configuration (a box) and data, and columns and rows of the grid.
#[cfg(feature = "heif")]
pub fn heif_of_tiles(
    kind: &[u8; 4],
    tile: [u32; 2],
    configuration: &[u8],
    data: &[u8],
    grid: [u32; 2],
) -> Vec<u8> {
    let word = |number: u32| u16::try_from(number).expect("it is small").to_be_bytes();
    let size = |[width, height]: [u32; 2]| {
        heif_box(b"ispe", &[&[0; 4], &width.to_be_bytes(), &height.to_be_bytes()])
    };
    let info = |id, kind| heif_box(b"infe", &[&[2, 0, 0, 0], &word(id), &[0; 2], kind, &[0]]);
    let whole = [tile[0] * grid[0], tile[1] * grid[1]];
    let n_tiles = grid[0] * grid[1];
    let layout = [
        &[0, 1, (grid[1] - 1) as u8, (grid[0] - 1) as u8][..],
        &whole[0].to_be_bytes(),
        &whole[1].to_be_bytes(),
    ]
    .concat();
    let start = heif_box(b"ftyp", &[b"mif1\0\0\0\0mif1heic"]);
    // Twice, as the first time says how long it is.
    let mut data_at = 0_u32;
    loop {
        let place = |id, method, at: u32, length: usize| {
            let length = (length as u32).to_be_bytes();
            [&word(id)[..], &word(method), &word(0), &word(1), &at.to_be_bytes(), &length].concat()
        };
        let tiles: Vec<u8> = (0..n_tiles).flat_map(|_| word(2)).collect();
        let parts = heif_box(b"dimg", &[&word(1), &word(n_tiles), &tiles]);
        let properties = heif_box(b"ipco", &[&size(whole), &size(tile), configuration]);
        let owners =
            [&[0; 4][..], &2_u32.to_be_bytes(), &word(1), &[1, 1], &word(2), &[2, 2, 3]].concat();
        let meta = heif_box(
            b"meta",
            &[
                &[0; 4],
                &heif_box(b"hdlr", &[&[0; 8], b"pict", &[0; 13]]),
                &heif_box(b"pitm", &[&[0; 4], &word(1)]),
                &heif_box(
                    b"iloc",
                    &[
                        &[1, 0, 0, 0, 0x44, 0],
                        &word(2),
                        &place(1, 1, 0, layout.len()),
                        &place(2, 0, data_at, data.len()),
                    ],
                ),
                &heif_box(b"iinf", &[&[0; 4], &word(2), &info(1, b"grid"), &info(2, kind)]),
                &heif_box(b"iref", &[&[0; 4], &parts]),
                &heif_box(b"iprp", &[&properties, &heif_box(b"ipma", &[&owners])]),
                &heif_box(b"idat", &[&layout]),
            ],
        );
        let file = [start.clone(), meta, heif_box(b"mdat", &[data])].concat();
        let at = (file.len() - data.len()) as u32;
        if at == data_at {
            return file;
        }
        data_at = at;
    }
}
