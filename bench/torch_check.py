#!/usr/bin/env python3
"""Loads exported weights into torchvision's or timm's own networks and compares probabilities with the ONNX file of the same run.

    bench/torch_check.py PROGRAM RUN…

Exits with 1 if a probability is more than 0.001 apart. Needs torch, torchvision, timm, safetensors, onnxruntime and numpy.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnxruntime
import torch

ALLOWED = 1e-3


def exported(program, run, folder):
    """The network in PyTorch and the ONNX file."""
    weights, model = folder / 'weights.safetensors', folder / 'model.onnx'
    words = [program, 'export', run]
    said = subprocess.run([*words, weights, '--json'], check=True, capture_output=True).stdout
    subprocess.run([*words, model, '--input', 'tensor', '--json'], check=True, capture_output=True)
    names = {}
    exec('\n'.join(json.loads(said)['python']), names)
    return names['model'], onnxruntime.InferenceSession(str(model), providers=['CPUExecutionProvider'])


def main(program, *runs):
    worst = 0.0
    for run in runs:
        with tempfile.TemporaryDirectory() as folder:
            network, session = exported(program, run, pathlib.Path(folder))
            shape = session.get_inputs()[0].shape[1:]
            images = numpy.random.default_rng(1).normal(size=(4, *shape)).astype('float32')
            temperature = float(session.get_modelmeta().custom_metadata_map['temperature'])
            expected, = session.run(['probabilities'], {'tensor': images})
            with torch.no_grad():
                found = torch.softmax(network(torch.from_numpy(images)) / temperature, 1).numpy()
            apart = float(numpy.abs(expected - found).max())
            worst = max(worst, apart)
            print(json.dumps({'run': run, 'network': type(network).__name__, 'apart': apart}))
    return int(worst > ALLOWED)


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
