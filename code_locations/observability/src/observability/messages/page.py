"""Sections and bars as plain text, and as HTML for mail programs: tables and inline styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

BAR_PIXELS = 260
BAR_CHARACTERS = 24
_FONT = "font-family:Helvetica,Arial,sans-serif;font-size:14px;color:#222"


@dataclass(frozen=True)
class Section:
    """A heading and its lines."""

    heading: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Bars:
    """A heading, and a label, a value and its text for each bar."""

    heading: str
    bars: Sequence[tuple[str, float, str]]

    @property
    def tells(self) -> bool:
        """Whether there is anything to compare."""
        return len(self.bars) > 1

    def shares(self) -> list[float]:
        """Each value as a share of the largest."""
        greatest = max((value for _, value, _ in self.bars), default=0)
        return [value / greatest if greatest else 0.0 for _, value, _ in self.bars]


def as_text(sections: Sequence[Section], bars: Sequence[Bars], links: Sequence[str]) -> str:
    """The page for channels without HTML."""
    blocks = ["\n".join([s.heading, *(f"- {line}" for line in s.lines)]) for s in sections]
    for one in filter(lambda b: b.tells, bars):
        rows = [
            f"{label}  {'█' * round(share * BAR_CHARACTERS)} {told}"
            for (label, _, told), share in zip(one.bars, one.shares(), strict=True)
        ]
        blocks.append("\n".join([one.heading, *rows]))
    return "\n\n".join([*blocks, *links])


def as_html(
    title: str, sections: Sequence[Section], bars: Sequence[Bars], links: Sequence[str]
) -> str:
    """The page for mail."""
    parts = [f'<h2 style="margin:0 0 12px">{escape(title)}</h2>']
    for section in sections:
        items = "".join(f'<li style="margin:2px 0">{escape(line)}</li>' for line in section.lines)
        parts.append(f'{_heading(section.heading)}<ul style="margin:0;padding-left:20px">'
                     f"{items}</ul>")  # fmt: skip
    for one in filter(lambda b: b.tells, bars):
        rows = "".join(
            f'<tr><td style="padding:1px 8px 1px 0;color:#666">{escape(label)}</td>'
            f'<td><div style="background:#4a7fb5;height:10px;width:{max(1, round(share * BAR_PIXELS))}px">'  # noqa: E501
            f'</div></td><td style="padding-left:8px">{escape(told)}</td></tr>'
            for (label, _, told), share in zip(one.bars, one.shares(), strict=True)
        )
        parts.append(f'{_heading(one.heading)}<table style="{_FONT};border-collapse:collapse">'
                     f"{rows}</table>")  # fmt: skip
    parts += [f'<p><a href="{escape(link)}">{escape(link)}</a></p>' for link in links]
    return f'<div style="{_FONT};max-width:640px">{"".join(parts)}</div>'


def _heading(text: str) -> str:
    return f'<h3 style="margin:16px 0 4px;font-size:15px">{escape(text)}</h3>'
