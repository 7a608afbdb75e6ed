"""Fuzzed from its own description: whatever is sent, no 5xx, and every answer is as the description says."""

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.support.serving.service import PATIENCE, Service

CHECKS: Any = [schemathesis.checks.not_a_server_error, response_schema_conformance, status_code_conformance]


def fuzzed(service: Service, mode: GenerationMode, path: str, examples: int) -> Counter[int]:
    """Send what the description allows, or what it does not; how often each status came."""
    address = f"http://127.0.0.1:{service.port}"
    schema = schemathesis.openapi.from_dict(service.get("/openapi.json").json)
    schema.config.base_url = address
    operation = next(found.ok() for found in schema.get_all_operations() if found.ok().path == path)
    seen = Counter[int]()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    def ask(case: Any) -> None:
        answer = case.call(base_url=address, timeout=PATIENCE)
        case.validate_response(answer, checks=CHECKS)
        seen[answer.status_code] += 1

    ask()
    return seen


@pytest.mark.parametrize("examples", [25, pytest.param(300, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", ["iris_service", "mixed_service"])
@pytest.mark.parametrize(
    ("mode", "expected"),
    [(GenerationMode.POSITIVE, {200}), (GenerationMode.NEGATIVE, {400, 405, 413, 415, 422})],
    ids=str,
)
def test_what_the_description_allows_is_answered_and_what_it_forbids_is_refused_as_it_says(
    request: pytest.FixtureRequest, name: str, examples: int, mode: GenerationMode, expected: set[int]
) -> None:
    seen = fuzzed(request.getfixturevalue(name), mode, "/predict", examples)
    assert seen.keys() <= expected, "the service answers what the description forbids, or refuses what it allows"
    assert seen.total() >= examples / 2


@pytest.mark.parametrize("path", ["/model", "/healthz", "/readyz", "/metrics"])
def test_every_other_endpoint_answers_as_it_says(iris_service: Service, path: str) -> None:
    assert fuzzed(iris_service, GenerationMode.POSITIVE, path, 10).keys() == {200}
