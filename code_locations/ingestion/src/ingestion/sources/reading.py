"""The rows of a dlt source with its incremental state, and nothing else of what dlt does.

dlt would infer types value by value: a column gets its first value's type, and values that don't
fit go into a variant column. So dlt only pages and knows what is new; its rows are written like
those of files.
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
    """What one resource of a source yields: rows as dicts, or Arrow tables.

    `read` counts rows as delivered, `taken` those that the cursor didn't skip because an earlier
    load had them. `state` is that of the source's resources, by name; once all rows are taken, it
    says where the next load resumes.
    """

    source: DltSource
    name: str
    state: dict[str, Any] = field(default_factory=dict)
    read: int = 0
    taken: int = 0

    @classmethod
    def of(cls, source: DltSource, name: str, state: Mapping[str, Any]) -> Items:
        """Items of the resource `name`, resuming from `state`."""
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


def cursor_path(name: str, *, nested: bool) -> str:
    """A declared cursor as a JSON path, which dlt takes; `nested` if it may be one already."""
    from dlt.common.jsonpath import compile_path, extract_simple_field_name
    from jsonpath_ng.exceptions import JSONPathError

    try:
        path = compile_path(name)
        if nested or extract_simple_field_name(path) == name:
            return name
    except JSONPathError:
        pass
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def rows_in(item: Any) -> int:
    """The number of rows in an item: those of a table, or one."""
    return int(getattr(item, "num_rows", 1))
