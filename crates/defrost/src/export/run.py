"""Runs models in ONNX Runtime over batches.

    python3 run.py MODELS OUTPUT INPUT...

Standard input has arrays as numpy saves them: so many models, each the bytes of its file, then batch after batch the inputs in
this order. Prints one JSON object: this output of each model for each batch, as numbers in a row.
"""

import json
import math
import sys

import numpy
import onnxruntime


def main(models, output, *inputs):
    given = sys.stdin.buffer

    def array():
        """The next one; numpy's own reader wants a file that it can seek in."""
        numpy.lib.format.read_magic(given)
        shape, _, kind = numpy.lib.format.read_array_header_1_0(given)
        return numpy.frombuffer(given.read(math.prod(shape) * kind.itemsize), kind).reshape(shape)

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    sessions = [onnxruntime.InferenceSession(array().tobytes(), options, providers=['CPUExecutionProvider'])
                for _ in range(int(models))]
    outputs = [[] for _ in sessions]
    while given.peek(1):
        batch = {name: array() for name in inputs}
        for session, found in zip(sessions, outputs):
            numbers, = session.run([output], batch)
            found.append(numbers.ravel().tolist())
    print(json.dumps({'engine': f'ONNX Runtime {onnxruntime.__version__}', 'outputs': outputs}))


if __name__ == '__main__':
    main(*sys.argv[1:])
