"""What POST /predict looks like in OpenAPI: this champion's own fields, with an example from its profile."""

from __future__ import annotations

from typing import Any

from champion.modeling.arrays import LARGEST
from champion.modeling.features import Feature
from champion.serving.loaded import Champion
from champion.serving.rows import expected, takes_numbers

_SHOWN = 20  # categories that a description lists
_TEXT = {"type": "string"}
_ANY_ANSWER: dict[str, Any] = {
    "label": {"type": ["string", "integer", "boolean"]},
    "probabilities": {
        "type": ["object", "null"], "description": "By class; null where the model has none.",
        "additionalProperties": {"type": "number"},
    },
}  # fmt: skip


def _record(**properties: Any) -> dict[str, Any]:
    """An object of these fields, all of which are there, and no others."""
    return {"type": "object", "required": [*properties], "additionalProperties": False, "properties": properties}


ERROR = {"$ref": "#/components/schemas/Refused"}
REFUSED = _record(
    error=_record(
        code=_TEXT, message=_TEXT, field={"type": ["string", "null"], "description": "The field that it is about."}
    ),
    request_id=_TEXT,
)
KEY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_REFUSALS = {
    "400": "The body is no JSON.",
    "401": "An API key is asked, and none that fits was sent.",
    "408": "The body was too slow.",
    "413": "Too many bytes or rows.",
    "415": "The body is not `application/json`.",
    "422": "A field is missing, unknown, repeated or of another type; `field` names it.",
    "429": "Too many requests at this moment; `Retry-After` says when to try again.",
    "503": "No champion is served yet.",
}


def refusals(*statuses: str) -> dict[int | str, Any]:
    """The responses of an endpoint that refuses with these statuses."""
    content = {"application/json": {"schema": ERROR}}
    return {status: {"description": _REFUSALS[status], "content": content} for status in statuses}


def schemas(champion: Champion | None) -> dict[str, Any]:
    """The schemas of requests and answers by name; without a champion, whose fields they are, a row is any object."""
    row = _row(champion) if champion else {"type": "object"}
    return {"Row": row, "Answer": _answer(champion), "Refused": REFUSED}


def operation(champion: Champion | None, max_rows: int) -> dict[str, Any]:
    """The operation POST /predict."""
    row = {"$ref": "#/components/schemas/Row"}
    many = {"type": "array", "items": row, "minItems": 1, "maxItems": max_rows}
    body: dict[str, Any] = {"schema": {"oneOf": [row, many]}}
    if champion:
        example = champion.example
        body["examples"] = {
            "one": {"summary": "One row", "value": example},
            "many": {"summary": "Several rows", "value": [example, example]},
        }
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}
    answered = {"description": "One prediction for each row.", "content": answer}
    return {
        "summary": "Predict one row or many",
        "operationId": "predict",
        "tags": ["prediction"],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {"200": answered, **refusals(*_REFUSALS)},
    }


def _row(champion: Champion) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [feature.name for feature in champion.features if not feature.nullable],
        "properties": {feature.name: _field(feature) for feature in champion.features},
        "example": champion.example,
    }


def _field(feature: Feature) -> dict[str, Any]:
    """One feature; what it was in training is told, not asked."""
    number: dict[str, Any] = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
    kinds: dict[str, list[dict[str, Any]]] = {
        "numeric": [number],
        "boolean": [{"type": "boolean"}],
        "datetime": [{**_TEXT, "format": "date-time"}, {**_TEXT, "format": "date"}],
        "categorical": [_TEXT, number] if takes_numbers(feature) else [_TEXT],
    }
    types = [*kinds[feature.kind], *([{"type": "null"}] if feature.nullable else [])]
    schema = types[0] if len(types) == 1 else {"anyOf": types}
    return {**schema, "title": feature.name, "description": _description(feature)}


def _description(feature: Feature) -> str:
    sentences = [f"Expected: {expected(feature)}."]
    if feature.kind == "numeric" and feature.minimum is not None:
        sentences.append(f"In training it was from {feature.minimum:.7g} to {feature.maximum:.7g}.")
    if feature.categories:
        listed, others = ", ".join(feature.categories[:_SHOWN]), len(feature.categories) - _SHOWN
        more = f" and {others} others" if others > 0 else ""
        sentences.append(f"In training it was one of: {listed}{more}.")
    return " ".join(sentences)


def _answer(champion: Champion | None) -> dict[str, Any]:
    answer = champion.form.schema() if champion else _ANY_ANSWER
    prediction = _record(**answer, warnings={"type": "array", "items": _TEXT})
    return _record(
        request_id=_TEXT,
        model_version={"type": "integer"},
        data_version=_TEXT,
        predictions={"type": "array", "items": prediction, "minItems": 1},
    )
