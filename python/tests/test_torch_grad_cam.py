"""The maps of PyTorch networks, compared with the maps of pytorch-grad-cam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from saliency_oracle import full_rank_map
from tenfold import cam

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
grad_cam = pytest.importorskip("pytorch_grad_cam")

from torch_networks import layer_outputs  # noqa: E402


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
