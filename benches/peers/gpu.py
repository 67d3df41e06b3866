#!/usr/bin/env python3
"""Maps per second on a GPU: tenfold against PyTorch on the same card.

For each shape a batch of 256 feature maps in the host's memory: `tenfold bench --device cuda` (its way there and
back included), and in PyTorch the Gram matrix by `bmm` with `torch.linalg.eigh`, and the batched
`torch.linalg.svd`, both with the copies and without. Prints "skipped: no device" where there is none.

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


def ours(tenfold, device):
    command = [tenfold, "bench", "--json", "--device", device, "--shape", ",".join(SHAPES)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr.strip()
    shapes = json.loads(done.stdout)["shapes"]
    rates = {}
    for shape in shapes:
        name = "x".join(map(str, shape["shape"]))
        rates[name] = {row["weighting"]: 1 / row["seconds"] for row in shape["weightings"]}
    return rates, None


def mtsm_by_eigh(torch, features):
    """norm sum_i sigma_i^2 |z_i| from the Gram matrix of the smaller side."""
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
    items, channels = features.shape[:2]
    m = features.reshape(items, channels, -1)
    _, sigma, z = torch.linalg.svd(m, full_matrices=False)
    return normalised((z.abs() * (sigma**2)[:, :, None]).sum(1))


def normalised(maps):
    least = maps.amin(1, keepdim=True)
    return (maps - least) / (maps.amax(1, keepdim=True) - least)


def rate(torch, method, features, copied):
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
    on_gpu, problem = ours(arguments.tenfold, "cuda")
    if on_gpu is None:
        print(f"skipped: no device ({problem})")
        return
    on_cpu, _ = ours(arguments.tenfold, "cpu")
    try:
        import torch
    except ImportError:
        sys.exit("PyTorch with CUDA is needed: pip install torch")
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
