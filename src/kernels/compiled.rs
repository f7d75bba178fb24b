//! What compilers make vectors of by themselves, compiled once more for an instruction set.

/// Defines `byte_steps`, `word_steps` and `transfer` for some target features, with the `ByteOps` in
/// scope.
macro_rules! compiled_steps {
    ($features:literal) => {
        pub(super) fn byte_steps() -> convert::TakeStep<u8> {
            // SAFETY: `super::RowKernels` gives this out only where `is_available`.
            |step, conversion, group, lines| unsafe {
                take_step::<u8, ByteOps>(step, conversion, group, lines);
            }
        }

        pub(super) fn word_steps() -> convert::TakeStep<u16> {
            // SAFETY: as in `byte_steps`.
            |step, conversion, group, lines| unsafe {
                take_step::<u16, convert::Plain>(step, conversion, group, lines);
            }
        }

        #[target_feature(enable = $features)]
        fn take_step<S: $crate::rows::Sample, O: convert::Ops<S>>(
            step: convert::Step,
            conversion: &convert::Conversion,
            group: &mut $crate::rows::Group<S>,
            lines: &mut convert::Lines<S>,
        ) {
            convert::take_step::<S, O>(step, conversion, group, lines);
        }

        pub(super) fn transfer<S: $crate::rows::Sample>() -> $crate::rows::Transfer<S> {
            $crate::rows::Transfer {
                // SAFETY: as in `byte_steps`.
                load: |place, depth, from, row| unsafe { load_row(place, depth, from, row) },
                // SAFETY: as in `byte_steps`.
                store: |place, depth, row, to| unsafe { store_row(place, depth, row, to) },
            }
        }

        #[target_feature(enable = $features)]
        fn load_row<S: $crate::rows::Sample>(
            place: &$crate::pixels::Place,
            depth: u32,
            from: &[u8],
            row: &mut [S],
        ) {
            $crate::rows::load_row(place, depth, from, row);
        }

        #[target_feature(enable = $features)]
        fn store_row<S: $crate::rows::Sample>(
            place: &$crate::pixels::Place,
            depth: u32,
            row: &[S],
            to: &mut [u8],
        ) {
            $crate::rows::store_row(place, depth, row, to);
        }
    };
}
pub(super) use compiled_steps;
