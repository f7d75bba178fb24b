#!/usr/bin/env bash
# Times histomatch against other tools; see --help and README.md.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=examples/setup.sh
. "$root/examples/setup.sh"

usage() {
    cat <<EOF
Usage: benches/peers/run.sh [--quick] [--rounds N] [--page [FILE]] [--chromium]

Installs what is missing (Debian and Ubuntu), builds the plugin, and times histogram matching in
this project's element and in other tools. It prints two tables of Markdown. A tool that can't be
had gets a row that says so. The Python packages go into target/peers/venv.

    --quick          a small frame and few rounds: tests that everything runs
    --rounds N       default: 10; with --quick: 2
    --page [FILE]    also write the tables into FILE (default: docs/speed.md), between the lines
                     <!-- peers:begin --> and <!-- peers:end -->
    --chromium       install Chromium, too (about 300 MB); without, it is timed if it is there
    -h, --help       show this text
EOF
}

chromium=
options=()
for option in "$@"; do
    case $option in
        --chromium) chromium=yes ;;
        -h | --help) usage && exit ;;
        # Their values are checked by peers.py.
        --quick | --rounds | --rounds=* | --page | --page=* | [!-]*) options+=("$option") ;;
        *) printf 'run.sh: unknown option: %s\n\n' "$option" >&2 && usage >&2 && exit 2 ;;
    esac
done
[ "$(uname)" = Linux ] || fail 'The comparison needs Linux: it pins its programs to a core.'

install_packages gcc libc6-dev pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev \
    gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
    gstreamer1.0-plugins-bad ffmpeg python3 python3-venv python3-dev ${chromium:+chromium}
need_rust
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$(python3 --version) is too old for the packages in benches/peers/requirements.txt:" \
        'Python 3.11 or later is needed.'

target=${CARGO_TARGET_DIR:-$root/target}
mkdir -p "$target"
target=$(cd "$target" && pwd)
venv=$target/peers/venv

# With its requirements beside it, a virtual environment that is up to date is known.
requirements=$here/requirements.txt
if ! cmp -s "$requirements" "$venv/requirements.txt" || ! "$venv/bin/python" -c '' 2>/dev/null; then
    run python3 -m venv --clear "$venv"
    if run "$venv/bin/pip" install --quiet --requirement "$requirements"; then
        cp "$requirements" "$venv"
    else
        # One that can't be installed is not to cost the others their rows.
        grep -v '^#' "$requirements" | while read -r requirement; do
            run "$venv/bin/pip" install --quiet "$requirement" || true
        done
        "$venv/bin/python" -c 'import numpy, PIL' ||
            fail 'The comparison itself needs numpy and Pillow, which could not be installed.'
    fi
fi

run cargo build --release --locked --manifest-path "$root/Cargo.toml" --target-dir "$target"

# One thread for every library, nothing written beside the sources.
exec env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 \
    "GST_PLUGIN_PATH=$target/release${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}" \
    "$venv/bin/python" "$here/peers.py" "${options[@]}"
