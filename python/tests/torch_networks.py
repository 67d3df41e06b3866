"""A small network with its images, and the expected maps of its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from saliency_oracle import full_rank_map, normalized
from tenfold import cam

torch = pytest.importorskip("torch")

CLASSES = {
    "eigen-cam": cam.EigenCAM,
    "tsm": cam.TSM,
    "multivec-eigen-cam": cam.MultivecEigenCAM,
    "mtsm": cam.MTSM,
}


class SmallNetwork(torch.nn.Module):
    """Two convolutional layers and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3, padding=1, stride=2)
        self.norm = torch.nn.BatchNorm2d(8)
        self.relu = torch.nn.ReLU(inplace=True)
        self.second = torch.nn.Conv2d(8, 16, 3, padding=1, stride=2)
        self.drop = torch.nn.Dropout(0.5)
        self.head = torch.nn.Linear(16, 10)
        self.unused = torch.nn.Conv2d(3, 3, 1)

    def forward(self, x: Any) -> Any:
        x = self.second(self.relu(self.norm(self.first(x))))
        return self.head(self.drop(self.relu(x).mean(dim=(2, 3))))


def small_network() -> SmallNetwork:
    """A network with random weights."""
    torch.manual_seed(0)
    return SmallNetwork()


def small_images() -> Any:
    """Three images for the network."""
    return torch.randn(3, 3, 20, 24, generator=torch.Generator().manual_seed(1))


def expected_maps(
    activations: list[Any], weighting: str, size: tuple[int, int], sign: str | None = None
) -> np.ndarray:
    """The maps of one or several layers by the equations, in float64."""
    result = []
    for item in range(activations[0].shape[0]):
        layers = [
            cam.resize(full_rank_map(layer[item].double().numpy(), weighting, sign=sign), size)
            for layer in activations
        ]
        result.append(normalized(np.mean(layers, axis=0)))
    return np.stack(result)


def layer_outputs(network: Any, layers: list[Any], images: Any) -> list[Any]:
    """The outputs of layers, copied before anything changes them."""
    outputs: dict[int, Any] = {}

    def copy_output(number: int) -> Callable[..., None]:
        def hook(_: Any, __: Any, output: Any) -> None:
            outputs.setdefault(number, output.clone())

        return hook

    hooks = [
        layer.register_forward_hook(copy_output(number)) for number, layer in enumerate(layers)
    ]
    with torch.no_grad():
        network.eval()(images)
    for hook in hooks:
        hook.remove()
    return [outputs[number] for number in range(len(layers))]
