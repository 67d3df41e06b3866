#!/usr/bin/env python3
"""Compiles the kernels without a GPU, and compares the results with those in the repository.

1. NVRTC 11.8 compiles `kernels/` to PTX 7.8 for compute capability 7.5. The result must equal
   `kernels/tenfold.ptx`, which the library includes.
2. NVRTC 12.9 compiles the same source for compute capability 7.5, 8.0, 9.0 and 10.0, without a
   warning.
3. ptxas assembles `kernels/tenfold.ptx` for sm_75, sm_80, sm_90 and sm_100. Registers and spilled
   bytes must stay within the budget below. Registers and shared memory must equal the table in
   `docs/cuda.md`, and the registers on sm_90 those in the head of each kernel's file.

With --write the script writes the PTX, the table and the heads instead of comparing them. The
first run installs the compilers from PyPI in `target/cuda-tools`. The architectures are compiled
in parallel.
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

# The budget: two blocks of 256 threads on a multiprocessor with 64 K registers, no spilled byte.
MOST_REGISTERS = 128
MOST_SPILLED_BYTES = 0


def install():
    """Installs the compilers if they are missing."""
    for version, packages in PACKAGES.items():
        folder = TOOLS / version
        if not folder.exists():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--root-user-action=ignore"]
            partial = TOOLS / f"{version}.partial"
            subprocess.run([*command, "--target", str(partial), *packages], check=True)
            partial.rename(folder)


def find(version, pattern):
    """The installed file of a version with a name of this pattern."""
    return next((TOOLS / version).rglob(pattern))


def source():
    """The files as one text, in the order of `src/cuda/program.rs`."""
    folder = ROOT / "kernels"
    files = sorted(folder.glob("*.cuh")) + sorted(folder.glob("*.cu"))
    lines = (line for file in files for line in file.read_text(encoding="utf-8").splitlines(keepends=True))
    return "".join(line for line in lines if not line.startswith('#include "'))


def compile_ptx(library, architecture):
    """Compiles the kernels to PTX by NVRTC. A warning is an error."""
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
    """A text of an NVRTC program, such as its log or its PTX."""
    size = ctypes.c_size_t()
    size_of(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    get(program, buffer)
    return buffer.value.decode("utf-8")


def assemble(architecture):
    """Assembles `kernels/tenfold.ptx` and returns the output of ptxas."""
    command = [str(find("12", "ptxas")), "-v", f"-arch={architecture}", str(PTX), "-o", "/dev/null"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def resources(assembled):
    """Registers and shared bytes of each kernel on each architecture. Fails above the budget."""
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
    """The table of `docs/cuda.md`."""
    lines = ["| kernel | " + " | ".join(ARCHITECTURES) + " | shared bytes |"]
    lines.append("| --- |" + " ---: |" * (len(ARCHITECTURES) + 1))
    for name, of in sorted(found.items()):
        registers = " | ".join(str(of[architecture][0]) for architecture in ARCHITECTURES)
        lines.append(f"| `{name}` | {registers} | {of['sm_90'][1]} |")
    return "\n".join(lines) + "\n"


def head_of(file, found):
    """The text of a kernel file with the registers of its kernels in its head."""
    text = file.read_text(encoding="utf-8")
    names = [name for name in sorted(found) if re.search(rf"^{name}\(", text, re.MULTILINE)]
    counts = ", ".join(f"{name}\N{NO-BREAK SPACE}{found[name]['sm_90'][0]}" for name in names)
    line = textwrap.fill(f"// Registers (sm_90): {counts}.", width=96, subsequent_indent="// ")
    line = line.replace("\N{NO-BREAK SPACE}", " ") + "\n"
    return re.sub(r"// Registers \(sm_90\):.*?\.\n", line, text, count=1, flags=re.DOTALL)


def check(file, fresh, write):
    """Writes `fresh` to the file, or fails if the file differs."""
    if write:
        file.write_text(fresh, encoding="utf-8")
    elif fresh != file.read_text(encoding="utf-8"):
        sys.exit(f"{file.relative_to(ROOT)} differs from the output of the compilers; run kernels/compile.py --write")


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
