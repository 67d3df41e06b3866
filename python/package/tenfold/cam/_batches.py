"""Inputs and outputs of PyTorch networks: batches of images, and outputs of any structure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


def check_input(images: Any) -> None:
    """Fails if the input of the network is not a batch of images."""
    import torch

    if not isinstance(images, torch.Tensor):
        hint = ""
        if isinstance(images, np.ndarray):
            hint = ": torch.from_numpy makes a tensor of it"
        elif isinstance(images, (list, tuple)):
            hint = ": torch.stack makes a batch of images of equal size"
        raise TypeError(f"the input is a tensor N×C×H×W, not {type(images).__name__}{hint}")
    if images.is_nested:
        raise TypeError("the input is a nested tensor: torch.stack makes a batch of equal sizes")
    if images.dim() not in (3, 4, 5):
        raise ValueError(
            f"the input has the shape N×C×H×W, N×C×D×H×W or N×C×L, not {tuple(images.shape)}"
        )
    if images.shape[0] == 0:
        raise ValueError("the input has no images")


def first_tensor(output: Any) -> torch.Tensor | None:
    """The first tensor in a tensor, tuple, list or dictionary."""
    import torch

    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, Mapping):
        output = tuple(output.values())
    if isinstance(output, (tuple, list)):
        for part in output:
            tensor = first_tensor(part)
            if tensor is not None:
                return tensor
    return None


def joined(outputs: list[Any], images: list[int]) -> Any:
    """The outputs of parts of a batch as the output of the batch."""
    import torch

    first = outputs[0]
    if len(outputs) == 1 or all(output is None for output in outputs):
        return first
    if isinstance(first, torch.Tensor) and first.dim() > 0:
        return torch.cat(outputs)
    if isinstance(first, Mapping):
        return {key: joined([output[key] for output in outputs], images) for key in first}
    if isinstance(first, list) and [len(output) for output in outputs] == images:
        # One item for each image, as detectors return them.
        return [item for output in outputs for item in output]
    if isinstance(first, (tuple, list)):
        parts = [joined(list(part), images) for part in zip(*outputs, strict=False)]
        is_named = hasattr(first, "_fields")
        return type(first)(*parts) if is_named else type(first)(parts)
    return outputs
