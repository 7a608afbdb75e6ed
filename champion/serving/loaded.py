"""A champion that is ready to answer: everything that does not depend on a request is made once, when it is loaded."""

import importlib
import json
import logging
import math
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from champion.bundle.build import ANY, array_predictor, code_of, needs_pandas, profile_of
from champion.bundle.folder import CARD, Package
from champion.bundle.manifest import Manifest
from champion.errors import PackageError
from champion.modeling.arrays import ArrayPredictor, Block, number_columns, text_columns
from champion.modeling.features import MOST_CATEGORIES, Feature
from champion.modeling.predictor import Predictions
from champion.modeling.profile import SECONDS_PER_DAY, ColumnProfile
from champion.modeling.tasks.answer import form_of
from champion.serving.hidden import HIDDEN
from champion.serving.rows import Noted, Row, RowReader

_logger = logging.getLogger(__name__)

ON_THE_LOOP = 16  # rows that a faster backend answers before they could be handed to another thread
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_importing_arrow, _arrow_is_there = threading.Lock(), threading.Event()


def import_arrow() -> None:
    """Import what the log writes with, with the first row that is logged, and while no model is asked.

    Arrow is 32 MB that a service without traffic does not need. scikit-learn asks of every input whether it is Arrow's,
    and for that takes any module of the name, be it half imported by another thread.
    """
    if not _arrow_is_there.is_set():
        with _importing_arrow:
            importlib.import_module("pyarrow.parquet")
        _arrow_is_there.set()


class Champion:
    """One model version, loaded; `trust` is the hash of own code that may be run, or any.

    Raises PackageError when the package cannot be loaded.
    """

    def __init__(self, package: Package, shown: str, trust: str = "") -> None:
        manifest = package.manifest
        self.manifest: Manifest = manifest
        self.features: tuple[Feature, ...] = manifest.signature
        self.model_version, self.data_version = manifest.model_version, manifest.data_version
        former = manifest.champion_state.former_fields
        words = manifest.missing_words(textual=False)
        self.reader = RowReader(self.features, words, former, manifest.most_wrong_cells)
        columns = {column.name: column for column in profile_of(package).columns}
        self.example = {feature.name: _typical(feature, columns.get(feature.name)) for feature in self.features}
        if needs_pandas(package):
            HIDDEN.show("pandas")
        self.trusts_any = trust == ANY
        self._model: ArrayPredictor = array_predictor(package, shown, (trust,))
        self.backend = self._model.backend
        self.on_the_loop = 0 if self.backend == "native" else ON_THE_LOOP  # rows that need no other thread
        self.warnings = _Ranges(self.features).look  # what is unusual about a block's values, or None
        self.form = form_of(manifest.contract)
        self.told: set[str] = set()  # former fields of which the log has a line
        self._prefix = f'"model_version":{self.model_version},"data_version":{json.dumps(self.data_version)}'
        self.about = _about(self, package)
        self.about_json = json.dumps(self.about).encode()
        self._prove(shown)

    def _prove(self, shown: str) -> None:
        """Answer the example once, so that a model that cannot is refused here, and the first request finds it warm."""
        _, block = self.rows(json.dumps(self.example).encode(), 1)
        try:
            self.answer("", block, self.predict(block))
        except MemoryError:
            raise
        except Exception as error:  # a model may fail in any way
            _logger.exception("%s does not answer its own example", shown)
            raise PackageError(
                f"The model in {shown} does not answer its own example ({type(error).__name__}). Train anew, or fetch "
                "the package again."
            ) from error

    def predict(self, block: Block) -> Predictions:
        """Answer a block; see `champion.modeling.arrays.ArrayPredictor.predict`."""
        if _arrow_is_there.is_set():
            return self._model.predict(block)
        with _importing_arrow:
            return self._model.predict(block)

    def rows(self, body: bytes, max_rows: int, noted: Noted | None = None) -> tuple[list[Row], Block]:
        """The rows of a body, and the same as arrays; see `RowReader.read`."""
        rows = self.reader.read(body, max_rows, noted)
        return rows, self.reader.block(rows)

    def answer(
        self, request_id: str, block: Block, predictions: Predictions, wrong: Sequence[tuple[int, str]] = ()
    ) -> tuple["Warnings | None", bytes]:
        """What is unusual about a block, and the answer as JSON; `wrong` as `Noted` has it.

        Raises DataError when the answer is not finite.
        """
        warnings = self.warnings(block)
        if wrong:
            warnings = (warnings or Warnings([[] for _ in range(len(block))], 0, 0))._replace(wrong=len(wrong))
            for row, name in wrong:
                warnings.texts[row].append(f"{name} is of another kind than in training, and is read as missing.")
        return warnings, self.encode(request_id, predictions, warnings)

    def encode(self, request_id: str, predictions: Predictions, warnings: "Warnings | None") -> bytes:
        """The answer as JSON. Raises DataError when it is not finite."""
        warned = [json.dumps(each) for each in warnings.texts] if warnings else ["[]"] * len(predictions.values)
        rows = self.form.json_rows(predictions, warned)
        return f'{{"request_id":"{request_id}",{self._prefix},"predictions":[{",".join(rows)}]}}'.encode()


