//! What compilers make vectors of by themselves, compiled once more for an instruction set.

/// Defines `run`, `byte_conversion`, `word_conversion`, `byte_transfer` and `word_transfer` for some target
/// features, with what `vectors.rs` defines in the modules `bytes` and `words`. They are given out for `$cpu`,
/// the token of the features.
macro_rules! compiled_kernels {
    ($cpu:ident, $features:literal) => {
        pub(super) fn run<W: Work>(_: $cpu, work: W) -> W::Output {
            // SAFETY: the argument proves that the CPU has the features.
            unsafe { run_compiled(work) }
        }

        #[target_feature(enable = $features)]
        fn run_compiled<W: Work>(work: W) -> W::Output {
            work.run()
        }

        pub(super) fn byte_conversion(cpu: $cpu) -> convert::ConversionKernels<u8> {
            conversion::<u8, bytes::Ops>(cpu)
        }

        pub(super) fn word_conversion(cpu: $cpu) -> convert::ConversionKernels<u16> {
            conversion::<u16, words::Ops>(cpu)
        }

        fn conversion<S: Sample, O: convert::Ops<S> + From<$cpu>>(
            _: $cpu,
        ) -> convert::ConversionKernels<S> {
            convert::ConversionKernels {
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
            group: &RowGroupView<S>,
            lines: &mut convert::ConvertedRows<S>,
        ) {
            convert::to_channels(O::from($cpu::in_use()), conversion, group, lines);
        }

        #[target_feature(enable = $features)]
        fn add_changes<S: Sample, O: convert::Ops<S> + From<$cpu>>(
            conversion: &convert::Conversion,
            group: &mut RowGroupViewMut<S>,
            lines: &mut convert::ConvertedRows<S>,
        ) {
            convert::add_changes(O::from($cpu::in_use()), conversion, group, lines);
        }

        pub(super) fn byte_transfer(_: $cpu) -> RowTransfer<u8> {
            RowTransfer {
                // SAFETY: as in `conversion`.
                load: |words, from, row| unsafe { bytes::load_bytes(words, from, row) },
                // SAFETY: as in `conversion`.
                store: |words, row, to| unsafe { bytes::store_bytes(words, row, to) },
            }
        }

        pub(super) fn word_transfer(_: $cpu) -> RowTransfer<u16> {
            RowTransfer {
                // SAFETY: as in `conversion`.
                load: |words, from, row| unsafe { words::load_words(words, from, row) },
                // SAFETY: as in `conversion`.
                store: |words, row, to| unsafe { words::store_words(words, row, to) },
            }
        }

        #[target_feature(enable = $features)]
        fn load_row<S: Sample>(words: &Words, from: &[u8], row: &mut [S]) {
            transfer::load_row(words, from, row);
        }

        #[target_feature(enable = $features)]
        fn store_row<S: Sample>(words: &Words, row: &[S], to: &mut [u8]) {
            transfer::store_row(words, row, to);
        }
    };
}
pub(super) use compiled_kernels;
