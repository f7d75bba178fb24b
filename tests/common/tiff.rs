//! TIFF files of any kind, made by hand.

use std::io::Write;

/// How a picture is stored.
#[derive(Clone, Debug)]
pub struct Tiff {
    pub width: usize,
    pub height: usize,
    /// Samples of a pixel, and bits of a sample.
    pub n_samples: usize,
    pub bits: usize,
    pub photometric: u32,
    /// The values of the tag for extra samples, if it is there.
    pub extra: Option<Vec<u32>>,
    /// 1 (whole numbers) or 3 (fractions).
    pub sample_format: u32,
    pub compression: u32,
    pub predictor: u32,
    pub is_planar: bool,
    /// Width and height of tiles, or rows of strips.
    pub pieces: Pieces,
    pub is_big_endian: bool,
    pub is_big: bool,
    pub is_reversed: bool,
    /// More tags: number, values, each of 16 bits.
    pub tags: Vec<(u16, Vec<u32>)>,
    /// And of quotients: above and below.
    pub ratios: Vec<(u16, Vec<u32>)>,
}

#[derive(Clone, Copy, Debug)]
pub enum Pieces {
    Strips(usize),
    Tiles(usize, usize),
}

impl Default for Tiff {
    /// R'G'B' in 8 bits, in one strip.
    fn default() -> Self {
        Self {
            width: 1,
            height: 1,
            n_samples: 3,
            bits: 8,
            photometric: 2,
            extra: None,
            sample_format: 1,
            compression: 1,
            predictor: 1,
            is_planar: false,
            pieces: Pieces::Strips(usize::MAX),
            is_big_endian: false,
            is_big: false,
            is_reversed: false,
            tags: Vec::new(),
            ratios: Vec::new(),
        }
    }
}

impl Tiff {
    /// A file of samples, one pixel after the other. Fractions are given by their bits.
    pub fn file(&self, samples: &[u64]) -> Vec<u8> {
        assert_eq!(samples.len(), self.width * self.height * self.n_samples);
        let (width, height, across) = match self.pieces {
            Pieces::Strips(rows) => (self.width, rows.min(self.height), 1),
            Pieces::Tiles(width, height) => (width, height, self.width.div_ceil(width)),
        };
        let mut pieces = Vec::new();
        let n_planes = if self.is_planar { self.n_samples } else { 1 };
        let n_samples = self.n_samples / n_planes;
        for plane in 0..n_planes {
            for piece in 0..across * self.height.div_ceil(height) {
                let (left, top) = (piece % across * width, piece / across * height);
                let is_strip = matches!(self.pieces, Pieces::Strips(_));
                let bottom = if is_strip { (top + height).min(self.height) } else { top + height };
                let mut bytes = Vec::new();
                for y in top..bottom {
                    let row = (left..left + width)
                        .flat_map(|x| (0..n_samples).map(move |sample| (x, sample)));
                    let row: Vec<u64> = row
                        .map(|(x, sample)| {
                            // What is outside doesn't count.
                            let at = (y * self.width + x) * self.n_samples + plane + sample;
                            if x < self.width && y < self.height { samples[at] } else { 99 }
                        })
                        .collect();
                    bytes.extend(self.row(&row, n_samples));
                }
                pieces.push(self.compress(&bytes));
            }
        }
        self.with_pieces(width, height, &pieces)
    }

