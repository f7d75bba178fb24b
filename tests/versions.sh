#!/usr/bin/env bash
# Does what the README says, from a fresh clone, in a fresh system of a version of Debian; see --help.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=examples/setup.sh
. examples/setup.sh

usage() {
    cat <<'EOT'
Usage: tests/versions.sh [--keep] SUITE [ARGUMENT...]
       tests/versions.sh [--keep] SUITE -- COMMAND [ARGUMENT...]

Makes a small system of SUITE (bookworm, trixie, forky or sid) by debootstrap, clones what is
committed here into it, and runs the two commands of the README's "Try it" there; ARGUMENTs go to
the second one, and so to cargo test. Where libheif is new enough for the feature heif, the tests of
it follow. Or runs COMMAND alone in the clone. Needs root, on Debian or Ubuntu.

    --keep  begin with the system that the last run left, if there is one

Rust is this system's, and what cargo downloads is shared. The system, the clone and what is built
(3 GB for each suite) are kept in $HISTOMATCH_CHROOTS, by default
${XDG_CACHE_HOME:-$HOME/.cache}/histomatch: SUITE and SUITE.target.

    tests/versions.sh trixie
    tests/versions.sh sid --no-fail-fast
    tests/versions.sh --keep trixie -- cargo test --locked --test suite formats::
EOT
}

keep=
if [ "${1-}" = --keep ]; then
    keep=$1
    shift
fi
case ${1-} in
    -h | --help) usage && exit ;;
    '' | -* | */* | .*) usage >&2 && exit 2 ;;
esac
[ "$(id -u)" -eq 0 ] || fail 'This makes a chroot, which only root can: run it as root.'
# What is mounted in a namespace of its own is gone when the script is, however it ends.
if [ -z "${HISTOMATCH_NAMESPACE-}" ]; then
    HISTOMATCH_NAMESPACE=1 exec unshare --mount --propagation private \
        "$BASH" "$PWD/tests/versions.sh" ${keep:+"$keep"} "$@"
fi
suite=$1
shift

chroots=${HISTOMATCH_CHROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/histomatch}
mkdir -p "$chroots"
root=$(cd "$chroots" && pwd)/$suite
install_packages debootstrap debian-archive-keyring
need_rust
have git || fail 'The program git is missing.'
# Here, as the network may need settings that the other system doesn't have.
run cargo fetch --locked --quiet

[ -n "$keep" ] || rm -rf --one-file-system "$root"
if [ ! -d "$root" ]; then
    # Under another name until it is whole.
    rm -rf --one-file-system "$root.new"
    script=/usr/share/debootstrap/scripts/$suite
    # A suite that is newer than this debootstrap is made as the newest one.
    [ -e "$script" ] || script=${script%/*}/sid
    run debootstrap --variant=minbase --include=ca-certificates "$suite" "$root.new" \
        http://deb.debian.org/debian "$script"
    mv "$root.new" "$root"
fi

# The clone has the same place in each system, as compilers write it into what they build.
clone=/usr/local/src/histomatch
if [ -d "$root$clone/.git" ]; then
    # In place of the old one; what has not changed keeps its time, and isn't built again.
    git -C "$root$clone" fetch --quiet "$PWD" HEAD
    git -C "$root$clone" checkout --quiet --force --detach FETCH_HEAD
    git -C "$root$clone" clean -ffdqx --exclude=/target
else
    git clone --quiet "$PWD" "$root$clone"
fi
[ -z "$(git status --porcelain)" ] || echo 'Only what is committed is tested: something is not.'
what="$suite, $(git log --max-count=1 --format='commit %h (%s)')"

mkdir -p "$root.target" "$root$clone/target"
mount --bind "$root.target" "$root$clone/target"
for folder in /proc /sys /dev; do
    mount --rbind "$folder" "$root$folder"
done
for folder in "${CARGO_HOME:-$HOME/.cargo}" "${RUSTUP_HOME:-$HOME/.rustup}"; do
    mkdir -p "$root$folder"
    mount --bind "$folder" "$root$folder"
done

# inside COMMAND...: runs it in the clone, with nothing of this shell's environment but where Rust is.
inside() {
    # shellcheck disable=SC2317 # It is reachable, through run.
    chroot "$root" env --ignore-environment --chdir="$clone" HOME=/root \
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
        ${TERM:+TERM="$TERM"} ${RUSTUP_TOOLCHAIN:+RUSTUP_TOOLCHAIN="$RUSTUP_TOOLCHAIN"} "$@"
}

if [ "${1-}" = -- ]; then
    shift
    run inside "$@"
    exit
fi

# HEIC and AVIF, where libheif is new enough.
# shellcheck disable=SC2317 # It is reachable, through the pipe.
heif() {
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends)
    inside "${apt[@]}" libheif-dev >/dev/null || return
    if ! inside pkg-config --atleast-version=1.17 libheif; then
        echo "libheif $(inside pkg-config --modversion libheif) is too old for the feature heif"
        return
    fi
    # Encoders and decoders are in packages of their own there.
    inside "${apt[@]}" libheif-examples libheif-plugin-{x265,aomenc,libde265,aomdec} >/dev/null &&
        run inside cargo clippy --locked --all-targets --features heif -- -D warnings &&
        run inside cargo test --locked --features heif --test suite kinds:: &&
        run inside cargo test --locked --features heif --test bombs heif
}

# The blocks of commands of the README's first section.
# shellcheck disable=SC2016 # Backquotes of Markdown.
mapfile -t commands < <(sed -n '/^## Try it$/,/^## Install$/{/^```sh$/,/^```$/{/^```/!p}}' README.md)
[ ${#commands[@]} -eq 2 ] || fail 'versions.sh: the README has not two commands to try it.'

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
{
    run inside bash -c "${commands[0]}" &&
        run inside bash -c "${commands[1]} \"\$@\"" bash "$@" &&
        heif
} 2>&1 | tee "$log" || status=$?

echo
echo "$what:"
sed -n 's/^Tested on: /    /p' "$log"
sed -nE 's/^ +(Running|Doc-tests) ([^ ]+ )?([^ (]+).*/    \3/p; s/^test (result: )/        \1/p' "$log"
if [ "$status" -eq 0 ]; then
    echo "$suite: passed"
else
    echo "$suite: FAILED ($status)"
fi
exit "$status"
