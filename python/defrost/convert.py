"""From what Python has (paths, PIL images, arrays, frames, labels, rates) to what the extension module takes.

Importing this module imports neither numpy nor pandas nor PIL.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import ArgumentError, DataError

if TYPE_CHECKING:
    import numpy as np

#: One rate, ``slice(lo, hi)`` spread over the layer groups, or a rate for each.
Rate: TypeAlias = "float | slice | Sequence[float]"


def rate(value: Rate, name: str = "lr") -> str:
    """A learning rate in the words of the command: ``2e-3``, ``1e-5..1e-3``, ``..1e-3``, ``1e-5,1e-4``."""
    if isinstance(value, slice):
        if value.step is not None or value.stop is None:
            raise ArgumentError(f"{name}={value}: write slice(high) or slice(low, high)")
        low = "" if value.start is None else repr(float(value.start))
        return f"{low}..{float(value.stop)!r}"
    if isinstance(value, (str, bytes)):
        raise ArgumentError(f"{name}={value!r}: give a number, slice(low, high), or a number for each layer group")
    if isinstance(value, Iterable):
        return ",".join(repr(float(one)) for one in value)
    return repr(float(value))


def label(value: Any) -> str | float | list[str]:
    """A label: a class by its name, a number, or a list of labels."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        return sorted(str(one) for one in value) if isinstance(value, (set, frozenset)) else [str(one) for one in value]
    if hasattr(value, "item"):  # a number of numpy's or torch's
        value = value.item()
    if isinstance(value, float):
        return value
    if value is None:
        raise DataError("an item has no label")
    return str(value)


def labels(values: Iterable[Any]) -> list[str | float | list[str]]:
    """The label of each item."""
    return [label(value) for value in values]


def image(value: Any) -> str | np.ndarray:
    """An image: a path as text, or pixels as ``[height, width, 3]`` in bytes without gaps."""
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    import numpy as np

    if "PIL" in sys.modules:
        from PIL import Image, ImageOps

        if isinstance(value, Image.Image):
            return np.ascontiguousarray(ImageOps.exif_transpose(value).convert("RGB"))
    pixels = np.asarray(value)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise DataError(
            f"an image is a path, a PIL image, or uint8 pixels of the shape [height, width, 3]; this is {pixels.dtype} of the shape "
            f"{list(pixels.shape)}"
        )
    return np.ascontiguousarray(pixels)


def images(values: Any) -> list[str | np.ndarray]:
    """Each image of a list, an array ``[n, height, width, 3]`` or anything else that has items."""
    if isinstance(values, (str, os.PathLike)):
        raise ArgumentError(f"{os.fspath(values)!r}: give a list of images, or a folder's path where a folder is expected")
    return [image(value) for value in values]


def pairs(data: Any) -> tuple[list[Any], list[Any]]:
    """Items and labels of a data set as PyTorch has them: ``data[i]`` is an item and its label."""
    try:
        found = [data[place] for place in range(len(data))]
        return [one for one, _ in found], [given for _, given in found]
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise DataError(f"each item is a pair of an item and its label, or pass labels=: {error}") from error


def labelled(items: list[Any], given: list[Any]) -> list[tuple[Any, Any]]:
    """Items with their labels."""
    if len(items) != len(given):
        raise DataError(f"there are {len(items)} items and {len(given)} labels")
    return list(zip(items, given))


def is_frame(value: Any) -> bool:
    """Whether this is a frame of pandas' or polars', or alike."""
    return hasattr(value, "columns") and hasattr(value, "__getitem__") and not isinstance(value, Mapping)


def cell(value: Any) -> str:
    """A cell as a file of rows would have it; missing values are empty."""
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:  # the last is NaN
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
    if hasattr(value, "isoformat"):
        text: str = value.isoformat()
        return text.removesuffix("T00:00:00")
    return cell(value.item()) if hasattr(value, "item") else str(value)


