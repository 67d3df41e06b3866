"""The maps of PyTorch networks: options, outputs, errors, and the state of the network."""

from __future__ import annotations

import copy
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from saliency_oracle import WEIGHTINGS, full_rank_map, normalized
from tenfold import cam

torch = pytest.importorskip("torch")

from torch_networks import (  # noqa: E402
    CLASSES,
    expected_maps,
    layer_outputs,
)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_maps_follow_the_equations(network: Any, images: Any, weighting: str) -> None:
    layers = [network.first, network.second]
    activations = layer_outputs(network, layers, images)
    for number in (0, 1):
        with CLASSES[weighting](network, [layers[number]]) as method:
            maps = method(input_tensor=images)
        assert isinstance(maps, np.ndarray)
        assert maps.dtype == np.float32 and maps.shape == (3, 20, 24)
        assert np.abs(maps - expected_maps([activations[number]], weighting, (20, 24))).max() < 1e-4
        assert method.statuses == [["fine"] * 3]
    both = CLASSES[weighting](network, layers)(images)
    assert np.abs(both - expected_maps(activations, weighting, (20, 24))).max() < 1e-4


class Named(NamedTuple):
    """An output with names."""

    maps: Any
    first: Any


def test_outputs_of_every_kind() -> None:
    """No target is needed, so a network may return anything."""

    class Network(torch.nn.Module):
        def __init__(self, make: Callable[[Any], Any]) -> None:
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 4, 3)
            self.make = make

        def forward(self, x: Any) -> Any:
            return self.make(self.layer(x))

    torch.manual_seed(4)
    x = torch.randn(3, 3, 9, 9)
    makes: dict[str, Callable[[Any], Any]] = {
        "tensor": lambda y: y.mean((2, 3)),
        "tuple": lambda y: (y, y.mean((2, 3))),
        "named tuple": lambda y: Named(y, y[:, 0]),
        "dictionary": lambda y: {"boxes": y, "scores": y[:, 0]},
        "a dictionary for each image": lambda y: [{"boxes": item} for item in y],
        "none": lambda y: None,
        "number": lambda y: float(y.sum()),
        "scalar": lambda y: y.sum(),
        "list of scales": lambda y: [y, y[..., ::2]],
    }
    state = torch.nn.Conv2d(3, 4, 3).state_dict()
    maps = []
    for make in makes.values():
        network = Network(make)
        network.layer.load_state_dict(state)
        method = cam.MTSM(network, [network.layer])
        maps.append(method(x))
        with torch.no_grad():
            expected = network(x)
        assert_same(method.outputs, expected)
        # The batch in parts: the same maps, and outputs of the same form where parts can be joined.
        in_parts = cam.MTSM(network, [network.layer], batch_size=2)
        # A convolution may round differently for another number of images.
        assert np.abs(in_parts(x) - maps[-1]).max() < 1e-5
        assert in_parts.statuses == method.statuses
        if not isinstance(expected, float) and not (
            torch.is_tensor(expected) and not expected.dim()
        ):
            assert_same(in_parts.outputs, expected)
        else:
            assert len(in_parts.outputs) == 2
    for map in maps[1:]:
        np.testing.assert_array_equal(map, maps[0])


def assert_same(output: Any, expected: Any) -> None:
    assert type(output) is type(expected)
    if torch.is_tensor(expected):
        torch.testing.assert_close(output, expected)
    elif isinstance(expected, dict):
        assert list(output) == list(expected)
        assert_same(list(output.values()), list(expected.values()))
    elif isinstance(expected, (tuple, list)):
        assert len(output) == len(expected)
        for part, expected_part in zip(output, expected, strict=True):
            assert_same(part, expected_part)
    else:
        assert output == expected


