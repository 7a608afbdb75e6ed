#!/usr/bin/env bash
# python-calamine 0.9.1 reads a cell with an error (#DIV/0!, #N/A) of an .xlsx as an empty text.
#
# Expected: a cell whose formula failed is told from one in which nobody wrote: an error value, None, or an exception. Seen:
# both are '', so a column of failed formulas looks like a column with gaps. openpyxl 3.1.5 reads such a cell as its word, of
# type 'e'. (This project counts error cells in the XML of the sheet.)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-calamine==0.9.1 openpyxl==3.1.5

"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import openpyxl
from python_calamine import CalamineWorkbook

book = openpyxl.Workbook()
for row in (["id", "ratio"], [1, "#DIV/0!"], [2, None], [3, "#N/A"], [4, "0.5"]):
    book.active.append(row)
file = io.BytesIO()
book.save(file)
file.seek(0)

calamine = [row[1] for row in CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python()[1:]]
sheet = openpyxl.load_workbook(file).active
errors = [cell.value for cell in sheet["B"] if cell.data_type == "e"]
print("python-calamine:", calamine)
print("openpyxl's cells of type 'e':", errors)
sys.exit(calamine != ["", "", "", "0.5"] or errors != ["#DIV/0!", "#N/A"])
PYTHON
