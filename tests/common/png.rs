//! PNG files made by hand (ISO/IEC 15948), right or wrong in any way.

/// The bit depth and colour type of a file.
#[derive(Clone, Copy)]
pub struct Kind(pub u8, pub u8);

pub const GREY_1: Kind = Kind(1, 0);
pub const GREY_2: Kind = Kind(2, 0);
pub const GREY_4: Kind = Kind(4, 0);
pub const GREY_8: Kind = Kind(8, 0);
pub const RGB_8: Kind = Kind(8, 2);
pub const RGB_16: Kind = Kind(16, 2);
pub const PALETTE_1: Kind = Kind(1, 3);
pub const PALETTE_2: Kind = Kind(2, 3);
pub const PALETTE_8: Kind = Kind(8, 3);

/// A file of `chunks` between the header and the end.
pub fn file(width: u32, height: u32, Kind(depth, color): Kind, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([depth, color, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(chunk(b"IHDR", &header));
    file.extend(chunks.concat());
    file.extend(chunk(b"IEND", b""));
    file
}

pub fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(name);
    chunk.extend(data);
    chunk.extend(crc(&chunk[4..]).to_be_bytes());
    chunk
}

/// A file with one more chunk, behind its header.
pub fn with_chunk(file: &[u8], name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let (header, rest) = file.split_at(8 + 25);
    [header, &chunk(name, data), rest].concat()
}

/// The pixels, from rows of packed samples.
pub fn pixels(rows: &[&[u8]]) -> Vec<u8> {
    chunk(b"IDAT", &stored(&rows.iter().flat_map(|row| [&[0], *row].concat()).collect::<Vec<u8>>()))
}

fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// A zlib stream (RFC 1950) of one block that isn't compressed.
pub fn stored(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("fits in one block");
    let (a, b) = data.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (a + b) % 65521)
    });
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(data);
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

/// A zlib stream of 1 + 258 `n` zeros in 13 bits for every 258.
pub fn bomb(n: usize) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let (mut bits, mut n_bits) = (0u64, 0);
    let mut put = |value: u64, n: u32| {
        bits |= value << n_bits;
        n_bits += n;
        while n_bits >= 8 {
            stream.push(bits as u8);
            bits >>= 8;
            n_bits -= 8;
        }
    };
    // RFC 1951: the last block, fixed codes; the literal 0; then "258 bytes from 1 byte back", with
    // the codes 1100 0101 and 0 0000, first bit first; and the end.
    put(0b011, 3);
    put(0b0000_1100, 8);
    (0..n).for_each(|_| put(0b1010_0011, 13));
    put(0, 7);
    put(0, 7);
    let sum = (1 + 258 * n) % 65521;
    stream.extend(((sum as u32) << 16 | 1).to_be_bytes());
    stream
}
