"""The answers that a promotion keeps, and when another model's are the same."""

import numpy as np
import pytest

from champion.modeling.kept import KeptAnswers, Remembering
from champion.modeling.predictor import Predictions, Predictor
from tests.support.packages import packed, training

TRUTH = np.array([0, 1, 1, -1])
VALUES = np.array([0, 1, 0, 1])
SHARES = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.0, 1.0]])


def answers(values: object = VALUES, shares: object = SHARES, truth: object = TRUTH) -> KeptAnswers:
    return KeptAnswers(
        np.asarray(truth), Predictions(np.asarray(values), None if shares is None else np.asarray(shares))
    )


@pytest.mark.parametrize("kept", [answers(), answers(shares=None), answers(values=VALUES * 1.5, shares=None)])
def test_what_is_kept_is_read_as_it_was_and_written_as_the_same_bytes(kept: KeptAnswers) -> None:
    again = KeptAnswers.from_bytes(kept.as_bytes())
    assert again.as_bytes() == kept.as_bytes()
    assert again.difference(kept) is None
    assert again.predictions.values.dtype == kept.predictions.values.dtype


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (answers(shares=SHARES + 1e-7), None),
        (answers(shares=SHARES + 1e-5), "a number of them differs by 1e-05, more than 1e-06"),
        (answers(shares=np.full_like(SHARES, np.nan)), "differs by nan"),
        (answers(values=[0, 1, 1, 1]), "1 of 4 rows get another label"),
        (answers(shares=None), "one has probabilities"),
        (answers(shares=np.ones((4, 3))), "one has probabilities"),
        (answers(truth=[0, 1, 0, -1]), "the truth of 1 rows is another one"),
        (answers(VALUES[:3], SHARES[:3], TRUTH[:3]), "the holdout has 3 rows instead of 4"),
    ],
)  # fmt: skip
def test_answers_are_equal_by_their_labels_and_to_a_millionth_by_their_probabilities(
    other: KeptAnswers, words: str | None
) -> None:
    found = answers().difference(other)
    assert (found is None) if words is None else (words in str(found))


def test_numbers_as_answers_are_equal_to_a_millionth() -> None:
    numbers = answers(values=VALUES * 1.5, shares=None)
    assert numbers.difference(answers(values=VALUES * 1.5 + 1e-7, shares=None)) is None
    assert "differs by 0.001" in str(numbers.difference(answers(values=VALUES * 1.5 + 1e-3, shares=None)))


@pytest.mark.parametrize(
    "data", [b"", b"no", answers().as_bytes()[:-40], np.arange(3).tobytes(), np.array([{}], dtype=object).dumps()]
)
def test_what_is_something_else_is_refused_and_nothing_is_unpickled(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"pickle|no kept answers"):
        KeptAnswers.from_bytes(data)


def test_the_holdout_is_asked_once_and_every_other_table_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from champion.bundle.build import predictor

    table = training(40)
    champion = predictor(packed(table), "a test")
    holdout, asked = table.assign(answer=np.arange(40) % 2), []
    ask = Predictor.predict
    monkeypatch.setattr(Predictor, "predict", lambda self, rows: asked.append(rows) or ask(self, rows))
    remembering = Remembering(champion.contract, champion.pipeline, holdout)
    kept = KeptAnswers.of(remembering, holdout.assign(answer="no"), "answer")
    first = remembering.predict(holdout)
    assert remembering.predict(holdout) is first
    assert len(asked) == 2
    assert (kept.predictions.values == first.values).all()
    assert kept.truth.tolist() == [0] * 40
