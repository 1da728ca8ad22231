"""An object store of our own, in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from engine.stores import Store


@pytest.fixture(scope="session")
def served() -> Iterator[Store]:
    """A store on a free port of this machine, for as long as the tests run."""
    store = Store()
    yield store
    store.stop()


@pytest.fixture
def store(served: Store) -> Iterator[Store]:
    """The store with an empty bucket; the environment says where it is."""
    others = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    with patch.dict(os.environ, others | served.environment, clear=True):
        served.renew()
        yield served
