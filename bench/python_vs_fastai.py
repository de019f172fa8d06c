#!/usr/bin/env python3
"""The Python package beside fastai, and its features beside timm's, one after the other on the same photos and two threads.

    bench/python_vs_fastai.py FASTAI_PYTHON LITE0.pth TRAIN VALID PEER [ROUNDS]

Run it with a Python that has the package. FASTAI_PYTHON has fastai, timm and torch; LITE0.pth are the weights of EfficientNet-Lite0 that
both start from; PEER is a script that prints fastai's `fine_tune` as JSON (seconds, accuracy, peak_rss_mb). TRAIN and VALID are folders with
a folder for each class. Rows: fastai's recipe in fastai, the same recipe here, the default here; medians over the rounds.
"""

import json
import statistics
import subprocess
import sys

EPOCHS, SIZE, BATCH = 3, 224, 32

TRAIN = f'''
import json, resource, sys, time
from defrost.vision import *
train, valid, recipe = sys.argv[1:]
options = {{"auto": {{}}, "fastai": dict(recipe="fastai", head="fastai"),
           "norms": dict(recipe="fastai", head="fastai", norm="adapt")}}[recipe]
learn = vision_learner(train, valid=valid, size={SIZE}, batch={BATCH}, cache="off", progress=False, **options)
start = time.perf_counter()
learn.train({EPOCHS})
seconds = time.perf_counter() - start
print(json.dumps(dict(seconds=seconds, accuracy=learn.validate()["accuracy"],
                      peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)))
'''

#: Frozen features of all photos a second, decoding and resizing included.
HERE = f'''
import sys, time
from pathlib import Path
import defrost
files = sorted(path for path in Path(sys.argv[1]).rglob("*.jpg"))
features = defrost.Features(size={SIZE}, cache="off")
start = time.perf_counter()
features(files)
print(len(files) / (time.perf_counter() - start))
'''
TIMM = f'''
import sys, time
from pathlib import Path
import timm, torch
from PIL import Image
torch.set_num_threads(2)
files = sorted(path for path in Path(sys.argv[1]).rglob("*.jpg"))
network = timm.create_model("tf_efficientnet_lite0", num_classes=0).eval().to(memory_format=torch.channels_last)
transform = timm.data.create_transform(input_size=(3, {SIZE}, {SIZE}), interpolation="bicubic")
class Photos(torch.utils.data.Dataset):
    def __len__(self): return len(files)
    def __getitem__(self, item): return transform(Image.open(files[item]).convert("RGB"))
batches = torch.utils.data.DataLoader(Photos(), batch_size={BATCH}, num_workers=1)
start = time.perf_counter()
with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=sys.argv[2] == "bf16"):
    for batch in batches: network(batch.contiguous(memory_format=torch.channels_last))
print(len(files) / (time.perf_counter() - start))
'''


def said(python, *words):
    done = subprocess.run([python, *words], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main(fastai, weights, train, valid, peer, rounds='1'):
    runs = {
        'fastai': lambda: said(fastai, peer, train, valid, weights, str(EPOCHS), '1', '42', str(SIZE), str(BATCH)),
        'recipe="fastai", head="fastai", norm="adapt"': lambda: said(sys.executable, '-c', TRAIN, train, valid, 'norms'),
        'recipe="fastai", head="fastai"': lambda: said(sys.executable, '-c', TRAIN, train, valid, 'fastai'),
        'default': lambda: said(sys.executable, '-c', TRAIN, train, valid, 'auto'),
        'features, timm f32': lambda: {'photos a second': said(fastai, '-c', TIMM, valid, 'f32')},
        'features, timm bf16': lambda: {'photos a second': said(fastai, '-c', TIMM, valid, 'bf16')},
        'features': lambda: {'photos a second': said(sys.executable, '-c', HERE, valid)},
    }
    found = {name: [] for name in runs}
    for _ in range(int(rounds)):
        for name, run in runs.items():
            found[name].append(run())
            print(name, found[name][-1], flush=True)
    for name, results in found.items():
        medians = {key: round(statistics.median(result[key] for result in results), 4) for key in results[0]}
        print(f'{name}: {medians}')


if __name__ == '__main__':
    main(*sys.argv[1:])
