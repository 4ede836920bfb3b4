"""Pictures of marts, for materialisation metadata: inline SVG in Markdown, no library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WIDTH, HEIGHT, LEFT, BOTTOM = 860, 280, 60, 24
COLOURS = ("#2f6f9f", "#e08a3c", "#5a9e6f", "#b5495b", "#7a6bb0", "#8c8c8c")
MONTHS = 36


def revenue_by_month(connection: DuckDBPyConnection) -> str:
    """Stacked bars of the last months' revenue by stream, in euros."""
    rows = connection.execute(
        "select strftime(revenue_month, '%Y-%m'), stream, revenue_eur::double "
        "from marts.revenue_by_month where revenue_month in (select distinct revenue_month "
        f"from marts.revenue_by_month order by 1 desc limit {MONTHS}) order by 1, 2"
    ).fetchall()
    return markdown_image("Revenue by month and stream, EUR", stacked_bars(rows))


def receivables_ageing(connection: DuckDBPyConnection) -> str:
    """Bars of outstanding amounts by ageing bucket, in euros."""
    rows = connection.execute(
        "select b.bucket, 'outstanding', coalesce(sum(outstanding_eur), 0)::double from "
        "(select unnest(['current', '1-30', '31-60', '61-90', '90+']) as bucket, "
        "unnest(range(5)) as place) b left join marts.receivables_ageing r using (bucket) "
        "group by b.bucket, b.place order by b.place"
    ).fetchall()
    return markdown_image("Receivables by days overdue, EUR", stacked_bars(rows))


PLOTS: dict[str, Callable[[DuckDBPyConnection], str]] = {
    "revenue_by_month": revenue_by_month,
    "receivables_ageing": receivables_ageing,
}


def stacked_bars(rows: Sequence[tuple[str, str, float]]) -> str:
    """SVG of (bar, series, value) rows; a negative value hangs below the axis."""
    bars = list(dict.fromkeys(bar for bar, _, _ in rows))
    series = list(dict.fromkeys(name for _, name, _ in sorted(rows, key=lambda r: r[1])))
    top = max((sum(v for b, _, v in rows if b == bar and v > 0) for bar in bars), default=0) or 1.0
    low = min((sum(v for b, _, v in rows if b == bar and v < 0) for bar in bars), default=0)
    scale = (HEIGHT - 2 * BOTTOM) / (top - low)
    axis = BOTTOM + top * scale
    step = (WIDTH - LEFT) / max(len(bars), 1)
    parts = []
    for place, bar in enumerate(bars):
        x, up, down = LEFT + place * step, axis, axis
        for _, name, value in (r for r in rows if r[0] == bar):
            height = abs(value) * scale
            y = up - height if value >= 0 else down
            up, down = (y, down) if value >= 0 else (up, y + height)
            parts.append(
                f'<rect x="{x + step * 0.1:.1f}" y="{y:.1f}" width="{step * 0.8:.1f}" '
                f'height="{height:.1f}" fill="{COLOURS[series.index(name) % len(COLOURS)]}">'
                f"<title>{escape(f'{bar} {name}: {value:,.0f}')}</title></rect>"
            )
        if place % max(1, len(bars) // 12) == 0:
            parts.append(_text(x + step / 2, HEIGHT - 6, bar, "middle"))
    parts += [
        _text(LEFT - 6, axis - value * scale + 3, f"{value:,.0f}", "end")
        for value in (low, 0, top / 2, top)
    ]
    parts.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{axis:.1f}" y2="{axis:.1f}" stroke="#888"/>')
    for place, name in enumerate(series):
        x = LEFT + 120 * place
        colour = COLOURS[place % len(COLOURS)]
        parts.append(f'<rect x="{x}" y="4" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(x + 14, 13, name, "start"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="10" fill="#888">{"".join(parts)}</svg>'
    )


def markdown_image(title: str, svg: str) -> str:
    """An SVG as a Markdown image that needs no file."""
    return f"![{title}](data:image/svg+xml,{quote(svg)})"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
