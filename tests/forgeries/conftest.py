"""One workshop for all forgeries, since many begin with the same files."""

from __future__ import annotations

import pytest

from .workshop import Workshop


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))
