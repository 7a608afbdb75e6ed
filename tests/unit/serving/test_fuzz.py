"""Fuzzed from its own description: whatever is sent, no 5xx, and every answer is as the description says."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.support.serving.service import PATIENCE, Service

EXAMPLES = pytest.mark.parametrize("examples", [25, pytest.param(300, marks=pytest.mark.long)])
BOTH = pytest.mark.parametrize("name", ["iris_service", "mixed_service"])
CHECKS: Any = [schemathesis.checks.not_a_server_error, response_schema_conformance, status_code_conformance]


def fuzzed(service: Service, mode: GenerationMode, path: str, examples: int) -> dict[int, int]:
    """Send what the description allows, or what it does not; how often each status came."""
    address = f"http://127.0.0.1:{service.port}"
    schema = schemathesis.openapi.from_dict(service.get("/openapi.json").json)
    schema.config.base_url = address
    operation = next(found.ok() for found in schema.get_all_operations() if found.ok().path == path)
    seen: dict[int, int] = {}

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    def ask(case: Any) -> None:
        answer = case.call(base_url=address, timeout=PATIENCE)
        case.validate_response(answer, checks=CHECKS)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1

    ask()
    return seen


@EXAMPLES
@BOTH
def test_what_the_description_allows_is_answered_as_it_says(
    request: pytest.FixtureRequest, name: str, examples: int
) -> None:
    seen = fuzzed(request.getfixturevalue(name), GenerationMode.POSITIVE, "/predict", examples)
    assert seen.keys() == {200}, "the description allows what the service refuses"
    assert seen[200] >= examples / 2


@EXAMPLES
@BOTH
def test_what_the_description_forbids_is_refused_as_it_says(
    request: pytest.FixtureRequest, name: str, examples: int
) -> None:
    seen = fuzzed(request.getfixturevalue(name), GenerationMode.NEGATIVE, "/predict", examples)
    assert seen.keys() <= {400, 405, 413, 415, 422}, "the service answers what the description forbids"
    assert sum(seen.values()) >= examples / 2


@pytest.mark.parametrize("path", ["/model", "/healthz", "/readyz", "/metrics"])
def test_every_other_endpoint_answers_as_it_says(iris_service: Service, path: str) -> None:
    assert fuzzed(iris_service, GenerationMode.POSITIVE, path, 10).keys() == {200}
