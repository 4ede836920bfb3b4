"""Pictures of marts."""

import xml.etree.ElementTree as ET
from urllib.parse import unquote

from transformation.plots import markdown_image, stacked_bars

SVG = "{http://www.w3.org/2000/svg}"


def bars(svg: str) -> list[tuple[str, float, float]]:
    found = []
    for rect in ET.fromstring(svg).iter(f"{SVG}rect"):
        title = rect.find(f"{SVG}title")
        if title is not None:
            y = float(rect.attrib["y"])
            found.append((str(title.text), y, y + float(rect.attrib["height"])))
    return found


def test_bars_of_a_month_stand_on_each_other_and_negative_ones_hang():
    rows = [("2025-01", "a", 30.0), ("2025-01", "b", 10.0), ("2025-01", "c", -20.0)]

    (_, a_top, a_foot), (_, b_top, b_foot), (_, c_top, c_foot) = bars(stacked_bars(rows))

    assert b_foot == a_top
    assert b_top < b_foot
    assert c_top == a_foot
    assert c_foot > c_top


def test_names_cannot_break_the_picture():
    svg = stacked_bars([("<x>", "a&b", 1.0)])

    assert [name for name, _, _ in bars(svg)] == ["<x> a&b: 1"]
    image = markdown_image("title", svg)
    assert unquote(image.split("data:image/svg+xml,")[1].removesuffix(")")) == svg
    assert " " not in image.split("](")[1]


def test_no_rows_give_an_empty_picture():
    assert bars(stacked_bars([])) == []
