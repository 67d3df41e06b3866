"""PyTorch's tensors on a GPU. The tests on the GPU are skipped without one."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import tenfold
import tenfold.cuda
from device_checks import features, tensor
from tenfold import cam

torch = pytest.importorskip("torch")


class TestOnTheHost:
    def test_tensors_stay_there(self) -> None:
        class Tensor(torch.Tensor):
            pass

        x = torch.from_numpy(tensor())
        for given in (x, x.as_subclass(Tensor), torch.nn.Parameter(x)):
            t = tenfold.st_hosvd(given, rank=2)
            assert type(t) is tenfold.Tucker
            assert isinstance(t.core, torch.Tensor)

    def test_tensors_can_be_computed_on_a_device(self, driver: Any) -> None:
        x = torch.from_numpy(tensor())
        t = tenfold.st_hosvd(x, rank=2, device="cuda")
        assert isinstance(t.core, torch.Tensor) and t.core.device.type == "cpu"
        expected = tenfold.st_hosvd(x, rank=2).reconstruct()
        assert torch.allclose(t.reconstruct(), expected, atol=1e-10)
        maps = cam.saliency(torch.from_numpy(features()), device="cuda")
        assert isinstance(maps, torch.Tensor) and maps.device.type == "cpu"
        assert np.abs(maps.numpy() - cam.saliency(features())).max() < 1e-10

    def test_networks_can_be_explained_on_a_device(self, driver: Any) -> None:
        torch.manual_seed(0)
        network = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 3), torch.nn.ReLU())
        images = torch.from_numpy(features((2, 3, 6, 7), np.float32))
        expected = cam.MTSM(network, [network[-1]])(images)
        found = cam.MTSM(network, [network[-1]], device="cuda")(images)
        assert np.abs(found - expected).max() < 1e-4


@pytest.fixture
def gpu() -> Any:
    """The first GPU of PyTorch."""
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no GPU")
    return torch.device("cuda", 0)


class TestOnAGpu:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("solver", [tenfold.hooi, tenfold.st_hosvd])
    def test_decompositions(self, gpu: Any, dtype: Any, solver: Any) -> None:
        x = torch.from_numpy(tensor((20, 16, 12))).to(gpu, dtype)
        t = solver(x, rank=4)
        core, factors = t
        for array in (core, *factors, t.reconstruct(), t[2:5]):
            assert array.device == gpu and array.dtype == dtype
        whole = torch.einsum("abc,ia,jb,kc->ijk", core, *factors)
        tolerance = 1e-4 if dtype == torch.float32 else 1e-10
        assert torch.allclose(whole, t.reconstruct(), atol=tolerance)
        expected = solver(x.cpu(), rank=4)
        assert torch.allclose(whole.cpu(), expected.reconstruct(), atol=tolerance)
        assert t.relative_error(x) == pytest.approx(expected.relative_error(x.cpu()), abs=tolerance)

    @pytest.mark.parametrize("weighting", cam.WEIGHTINGS)
    def test_maps(self, gpu: Any, weighting: str) -> None:
        x = torch.from_numpy(features((5, 64, 7, 7), np.float32))
        for options in ({}, {"size": (28, 28)}):
            maps, statuses = cam.saliency(x.to(gpu), weighting, return_status=True, **options)
            expected, same = cam.saliency(x, weighting, return_status=True, **options)
            assert maps.device == gpu and statuses == same
            assert torch.allclose(maps.cpu(), expected, atol=1e-4)

    def test_work_on_another_stream_comes_first(self, gpu: Any) -> None:
        x = features((50, 256, 14, 14), np.float32)
        stream = torch.cuda.Stream(gpu)
        with torch.cuda.stream(stream):
            given = torch.zeros(x.shape, device=gpu)
            torch.cuda._sleep(50_000_000)
            given.copy_(torch.from_numpy(x).pin_memory(), non_blocking=True)
            maps = cam.saliency(given, "tsm")
        assert torch.allclose(maps.cpu(), torch.from_numpy(cam.saliency(x, "tsm")), atol=1e-4)

    def test_results_outlive_the_decomposition(self, gpu: Any) -> None:
        x = torch.from_numpy(tensor((20, 16, 12))).to(gpu)
        core = tenfold.st_hosvd(x, rank=4).core
        before = core.cpu()
        for seed in range(5):
            tenfold.st_hosvd(torch.from_numpy(tensor((20, 16, 12), seed=seed)).to(gpu), rank=4)
        gc.collect()
        assert torch.equal(core.cpu(), before)

    def test_conversions(self, gpu: Any) -> None:
        x = torch.from_numpy(tensor((20, 16, 12))).to(gpu)
        expected = tenfold.st_hosvd(x, rank=4).reconstruct()
        for given in (x.transpose(0, 2).contiguous().transpose(0, 2), torch.nn.Parameter(x)):
            assert torch.allclose(tenfold.st_hosvd(given, rank=4).reconstruct(), expected)
        for dtype in (torch.float16, torch.bfloat16):
            assert tenfold.st_hosvd(x.to(dtype), rank=4).core.dtype == torch.float32
        assert tenfold.st_hosvd((100 * x).int(), rank=4).core.dtype == torch.float64
        for wrong in (x.to(torch.complex64), x.to_sparse()):
            with pytest.raises(TypeError):
                tenfold.st_hosvd(wrong, rank=4)

    def test_the_current_device_stays(self, gpu: Any) -> None:
        if torch.cuda.device_count() < 2:
            pytest.skip("a second GPU is needed")
        x = torch.from_numpy(tensor()).to("cuda:1")
        t = tenfold.st_hosvd(x, rank=2)
        assert t.core.device == x.device
        assert torch.cuda.current_device() == 0
        assert torch.ones(1, device="cuda").device == gpu

    def test_networks(self, gpu: Any) -> None:
        network = torch.nn.Sequential(torch.nn.Conv2d(3, 32, 3), torch.nn.ReLU())
        images = torch.from_numpy(features((4, 3, 16, 16), np.float32))
        expected = cam.MTSM(network, [network[-1]])(images)
        found = cam.MTSM(network.to(gpu), [network[-1]])(images)
        assert np.abs(found - expected).max() < 1e-2
