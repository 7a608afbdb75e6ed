"""What POST /predict looks like in OpenAPI: this champion's own fields, with an example from its profile."""

from __future__ import annotations

from typing import Any

from champion.modeling.arrays import LARGEST
from champion.modeling.features import Feature
from champion.serving.champion import Champion
from champion.serving.rows import expected, takes_numbers

_SHOWN = 20  # categories that a description lists
ERROR = {"$ref": "#/components/schemas/Refused"}
REFUSED: dict[str, Any] = {
    "type": "object",
    "required": ["error", "request_id"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "field"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "field": {"type": ["string", "null"], "description": "The field that it is about."},
            },
        },
        "request_id": {"type": "string"},
    },
}
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


def refusals(*statuses: str) -> dict[str, Any]:
    """The responses of an endpoint that refuses with these statuses."""
    content = {"application/json": {"schema": ERROR}}
    return {status: {"description": _REFUSALS[status], "content": content} for status in statuses}


def schemas(champion: Champion | None) -> dict[str, Any]:
    """The schemas of requests and answers.

    Parameters
    ----------
    champion : Champion, optional
        Whose fields they are; without one a row is any object.

    Returns
    -------
    dict
        By name, for `components.schemas`.
    """
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
    return {
        "summary": "Predict one row or many",
        "operationId": "predict",
        "tags": ["prediction"],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": {"description": "One prediction for each row.", "content": answer},
            **refusals(*_REFUSALS),
        },
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
    schema: dict[str, Any]
    if feature.kind == "numeric":
        schema = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
    elif feature.kind == "boolean":
        schema = {"type": "boolean"}
    elif feature.kind == "datetime":
        schema = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
    elif takes_numbers(feature):
        schema = {"anyOf": [{"type": "string"}, {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}]}
    else:
        schema = {"type": "string"}
    if feature.nullable:
        schema = _or_null(schema)
    return {**schema, "title": feature.name, "description": _description(feature)}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in schema:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def _description(feature: Feature) -> str:
    told = [f"Expected: {expected(feature)}."]
    if feature.kind == "numeric" and feature.minimum is not None:
        told.append(f"In training it was from {feature.minimum:.7g} to {feature.maximum:.7g}.")
    if feature.categories:
        listed = ", ".join(feature.categories[:_SHOWN])
        more = "" if len(feature.categories) <= _SHOWN else f" and {len(feature.categories) - _SHOWN} others"
        told.append(f"In training it was one of: {listed}{more}.")
    return " ".join(told)


def _answer(champion: Champion | None) -> dict[str, Any]:
    label: dict[str, Any] = {"type": ["string", "integer", "boolean"]}
    shares: dict[str, Any] = {"type": ["object", "null"], "additionalProperties": {"type": "number"}}
    if champion:
        label = {"enum": list(champion.classes)}
        share = {"type": "number", "minimum": 0, "maximum": 1.000001}
        shares = {
            "type": ["object", "null"],
            "additionalProperties": False,
            "required": champion.label_texts,
            "properties": dict.fromkeys(champion.label_texts, share),
        }
    prediction = {
        "type": "object",
        "required": ["label", "probabilities", "warnings"],
        "additionalProperties": False,
        "properties": {
            "label": label,
            "probabilities": {**shares, "description": "By class; null where the model has none."},
            "warnings": {"type": "array", "items": {"type": "string"}},
        },
    }
    return {
        "type": "object",
        "required": ["request_id", "model_version", "data_version", "predictions"],
        "additionalProperties": False,
        "properties": {
            "request_id": {"type": "string"},
            "model_version": {"type": "integer"},
            "data_version": {"type": "string"},
            "predictions": {"type": "array", "items": prediction, "minItems": 1},
        },
    }
