"""Runs the Python code of README.md, as a new user would.

It needs the wheel alone. A block that imports a library that is not installed is skipped, and the
skip is printed.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import sys
import tempfile
from pathlib import Path


def imported(code: str) -> set[str]:
    """The top-level names of the modules that `code` imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def main() -> None:
    """Runs the blocks in order, in one namespace and in a temporary folder."""
    readme = Path(__file__).resolve().parent.parent / "README.md"
    blocks = re.findall(r"^```python\n(.*?)^```$", readme.read_text(), re.DOTALL | re.MULTILINE)
    assert blocks, "README.md has no Python code"
    namespace: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for number, code in enumerate(blocks, 1):
            missing = {name for name in imported(code) if importlib.util.find_spec(name) is None}
            assert "tenfold" not in missing and "numpy" not in missing, missing
            if missing:
                print(f"skipped: block {number} of python/README.md needs {', '.join(missing)}")
                continue
            exec(compile(code, f"README.md, block {number}", "exec"), namespace)
        os.chdir("/")
    import tenfold

    where = Path(tenfold.__file__).parent
    print(f"python {sys.version.split()[0]}: tenfold {tenfold.__version__} in {where}")


if __name__ == "__main__":
    main()
