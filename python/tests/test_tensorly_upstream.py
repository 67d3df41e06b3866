"""TensorLy's own tests of the Tucker family pass on ``tenfold.tensorly``."""

from __future__ import annotations

import pytest

import upstream

pytest.importorskip("tensorly")


def test_tests_of_tensorly_pass():
    assert upstream.run() == 0


def test_only_imports_change(tmp_path):
    for copy, name in zip(upstream.copy_tests(tmp_path), upstream.FILES, strict=True):
        theirs = (upstream.folder() / name).read_text().splitlines()
        ours = copy.read_text().splitlines()
        assert len(ours) == len(theirs)
        for before, after in zip(theirs, ours, strict=True):
            assert before == after or before.lstrip().startswith(("from ", "import "))
        assert not any(line.startswith(("from .", "import tensorly")) for line in ours)
