"""From the body of a request to rows: decoded and checked by the champion's signature, without pandas.

The decoder is made once for a champion: msgspec reads JSON straight into one struct for each row, and refuses what the
signature does not allow. A refusal names the field and what was expected; it never repeats a value.
"""

import json
import operator
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from champion.errors import nearest
from champion.modeling.arrays import LARGEST, Block, number_columns, text_columns
from champion.modeling.cells.moments import OWN, Moments, model_parts
from champion.modeling.cells.writing import CellReader, in_words, reader_of
from champion.modeling.features import Feature, category_of, takes_numbers
from champion.serving.wrong_values import mended
from champion.use_case.cells import EPOCHS

Header = tuple[bytes, bytes]
Row = tuple[Any, ...]

NUMBER = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
_JSON = {"str": "a text", "int": "a number", "float": "a number", "bool": "true or false"}
_JSON |= {"array": "a list", "object": "an object"}
_LOCATED = re.compile(r"(?P<what>.*?)(?: - at `\$(?:\[(?P<row>\d+)\])?(?:\.(?P<field>.*))?`)?", re.DOTALL)
_NAMED = re.compile(r"Object (?P<how>missing required|contains unknown) field `(?P<field>.*)`", re.DOTALL)
_FORBIDDEN = ['"', "\\", *map(chr, range(0x20))]  # msgspec takes no such letter in a field's name
_SAFE = str.maketrans({letter: chr(0xE000 + position) for position, letter in enumerate(_FORBIDDEN)})
_BACK = {ord(safe): chr(letter) for letter, safe in _SAFE.items()}
_SHOWN = 80  # characters of an unknown field's name


class RequestError(Exception):
    """A request that is not answered: a status of HTTP from 400 to 503, a code, a sentence and a field.

    `headers`: beside those that every answer has.
    """

    def __init__(
        self, status: int, code: str, message: str, field: str | None = None, headers: tuple[Header, ...] = ()
    ) -> None:
        message = message[:1].upper() + message[1:]
        super().__init__(message)
        self.status, self.code, self.message, self.field, self.headers = status, code, message, field, headers

    def body(self, request_id: str) -> bytes:
        """The answer as JSON."""
        error = {"code": self.code, "message": self.message, "field": self.field}
        return json.dumps({"error": error, "request_id": request_id}).encode()


@dataclass
class Noted:
    """What is to be told of a request that is answered.

    `ignored` is how many rows have which former field, `wrong` in which row, from 0, which feature had a value of another kind.
    """

    ignored: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[int, str]] = field(default_factory=list)


def expected(feature: Feature) -> str:
    """What a value of a feature must be, in words."""
    rule = feature.rule if feature.rule is not None and feature.rule.kind else None
    more = "" if rule is None else f", or {'a text' if rule.has_numbers else 'one'} {in_words(rule)}"
    words = {
        "numeric": f"a number from {-LARGEST:.7g} to {LARGEST:.7g}{more}",
        "boolean": "true or false",
        "categorical": "a text or a number" if takes_numbers(feature) else "a text",
        "datetime": f"a date or time as ISO 8601 has it, such as 2026-01-31 or 2026-01-31T12:00:00Z{more}",
    }[feature.kind]
    return f"{words}, or null" if feature.nullable else words


