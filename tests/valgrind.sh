#!/usr/bin/env bash
# Runs gst-launch-1.0 with the plugin under Valgrind (Debian's package valgrind): no byte is read
# that was not written, none outside of its block, and no block is lost. Takes about a minute.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=examples/setup.sh
. examples/setup.sh

have valgrind || fail 'valgrind is missing. Install it:' '    apt-get install valgrind'
need_rust

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/plugin"
# With an example, so that it is the plugin that is built with the tests.
run cargo build --locked --lib --example before_after
cp "${CARGO_TARGET_DIR:-target}/debug/libgsthistomatch.so" "$folder/plugin"
export GST_PLUGIN_PATH=$folder/plugin GST_REGISTRY=$folder/registry.bin
# The plugins are looked through once, and not under Valgrind.
gst-inspect-1.0 histomatch >/dev/null
export GST_REGISTRY_UPDATE=no
# GLib's blocks one by one and cleared when they are freed; no code that Orc writes as it goes.
export G_SLICE=always-malloc G_DEBUG=gc-friendly,fatal-criticals ORC_CODE=backup

valgrind=(valgrind --quiet --error-exitcode=99 --suppressions=tests/valgrind.supp
    --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite
    --num-callers=30 --track-origins=yes)
glib=/usr/share/glib-2.0/valgrind/glib.supp
[ ! -e "$glib" ] || valgrind+=("--suppressions=$glib")

# check plays|fails PIPELINE: gst-launch-1.0 does so with it under Valgrind.
check() {
    local status=0 outcome words
    read -rd "" -a words <<<"$2" || true
    echo "$2"
    timeout 60 "${valgrind[@]}" gst-launch-1.0 --quiet "${words[@]}" >"$folder/log" 2>&1 || status=$?
    case $status in
        0) outcome=plays ;;
        1 | 255) outcome=fails ;;
        *) outcome=dies ;;
    esac
    if [ "$outcome" != "$1" ] || grep -q '^==[0-9]*==' "$folder/log"; then
        cat "$folder/log" >&2
        fail "gst-launch-1.0 ended with $status, or Valgrind has found something."
    fi
}

png=examples/media/coffee.png
jpeg=tests/data/rgb.jpg
# chain CAPS PROPERTIES: the element between a source and a sink.
chain() {
    echo " videotestsrc num-buffers=5 pattern=ball ! video/x-raw,$1,height=38" \
        "! histomatch qos=false $2 ! fakesink"
}
everything='smoothing=200000000 deflicker=1 ignore-borders=true max-slope=4 post-messages=true'

check plays "$(
    chain format=RGB,width=161 "reference-location=$png"
    chain format=I420,width=161 "reference-location=$jpeg n-threads=2"
    chain format=NV12,width=96 "reference-location=$jpeg $everything"
    chain format=P010_10LE,width=97 "reference-location=$png n-threads=2"
    chain format=v210,width=97 "reference-location=$png n-threads=2"
    chain format=AYUV64,width=33 "reference-location=$png colorspace=luma"
    chain format=BGRx,width=161 "reference-location=$png colorspace=ycbcr $everything"
    chain format=GRAY8,width=161 ''
    chain format=Y42B,width=65,interlace-mode=interleaved "reference-location=$png strength=0.5"
)"
# The size and the format change while it plays.
check plays "concat name=c ! histomatch reference-location=$png n-threads=2 $everything ! fakesink
    videotestsrc num-buffers=3 ! video/x-raw,format=RGB,width=97,height=30 ! c.
    videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=50,height=31 ! c."
check fails "$(chain format=RGB,width=161 reference-location=no-such.png)"
check fails "$(chain format=RGB,width=161 reference-location=tests/valgrind.sh)"
echo 'Valgrind has found nothing.'
