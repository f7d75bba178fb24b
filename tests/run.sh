#!/usr/bin/env bash
# Installs what the tests need (Debian and Ubuntu), and runs all checks. Arguments go to cargo test.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=examples/setup.sh
. examples/setup.sh

echo 'A first run takes about nine minutes on two cores and 1 GB in the target folder.'
install_packages gcc libc6-dev pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev \
    gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
    gstreamer1.0-plugins-bad python3 python3-gi python3-gst-1.0 gir1.2-gstreamer-1.0 \
    gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-ugly gstreamer1.0-pipewire pipewire \
    gstreamer1.0-x gstreamer1.0-gl libgl1-mesa-dri xvfb ffmpeg \
    python3-numpy xdotool gstreamer1.0-libav parallel libjpeg-turbo-progs libjxl-tools libheif-examples libopenjp2-tools \
    ges1.0-tools gir1.2-ges-1.0 gir1.2-gst-rtsp-server-1.0
# libheif's encoders, where they are packages of their own.
encoders=()
for package in libheif-plugin-x265 libheif-plugin-aomenc; do
    if have apt-cache && apt-cache show "$package" >/dev/null 2>&1; then
        encoders+=("$package")
    fi
done
[ ${#encoders[@]} -eq 0 ] || install_packages "${encoders[@]}"
need_rust
for component in rustfmt clippy; do
    cargo "${component#rust}" --version >/dev/null 2>&1 ||
        fail "The Rust component $component is missing. Add it:" \
            "    rustup component add $component"
done

# What the tests run on, in one line each.
tested_on() {
    [ -z "$1" ] || echo "Tested on: $1"
}
tested_on "$(. /etc/os-release 2>/dev/null && echo "${PRETTY_NAME-}"), $(uname -sm), $(nproc 2>/dev/null) cores"
tested_on "$(gst-launch-1.0 --version | grep '^GStreamer ')"
if have ffmpeg; then
    tested_on "$(ffmpeg -version | sed -n '1s/^ffmpeg version \([^ ]*\).*/FFmpeg \1/p')"
fi
tested_on "$(rustc --version)"

# Nothing is built twice here, so nothing need be kept for that. Panics say their lines by themselves.
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0} CARGO_PROFILE_DEV_DEBUG=${CARGO_PROFILE_DEV_DEBUG:-0}
run cargo fmt --all --check
run cargo clippy --locked --all-targets -- -D warnings
# The library by itself.
run cargo clippy --locked --lib --no-default-features -- -D warnings
run env RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps
# The presets of whoever runs the tests are no part of them.
export XDG_DATA_HOME=$PWD/target/tmp/home
# Tests of programs wait for them, and leave the cores to others.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc 2>/dev/null || echo 1)))}
run cargo test --locked "$@"
