"""What can go wrong with an Airbyte server, each as one line without secrets."""

from __future__ import annotations

from stack.errors import StackError, one_line
from stack.http import Answer

LONGEST_MESSAGE = 300

NEXT_STEPS = {
    400: "correct the connection in Airbyte's UI",
    401: "set AIRBYTE_CLIENT_ID and AIRBYTE_CLIENT_SECRET of an application of the server "
    "(or AIRBYTE_USERNAME and AIRBYTE_PASSWORD)",
    403: "give the credentials' user the role of a runner or editor in the connection's workspace",
    404: "check AIRBYTE_CONNECTION_ID, AIRBYTE_HOST and AIRBYTE_PORT, and that the credentials' "
    "user may see the connection",
    409: "look at the connection's jobs in Airbyte's UI",
    422: "check AIRBYTE_CONNECTION_ID and the connection's settings in Airbyte's UI",
}


class ServerError(StackError):
    """The server didn't do what it was asked to."""


class RefusedError(ServerError):
    """The server answered with a refusal; asking again wouldn't help."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        step = NEXT_STEPS.get(status, "see the server's log")
        super().__init__(f"it answered {status} {message}; {step}")


class NoAnswerError(ServerError):
    """No usable answer came, so it is unknown whether the server did what it was asked to."""


class SyncFailedError(ServerError):
    """The sync failed, or was given up."""


def message_of(answer: Answer) -> str:
    """An error body's message, from the fields of Airbyte's problems and of older errors."""
    body = answer.json()
    found: list[object] = [answer.reason]
    if isinstance(body, dict):
        data = body.get("data")
        message = data.get("message") if isinstance(data, dict) else None
        found = [message, body.get("detail"), body.get("message"), body.get("title"), *found]
    return brief(next((text for text in found if text), ""))


def brief(text: object) -> str:
    """`text` on one line, without secrets, cut to a length that fits a log line."""
    return one_line(text, LONGEST_MESSAGE)
