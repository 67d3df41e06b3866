#!/usr/bin/env python3
"""Compiles the kernels without a GPU, and compares the results with the repository's.

- NVRTC 11.8 compiles `kernels/` to PTX 7.8 for compute capability 7.5; the text must be that of
  `kernels/tenfold.ptx`, which the library ships.
- NVRTC 12.9 compiles the same source for compute capability 7.5, 8.0, 9.0 and 10.0.
- ptxas assembles the shipped PTX for sm_75, sm_80, sm_90 and sm_100; registers, shared memory and
  spills must be those of the table in `docs/cuda.md` and within the budget below, and registers
  on sm_90 those that the heads of the kernels' files name.

With --write all of them are made anew. The compilers come from PyPI (`pip install --target`)
and stay in `target/cuda-tools`. Compilers of all architectures run side by side.
"""

import ctypes
import pathlib
import re
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = ROOT / "target" / "cuda-tools"
PTX = ROOT / "kernels" / "tenfold.ptx"
DOCS = ROOT / "docs" / "cuda.md"
PACKAGES = {
    "11": ["nvidia-cuda-nvrtc-cu11==11.8.89"],
    "12": ["nvidia-cuda-nvrtc-cu12==12.9.86", "nvidia-cuda-nvcc-cu12==12.9.86"],
}
ARCHITECTURES = ["sm_75", "sm_80", "sm_90", "sm_100"]

# The budget: two blocks of 256 threads on a multiprocessor with 64 K registers, nothing spilled.
MOST_REGISTERS = 128
MOST_SPILLED_BYTES = 0


def install():
    """Fetches the compilers once."""
    for version, packages in PACKAGES.items():
        folder = TOOLS / version
        if not folder.exists():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--root-user-action=ignore"]
            partial = TOOLS / f"{version}.partial"
            subprocess.run([*command, "--target", str(partial), *packages], check=True)
            partial.rename(folder)


def find(version, pattern):
    return next((TOOLS / version).rglob(pattern))


def source():
    """The files as one text, as `src/cuda/program.rs` joins them."""
    folder = ROOT / "kernels"
    files = sorted(folder.glob("*.cuh")) + sorted(folder.glob("*.cu"))
    lines = (line for file in files for line in file.read_text(encoding="utf-8").splitlines(keepends=True))
    return "".join(line for line in lines if not line.startswith('#include "'))


def compile_ptx(library, architecture):
    """The PTX that NVRTC makes of the kernels; a warning is an error."""
    nvrtc = ctypes.CDLL(str(library))
    program = ctypes.c_void_p()
    text = source().encode("utf-8")
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, b"tenfold.cu", 0, None, None) == 0
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++14"]
    array = (ctypes.c_char_p * len(options))(*options)
    failed = nvrtc.nvrtcCompileProgram(program, len(options), array)
    log = fetch(program, nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog)
    if failed or log.strip():
        sys.exit(f"{architecture}: {log}")
    return fetch(program, nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX)


def fetch(program, size_of, get):
    size = ctypes.c_size_t()
    size_of(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    get(program, buffer)
    return buffer.value.decode("utf-8")


def assemble(architecture):
    """What ptxas says of the kernels of the shipped PTX."""
    command = [str(find("12", "ptxas")), "-v", f"-arch={architecture}", str(PTX), "-o", "/dev/null"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def resources(assembled):
    """For each kernel and architecture: registers and shared bytes."""
    found = {}
    for architecture, text in zip(ARCHITECTURES, assembled):
        parts = re.split(r"Compiling entry function '(\w+)'", text)[1:]
        for name, part in zip(parts[::2], parts[1::2]):
            registers = int(re.search(r"Used (\d+) registers", part)[1])
            shared = re.search(r"(\d+) bytes smem", part)
            spilled = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", part)
            spilled = int(spilled[1]) + int(spilled[2])
            if registers > MOST_REGISTERS or spilled > MOST_SPILLED_BYTES:
                sys.exit(f"{name} on {architecture}: {registers} registers, {spilled} bytes spilled")
            found.setdefault(name, {})[architecture] = (registers, int(shared[1]) if shared else 0)
    return found


def table(found):
    lines = ["| kernel | " + " | ".join(ARCHITECTURES) + " | shared bytes |"]
    lines.append("| --- |" + " ---: |" * (len(ARCHITECTURES) + 1))
    for name, of in sorted(found.items()):
        registers = " | ".join(str(of[architecture][0]) for architecture in ARCHITECTURES)
        lines.append(f"| `{name}` | {registers} | {of['sm_90'][1]} |")
    return "\n".join(lines) + "\n"


def head_of(file, found):
    """The text of a kernels' file with the registers that its head is to name."""
    text = file.read_text(encoding="utf-8")
    names = [name for name in sorted(found) if re.search(rf"^{name}\(", text, re.MULTILINE)]
    counts = ", ".join(f"{name}\N{NO-BREAK SPACE}{found[name]['sm_90'][0]}" for name in names)
    line = textwrap.fill(f"// Registers (sm_90): {counts}.", width=96, subsequent_indent="// ")
    line = line.replace("\N{NO-BREAK SPACE}", " ") + "\n"
    return re.sub(r"// Registers \(sm_90\):.*?\.\n", line, text, count=1, flags=re.DOTALL)


def check(file, fresh, write):
    """Writes `fresh` to the file, or fails where the file differs."""
    if write:
        file.write_text(fresh, encoding="utf-8")
    elif fresh != file.read_text(encoding="utf-8"):
        sys.exit(f"{file.relative_to(ROOT)} is not what the compilers say: kernels/compile.py --write")


def main():
    write = "--write" in sys.argv
    install()
    find("12", "ptxas").chmod(0o755)
    with ThreadPoolExecutor() as pool:
        check(PTX, compile_ptx(find("11", "libnvrtc.so.11.2"), "compute_75"), write)
        assembled = pool.map(assemble, ARCHITECTURES)
        newer = find("12", "libnvrtc.so.12")
        compute = [architecture.replace("sm", "compute") for architecture in ARCHITECTURES]
        list(pool.map(lambda architecture: compile_ptx(newer, architecture), compute))
        found = resources(assembled)
    before, after = "<!-- registers -->\n", "<!-- end -->\n"
    docs = DOCS.read_text(encoding="utf-8")
    start, end = docs.index(before) + len(before), docs.index(after)
    check(DOCS, docs[:start] + table(found) + docs[end:], write)
    for file in sorted((ROOT / "kernels").glob("*.cu")):
        check(file, head_of(file, found), write)
    print(f"PTX as in the repository; {len(ARCHITECTURES)} architectures within the budget")


main()