def frame(value: Any) -> list[tuple[str, list[str]]]:
    """The columns of a frame, or of a dict of columns: names and cells."""
    names = list(value) if isinstance(value, Mapping) else list(value.columns)
    return [(str(name), [cell(one) for one in column(value[name])]) for name in names]


def column(value: Any) -> list[Any]:
    """The values of a column as Python's."""
    if hasattr(value, "to_list"):
        return list(value.to_list())
    if hasattr(value, "tolist"):
        return list(value.tolist())
    return list(value)


def rows(value: Any) -> list[dict[str, str | float]]:
    """Rows to predict by column, of a frame, a list of dicts, or a dict for a single row."""
    if is_frame(value):
        columns = [(str(name), column(value[name])) for name in value.columns]
        count = len(columns[0][1]) if columns else 0
        return [{name: known(cells[place]) for name, cells in columns} for place in range(count)]
    if isinstance(value, Mapping) or hasattr(value, "to_dict"):
        return [row(value)]
    return [row(one) for one in value]


def row(value: Any) -> dict[str, str | float]:
    """A row to predict by column, of a dict or a series."""
    given = value.to_dict() if hasattr(value, "to_dict") else value
    if not isinstance(given, Mapping):
        raise DataError(f"a row is a dict of columns and cells, not {type(value).__name__}")
    return {str(name): known(one) for name, one in given.items()}


def known(value: Any) -> str | float:
    """A cell of a row to predict: a number stays one, however the column writes numbers."""
    if hasattr(value, "item") and not hasattr(value, "isoformat"):
        value = value.item()
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 2**53 else cell(value)


def places(value: Any) -> str | list[int] | None:
    """What validates: a path, or places among the items (as numbers, or true for each that does)."""
    if value is None:
        return None
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    given = column(value)
    if given and all(isinstance(one, bool) for one in given):
        return [place for place, validates in enumerate(given) if validates]
    return [int(one) for one in given]


def path(value: str | os.PathLike[str] | None) -> str | None:
    """A path as text, with the home folder in place of ``~``."""
    return None if value is None else os.fspath(Path(value).expanduser())


def floats(value: Any) -> np.ndarray:
    """A tensor of numpy's or torch's as 32-bit numbers without gaps."""
    import numpy as np

    if hasattr(value, "detach"):  # torch's
        value = value.detach().cpu().float().numpy()
    found = np.asarray(value)
    return np.ascontiguousarray(found, dtype=np.float32).reshape(found.shape)


def weights(value: Any, keep: list[Any]) -> str | None:
    """Where weights come from: words, a path, or a ``state_dict``, which is written to a file that lives as long as ``keep`` does."""
    if value is None or isinstance(value, (str, os.PathLike)):
        return None if value is None else os.fspath(value)
    if not isinstance(value, Mapping):
        raise ArgumentError("weights: give a word, a path, or a mapping of names to tensors, such as model.state_dict()")
    folder = tempfile.TemporaryDirectory(prefix="defrost-")
    keep.append(folder)
    file = Path(folder.name) / "model.safetensors"
    safetensors(value, file)
    return str(file)


def safetensors(state: Mapping[str, Any], file: Path) -> None:
    """Writes tensors as a safetensors file: the header's length, the header as JSON, the numbers."""
    import json

    header, offset, arrays = {}, 0, []
    for name, tensor in state.items():
        numbers = floats(tensor)
        header[name] = {"dtype": "F32", "shape": list(numbers.shape), "data_offsets": [offset, offset + numbers.nbytes]}
        offset += numbers.nbytes
        arrays.append(numbers)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(file, "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for numbers in arrays:
            out.write(numbers.tobytes())


def array(found: tuple[bytearray, list[int]]) -> np.ndarray:
    """What the extension module gives as an array, without a copy."""
    import numpy as np

    numbers, shape = found
    return np.frombuffer(numbers, dtype=np.float32).reshape(shape)
