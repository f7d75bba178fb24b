//! Gain and shift of chroma in f32: curves are looked up by permutes, as gathers are slow on many CPUs.

/// Implements [`ChangeChroma`](crate::kernels::scalar::grade::ChangeChroma) for `$cpu`, the token of the features,
/// out of what is in scope: vectors of f32, and `Table`, `table_of`, `index_of` and `at`, the look-up of values.
macro_rules! change_chroma {
    ($cpu:ident, $features:literal) => {
        impl plain::ChangeChroma for $cpu {
            fn change_chroma(self, grade: &FloatGrade, y: &Chunk, chroma: [&mut Chunk; 2]) {
                // SAFETY: `self` proves that the CPU has the features.
                unsafe { change_chroma(grade, y, chroma) }
            }
        }

        /// A curve of straight lines: [`FloatCurve`].
        struct Lines {
            value: Table,
            rise: Table,
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn lines(curve: &FloatCurve) -> Lines {
            Lines { value: table_of(&curve.value), rise: table_of(&curve.rise) }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn on_lines(lines: &Lines, index: Index, within: F) -> F {
            add_ps(at(&lines.value, index), mul_ps(at(&lines.rise, index), within))
        }

        #[target_feature(enable = $features)]
        fn change_chroma(grade: &FloatGrade, y: &Chunk, [cb, cr]: [&mut Chunk; 2]) {
            let [gain, cb_shift, cr_shift] = &grade.chroma_by_luma;
            let (gain, cb_shift, cr_shift) = (lines(gain), lines(cb_shift), lines(cr_shift));
            let (y, _) = y.as_chunks();
            let ((cb, _), (cr, _)) = (cb.as_chunks_mut(), cr.as_chunks_mut());
            for ((y, cb), cr) in y.iter().zip(cb).zip(cr) {
                let last = splat_ps(LINES as f32);
                let y = mul_ps(loadu_ps(y), splat_ps(grade.per_level));
                let y = min_ps(max_ps(y, splat_ps(0.)), last);
                let whole = floor_ps(y);
                let (index, within) = (index_of(whole), sub_ps(y, whole));
                let gain = on_lines(&gain, index, within);
                let shift = on_lines(&cb_shift, index, within);
                storeu_ps(cb, add_ps(mul_ps(loadu_ps(cb), gain), shift));
                let shift = on_lines(&cr_shift, index, within);
                storeu_ps(cr, add_ps(mul_ps(loadu_ps(cr), gain), shift));
            }
        }
    };
}
pub(super) use change_chroma;