class RowReader:
    """Reads and checks rows of one signature; the texts in `missing` are null, as in a table.

    Fields of `former`, which a former champion took, are left out and counted. Of a feature's values the share `most_wrong` may
    be of another kind, and is null then.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        missing: Sequence[str] = (),
        former: Sequence[str] = (),
        most_wrong: float = 0.0,
    ) -> None:
        self._most_wrong = most_wrong
        self.features, self._missing, self.former = tuple(features), frozenset(missing), tuple(former)
        self._by_name = {feature.name.translate(_SAFE): feature for feature in features}
        self._decode = _decoder(self.features)
        self._decode_former = _decoder(self.features, self.former) if former else None
        self._nullable = any(feature.nullable for feature in features)

        def positions(*kinds: str) -> list[int]:
            return [position for position, feature in enumerate(self.features) if feature.kind in kinds]

        self._texts, self._moments = positions("categorical"), positions("datetime")
        texts = [(position, self.features[position]) for position in self._texts]
        self._converted = [  # categories that may come in another form than the model knows them in
            (position, feature.dtype)
            for position, feature in texts
            if takes_numbers(feature) or not feature.dtype.startswith(("str", "object", "category"))
        ]
        ruled = ((position, feature.rule) for position, feature in enumerate(self.features))
        self._ruled = [(position, reader_of(rule)) for position, rule in ruled if rule is not None]
        self._words = sorted({*self._texts, *self._moments, *(position for position, _ in self._ruled)})
        self._numbers = positions("numeric", "boolean")
        self._pick: Callable[[Row], Any] = operator.itemgetter(*self._numbers) if self._numbers else len
        columns = {name: column for column, name in enumerate(number_columns(self.features))}  # of a block
        self._width, self._text_width = len(columns), len(text_columns(self.features))
        self._number_columns = [columns[self.features[position].columns[0]] for position in self._numbers]
        self._moment_columns = [columns[self.features[position].columns[0]] for position in self._moments]
        self._only_numbers = len(self._numbers) == len(self.features)

    def read(self, body: bytes, max_rows: int, noted: Noted | None = None) -> list[Row]:
        """Decode a body: one object, or a list of them, which may be empty. What is to be told of it is `noted`.

        Returns list of tuple: for every row its values in the signature's order: float, str, bool, datetime with its
        zone, or None. Raises RequestError: 400 where it is no JSON, 413 where it has too many rows, 422 where a row
        does not fit the signature.
        """
        noted = Noted() if noted is None else noted
        try:
            return self._read(body, max_rows, noted)
        except RequestError as refusal:
            right = mended(body, self.features, self._most_wrong) if refusal.code == "wrong_value" else None
            if right is None:
                raise
        _refuse_repeated(body)
        noted.ignored.clear()
        noted.wrong.extend(right.wrong)
        return self._read(right.body, max_rows, noted)

    def _read(self, body: bytes, max_rows: int, noted: Noted) -> list[Row]:
        decoded, has_former = self._decoded(body)
        structs = decoded if type(decoded) is list else [decoded]
        if len(structs) > max_rows:
            message = f"There are {len(structs)} rows, more than the {max_rows} that one request may have."
            raise RequestError(413, "too_many_rows", message)
        rows = [msgspec.structs.astuple(row) for row in structs]
        if has_former:
            rows = self._without_former(rows, noted.ignored)
        may_lack = self._nullable and any(None in row for row in rows)  # so that another field may be there twice
        if may_lack or b"\\" in body or body.count(b":") != len(rows) * len(self.features):
            _refuse_repeated(body)
        plain = not (self._moments or self._converted or self._ruled or (self._missing and self._texts))
        return rows if plain else [self._finished(row) for row in rows]

    def _without_former(self, rows: list[Row], ignored: Counter[str]) -> list[Row]:
        width = len(self.features)
        for row in rows:
            there = zip(self.former, row[width:], strict=True)
            ignored.update(name for name, value in there if value is not msgspec.UNSET)
        return [row[:width] for row in rows]

    def _decoded(self, body: bytes) -> tuple[Any, bool]:
        """What a body holds, and whether it was read as one that may have fields of former champions."""
        try:
            try:
                return self._decode(body), False
            except msgspec.ValidationError:
                if self._decode_former is None:
                    raise
                return self._decode_former(body), True
        except msgspec.ValidationError as error:
            self._refuse(str(error))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            byte = re.search(r"\(byte \d+\)", str(error))
            where = f" {byte[0]}" if byte else ""
            message = f"The body is no JSON{where}, expected an object or a list."
            raise RequestError(400, "malformed_json", message) from None
        except RecursionError:
            message = "The body is nested too deeply, expected an object or a list."
            raise RequestError(400, "malformed_json", message) from None

    def _refuse(self, text: str) -> NoReturn:
        """Say in our words what msgspec found."""
        match = _LOCATED.fullmatch(text)
        what, field, row = (match["what"], match["field"], match["row"]) if match else (text, None, None)
        at = f"row {int(row) + 1}: " if row else ""
        named = _NAMED.fullmatch(what)
        if named:
            self._refuse_name(named["how"], named["field"], at)
        feature = self._by_name.get(field or "")
        if feature is None:
            message = f"{at}found something else than rows, expected an object or a list of objects."
            raise RequestError(422, "wrong_type", message)
        got = re.search(r"got `(\w+)`", what)
        kind = _JSON.get(got[1], got[1]) if got else "a number out of range"
        raise RequestError(422, "wrong_value", f"{at}found {kind}, expected {expected(feature)}.", feature.name)

    def _refuse_name(self, how: str, name: str, at: str) -> NoReturn:
        if how == "missing required":
            feature = self._by_name[name]
            raise RequestError(422, "missing_field", f"{at}it is missing, expected {expected(feature)}.", feature.name)
        field = name.translate(_BACK)[:_SHOWN]
        names = [feature.name for feature in self.features]
        near = nearest(field, names) if len(names) <= 100 else ""
        raise RequestError(422, "unknown_field", f"{at}the model knows no such field. {near}".rstrip(), field)

    def _finished(self, row: Row) -> Row:
        """Parse the moments of a row, and write categories as the model knows them."""
        values = list(row)
        for position in self._words if self._missing else ():
            if values[position] in self._missing:
                self._allow_nothing(position)
                values[position] = None
        for position, reader in self._ruled:
            if values[position] is not None:
                values[position] = self._by_rule(position, reader, values[position])
        for position in self._moments:
            if values[position] is not None:
                values[position] = _moment(values[position], self.features[position])
        for position, dtype in self._converted:
            if values[position] is not None:
                values[position] = category_of(values[position], dtype)
        return tuple(values)

    def _allow_nothing(self, position: int) -> None:
        """Raises RequestError where a value that is read as missing is one that the model needs."""
        feature = self.features[position]
        if not feature.nullable:
            message = f"Found a text that is read as missing, expected {expected(feature)}."
            raise RequestError(422, "wrong_value", message, feature.name)

    def _by_rule(self, position: int, reader: CellReader, value: Any) -> Any:
        """What a value means by the rule of its column."""
        cell = reader.read(value)
        if cell.wrong or (isinstance(cell.value, float) and abs(cell.value) > LARGEST):
            feature = self.features[position]
            message = f"Found another text, expected {expected(feature)}."
            raise RequestError(422, "wrong_value", message, feature.name)
        if cell.value is None:
            self._allow_nothing(position)
        return cell.value

    def block(self, rows: Sequence[Row]) -> Block:
        """Put rows, as `read` gives them, into arrays."""
        if not rows:
            return Block(np.empty((0, self._width)), np.empty((0, self._text_width), dtype=object))
        if self._only_numbers:
            return Block(np.array(rows, dtype=np.float64), np.empty((len(rows), 0), dtype=object))
        numbers = np.empty((len(rows), self._width))
        if self._numbers:
            picked = np.array([self._pick(row) for row in rows], dtype=np.float64)
            numbers[:, self._number_columns] = picked.reshape(len(rows), -1)
        for position, column in zip(self._moments, self._moment_columns, strict=True):
            feature = self.features[position]
            parts = model_parts(_moments([row[position] for row in rows]), feature.clock, feature.sentinels)
            numbers[:, column : column + parts.shape[1]] = parts
        texts = np.empty((len(rows), self._text_width), dtype=object)
        for column, position in enumerate(self._texts):
            texts[:, column] = [np.nan if row[position] is None else row[position] for row in rows]
        return Block(numbers, texts)


def _decoder(features: Sequence[Feature], former: Sequence[str] = ()) -> Callable[[bytes], Any]:
    """From JSON to one struct or a list of them, with one field for each feature; what is nullable may be left out.

    Behind them are the former fields, which may hold anything and are unset where they are left out.
    """
    fields: list[Any] = []
    for position, feature in enumerate(features):
        kind = _value_type(feature)
        fields.append((f"f{position}", kind | None, None) if feature.nullable else (f"f{position}", kind))
    called = [*(feature.name for feature in features), *former]
    fields += [(f"f{position}", Any, msgspec.UNSET) for position in range(len(features), len(called))]
    names = {f"f{position}": name.translate(_SAFE) for position, name in enumerate(called)}
    row = msgspec.defstruct("Row", fields, rename=names, forbid_unknown_fields=True, kw_only=True, gc=False)
    rows = row | list[row]  # type: ignore[valid-type]  # made above, from the signature
    if all(name in names.values() for name in called):
        return msgspec.json.Decoder(rows).decode
    plain = msgspec.json.Decoder(dict[str, Any] | list[dict[str, Any]])

    def renamed(fields: dict[str, Any]) -> dict[str, Any]:
        return {name.translate(_SAFE): value for name, value in fields.items()}

    def decode(body: bytes) -> Any:
        decoded = plain.decode(body)
        return msgspec.convert(list(map(renamed, decoded)) if isinstance(decoded, list) else renamed(decoded), rows)

    return decode


def _value_type(feature: Feature) -> Any:
    rule = feature.rule
    if rule is not None and rule.kind and not (rule.dates and rule.dates not in EPOCHS):
        return str | NUMBER
    if feature.kind == "numeric":
        return NUMBER
    if feature.kind == "boolean":
        return bool
    return str | NUMBER if takes_numbers(feature) else str


def _refuse_repeated(body: bytes) -> None:
    """Refuse an object that names a field twice; of the two, nobody can tell which was meant."""

    def checked(pairs: list[tuple[str, Any]]) -> None:
        names = {name for name, _ in pairs}
        if len(names) < len(pairs):
            seen: set[str] = set()
            twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # None: go on
            raise RequestError(422, "repeated_field", "It is there twice in one row, expected once.", twice)

    json.loads(body, object_pairs_hook=checked, parse_int=float)


def _moment(text: str, feature: Feature) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            in_utc = moment.astimezone(UTC)
            return in_utc if feature.clock is None else moment  # version 0.1 knew no other clock
        if feature.clock in (None, OWN):
            return moment.replace(tzinfo=UTC) if feature.clock is None else moment
        has_offset = 1 < moment.year < 9999
        return moment.replace(tzinfo=ZoneInfo(str(feature.clock)) if has_offset else UTC)
    except (ValueError, OverflowError):
        message = f"Found another text, expected {expected(feature)}."
        raise RequestError(422, "wrong_value", message, feature.name) from None


def _moments(values: Sequence[datetime | None]) -> Moments:
    """Moments as NumPy has them, in UTC and by their own clock; one without an offset is in UTC."""
    shown = [None if value is None else value.replace(tzinfo=None) for value in values]
    instants = [
        value if value is None or value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        for value in values
    ]
    zoned = np.array([value is not None and value.tzinfo is not None for value in values], dtype=np.bool_)
    return Moments(np.array(instants, dtype="datetime64[us]"), np.array(shown, dtype="datetime64[us]"), zoned)
