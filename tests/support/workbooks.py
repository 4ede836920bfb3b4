"""Workbooks made by hand, cell by cell: .xlsx and .ods as bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_OPEN = "urn:oasis:names:tc:opendocument:xmlns"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'

# Cell styles in .xlsx, by what they show.
DATE, DURATION, MOMENT, TIME = 1, 2, 3, 4
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts><numFmt numFmtId="164" formatCode="[h]:mm:ss"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/>'
    '<numFmt numFmtId="166" formatCode="h:mm"/></numFmts><cellXfs count="5"><xf/>'
    '<xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/></cellXfs>'
    "</styleSheet>"
)


def number(at: str, value: object, style: int = 0) -> str:
    return f'<c r="{at}" s="{style}"><v>{value}</v></c>'


def text(at: str, value: str) -> str:
    return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'


def error(at: str, value: str) -> str:
    return f'<c r="{at}" t="e"><v>{value}</v></c>'


def row(at: int, *cells: str) -> str:
    return f'<row r="{at}">{"".join(cells)}</row>'


def xlsx(
    sheets: dict[str, Iterable[str]],
    *,
    hidden: Iterable[str] = (),
    settings: str = "",
    after: str = "",
    replaced: dict[str, str] | None = None,
) -> bytes:
    """An .xlsx with rows by sheet name; `settings` and `after` go around the workbook's sheets."""
    listed, related = [], []
    parts = {}
    for number_, (name, rows) in enumerate(sheets.items(), 1):
        state = ' state="hidden"' if name in hidden else ""
        listed.append(f'<sheet name="{name}" sheetId="{number_}"{state} r:id="r{number_}"/>')
        related.append(
            f'<Relationship Id="r{number_}" Type="{_OFFICE}/worksheet" '
            f'Target="worksheets/sheet{number_}.xml"/>'
        )
        parts[f"xl/worksheets/sheet{number_}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(rows)}</sheetData></worksheet>'
        )
    parts |= {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">{settings}<sheets>'
        f"{''.join(listed)}</sheets>{after}</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'{"".join(related)}<Relationship Id="s" Type="{_OFFICE}/styles" Target="styles.xml"/>'
        "</Relationships>",
        "xl/styles.xml": _STYLES,
        **(replaced or {}),
    }
    return zipped({name: DECLARATION + content for name, content in parts.items()})


def cell(kind: str, value: object = "", shown: str = "", more: str = "") -> str:
    """A cell of .ods; `value` goes into its kind's attribute."""
    attribute = {"date": "date-value", "time": "time-value", "boolean": "boolean-value"}
    stored = "" if kind == "string" else f'office:{attribute.get(kind, "value")}="{value}" '
    paragraph = f"<text:p>{shown}</text:p>" if shown else ""
    start = f'<table:table-cell office:value-type="{kind}" {stored}{more}>'
    return f"{start}{paragraph}</table:table-cell>"


def empty(repeated: int) -> str:
    return f'<table:table-cell table:number-columns-repeated="{repeated}"/>'


def line(*cells: str, repeated: int = 1) -> str:
    return (
        f'<table:table-row table:number-rows-repeated="{repeated}">{"".join(cells)}'
        "</table:table-row>"
    )


def ods(
    tables: dict[str, Iterable[str]], *, hidden: Iterable[str] = (), manifest: str = ""
) -> bytes:
    """An .ods with rows by table name."""
    spaces = " ".join(
        f'xmlns:{name}="{_OPEN}:{name}:1.0"' for name in ("office", "table", "text", "style")
    )
    calc = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    body = "".join(
        f'<table:table table:name="{name}" table:style-name="{"h" if name in hidden else "v"}">'
        f"{''.join(lines)}</table:table>"
        for name, lines in tables.items()
    )
    content = (
        f"{DECLARATION}<office:document-content {spaces} {calc}><office:automatic-styles>"
        '<style:style style:name="h" style:family="table"><style:table-properties '
        'table:display="false"/></style:style></office:automatic-styles><office:body>'
        f"<office:spreadsheet>{body}</office:spreadsheet></office:body></office:document-content>"
    )
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": content,
            "META-INF/manifest.xml": f"<manifest>{manifest}</manifest>",
        }
    )


def zipped(parts: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()
