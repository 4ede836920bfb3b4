"""The file sink: one JSON array that `datahub ingest` takes as a `file` source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stack.artifacts import write_atomically
from stack.storage import filesystem

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal


def write_file(url: str, proposals: Sequence[Proposal]) -> str:
    """Replace the file at a path or fsspec URL; a reader sees the old one or the new one."""
    fs, path = filesystem(url)
    records = [proposal.to_obj(simplified_structure=True) for proposal in proposals]
    write_atomically(fs, path, (json.dumps(records, indent=2) + "\n").encode())
    return url
