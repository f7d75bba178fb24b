#!/usr/bin/env bash
# Shows how steady histomatch is in time, beside FFmpeg's filters; see --help and README.md.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=examples/setup.sh
. "$root/examples/setup.sh"

usage() {
    cat <<EOF
Usage: benches/steadiness/run.sh [FILE]

Installs what is missing (Debian and Ubuntu), builds the plugin, and measures how steady a video is
behind this project's element and behind FFmpeg's filters. It prints a table of Markdown for each
video, and writes a plot into FILE (default: examples/media/steadiness.png). The Python packages go
into target/steadiness/venv.

    -h, --help    show this text
EOF
}

plot=$root/examples/media/steadiness.png
case ${1-} in
    -h | --help) usage && exit ;;
    -*) printf 'run.sh: unknown option: %s\n\n' "$1" >&2 && usage >&2 && exit 2 ;;
    ?*) plot=$1 ;;
esac
[ $# -le 1 ] || { usage >&2 && exit 2; }

install_packages gcc libc6-dev pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev \
    gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-bad ffmpeg python3 \
    python3-venv
need_rust
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$(python3 --version) is too old for the packages in" \
        'benches/steadiness/requirements.txt: Python 3.11 or later is needed.'

target=${CARGO_TARGET_DIR:-$root/target}
mkdir -p "$target"
target=$(cd "$target" && pwd)
venv=$target/steadiness/venv

# With its requirements beside it, a virtual environment that is up to date is known.
requirements=$here/requirements.txt
if ! cmp -s "$requirements" "$venv/requirements.txt" || ! "$venv/bin/python" -c '' 2>/dev/null; then
    run python3 -m venv --clear "$venv"
    run "$venv/bin/pip" install --quiet --requirement "$requirements"
    cp "$requirements" "$venv"
fi

run cargo build --release --locked --manifest-path "$root/Cargo.toml" --target-dir "$target"

# Nothing is written beside the sources.
exec env PYTHONDONTWRITEBYTECODE=1 \
    "GST_PLUGIN_PATH=$target/release${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}" \
    "$venv/bin/python" "$here/steadiness.py" "$plot"
