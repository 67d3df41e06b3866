"""The maps of PyTorch networks, compared with the maps of pytorch-grad-cam."""

from __future__ import annotations

import copy
import gc
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from saliency_oracle import WEIGHTINGS, full_rank_map, normalized
from tenfold import cam

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
grad_cam = pytest.importorskip("pytorch_grad_cam")

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


@pytest.fixture
def network() -> SmallNetwork:
    torch.manual_seed(0)
    return SmallNetwork()


@pytest.fixture
def images() -> Any:
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


def small_networks() -> dict[str, Callable[[], tuple[Any, list[Any], Any, int]]]:
    """Networks of torchvision with random weights: model, target layers, transform, image size."""
    models = torchvision.models

    def resnet() -> Any:
        model = models.resnet50(weights=None)
        return model, [model.layer4[-1]], None, 96

    def resnet_layers() -> Any:
        model = models.resnet18(weights=None)
        return model, [model.layer4, model.layer2[0], model.layer3[-1].conv2], None, 96

    def efficientnet() -> Any:
        model = models.efficientnet_b0(weights=None)
        return model, [model.features[-1]], None, 96

    def transformer() -> Any:
        model = models.VisionTransformer(
            image_size=64, patch_size=16, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64
        )
        model.encoder.pos_embedding.data.normal_()
        return model, [model.encoder.layers[-1].ln_1], tokens_on_a_grid, 64

    def swin() -> Any:
        model = models.SwinTransformer(
            patch_size=[4, 4], embed_dim=24, depths=[1, 1], num_heads=[2, 2], window_size=[4, 4]
        )
        return model, [model.norm], lambda x: x.permute(0, 3, 1, 2), 64

    return {
        "resnet50": resnet,
        "resnet18, layers of three sizes": resnet_layers,
        "efficientnet": efficientnet,
        "transformer": transformer,
        "swin": swin,
    }


def tokens_on_a_grid(tokens: Any) -> Any:
    """Tokens N×(1 + 16)×C as a feature map N×C×4×4, without the class token."""
    return tokens[:, 1:].transpose(1, 2).unflatten(2, (4, 4))


def with_statistics_of(model: Any, x: Any) -> Any:
    """The network with the statistics of a batch, so that activations have usual magnitudes."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model.train()(x)
    return model.eval()


@pytest.mark.parametrize("name", small_networks())
def test_eigen_cam_agrees_with_pytorch_grad_cam(name: str) -> None:
    torch.manual_seed(3)
    model, layers, transform, extent = small_networks()[name]()
    x = torch.randn(2, 3, extent, extent)
    model = with_statistics_of(model, x)
    if len(layers) > 1:
        # LAPACK's vectors decide on the signs of their layers.
        maps = cam.EigenCAM(model, layers)(x)
        assert np.abs(maps - of_corrected_layers(model, layers, x)).max() < 1e-4
        return
    with grad_cam.EigenCAM(model, layers, reshape_transform=transform) as theirs:
        expected = theirs(input_tensor=x, targets=None)
    for item, map in enumerate(expected):
        ours = [
            cam.EigenCAM(model, layers, reshape_transform=transform, sign=sign)(x)[item]
            for sign in ("positive", "negative")
        ]
        # LAPACK's vector decides on the sign of their map.
        assert min(np.abs(map - own).max() for own in ours) < 1e-4


def of_corrected_layers(model: Any, layers: list[Any], x: Any) -> np.ndarray:
    """The mean over layers by pytorch-grad-cam's own functions, with its correction of signs."""
    from pytorch_grad_cam.utils import image, svd_on_activations

    size = (x.shape[-1], x.shape[-2])
    scaled = []
    for activations in layer_outputs(model, layers, x):
        projected = svd_on_activations.get_2d_projection_with_sign_correction(activations.numpy())
        scaled.append(image.scale_cam_image(np.maximum(projected, 0), size))
    return image.scale_cam_image(np.mean(scaled, axis=0))


def test_methods_of_pytorch_grad_cam_and_ours_work_side_by_side(network: Any, images: Any) -> None:
    from pytorch_grad_cam.utils.image import show_cam_on_image
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    targets = [ClassifierOutputTarget(number) for number in (1, 2, 3)]
    alone = cam.MTSM(network, [network.second])(images)
    with (
        grad_cam.GradCAM(network, [network.second]) as theirs,
        cam.MTSM(model=network, target_layers=[network.second], reshape_transform=None) as ours,
    ):
        before = theirs(input_tensor=images, targets=targets)
        ours.batch_size = 32
        maps = ours(input_tensor=images, targets=targets, aug_smooth=False, eigen_smooth=True)
        after = theirs(input_tensor=images, targets=targets)
    np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(maps, alone)
    photograph = np.full((20, 24, 3), 0.5, np.float32)
    assert show_cam_on_image(photograph, maps[0], use_rgb=True).shape == (20, 24, 3)


def test_smoothing_by_augmentation_agrees_with_pytorch_grad_cam(network: Any, images: Any) -> None:
    class Theirs(grad_cam.base_cam.BaseCAM):
        """MTSM with the machinery of pytorch-grad-cam."""

        def __init__(self, model: Any, layers: Any) -> None:
            super().__init__(model, layers, uses_gradients=False)

        def get_cam_image(self, x: Any, layer: Any, targets: Any, activations: Any, *_: Any) -> Any:
            return np.stack([full_rank_map(item, "mtsm") for item in activations])

    # On the CPU, theirs reads a layer after the network has written to its output in place.
    network.relu.inplace = False
    layers = [network.first, network.second]
    with Theirs(network, layers) as theirs:
        expected = theirs(images, None, aug_smooth=True)
    ours = cam.MTSM(network, layers)
    smooth = ours(images, aug_smooth=True)
    assert smooth.dtype == np.float32
    assert np.abs(smooth - expected).max() < 1e-4
    # The outputs belong to the images themselves.
    assert torch.equal(ours.outputs, network.eval()(images))


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


def test_detectors() -> None:
    torch.manual_seed(5)
    detection = torchvision.models.detection
    model = detection.fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None)
    x = torch.rand(2, 3, 64, 80)
    method = cam.MTSM(model, [model.backbone.body["13"]], batch_size=1)
    maps = method(x)
    assert maps.shape == (2, 64, 80) and maps.max() == 1
    assert [sorted(output) for output in method.outputs] == [["boxes", "labels", "scores"]] * 2

    # The maps of the pyramid that the backbone returns, as one tensor.
    def pyramid(levels: Any) -> Any:
        size = levels["pool"].shape[-2:]
        resized = [torch.nn.functional.interpolate(level, size) for level in levels.values()]
        return torch.cat(resized, dim=1)

    with cam.EigenCAM(model, [model.backbone], reshape_transform=pyramid) as method:
        assert method(x).shape == (2, 64, 80)


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
    activations = layer_outputs(network, [network.relu], images)
    assert np.abs(maps - expected_maps(activations, "eigen-cam", (20, 24))).max() < 1e-4
    with grad_cam.EigenCAM(network, [network.second]) as theirs:
        # Their forward pass runs our hooks no more, and emits no warning of ours.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            theirs(images, None)


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
    method = cam.MTSM(network, [network.second])
    with pytest.raises(TypeError, match="tensor N×C×H×W"):
        method(np.ones((1, 3, 20, 24), np.float32))
    with pytest.raises(ValueError, match="no images"):
        method(images[:0])
    with pytest.raises(ValueError, match="N×C×H×W"):
        method(images[0, 0])
    with pytest.raises(ValueError, match="batch_size"):
        cam.MTSM(network, [network.second], batch_size=0)(images)


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
