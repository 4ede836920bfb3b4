"""An HTTP session whose JSON answers keep every number exactly as written.

Python's json turns 70368744177664.01 and 0.1 into doubles; here they are decimals, and integers
may have any size.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from ingestion.files.errors import UnreadableFileError
from ingestion.files.json_records import decoder
from ingestion.sources.pages import Pages

if TYPE_CHECKING:
    from requests import Session

# Constants that aren't JSON but that some servers write stay text.
_DECODER = decoder(constant=str)
# Python refuses to make an `int` of more digits than this; it is slow.
_MOST_DIGITS = 4000
_OF_LONG_NUMBERS = decoder(
    constant=str, whole=lambda text: int(text) if len(text) <= _MOST_DIGITS else Decimal(text)
)


class ExactResponse(Response):
    """An answer whose `json` has decimals instead of doubles."""

    pages: Pages
    _parsed: Any = None
    _is_parsed = False

    def json(self, **_: Any) -> Any:
        """The parsed content, checked by `pages`. Raises UnreadableFileError."""
        if not self._is_parsed:
            self._parsed = self.pages.take(_parsed(self), self.headers)
            self._is_parsed = True
        return self._parsed


class _ExactAdapter(HTTPAdapter):
    def __init__(self, pages: Pages) -> None:
        super().__init__(pool_maxsize=50)
        self._pages = pages

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        response = super().build_response(req, resp)
        response.__class__ = ExactResponse
        response.pages = self._pages  # type: ignore[attr-defined]
        return response


def exact_session(pages: Pages) -> Session:
    """dlt's session, which retries after a 429 or a server error."""
    from dlt.sources.helpers.requests import Client

    session: Session = Client(raise_for_status=False).session
    for scheme in ("http://", "https://"):
        session.mount(scheme, _ExactAdapter(pages))
    return session


def _parsed(response: Response) -> Any:
    if response.status_code == 204:  # no content
        return []
    text = _text(response)
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        why = _unlike_json(text, error)
    except RecursionError:
        why = "the answer is nested too deep"
    except ValueError as error:
        if "digits" not in str(error):
            raise UnreadableFileError(f"the answer can't be read: {error}") from None
        return _OF_LONG_NUMBERS.decode(text)
    raise UnreadableFileError(why)


def _text(response: Response) -> str:
    """The content, which is UTF-8 unless it is marked otherwise or its type says so."""
    for encoding in (json.detect_encoding(response.content), _declared(response)):
        try:
            return response.content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    raise UnreadableFileError(
        "the answer isn't in UTF-8, and its Content-Type names no other charset in which it is"
    )


def _declared(response: Response) -> str:
    from requests.utils import get_encoding_from_headers

    named = "charset" in response.headers.get("Content-Type", "").lower()
    return (named and get_encoding_from_headers(response.headers)) or "utf-8"


def _unlike_json(text: str, error: json.JSONDecodeError) -> str:
    start = text.lstrip()[:1]
    if not start:
        return "the answer is empty, expected JSON"
    if start == "<":
        return (
            "the answer is a page of HTML or XML, expected JSON; check the path, and whether it "
            "needs a login"
        )
    if error.msg == "Extra data":
        return f"the answer has more than one document of JSON, at line {error.lineno}"
    return (
        f"the answer isn't whole, or no JSON: {error.msg} at character {error.pos:,} of "
        f"{len(text):,}"
    )
