"""The work of gpu.py in other libraries on the same card: PyTorch, cuSOLVER, CuPy, TensorLy.

A library that cannot be imported is absent, with the reason. The rivals make their own data, with the
distribution of the data in gpu_data.rs.
"""

import ctypes
import ctypes.util
import importlib.util
import pathlib
import statistics
import time

POWER_STEPS = 30


def centres(weighting):
    return weighting in ("eigen-cam", "multivec-eigen-cam")


def uses_all_vectors(weighting):
    return weighting in ("multivec-eigen-cam", "mtsm")


def import_torch():
    """PyTorch, or the reason why it is absent."""
    try:
        import torch
    except Exception as error:
        return None, str(error)
    return (torch, "") if torch.cuda.is_available() else (None, "torch finds no GPU")


def shared_object(name):
    """The path of one of NVIDIA's libraries, from their Python packages or the system."""
    found = importlib.util.find_spec("nvidia")
    for folder in found.submodule_search_locations if found else []:
        if files := sorted(pathlib.Path(folder).glob(f"*/lib/lib{name}.so*")):
            return str(files[0])
    toolkits = sorted(pathlib.Path("/usr/local").glob(f"cuda*/lib64/lib{name}.so"))
    return str(toolkits[-1]) if toolkits else ctypes.util.find_library(name)


class Cusolver:
    """The batched eigensolver `cusolverDnXsyevBatched`. It solves in place; eigenvector j becomes row j."""

    def __init__(self, torch):
        self.torch, self.buffers = torch, {}
        self.library = ctypes.CDLL(shared_object("cusolver") or "libcusolver.so")
        self.library.cusolverDnXsyevBatched  # AttributeError in versions before 11.7.
        self.handle, self.parameters = ctypes.c_void_p(), ctypes.c_void_p()
        assert self.library.cusolverDnCreate(ctypes.byref(self.handle)) == 0
        assert self.library.cusolverDnCreateParams(ctypes.byref(self.parameters)) == 0

    def __call__(self, grams):
        """Eigenvalues, smallest first, and eigenvectors as rows."""
        torch, (items, n, _) = self.torch, grams.shape
        kind = ctypes.c_int(1 if grams.dtype == torch.float64 else 0)
        order, count = ctypes.c_int64(n), ctypes.c_int64(items)
        values = torch.empty(items, n, device="cuda", dtype=grams.dtype)
        problem = [self.handle, self.parameters, 1, 0, order, kind, ctypes.c_void_p(grams.data_ptr()), order, kind,
                   ctypes.c_void_p(values.data_ptr()), kind]
        key = (n, items, grams.dtype)
        if key not in self.buffers:
            on_device, on_host = ctypes.c_size_t(), ctypes.c_size_t()
            status = self.library.cusolverDnXsyevBatched_bufferSize(
                *problem, ctypes.byref(on_device), ctypes.byref(on_host), count)
            assert status == 0, f"cuSOLVER fails with status {status}"
            self.buffers = {key: (torch.empty(on_device.value + 16, device="cuda", dtype=torch.uint8),
                                  ctypes.create_string_buffer(on_host.value + 16), on_device, on_host,
                                  torch.empty(items, device="cuda", dtype=torch.int32))}
        device_buffer, host_buffer, on_device, on_host, outcome = self.buffers[key]
        status = self.library.cusolverDnXsyevBatched(
            *problem, ctypes.c_void_p(device_buffer.data_ptr()), on_device, host_buffer, on_host,
            ctypes.c_void_p(outcome.data_ptr()), count)
        assert status == 0, f"cuSOLVER fails with status {status}"
        return values, grams


