#!/usr/bin/env python3
"""Compiles the kernels without a GPU, and compares the results with those in the repository.

1. NVRTC 11.8 compiles `kernels/` to PTX 7.8 for compute capability 7.5. The result must equal
   `kernels/tenfold.ptx`, which the library includes.
2. NVRTC 12.9 compiles the same source for compute capability 7.5, 8.0, 9.0 and 10.0, without a
   warning.
3. ptxas assembles `kernels/tenfold.ptx` for sm_75, sm_80, sm_90 and sm_100. Registers and spilled
   bytes must stay within the budget below. Registers and shared memory must equal the table in
   `docs/cuda.md`, and the registers on sm_90 those in the head of each kernel's file.

4. Steps 1 to 3 for the sized kernels: each file in `kernels/sized/` for the capabilities and orders
   that `kernels/sized/shipped.txt` lists. The PTX is in `kernels/ptx/sm_<capability>/`.

With --write the script writes the PTX, the tables and the heads instead of comparing them. The
first run installs the compilers from PyPI in `target/cuda-tools`. Kernels are compiled in parallel.
The outputs of the compilers are kept in `target/cuda-tools/outputs`, by a hash of their inputs.
"""

import ctypes
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = ROOT / "target" / "cuda-tools"
PTX = ROOT / "kernels" / "tenfold.ptx"
SIZED = ROOT / "kernels" / "sized"
SIZED_PTX = ROOT / "kernels" / "ptx"
OUTPUTS = TOOLS / "outputs"
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


def compile_ptx(library, text, options):
    """Compiles a text to PTX by NVRTC. A warning is an error."""
    nvrtc = ctypes.CDLL(str(library))
    program = ctypes.c_void_p()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode("utf-8"), b"tenfold.cu", 0, None, None) == 0
    options = [option.encode() for option in [*options, "--std=c++14"]]
    array = (ctypes.c_char_p * len(options))(*options)
    failed = nvrtc.nvrtcCompileProgram(program, len(options), array)
    log = fetch(program, nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog)
    if failed or log.strip():
        raise SystemExit(f"{options}: {log}")
    return fetch(program, nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX)


