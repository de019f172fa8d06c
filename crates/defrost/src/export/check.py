"""Compares an exported model with the answers beside it, in ONNX Runtime.

    python3 check.py model.onnx model.check.json

Prints one JSON object: for each output the largest difference and what is allowed. A label must be equal.
"""

import json
import sys

import numpy
import onnxruntime


def array(described):
    kind = described['type']
    if kind == 'string':
        return numpy.array(described['values'], dtype=object).reshape(described['shape'])
    values = [numpy.nan if value is None else value for value in described['values']]
    return numpy.array(values, dtype=kind).reshape(described['shape'])


def apart(expected, found):
    """The largest difference; of texts, how many differ."""
    if expected.shape != found.shape:
        return float('inf')
    if expected.dtype == object:
        return float((expected != found).sum())
    differences = numpy.abs(expected.astype('float64') - found.astype('float64'))
    return float('inf') if numpy.isnan(differences).any() else float(differences.max(initial=0.0))


def main(model, checks):
    with sys.stdin if checks == '-' else open(checks, encoding='utf-8') as file:
        checks = json.load(file)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    outputs, items = {}, 0
    for item in checks['items']:
        inputs = {name: array(value) for name, value in item['inputs'].items()}
        found = dict(zip(names, session.run(None, inputs)))
        items += len(next(iter(inputs.values())))
        for name, expected in item['outputs'].items():
            difference = apart(array(expected), found[name])
            outputs[name] = max(outputs.get(name, 0.0), difference)
    allowed = {name: checks['allowed'].get(name, 0.0) for name in outputs}
    differences = [
        {'output': name, 'largest': outputs[name] if outputs[name] < 1e30 else 1e30, 'allowed': allowed[name]}
        for name in sorted(outputs)
    ]
    engine = f'ONNX Runtime {onnxruntime.__version__}'
    print(json.dumps({'engine': engine, 'items': items, 'differences': differences}))


if __name__ == '__main__':
    main(*sys.argv[1:])
