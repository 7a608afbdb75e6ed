"""Write the sample, data/iris.csv: lengths and widths in centimetres, and the species.

The numbers are those that scikit-learn ships, each with one decimal, so that the bytes are the same on every machine
and DVC's hash of the file holds.

    python data/make_iris.py [OUT]
"""

import os
import sys
import tempfile
from pathlib import Path

from sklearn.datasets import load_iris

COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width", "species")


def iris_csv() -> bytes:
    """Format the sample as CSV: 150 rows, UTF-8, every line ended by a newline."""
    iris = load_iris()
    lines = [",".join(COLUMNS)]
    for centimetres, species in zip(iris.data, iris.target, strict=True):
        lines.append(",".join([*(f"{number:.1f}" for number in centimetres), str(iris.target_names[species])]))
    return ("\n".join(lines) + "\n").encode()


def write(out: Path) -> None:
    """Write the sample whole or not at all."""
    content = iris_csv()
    handle, unfinished = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(unfinished, 0o644)
        os.replace(unfinished, out)
    except BaseException:
        os.unlink(unfinished)
        raise


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().with_name("iris.csv"))
