//! Grades in 16 bits by vectors, written once for vectors of any length, for bytes and for words.
//!
//! A file that has the names of [`conversion_ops`](super::vectors::conversion_ops) gets the kernels from
//! [`grade_kernels`], out of what [`graded_bytes`] or [`graded_words`] defines for its samples, and of a way
//! to look up values of curves. They equal those of `scalar/grade.rs`, which take over where a row
//! does not fill a block.
//!
//! A block is as many samples as a vector has bytes. To be computed with, they are words in two
//! vectors, its halves, as for conversions. Rows are worked on in strips, the values between whose
//! steps stay in the first-level cache: each step alone has enough independent work for the CPU, and few
//! enough constants for its registers.

/// Defines `Curve`, `Pieces`, `curve`, `pieces` and `values_at` by shuffles of 16 bytes.
macro_rules! shuffled_curves {
    ($features:literal) => {
        /// The values of a curve: the lower and the upper bytes of 16 pieces in each part, twice or more. Every
        /// part but the first is the XOR with the part before it, because [`values_at`] combines them by
        /// XOR.
        #[derive(Clone, Copy)]
        struct Curve<const PARTS: usize> {
            lower: [V; PARTS],
            upper: [V; PARTS],
        }

        /// Pieces as [`values_at`] takes them.
        #[derive(Clone, Copy)]
        struct Pieces<const PARTS: usize>([V; PARTS]);

        #[inline]
        #[target_feature(enable = $features)]
        fn curve<const PARTS: usize>(values: &[i16]) -> Curve<PARTS> {
            let mut curve = Curve { lower: [zero(); PARTS], upper: [zero(); PARTS] };
            let mut before = [0; 16];
            for (part, values) in values.as_chunks::<16>().0.iter().enumerate() {
                let mut bytes = [[0; 16]; 2];
                for i in 0..16 {
                    let [lower, upper] = (values[i] ^ before[i]).to_le_bytes();
                    bytes[0][i] = lower;
                    bytes[1][i] = upper;
                }
                curve.lower[part] = repeated(&bytes[0]);
                curve.upper[part] = repeated(&bytes[1]);
                before = *values;
            }
            curve
        }

        /// The pieces, 1024 wide, that some values are in. Those of four parts begin at -32.
        ///
        /// A shuffle gives 0 for indices with the top bit set, and otherwise looks at the low four bits
        /// alone. So each part adds its difference to what the parts below it have given, where the index
        /// is not below it.
        #[inline]
        #[target_feature(enable = $features)]
        fn pieces<const PARTS: usize>([low, high]: [V; 2]) -> Pieces<PARTS> {
            let of_1024 = splat16(64);
            let packed = packs16(mulhi(low, of_1024), mulhi(high, of_1024));
            let first = if PARTS == 4 { 32 } else { 0 };
            let mut pieces = [packed; PARTS];
            for (part, piece) in pieces.iter_mut().enumerate() {
                *piece = add8(packed, set1_epi8((first - 16 * part as i32) as i8));
            }
            Pieces(pieces)
        }

        /// The values of the pieces, in two vectors as the places were.
        #[inline]
        #[target_feature(enable = $features)]
        fn values_at<const PARTS: usize>(curve: &Curve<PARTS>, pieces: &Pieces<PARTS>) -> [V; 2] {
            let mut lower = shuffle8(curve.lower[0], pieces.0[0]);
            let mut upper = shuffle8(curve.upper[0], pieces.0[0]);
            for part in 1..PARTS {
                lower = xor(lower, shuffle8(curve.lower[part], pieces.0[part]));
                upper = xor(upper, shuffle8(curve.upper[part], pieces.0[part]));
            }
            [unpacklo8(lower, upper), unpackhi8(lower, upper)]
        }
    };
}
pub(super) use shuffled_curves;

