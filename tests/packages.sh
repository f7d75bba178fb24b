#!/usr/bin/env bash
# Makes the packages, installs and removes them; see --help.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=examples/setup.sh
. examples/setup.sh

usage() {
    cat <<'EOT'
Usage: tests/packages.sh [deb] [capi]

deb    makes the .deb by cargo-deb; installs it into fresh systems of Debian 12 and 13, matches a
       frame there, looks for the presets, and removes it
capi   installs the plugin by cargo-c into a staging folder, plays it from there, and links it
       statically into a program in C by the pkg-config file

Without arguments, both. Needs root, on Debian 12. Programs that are missing are built, which takes
long for cargo-c. They and the systems (0.3 GB each) are kept in $HISTOMATCH_CHROOTS, by default
${XDG_CACHE_HOME:-$HOME/.cache}/histomatch.
EOT
}

parts=()
for part in "$@"; do
    case $part in
        -h | --help) usage && exit ;;
        deb | capi) parts+=("$part") ;;
        *) usage >&2 && exit 2 ;;
    esac
done
[ "$(id -u)" -eq 0 ] || fail 'This makes chroots, which only root can: run it as root.'
# What is mounted in a namespace of its own is gone when the script is, however it ends.
if [ -z "${HISTOMATCH_NAMESPACE-}" ]; then
    HISTOMATCH_NAMESPACE=1 exec unshare --mount --propagation private \
        "$BASH" "$PWD/tests/packages.sh" "$@"
fi

cache=${HISTOMATCH_CHROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/histomatch}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
target=$(cd "$target" && pwd)
install_packages gcc libc6-dev pkg-config dpkg-dev libgstreamer1.0-dev \
    libgstreamer-plugins-base1.0-dev gstreamer1.0-tools gstreamer1.0-plugins-base debootstrap \
    debian-archive-keyring
need_rust
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT

# need_tool CRATE PROGRAM
need_tool() {
    PATH=$PATH:$cache/tools/bin
    have "$2" || CARGO_TARGET_DIR="$work/tools" run cargo install --locked --debug \
        --root "$cache/tools" "$1"
}

# check WHAT COMMAND...: fails with WHAT if COMMAND does.
check() {
    local what=$1
    shift
    "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2 && fail "packages.sh: $what"; }
}

# A frame, a picture, and the command that matches the one to the other.
cp examples/media/coffee.png "$work/reference.png"
head -c $((160 * 90 * 3)) examples/media/chelsea.png >"$work/in.raw"
# match PLUGIN-PATH OUTPUT
match() {
    cat <<EOT
cd "$work" && GST_PLUGIN_PATH="$1" GST_REGISTRY="$2.registry" gst-launch-1.0 -q \
    filesrc location=in.raw blocksize=$((160 * 90 * 3)) \
    ! 'video/x-raw,format=RGB,width=160,height=90,framerate=1/1' \
    ! histomatch reference-location=reference.png flat-frames=match ! filesink location="$2"
EOT
}
matched_as_built() {
    run cargo build --release --locked --lib
    check 'the plugin as it is built does not run' sh -c "$(match "$target/release" expected.raw)"
    cmp -s "$work/in.raw" "$work/expected.raw" && fail 'packages.sh: nothing was matched'
    true
}
same_as_built() {
    cmp "$work/expected.raw" "$work/$1" || fail "packages.sh: other bytes from $1"
}

deb() {
    need_tool cargo-deb cargo-deb
    run cargo deb --locked --multiarch=same --output "$work/plugin.deb"
    matched_as_built
    dpkg --info "$work/plugin.deb"
    dpkg --contents "$work/plugin.deb"
    for library in libc6 libglib2.0-0 libgstreamer1.0-0 libgstreamer-plugins-base1.0-0; do
        dpkg --field "$work/plugin.deb" Depends | grep -q "\b$library (>= " ||
            fail "packages.sh: it does not depend on $library"
    done
    for suite in bookworm trixie; do
        installed_and_removed "$suite"
    done
}

