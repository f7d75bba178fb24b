# shellcheck shell=bash
# Installs and checks what the scripts need; to be sourced.

# Prints a message and ends the script.
fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Prints a command as it can be typed, and runs it.
run() {
    local word
    printf '+'
    for word in "$@"; do
        case $word in
            # A pipeline is easier to read with an element per line.
            '!') printf ' \\\n    !' ;;
            *) printf ' %q' "$word" ;;
        esac
    done
    printf '\n'
    "$@"
}

have() {
    command -v "$1" >/dev/null
}

# install_packages PACKAGE...: installs those of the Debian or Ubuntu packages that are missing.
# Other systems are told what to install.
install_packages() {
    local package program module missing=()
    if have apt-get && have dpkg-query; then
        for package in "$@"; do
            # Not dpkg-query's exit code, which is 0 for a removed package with its settings left.
            dpkg-query --show --showformat '${Status}\n' "$package" 2>/dev/null |
                grep -q '^install ok installed$' || missing+=("$package")
        done
        if [ ${#missing[@]} -gt 0 ]; then
            apt_install "${missing[@]}"
        fi
    fi

    for program in cc pkg-config gst-launch-1.0; do
        have "$program" || packages_elsewhere "The program $program is missing."
    done
    for module in gstreamer-1.0 gstreamer-{base,video,app,check}-1.0; do
        if ! pkg-config --atleast-version=1.20 "$module"; then
            packages_elsewhere "pkg-config finds no $module of version 1.20 or later."
        fi
    done
}

apt_install() {
    local as_root=() log
    if [ "$(id -u)" -ne 0 ]; then
        if ! have sudo; then
            fail "Packages are missing, but this is not root and there is no sudo. Run as root:" \
                "    apt-get update && apt-get install --no-install-recommends $*"
        fi
        as_root=(sudo)
    fi
    # On a machine that was just started the automatic updates may hold the lock.
    as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)

    echo "Installing packages (this can take some minutes): $*"
    log=$(mktemp)
    # If some list of packages can't be had, the others may do.
    "${as_root[@]}" update >"$log" 2>&1 </dev/null || true
    if ! "${as_root[@]}" install --yes --no-install-recommends "$@" >>"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        rm -f "$log"
        fail "The packages could not be installed: $*"
    fi
    rm -f "$log"
}

packages_elsewhere() {
    echo "$1" >&2
    cat >&2 <<'EOF'
GStreamer 1.20 or later with its development files and plugins, and a C compiler, are needed:
    Debian 12 or Ubuntu 22.04, or later: this script installs the packages
    Fedora:   sudo dnf install gcc pkgconf-pkg-config gstreamer1-devel \
                  gstreamer1-plugins-base-devel gstreamer1-plugins-good \
                  gstreamer1-plugins-bad-free python3-gobject python3-gstreamer1
    Arch:     sudo pacman -S --needed base-devel pkgconf gstreamer gst-plugins-base \
                  gst-plugins-good gst-plugins-bad python-gobject gst-python
    Homebrew: brew install pkgconf gstreamer pygobject3
EOF
    exit 1
}

# Checks that there is a cargo and rustc of the version that Cargo.toml asks for. rustup's folder
# is looked through, too: a shell that was open during its installation doesn't have it in PATH.
need_rust() {
    local wanted path found version=
    wanted=$(sed -n 's/^rust-version *= *"\(.*\)".*/\1/p' \
        "$(dirname "${BASH_SOURCE[0]}")/../Cargo.toml")
    for path in "$PATH" "${CARGO_HOME:-${HOME-}/.cargo}/bin:$PATH"; do
        env PATH="$path" cargo --version >/dev/null 2>&1 || continue
        found=$(env PATH="$path" rustc --version 2>/dev/null) || continue
        version=$(cut -d ' ' -f 2 <<<"$found")
        if printf '%s\n' "$wanted" "$version" | sort -C -V; then
            export PATH=$path
            return
        fi
    done

    if [ -n "$version" ]; then
        echo "Rust $version is too old: $wanted or later is needed." >&2
    else
        echo "Rust is missing: cargo and rustc of version $wanted or later are needed." >&2
    fi
    if env PATH="$path" rustup --version >/dev/null 2>&1; then
        fail 'Get the latest by:' '    rustup update stable && rustup default stable'
    fi
    fail "Get them by rustup (https://rustup.rs), which needs no root, and run this again:" \
        "    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
}
