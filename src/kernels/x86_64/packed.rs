//! Grades of packed pixels in bytes: they are taken apart and put back in registers, which spares a pass over
//! memory each way.
//!
//! A file that has the names of [`grades`](super::grades) gets the kernel from [`packed_grades`], and the
//! channels of pixels from [`shuffled_channels`] or functions of its own.

/// Defines `channels_of` and `put_channels` by shuffles of 16 bytes, out of what is in scope: `load_parts` and
/// `store_parts`, the parts of 128 bits of a vector from and to memory, so many bytes apart.
macro_rules! shuffled_channels {
    ($features:literal) => {
        /// The bytes of pixels, each of which has four, by their places in them; or back.
        const TRANSPOSED: [u8; 16] = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];

        #[inline]
        #[target_feature(enable = $features)]
        fn transposed([a, b, c, d]: [V; 4]) -> [V; 4] {
            let (low, high) = (unpacklo32(a, b), unpackhi32(a, b));
            let (next_low, next_high) = (unpacklo32(c, d), unpackhi32(c, d));
            [
                unpacklo64(low, next_low),
                unpackhi64(low, next_low),
                unpacklo64(high, next_high),
                unpackhi64(high, next_high),
            ]
        }

        /// The bytes at each place in the pixels of a block.
        #[inline]
        #[target_feature(enable = $features)]
        fn channels_of<const STRIDE: usize>(pixels: &[u8]) -> [V; 4] {
            let mut parts = [zero(); 4];
            for (i, part) in parts[..STRIDE].iter_mut().enumerate() {
                *part = load_parts(&pixels[16 * i..], 16 * STRIDE);
            }
            if STRIDE == 4 {
                let places = repeated(&TRANSPOSED);
                for part in &mut parts {
                    *part = shuffle8(*part, places);
                }
                return transposed(parts);
            }
            let mut channels = [zero(); 4];
            for (channel, places) in channels
                .iter_mut()
                .zip(const { &[out_of_three(0), out_of_three(1), out_of_three(2)] })
            {
                for (part, places) in parts.iter().zip(places) {
                    *channel = or(*channel, shuffle8(*part, repeated(places)));
                }
            }
            channels
        }

        /// And back; the bytes of `kept` stay as they are.
        #[inline]
        #[target_feature(enable = $features)]
        fn put_channels<const STRIDE: usize>(pixels: &mut [u8], channels: [V; 4], kept: V) {
            if STRIDE == 4 {
                let places = repeated(&TRANSPOSED);
                for (i, part) in transposed(channels).into_iter().enumerate() {
                    let pixels = &mut pixels[16 * i..];
                    let old = and(load_parts(pixels, 16 * STRIDE), kept);
                    store_parts(pixels, 16 * STRIDE, or(shuffle8(part, places), old));
                }
                return;
            }
            for i in 0..3 {
                let mut part = zero();
                for (channel, places) in
                    channels.iter().zip(const { &[into_three(0), into_three(1), into_three(2)] })
                {
                    part = or(part, shuffle8(*channel, repeated(&places[i])));
                }
                store_parts(&mut pixels[16 * i..], 16 * STRIDE, part);
            }
        }
    };
}
pub(super) use shuffled_channels;

