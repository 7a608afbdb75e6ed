"""What a workflow hands over: variables that cannot be what they should are refused, and secrets do not travel."""

from pathlib import Path

import pytest

from champion import settings
from champion.ci.environment import Environment, hidden, secrets_of
from champion.datastore.backends.table import BACKENDS
from champion.errors import ConfigurationError


def test_a_variable_that_cannot_be_what_it_should_is_refused() -> None:
    wrong = [("HEAD_SHA", "$(id)"), ("RUN_ID", "1)[x](y"), ("GITHUB_REPOSITORY", "a/b/../c"), ("PR_NUMBER", "1; id")]
    wrong += [("DRIFT_DATA", path) for path in ("../elsewhere.csv", "/etc/passwd", "data/a b", "data/$(id)", "-x")]
    for name, value in wrong:
        with pytest.raises(ConfigurationError, match=name):
            Environment({name: value})[name]


def test_a_key_is_hidden_line_by_line_however_its_line_breaks_are_written() -> None:
    key = '{"private_key": "--BEGIN--\\nABCDEFGHIJ\\n"}'
    for value in (key, key.replace("\\n", "\\\\n"), key.replace("\\n", "\n"), f"{{\\n{key[1:]}"):
        assert "ABCDEFGHIJ" in secrets_of({"GDRIVE_CREDENTIALS_DATA": value})


def test_a_credential_is_hidden_where_a_kind_of_remote_or_a_stack_declares_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["REPO_TOKEN", "ZENML_STORE_API_KEY", *(name for kind in BACKENDS for name in kind.secrets)]
    assert {"GDRIVE_CREDENTIALS_DATA", "AWS_SECRET_ACCESS_KEY"} <= set(names)
    variables = {name: f"the value of {name}." for name in (*names, "S3_SECRET", "IMAGE")}
    text = " ".join(variables.values())
    assert hidden(text, secrets_of(variables)).strip("* ") == "the value of S3_SECRET. the value of IMAGE."
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/bucket.yaml").write_text("""configuration: {path: '${IMAGE}', secret: "${S3_SECRET}"}""")
    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    assert hidden(text, secrets_of(variables)).strip("* ") == "the value of IMAGE."