@pytest.mark.parametrize("form", ["tuple", "list", "dictionary"])
def test_the_first_tensor_of_several_is_used(form: str, images: Any) -> None:
    class Layer(torch.nn.Conv2d):
        def forward(self, x: Any) -> Any:
            y = super().forward(x)
            return {"tuple": (None, y, x), "list": [y, x], "dictionary": {"y": y, "x": x}}[form]

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = Layer(3, 5, 3)

        def forward(self, x: Any) -> Any:
            return self.layer(x)

    network = Network()
    maps = cam.TSM(network, [network.layer])(images)
    plain = torch.nn.Conv2d(3, 5, 3)
    plain.load_state_dict(network.layer.state_dict())
    expected = expected_maps(layer_outputs(plain, [plain], images), "tsm", (20, 24))
    assert np.abs(maps - expected).max() < 1e-4
    # Another one by reshape_transform.
    pick = {"tuple": lambda o: o[2], "list": lambda o: o[1], "dictionary": lambda o: o["x"]}[form]
    maps = cam.TSM(network, [network.layer], reshape_transform=pick)(images)
    assert np.abs(maps - expected_maps([images], "tsm", (20, 24))).max() < 1e-4


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_networks_of_other_precisions(network: Any, images: Any, dtype: str) -> None:
    scalar = getattr(torch, dtype)
    layers = [network.second]
    half = copy.deepcopy(network).to(scalar)
    maps = cam.MTSM(half, [half.second])(images.to(scalar))
    assert maps.dtype == np.float32
    activations = layer_outputs(half, [half.second], images.to(scalar))
    assert np.abs(maps - expected_maps(activations, "mtsm", (20, 24))).max() < 1e-4
    exact = cam.MTSM(network, layers)(images)
    assert np.abs(maps - exact).max() < (1e-4 if dtype == "float64" else 0.1)


def test_automatic_mixed_precision(network: Any, images: Any) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = cam.MTSM(network, [network.second])(images)
    assert np.abs(maps - cam.MTSM(network, [network.second])(images)).max() < 0.1


def test_channels_last(network: Any, images: Any) -> None:
    expected = cam.MTSM(network, [network.second])(images)
    network = network.to(memory_format=torch.channels_last)
    images = images.to(memory_format=torch.channels_last)
    assert np.abs(cam.MTSM(network, [network.second])(images) - expected).max() < 1e-4


def test_operations_in_place_do_not_change_the_map_of_a_layer(network: Any, images: Any) -> None:
    # The ReLU after this layer writes to its output.
    maps = cam.EigenCAM(network, [network.norm])(images)
    activations = layer_outputs(network, [network.norm], images)
    assert (activations[0] < 0).any()
    expected = expected_maps(activations, "eigen-cam", (20, 24))
    assert np.abs(maps - expected).max() < 1e-4


