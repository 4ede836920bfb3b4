"""The answers of one list of an API: whether each is a page of it, and the last one the end.

dlt takes whatever it finds: without the list in an answer it sees no rows, an error that comes with
status 200 is a row, a page that an API repeats for ever is read for ever, and where nobody declared
a paginator, the first page may be all that it reads.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ingestion.files.errors import UnreadableFileError
from ingestion.files.json_records import (
    BESIDE,
    LISTS,
    MORE,
    page_of,
    plain_key,
    refuse_other_shapes,
    says_more,
)

_ERRORS = frozenset({"error", "errors", "fault", "exception"})
# What an error consists of; one of them says what is wrong.
_OF_AN_ERROR = _ERRORS | set(
    """
    code detail details documentationurl errorcode errordescription instance message msg ok path
    reason requestid status statuscode success timestamp title traceid type url
    """.split()  # noqa: SIM905 as one reads it
)
_SAYS_WHY = _ERRORS | {"message", "msg", "detail", "details", "title", "errordescription"}
_RANGE = re.compile(r"(?:\w+ )?\d+-\d+/(\d+)")
_DEPTH = 3  # as deep as dlt looks for a list
_SHOWN = 100


class Pages:
    """What the answers for one list say, in their order.

    `selector` is the declared data_selector, `key` the primary key. `whole`: one page is declared
    to be all, or the declared paginator ends before the list does. `counted`: no paginator or
    parameter is declared, so what an answer says of the number of all rows is about this list.
    `total_path` is where the declared paginator finds how many pages or rows there are.
    """

    def __init__(
        self,
        selector: str | None,
        key: Collection[str],
        *,
        whole: bool,
        counted: bool,
        total_path: str | None = None,
    ) -> None:
        self._declared, self._key = selector, key
        self._whole, self._counted = whole, counted
        self._total_path = total_path
        self._selector = selector
        self._first: list[Any] = []
        self._last: list[Any] = []
        self._beside: Mapping[str, Any] = {}
        self._pages = self._rows = 0

    def take(self, content: Any, headers: Mapping[str, str] | None = None) -> Any:
        """The content of the next answer, as dlt shall see it. Raises UnreadableFileError."""
        if content is None:  # as some servers write a list without elements
            content = []
        if not isinstance(content, dict | list):
            raise UnreadableFileError(f"the answer is no list of rows, but {_shown(content)}")
        rows = self._rows_of(content)
        self._pages += 1
        self._refuse_repeated(rows)
        self._rows += len(rows)
        if isinstance(content, list) or rows == [content]:
            self._beside = _of_pages(headers or {}) if isinstance(content, list) else {}
            return content
        self._beside = {**_of_pages(headers or {}), **content}
        return _without_empty_links(content)

    def require_end(self) -> None:
        """Raise UnreadableFileError if the last answer says that there are more rows."""
        if self._whole:
            return
        self._require_total()
        told = list(says_more(self._beside, self._rows, self._pages))
        ends = [key for key in told if plain_key(key.rpartition(".")[2]) in MORE]
        if not self._counted:
            told = [key for key in told if _is_of_pages(key)]
            ended = not self._last
            told = [key for key in told if not (ended and key in ends)]
        if told:
            raise UnreadableFileError(
                f"its answer {self._pages} is the last one read, but says that there are more, in "
                f"{', '.join(told)}; declare the paginator that this API has, or single_page if "
                "this is all"
            )

    def _require_total(self) -> None:
        """dlt stops at a page without rows, but an API may filter those of one in the middle."""
        from dlt.common.jsonpath import find_values

        if self._last or not self._total_path or not self._beside:
            return
        (total, *_) = find_values(self._total_path, dict(self._beside)) or [None]
        # Who counts rows where dlt expects pages has them all.
        if str(total).isdigit() and self._pages < int(total) != self._rows:
            raise UnreadableFileError(
                f"its answer {self._pages} has no rows, but {self._total_path} is {total}; declare "
                "stop_after_empty_page: false of the paginator if there are more behind it"
            )

    def _rows_of(self, content: Any) -> list[Any]:
        from dlt.common.jsonpath import find_values

        if isinstance(content, dict):
            self._refuse_error(content)
        if self._selector is None:
            self._selector = self._chosen(content)
        found = find_values(self._selector, content)
        if not found:
            self._require_selected(content)
        data = found[0] if len(found) == 1 else found
        if data is None:
            return []
        if self._declared and not isinstance(data, dict | list):
            raise UnreadableFileError(
                f"data_selector {self._declared} is no list of rows, but {_shown(data)}"
            )
        return data if isinstance(data, list) else [data]

    def _require_selected(self, content: Any) -> None:
        """An answer without the list may have no rows; one with another list has others."""
        others = [path for path, rows in _lists(content) if rows] if content else []
        wild = any(sign in (self._selector or "") for sign in "*?[")
        if others and not wild:
            named = "data_selector" if self._declared else "list of the first answer"
            raise UnreadableFileError(
                f"the answer has no {self._selector}, the {named}; its lists are "
                f"{', '.join(others)}"
            )

    def _chosen(self, content: Any) -> str:
        """The list that dlt finds in an answer, if it is the only one that it may be."""
        from dlt.sources.helpers.rest_client.detector import (
            RECORD_KEY_PATTERNS,
            find_response_page_data,
        )

        path, data = find_response_page_data(content)
        chosen = ".".join(path)
        if not isinstance(content, dict):
            return chosen
        if not isinstance(data, list):
            refuse_other_shapes(content)
            return chosen
        name = path[-1]
        lists = [(where, rows) for where, rows in _lists(content) if where != chosen]
        others = [
            where
            for where, rows in lists
            if rows and self._fits(rows) and plain_key(where.rpartition(".")[2]) not in BESIDE
        ]
        is_record = bool(self._key) and all(part in content for part in self._key)
        beside = [key for key in content if plain_key(key) not in BESIDE and key != path[0]]
        scalars = [key for key in beside if not isinstance(content[key], dict | list)]
        if name in RECORD_KEY_PATTERNS and self._fits(data):
            clear = not is_record or plain_key(name) in LISTS
        else:
            clear = (
                self._fits(data)
                and not others
                and not is_record
                and (bool(self._key) or page_of(content) is not None or len(scalars) < 2)
            )
        if not data and others:
            clear = False
        if not clear:
            fits = bool(data) and self._fits(data)
            them = [chosen, *others] if fits or not others else others
            own = "" if others and not is_record else ", or $ for the answer as one row"
            raise UnreadableFileError(
                f"the answer may be read in several ways: declare data_selector as "
                f"{' or '.join(them)}{own}"
            )
        return chosen

    def _fits(self, rows: list[Any]) -> bool:
        """Whether these may be the list's rows; an empty list may."""
        return all(isinstance(row, dict) and row.keys() >= {*self._key} for row in rows)

    def _refuse_error(self, content: Mapping[str, Any]) -> None:
        if self._key and all(part in content for part in self._key):
            return
        plain = {plain_key(name): value for name, value in content.items()}
        said = [value for name, value in plain.items() if name in _ERRORS and value]
        why = [value for name, value in plain.items() if name in _SAYS_WHY and value]
        if said or (why and plain.keys() <= _OF_AN_ERROR):
            raise UnreadableFileError(
                f"the answer has status 200, but is an error: {_shown((said or why)[0])}"
            )

    def _refuse_repeated(self, rows: list[Any]) -> None:
        """Refuse a page that came before: the API doesn't understand how it is asked for pages."""
        comparable = rows and isinstance(rows[0], dict) and (self._key or len(rows) > 1)
        if self._pages > 1 and comparable and rows in (self._first, self._last):
            raise UnreadableFileError(
                f"answer {self._pages} has the same rows as one before it, so the API doesn't "
                "understand how it is asked for the next page; declare the paginator that it has, "
                "or single_page if this is all"
            )
        if self._pages == 1:
            self._first = rows
        self._last = rows


