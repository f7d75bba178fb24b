#!/usr/bin/env bash
# Shows what histomatch does to a video; see --help.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=examples/setup.sh
. "$root/examples/setup.sh"

usage() {
    cat <<EOF
Usage: examples/demo.sh [--window]

Installs the packages that are missing (Debian and Ubuntu), builds the plugin, and gives the frames
of a clip the colours of a picture:

    examples/media/bigbuckbunny.webm + examples/media/coffee.png -> target/demo/matched.webm

One frame is put into target/demo/before-reference-after.png: before, the picture, after, and after the
exact rule per channel.

    --window    also play the clip in a window, matched while it plays
    -h, --help  show this text
EOF
}

window=
for option in "$@"; do
    case $option in
        --window) window=yes ;;
        -h | --help) usage && exit ;;
        *) printf 'demo.sh: unknown option: %s\n\n' "$option" >&2 && usage >&2 && exit 2 ;;
    esac
done
if [ -n "$window" ] && [ "$(uname)" = Linux ] && [ -z "${DISPLAY-}${WAYLAND_DISPLAY-}" ]; then
    fail '--window needs a desktop: neither DISPLAY nor WAYLAND_DISPLAY is set.' \
        'Run this without --window and open the files that it writes.'
fi

install_packages gcc libc6-dev pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev \
    gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
    ${window:+gstreamer1.0-x}
need_rust

# Made absolute because a relative one is relative to the folder that is left now.
if [ -n "${CARGO_TARGET_DIR-}" ]; then
    mkdir -p "$CARGO_TARGET_DIR"
    CARGO_TARGET_DIR=$(cd "$CARGO_TARGET_DIR" && pwd)
    export CARGO_TARGET_DIR
fi
run cd "$root"
target=${CARGO_TARGET_DIR:-target}
# Another one only for tests, which have built that already.
profile=${HISTOMATCH_DEMO_PROFILE:-release}
built=$target/${profile/#dev/debug}
video=examples/media/bigbuckbunny.webm
reference=examples/media/coffee.png
matched=matched.webm
picture=before-reference-after.png

run cargo build --profile "$profile" --locked --lib --example before_after

# gst-launch-1.0 with the plugin that was built.
launch=(env "GST_PLUGIN_PATH=$built${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}" gst-launch-1.0)
matching=(filesrc "location=$video" '!' decodebin
    '!' histomatch "reference-location=$reference" method=grade smoothing=2000000000
    '!' videoconvert)

run mkdir -p "$target/demo"
run "${launch[@]}" -q "${matching[@]}" '!' progressreport update-freq=1 \
    '!' vp8enc deadline=1 target-bitrate=2000000 '!' webmmux \
    '!' filesink "location=$target/demo/$matched"

run cargo run --profile "$profile" --locked --quiet --example before_after -- \
    "$video" "$reference" "$target/demo/$picture" --at 2.4 \
    --method grade --method channels

results=$(cd "$target/demo" && pwd)
cat <<EOF

Before, reference, after:    $results/$picture
The video:                   $results/$matched
EOF

if [ -n "$window" ]; then
    # Closing the window ends the pipeline with an error.
    run "${launch[@]}" "${matching[@]}" '!' autovideosink || echo 'The window has closed.'
fi
