"""The rows of a dlt source, with its incremental state; what dlt does besides is left out.

dlt would find types for the values by itself, value by value: a column gets the first one's, and
what doesn't fit goes into a column beside it. So it asks for pages and knows what is new, and its
rows are written as those of files are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlt.extract import DltSource


@dataclass
class Items:
    """What one resource of a source yields, rows as dicts or tables of Arrow.

    `read` counts rows as they were delivered, `taken` those after the cursor passed over what an
    earlier load had. `state` is that of the source's resources, by name: after all rows were taken
    it says where the next load goes on.
    """

    source: DltSource
    name: str
    state: dict[str, Any] = field(default_factory=dict)
    read: int = 0
    taken: int = 0

    @classmethod
    def of(cls, source: DltSource, name: str, state: Mapping[str, Any]) -> Items:
        """Of the resource `name`, which goes on where `state` says."""
        return cls(source, name, deepcopy(dict(state)))

    def __iter__(self) -> Iterator[Any]:
        from dlt.common.configuration.container import Container
        from dlt.common.pipeline import StateInjectableContext

        self.source.resources[self.name].add_map(self._counter())
        state: Any = {"sources": {self.source.name: {"resources": self.state}}}
        with Container().injectable_context(StateInjectableContext(state=state)):
            found = iter(self.source)
        for item in found:
            self.taken += rows_in(item)
            yield item

    def _counter(self) -> Callable[[Any], Any]:
        def count(item: Any) -> Any:
            self.read += rows_in(item)
            return item

        return count


def rows_in(item: Any) -> int:
    """Rows of an item: those of a table, or one."""
    return int(getattr(item, "num_rows", 1))
