"""What all tests share."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from fake_framework import STAND_IN, Driver

# A shell that starts the tests in the background lets them ignore Ctrl-C, which some of them send.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_driver() -> Driver:
    """The CUDA driver of all tests: the real one or the stand-in."""
    try:
        return Driver()
    except OSError as error:
        pytest.skip(f"there is no GPU, and {STAND_IN} does not name the stand-in driver: {error}")


@pytest.fixture
def driver(shared_driver: Driver) -> Iterator[Driver]:
    """The driver. After the test the stand-in must not have reported a fault."""
    shared_driver.use(0)
    yield shared_driver
    if shared_driver.is_stand_in:
        assert shared_driver.report() == ""


@pytest.fixture
def network() -> Any:
    """A small network of PyTorch."""
    from torch_networks import small_network

    return small_network()


@pytest.fixture
def images() -> Any:
    """Three images for the small network."""
    from torch_networks import small_images

    return small_images()
