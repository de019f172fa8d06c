"""Frozen features: the output of a pretrained network for images, for any other program."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _defrost, convert

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Features"]


class Features:
    """The body of a pretrained network as a function from images to features.

    What it has computed is kept in memory and in your cache folder, by content: the same image costs nothing the next time, under
    any name and in any program.

    Args:
        arch: The network; ``defrost models`` lists them.
        stage: The stage whose pooled output is given; by default the whole body's.
        weights: Where the weights come from: ``"embedded"``, ``"hub"``, ``"none"``, a path, or a ``state_dict``.
        size: Side of the images in pixels.
        precision: ``"auto"``, ``"f32"`` or ``"bf16"``.
        cache: ``"auto"`` or ``"off"``.
        cache_limit: At most this many bytes in memory, and again on disk.
        offline: Uses cached downloads only.

    Raises:
        ArgumentError: If there is no such network.
        WeightsError: If its weights can't be loaded.

    Examples:
        >>> features = Features("efficientnet_lite0")  # doctest: +SKIP
        >>> features(["a.jpg", "b.jpg"]).shape         # doctest: +SKIP
        (2, 1280)
    """

    def __init__(
        self,
        arch: str = "efficientnet_lite0",
        *,
        stage: str | None = None,
        weights: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        size: int | None = None,
        precision: str = "auto",
        cache: str = "auto",
        cache_limit: int | None = None,
        offline: bool = False,
    ) -> None:
        self.arch, self.stage = arch, stage
        kept: list[Any] = []
        self._inner = _defrost.Features.open(
            {
                "arch": arch,
                "weights": convert.weights(weights, kept),
                "pretrained": None,
                "continued": None,
                "size": size,
                "channels": None,
                "cut": None,
                "head": None,
                "precision": precision,
                "offline": offline,
                "cache": cache,
                "cache_limit": cache_limit,
            }
        )

    def __call__(self, images: Any) -> np.ndarray:
        """The features of images, ``[n, d]`` of 32-bit numbers.

        Args:
            images: A list of paths, PIL images or arrays, or an array ``[n, height, width, 3]`` of uint8.

        Raises:
            DataError: If an image can't be read.
        """
        import numpy as np

        given = convert.images(images)
        if not given:
            return np.zeros((0, 0), dtype=np.float32)
        return convert.array(self._inner.of(given, self.stage))

    def __repr__(self) -> str:
        return f"Features({self.arch!r}{f', stage={self.stage!r}' if self.stage else ''})"
