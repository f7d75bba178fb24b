#!/usr/bin/env bash
# Runs the tests with the GStreamer of another version of Debian; see --help.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=examples/setup.sh
. examples/setup.sh

usage() {
    cat <<'EOT'
Usage: tests/versions.sh SUITE [ARGUMENT...]

Runs the plugin and the tests, as they are built here, with the GStreamer of a version of Debian
that is not older than this system: trixie has GStreamer 1.26, sid the newest. Arguments go to
cargo test. Needs root, on Debian or Ubuntu.

The version's files (about 1.5 GB) are made by debootstrap and kept in
$HISTOMATCH_CHROOTS/SUITE, by default ${XDG_CACHE_HOME:-$HOME/.cache}/histomatch/SUITE.

    tests/versions.sh trixie
    tests/versions.sh sid --test formats -- --skip f25
EOT
}

case ${1-} in
    -h | --help) usage && exit ;;
    '' | -* | */*) usage >&2 && exit 2 ;;
esac
[ "$(id -u)" -eq 0 ] || fail 'This makes a chroot, which only root can: run it as root.'
# What is mounted in a namespace of its own is gone when the script is, however it ends.
if [ -z "${HISTOMATCH_NAMESPACE-}" ]; then
    HISTOMATCH_NAMESPACE=1 exec unshare --mount --propagation private "$BASH" "$PWD/tests/versions.sh" "$@"
fi
suite=$1
shift

chroots=${HISTOMATCH_CHROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/histomatch}
mkdir -p "$chroots"
root=$(cd "$chroots" && pwd)/$suite
install_packages debootstrap debian-archive-keyring
need_rust

if [ ! -d "$root" ]; then
    # Under another name until it is whole.
    rm -rf --one-file-system "$root.new"
    run debootstrap --variant=minbase --include=ca-certificates "$suite" "$root.new"
    mv "$root.new" "$root"
fi

# mounted FOLDER [PLACE]: FOLDER is seen at the same path, or at PLACE, in the chroot.
mounted() {
    mkdir -p "$1" "$root${2-$1}"
    mount --bind "$1" "$root${2-$1}"
}
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
target=$(cd "$target" && pwd)
# Temporary files are shared, as doc tests are built there.
for folder in /proc /sys /dev /dev/shm /tmp "$PWD" "$target" "${CARGO_HOME:-$HOME/.cargo}" \
    "${RUSTUP_HOME:-$HOME/.rustup}"; do
    mounted "$folder"
done
# What tests write and programs of this system must not find: the registry of plugins, and what
# the README's commands build against the libraries of the chroot.
mounted "$root/var/cache/histomatch/tmp" "$target/tmp"
mounted "$root/var/cache/histomatch/release" "$PWD/target/release"

# The packages of tests/run.sh, in the chroot.
# shellcheck disable=SC2016 # It is the other shell that expands them.
chroot "$root" env --chdir="$PWD" bash -euo pipefail -c '
    . examples/setup.sh
    . <(sed -n "/^install_packages /,/[^\\]$/p" tests/run.sh)
'
chroot "$root" gst-launch-1.0 --version | sed -n "s/^GStreamer/$suite: &/p"

# Cargo builds here and starts what it has built through a runner.
host=$(rustc --version --verbose | sed -n 's/^host: //p')
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
cargo test --locked --no-fail-fast \
    --config "target.$host.runner = ['chroot', '$root', 'env', '--chdir=$PWD']" "$@" \
    2>&1 | tee "$log" || status=$?

echo
chroot "$root" gst-launch-1.0 --version | sed -n "s/^GStreamer/$suite: &/p"
sed -nE 's/^ +(Running|Doc-tests) ([^ ]+ )?([^ (]+).*/\3/p; s/^test (result: )/    \1/p' "$log"
exit "$status"
