"""Data Docs: kept for each run, readable offline, with one index page at a fixed place.

Great Expectations' pages fetch styles, scripts and a logo with the project's id from the network,
and its index is empty without them. So its pages of suites and results are kept with those removed
and a small style added, and the indexes are written here.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from quality.results import Result, Validation, table_rows
from stack.files import write_file

KEPT_RUNS = 30
_RUN_FILE = "run.json"
_REMOTE = re.compile(
    r"<script\b.*?</script>"
    r"|<link\b[^>]*>"
    r"|<img\b[^>]*https?://[^>]*>"
    r"|url\((['\"]?)https?://[^)]*\)"
    r"|<p>[^<]*<a href=\"https?://greatexpectations\.io/newsletter.*?</p>",
    re.DOTALL,
)


def publish(built: Path, docs: Path, validation: Validation, now: datetime) -> Path:
    """Keep a built site as the run's; return the index page of all runs, newest first.

    A run that is repeated, for example by a retry, replaces its own site.
    """
    runs = docs / "runs"
    run = runs / validation.run_id
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    style = resources.files(__package__).joinpath("data_docs.css").read_text()
    for page in built.glob("*/**/*.html"):
        target = run / page.relative_to(built)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(offline(page.read_text(), style))
    results = [page.relative_to(run) for page in run.glob("validations/**/*.html")]
    pages = {_suite_of(page): page for page in results}
    (run / "index.html").write_text(_document(_run_page(validation, pages, now), style))
    (run / _RUN_FILE).write_text(json.dumps(_line(validation, now)))
    lines = _forget_old(runs)
    write_file(docs / "index.html", _document(_root_page(lines), style))
    return docs / "index.html"


def archive(docs: Path, run_id: str) -> bytes:
    """The pages of a run as a zip file, which outlives a pod and can be sent to somebody."""
    run = docs / "runs" / run_id
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for page in sorted(run.rglob("*.html")):
            file.write(page, page.relative_to(run))
    return content.getvalue()


def offline(page: str, style: str) -> str:
    """A page without anything that a browser would fetch from the network."""
    return _REMOTE.sub("", page).replace("</head>", f"<style>{style}</style></head>", 1)


def _suite_of(page: Path) -> str:
    """Great Expectations' path is validations/<suite, dots as slashes>/<run>/<time>/<batch>."""
    return ".".join(page.parts[1:-3])


def _line(validation: Validation, now: datetime) -> dict[str, Any]:
    return {
        "run_id": validation.run_id,
        "at": f"{now:%Y-%m-%d %H:%M} UTC",
        "sort": now.isoformat(),
        "success": validation.success,
        "expectations": len(validation.results),
        "failures": len(validation.failures),
    }


def _forget_old(runs: Path) -> list[Mapping[str, Any]]:
    """Delete all but the newest runs; return the kept ones, newest first."""
    lines = [json.loads(file.read_text()) for file in runs.glob(f"*/{_RUN_FILE}")]
    lines.sort(key=lambda line: str(line["sort"]), reverse=True)
    for line in lines[KEPT_RUNS:]:
        shutil.rmtree(runs / line["run_id"], ignore_errors=True)
    return lines[:KEPT_RUNS]


def _root_page(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "<h1>Data Docs</h1><p>The last runs of the validation, newest first.</p>"
    rows = [
        [
            f'<a href="runs/{escape(line["run_id"])}/index.html">{escape(line["at"])}</a>',
            _mark(line["success"]),
            line["expectations"],
            line["failures"],
            escape(line["run_id"]),
        ]
        for line in lines
    ]
    yield _table(["run", "passed", "expectations", "not met", "run id"], rows)


def _run_page(validation: Validation, pages: Mapping[str, Path], now: datetime) -> Iterator[str]:
    yield '<p><a href="../../index.html">All runs</a></p>'
    yield f"<h1>{escape(validation.checkpoint)} {_mark(validation.success)}</h1>"
    yield f"<p>{now:%Y-%m-%d %H:%M} UTC, run {escape(validation.run_id)}</p>"
    if validation.failures:
        yield "<h2>Not met</h2>"
        head = ["severity", "table", "expectation", "unexpected", "because"]
        yield _table(head, [_failure(r, pages) for r in validation.failures])
    yield "<h2>Tables</h2>"
    rows = table_rows(validation)
    yield _table(
        list(rows[0]) if rows else [],
        [[_linked(row["table"], pages), *list(row.values())[1:]] for row in rows],
    )


def _failure(result: Result, pages: Mapping[str, Path]) -> list[Any]:
    e = result.expectation
    return [
        "not judged" if result.error else escape(str(e.severity)),
        _linked(result.table, pages),
        f"{escape(e.name)}{_details(result)}",
        "" if result.unexpected_count is None else f"{result.unexpected_count:,}",
        escape(result.error or e.because),
    ]


def _details(result: Result) -> str:
    if not result.sql:
        return ""
    return f"<details><summary>SQL to see it</summary><pre>{escape(result.sql)}</pre></details>"


def _linked(suite: str, pages: Mapping[str, Path]) -> str:
    """Links to the pages of a suite's rows and of its rules and measures."""
    text = escape(suite)
    if rows := pages.get(suite):
        text = f'<a href="{rows.as_posix()}">{text}</a>'
    if measures := pages.get(f"{suite}.measures"):
        text += f' (<a href="{measures.as_posix()}">rules and measures</a>)'
    return text


def _mark(success: bool) -> str:
    return '<b class="yes">✔</b>' if success else '<b class="no">✘</b>'


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """An HTML table; cells are HTML already."""
    columns = "".join(f"<th>{escape(c)}</th>" for c in head)
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    return f'<table class="table"><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>'


def _document(parts: Iterator[str], style: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Data Docs</title>'
        f"<style>{style}</style></head><body>{''.join(parts)}</body></html>"
    )
