"""Writes decompositions of TensorLy and pyttb to tests/data/peers, as their users save them: the core
and the factors in an .npz, without a description. `expected.npz` has the reconstructions, under the
names of the files.

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install numpy==1.26.4 tensorly==0.10.0 pyttb==1.8.6
    /tmp/venv/bin/python tests/interop/make_peers.py
"""

from pathlib import Path

import numpy as np
import pyttb
import tensorly as tl
from tensorly.decomposition import non_negative_tucker_hals, partial_tucker, tucker

FOLDER = Path(__file__).parent.parent / "data" / "peers"


def tensor(dtype="f8"):
    i, j, k = np.ogrid[:5, :6, :7]
    return (1 / (1 + i + j * k)).astype(dtype)


def save(name, core, factors):
    """`factors` is a list, or the factors by their modes. Returns the reconstruction."""
    if not isinstance(factors, dict):
        factors = dict(enumerate(factors))
    named = {f"factor_{mode}": factor for mode, factor in factors.items()}
    np.savez(FOLDER / f"{name}.npz", core=core, **named)
    return tl.tenalg.multi_mode_dot(core, list(factors.values()), list(factors))


def main():
    FOLDER.mkdir(exist_ok=True)
    expected = {}

    core, factors = tucker(tensor(), rank=[3, 2, 4])
    expected["tensorly"] = save("tensorly", core, factors)
    core, factors = tucker(tensor("f4"), rank=[3, 2, 4])
    expected["tensorly_f32"] = save("tensorly_f32", core, factors)
    (core, factors), _ = partial_tucker(tensor(), rank=[3, 4], modes=[0, 2])
    expected["tensorly_partial"] = save("tensorly_partial", core, dict(zip([0, 2], factors)))
    core, factors = non_negative_tucker_hals(tensor(), rank=[3, 2, 4], n_iter_max=50)
    expected["tensorly_non_negative"] = save("tensorly_non_negative", core, factors)

    found = pyttb.hosvd(pyttb.tensor(tensor()), tol=1e-2, verbosity=0)
    expected["pyttb"] = save("pyttb", found.core.data, found.factor_matrices)

    # A rank above the extent of its mode, which no solver of this project returns.
    random = np.random.default_rng(0)
    wide = [random.normal(size=shape) for shape in [(2, 3), (4, 2)]]
    expected["wide"] = save("wide", random.normal(size=(3, 2)), wide)

    np.savez(FOLDER / "expected.npz", **expected)


if __name__ == "__main__":
    main()
