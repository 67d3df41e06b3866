"""Runs TensorLy's own tests of the Tucker family on ``tenfold.tensorly``.

The test files belong to the installed TensorLy. They are copied to a temporary folder with other
imports: ``tensorly`` becomes ``tenfold.tensorly``, and relative imports become absolute.

    python python/tests/upstream.py [PYTEST ARGUMENT...]
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = [
    "decomposition/tests/test_tucker.py",
    "tests/test_tucker_tensor.py",
    "tests/test_core.py",
    "tenalg/tests/test_n_mode_product.py",
    "tenalg/tests/test_kronecker.py",
]
"""The test files, below the folder of TensorLy."""

MIRROR = "tenfold.tensorly"


def folder() -> Path:
    """Return the folder of the installed TensorLy."""
    spec = importlib.util.find_spec("tensorly")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the tests come from TensorLy: install tensorly")
    return Path(spec.origin).parent


def with_other_imports(source: str, package: str) -> str:
    """Return the text of a test file with imports from the mirror.

    ``package`` is the package of the file. One dot is this package, each further dot is one
    package further up::

        package tensorly.decomposition.tests, line "from .._tucker import tucker"
        -> from tenfold.tensorly.decomposition._tucker import tucker
    """
    parts = package.split(".")

    def absolute(match: re.Match[str]) -> str:
        dots, rest = len(match[1]), match[2]
        above = ".".join(parts[: len(parts) - dots + 1])
        return f"from {above}.{rest} import" if rest else f"from {above} import"

    source = re.sub(r"^from (\.+)([\w.]*) import", absolute, source, flags=re.MULTILINE)
    return re.sub(r"^(\s*(?:from|import)) tensorly\b", rf"\1 {MIRROR}", source, flags=re.MULTILINE)


def copy_tests(destination: Path) -> list[Path]:
    """Write the test files with other imports to ``destination``. Return their paths."""
    copies = []
    for name in FILES:
        source = folder() / name
        package = ".".join(["tensorly", *Path(name).parent.parts])
        copies.append(destination / source.name)
        copies[-1].write_text(with_other_imports(source.read_text(), package))
    return copies


def run(*arguments: str) -> int:
    """Run the tests in a new process. Return its exit status."""
    with tempfile.TemporaryDirectory() as temporary:
        paths = map(str, copy_tests(Path(temporary)))
        options = ["-q", "-p", "no:cacheprovider", "--rootdir", temporary, *arguments]
        return subprocess.run([sys.executable, "-m", "pytest", *options, *paths]).returncode


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
