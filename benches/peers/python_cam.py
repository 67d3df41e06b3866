"""Times the maps of the Python package beside pytorch-grad-cam and the published classes.

    pip install torch grad-cam pyttb tensorly threadpoolctl, and the wheel of tenfold
    cargo build --release --example peer_driver
    python benches/peers/python_cam.py --driver target/release/examples/peer_driver

The network of these comparisons is a layer that returns stored activations. So a whole
call `MTSM(model, layers)(x)` is measured without the time of a network: the hooks, the
maps, the resizing to 224×224 and the normalisation.

The published classes TSM and MTSM are subclasses of pytorch-grad-cam's BaseCAM that call
`tucker` of TensorLy at full ranks. `rivals.published_map` has their decomposition, with
columns of the channel factor, as in the equations.

The last rows time `tenfold.cam.saliency` beside the same call from Rust. The difference is
the cost of Python.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytorch_grad_cam
import rivals
import threadpoolctl
import torch
from comparison import Comparison, Goal, feature_map, repeats_for, timed, times
from pytorch_grad_cam.base_cam import BaseCAM

from tenfold import cam

SIZE = 224
OURS = {"eigen-cam": cam.EigenCAM, "tsm": cam.TSM, "mtsm": cam.MTSM}


class StoredLayer(torch.nn.Module):
    """A layer that returns stored activations."""

    def __init__(self, activations):
        super().__init__()
        self.activations = activations

    def forward(self, x):
        return self.activations


class StoredNetwork(torch.nn.Module):
    """A network of one stored layer. pytorch-grad-cam asks each network for a parameter."""

    def __init__(self, activations):
        super().__init__()
        self.layer = StoredLayer(activations)
        self.parameter = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.layer(x)[:, :, 0, 0]


class Published(BaseCAM):
    """The class of a weighting as it was published."""

    def __init__(self, model, target_layers, weighting):
        super().__init__(model, target_layers, uses_gradients=False)
        self.weighting = weighting

    def get_cam_image(self, x, layer, targets, activations, grads, eigen_smooth):
        maps = [rivals.published_map(features, self.weighting) for features in activations]
        return np.float32(maps).reshape(len(maps), *activations.shape[2:])


def theirs_of(weighting, network):
    if weighting == "eigen-cam":
        return pytorch_grad_cam.EigenCAM(network, [network.layer])
    return Published(network, [network.layer], weighting)


NETWORKS = [
    ("eigen-cam", (1, 2048, 7, 7), 20),
    ("eigen-cam", (8, 2048, 7, 7), 20),
    ("eigen-cam", (1, 512, 14, 14), 5),
    ("tsm", (1, 2048, 7, 7), 20),
    ("mtsm", (1, 2048, 7, 7), 20),
]


def whole_call(c, weighting, shape, target):
    """A call of our class beside a call of theirs."""
    rng = np.random.default_rng(shape[0])
    activations = np.stack([feature_map(rng, *shape[1:]) for _ in range(shape[0])])
    network = StoredNetwork(torch.from_numpy(activations))
    x = torch.zeros(shape[0], 3, SIZE, SIZE)
    theirs = theirs_of(weighting, network)
    ours = OURS[weighting](network, [network.layer])
    name = f"{type(ours).__name__} {times(shape)}"
    # 1. The same maps. LAPACK's vector decides on the sign of their EigenCAM.
    maps = [ours(x)]
    if weighting == "eigen-cam":
        maps.append(cam.EigenCAM(network, [network.layer], sign="negative")(x))
    differences = [
        min(np.abs(own[item] - map).max() for own in maps)
        for item, map in enumerate(theirs(x, None))
    ]
    if not c.agree(name, max(differences), 2e-3):
        return
    # 2. The times.
    repeat = repeats_for(timed(lambda: ours(x)))
    rival = "pytorch-grad-cam" if weighting == "eigen-cam" else "published class"
    c.pair(
        Goal(f"{name}, whole call", rival, target),
        lambda: timed(lambda: ours(x), repeat),
        lambda: timed(lambda: theirs(x, None)),
    )


def overhead(c, weighting, shape):
    """Calls of `saliency` from Python and from Rust."""
    features = feature_map(np.random.default_rng(shape[0]), *shape)
    tensor = torch.from_numpy(features)
    c.load(features)
    ours, of_tensor, rust = [], [], []
    for _ in range(c.args.repeat):
        ours.append(timed(lambda: cam.saliency(features, weighting), 500))
        of_tensor.append(timed(lambda: cam.saliency(tensor, weighting), 500))
        rust.append(c.driver("cam", "x", weighting, 1, 500)[0])
    ours, of_tensor, rust = (1e6 * np.median(times) for times in (ours, of_tensor, rust))
    print(
        f"saliency {weighting} {times(shape)}: {ours:.1f} µs, in Rust {rust:.1f} µs, "
        f"overhead {ours - rust:.1f} µs (at most 20: {'yes' if ours - rust <= 20 else 'NO'}); "
        f"of a tensor {of_tensor - rust:.1f} µs"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--driver", required=True, help="the program built from driver.rs")
    parser.add_argument("--weightings", default=",".join(OURS), help="classes to time")
    parser.add_argument("--only", default="networks,overhead", help="parts to run")
    parser.add_argument("--threads", type=int, default=2, help="threads of the rivals [2]")
    parser.add_argument("--repeat", type=int, default=3, help="measurements in a comparison [3]")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with (
        tempfile.TemporaryDirectory() as folder,
        threadpoolctl.threadpool_limits(args.threads),
    ):
        comparison = Comparison(args, Path(folder))
        for weighting, shape, target in NETWORKS:
            if weighting in args.weightings.split(",") and "networks" in args.only:
                whole_call(comparison, weighting, shape, target)
        for shape in [(8, 2, 2), (64, 7, 7), (512, 7, 7)]:
            for weighting in ("eigen-cam", "mtsm") if "overhead" in args.only else ():
                overhead(comparison, weighting, shape)
    return 1 if comparison.disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
