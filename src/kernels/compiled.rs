//! What compilers make vectors of by themselves, compiled once more for an instruction set.

/// Defines `byte_steps`, `word_steps`, `byte_transfer` and `word_transfer` for some target features,
/// with what `vectors.rs` defines in the modules `bytes` and `words`. They are given out for `$cpu`,
/// the proof that the CPU has the features.
macro_rules! compiled_steps {
    ($cpu:ident, $features:literal) => {
        pub(super) fn byte_steps(cpu: $cpu) -> convert::Steps<u8> {
            steps::<u8, bytes::Ops>(cpu)
        }

        pub(super) fn word_steps(cpu: $cpu) -> convert::Steps<u16> {
            steps::<u16, words::Ops>(cpu)
        }

        fn steps<S: Sample, O: convert::Ops<S> + From<$cpu>>(_: $cpu) -> convert::Steps<S> {
            convert::Steps {
                // SAFETY: the argument proves that the CPU has the features.
                to_channels: |conversion, group, lines| unsafe {
                    to_channels::<S, O>(conversion, group, lines);
                },
                // SAFETY: as above.
                add_changes: |conversion, group, lines| unsafe {
                    add_changes::<S, O>(conversion, group, lines);
                },
            }
        }

        #[target_feature(enable = $features)]
        fn to_channels<S: Sample, O: convert::Ops<S> + From<$cpu>>(
            conversion: &convert::Conversion,
            group: &View<S>,
            lines: &mut convert::Lines<S>,
        ) {
            convert::to_channels(O::from($cpu::in_use()), conversion, group, lines);
        }

        #[target_feature(enable = $features)]
        fn add_changes<S: Sample, O: convert::Ops<S> + From<$cpu>>(
            conversion: &convert::Conversion,
            group: &mut ViewMut<S>,
            lines: &mut convert::Lines<S>,
        ) {
            convert::add_changes(O::from($cpu::in_use()), conversion, group, lines);
        }

        pub(super) fn byte_transfer(_: $cpu) -> Transfer<u8> {
            Transfer {
                // SAFETY: as in `steps`.
                load: |place, depth, from, row| unsafe {
                    bytes::load_bytes(place, depth, from, row)
                },
                // SAFETY: as in `steps`.
                store: |place, depth, row, to| unsafe { bytes::store_bytes(place, depth, row, to) },
            }
        }

        pub(super) fn word_transfer(_: $cpu) -> Transfer<u16> {
            Transfer {
                // SAFETY: as in `steps`.
                load: |place, depth, from, row| unsafe { load_row(place, depth, from, row) },
                // SAFETY: as in `steps`.
                store: |place, depth, row, to| unsafe { store_row(place, depth, row, to) },
            }
        }

        #[target_feature(enable = $features)]
        fn load_row<S: Sample>(place: &Place, depth: u32, from: &[u8], row: &mut [S]) {
            rows::load_row(place, depth, from, row);
        }

        #[target_feature(enable = $features)]
        fn store_row<S: Sample>(place: &Place, depth: u32, row: &[S], to: &mut [u8]) {
            rows::store_row(place, depth, row, to);
        }
    };
}
pub(super) use compiled_steps;
