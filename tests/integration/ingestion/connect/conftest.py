"""A client's folder, and the inbox of a separate stack."""

from pathlib import Path

import pytest

from support.incoming import Incoming


@pytest.fixture
def inbox(stack_home) -> Incoming:
    return Incoming(stack_home)


@pytest.fixture
def client(tmp_path) -> Path:
    folder = tmp_path / "client"
    folder.mkdir()
    return folder
