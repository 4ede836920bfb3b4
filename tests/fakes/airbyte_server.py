"""A self-managed Airbyte for tests: a real HTTP server on loopback.

Follows https://reference.airbyte.com (`/api/public/v1`: applications/token, connections, jobs)
and `jobs/get_without_logs` of the configuration API (`/api/v1`): no, a wrong or an expired login
401, a connection that is not there 404, an id that is no UUID 422, a second job of a connection
409, jobs listed oldest first in pages of at most 100 with the next page's URL, an application
that may only read 403, and DELETE of a job cancels it.
"""

import base64
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.http_server import JsonHandler, listening

PUBLIC, CONFIGURATION = "/api/public/v1", "/api/v1"
CLIENT_ID, CLIENT_SECRET = "application-of-the-tests", "the-secret-of-the-application"
USERNAME, PASSWORD = "airbyte", "the-password-of-the-user"
CONNECTION = "0c1fbb0e-8b8c-4b7e-9f7b-7a2f6f3f0001"
ACTIVE = {"pending", "running", "incomplete"}
STREAMS = ("users", "products", "purchases")


@dataclass
class FakeJob:
    """A job, and the statuses that it takes one after the other."""

    id: int
    connection: str
    created: datetime
    type: str = "sync"
    status: str = "pending"
    coming: list[str] = field(default_factory=list)


@dataclass
class FakeAirbyte:
    """What the server has, and how it is to behave.

    `fault` is asked before each request is handled, with its method and path: None handles it,
    a status answers that in its place, "drop" breaks the connection off, and "drop after" and
    "500 after" do what was asked first. `course` are the statuses of a sync that is started:
    one more passes with each request about jobs, whether its answer arrives or not.
    """

    port: int = 0
    connections: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[int, FakeJob] = field(default_factory=dict)
    course: list[str] = field(default_factory=lambda: ["running", "running", "succeeded"])
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    fault: Callable[[str, str], str | int | None] = lambda _method, _path: None
    on_success: Callable[[], None] = lambda: None
    may_run: bool = True
    tells_details: bool = True
    basic: bool = False
    uses_of_a_token: int | None = None
    tokens: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    started: list[int] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self, streams: tuple[str, ...] = STREAMS, prefix: str = "") -> str:
        """A connection; gives its id."""
        self.connections[CONNECTION] = {
            "connectionId": CONNECTION,
            "name": "Shop",
            "sourceId": str(uuid.uuid4()),
            "destinationId": str(uuid.uuid4()),
            "workspaceId": str(uuid.uuid4()),
            "status": "active",
            "prefix": prefix,
            "configurations": {
                "streams": [{"name": s, "syncMode": "incremental_append"} for s in streams]
            },
        }
        return CONNECTION

    def add_job(
        self,
        coming: list[str],
        *,
        status: str = "pending",
        type: str = "sync",  # noqa: A002
        age: timedelta = timedelta(0),
    ) -> FakeJob:
        """A job that someone else started."""
        job = FakeJob(len(self.jobs) + 1, CONNECTION, datetime.now(UTC) - age, type)
        job.status, job.coming = status, list(coming)
        self.jobs[job.id] = job
        return job

    def advance(self) -> None:
        """Time goes by: every job that goes on takes its next status."""
        for job in self.jobs.values():
            if job.coming and job.status in ACTIVE:
                job.status = job.coming.pop(0)
                if job.status == "succeeded":
                    self.on_success()

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 30) -> bool:
        """Whether the condition comes true before the deadline; looked at after each request."""
        with self.changed:
            return self.changed.wait_for(condition, timeout_s)


