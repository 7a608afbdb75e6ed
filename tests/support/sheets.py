"""Spreadsheets, written as their programs write them, cell by cell: .xlsx and .ods, small."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

Cell = str  # the XML of a cell, by the functions below
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="[h]:mm:ss"/></numFmts><cellXfs count="5">'
    + "".join(f'<xf numFmtId="{number}" applyNumberFormat="1"/>' for number in (0, 14, 22, 21, 164))
    + "</cellXfs></styleSheet>"
)
PLAIN, DATE, MOMENT, TIME, DURATION = range(5)  # places in the styles


def text(value: str) -> Cell:
    return f't="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is>'


def number(value: float, style: int = PLAIN) -> Cell:
    return f's="{style}"><v>{value!r}</v>'


def truth(value: bool) -> Cell:
    return f't="b"><v>{int(value)}</v>'


def error(value: str = "#DIV/0!") -> Cell:
    return f't="e"><v>{value}</v>'


def formula(value: str = "") -> Cell:
    """A formula, with the result that was computed; none where no program has."""
    return f"><f>A1+1</f>{f'<v>{value}</v>' if value else ''}"


def write_xlsx(path: Path, sheets: Mapping[str, Sequence[Sequence[Cell | None]]], hidden: Sequence[str] = ()) -> Path:
    names = [*sheets]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        kinds = "".join(
            f'<Override PartName="/xl/worksheets/sheet{at}.xml" '
            'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
            for at, _ in enumerate(names, 1)
        )
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
            'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
            + kinds
            + "</Types>",
        )
        relations = "http://schemas.openxmlformats.org/package/2006/relationships"
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{relations}"><Relationship Id="r" Type="{_DOCUMENT}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        each = "".join(
            f'<sheet name={quoteattr(name)} sheetId="{at}" r:id="s{at}" state="{"hidden" if name in hidden else "visible"}"/>'
            for at, name in enumerate(names, 1)
        )
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>{each}</sheets></workbook>'
        )
        targets = "".join(
            f'<Relationship Id="s{at}" Type="{_DOCUMENT}/worksheet" Target="worksheets/sheet{at}.xml"/>'
            for at, _ in enumerate(names, 1)
        )
        styles = f'<Relationship Id="st" Type="{_DOCUMENT}/styles" Target="styles.xml"/>'
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{relations}">{targets}{styles}</Relationships>'
        )
        archive.writestr("xl/styles.xml", _STYLES)
        for at, rows in enumerate(sheets.values(), 1):
            lines = []
            for number_of_row, row in enumerate(rows, 1):
                cells = "".join(
                    f'<c r="{_column(place)}{number_of_row}" {cell}</c>'
                    for place, cell in enumerate(row)
                    if cell is not None
                )
                lines.append(f'<row r="{number_of_row}">{cells}</row>')
            archive.writestr(
                f"xl/worksheets/sheet{at}.xml",
                f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>',
            )
    return path


def _column(place: int) -> str:
    return (_column(place // 26 - 1) if place >= 26 else "") + chr(65 + place % 26)


def write_ods(path: Path, rows: Sequence[Sequence[str | float | None]], name: str = "Sheet1") -> Path:
    """Texts and numbers; a text that begins with PT is a duration."""
    office = "urn:oasis:names:tc:opendocument:xmlns"
    lines = []
    for row in rows:
        cells = []
        for value in row:
            if value is None:
                cells.append("<table:table-cell/>")
            elif isinstance(value, str) and value.startswith("PT"):
                cells.append(f'<table:table-cell office:value-type="time" office:time-value="{value}"/>')
            elif isinstance(value, str):
                cells.append(
                    f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'
                )
            else:
                cells.append(f'<table:table-cell office:value-type="float" office:value="{value!r}"/>')
        lines.append(f"<table:table-row>{''.join(cells)}</table:table-row>")
    content = (
        f'<office:document-content xmlns:office="{office}:office:1.0" xmlns:table="{office}:table:1.0" '
        f'xmlns:text="{office}:text:1.0">'
        f"<office:body><office:spreadsheet><table:table table:name={quoteattr(name)}>{''.join(lines)}</table:table>"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{office}:manifest:1.0"><manifest:file-entry manifest:full-path="content.xml" '
            'manifest:media-type="text/xml"/></manifest:manifest>',
        )
        archive.writestr("content.xml", content)
    return path
