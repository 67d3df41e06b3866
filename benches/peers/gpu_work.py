"""The work that gpu.py times, and the targets on an H100."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Maps:
    """A batch of feature maps, and the targets in µs a map: for the first vector and for all vectors."""

    scalar: str
    shape: tuple
    targets: tuple = (None, None)
    # The target for the same maps from pageable host memory.
    from_host: float | None = None


@dataclass(frozen=True)
class Eigenproblems:
    order: int
    items: int
    target: float


@dataclass(frozen=True)
class Tucker:
    """A batch of tensors, and the targets in ms a batch."""

    scalar: str
    shape: tuple
    ranks: tuple
    st_hosvd: float | None = None
    hooi: float | None = None
    # The tensors that TensorLy decomposes, in a loop. Its time is scaled to the batch.
    tensorly: int = 1


WORK = [
    Maps("f32", (1000, 2048, 7, 7), (0.22, 0.60), from_host=10.0),
    Maps("f32", (1000, 512, 7, 7), (0.10, 0.50)),
    Maps("f64", (1056, 2048, 7, 7), (0.45, 0.85)),
    Maps("f32", (200, 2048, 14, 14), (4.0, 75.0)),
    Maps("f32", (120, 256, 56, 56), (8.0, 115.0)),
    Eigenproblems(49, 1056, 0.45),
    Eigenproblems(100, 528, 6.5),
    Eigenproblems(196, 210, 70.0),
    Eigenproblems(256, 120, 95.0),
    Tucker("f64", (1, 200, 200, 200), (20, 20, 20), st_hosvd=6.0),
    Tucker("f64", (1, 400, 400, 400), (40, 40, 40), st_hosvd=14.0),
    Tucker("f64", (256, 20, 20, 20), (8, 8, 8), 0.8, 5.0, tensorly=4),
    Tucker("f32", (64, 64, 64, 64), (8, 8, 8), 3.0, 12.0),
]
# Shapes without a target: other numbers of positions, channels that are no multiple of 32, other orders.
OTHER_WORK = [
    Maps("f32", (1000, 500, 6, 6)),
    Maps("f32", (500, 1000, 5, 10)),
    Maps("f32", (500, 1001, 8, 8)),
    Maps("f64", (200, 1000, 8, 8)),
    Maps("f32", (200, 1003, 10, 10)),
    Maps("f64", (100, 500, 10, 10)),
    Maps("f32", (100, 500, 12, 12)),
    Tucker("f64", (64, 24, 20, 18, 16), (5, 4, 3, 2), hooi=0),
    Tucker("f32", (64, 12, 10, 9, 8, 7), (4, 3, 3, 2, 2), hooi=0),
]
SMALL_WORK = [
    Maps("f32", (3, 21, 3, 3), (1e9, 1e9), from_host=1e9),
    Maps("f64", (2, 5, 3, 4), (1e9, 1e9)),
    Eigenproblems(9, 2, 1e9),
    Tucker("f64", (2, 5, 6, 4), (2, 3, 2), 1e9, 1e9),
]
SMALL_OTHER_WORK = [Tucker("f32", (2, 4, 3, 2, 3), (2, 2, 2, 2), hooi=0)]
