"""An HTTP session whose JSON answers keep every number exactly as written.

Python's json turns 70368744177664.01 and 0.1 into doubles; here they are decimals, and integers
may have any size.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import JSONDecodeError

from ingestion.files.json_records import decoder

if TYPE_CHECKING:
    from requests import Session

# Constants that aren't JSON but that some servers write stay text.
_DECODER = decoder(constant=str)


class ExactResponse(Response):
    """An answer whose `json` has decimals instead of doubles."""

    def json(self, **_: Any) -> Any:
        """The parsed content. Raises requests' JSONDecodeError."""
        try:
            text = self.content.decode(json.detect_encoding(self.content))
        except UnicodeDecodeError:
            text = self.text
        try:
            return _DECODER.decode(text)
        except json.JSONDecodeError as error:
            raise JSONDecodeError(error.msg, error.doc, error.pos) from error
        except (ValueError, RecursionError) as error:
            told = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
            raise JSONDecodeError(told, "", 0) from error


class _ExactAdapter(HTTPAdapter):
    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        response = super().build_response(req, resp)
        response.__class__ = ExactResponse
        return response


def exact_session() -> Session:
    """dlt's session, which retries after a 429 or a server error."""
    from dlt.sources.helpers.requests import Client

    session: Session = Client(raise_for_status=False).session
    for scheme in ("http://", "https://"):
        session.mount(scheme, _ExactAdapter(pool_maxsize=50))
    return session
