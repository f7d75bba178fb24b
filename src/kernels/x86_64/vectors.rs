//! Steps of conversions by vectors, written once for vectors of any length, for bytes and for words
//! of 10 bits.
//!
//! A file that has the names of [`conversion_ops`] for the operations of its instruction set gets the steps
//! from it. They equal those of `scalar/convert.rs`, which take over where a row does not fill a block.
//!
//! A block is as many samples as a vector has bytes. To be computed with, they are words in two
//! vectors, its halves. Words are in order; but bytes become words by unpacking: of each 16
//! bytes, the first eight go to one half and the last eight to the other (the AVX-512 and AVX2
//! instructions work on parts of 128 bits). Packing them puts them in order again.

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

/// How far ahead of the loads memory is asked for.
const PREFETCH_BYTES: usize = 4096;

/// Bytes of a cache line.
pub(super) const CACHE_LINE: usize = 64;

/// Asks for the memory that will be read some time later.
#[inline(always)]
pub(super) fn prefetch<T>(samples: &[T]) {
    for line in samples.chunks(CACHE_LINE / size_of::<T>()) {
        prefetch_line(line.as_ptr().wrapping_byte_add(PREFETCH_BYTES));
    }
}

/// Asks for the cache line of an address.
#[inline(always)]
pub(super) fn prefetch_line<T>(address: *const T) {
    // SAFETY: a prefetch may be given any address: it reads nothing that a program can see, and does not
    // fault.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

/// The place in a shuffle that gives 0.
const NOWHERE: u8 = 0x80;

/// For shuffles of three vectors of 128 bits: where every third byte of them is, from one on.
pub(super) const fn out_of_three(first: usize) -> [[u8; 16]; 3] {
    let mut places = [[NOWHERE; 16]; 3];
    let mut i = 0;
    while i < 16 {
        let at = 3 * i + first;
        places[at / 16][i] = (at % 16) as u8;
        i += 1;
    }
    places
}

/// For shuffles back into three vectors: the bytes of one, and nothing in between.
pub(super) const fn into_three(first: usize) -> [[u8; 16]; 3] {
    let mut places = [[NOWHERE; 16]; 3];
    let mut i = 0;
    while i < 16 {
        let at = 3 * i + first;
        places[at / 16][at % 16] = i as u8;
        i += 1;
    }
    places
}

/// Defines the operations of [`conversion_ops`] that are the same for vectors of any length, out of what is in
/// scope: the type `V`, `VECTOR` (its bytes), and intrinsics without prefix, `loadu` and `storeu`
/// of bytes and of words.
macro_rules! operations {
    ($features:literal) => {
        #[inline]
        #[target_feature(enable = $features)]
        fn load(bytes: &[u8]) -> V {
            loadu_bytes(bytes.first_chunk::<VECTOR>().expect("a vector of bytes"))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store(bytes: &mut [u8], vector: V) {
            storeu_bytes(bytes.first_chunk_mut::<VECTOR>().expect("a vector of bytes"), vector);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn load16(words: &[u16]) -> V {
            loadu_words(words.first_chunk::<{ VECTOR / 2 }>().expect("a vector of words"))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store16(words: &mut [u16], vector: V) {
            let words = words.first_chunk_mut::<{ VECTOR / 2 }>().expect("a vector of words");
            storeu_words(words, vector);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn splat16(value: i32) -> V {
            set1_epi16(value as i16)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn slli16<const BITS: u32>(value: V) -> V {
            sll_epi16(value, _mm_cvtsi32_si128(BITS as i32))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn srai16<const BITS: u32>(value: V) -> V {
            sra_epi16(value, _mm_cvtsi32_si128(BITS as i32))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn srli16<const BITS: u32>(value: V) -> V {
            srl_epi16(value, _mm_cvtsi32_si128(BITS as i32))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn sra32(value: V, bits: u32) -> V {
            sra_epi32(value, _mm_cvtsi32_si128(bits as i32))
        }

        /// In each part of 128 bits, the word before each one, the last of the part of `before` at
        /// first.
        #[inline]
        #[target_feature(enable = $features)]
        fn word_before(words: V, before: V) -> V {
            alignr_epi8::<14>(words, before)
        }
    };
}
pub(super) use operations;

/// Defines `Ops`, which holds the token `$cpu`, for a type of samples out of what [`byte_samples`] or [`word_samples`] defines,
/// of [`operations`], and of what is in scope: functions named after what they do, without prefix:
/// `widen` (bytes to 16 bits), `narrow` (and store), `widen32` and `narrow32` (32 bits), `splat32`,
/// `zero`, `add16`, `sub16`, `adds16` (saturating), `min16`, `max16`, `min8`, `max8` (unsigned),
/// `mulhrs`, `xor`, `and`, `or`, `products` (of words, pairs of them added to 32 bits),
/// `add_products` (to what there is), `maddubs`, `unpacklo8`, `unpackhi8`, `unpacklo16`,
/// `unpackhi16`, `packs32`, `packus16`; `in_order` (the parts of 128 bits of two vectors that packing
/// has put next to each other), `alternate` (words of two vectors, in order), `part_before` (the
/// part of 128 bits before each one, the last of another vector at first).
macro_rules! conversion_ops {
    ($cpu:ident, $features:literal, $sample:ty) => {
        #[derive(Clone, Copy)]
        pub(super) struct Ops($cpu);

        impl From<$cpu> for Ops {
            #[inline(always)]
            fn from(cpu: $cpu) -> Self {
                Self(cpu)
            }
        }

        impl convert::Ops<$sample> for Ops {
            #[inline(always)]
            fn to_channels(
                self,
                conversion: &convert::Conversion,
                group: &RowGroupView<$sample>,
                lines: &mut convert::ConvertedRows<$sample>,
            ) -> usize {
                // SAFETY: `self` proves that the CPU has the features.
                unsafe { to_channels(conversion, group, lines) }
            }

            #[inline(always)]
            fn add_changes(
                self,
                conversion: &convert::Conversion,
                group: &mut RowGroupViewMut<$sample>,
                lines: &convert::ConvertedRows<$sample>,
            ) -> usize {
                // SAFETY: as above.
                unsafe { add_changes(conversion, group, lines) }
            }
        }

        /// Samples of a block.
        const BLOCK: usize = VECTOR;

        /// The whole vectors, or parts of them, of a row.
        fn blocks<const N: usize>(row: &[$sample], n: usize) -> &[[$sample; N]] {
            &row.as_chunks().0[..n]
        }

        fn blocks_mut<const N: usize>(row: &mut [$sample], n: usize) -> &mut [[$sample; N]] {
            &mut row.as_chunks_mut().0[..n]
        }

        /// The chroma of pixels that share samples by two, from those samples and their neighbours,
        /// as [`Affine`](crate::color::Affine) has it.
        #[inline]
        #[target_feature(enable = $features)]
        fn upsampled([before, own, after]: [V; 3], cosited: bool) -> [V; 2] {
            let (even, odd) = if cosited {
                (slli16::<{ 16 - DEPTH }>(own), slli16::<{ 15 - DEPTH }>(add16(own, after)))
            } else {
                let thrice = add16(add16(own, own), own);
                (
                    slli16::<{ 14 - DEPTH }>(add16(thrice, before)),
                    slli16::<{ 14 - DEPTH }>(add16(thrice, after)),
                )
            };
            let middle = splat16(0x8000);
            interleaved(xor(even, middle), xor(odd, middle))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn to_channels(
            conversion: &convert::Conversion,
            group: &RowGroupView<$sample>,
            lines: &mut convert::ConvertedRows<$sample>,
        ) -> usize {
            let (affine, cosited) = (&conversion.to_channels, conversion.chroma.cosited);
            if affine.depth != DEPTH {
                return 0;
            }
            let subsampled = conversion.n_full() == 1;
            match (affine.from_rgb, group.n_rows) {
                (true, 1) => rgb_to_channels(affine, group, lines),
                (false, 1) if !subsampled => {
                    ycbcr_to_channels::<1, false>(affine, cosited, group, lines)
                }
                (false, 1) if conversion.chroma.horizontal == 2 => {
                    ycbcr_to_channels::<1, true>(affine, cosited, group, lines)
                }
                (false, 2) if conversion.chroma.horizontal == 2 => {
                    ycbcr_to_channels::<2, true>(affine, cosited, group, lines)
                }
                _ => 0,
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn rgb_to_channels(
            affine: &$crate::color::Affine,
            group: &RowGroupView<$sample>,
            lines: &mut convert::ConvertedRows<$sample>,
        ) -> usize {
            let n = group.full[0][0].len() / BLOCK;
            let inputs = [0, 1, 2].map(|c| blocks::<BLOCK>(group.full[c][0], n));
            for (i, channel) in lines.channels[0].iter_mut().enumerate() {
                let channel = blocks_mut::<BLOCK>(channel, n);
                let factors = affine.factors[i];
                let factors = [splat16(factors[0]), splat16(factors[1]), splat16(factors[2])];
                let offset = splat16(affine.offsets[i]);
                for block in 0..n {
                    let mut sum = [offset; 2];
                    for j in 0..3 {
                        let [low, high] = signed(&inputs[j][block]);
                        sum[0] = adds16(sum[0], mulhrs(low, factors[j]));
                        sum[1] = adds16(sum[1], mulhrs(high, factors[j]));
                    }
                    store_rounded(&mut channel[block], sum);
                }
            }
            n * BLOCK
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn ycbcr_to_channels<const ROWS: usize, const SUBSAMPLED: bool>(
            affine: &$crate::color::Affine,
            cosited: bool,
            group: &RowGroupView<$sample>,
            lines: &mut convert::ConvertedRows<$sample>,
        ) -> usize {
            let n = group.full[0][0].len() / BLOCK;
            let luma: [_; ROWS] = std::array::from_fn(|row| blocks::<BLOCK>(group.full[0][row], n));
            // The samples before those of the pixels, these, and the next.
            let shared = [0, 1].map(|c| {
                let padded = group.chroma.get(c).map_or(&[][..], |rows| rows[0].padded());
                [0, 1, 2].map(|i| match SUBSAMPLED {
                    true => blocks(&padded[AlignedRow::<$sample>::PADDING - 1 + i..], n),
                    false => &[][..],
                })
            });
            let own = [1, 2].map(|c| match SUBSAMPLED {
                true => &[][..],
                false => blocks::<BLOCK>(group.full[c][0], n),
            });
            let (channels, _) = lines.channels.as_chunks_mut::<ROWS>();
            let channels = channels[0].each_mut().map(|lines| {
                let lines = lines.first_chunk_mut::<3>().expect("R', G', B'").each_mut();
                lines.map(|line| blocks_mut::<BLOCK>(line, n))
            });

            let offsets = affine.offsets;
            let offsets = [splat16(offsets[0]), splat16(offsets[1]), splat16(offsets[2])];
            let [[of_luma, _, red_of_cr], [_, green_of_cb, green_of_cr], [_, blue_of_cb, _]] =
                affine.factors;
            let of_luma = splat16(of_luma);
            let (red_of_cr, blue_of_cb) = (splat16(red_of_cr), splat16(blue_of_cb));
            let (green_of_cb, green_of_cr) = (splat16(green_of_cb), splat16(green_of_cr));

            for block in 0..n {
                let mut of_pixels = [[zero(); 2]; 2];
                for c in 0..2 {
                    of_pixels[c] = if SUBSAMPLED {
                        let [before, own, after]: [&[[$sample; BLOCK / 2]]; 3] = shared[c];
                        let (before, own) = (load_shared(&before[block]), load_shared(&own[block]));
                        upsampled([before, own, load_shared(&after[block])], cosited)
                    } else {
                        signed(&own[c][block])
                    };
                }
                let mut of_chroma = [[zero(); 2]; 3];
                for half in 0..2 {
                    let (cb, cr) = (of_pixels[0][half], of_pixels[1][half]);
                    let green = add16(mulhrs(cb, green_of_cb), mulhrs(cr, green_of_cr));
                    of_chroma[0][half] = add16(offsets[0], mulhrs(cr, red_of_cr));
                    of_chroma[1][half] = add16(offsets[1], green);
                    of_chroma[2][half] = add16(offsets[2], mulhrs(cb, blue_of_cb));
                }
                for row in 0..ROWS {
                    prefetch(&luma[row][block]);
                    let [low, high] = signed(&luma[row][block]);
                    let (low, high) = (mulhrs(low, of_luma), mulhrs(high, of_luma));
                    for i in 0..3 {
                        let sum = [adds16(of_chroma[i][0], low), adds16(of_chroma[i][1], high)];
                        store_rounded(&mut channels[row][i][block], sum);
                    }
                }
            }
            n * BLOCK
        }

        /// Pairs of 16-bit factors for `add_products`.
        #[inline]
        #[target_feature(enable = $features)]
        fn factor_pair(a: i32, b: i32) -> V {
            splat32((a & 0xFFFF) | b << 16)
        }

        /// Adds changes to samples of 16 bits, which stay legal.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_legal(old: V, change: V, [lowest, highest]: [V; 2]) -> V {
            let new = max16(add16(old, change), min16(old, lowest));
            min16(new, max16(old, highest))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn add_changes(
            conversion: &convert::Conversion,
            group: &mut RowGroupViewMut<$sample>,
            lines: &convert::ConvertedRows<$sample>,
        ) -> usize {
            if conversion.to_channels.depth != DEPTH {
                return 0;
            }
            match (conversion.n_full(), conversion.chroma.horizontal, group.n_rows) {
                (3, _, 1) => add_changes_to::<3, 1>(conversion, group, lines),
                (1, 2, 1) => add_changes_to::<1, 1>(conversion, group, lines),
                (1, 2, 2) => add_changes_to::<1, 2>(conversion, group, lines),
                _ => 0,
            }
        }

        /// To groups of so many rows, so many of their components having a sample for each pixel.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_changes_to<const N_FULL: usize, const ROWS: usize>(
            conversion: &convert::Conversion,
            group: &mut RowGroupViewMut<$sample>,
            lines: &convert::ConvertedRows<$sample>,
        ) -> usize {
            use $crate::color::FACTOR_BITS;

            let n = group.full[0][0].len() / BLOCK;
            // Factors of channels that are missing are 0.
            let of_channels = [0, 1, 2].map(|channel| channel.min(conversion.n_channels - 1));
            let old: [_; ROWS] = std::array::from_fn(|row| {
                of_channels.map(|channel| blocks::<BLOCK>(&lines.channels[row][channel], n))
            });
            let new: [_; ROWS] = std::array::from_fn(|row| {
                of_channels.map(|channel| blocks::<BLOCK>(&lines.matched[row][channel], n))
            });
            let full: &mut [_; N_FULL] = group.full.first_chunk_mut().expect("three components");
            let full = full.each_mut().map(|rows| {
                let rows = rows.first_chunk_mut::<ROWS>().expect("as many rows").each_mut();
                rows.map(|row| blocks_mut::<BLOCK>(row, n))
            });
            let mut chroma = match &mut *group.chroma {
                [cb, cr] => Some([cb, cr].map(|rows| blocks_mut::<{ BLOCK / 2 }>(&mut rows[0], n))),
                _ => None,
            };

            let factors = conversion.to_components.factors;
            let mut pairs = [[zero(); 2]; N_FULL];
            let mut bounds = [[zero(); 2]; N_FULL];
            for (i, (pairs, bounds)) in pairs.iter_mut().zip(&mut bounds).enumerate() {
                let [a, b, c] = factors[i];
                // The third is that of ones.
                *pairs = [factor_pair(a, b), factor_pair(c, 1 << FACTOR_BITS >> 1)];
                let (low, high) = conversion.legal[i];
                *bounds = [splat_sample(low), splat_sample(high)];
            }
            let mut chroma_factors = [[zero(); 3]; 2];
            let mut chroma_bounds = [[zero(); 2]; 2];
            for i in 0..2 {
                for (to, factor) in chroma_factors[i].iter_mut().zip(factors[i + 1]) {
                    *to = factor_pair(factor, factor);
                }
                let (low, high) = conversion.legal[i + 1];
                chroma_bounds[i] = [splat16(low), splat16(high)];
            }
            // Where the only row counts twice, the sum is not doubled: it is shifted by a bit less, and
            // rounded by half as much.
            let times = conversion.times(ROWS - 1, ROWS);
            let chroma_shift = FACTOR_BITS + conversion.sum_bits() - times.ilog2();
            let chroma_rounding = splat32(1 << chroma_shift >> 1);
            let cosited = conversion.chroma.cosited;
            // At the left, the first change is repeated.
            let mut last = [zero(); 3];
            if cosited && n > 0 {
                for i in 0..3 {
                    let mut sum = 0;
                    for row in 0..ROWS {
                        sum += i32::from(new[row][i][0][0]) - i32::from(old[row][i][0][0]);
                    }
                    last[i] = splat16(sum);
                }
            }

            for block in 0..n {
                let mut sums = [[zero(); 2]; 3];
                for row in 0..ROWS {
                    let mut changes = [[zero(); 2]; 3];
                    for i in 0..3 {
                        changes[i] = differences(&old[row][i][block], &new[row][i][block]);
                    }
                    for half in 0..2 {
                        for i in 0..3 {
                            sums[i][half] = match row {
                                0 => changes[i][half],
                                _ => add16(sums[i][half], changes[i][half]),
                            };
                        }
                    }
                    for c in 0..N_FULL {
                        let mut change = [zero(); 2];
                        for half in 0..2 {
                            let [x, y, z] = [changes[0][half], changes[1][half], changes[2][half]];
                            let ones = splat16(1);
                            let low = add_products(
                                products(unpacklo16(x, y), pairs[c][0]),
                                unpacklo16(z, ones),
                                pairs[c][1],
                            );
                            let high = add_products(
                                products(unpackhi16(x, y), pairs[c][0]),
                                unpackhi16(z, ones),
                                pairs[c][1],
                            );
                            change[half] =
                                packs32(sra32(low, FACTOR_BITS), sra32(high, FACTOR_BITS));
                        }
                        add_to(&mut full[c][row][block], change, bounds[c]);
                    }
                }

                let Some(chroma) = &mut chroma else { continue };
                if cosited {
                    // Each with the one before, so that two side by side are four shares.
                    for i in 0..3 {
                        let [low, high] = sums[i];
                        let [before_low, before_high] = words_before(sums[i], last[i]);
                        last[i] = high;
                        sums[i] = [add16(low, before_low), add16(high, before_high)];
                    }
                }
                for c in 0..2 {
                    let mut change = [chroma_rounding; 2];
                    for half in 0..2 {
                        for i in 0..3 {
                            change[half] =
                                add_products(change[half], sums[i][half], chroma_factors[c][i]);
                        }
                        change[half] = sra32(change[half], chroma_shift);
                    }
                    add_to_shared(&mut chroma[c][block], change, chroma_bounds[c]);
                }
            }
            n * BLOCK
        }
    };
}
pub(super) use conversion_ops;

/// What differs for bytes.
macro_rules! byte_samples {
    ($features:literal) => {
        const DEPTH: u32 = 8;

        /// Samples as [`Affine`](crate::color::Affine) has them.
        #[inline]
        #[target_feature(enable = $features)]
        fn signed(samples: &[u8; VECTOR]) -> [V; 2] {
            let samples = xor(load(samples), splat16(0x8080));
            [unpacklo8(zero(), samples), unpackhi8(zero(), samples)]
        }

        /// Samples that two pixels share each, in order.
        #[inline]
        #[target_feature(enable = $features)]
        fn load_shared(samples: &[u8; VECTOR / 2]) -> V {
            widen(samples)
        }

        /// The halves that have the words of two vectors in turns.
        #[inline]
        #[target_feature(enable = $features)]
        fn interleaved(even: V, odd: V) -> [V; 2] {
            [unpacklo16(even, odd), unpackhi16(even, odd)]
        }

        /// Puts the sums of an [`Affine`](crate::color::Affine) into a block.
        #[inline]
        #[target_feature(enable = $features)]
        fn store_rounded(to: &mut [u8; VECTOR], [low, high]: [V; 2]) {
            const BITS: u32 = 14 - DEPTH;
            store(to, packus16(srai16::<BITS>(low), srai16::<BITS>(high)));
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn differences(old: &[u8; VECTOR], new: &[u8; VECTOR]) -> [V; 2] {
            let (old, new) = (load(old), load(new));
            let new_less_old = splat16(0xFF01);
            [maddubs(unpacklo8(new, old), new_less_old), maddubs(unpackhi8(new, old), new_less_old)]
        }

        /// A vector of samples.
        #[inline]
        #[target_feature(enable = $features)]
        fn splat_sample(sample: i32) -> V {
            splat16(sample * 0x101)
        }

        /// Adds changes to samples, which stay legal.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_to(samples: &mut [u8; VECTOR], [low, high]: [V; 2], [lowest, highest]: [V; 2]) {
            let old = load(samples);
            let low = add16(unpacklo8(old, zero()), low);
            let high = add16(unpackhi8(old, zero()), high);
            let new = max8(packus16(low, high), min8(old, lowest));
            store(samples, min8(new, max8(old, highest)));
        }

        /// Adds changes, in 32 bits each, to samples that two pixels share.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_to_shared(samples: &mut [u8; VECTOR / 2], [low, high]: [V; 2], bounds: [V; 2]) {
            let new = add_legal(widen(samples), packs32(low, high), bounds);
            narrow(samples, new);
        }

        /// The word before each of a block.
        #[inline]
        #[target_feature(enable = $features)]
        fn words_before([low, high]: [V; 2], last: V) -> [V; 2] {
            [word_before(low, part_before(high, last)), word_before(high, low)]
        }

        /// Bytes from memory where one, two or four lie between them.
        #[target_feature(enable = $features)]
        pub(super) fn load_bytes(words: &Words, from: &[u8], row: &mut [u8]) {
            let vectors = from[words.offset..].as_chunks::<VECTOR>().0;
            let (n, stride) = match words.kind {
                WordKind::ByteOf2 => {
                    let rows = row.as_chunks_mut::<{ VECTOR / 2 }>().0;
                    for (to, from) in rows.iter_mut().zip(vectors) {
                        prefetch(from);
                        narrow(to, and(load(from), splat16(0xFF)));
                    }
                    (rows.len().min(vectors.len()), 2)
                }
                WordKind::ByteOf4 => {
                    let rows = row.as_chunks_mut::<{ VECTOR / 4 }>().0;
                    for (to, from) in rows.iter_mut().zip(vectors) {
                        prefetch(from);
                        narrow32(to, and(load(from), splat32(0xFF)));
                    }
                    (rows.len().min(vectors.len()), 4)
                }
                WordKind::ByteOf3 => return load_bytes_of_3(words, from, row),
                _ => (0, 1),
            };
            let rest = Words { offset: words.offset + n * VECTOR, ..*words };
            load_row(&rest, from, &mut row[n * VECTOR / stride..]);
        }

        /// And back; what lies between stays as it is.
        #[target_feature(enable = $features)]
        pub(super) fn store_bytes(words: &Words, row: &[u8], to: &mut [u8]) {
            let vectors = to[words.offset..].as_chunks_mut::<VECTOR>().0;
            let (n, stride) = match words.kind {
                WordKind::ByteOf2 => {
                    let rows = row.as_chunks::<{ VECTOR / 2 }>().0;
                    let between = splat16(0xFF00);
                    for (from, to) in rows.iter().zip(&mut *vectors) {
                        let word = or(and(load(to), between), widen(from));
                        store(to, word);
                    }
                    (rows.len().min(vectors.len()), 2)
                }
                WordKind::ByteOf4 => {
                    let rows = row.as_chunks::<{ VECTOR / 4 }>().0;
                    let between = splat32(!0xFF);
                    for (from, to) in rows.iter().zip(&mut *vectors) {
                        let word = or(and(load(to), between), widen32(from));
                        store(to, word);
                    }
                    (rows.len().min(vectors.len()), 4)
                }
                WordKind::ByteOf3 => return store_bytes_of_3(words, row, to),
                _ => (0, 1),
            };
            let rest = Words { offset: words.offset + n * VECTOR, ..*words };
            store_row(&rest, &row[n * VECTOR / stride..], to);
        }
    };
}
pub(super) use byte_samples;

/// Bytes with two between them, by shuffles of 16.
macro_rules! bytes_of_3 {
    ($features:literal) => {
        /// Bytes from memory where two lie between them. 16 of them are in three vectors of 128 bits.
        #[inline]
        #[target_feature(enable = $features)]
        fn load_bytes_of_3(words: &Words, from: &[u8], row: &mut [u8]) {
            use safe_unaligned_simd::x86_64::{_mm_loadu_si128, _mm_storeu_si128};

            let groups = from[words.offset..].as_chunks::<48>().0;
            let rows = row.as_chunks_mut::<16>().0;
            let n = groups.len().min(rows.len());
            for (to, group) in rows.iter_mut().zip(groups) {
                prefetch(group);
                let mut samples = _mm_setzero_si128();
                for (part, places) in
                    group.as_chunks::<16>().0.iter().zip(const { &out_of_three(0) })
                {
                    let places = _mm_loadu_si128(places);
                    samples =
                        _mm_or_si128(samples, _mm_shuffle_epi8(_mm_loadu_si128(part), places));
                }
                _mm_storeu_si128(to, samples);
            }
            let rest = Words { offset: words.offset + n * 48, ..*words };
            load_row(&rest, from, &mut row[n * 16..]);
        }

        /// And back; what lies between stays as it is.
        #[inline]
        #[target_feature(enable = $features)]
        fn store_bytes_of_3(words: &Words, row: &[u8], to: &mut [u8]) {
            use safe_unaligned_simd::x86_64::{_mm_loadu_si128, _mm_storeu_si128};

            let groups = to[words.offset..].as_chunks_mut::<48>().0;
            let rows = row.as_chunks::<16>().0;
            let n = groups.len().min(rows.len());
            for (from, group) in rows.iter().zip(groups) {
                let samples = _mm_loadu_si128(from);
                let parts = group.as_chunks_mut::<16>().0;
                for (part, places) in parts.iter_mut().zip(const { &into_three(0) }) {
                    let places = _mm_loadu_si128(places);
                    let between = _mm_and_si128(
                        _mm_loadu_si128(part),
                        _mm_cmplt_epi8(places, _mm_setzero_si128()),
                    );
                    let samples = _mm_shuffle_epi8(samples, places);
                    _mm_storeu_si128(part, _mm_or_si128(between, samples));
                }
            }
            let rest = Words { offset: words.offset + n * 48, ..*words };
            store_row(&rest, &row[n * 16..], to);
        }
    };
}
pub(super) use bytes_of_3;

/// What differs for words of 10 bits.
macro_rules! word_samples {
    ($features:literal) => {
        /// Words from memory, side by side or with one or three between them.
        #[target_feature(enable = $features)]
        pub(super) fn load_words(words: &Words, from: &[u8], row: &mut [u16]) {
            let (n, stride) = match words.kind {
                WordKind::Word => (load_every::<1>(words, from, row), 2),
                WordKind::WordOf4 => (load_every::<2>(words, from, row), 4),
                WordKind::WordOf8 => (load_every::<4>(words, from, row), 8),
                _ => (0, 2),
            };
            let rest = Words { offset: words.offset + n * stride, ..*words };
            load_row(&rest, from, &mut row[n..]);
        }

        /// And back; what lies between and around stays as it is.
        #[target_feature(enable = $features)]
        pub(super) fn store_words(words: &Words, row: &[u16], to: &mut [u8]) {
            let (n, stride) = match words.kind {
                WordKind::Word => (store_every::<1>(words, row, to), 2),
                WordKind::WordOf4 => (store_every::<2>(words, row, to), 4),
                WordKind::WordOf8 => (store_every::<4>(words, row, to), 8),
                _ => (0, 2),
            };
            let rest = Words { offset: words.offset + n * stride, ..*words };
            store_row(&rest, &row[n..], to);
        }

        /// The bits of samples in a vector in which every `N`th word has one.
        #[inline]
        #[target_feature(enable = $features)]
        fn sample_bits<const N: usize>(words: &Words) -> V {
            let mut bits = [0u16; 8];
            bits.iter_mut().step_by(N).for_each(|bits| {
                *bits = u16::MAX >> (16 - words.depth) << words.shift;
            });
            repeated(&bytemuck::cast(bits))
        }

        /// Loads vectors of samples that are in every `N`th word, and says how many samples.
        #[inline]
        #[target_feature(enable = $features)]
        fn load_every<const N: usize>(words: &Words, from: &[u8], row: &mut [u16]) -> usize {
            let groups = from[words.offset..].as_chunks::<VECTOR>().0.as_chunks::<N>().0;
            let rows = row.as_chunks_mut::<{ VECTOR / 2 }>().0;
            let (bits, shift) = (sample_bits::<N>(words), _mm_cvtsi32_si128(words.shift as i32));
            for (to, group) in rows.iter_mut().zip(groups) {
                let mut vectors = [zero(); N];
                for (vector, from) in vectors.iter_mut().zip(group) {
                    prefetch(from);
                    *vector = and(load(from), bits);
                }
                // Each step halves what lies between.
                let mut n = N;
                while n > 1 {
                    n /= 2;
                    for i in 0..n {
                        vectors[i] = in_order(packus32(vectors[2 * i], vectors[2 * i + 1]));
                    }
                }
                store16(to, srl_epi16(vectors[0], shift));
            }
            rows.len().min(groups.len()) * VECTOR / 2
        }

        /// And back.
        #[inline]
        #[target_feature(enable = $features)]
        fn store_every<const N: usize>(words: &Words, row: &[u16], to: &mut [u8]) -> usize {
            let groups = to[words.offset..].as_chunks_mut::<VECTOR>().0.as_chunks_mut::<N>().0;
            let rows = row.as_chunks::<{ VECTOR / 2 }>().0;
            let (bits, shift) = (sample_bits::<N>(words), _mm_cvtsi32_si128(words.shift as i32));
            for (from, group) in rows.iter().zip(&mut *groups) {
                let mut vectors = [zero(); N];
                vectors[0] = sll_epi16(load16(from), shift);
                let mut n = 1;
                while n < N {
                    for i in (0..n).rev() {
                        [vectors[2 * i], vectors[2 * i + 1]] = alternate(vectors[i], zero());
                    }
                    n *= 2;
                }
                for (vector, to) in vectors.into_iter().zip(group) {
                    let word = or(andnot(bits, load(to)), vector);
                    store(to, word);
                }
            }
            rows.len().min(groups.len()) * VECTOR / 2
        }

        const DEPTH: u32 = $crate::kernels::scalar::words::BITS_OF_VECTORS;

        /// The two vectors of a block.
        #[inline]
        #[target_feature(enable = $features)]
        fn load_halves(samples: &[u16; VECTOR]) -> [V; 2] {
            let (low, high) = samples.split_at(VECTOR / 2);
            [load16(low), load16(high)]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_halves(samples: &mut [u16; VECTOR], halves: [V; 2]) {
            let (low, high) = samples.split_at_mut(VECTOR / 2);
            store16(low, halves[0]);
            store16(high, halves[1]);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn signed(samples: &[u16; VECTOR]) -> [V; 2] {
            let ([low, high], middle) = (load_halves(samples), splat16(0x8000));
            let (low, high) = (slli16::<{ 16 - DEPTH }>(low), slli16::<{ 16 - DEPTH }>(high));
            [xor(low, middle), xor(high, middle)]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn load_shared(samples: &[u16; VECTOR / 2]) -> V {
            load16(samples)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn interleaved(even: V, odd: V) -> [V; 2] {
            alternate(even, odd)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_rounded(to: &mut [u16; VECTOR], [low, high]: [V; 2]) {
            const BITS: u32 = 14 - DEPTH;
            let (low, high) = (srai16::<BITS>(low), srai16::<BITS>(high));
            let max = splat16((1 << DEPTH) - 1);
            let (low, high) = (min16(max16(low, zero()), max), min16(max16(high, zero()), max));
            store_halves(to, [low, high]);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn differences(old: &[u16; VECTOR], new: &[u16; VECTOR]) -> [V; 2] {
            let (old, new) = (load_halves(old), load_halves(new));
            [sub16(new[0], old[0]), sub16(new[1], old[1])]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn splat_sample(sample: i32) -> V {
            splat16(sample)
        }

        /// Bits of a word outside the sample stay unchanged.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_to(samples: &mut [u16; VECTOR], changes: [V; 2], bounds: [V; 2]) {
            let mut halves = load_halves(samples);
            for i in 0..2 {
                let others = and(halves[i], splat16(-1 << DEPTH));
                halves[i] = or(add_legal(xor(halves[i], others), changes[i], bounds), others);
            }
            store_halves(samples, halves);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn add_to_shared(samples: &mut [u16; VECTOR / 2], [low, high]: [V; 2], bounds: [V; 2]) {
            let change = in_order(packs32(low, high));
            let new = add_legal(load16(samples), change, bounds);
            store16(samples, new);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn words_before([low, high]: [V; 2], last: V) -> [V; 2] {
            let (before_low, before_high) = (part_before(low, last), part_before(high, low));
            [word_before(low, before_low), word_before(high, before_high)]
        }
    };
}
pub(super) use word_samples;