class Handler(JsonHandler):
    """Answers for the FakeAirbyte of its server."""

    protocol_version = "HTTP/1.1"
    airbyte: FakeAirbyte

    def handle_any(self) -> None:
        """Answer one request, or break as the test wants it."""
        airbyte = self.airbyte
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        with airbyte.changed:
            airbyte.asked.append((self.command, self.path))
            fault = airbyte.fault(self.command, path)
            if fault is None or str(fault).endswith("after"):
                status, content = self.answer_to(path, json.loads(body) if body else {})
                if "/jobs" in path:
                    airbyte.advance()
            else:
                status, content = 0, None
            airbyte.changed.notify_all()
        if isinstance(fault, str) and fault.startswith("drop"):
            self.close_connection = True
            return
        if fault is not None:
            status = int(str(fault).split()[0])
            content = problem(status, "out of order", "try again later")
        self.answer(status, content)

    def answer_to(self, path: str, body: Any) -> tuple[int, Any]:
        """Status and content."""
        if path == f"{PUBLIC}/applications/token" and self.command == "POST":
            return self.give_token(body)
        if not self.logged_in():
            return 401, problem(401, "Unauthorized", "Unauthorized")
        parts = path.removeprefix(PUBLIC).strip("/").split("/")
        answer = (404, problem(404, "Not Found", "Page Not Found"))
        match (self.command, *parts):
            case ("POST", "api", "v1", "jobs", "get_without_logs"):
                answer = self.details(body)
            case ("GET", "connections", connection):
                answer = self.find_connection(connection)
            case ("GET", "jobs"):
                answer = self.list_jobs()
            case ("POST", "jobs"):
                answer = self.start(body)
            case ("GET" | "DELETE" as method, "jobs", job):
                answer = self.job(method, int(job))
        return answer

    def give_token(self, body: Any) -> tuple[int, Any]:
        """An access token for the application's credentials."""
        airbyte = self.airbyte
        if (body.get("client_id"), body.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 401, problem(401, "Unauthorized", f"invalid client {json.dumps(body)}")
        token = f"token-{uuid.uuid4()}"
        airbyte.tokens[token] = 0
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 180}

    def logged_in(self) -> bool:
        """Whether the request has a login that is still good."""
        airbyte = self.airbyte
        scheme, _, value = (self.headers.get("Authorization") or "").partition(" ")
        if airbyte.basic:
            expected = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
            return (scheme, value) == ("Basic", expected)
        if scheme != "Bearer" or value not in airbyte.tokens:
            return False
        airbyte.tokens[value] += 1
        return airbyte.uses_of_a_token is None or airbyte.tokens[value] <= airbyte.uses_of_a_token

    def find_connection(self, connection: str) -> tuple[int, Any]:
        """A connection, if there is one."""
        try:
            uuid.UUID(connection)
        except ValueError:
            return 422, problem(422, "Unprocessable", f"{connection} is not a valid UUID")
        found = self.airbyte.connections.get(connection)
        return (200, found) if found else (404, problem(404, "Not Found", "no such resource"))

    def list_jobs(self) -> tuple[int, Any]:
        """A page of jobs, oldest first."""
        query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        limit, offset = int(query.get("limit", 20)), int(query.get("offset", 0))
        if not 1 <= limit <= 100:
            return 400, problem(400, "Bad Request", f"limit {limit} is not within 1 and 100")
        since = datetime.fromisoformat(query.get("createdAtStart", "1970-01-01T00:00:00Z"))
        found = [
            job
            for job in sorted(self.airbyte.jobs.values(), key=lambda job: job.created)
            if job.connection == query.get("connectionId", job.connection)
            and job.status == query.get("status", job.status)
            and job.created >= since
        ]
        page = found[offset : offset + limit]
        full = len(page) == limit
        following = f"{self.airbyte.url}{PUBLIC}/jobs?limit={limit}&offset={offset + limit}"
        return 200, {"previous": "", "next": following if full else "", "data": [*map(shown, page)]}

    def start(self, body: Any) -> tuple[int, Any]:
        """A new job, unless the connection has one that goes on."""
        airbyte, connection = self.airbyte, body.get("connectionId", "")
        status, content = self.find_connection(connection)
        if status != 200:
            return status, content
        if not airbyte.may_run:
            return 403, problem(403, "Forbidden", "User does not have the required permissions")
        if body.get("jobType") not in {"sync", "reset"}:
            return 400, problem(400, "Bad Request", "unknown jobType")
        if any(j.connection == connection and j.status in ACTIVE for j in airbyte.jobs.values()):
            return 409, {"message": f"A sync is already running for: {connection}"}
        job = airbyte.add_job(airbyte.course, type=body["jobType"])
        airbyte.started.append(job.id)
        return 200, shown(job)

    def job(self, method: str, number: int) -> tuple[int, Any]:
        """Look at a job, or cancel it."""
        job = self.airbyte.jobs.get(number)
        if job is None:
            return 404, problem(404, "Not Found", f"Could not find job with id: {number}")
        if method == "DELETE" and job.status in ACTIVE:
            job.status = "cancelled"
            self.airbyte.cancelled.append(job.id)
        return 200, shown(job)

    def details(self, body: Any) -> tuple[int, Any]:
        """A job with its attempts, without their logs."""
        airbyte = self.airbyte
        job = airbyte.jobs.get(body.get("id"))
        if not airbyte.tells_details:
            return 403, problem(403, "Forbidden", "not for you")
        if job is None:
            return 404, problem(404, "Not Found", "no such job")
        stats = [{"streamName": name, **counts} for name, counts in airbyte.counts.items()]
        attempt = {
            "id": 0,
            "status": "succeeded" if job.status == "succeeded" else "failed",
            "streamStats": [
                {"streamName": s["streamName"], "stats": {k: s[k] for k in s if k != "streamName"}}
                for s in stats
            ],
            "failureSummary": {"failures": airbyte.failures, "partialSuccess": False}
            if airbyte.failures
            else None,
        }
        described = {"id": job.id, "configType": job.type, "configId": job.connection}
        described |= {"status": job.status, "streamAggregatedStats": stats}
        return 200, {"job": described, "attempts": [{"attempt": attempt}]}


def shown(job: FakeJob) -> dict[str, Any]:
    """A JobResponse."""
    stamp = f"{job.created:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "jobId": job.id,
        "status": job.status,
        "jobType": job.type,
        "startTime": stamp,
        "connectionId": job.connection,
        "lastUpdatedAt": stamp,
        "duration": "PT1S",
        "bytesSynced": 0,
        "rowsSynced": 0,
    }


def problem(status: int, title: str, message: str) -> dict[str, Any]:
    """An error as Airbyte words it."""
    return {
        "status": status,
        "type": "error",
        "title": title,
        "detail": "",
        "data": {"message": message},
    }


@contextmanager
def fake_airbyte(host: str = "127.0.0.1", port: int = 0) -> Iterator[FakeAirbyte]:
    """A running server with one connection; port 0: any that is free."""
    airbyte = FakeAirbyte()
    airbyte.connect()
    handler = type("BoundHandler", (Handler,), {"airbyte": airbyte})
    with listening(handler, host, port) as airbyte.port:
        yield airbyte
