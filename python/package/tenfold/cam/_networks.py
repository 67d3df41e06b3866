"""Saliency maps of the layers of a PyTorch network, with the interface of pytorch-grad-cam.

For each call a hook is registered at each target layer, the network runs once without gradients,
and the hooks are removed. A hook computes the maps of its layer at once, so the activations of a
layer need not stay in memory, and an operation in place after the layer does not change its map::

    input N×3×224×224 ──> network ──────────────────────────────────────> outputs
                             │ hook of layer 1    │ hook of layer 2
                          N×C×14×14            N×C×7×7
                             │ saliency           │ saliency
                          N×14×14              N×7×7
                             └── resize, mean, normalize ──> N×224×224

PyTorch is imported when a network runs.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from tenfold._arrays import as_tensor
from tenfold._checks import natural
from tenfold.cam._batches import check_input, first_tensor, joined
from tenfold.cam._maps import combine, resize
from tenfold.cam._saliency import saliency

if TYPE_CHECKING:
    import torch

# The factors of brightness for `aug_smooth`, as in pytorch-grad-cam. The images themselves run
# last, so that `outputs` belong to them.
_FACTORS = (0.9, 1.1, 1.0)

Self = TypeVar("Self", bound="NetworkCAM")


class NetworkCAM:
    """The maps of the layers of a network by one of the weightings. See `MTSM`."""

    weighting: ClassVar[str]

    model: torch.nn.Module
    target_layers: list[torch.nn.Module]
    reshape_transform: Callable[[Any], torch.Tensor] | None
    batch_size: int | None
    outputs: Any
    statuses: list[list[str]]

    def __init__(
        self,
        model: torch.nn.Module,
        target_layers: Iterable[torch.nn.Module] | torch.nn.Module,
        reshape_transform: Callable[[Any], torch.Tensor] | None = None,
        *,
        ranks: Sequence[int] | None = None,
        centring: bool | None = None,
        sign: str | None = None,
        batch_size: int | None = None,
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        layers = list(target_layers) if isinstance(target_layers, Iterable) else [target_layers]
        if not layers:
            raise ValueError("there are no target layers")
        for layer in layers:
            if not hasattr(layer, "register_forward_hook"):
                shown = repr(layer) if isinstance(layer, str) else type(layer).__name__
                raise TypeError(
                    f"a target layer is a torch.nn.Module, not {shown}; "
                    "model.get_submodule(name) finds a layer by its name"
                )
        self.model = model
        self.target_layers = layers
        self.reshape_transform = reshape_transform
        self.batch_size = None if batch_size is None else natural("batch_size", batch_size, 1)
        self.outputs = None
        self.statuses = []
        self._options: dict[str, Any] = {
            "ranks": ranks,
            "centring": centring,
            "sign": sign,
            "threads": threads,
            "device": device,
        }

    @property
    def device(self) -> torch.device | None:
        """The device of the network. `None` for a network without parameters and buffers."""
        for tensors in (self.model.parameters(), self.model.buffers()):
            for tensor in tensors:
                return tensor.device
        return None

    def __call__(
        self,
        input_tensor: torch.Tensor,
        targets: object = None,
        aug_smooth: bool = False,
        eigen_smooth: bool = False,
    ) -> NDArray[np.float32]:
        """Runs the network on a batch of images, and computes the map of each image.

        Parameters
        ----------
        input_tensor
            The input of the network, N×(channels)×H×W. It is moved to the device of the network.
        targets
            Ignored: the maps need no label. The parameter exists because other methods need it.
        aug_smooth
            Whether to average the maps of six variants of the images: the images and their mirror
            images, each with the brightness 0.9, 1 and 1.1.
        eigen_smooth
            Ignored, as in the EigenCAM of pytorch-grad-cam: each map is a projection on singular
            vectors.

        Returns
        -------
        numpy.ndarray
            The maps N×H×W of float32, with values in [0, 1].

        Raises
        ------
        ValueError
            If a target layer does not run, if its activations do not have the shape N×C×H×W, or
            if an activation is not finite.
        TypeError
            If the input or the output of a target layer is not a tensor.
        """
        if not aug_smooth:
            return self.forward(input_tensor, targets, eigen_smooth)
        check_input(input_tensor)
        maps = []
        for mirrored in (True, False):
            images = input_tensor.flip(-1) if mirrored else input_tensor
            for factor in _FACTORS:
                of_images = self.forward(factor * images, targets, eigen_smooth)
                maps.append(of_images[..., ::-1] if mirrored else of_images)
        mean: NDArray[np.float32] = np.mean(maps, axis=0, dtype=np.float32)
        return mean

    def forward(
        self, input_tensor: torch.Tensor, targets: object = None, eigen_smooth: bool = False
    ) -> NDArray[np.float32]:
        """Computes the maps as the call does, without `aug_smooth`."""
        check_input(input_tensor)
        size = tuple(input_tensor.shape[2:])
        device = self.device
        if device is not None and input_tensor.device != device:
            input_tensor = input_tensor.to(device)
        # 1. Run the network, on parts of the batch.
        images = input_tensor.shape[0]
        limit = images if self.batch_size is None else self.batch_size
        runs = [_Run(self, part) for part in input_tensor.split(limit)]
        self.outputs = joined([run.outputs for run in runs], [run.images for run in runs])
        # 2. The maps of each layer.
        numbers = range(len(self.target_layers))
        layers = [np.concatenate([run.maps[number] for run in runs]) for number in numbers]
        self.statuses = [[s for run in runs for s in run.statuses[number]] for number in numbers]
        # 3. One map of the maps of all layers.
        planes = [_planes(_resized_volume(maps, size)) for maps in layers]
        target = size if len(size) == 2 else (_product(size[:-1]), size[-1])
        combined = combine(planes, "mean", size=target)
        return combined.reshape(images, *size).astype(np.float32, copy=False)  # type: ignore[no-any-return]

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # No hook stays at the network after a call.
        return None

    def __repr__(self) -> str:
        layers = ", ".join(repr(_name(self.model, layer)) for layer in self.target_layers)
        return f"{type(self).__name__}({type(self.model).__name__}, [{layers}])"


class EigenCAM(NetworkCAM):
    """EigenCAM: the first singular vector of the centred activations, with negative values clipped.

    See `MTSM` for the parameters, the attributes and the call. The sign of a singular vector is
    arbitrary. Here the entry of largest magnitude of the projected map is positive, so that the
    map does not depend on the LAPACK in use. The EigenCAM of pytorch-grad-cam has no such rule
    and may give the map of ``sign="negative"``.
    """

    weighting = "eigen-cam"


class TSM(NetworkCAM):
    """Tucker saliency maps: the first column of the channel factor.

    See `MTSM` for the parameters, the attributes and the call.
    """

    weighting = "tsm"


class MultivecEigenCAM(NetworkCAM):
    """EigenCAM with all singular vectors, each weighted by its singular value.

    See `MTSM` for the parameters, the attributes and the call.
    """

    weighting = "multivec-eigen-cam"


class MTSM(NetworkCAM):
    """Multivector Tucker saliency maps: all columns of the channel factor.

    The weight of each column is the norm of its slice of the core.

    The constructor and the call are the same as in pytorch-grad-cam. The network runs once,
    without gradients and in evaluation mode; afterwards its training flags are as before. Any
    network works, because neither a label nor the output is needed: classifiers, detectors,
    networks of embeddings. The maps of networks on an NVIDIA GPU are computed there.

    Parameters
    ----------
    model
        The network.
    target_layers
        The layers, usually the last convolutional one. The maps of several layers are resized to
        the input, averaged and normalised.
    reshape_transform
        A function that makes a tensor N×C×H×W of the output of a layer, for example of the tokens
        N×L×C of a transformer. Without it, the first tensor of a tuple, a list or a dictionary is
        used.
    ranks, centring, sign, threads, device
        See `tenfold.cam.saliency`.
    batch_size
        The maximum number of images that run through the network at once; by default all.

    Attributes
    ----------
    outputs
        The output of the network in the last call.
    statuses : list of list of str
        For each layer, the statuses of the maps of the last call. See `tenfold.cam.saliency`.

    Examples
    --------
    ::

        model = torchvision.models.resnet50(weights="DEFAULT")
        with MTSM(model, [model.layer4[-1]]) as cam:
            maps = cam(images)          # N×3×224×224 -> N×224×224
        overlay(maps[0], photograph)

    A detector, with a tensor in place of its list of images::

        model = torchvision.models.detection.fasterrcnn_resnet50_fpn(weights="DEFAULT")
        cam = MTSM(model, [model.backbone.body.layer4[-1]])
        maps = cam(torch.stack(images))  # images of equal size
        boxes = cam.outputs[0]["boxes"]

    The tokens of a Vision Transformer, with a class token before a grid of 14×14::

        def grid(tokens):
            return tokens[:, 1:].transpose(1, 2).unflatten(2, (14, 14))

        MTSM(model, [model.encoder.layers[-1]], reshape_transform=grid)
    """

    weighting = "mtsm"


class _Run:
    """One run of the network, with the maps of all target layers."""

    def __init__(self, cam: NetworkCAM, images: torch.Tensor) -> None:
        import torch

        self.cam = cam
        self.images: int = images.shape[0]
        self.order = images.dim()
        self.thread = threading.get_ident()
        layers = cam.target_layers
        self.maps: list[Any] = [None] * len(layers)
        self.statuses: list[list[str]] = [[] for _ in layers]
        self.calls = [0] * len(layers)
        # A layer in training mode would update its statistics, or drop entries at random.
        training = [module for module in cam.model.modules() if module.training]
        hooks = []
        try:
            for module in training:
                module.training = False
            for number, layer in enumerate(layers):
                hooks.append(layer.register_forward_hook(self.hook(number)))
            with torch.no_grad():
                self.outputs = cam.model(images)
        finally:
            for hook in hooks:
                hook.remove()
            for module in training:
                module.training = True
        self.check_calls()

    def hook(self, number: int) -> Callable[[Any, Any, Any], None]:
        """The hook of a layer."""

        def record(layer: Any, _: Any, output: Any) -> None:
            # The network may run in another thread at the same time.
            if threading.get_ident() != self.thread:
                return
            self.calls[number] += 1
            if self.calls[number] == 1:
                self.record(number, layer, output)

        return record

    def record(self, number: int, layer: torch.nn.Module, output: Any) -> None:
        """Computes the maps of a layer."""
        cam = self.cam
        activations = self.activations(layer, output)
        try:
            maps, statuses = saliency(
                activations, cam.weighting, batched=True, return_status=True, **cam._options
            )
        except ValueError as error:
            raise ValueError(f"layer {_name(cam.model, layer)!r}: {error}") from error
        self.maps[number] = as_tensor(maps)
        self.statuses[number] = statuses

    def activations(self, layer: torch.nn.Module, output: Any) -> torch.Tensor:
        """The activations N×C×H×W of a layer."""
        cam = self.cam
        if cam.reshape_transform is not None:
            output = cam.reshape_transform(output)
        tensor = first_tensor(output)
        if tensor is None:
            raise TypeError(
                f"layer {_name(cam.model, layer)!r} returns {type(output).__name__} without a "
                "tensor: reshape_transform must make a tensor N×C×H×W of it"
            )
        if tensor.is_nested:
            raise TypeError(
                f"layer {_name(cam.model, layer)!r} returns a nested tensor: reshape_transform "
                "must make a tensor N×C×H×W of it, for example by torch.nested.to_padded_tensor"
            )
        if tensor.dim() != self.order or tensor.shape[0] != self.images:
            axes = {3: "C×L", 4: "C×H×W", 5: "C×D×H×W"}[self.order]
            raise ValueError(
                f"layer {_name(cam.model, layer)!r} gives activations of shape "
                f"{tuple(tensor.shape)}; {self.images}×{axes} is expected for {self.images} "
                "images, and reshape_transform can make this shape"
                + (_ONE_IMAGE if self.order == 3 else "")
            )
        if tensor.is_quantized:
            tensor = tensor.dequantize()
        elif tensor.is_floating_point() and tensor.element_size() == 1:
            # Numbers of 8 bits, which NumPy lacks.
            tensor = tensor.float()
        if tensor.device.type not in ("cpu", "cuda") or str(cam._options["device"]) == "cpu":
            tensor = tensor.cpu()
        return tensor.detach()

    def check_calls(self) -> None:
        """Fails if a layer did not run. Warns if it ran several times."""
        cam = self.cam
        for layer, calls in zip(cam.target_layers, self.calls, strict=True):
            if calls == 1:
                continue
            name = _name(cam.model, layer)
            if calls == 0:
                reason = (
                    "this call of the network did not run it, or runs a compiled copy of it"
                    if name is not None
                    else "it is not a layer of the network"
                )
                shown = name or type(layer).__name__
                raise ValueError(f"there are no activations of layer {shown!r}: {reason}")
            warnings.warn(
                f"layer {name!r} ran {calls} times; its map comes from the first run",
                stacklevel=_level_of_the_caller(),
            )


_ONE_IMAGE = "; one image C×H×W is a batch after images[None]"


def _level_of_the_caller() -> int:
    """The level of the first frame outside this file, counted from the caller of this function.

    It is a `stacklevel` of `warnings.warn`. The number of frames depends on the version of Python
    and on `aug_smooth`.
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    return level


def _name(model: torch.nn.Module, layer: torch.nn.Module) -> str | None:
    """The name of a layer in the network. `None` if the network does not have this layer."""
    for name, module in model.named_modules():
        if module is layer:
            return name or type(model).__name__
    return None


def _product(extents: Sequence[int]) -> int:
    product = 1
    for extent in extents:
        product *= extent
    return product


def _resized_volume(maps: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
    """Maps N×D×H×W of a volume, interpolated to its size along each of the three directions.

    Other maps are returned as they are.
    """
    if len(size) < 3:
        return maps
    depth, height, width = size
    maps = resize(maps, (height, width))
    items, old_depth = maps.shape[:2]
    lines = resize(maps.reshape(items, old_depth, height * width), (depth, height * width))
    return lines.reshape(items, depth, height, width)  # type: ignore[no-any-return]


def _planes(maps: NDArray[Any]) -> NDArray[Any]:
    """Maps as planes: lines N×L as N×1×L, volumes N×D×H×W as N×(D·H)×W."""
    if maps.ndim == 2:
        return maps[:, None, :]
    return maps.reshape(maps.shape[0], -1, maps.shape[-1])
