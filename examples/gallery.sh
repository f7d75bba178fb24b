#!/usr/bin/env bash
# Makes the pictures of the README's gallery; see --help.
set -euo pipefail

case ${1-} in
    -h | --help)
        echo 'Usage: examples/gallery.sh [FOLDER]'
        echo "Makes the pictures of the README's gallery in FOLDER, by default examples/media."
        exit
        ;;
    -*) echo "gallery.sh: unknown option: $1" >&2 && exit 2 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=examples/setup.sh
. examples/setup.sh

need_rust
profile=${HISTOMATCH_DEMO_PROFILE:-release}
folder=${1:-examples/media}
methods=(--method channels --method linear --method grade)

# row NAME INPUT REFERENCE [OPTION...]
row() {
    run cargo run --profile "$profile" --locked --quiet --example before_after -- \
        "$2" "examples/media/$3" "$folder/$1" "${methods[@]}" "${@:4}"
}

clip=examples/media/bigbuckbunny.webm
row looks-clip-coffee.jpg "$clip" coffee.png --at 2.4
row looks-clip-coffee-sky.png "$clip" coffee.png --at 2.4 --enlarge 380,0,90,60
row looks-clip-chelsea.jpg "$clip" chelsea.png --at 4.8
for names in chelsea-coffee coffee-astronaut astronaut-coffee; do
    row "looks-$names.jpg" "examples/media/${names%-*}.png" "${names#*-}.png"
done
