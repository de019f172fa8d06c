#!/usr/bin/env python3
"""What the Python package costs: its wheel's size, importing it, and what lies between a call and the engine.

    pip install maturin && maturin build --release --out target/wheels && pip install target/wheels/*.whl
    bench/python_package.py WHEEL FOLDER [RUNS]

FOLDER is a folder of images, a folder for each class. The package and the command that comes with it train in turns, and their medians are
compared.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

wheel, folder = Path(sys.argv[1]), sys.argv[2]
runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3
SIZE = 128


def seconds(program: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(program, check=True, capture_output=True)
    return time.perf_counter() - start


def python(text: str) -> list[str]:
    return [sys.executable, '-c', text]


def command(*words: str) -> list[str]:
    return [sys.executable, '-m', 'defrost', *words]


def inside(text: str) -> float:
    """Seconds that a program says it took."""
    return float(subprocess.run(python(text), check=True, capture_output=True, text=True).stdout)


IMPORT = 'import time; start = time.perf_counter(); import defrost; print(time.perf_counter() - start)'
TRAIN = f'''
from defrost.vision import *
vision_learner({folder!r}, size={SIZE}, cache="off", progress=False).train(1, out=OUT)
'''
FEATURES = f'''
import time
from pathlib import Path
import defrost
features = defrost.Features(size={SIZE}, cache="off")
files = sorted(path for path in Path({folder!r}).rglob("*") if path.is_file())
start = time.perf_counter()
features(files)
print((time.perf_counter() - start) / len(files))
'''

found: dict[str, list[float]] = {name: [] for name in ['import', 'command', 'package', 'features']}
for run in range(runs):
    with tempfile.TemporaryDirectory() as out:
        found['import'].append(inside(IMPORT))
        options = ['--size', str(SIZE), '--cache', 'off', '--epochs', '1']
        found['command'].append(seconds(command('train', folder, *options, '--out', f'{out}/command')))
        found['package'].append(seconds(python(TRAIN.replace('OUT', repr(f'{out}/package')))))
        weights = [Path(out, name, 'model.safetensors').read_bytes() for name in ('command', 'package')]
        assert weights[0] == weights[1], 'the same seed, and other bytes'
        found['features'].append(inside(FEATURES))
medians = {name: statistics.median(times) for name, times in found.items()}
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(
    json.dumps(
        {
            'wheel_mb': round(wheel.stat().st_size / 1e6, 1),
            'import_seconds': round(medians['import'], 3),
            'train_command_seconds': round(medians['command'], 2),
            'train_package_seconds': round(medians['package'], 2),
            'images_a_second': round(1 / medians['features'], 1),
            'peak_rss_mb': peak,
        }
    )
)