/// Defines `PACKED`, the kernel, out of what [`grades`](super::grades) defines and of `channels_of` and `put_channels`.
macro_rules! packed_grades {
    ($features:literal) => {
        /// Given out with the kernels alone.
        const PACKED: Option<PackedKernel> = Some(|tables, bytes, packed, row| {
            // SAFETY: who has the kernels has proved that the CPU has the features.
            unsafe { grade_packed(tables, bytes, packed, row) }
        });

        #[target_feature(enable = $features)]
        fn grade_packed(tables: &GradeTables, bytes: &mut [u8], packed: PackedRow, row: usize) {
            let bytes = &mut bytes[..packed.bytes()];
            let Numbers::Fixed(grade) = &tables.numbers else {
                return plain::packed(tables, bytes, packed, row);
            };
            // How many pixels are done.
            let (done, bytes) = match packed.pixels {
                PackedPixels::Rgb { pixel_stride: 3, offsets } => {
                    packed_rgb::<3>(tables, grade, bytes, offsets, row)
                }
                PackedPixels::Rgb { offsets, .. } => {
                    packed_rgb::<4>(tables, grade, bytes, offsets, row)
                }
                PackedPixels::YCbCr { luma, chroma } => {
                    // A pixel without a neighbour is left.
                    let n = packed.width / (2 * VECTOR) * 2;
                    packed_ycbcr(tables, grade, bytes, n, (luma, chroma), row)
                }
            };
            let rest = PackedRow { width: packed.width - done, ..packed };
            plain::packed(tables, bytes, rest, row);
        }

        /// How many pixels are done, and the rest.
        #[target_feature(enable = $features)]
        fn packed_rgb<'a, const STRIDE: usize>(
            tables: &GradeTables,
            grade: &FixedGrade,
            pixels: &'a mut [u8],
            offsets: [usize; 3],
            row: usize,
        ) -> (usize, &'a mut [u8]) {
            let dither = dither_of(tables, row);
            let vectors = graded(grade);
            let [red, green, blue] = offsets.map(|offset| offset % 4);
            // Of four bytes, the one that is no channel.
            let kept = splat32(0xFF << (8 * (red ^ green ^ blue)));
            let bytes = STRIDE * VECTOR;
            let n = pixels.len() / bytes;
            let (blocks, rest) = pixels.split_at_mut(n * bytes);
            let mut strip = [[[zero(); 2]; 3]; STRIP];
            for blocks in blocks.chunks_mut(STRIP * bytes) {
                for (block, values) in blocks.chunks_exact(bytes).zip(&mut strip) {
                    prefetch(block);
                    let channels = channels_of::<STRIDE>(block);
                    let rgb = [
                        signed_halves(channels[red], vectors.up),
                        signed_halves(channels[green], vectors.up),
                        signed_halves(channels[blue], vectors.up),
                    ];
                    *values = moved(&vectors, rgb);
                }
                change(&vectors, &mut strip[..blocks.len() / bytes]);
                for (block, values) in blocks.chunks_exact_mut(bytes).zip(&strip) {
                    let rgb = rgb_of(&vectors, values, dither);
                    let mut channels = [zero(); 4];
                    for (c, offset) in [red, green, blue].into_iter().enumerate() {
                        channels[offset] = block_of(rgb[c], zero(), vectors.legal[c], vectors.max);
                    }
                    put_channels::<STRIDE>(block, channels, kept);
                }
            }
            (n * VECTOR, rest)
        }

        /// Grades an even number of blocks, as chroma is graded by two at once. How many pixels are done, and
        /// the rest.
        #[target_feature(enable = $features)]
        fn packed_ycbcr<'a>(
            tables: &GradeTables,
            grade: &FixedGrade,
            pixels: &'a mut [u8],
            n: usize,
            (luma, [cb, cr]): (usize, [usize; 2]),
            row: usize,
        ) -> (usize, &'a mut [u8]) {
            const BYTES: usize = 2 * VECTOR;
            let dither = dither_of(tables, row);
            let vectors = graded(grade);
            let (middle, ones) = (splat16(0x8000), splat16(1));
            // Of two words, the first or the second.
            let (even, odd) = (splat32(1), splat32(1 << 16));
            let (blocks, rest) = pixels.split_at_mut(n * BYTES);
            // Old and new luma, in the units of tone; Cb and Cr; new luma.
            let mut strip = [[zero(); 6]; STRIP];
            for blocks in blocks.chunks_mut(STRIP * BYTES) {
                for (block, values) in blocks.chunks_exact(BYTES).zip(&mut strip) {
                    prefetch(block);
                    let mut lumas = [zero(); 2];
                    let mut chroma = [zero(); 2];
                    for half in 0..2 {
                        let words = load(&block[half * VECTOR..]);
                        let (lower, upper) = (and(words, splat16(0xFF)), srli16::<8>(words));
                        (lumas[half], chroma[half]) =
                            if luma == 0 { (lower, upper) } else { (upper, lower) };
                    }
                    let first = packs32(products(chroma[0], even), products(chroma[1], even));
                    let second = packs32(products(chroma[0], odd), products(chroma[1], odd));
                    let (first, second) = (in_order(first), in_order(second));
                    let own = if cb < cr { [first, second] } else { [second, first] };
                    let own = [xor(slli16::<8>(own[0]), middle), xor(slli16::<8>(own[1]), middle)];
                    let base = chroma_of_luma(&vectors, own);
                    let mut sums = alternate(base, base);
                    for half in 0..2 {
                        let signed = xor(slli16::<8>(lumas[half]), middle);
                        sums[half] = add16(sums[half], mulhrs(signed, vectors.luma[0]));
                    }
                    let mut new = tone_of(&vectors, sums);
                    let [lowest, highest] = vectors.legal[0];
                    for value in &mut new {
                        let sample = mulhrs(adds16(*value, slli16::<2>(dither)), splat16(1 << 8));
                        *value = min16(max16(sample, lowest), highest);
                    }
                    let old = packs32(products(lumas[0], ones), products(lumas[1], ones));
                    let t = packs32(products(new[0], ones), products(new[1], ones));
                    let (old, t) = (slli16::<6>(in_order(old)), slli16::<6>(in_order(t)));
                    *values = [old, t, own[0], own[1], new[0], new[1]];
                }
                let pairs = blocks.chunks_exact_mut(2 * BYTES);
                for (pair, values) in pairs.zip(strip.as_chunks::<2>().0) {
                    let halves = |i: usize| [values[0][i], values[1][i]];
                    let own = [halves(2), halves(3)];
                    let new = grade_chroma(&vectors, halves(0), halves(1), own, dither);
                    for (half, block) in pair.chunks_exact_mut(BYTES).enumerate() {
                        let mut legal = [zero(); 2];
                        for c in 0..2 {
                            let [lowest, highest] = vectors.legal[c + 1];
                            legal[c] = min16(max16(new[c][half], lowest), highest);
                        }
                        let [first, second] = if cb < cr { legal } else { [legal[1], legal[0]] };
                        let chroma = alternate(first, second);
                        for i in 0..2 {
                            let (y, chroma) = (values[half][4 + i], chroma[i]);
                            let (lower, upper) = if luma == 0 { (y, chroma) } else { (chroma, y) };
                            let words = or(lower, slli16::<8>(upper));
                            store(&mut block[i * VECTOR..], words);
                        }
                    }
                }
            }
            (n * VECTOR, rest)
        }
    };
}
pub(super) use packed_grades;
