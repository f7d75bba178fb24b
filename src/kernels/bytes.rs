//! Steps of conversions for bytes, written once for vectors of any length.
//!
//! A file that has the names of [`byte_steps`] for the operations of its instruction set gets the
//! steps from it. They equal those of `convert.rs`, which take over where a row does not fill a
//! vector.

/// Defines `ByteOps` out of what is in scope: the type `V`, `VECTOR` (its bytes), and functions
/// named after the operations, without prefix: `load`, `store`, `widen` (bytes to 16 bits),
/// `narrow` (and store), `splat16`, `splat32`, `zero`, `add16`, `sub16`, `min16`, `max16`,
/// `add_products`, `sra32`, `maddubs`, `unpacklo8`, `unpackhi8`, `unpacklo16`, `unpackhi16`, `packs32`,
/// `packus16`.
macro_rules! byte_steps {
    ($features:literal) => {
        /// Samples of 16 bits in a vector.
        const HALF_VECTOR: usize = VECTOR / 2;

        /// The steps for bytes.
        struct ByteOps;

        impl convert::Ops<u8> for ByteOps {
            #[inline(always)]
            fn to_channels(
                rows: [&[u8]; 3],
                outputs: &mut [&mut [u8]],
                affine: &$crate::color::Affine,
            ) {
                // SAFETY: this is only called by `take_step` of `compiled.rs`, which has the features.
                unsafe { bytes_to_channels(rows, outputs, affine) }
            }

            #[inline(always)]
            fn add_changes(
                component: &mut [u8],
                old: [&[u8]; 3],
                new: [&[u8]; 3],
                factors: [i32; 3],
                legal: (i32, i32),
            ) {
                // SAFETY: as above.
                unsafe { add_byte_changes(component, old, new, factors, legal) }
            }

            #[inline(always)]
            fn add_means(
                component: &mut [u8],
                means: [&[i16]; 3],
                factors: [i32; 3],
                legal: (i32, i32),
            ) {
                // SAFETY: as above.
                unsafe { add_byte_means(component, means, factors, legal) }
            }

            #[inline(always)]
            fn add_pairs(old: &[u8], new: &[u8], cosited: bool, sums: &mut [i16]) {
                // SAFETY: as above.
                unsafe { add_byte_pairs(old, new, cosited, sums) }
            }
        }

        /// Pairs of 16-bit factors for `add_products`: of the first two inputs, and of the third. Factors
        /// of conversions in 8 bits are less than 2.3 times 2^13.
        #[inline]
        #[target_feature(enable = $features)]
        fn factor_pairs([a, b, c]: [i32; 3]) -> [V; 2] {
            [splat32((a & 0xFFFF) | b << 16), splat32(c & 0xFFFF)]
        }

        /// `(a * fa + b * fb + c * fc + offset) >> 13` of 16-bit inputs, to 16 bits.
        #[inline]
        #[target_feature(enable = $features)]
        fn affine16([a, b, c]: [V; 3], factors: [V; 2], offset: V) -> V {
            let sum = |ab: V, c: V| {
                let sum = add_products(add_products(offset, ab, factors[0]), c, factors[1]);
                sra32::<{ $crate::color::FRACTION_BITS }>(sum)
            };
            packs32(
                sum(unpacklo16(a, b), unpacklo16(c, zero())),
                sum(unpackhi16(a, b), unpackhi16(c, zero())),
            )
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn bytes_to_channels(
            rows: [&[u8]; 3],
            outputs: &mut [&mut [u8]],
            affine: &$crate::color::Affine,
        ) {
            let n = rows[0].len();
            let whole = n - n % VECTOR;
            let mut factors = [[zero(); 2]; 3];
            let mut offsets = [zero(); 3];
            for i in 0..3 {
                factors[i] = factor_pairs(affine.factors[i]);
                offsets[i] = splat32(affine.offsets[i]);
            }
            for at in (0..whole).step_by(VECTOR) {
                let bytes = rows.map(|row| load(&row[at..]));
                let low = bytes.map(|bytes| unpacklo8(bytes, zero()));
                let high = bytes.map(|bytes| unpackhi8(bytes, zero()));
                for (i, output) in outputs.iter_mut().enumerate() {
                    let low = affine16(low, factors[i], offsets[i]);
                    let high = affine16(high, factors[i], offsets[i]);
                    store(&mut output[at..], packus16(low, high));
                }
            }
            let rest = rows.map(|row| &row[whole..]);
            for (i, output) in outputs.iter_mut().enumerate() {
                convert::affine(rest, &mut output[whole..], affine, i);
            }
        }

        /// Adds changes to half a vector of samples.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_to(component: &mut [u8], changes: [V; 3], factors: [V; 2], [low, high]: [V; 2]) {
            let change = affine16(changes, factors, splat32($crate::color::ROUNDING));
            let old = widen(component);
            let new = max16(add16(old, change), min16(old, low));
            narrow(component, min16(new, max16(old, high)));
        }

        /// Adds changes to a component: by half vectors from some sample on, and one by one.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_by_halves(
            component: &mut [u8],
            factors: [i32; 3],
            legal: (i32, i32),
            half: impl Fn(usize) -> [V; 3],
            one: impl Fn(usize) -> [i32; 3],
        ) {
            let whole = component.len() - component.len() % HALF_VECTOR;
            let pairs = factor_pairs(factors);
            let bounds = [splat16(legal.0), splat16(legal.1)];
            for at in (0..whole).step_by(HALF_VECTOR) {
                add_to(&mut component[at..], half(at), pairs, bounds);
            }
            convert::add(&mut component[whole..], factors, legal, |i| one(whole + i));
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn add_byte_changes(
            component: &mut [u8],
            old: [&[u8]; 3],
            new: [&[u8]; 3],
            factors: [i32; 3],
            legal: (i32, i32),
        ) {
            let half = |at: usize| {
                let mut changes = [zero(); 3];
                for i in 0..3 {
                    changes[i] = sub16(widen(&new[i][at..]), widen(&old[i][at..]));
                }
                changes
            };
            let one = |at: usize| [0, 1, 2].map(|i| i32::from(new[i][at]) - i32::from(old[i][at]));
            add_by_halves(component, factors, legal, half, one);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn add_byte_means(
            component: &mut [u8],
            means: [&[i16]; 3],
            factors: [i32; 3],
            legal: (i32, i32),
        ) {
            let half = |at: usize| means.map(|means| load16(&means[at..]));
            let one = |at: usize| means.map(|means| means[at].into());
            add_by_halves(component, factors, legal, half, one);
        }

        /// For rows that begin one sample before the first.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_byte_pairs(old: &[u8], new: &[u8], cosited: bool, sums: &mut [i16]) {
            let n = sums.len();
            let whole = n - n % HALF_VECTOR;
            for at in (0..whole).step_by(HALF_VECTOR) {
                let pairs = |row: &[u8], from: usize| maddubs(load(&row[2 * at + from..]));
                let mut sum = add16(load16(&sums[at..]), sub16(pairs(new, 1), pairs(old, 1)));
                if cosited {
                    sum = add16(sum, sub16(pairs(new, 0), pairs(old, 0)));
                }
                store16(&mut sums[at..], sum);
            }
            let (old, new) = (&old[2 * whole..], &new[2 * whole..]);
            convert::add_pairs(old, new, cosited, &mut sums[whole..]);
        }
    };
}
pub(super) use byte_steps;