def test_the_network_is_left_as_it_was(network: Any, images: Any) -> None:
    network.train()
    network.norm.eval()
    state = copy.deepcopy(network.state_dict())
    flags = [module.training for module in network.modules()]
    with cam.MTSM(network, [network.second]) as method:
        maps = method(images)
    assert [module.training for module in network.modules()] == flags
    for name, values in network.state_dict().items():
        assert torch.equal(values, state[name])
    assert not any(module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not method.outputs.requires_grad
    # Dropout and batch statistics do not change the map.
    np.testing.assert_array_equal(maps, cam.MTSM(network.eval(), [network.second])(images))


def test_hooks_are_removed_after_errors(network: Any, images: Any) -> None:
    network.train()
    for layers, x in [([network.second], images[:, :2]), ([network.head], images)]:
        with pytest.raises((RuntimeError, ValueError)):
            cam.MTSM(network, layers)(x)
        assert not any(module._forward_hooks for module in network.modules())
        assert all(module.training for module in network.modules())


def test_activations_do_not_stay_in_memory(network: Any, images: Any) -> None:
    kept: list[Any] = []

    def keep(output: Any) -> Any:
        kept.append(weakref.ref(output))
        return output

    method = cam.MTSM(network, [network.second], reshape_transform=keep)
    method(images)
    gc.collect()
    assert kept and kept[0]() is None


def test_a_layer_that_runs_several_times_gives_the_map_of_its_first_run(
    network: Any, images: Any
) -> None:
    with pytest.warns(UserWarning, match="'relu' ran 2 times"):
        maps = cam.EigenCAM(network, [network.relu], sign="positive")(images)
    for options in ({}, {"aug_smooth": True}):
        with pytest.warns(UserWarning, match="2 times") as caught:
            cam.EigenCAM(network, [network.relu])(images, **options)
        assert {warning.filename for warning in caught} == {__file__}
    activations = layer_outputs(network, [network.relu], images)
    assert np.abs(maps - expected_maps(activations, "eigen-cam", (20, 24))).max() < 1e-4


def test_layers_that_do_not_run_are_errors(network: Any, images: Any) -> None:
    with pytest.raises(ValueError, match=r"'unused'.*did not run"):
        cam.MTSM(network, [network.second, network.unused])(images)
    with pytest.raises(ValueError, match=r"Conv2d.*not a layer of the network"):
        cam.MTSM(network, [torch.nn.Conv2d(3, 3, 1)])(images)


def test_activations_of_other_shapes_are_errors(network: Any, images: Any) -> None:
    with pytest.raises(ValueError, match=r"'head'.*\(3, 10\).*3×C×H×W.*reshape_transform"):
        cam.MTSM(network, [network.head])(images)
    with pytest.raises(TypeError, match=r"'second'.*reshape_transform"):
        cam.MTSM(network, [network.second], reshape_transform=lambda output: None)(images)
    with pytest.raises(ValueError, match=r"\(1, 16, 5, 6\)"):
        cam.MTSM(network, [network.second], reshape_transform=lambda output: output[:1])(images)
    with pytest.raises(ValueError, match=r"layer 'second'.*\[0, 0, 0, 0\]"):
        cam.MTSM(network, [network.second])(images * torch.nan)
    with pytest.raises(ValueError, match=r"layer 'second'.*no ranks"):
        cam.EigenCAM(network, [network.second], ranks=(1, 1, 1))(images)


def test_bad_arguments_are_errors(network: Any, images: Any) -> None:
    with pytest.raises(ValueError, match="no target layers"):
        cam.MTSM(network, [])
    with pytest.raises(TypeError, match="get_submodule"):
        cam.MTSM(network, ["second"])
    with pytest.raises(TypeError, match="not Tensor; model"):
        cam.MTSM(network, [images])
    with pytest.raises(TypeError, match="batch_size is an integer"):
        cam.MTSM(network, [network.second], batch_size="all")
    method = cam.MTSM(network, [network.second])
    with pytest.raises(TypeError, match=r"tensor N×C×H×W.*torch\.from_numpy"):
        method(np.ones((1, 3, 20, 24), np.float32))
    with pytest.raises(TypeError, match=r"not list: torch\.stack"):
        method(list(images), aug_smooth=True)
    with pytest.raises(TypeError, match=r"nested tensor: torch\.stack"):
        method(torch.nested.nested_tensor(list(images)))
    with pytest.raises(ValueError, match=r"one image.*images\[None\]"):
        cam.MTSM(torch.nn.Sequential(convolution := torch.nn.Conv2d(3, 4, 3)), convolution)(
            images[0]
        )
    with pytest.raises(ValueError, match="no images"):
        method(images[:0])
    with pytest.raises(ValueError, match="N×C×H×W"):
        method(images[0, 0])
    with pytest.raises(ValueError, match="batch_size"):
        cam.MTSM(network, [network.second], batch_size=0)(images)


@pytest.mark.parametrize("kind", ["quantized", "float8"])
def test_activations_of_8_bits(images: Any, kind: str) -> None:
    def reduced(x: Any) -> Any:
        if kind == "float8":
            return x.to(torch.float8_e4m3fn)
        return torch.quantize_per_tensor(x, 0.05, 0, torch.qint8)

    identity = torch.nn.Identity()
    network = torch.nn.Sequential(identity)
    maps = cam.MTSM(network, identity, reshape_transform=reduced)(images)
    full = reduced(images)
    full = full.dequantize() if kind == "quantized" else full.float()
    np.testing.assert_array_equal(maps, cam.MTSM(network, identity)(full))
    nested = torch.nested.nested_tensor
    with pytest.raises(TypeError, match="returns a nested tensor"):
        cam.MTSM(network, identity, reshape_transform=lambda x: nested(list(x)))(images)


def test_one_layer_needs_no_list(network: Any, images: Any) -> None:
    np.testing.assert_array_equal(
        cam.MTSM(network, network.second)(images), cam.MTSM(network, [network.second])(images)
    )
    assert repr(cam.MTSM(network, network.second)) == "MTSM(SmallNetwork, ['second'])"


@pytest.mark.parametrize("weighting", ["tsm", "mtsm"])
def test_options_reach_the_maps(network: Any, images: Any, weighting: str) -> None:
    (activations,) = layer_outputs(network, [network.second], images)
    for options in ({"ranks": (4, 3, 3)}, {"centring": True}, {"sign": "negative"}):
        maps = CLASSES[weighting](network, [network.second], threads=1, **options)(images)
        small = cam.saliency(activations, weighting, **options)
        expected = [cam.combine([item], size=(20, 24)) for item in small.numpy()]
        np.testing.assert_array_equal(maps, expected)


def test_volumes_and_signals() -> None:
    torch.manual_seed(6)
    volumes = torch.nn.Sequential(torch.nn.Conv3d(1, 6, 3, stride=2, padding=1), torch.nn.ReLU())
    x = torch.randn(2, 1, 8, 10, 12)
    maps = cam.MTSM(volumes, [volumes[1]])(x)
    assert maps.shape == (2, 8, 10, 12) and maps.dtype == np.float32
    with torch.no_grad():
        small = torch.stack(
            [torch.from_numpy(full_rank_map(item.numpy(), "mtsm")) for item in volumes(x)]
        )
    expected = torch.nn.functional.interpolate(small[:, None], (8, 10, 12), mode="trilinear")
    for map, item in zip(maps, expected[:, 0].numpy(), strict=True):
        assert np.abs(map - normalized(item)).max() < 1e-4

    signals = torch.nn.Sequential(torch.nn.Conv1d(1, 6, 3, stride=2, padding=1), torch.nn.ReLU())
    x = torch.randn(2, 1, 30)
    maps = cam.TSM(signals, [signals[1]])(x)
    assert maps.shape == (2, 30) and maps.max() == 1


def test_networks_without_parameters(images: Any) -> None:
    pool = torch.nn.Sequential(torch.nn.AvgPool2d(2))
    method = cam.MTSM(pool, [pool[0]])
    assert method.device is None
    assert method(images).shape == (3, 20, 24)


def test_threads_share_a_network(network: Any, images: Any) -> None:
    network.eval()
    expected = [cam.MTSM(network, [network.second])(image[None]) for image in images]
    results: dict[int, Any] = {}

    def run(number: int) -> None:
        method = cam.MTSM(network, [network.second])
        results[number] = [method(images[number % 3][None]) for _ in range(5)]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(8))
    for number, maps in results.items():
        for map in maps:
            np.testing.assert_array_equal(map, expected[number % 3])


