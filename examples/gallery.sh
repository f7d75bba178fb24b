#!/usr/bin/env bash
# Makes the pictures of the README's gallery: examples/gallery.sh [FOLDER], by default examples/media.
set -euo pipefail

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