/// What differs for bytes, beside packed ones.
macro_rules! graded_bytes {
    ($features:literal) => {
        /// The samples of a block.
        type Block = V;

        #[inline]
        #[target_feature(enable = $features)]
        fn load_block(samples: &[u8; VECTOR]) -> Block {
            load(samples)
        }

        /// With the middle as 0, in all of 16 bits.
        #[inline]
        #[target_feature(enable = $features)]
        fn signed_halves(block: Block, _up: __m128i) -> [V; 2] {
            let samples = xor(block, splat16(0x8080));
            [unpacklo8(zero(), samples), unpackhi8(zero(), samples)]
        }

        /// The sums of samples side by side, in order.
        #[inline]
        #[target_feature(enable = $features)]
        fn sums_of_pairs(block: Block, _max: V) -> V {
            maddubs(block, splat16(0x0101))
        }

        /// Samples out of words, and what is to be kept of the old ones.
        #[inline]
        #[target_feature(enable = $features)]
        fn block_of([low, high]: [V; 2], _old: Block, [lowest, highest]: [V; 2], _max: V) -> Block {
            let bounds = [packus16(lowest, lowest), packus16(highest, highest)];
            min8(max8(packus16(low, high), bounds[0]), bounds[1])
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_block(samples: &mut [u8; VECTOR], block: Block) {
            store(samples, block);
        }

        /// Puts legal samples in the place of those that pixels share.
        #[inline]
        #[target_feature(enable = $features)]
        fn store_shared(samples: &mut [u8; VECTOR / 2], new: V, _max: V) {
            narrow(samples, new);
        }
    };
}
pub(super) use graded_bytes;

/// What differs for words of up to 10 bits.
macro_rules! graded_words {
    ($features:literal) => {
        const PACKED: Option<PackedKernel> = None;

        type Block = [V; 2];

        #[inline]
        #[target_feature(enable = $features)]
        fn load_block(samples: &[u16; VECTOR]) -> Block {
            load_halves(samples)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn signed_halves([low, high]: Block, up: __m128i) -> [V; 2] {
            let middle = splat16(0x8000);
            [xor(sll_epi16(low, up), middle), xor(sll_epi16(high, up), middle)]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn sums_of_pairs([low, high]: Block, max: V) -> V {
            let ones = splat16(1);
            let (low, high) = (products(and(low, max), ones), products(and(high, max), ones));
            in_order(packs32(low, high))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn block_of(new: [V; 2], old: Block, [lowest, highest]: [V; 2], max: V) -> Block {
            let mut block = new;
            for i in 0..2 {
                let legal = min16(max16(new[i], lowest), highest);
                block[i] = or(legal, andnot(max, old[i]));
            }
            block
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_block(samples: &mut [u16; VECTOR], block: Block) {
            store_halves(samples, block);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_shared(samples: &mut [u16; VECTOR / 2], new: V, max: V) {
            let others = andnot(max, load16(samples));
            store16(samples, or(new, others));
        }
    };
}
pub(super) use graded_words;

/// Defines `grade_kernels`, which gives the kernels out for `$cpu`, the token of the features.
macro_rules! grade_kernels {
    ($cpu:ident, $features:literal, $sample:ty) => {
        pub(super) fn grade_kernels(_: $cpu) -> GradeKernels<$sample> {
            GradeKernels {
                // SAFETY: the argument proves that the CPU has the features.
                rgb: |tables, rows, row| unsafe { grade_rgb(tables, rows, row) },
                // SAFETY: as above.
                ycbcr: |tables, lumas, chroma, row| unsafe {
                    grade_ycbcr(tables, lumas, chroma, row);
                },
                packed: PACKED,
            }
        }

        /// Blocks of a strip.
        const STRIP: usize = 16;

        /// What both kernels have of a grade.
        struct Graded {
            /// Bits that samples are shifted by.
            up: __m128i,
            max: V,
            luma: [V; 3],
            luma_offset: V,
            tone: [Curve<TONE_PARTS>; 2],
            chroma: [[V; 3]; 2],
            chroma_offset: [V; 2],
            gain: [Curve<CHROMA_PARTS>; 2],
            shift: [[Curve<CHROMA_PARTS>; 2]; 2],
            /// Of Y'CbCr: see [`FixedGrade`].
            black: V,
            to_levels: V,
            to_rgb: [V; 4],
            scale: [V; 3],
            zero: [V; 3],
            legal: [[V; 2]; 3],
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn graded(grade: &FixedGrade) -> Graded {
            let [a, b, c] = grade.luma;
            let [[d, e, f], [g, h, i]] = grade.chroma;
            let mut legal = [[zero(); 2]; 3];
            let (mut scale, mut zero) = ([zero(); 3], [zero(); 3]);
            for c in 0..3 {
                let (lowest, highest) = grade.legal[c];
                legal[c] = [set1_epi16(lowest), set1_epi16(highest)];
                scale[c] = set1_epi16(grade.scale[c]);
                zero[c] = set1_epi16(grade.zero[c]);
            }
            let [j, k, l, m] = grade.to_rgb;
            let [cb, cr] = grade.chroma_offset;
            let [cb_shift, cr_shift] = &grade.shift;
            Graded {
                up: _mm_cvtsi32_si128(16 - grade.depth as i32),
                max: splat16((1 << grade.depth) - 1),
                luma: [set1_epi16(a), set1_epi16(b), set1_epi16(c)],
                luma_offset: set1_epi16(grade.luma_offset),
                tone: [curve(&grade.tone.middle), curve(&grade.tone.half)],
                chroma: [
                    [set1_epi16(d), set1_epi16(e), set1_epi16(f)],
                    [set1_epi16(g), set1_epi16(h), set1_epi16(i)],
                ],
                chroma_offset: [set1_epi16(cb), set1_epi16(cr)],
                gain: [curve(&grade.gain.middle), curve(&grade.gain.half)],
                shift: [
                    [curve(&cb_shift.middle), curve(&cb_shift.half)],
                    [curve(&cr_shift.middle), curve(&cr_shift.half)],
                ],
                black: set1_epi16(grade.black),
                to_levels: set1_epi16(grade.to_levels),
                to_rgb: [set1_epi16(j), set1_epi16(k), set1_epi16(l), set1_epi16(m)],
                scale,
                zero,
                legal,
            }
        }

        /// A row of the matrix.
        #[inline]
        #[target_feature(enable = $features)]
        fn row_sum(factors: &[V; 3], offset: V, values: [V; 3]) -> V {
            let first = add16(mulhrs(values[0], factors[0]), mulhrs(values[1], factors[1]));
            add16(first, add16(mulhrs(values[2], factors[2]), offset))
        }

        /// Where values are in the pieces of a curve.
        #[inline]
        #[target_feature(enable = $features)]
        fn within([low, high]: [V; 2]) -> [V; 2] {
            let flip = splat16(0x8000);
            [xor(slli16::<6>(low), flip), xor(slli16::<6>(high), flip)]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn on_curve<const PARTS: usize>(
            [middle, half]: &[Curve<PARTS>; 2],
            pieces: &Pieces<PARTS>,
            within: [V; 2],
        ) -> [V; 2] {
            let (middle, half) = (values_at(middle, pieces), values_at(half, pieces));
            [
                add16(middle[0], mulhrs(within[0], half[0])),
                add16(middle[1], mulhrs(within[1], half[1])),
            ]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn tone_of(grade: &Graded, [low, high]: [V; 2]) -> [V; 2] {
            let twice = [adds16(low, low), adds16(high, high)];
            on_curve(&grade.tone, &pieces(twice), within(twice))
        }

        /// Chroma behind gain and shift.
        #[inline]
        #[target_feature(enable = $features)]
        fn changed_chroma(grade: &Graded, chroma: [[V; 2]; 2], t: [V; 2]) -> [[V; 2]; 2] {
            let (pieces, within) = (pieces(t), within(t));
            let gain = on_curve(&grade.gain, &pieces, within);
            let mut changed = chroma;
            for c in 0..2 {
                let shift = on_curve(&grade.shift[c], &pieces, within);
                for half in 0..2 {
                    changed[c][half] = adds16(mulhrs(chroma[c][half], gain[half]), shift[half]);
                }
            }
            changed
        }

        /// A sample out of 1/32 levels.
        #[inline]
        #[target_feature(enable = $features)]
        fn sample_of(grade: &Graded, value: V, component: usize) -> V {
            adds16(mulhrs(value, grade.scale[component]), grade.zero[component])
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn dither_of(tables: &GradeTables, row: usize) -> V {
            repeated(&bytemuck::cast(tables.dither_row(row)))
        }

        /// Luma, Cb and Cr of R', G' and B' behind the matrix.
        #[inline]
        #[target_feature(enable = $features)]
        fn moved(grade: &Graded, rgb: [[V; 2]; 3]) -> [[V; 2]; 3] {
            let mut values = rgb;
            for half in 0..2 {
                let rgb = [rgb[0][half], rgb[1][half], rgb[2][half]];
                values[0][half] = row_sum(&grade.luma, grade.luma_offset, rgb);
                for c in 0..2 {
                    values[c + 1][half] = row_sum(&grade.chroma[c], grade.chroma_offset[c], rgb);
                }
            }
            values
        }

        /// Makes Y' of luma, and Cb and Cr by that.
        #[inline]
        #[target_feature(enable = $features)]
        fn change(grade: &Graded, strip: &mut [[[V; 2]; 3]]) {
            for values in &mut *strip {
                values[0] = tone_of(grade, values[0]);
            }
            for values in strip {
                let [cb, cr] = changed_chroma(grade, [values[1], values[2]], values[0]);
                *values = [values[0], cb, cr];
            }
        }

        /// The samples of R', G' and B', as words.
        #[inline]
        #[target_feature(enable = $features)]
        fn rgb_of(grade: &Graded, values: &[[V; 2]; 3], dither: V) -> [[V; 2]; 3] {
            let [red_cr, green_cb, green_cr, blue_cb] = grade.to_rgb;
            let mut rgb = [[zero(); 2]; 3];
            for half in 0..2 {
                let [t, cb, cr] = [values[0][half], values[1][half], values[2][half]];
                let y = adds16(mulhrs(t, splat16(1 << 13)), dither);
                let red = adds16(adds16(y, cr), mulhrs(cr, red_cr));
                let green = adds16(adds16(y, mulhrs(cb, green_cb)), mulhrs(cr, green_cr));
                let blue = adds16(adds16(y, cb), mulhrs(cb, blue_cb));
                rgb[0][half] = sample_of(grade, red, 0);
                rgb[1][half] = sample_of(grade, green, 1);
                rgb[2][half] = sample_of(grade, blue, 2);
            }
            rgb
        }

        #[target_feature(enable = $features)]
        fn grade_rgb(tables: &GradeTables, rows: [&mut [$sample]; 3], row: usize) {
            match &tables.numbers {
                Numbers::Fixed(grade) => rgb_fixed(tables, grade, rows, row),
                Numbers::Float(grade) => {
                    plain::rgb_float($cpu::in_use(), grade, rows, tables.dither_row(row));
                }
            }
        }

        #[target_feature(enable = $features)]
        fn rgb_fixed(
            tables: &GradeTables,
            grade: &FixedGrade,
            [red, green, blue]: [&mut [$sample]; 3],
            row: usize,
        ) {
            let n = red.len() / VECTOR;
            let dither = dither_of(tables, row);
            let vectors = graded(grade);
            let blocks = [
                &mut red.as_chunks_mut::<VECTOR>().0[..n],
                &mut green.as_chunks_mut::<VECTOR>().0[..n],
                &mut blue.as_chunks_mut::<VECTOR>().0[..n],
            ];
            let mut strip = [[[zero(); 2]; 3]; STRIP];
            for first in (0..n).step_by(STRIP) {
                let end = n.min(first + STRIP);
                for (block, values) in (first..end).zip(&mut strip) {
                    let mut rgb = [[zero(); 2]; 3];
                    for c in 0..3 {
                        prefetch(&blocks[c][block]);
                        rgb[c] = signed_halves(load_block(&blocks[c][block]), vectors.up);
                    }
                    *values = moved(&vectors, rgb);
                }
                change(&vectors, &mut strip[..end - first]);
                for (block, values) in (first..end).zip(&strip) {
                    let rgb = rgb_of(&vectors, values, dither);
                    for c in 0..3 {
                        let samples = &mut blocks[c][block];
                        let old = load_block(samples);
                        store_block(samples, block_of(rgb[c], old, vectors.legal[c], vectors.max));
                    }
                }
            }
            plain::rgb_fixed(grade, [red, green, blue], tables.dither_row(row), n * VECTOR);
        }

        #[target_feature(enable = $features)]
        fn grade_ycbcr(
            tables: &GradeTables,
            lumas: &mut [&mut [$sample]],
            chroma: Option<[&mut [$sample]; 2]>,
            row: usize,
        ) {
            let grade = match &tables.numbers {
                Numbers::Fixed(grade) => grade,
                Numbers::Float(grade) => {
                    return plain::ycbcr_float($cpu::in_use(), tables, grade, lumas, chroma, row);
                }
            };
            let shared = (tables.chroma.horizontal, tables.chroma.vertical);
            match chroma {
                None => {
                    let vectors = graded(grade);
                    for (y, samples) in lumas.iter_mut().enumerate() {
                        let (blocks, _) = samples.as_chunks_mut::<VECTOR>();
                        let n = blocks.len() * VECTOR;
                        let dither = dither_of(tables, row + y);
                        for block in blocks {
                            prefetch(block);
                            let base = [vectors.luma_offset; 2];
                            grade_luma(&vectors, grade.depth, block, base, dither);
                        }
                        plain::ycbcr_fixed(tables, grade, &mut [&mut **samples], None, row + y, n);
                    }
                }
                Some(mut chroma) => {
                    let [cb, cr] = &mut chroma;
                    let chroma_rows: [&mut [$sample]; 2] = [&mut **cb, &mut **cr];
                    let from = match (shared, &mut *lumas) {
                        ((1, 1), [luma]) => {
                            ycbcr_unshared(tables, grade, &mut **luma, chroma_rows, row)
                        }
                        ((2, 1 | 2), [luma]) => {
                            ycbcr_shared::<1>(tables, grade, [&mut **luma], chroma_rows, row)
                        }
                        ((2, 2), [first, second]) => {
                            let lumas = [&mut **first, &mut **second];
                            ycbcr_shared::<2>(tables, grade, lumas, chroma_rows, row)
                        }
                        _ => 0,
                    };
                    plain::ycbcr_fixed(tables, grade, lumas, Some(chroma), row, from);
                }
            }
        }

        /// Grades luma, to which chroma has added `base`. The old and the new block.
        #[inline]
        #[target_feature(enable = $features)]
        fn grade_luma(
            vectors: &Graded,
            depth: u32,
            samples: &mut [$sample; VECTOR],
            base: [V; 2],
            dither: V,
        ) -> [Block; 2] {
            let old = load_block(samples);
            let signed = signed_halves(old, vectors.up);
            let sums = [
                add16(base[0], mulhrs(signed[0], vectors.luma[0])),
                add16(base[1], mulhrs(signed[1], vectors.luma[0])),
            ];
            let [low, high] = tone_of(vectors, sums);
            // In the units of tone.
            let dither = slli16::<2>(dither);
            let output = splat16(1 << depth);
            let new = [mulhrs(adds16(low, dither), output), mulhrs(adds16(high, dither), output)];
            let new = block_of(new, old, vectors.legal[0], vectors.max);
            store_block(samples, new);
            [old, new]
        }

        /// Samples behind gain and shift of chroma by the means of old and new luma.
        #[inline]
        #[target_feature(enable = $features)]
        fn grade_chroma(
            vectors: &Graded,
            old: [V; 2],
            new: [V; 2],
            own: [[V; 2]; 2],
            dither: V,
        ) -> [[V; 2]; 2] {
            let mut t = new;
            for half in &mut t {
                let above_black = sub16(*half, vectors.black);
                *half = add16(above_black, mulhrs(above_black, vectors.to_levels));
            }
            let mut chroma = own;
            for c in 0..2 {
                for half in 0..2 {
                    let values = [old[half], own[0][half], own[1][half]];
                    chroma[c][half] = row_sum(&vectors.chroma[c], vectors.chroma_offset[c], values);
                }
            }
            let mut changed = changed_chroma(vectors, chroma, t);
            for c in 0..2 {
                for half in 0..2 {
                    let value = adds16(changed[c][half], dither);
                    changed[c][half] = sample_of(vectors, value, c + 1);
                }
            }
            changed
        }

        /// Where each pixel has chroma of its own. How many are done.
        #[target_feature(enable = $features)]
        fn ycbcr_unshared(
            tables: &GradeTables,
            grade: &FixedGrade,
            luma: &mut [$sample],
            [cb, cr]: [&mut [$sample]; 2],
            row: usize,
        ) -> usize {
            let n = luma.len() / VECTOR;
            let dither = dither_of(tables, row);
            let vectors = graded(grade);
            let luma = &mut luma.as_chunks_mut::<VECTOR>().0[..n];
            let chroma = [
                &mut cb.as_chunks_mut::<VECTOR>().0[..n],
                &mut cr.as_chunks_mut::<VECTOR>().0[..n],
            ];
            // Old and new luma, in the units of tone.
            let mut strip = [[[zero(); 2]; 2]; STRIP];
            for first in (0..n).step_by(STRIP) {
                let end = n.min(first + STRIP);
                for (block, values) in (first..end).zip(&mut strip) {
                    let mut own = [[zero(); 2]; 2];
                    for c in 0..2 {
                        prefetch(&chroma[c][block]);
                        own[c] = signed_halves(load_block(&chroma[c][block]), vectors.up);
                    }
                    prefetch(&luma[block]);
                    let base = [
                        chroma_of_luma(&vectors, [own[0][0], own[1][0]]),
                        chroma_of_luma(&vectors, [own[0][1], own[1][1]]),
                    ];
                    let both = grade_luma(&vectors, grade.depth, &mut luma[block], base, dither);
                    for i in 0..2 {
                        let [low, high] = signed_halves(both[i], vectors.up);
                        let flip = splat16(0x8000);
                        values[i] = [srli16::<1>(xor(low, flip)), srli16::<1>(xor(high, flip))];
                    }
                }
                for (block, values) in (first..end).zip(&strip) {
                    let own = [
                        signed_halves(load_block(&chroma[0][block]), vectors.up),
                        signed_halves(load_block(&chroma[1][block]), vectors.up),
                    ];
                    let new = grade_chroma(&vectors, values[0], values[1], own, dither);
                    for c in 0..2 {
                        let samples = &mut chroma[c][block];
                        let old = load_block(samples);
                        let legal = vectors.legal[c + 1];
                        store_block(samples, block_of(new[c], old, legal, vectors.max));
                    }
                }
            }
            n * VECTOR
        }

        /// What chroma adds to luma.
        #[inline]
        #[target_feature(enable = $features)]
        fn chroma_of_luma(vectors: &Graded, [cb, cr]: [V; 2]) -> V {
            let sum = add16(mulhrs(cb, vectors.luma[1]), mulhrs(cr, vectors.luma[2]));
            add16(sum, vectors.luma_offset)
        }

        /// Where two pixels side by side share chroma, in so many rows. How many samples of it are done.
        #[target_feature(enable = $features)]
        fn ycbcr_shared<const ROWS: usize>(
            tables: &GradeTables,
            grade: &FixedGrade,
            lumas: [&mut [$sample]; ROWS],
            [cb, cr]: [&mut [$sample]; 2],
            row: usize,
        ) -> usize {
            // Chroma is graded by two blocks of luma at once.
            let n = lumas[0].len() / (2 * VECTOR) * 2;
            let mut dithers = [zero(); ROWS];
            for (y, dither) in dithers.iter_mut().enumerate() {
                *dither = dither_of(tables, row + y);
            }
            let chroma_dither = dither_of(tables, row / tables.chroma.vertical);
            let vectors = graded(grade);
            let lumas = lumas.map(|luma| &mut luma.as_chunks_mut::<VECTOR>().0[..n]);
            let chroma = [
                &mut cb.as_chunks_mut::<{ VECTOR / 2 }>().0[..n],
                &mut cr.as_chunks_mut::<{ VECTOR / 2 }>().0[..n],
            ];
            let sum_shift = _mm_cvtsi32_si128(14 - grade.depth as i32 - (ROWS as i32 - 1));
            // Old and new luma, in the units of tone; Cb and Cr.
            let mut strip = [[zero(); 4]; STRIP];
            for first in (0..n).step_by(STRIP) {
                let end = n.min(first + STRIP);
                for (block, values) in (first..end).zip(&mut strip) {
                    let mut own = [zero(); 2];
                    for c in 0..2 {
                        prefetch(&chroma[c][block]);
                        let samples = load_shared(&chroma[c][block]);
                        own[c] = xor(sll_epi16(samples, vectors.up), splat16(0x8000));
                    }
                    let base = chroma_of_luma(&vectors, own);
                    let base = interleaved(base, base);
                    let mut sums = [zero(); 2];
                    for y in 0..ROWS {
                        let samples = &mut lumas[y][block];
                        prefetch(samples);
                        let both = grade_luma(&vectors, grade.depth, samples, base, dithers[y]);
                        for i in 0..2 {
                            sums[i] = add16(sums[i], sums_of_pairs(both[i], vectors.max));
                        }
                    }
                    let [old, t] = sums;
                    *values = [sll_epi16(old, sum_shift), sll_epi16(t, sum_shift), own[0], own[1]];
                }
                for (block, pair) in (first..end).step_by(2).zip(strip.as_chunks::<2>().0) {
                    let halves = |i: usize| [pair[0][i], pair[1][i]];
                    let own = [halves(2), halves(3)];
                    let new = grade_chroma(&vectors, halves(0), halves(1), own, chroma_dither);
                    for c in 0..2 {
                        let [lowest, highest] = vectors.legal[c + 1];
                        for half in 0..2 {
                            let legal = min16(max16(new[c][half], lowest), highest);
                            store_shared(&mut chroma[c][block + half], legal, vectors.max);
                        }
                    }
                }
            }
            n * VECTOR / 2
        }
    };
}
pub(super) use grade_kernels;
