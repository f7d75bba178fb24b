#!/usr/bin/env bash
# Installs what fuzzing needs (Debian and Ubuntu), and gives every target some inputs, 20,000 or as
# many as the argument says. With SANITIZER=address, memory is watched, too.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=examples/setup.sh
. examples/setup.sh

runs=${1:-20000}
# Without a sanitizer, the stable toolchain does: what leads libFuzzer is LLVM's counters of edges,
# which need none. Wrong bytes, panics and overflows are found that way, and the build is half as
# long. AddressSanitizer needs a nightly one.
sanitizer=${SANITIZER:-none}

install_packages gcc g++ libc6-dev pkg-config libgstreamer1.0-dev \
    libgstreamer-plugins-base1.0-dev gstreamer1.0-tools
need_rust
# A front end that is run five times needs no optimization.
have cargo-fuzz || run cargo install --locked --debug cargo-fuzz
# Of GLib's memory, some is never freed, by design.
export ASAN_OPTIONS=detect_leaks=0

cargo_fuzz=(cargo)
[ "$sanitizer" = none ] || cargo_fuzz+=(+nightly)

# run_target TARGET MAX_LEN: goes on from the corpus; new inputs go to fuzz/target.
run_target() {
    local new=fuzz/target/corpus/$1
    mkdir -p "$new"
    run "${cargo_fuzz[@]}" fuzz run --sanitizer "$sanitizer" "$1" "$new" "fuzz/corpus/$1" -- \
        -runs="$runs" -seed=1 -max_len="$2" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1
}

run_target kernels 1024
run_target planes 256
run_target properties 512
run_target reference 4096
run_target temporal 512