installed_and_removed() {
    local suite=$1 plain=$cache/plain/$1 root=$work/$1
    if [ ! -d "$plain" ]; then
        mkdir -p "$cache/plain"
        # Under another name until it is whole.
        rm -rf --one-file-system "$plain.new"
        run debootstrap --variant=minbase --include=ca-certificates "$suite" "$plain.new"
        mv "$plain.new" "$plain"
    fi
    cp -a "$plain" "$root"
    local folder
    for folder in /proc /dev; do
        mount --rbind "$folder" "$root$folder"
    done
    mkdir -p "$root$work"
    mount --bind "$work" "$root$work"

    inside "the packages of $suite are not to be had" apt-get update
    inside "$suite does not install it" apt-get install --yes --no-install-recommends \
        "$work/plugin.deb" gstreamer1.0-tools gstreamer1.0-plugins-base
    inside "$suite has no element" gst-inspect-1.0 histomatch
    inside "$suite has no presets" sh -c 'gst-inspect-1.0 histomatch | grep "\"film\":"'
    inside "$suite does not match" sh -c "$(match '' "$suite.raw")"
    same_as_built "$suite.raw"
    inside "$suite does not remove it" apt-get purge --yes gstreamer1.0-histomatch
    if chroot "$root" gst-inspect-1.0 histomatch >/dev/null 2>&1; then
        fail "packages.sh: $suite still has the element"
    fi
    if find "$root/usr" "$root/var/lib/dpkg/info" -iname '*histomatch*' | grep .; then
        fail "packages.sh: something is left in $suite"
    fi
    umount --recursive "$root$work" "$root/proc" "$root/dev"
    echo "$suite: installed, matched, removed"
}

# inside WHAT COMMAND...: checks a command in the chroot.
inside() {
    check "$1" chroot "$root" env DEBIAN_FRONTEND=noninteractive "${@:2}"
}

capi() {
    need_tool cargo-c cargo-cinstall
    local libdir stage=$work/stage
    libdir=$(pkg-config --variable=libdir gstreamer-1.0)
    # What the README says, and where to.
    run cargo cinstall --release --locked --prefix=/usr --libdir="$libdir" --destdir="$stage"
    (cd "$stage" && find . -type f)
    [ -f "$stage/usr/share/gstreamer-1.0/presets/GstHistoMatch.prs" ] ||
        fail 'packages.sh: cargo-c installs no presets'
    matched_as_built
    check 'the installed plugin does not run' \
        sh -c "$(match "$stage$libdir/gstreamer-1.0" staged.raw)"
    same_as_built staged.raw

    # As if the stage were the system.
    mkdir "$work/pkgconfig"
    sed "s|=/usr|=$stage/usr|" "$stage$libdir/pkgconfig/gsthistomatch.pc" \
        >"$work/pkgconfig/gsthistomatch.pc"
    local pc=(env "PKG_CONFIG_PATH=$work/pkgconfig" pkg-config)
    [ "$("${pc[@]}" --modversion gsthistomatch)" = "$(version)" ] ||
        fail 'packages.sh: another version in the pkg-config file'

    run cargo cinstall --release --locked --prefix=/usr --libdir="$libdir" --destdir="$stage" \
        --library-type=staticlib
    cat >"$work/main.c" <<'EOT'
#include <gst/gst.h>

GST_PLUGIN_STATIC_DECLARE (histomatch);

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  GST_PLUGIN_STATIC_REGISTER (histomatch);
  GstElement *element = gst_element_factory_make ("histomatch", NULL);
  if (element == NULL)
    return 1;
  gst_object_unref (element);
  return 0;
}
EOT
    local flags
    read -r -a flags <<<"$("${pc[@]}" --static --cflags --libs gsthistomatch gstreamer-1.0)"
    # By its name, so that the dynamic one beside it isn't taken.
    flags=("${flags[@]/#-lgsthistomatch/-l:libgsthistomatch.a}")
    run cc "$work/main.c" -o "$work/main" "${flags[@]}"
    check 'the program in C has no element' env GST_PLUGIN_SYSTEM_PATH= \
        GST_REGISTRY="$work/c.registry" "$work/main"
    echo 'Staged, played, linked statically'
}

version() {
    sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1
}

[ ${#parts[@]} -gt 0 ] || parts=(deb capi)
for part in "${parts[@]}"; do
    "$part"
done