def test_calls_in_inference_mode(network: Any, images: Any) -> None:
    expected = cam.MTSM(network, [network.second])(images)
    with torch.inference_mode():
        np.testing.assert_array_equal(cam.MTSM(network, [network.second])(images), expected)


def test_tensors_give_tensors() -> None:
    features = torch.rand(2, 8, 4, 4, dtype=torch.float64, requires_grad=True)
    maps = cam.saliency(features)
    assert torch.is_tensor(maps) and maps.dtype == torch.float64 and not maps.requires_grad
    np.testing.assert_array_equal(maps, cam.saliency(features.detach().numpy()))
    for dtype in (torch.float16, torch.bfloat16):
        half = features.detach().to(dtype)
        maps = cam.saliency(half)
        assert maps.dtype == torch.float32
        np.testing.assert_array_equal(maps, cam.saliency(half.float()))
    strided = features.detach().permute(0, 1, 3, 2)
    np.testing.assert_array_equal(cam.saliency(strided), cam.saliency(strided.contiguous()))
    map = cam.saliency(features)[0]
    for result in (cam.resize(map, (3, 3)), cam.normalize(map), cam.combine([map])):
        assert torch.is_tensor(result)
    assert cam.overlay(map).array.shape == (4, 4, 3)


def test_the_memory_of_tensors_is_read_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    from tenfold import _native

    taken: list[np.ndarray] = []
    native = _native.saliency

    def record(features: np.ndarray, *rest: Any) -> Any:
        taken.append(features)
        return native(features, *rest)

    monkeypatch.setattr(_native, "saliency", record)
    features = torch.rand(8, 4, 4)
    cam.saliency(features)
    assert taken[0].ctypes.data == features.data_ptr()
    jax = pytest.importorskip("jax")
    array = jax.numpy.asarray(features.numpy() + 1)
    map = cam.saliency(array)
    assert taken[1].ctypes.data == array.unsafe_buffer_pointer()
    assert isinstance(map, jax.Array)
    np.testing.assert_array_equal(np.asarray(map), cam.saliency(features + 1))


def test_the_package_imports_no_torch() -> None:
    code = "import sys, tenfold; tenfold.cam.MTSM; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
