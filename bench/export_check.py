#!/usr/bin/env python3
"""Compares exports with their runs on real items: `defrost predict` beside ONNX Runtime.

    bench/export_check.py PROGRAM RUN MODEL.onnx DATA [COUNT]

DATA is a folder of images, which are cut to odd sizes and given to both as the same PNG files, a CSV file of texts (tokenized by
the `tokenizer.json` beside the model), or a CSV file of rows. Prints the largest difference and how many labels differ; exit code
1 if one does, or if a probability is more than 0.001 apart. Needs onnxruntime, onnx, numpy, Pillow, and tokenizers for texts.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime

ALLOWED = 1e-3


def images(folder, data, count):
    """Real images of odd sizes, as PNG files."""
    from PIL import Image

    files = sorted(path for path in data.rglob('*') if path.suffix.lower() in ('.jpg', '.jpeg', '.png'))
    chosen = files[:: max(1, len(files) // count)][:count]
    for number, path in enumerate(chosen):
        image = Image.open(path).convert('RGB')
        width, height = image.size
        width, height = max(1, width - number % 7), max(1, height - number * 3 % 11)
        if number % 4 == 3:
            width = max(1, width * 2 // 3)
        name = folder / f'{number:03}.png'
        image.crop((0, 0, width, height)).save(name)
        yield str(name), {'image': numpy.asarray(Image.open(name).convert('RGB'))[None]}


def texts(model, data, count):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model.parent / 'tokenizer.json'))
    with open(data, newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    for row in rows[:: max(1, len(rows) // count)][:count]:
        tokens = tokenizer.encode(row['text'])
        ids, mask = (numpy.array([numbers], dtype='int64') for numbers in (tokens.ids, tokens.attention_mask))
        yield row['text'], {'input_ids': ids, 'attention_mask': mask}


def rows(session, data, count):
    with open(data, newline='', encoding='utf-8') as file:
        table = list(csv.DictReader(file))
    chosen = table[:: max(1, len(table) // count)][:count]
    missing = ('', 'NA', 'NaN', '?')
    for row in chosen:
        inputs = {}
        for port in session.get_inputs():
            cell = row[port.name].strip()
            if 'string' in port.type:
                inputs[port.name] = numpy.array(['' if cell in missing else cell], dtype=object)
            else:
                inputs[port.name] = numpy.array([numpy.nan if cell in missing else float(cell)])
        yield row, inputs


def answers(program, run, items, folder):
    """What the run says of each item."""
    if isinstance(items[0], dict):
        path = folder / 'rows.csv'
        with open(path, 'w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, items[0].keys())
            writer.writeheader()
            writer.writerows(items)
        items = [str(path)]
    command = [program, 'predict', run, *items, '--json', '--top', '1000']
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def main(program, run, model, data, count='20'):
    model, data, count = pathlib.Path(model), pathlib.Path(data), int(count)
    onnx.checker.check_model(str(model), full_check=True)
    session = onnxruntime.InferenceSession(str(model), providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    notes = session.get_modelmeta().custom_metadata_map
    classes = json.loads(notes['classes'])
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if notes['task'] == 'vision':
            items = list(images(folder, data, count))
        elif notes['task'] == 'text':
            items = list(texts(model, data, count))
        else:
            items = list(rows(session, data, count))
        said = answers(program, run, [item for item, _ in items], folder)
        apart, others, familiar = 0.0, 0, 0.0
        for (_, inputs), expected in zip(items, said, strict=True):
            found = dict(zip(names, session.run(None, inputs)))
            if 'number' in found:
                apart = max(apart, abs(float(found['number'][0]) - expected['number']))
                continue
            for entry in expected['top']:
                place = classes.index(entry['class'])
                apart = max(apart, abs(float(found['probabilities'][0][place]) - entry['probability']))
            if 'label' in found:
                others += found['label'][0] != expected['top'][0]['class']
            if 'familiarity' in found:
                familiar = max(familiar, abs(float(found['familiarity'][0]) - expected['familiarity']))
    print(json.dumps({'model': model.name, 'items': len(items), 'apart': apart, 'other_labels': int(others),
                      'familiarity_apart': familiar}))
    return int(apart > ALLOWED or others > 0)


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