def _lists(content: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, list[Any]]]:
    """The lists in an answer, with their paths."""
    if not isinstance(content, dict) or len(path) == _DEPTH:
        return
    for key, value in content.items():
        if isinstance(value, list):
            yield ".".join((*path, key)), value
        else:
            yield from _lists(value, (*path, key))


def _of_pages(headers: Mapping[str, str]) -> dict[str, Any]:
    """What an answer's headers, such as X-Total-Pages, say in the way of a page."""
    found: dict[str, Any] = {}
    for name, value in headers.items():
        if name.lower().startswith("x-"):
            key = name[2:].removeprefix("WP-")
            found[key] = int(value) if value.isdigit() else value if value != "false" else None
    if ranged := _RANGE.fullmatch(headers.get("Content-Range", "")):
        found["total_count"] = int(ranged[1])
    return found


def _is_of_pages(key: str) -> bool:
    """Whether a key is about pages; the number of all rows may be of more than this list."""
    return "page" in plain_key(key) or plain_key(key.rpartition(".")[2]) in MORE | {
        "islast",
        "done",
    }


def _without_empty_links(content: dict[str, Any]) -> dict[str, Any]:
    """The page with null for the empty text that some servers write where no page follows."""
    return {
        key: None
        if value == "" and plain_key(key) in MORE
        else _without_empty_links(value)
        if isinstance(value, dict)
        else value
        for key, value in content.items()
    }


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
