//! From the bytes of a row of a TIFF to its samples.

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Whole numbers without sign.
    Uint,
    /// IEEE 754.
    Float,
}

/// What is stored in place of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Predictor {
    None,
    /// The difference to the pixel on the left.
    Horizontal,
    /// The same of bytes, the highest ones of all samples first (Adobe's Technical Note 3).
    Float,
}

/// How a row of samples is stored.
pub(super) struct Coding {
    pub kind: Kind,
    pub bits: u32,
    pub predictor: Predictor,
    pub is_big_endian: bool,
    /// The samples of a pixel.
    pub n_channels: usize,
}

impl Coding {
    /// Bits of the samples that are read: larger ones, and fractions, become 16.
    pub fn depth(&self) -> u32 {
        if self.kind == Kind::Float { 16 } else { self.bits.min(16) }
    }

    /// Bytes of a row of some samples.
    pub fn n_bytes(&self, n_samples: usize) -> usize {
        (n_samples * self.bits as usize).div_ceil(8)
    }

    /// Reads a row. Fractions go from 0, black, to 1, white, and are clipped to that; what is no
    /// number is black.
    pub fn read(&self, row: &[u8], samples: &mut [u64]) {
        let size = self.bits as usize / 8;
        match (self.predictor, self.bits) {
            (Predictor::Float, _) => {
                let mut bytes = row[..samples.len() * size].to_vec();
                for at in self.n_channels..bytes.len() {
                    bytes[at] = bytes[at].wrapping_add(bytes[at - self.n_channels]);
                }
                for at in 0..samples.len() {
                    let bytes = bytes[at..].iter().step_by(samples.len());
                    samples[at] = bytes.fold(0, append);
                }
            }
            (_, 8) => samples.iter_mut().zip(row).for_each(|(sample, &byte)| *sample = byte.into()),
            (_, 16 | 32 | 64) => {
                for (sample, bytes) in samples.iter_mut().zip(row.chunks_exact(size)) {
                    *sample = match self.is_big_endian {
                        true => bytes.iter().fold(0, append),
                        false => bytes.iter().rev().fold(0, append),
                    };
                }
            }
            (_, bits) => {
                let mut places = (0..).map(|at| row[at / 8] >> (7 - at % 8) & 1);
                for sample in samples.iter_mut() {
                    let bits = places.by_ref().take(bits as usize);
                    *sample = bits.fold(0, |sample, bit| sample << 1 | u64::from(bit));
                }
            }
        }
        if self.predictor == Predictor::Horizontal {
            for at in self.n_channels..samples.len() {
                let sum = samples[at].wrapping_add(samples[at - self.n_channels]);
                samples[at] = sum & (!0 >> (64 - self.bits));
            }
        }
        match (self.kind, self.bits) {
            (Kind::Float, bits) => {
                let level = |sample| (float(sample, bits).clamp(0., 1.) * 65535.).round() as u64;
                samples.iter_mut().for_each(|sample| *sample = level(*sample));
            }
            (Kind::Uint, 32) => {
                let largest = u64::from(u32::MAX);
                let level = |sample| (sample * 65535 + largest / 2) / largest;
                samples.iter_mut().for_each(|sample| *sample = level(*sample));
            }
            _ => {}
        }
    }
}

fn append(number: u64, byte: &u8) -> u64 {
    number << 8 | u64::from(*byte)
}

/// A number of IEEE 754 in 16, 32 or 64 bits.
fn float(stored: u64, bits: u32) -> f64 {
    match bits {
        32 => f32::from_bits(stored as u32).into(),
        64 => f64::from_bits(stored),
        _ => {
            let (exponent, fraction) = ((stored >> 10 & 31) as i32, (stored & 1023) as f64);
            let size = match exponent {
                0 => fraction * 2_f64.powi(-24),
                31 if fraction > 0. => f64::NAN,
                31 => f64::INFINITY,
                _ => (1024. + fraction) * 2_f64.powi(exponent - 25),
            };
            if stored >> 15 == 1 { -size } else { size }
        }
    }
}
