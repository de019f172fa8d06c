#!/usr/bin/env bash
# Draws docs/report.png again: trains on the sample images with the default recipe, and takes an image of the report's first
# screen in Chromium. A finished run of the sample may be given instead.
#
#   bench/report_png.sh [RUN]
#
# Needs the command (cargo build --release; DEFROST says where another one is) and Chromium (CHROMIUM says where, if not
# /usr/bin/chromium).
set -euo pipefail
cd "$(dirname "$0")/.."
defrost=${DEFROST:-target/release/defrost}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run=${1:-}
if [ -z "$run" ]; then
    run=$work/fashion
    "$defrost" train samples/fashion --out "$run"
fi
# Through a new profile, so that nothing of a person's browser is used or left.
"${CHROMIUM:-/usr/bin/chromium}" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
    --window-size=1040,1020 --screenshot="$PWD/docs/report.png" "file://$(realpath "$run")/report.html"
