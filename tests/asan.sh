#!/usr/bin/env bash
# Runs the tests under AddressSanitizer, with a nightly toolchain of Rust: memory is used as it may
# be, and Rust's part of it freed. Arguments go to cargo test, such as: --test suite formats::
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=examples/setup.sh
. examples/setup.sh
need_rust

if ! cargo +nightly --version >/dev/null 2>&1; then
    fail 'Only a nightly toolchain of Rust has AddressSanitizer. Get one:' \
        '    rustup toolchain install nightly --profile minimal'
fi
host=$(rustc +nightly --version --verbose | sed -n 's/^host: //p')
archive=$(rustc +nightly --print sysroot)/lib/rustlib/$host/lib/librustc-nightly_rt.asan.a
[ -e "$archive" ] || fail "Rust has no AddressSanitizer for $host."

# In a test the sanitizer is linked in. GStreamer's programs, which only load the plugin, need it
# as a library, which is made of the same archive, without what starts it before a program. Were it
# called libasan, the sanitizer would take it for a second one.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$archive" "$folder/asan.a"
ar d "$folder/asan.a" asan_preinit.cpp.o
cc -shared -o "$folder/sanitizer.so" -Wl,--whole-archive "$folder/asan.a" -Wl,--no-whole-archive \
    -ldl -lpthread -lm -lrt
for program in gst-launch-1.0 gst-inspect-1.0; do
    printf '#!/bin/sh\nASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=%q exec %q "$@"\n' \
        "$folder/sanitizer.so" "$(command -v "$program")" >"$folder/$program"
    chmod +x "$folder/$program"
done

# GLib loses its first table of quarks on purpose. Whatever it allocates is left to valgrind.sh.
echo 'leak:g_malloc' >"$folder/lsan.supp"
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
export LSAN_OPTIONS=suppressions=$folder/lsan.supp:print_suppressions=0

skipped=(
    # What is freed is not used again for long.
    f22_ f38_
    # The sanitizer needs more addresses than ulimit leaves.
    f73_
    # They start Python and cargo, not only GStreamer's programs.
    the_python_program every_shell_command f66_ memory_that_cannot_be_mapped
)

[ $# -gt 0 ] || set -- --test '*'
# A folder of its own, as all is built otherwise.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/asan
PATH=$folder:$PATH RUSTFLAGS=-Zsanitizer=address CARGO_PROFILE_DEV_DEBUG=line-tables-only \
    cargo +nightly test --locked --no-fail-fast --target "$host" "$@" -- \
    "${skipped[@]/#/--skip=}"