    /// A file of pieces that are compressed already.
    pub fn with_pieces(&self, width: usize, height: usize, pieces: &[Vec<u8>]) -> Vec<u8> {
        let header = if self.is_big { 16 } else { 8 };
        let mut offsets = Vec::new();
        let mut content = Vec::new();
        for piece in pieces {
            offsets.push((header + content.len()) as u32);
            content.extend(piece);
        }
        let lengths: Vec<u32> = pieces.iter().map(|piece| piece.len() as u32).collect();
        let is_tiled = matches!(self.pieces, Pieces::Tiles(..));
        let rows = match self.pieces {
            Pieces::Strips(usize::MAX) => u32::MAX,
            _ => height as u32,
        };
        let mut tags = vec![
            (256, 4, vec![self.width as u32]),
            (257, 4, vec![self.height as u32]),
            (258, 3, vec![self.bits as u32; self.n_samples]),
            (259, 3, vec![self.compression]),
            (262, 3, vec![self.photometric]),
            (266, 3, vec![if self.is_reversed { 2 } else { 1 }]),
            (277, 3, vec![self.n_samples as u32]),
            (284, 3, vec![if self.is_planar { 2 } else { 1 }]),
            (317, 3, vec![self.predictor]),
            (339, 3, vec![self.sample_format; self.n_samples]),
        ];
        tags.extend(self.extra.clone().map(|extra| (338, 3, extra)));
        tags.extend(self.tags.iter().map(|(tag, values)| (*tag, 3, values.clone())));
        tags.extend(self.ratios.iter().map(|(tag, values)| (*tag, 5, values.clone())));
        if is_tiled {
            tags.extend([(322, 4, vec![width as u32]), (323, 4, vec![height as u32])]);
            tags.extend([(324, 4, offsets), (325, 4, lengths)]);
        } else {
            tags.extend([(273, 4, offsets), (278, 4, vec![rows]), (279, 4, lengths)]);
        }
        tags.sort();

        let size = if self.is_big { 8 } else { 4 };
        let directory = (header + content.len()).next_multiple_of(2);
        content.resize(directory - header, 0);
        let size_of_count = if self.is_big { 8 } else { 2 };
        let mut values_at = directory + size_of_count + tags.len() * (4 + 2 * size) + size;
        let mut file = if self.is_big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        if self.is_big {
            self.put(&mut file, 43, 2);
            self.put(&mut file, 8, 2);
            self.put(&mut file, 0, 2);
        } else {
            self.put(&mut file, 42, 2);
        }
        self.put(&mut file, directory as u64, size);
        file.extend(content);
        self.put(&mut file, tags.len() as u64, size_of_count);
        let mut values = Vec::new();
        for (tag, kind, numbers) in tags {
            self.put(&mut file, u64::from(tag), 2);
            self.put(&mut file, kind, 2);
            let n = if kind == 5 { numbers.len() / 2 } else { numbers.len() };
            self.put(&mut file, n as u64, size);
            let mut bytes = Vec::new();
            for number in numbers {
                self.put(&mut bytes, number.into(), if kind == 3 { 2 } else { 4 });
            }
            if bytes.len() > size {
                self.put(&mut file, values_at as u64, size);
                values_at += bytes.len();
                values.extend(bytes);
            } else {
                bytes.resize(size, 0);
                file.extend(bytes);
            }
        }
        self.put(&mut file, 0, size);
        file.extend(values);
        file
    }

    fn put(&self, bytes: &mut Vec<u8>, number: u64, size: usize) {
        let all = number.to_be_bytes();
        let number = &all[8 - size..];
        match self.is_big_endian {
            true => bytes.extend(number),
            false => bytes.extend(number.iter().rev()),
        }
    }

    /// The bytes of a row.
    fn row(&self, samples: &[u64], n_samples: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        if !self.bits.is_multiple_of(8) {
            let mut bits = Vec::new();
            for sample in samples {
                bits.extend((0..self.bits).rev().map(|bit| (sample >> bit & 1) as u8));
            }
            for bits in bits.chunks(8) {
                let byte = bits.iter().fold(0, |byte, bit| byte << 1 | bit);
                bytes.push(byte << (8 - bits.len()));
            }
            return bytes;
        }
        let size = self.bits / 8;
        if self.predictor == 3 {
            for byte in 0..size {
                let shift = 8 * (size - 1 - byte);
                bytes.extend(samples.iter().map(|sample| (sample >> shift) as u8));
            }
            for at in (n_samples..bytes.len()).rev() {
                bytes[at] = bytes[at].wrapping_sub(bytes[at - n_samples]);
            }
            return bytes;
        }
        for (at, sample) in samples.iter().enumerate() {
            let left = if at < n_samples { 0 } else { samples[at - n_samples] };
            let difference = sample.wrapping_sub(if self.predictor == 2 { left } else { 0 });
            self.put(&mut bytes, difference & (u64::MAX >> (64 - self.bits)), size);
        }
        bytes
    }

    pub fn compress(&self, bytes: &[u8]) -> Vec<u8> {
        let mut piece = match self.compression {
            5 => weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)
                .encode(bytes)
                .expect("LZW"),
            8 => {
                let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Default::default());
                zlib.write_all(bytes).expect("memory");
                zlib.finish().expect("memory")
            }
            // A run, the filler, and what stands for itself.
            32773 => {
                let (first, rest) =
                    bytes.split_at(bytes.iter().take_while(|b| **b == bytes[0]).count().min(128));
                let mut piece = vec![257_usize.wrapping_sub(first.len()) as u8, first[0], 128];
                if first.len() == 1 {
                    piece = vec![0, first[0], 128];
                }
                for some in rest.chunks(128) {
                    piece.push(some.len() as u8 - 1);
                    piece.extend(some);
                }
                piece
            }
            _ => bytes.to_vec(),
        };
        if self.is_reversed {
            piece.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        piece
    }
}
