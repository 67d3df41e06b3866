#!/usr/bin/env python3
"""Saliency maps per second on a GPU: tenfold beside PyTorch on the same card.

Each shape is measured on a batch of 256 feature maps in host memory. For tenfold, the script runs
`tenfold bench --device cuda`, which includes the copies to the device and back. In PyTorch it
measures a Gram matrix by `bmm` with `torch.linalg.eigh`, and the batched `torch.linalg.svd`, both
with and without the copies. Without a GPU it prints "skipped: no device".

    python3 benches/peers/gpu.py --tenfold target/release/tenfold   (built with --features cuda)
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

BATCH = 256
SHAPES = ["512x7x7", "2048x7x7", "2048x14x14", "256x56x56"]


def tenfold_rates(tenfold, device):
    """Maps per second of each shape and weighting, or None and the error message."""
    command = [tenfold, "bench", "--json", "--device", device, "--shape", ",".join(SHAPES)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr.strip()
    rates = {}
    for shape in json.loads(done.stdout)["shapes"]:
        name = "x".join(map(str, shape["shape"]))
        rates[name] = {row["weighting"]: 1 / row["seconds"] for row in shape["weightings"]}
    return rates, None


def mtsm_by_eigh(torch, features):
    """norm Σᵢ σᵢ²|zᵢ| from the Gram matrix of the smaller side."""
    items, channels = features.shape[:2]
    m = features.reshape(items, channels, -1)
    if m.shape[2] <= channels:
        values, vectors = torch.linalg.eigh(torch.bmm(m.transpose(1, 2), m))
        maps = (vectors.abs() * values.clamp(min=0)[:, None, :]).sum(2)
    else:
        values, vectors = torch.linalg.eigh(torch.bmm(m, m.transpose(1, 2)))
        projected = torch.bmm(vectors.transpose(1, 2), m)
        maps = (projected.abs() * values.clamp(min=0).sqrt()[:, :, None]).sum(1)
    return normalised(maps)


def mtsm_by_svd(torch, features):
    """norm Σᵢ σᵢ²|zᵢ| from the singular value decomposition of the unfolding."""
    items, channels = features.shape[:2]
    m = features.reshape(items, channels, -1)
    _, sigma, z = torch.linalg.svd(m, full_matrices=False)
    return normalised((z.abs() * (sigma**2)[:, :, None]).sum(1))


def normalised(maps):
    low = maps.amin(1, keepdim=True)
    return (maps - low) / (maps.amax(1, keepdim=True) - low)


def rate(torch, method, features, copied):
    """Maps per second. With `copied`, the time includes the copies to the device and back."""
    times = []
    on_device = features.cuda()
    for _ in range(6):
        torch.cuda.synchronize()
        start = time.perf_counter()
        maps = method(torch, features.cuda() if copied else on_device)
        if copied:
            maps.cpu()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return BATCH / statistics.median(times[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenfold", default="target/release/tenfold")
    arguments = parser.parse_args()
    on_gpu, message = tenfold_rates(arguments.tenfold, "cuda")
    if on_gpu is None:
        print(f"skipped: no device ({message})")
        return
    on_cpu, _ = tenfold_rates(arguments.tenfold, "cpu")
    try:
        import torch
    except ImportError:
        sys.exit("this script needs PyTorch with CUDA: pip install torch")
    print("maps per second, mtsm, f32")
    print("| shape | tenfold GPU | tenfold CPU | eigh, copies | eigh | svd, copies | svd |")
    print("| --- " + "| ---: " * 6 + "|")
    for shape in SHAPES:
        extents = [int(extent) for extent in shape.split("x")]
        features = torch.relu(torch.randn(BATCH, *extents)).pin_memory()
        row = [on_gpu[shape]["mtsm"], on_cpu[shape]["mtsm"]]
        for method in [mtsm_by_eigh, mtsm_by_svd]:
            row += [rate(torch, method, features, copied) for copied in [True, False]]
        print(f"| {shape} | " + " | ".join(f"{value:,.0f}" for value in row) + " |")


main()