def fetch(program, size_of, get):
    """A text of an NVRTC program, such as its log or its PTX."""
    size = ctypes.c_size_t()
    size_of(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    get(program, buffer)
    return buffer.value.decode("utf-8")


def assemble(architecture, file):
    """Assembles a PTX file and returns the output of ptxas."""
    command = [str(find("12", "ptxas")), "-v", f"-arch={architecture}", str(file), "-o", "/dev/null"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def figures(output):
    """Registers, spilled bytes and shared bytes of each kernel in the output of ptxas.

    A kernel without spilled bytes that needs a stack has an array in local memory, because an index
    into the array is not a constant: every access to it is then slow. The script stops with an error.
    """
    parts = re.split(r"Compiling entry function '(\w+)'", output)[1:]
    for name, part in zip(parts[::2], parts[1::2]):
        registers = int(re.search(r"Used (\d+) registers", part)[1])
        shared = re.search(r"(\d+) bytes smem", part)
        stack, stores, loads = map(
            int, re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", part).groups()
        )
        if stack > stores + loads:
            raise SystemExit(f"{name}: an array of {stack} bytes is in local memory")
        yield name, registers, stores + loads, int(shared[1]) if shared else 0


def resources(assembled):
    """Registers and shared bytes of each kernel on each architecture. Fails above the budget."""
    found = {}
    for architecture, text in zip(ARCHITECTURES, assembled):
        for name, registers, spilled, shared in figures(text):
            if registers > MOST_REGISTERS or spilled > MOST_SPILLED_BYTES:
                sys.exit(f"{name} on {architecture}: {registers} registers, {spilled} bytes spilled")
            found.setdefault(name, {})[architecture] = (registers, shared)
    return found


class Module:
    """A file in `kernels/sized/`, compiled for a capability and an order."""

    def __init__(self, family, capability, order, budget):
        self.family, self.capability, self.order, self.budget = family, capability, order, budget
        self.file = SIZED_PTX / f"sm_{capability}" / f"{family}_{order}.ptx"

    def options(self):
        return [f"--gpu-architecture=compute_{self.capability}", f"-DORDER={self.order}"]


def modules():
    """The modules that `kernels/sized/shipped.txt` lists."""
    found = []
    for line in (SIZED / "shipped.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            names, orders, budget = (part.split() for part in line.split(":"))
            limits = tuple(int(limit) for limit in budget)
            found += [Module(names[0], capability, order, limits) for capability in names[1:] for order in orders]
    return found


def with_includes(file, seen):
    """The text of a file, with each file that it includes once, before its first use."""
    text = ""
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        included = re.match(r'#include "(.*)"', line)
        if not included:
            text += line
        elif (path := (file.parent / included[1]).resolve()) not in seen:
            seen.add(path)
            text += with_includes(path, seen)
    return text


def remembered(key, make):
    """The result of `make`, kept in a file by the hash of its inputs."""
    file = OUTPUTS / hashlib.sha256("\0".join([*PACKAGES["11"], *PACKAGES["12"], *key]).encode()).hexdigest()
    if not file.exists():
        result = make()
        OUTPUTS.mkdir(exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(result, encoding="utf-8")
        partial.rename(file)
    return file.read_text(encoding="utf-8")


def sized(module, write):
    """Compiles a module, checks its PTX, and returns its rows of the table. Fails above the budget."""
    text = with_includes(SIZED / f"{module.family}.cu", set())
    key = [text, *module.options()]
    older, newer = find("11", "libnvrtc.so.11.2"), find("12", "libnvrtc.so.12")
    ptx = remembered(["ptx", *key], lambda: compile_ptx(older, text, module.options()))
    remembered(["newer", *key], lambda: compile_ptx(newer, text, module.options()))
    module.file.parent.mkdir(parents=True, exist_ok=True)
    check(module.file, ptx, write)
    architecture = f"sm_{module.capability}"
    output = remembered(["ptxas", architecture, ptx], lambda: assemble(architecture, module.file))
    rows = []
    for name, registers, spilled, shared in figures(output):
        most_registers, most_spilled = module.budget
        if registers > most_registers or spilled > most_spilled:
            raise SystemExit(f"{module.file.name}, {name}: {registers} registers, {spilled} bytes spilled")
        rows.append(f"| `{name}` | {module.order} | {architecture} | {registers} | {spilled} | {shared} |\n")
    return rows


def table_of_sized(rows):
    """The table of the sized kernels in `docs/cuda.md`."""
    head = "| kernel | order | architecture | registers | spilled bytes | shared bytes |\n"
    return head + "| --- | ---: | --- | ---: | ---: | ---: |\n" + "".join(rows)


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
    elif not file.exists() or fresh != file.read_text(encoding="utf-8"):
        raise SystemExit(f"{file.relative_to(ROOT)} differs from the compilers' output; run kernels/compile.py --write")


def replace_between(text, before, fresh):
    """The text with `fresh` between the line `before` and the next line `<!-- end -->`."""
    start = text.index(before) + len(before)
    return text[:start] + fresh + text[text.index("<!-- end -->\n", start) :]


def main():
    write = "--write" in sys.argv
    install()
    find("12", "ptxas").chmod(0o755)
    shipped = modules()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        older, newer = find("11", "libnvrtc.so.11.2"), find("12", "libnvrtc.so.12")
        check(PTX, compile_ptx(older, source(), ["--gpu-architecture=compute_75"]), write)
        assembled = pool.map(lambda architecture: assemble(architecture, PTX), ARCHITECTURES)
        options = [[f"--gpu-architecture={architecture.replace('sm', 'compute')}"] for architecture in ARCHITECTURES]
        list(pool.map(lambda option: compile_ptx(newer, source(), option), options))
        rows = [row for of_module in pool.map(lambda module: sized(module, write), shipped) for row in of_module]
        found = resources(assembled)
    expected = {module.file for module in shipped}
    for file in set(SIZED_PTX.rglob("*.ptx")) - expected:
        if not write:
            sys.exit(f"{file.relative_to(ROOT)} is not in kernels/sized/shipped.txt")
        file.unlink()
    docs = DOCS.read_text(encoding="utf-8")
    docs = replace_between(docs, "<!-- registers -->\n", table(found))
    docs = replace_between(docs, "<!-- sized -->\n", table_of_sized(rows))
    check(DOCS, docs, write)
    for file in sorted((ROOT / "kernels").glob("*.cu")):
        check(file, head_of(file, found), write)
    print(f"PTX as in the repository; {len(ARCHITECTURES)} architectures and {len(shipped)} sized modules within the budget")


main()