class Rivals:
    """The libraries that are installed. `absent` has the reason for each of the others."""

    def __init__(self):
        self.absent = {}
        self.torch, reason = import_torch()
        self.cusolver = self.cupy = self.tensorly = None
        if not self.torch:
            self.absent = {name: reason for name in ("torch", "cuSOLVER", "CuPy", "TensorLy")}
            return
        try:
            self.cusolver = Cusolver(self.torch)
        except Exception as error:
            self.absent["cuSOLVER"] = str(error)
        try:
            import cupy

            self.cupy = cupy
        except Exception as error:
            self.absent["CuPy"] = str(error)
        try:
            import tensorly
            from tensorly.decomposition import tucker

            tensorly.set_backend("pytorch")
            self.tensorly = tucker
        except Exception as error:
            self.absent["TensorLy"] = str(error)

    def seconds(self, work, repeat=7):
        """The median time of `work` after a warm-up."""
        found = []
        for _ in range(repeat + 1):
            self.torch.cuda.synchronize()
            started = time.perf_counter()
            work()
            self.torch.cuda.synchronize()
            found.append(time.perf_counter() - started)
        return statistics.median(found[1:])

    # Saliency maps.

    def features(self, shape, scalar):
        """Patterns of decreasing weight and noise, as in `gpu_data.rs`: N×C×P."""
        torch = self.torch
        items, channels, *extents = shape
        grid = torch.meshgrid(*(torch.arange(n, device="cuda") / max(extents) for n in extents), indexing="ij")
        places = torch.stack([axis.reshape(-1) for axis in grid], 1)
        apart = (places[None, None] - torch.rand(items, 8, 1, len(extents), device="cuda")).square().sum(3)
        weights = torch.randn(items, channels, 8, device="cuda") * 0.6 ** torch.arange(8, device="cuda")
        features = torch.bmm(weights, torch.exp(-8 * apart))
        features += 0.1 * torch.randn(features.shape, device="cuda")
        return features.clamp_(min=0).to(getattr(torch, {"f32": "float32", "f64": "float64"}[scalar]))

    def gram(self, m, centring):
        """The Gram matrix of the smaller side of each unfolding, with the mean of each row of `m` subtracted."""
        torch = self.torch
        if m.shape[2] < m.shape[1]:
            g = torch.bmm(m.transpose(1, 2), m)
            if centring:
                means = g.mean(1, keepdim=True)
                g = g - means - means.transpose(1, 2) + means.mean(2, keepdim=True)
            return g
        g = torch.bmm(m, m.transpose(1, 2))
        if centring:
            means = m.mean(2, keepdim=True)
            g = torch.baddbmm(g, means, means.transpose(1, 2), alpha=-m.shape[2])
        return g

    def projected(self, m, rows, centring):
        """The projected maps of eigenvectors, which are the vectors themselves on the side of positions."""
        if m.shape[2] < m.shape[1]:
            return rows
        maps = self.torch.bmm(rows, m)
        return maps - maps.mean(2, keepdim=True) if centring else maps

    def map_by_power(self, m, weighting):
        """The map of the first vector, by a fixed number of power steps."""
        torch, centring = self.torch, centres(weighting)
        g = self.gram(m, centring)
        g = g / g.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
        v = torch.rand(g.shape[0], g.shape[1], 1, device="cuda", dtype=g.dtype)
        for _ in range(POWER_STEPS):
            v = torch.bmm(g, v)
        v = v / v.norm(dim=1, keepdim=True)
        map_ = self.projected(m, v.transpose(1, 2), centring)[:, 0]
        if weighting == "eigen-cam":
            flips = (-map_.amin(1) > map_.amax(1))[:, None]
            return self.normalised(torch.where(flips, -map_, map_).clamp(min=0))
        return self.normalised(map_.abs())

    def map_by(self, solve, m, weighting, scalar):
        """The map of all vectors. `solve` returns eigenvalues and eigenvectors as rows."""
        centring = centres(weighting)
        g = self.gram(m, centring).to(scalar)
        values, rows = solve(g)
        weights = values.to(m.dtype).clamp(min=0)
        if m.shape[2] >= m.shape[1]:
            weights = weights.sqrt()
        maps = self.projected(m, rows.to(m.dtype), centring).abs()
        return self.normalised((weights[:, :, None] * maps).sum(1))

    def eigh(self, g):
        values, vectors = self.torch.linalg.eigh(g)
        return values, vectors.transpose(1, 2)

    def normalised(self, maps):
        low = maps.amin(1, keepdim=True)
        return (maps - low) / (maps.amax(1, keepdim=True) - low)

    def map_methods(self, weighting):
        """The rivals for a weighting: name → function of the features. The slow ones are apart."""
        torch = self.torch
        if not uses_all_vectors(weighting):
            return {f"bmm + {POWER_STEPS} power steps": lambda m: self.map_by_power(m, weighting)}, {}
        slow = {"bmm + linalg.eigh": lambda m: self.map_by(self.eigh, m, weighting, m.dtype)}
        if not self.cusolver:
            return {}, slow
        return {
            f"bmm + XsyevBatched {name}": lambda m, scalar=scalar: self.map_by(self.cusolver, m, weighting, scalar)
            for name, scalar in (("f32", torch.float32), ("f64", torch.float64))
        }, slow

    # Eigenproblems.

    def grams(self, order, items):
        torch = self.torch
        features = torch.relu(torch.randn(items, 2 * order, order, device="cuda", dtype=torch.float64) + 0.3)
        return torch.bmm(features.transpose(1, 2), features)

    def eigen_methods(self):
        """name → function of the matrices; the slow ones are apart."""
        fast, slow = {}, {"torch linalg.eigh": self.torch.linalg.eigh}
        if self.cusolver:
            fast["XsyevBatched"] = lambda g: self.cusolver(g.clone())
        if self.cupy:
            slow["CuPy eigh"] = lambda g: self.cupy.linalg.eigh(self.cupy.from_dlpack(g))
        return fast, slow

    # Tucker decompositions.

    def tensors(self, shape, ranks, scalar):
        """Tensors of the given ranks plus noise of a tenth of their norm."""
        torch = self.torch
        scalar = getattr(torch, {"f32": "float32", "f64": "float64"}[scalar])
        x = torch.randn(shape[0], *ranks, device="cuda", dtype=scalar)
        for mode, (extent, rank) in enumerate(zip(shape[1:], ranks)):
            factor = torch.randn(extent, rank, device="cuda", dtype=scalar)
            x = torch.tensordot(x, factor, dims=([mode + 1], [1])).movedim(-1, mode + 1)
        x = x.contiguous()
        return x + 0.1 * x.norm() / x.numel() ** 0.5 * torch.randn(x.shape, device="cuda", dtype=scalar)

    def st_hosvd(self, x, ranks):
        """Cores and factors of a batch, from Gram matrices and `eigh`."""
        factors = []
        for mode, rank in enumerate(ranks):
            moved = x.movedim(mode + 1, 1)
            unfolding = moved.reshape(x.shape[0], x.shape[mode + 1], -1)
            g = self.torch.bmm(unfolding, unfolding.transpose(1, 2))
            u = self.torch.linalg.eigh(g)[1][:, :, -rank:]
            y = self.torch.bmm(u.transpose(1, 2), unfolding)
            x = y.reshape(x.shape[0], rank, *moved.shape[2:]).movedim(1, mode + 1)
            factors.append(u)
        return x, factors

    def tensorly_hooi(self, x, ranks):
        """HOOI of each tensor of a batch."""
        return [self.tensorly(tensor, rank=list(ranks)) for tensor in x]