class Warnings(NamedTuple):
    """What is unusual about some rows: `texts` has a list of sentences for each."""

    texts: list[list[str]]
    out_of_range: int
    unseen: int
    wrong: int = 0


class _Ranges:
    """The ranges and categories of training, beside a block's columns."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self._low = np.full(len(number_columns(features)), -np.inf)
        self._high = np.full(len(number_columns(features)), np.inf)
        self._sentences: dict[int, str] = {}
        numbers = {name: column for column, name in enumerate(number_columns(features))}
        for feature in features:
            if feature.minimum is not None and feature.maximum is not None:
                column = numbers[feature.columns[0]]
                self._low[column], self._high[column] = feature.minimum, feature.maximum
                self._sentences[column] = f"{feature.name} is out of the range of training, {_range(feature)}."
        texts = {name: column for column, name in enumerate(text_columns(features))}
        self._seen = [
            (texts[feature.name], frozenset(feature.categories), f"{feature.name} has a category unseen in training.")
            for feature in features
            if feature.categories is not None and len(feature.categories) < MOST_CATEGORIES
        ]

    def look(self, block: Block) -> Warnings | None:
        """Compare every value; NaN is neither out of a range nor unseen."""
        outside = (block.numbers < self._low) | (block.numbers > self._high)
        unseen = self._unseen(block.texts) if self._seen else []
        if not unseen and not outside.any():
            return None
        texts: list[list[str]] = [[] for _ in range(len(block))]
        cells = np.argwhere(outside).tolist()
        for row, column in cells:
            texts[row].append(self._sentences[column])
        for row, text in unseen:
            texts[row].append(text)
        return Warnings(texts, len(cells), len(unseen))

    def _unseen(self, texts: NDArray[np.object_]) -> list[tuple[int, str]]:
        return [
            (row, text)
            for column, seen, text in self._seen
            for row, value in enumerate(texts[:, column])
            if type(value) is str and value not in seen
        ]


def _typical(feature: Feature, column: ColumnProfile | None) -> Any:
    """A value that looks like the training data, as JSON has it: the median or the most frequent one of the profile."""
    if feature.kind == "boolean":
        return bool(column and column.categories and column.categories[0] == "true")
    if feature.free_text:
        return "some words"
    if feature.kind == "categorical":
        return ((column.categories if column else None) or feature.categories or ("",))[0]
    if column and column.edges:
        middle = column.edges[len(column.edges) // 2]
    else:
        middle = (feature.minimum or 0.0) / 2 + (feature.maximum or 0.0) / 2
        middle *= SECONDS_PER_DAY if feature.kind == "datetime" else 1.0
    if feature.kind == "datetime":
        return (_BEGIN + timedelta(seconds=round(middle))).isoformat().replace("+00:00", "Z")
    return round(middle) if "int" in feature.dtype.lower() else float(f"{middle:.4g}")


def _range(feature: Feature) -> str:
    if feature.kind == "datetime":
        days = np.array([feature.minimum, feature.maximum]) * 86_400
        low, high = days.astype(np.int64).astype("datetime64[s]").astype(str)
        return f"{low}Z to {high}Z"
    return f"{feature.minimum:.7g} to {feature.maximum:.7g}"


def _about(champion: Champion, package: Package) -> dict[str, Any]:
    """The answer of GET /model."""
    manifest, whole, own = champion.manifest, champion.manifest.model_dump(mode="json"), code_of(package, "")
    return {
        **{name: whole[name] for name in ("use_case", "model_version", "data_version", "created")},
        "since": manifest.champion_state.since,
        "served_since": datetime.now(UTC).isoformat(
            timespec="seconds"
        ),  # by this process: another one may be a version behind
        "reason": manifest.champion_state.reason,
        "metric": manifest.decision.metric,
        "scores": {name: score if math.isfinite(score) else None for name, score in manifest.metrics.items()},
        **{name: whole[name] for name in ("classes", "signature")},
        **(
            {
                "code": {
                    "hash": own.hash,
                    "files": sorted(own.files),
                    "trusted": ANY if champion.trusts_any else "by its hash",
                }
            }
            if own
            else {}
        ),
        "way": champion.backend,
        "example": champion.example,
        "manifest": whole,
        "card": package.files.get(CARD, b"").decode("utf-8", "replace"),
    }
