"""Make first_layer.json: what fastai makes of a first convolution's weights for images of other channels.

    python make_first_layer.py      (needs fastai 2.8.12, torch 2.15.0)

The weights follow a formula, [outputs, 3, height, width]; `adapted` holds, by the number of channels, what
`_load_pretrained_weights` writes into a new layer.
"""
import json
from pathlib import Path

import torch
from fastai.vision.learner import _load_pretrained_weights

OUTPUTS, SIDE = 2, 2


def main():
    count = OUTPUTS * 3 * SIDE * SIDE
    before = torch.nn.Conv2d(3, OUTPUTS, SIDE, bias=False)
    before.weight.data = torch.sin(torch.arange(count, dtype=torch.float32) * 1.7).reshape(OUTPUTS, 3, SIDE, SIDE)
    adapted = {}
    for channels in (1, 2, 4, 5):
        layer = torch.nn.Conv2d(channels, OUTPUTS, SIDE, bias=False)
        _load_pretrained_weights(layer, before)
        adapted[channels] = layer.weight.data.flatten().tolist()
    golden = {"weights": before.weight.data.flatten().tolist(), "shape": [OUTPUTS, 3, SIDE, SIDE], "adapted": adapted}
    Path(__file__).with_name("first_layer.json").write_text(json.dumps(golden, indent=1) + "\n")


main()
