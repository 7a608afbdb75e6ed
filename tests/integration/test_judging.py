"""Who becomes the champion: first, better, worse, tie and the policy, in a real store."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from champion.bundle import folder
from champion.bundle.build import build, predictor
from champion.bundle.model import dumps
from champion.modeling.estimators import build_pipeline
from champion.modeling.features import model_frame
from champion.modeling.preparation import prepare_table
from champion.modeling.split import SplitRule
from champion.registry.versions import version_history
from champion.use_case.learning import Candidate, Data
from tests.conftest import Checkout, Session, iris_csv, tree
from tests.support.packages import about, old_package


def test_the_first_run_promotes_the_better_wins_and_worse_and_tie_keep(session: Session) -> None:
    first, executed = session.train(tree(1))
    assert (first.decision.reason_code, first.outcome.action, first.outcome.champion) == ("first", "promoted", 1)
    assert first.evaluation.champion is None
    assert executed == {"prepare", "train_tree", "evaluate", "promote", "report"}
    assert session.manifest()["model_version"] == 1

    better, _ = session.train(tree(2))
    assert (better.decision.reason_code, better.outcome.champion, better.outcome.replaced) == ("better", 2, 1)
    assert session.stages() == {1: "archived", 2: "production"}
    assert session.manifest()["model_version"] == 2
    assert session.manifest()["decision"]["champion"] == 1
    record = version_history(session.client, session.name).number(2).record
    assert record.judged_against == record.replaced == 1
    assert record.champion_score < record.challenger_score == better.decision.challenger_score
    assert (record.fingerprint, record.data_version) == (better.facts.fingerprint, better.facts.data_version)
    assert record.reason == better.decision.reason
    assert session.client.get_model_version(session.name, "production").run_metadata["accuracy"] == pytest.approx(
        better.decision.challenger_score
    )

    tie, _ = session.train(tree(3))
    assert (tie.decision.reason_code, tie.outcome.action, tie.outcome.champion) == ("tie", "kept", 2)
    shown = session.client.list_pipeline_runs(size=1, hydrate=True)[0].run_metadata
    assert (shown["action"], shown["reason"], shown["champion"]) == ("kept", tie.decision.reason, 2)
    assert shown["champion_score"] == shown["challenger_score"] == tie.decision.champion_score

    worse, _ = session.train(tree(0))
    assert (worse.decision.reason_code, worse.outcome.action, worse.outcome.champion) == ("worse", "kept", 2)
    assert session.stages() == {1: "archived", 2: "production", 3: "none", 4: "none"}
    assert session.manifest()["model_version"] == 2


def test_a_candidate_that_fails_is_left_out_with_its_reason_and_the_others_go_on(session: Session) -> None:
    neighbours = {"estimator": "sklearn.neighbors.KNeighborsClassifier", "params": {"n_neighbors": 10_000}}
    case = tree(2)
    case["candidates"]["neighbours"] = neighbours
    made, _ = session.train(case)
    assert made.decision.reason_code == "first"
    assert made.evaluation.challenger.candidate == "tree"
    (why,) = (text for text in made.evaluation.warnings if "failed" in text)
    assert why.startswith(
        "The candidate 'neighbours' failed and was left out: The candidate 'neighbours' cannot be trained"
    )
    reports = session.root / "reports" / session.name
    assert json.loads((reports / "metrics.json").read_text())["failed_candidates"] == 1
    rows = [line.split("|") for line in (reports / "report.md").read_text().splitlines() if line.count("|") > 4]
    assert [cells[2].strip() for cells in rows if "neighbours" in cells[1]] == ["**failed**"]


def test_the_policy_keeps_a_challenger_out_and_the_holdout_counts_each_once(session: Session) -> None:
    low, _ = session.train(tree(1, promotion={"min_score": 0.9}))
    assert (low.decision.reason_code, low.outcome.champion, low.outcome.judged) == ("min_score", None, 1)
    assert session.stages() == {1: "none"}
    assert not (session.root / "models" / session.name).exists()
    session.train(tree(1))
    for policy, reason_code in [
        ({"min_score": 0.99}, "min_score"),
        ({"min_gain": 0.5}, "min_gain"),
        ({"guardrails": {"neg_log_loss": -0.1}}, "guardrail"),
        ({"max_p_value": 1e-9}, "p_value"),
    ]:
        done, _ = session.train(tree(2, promotion={"metric": "accuracy", **policy}))
        assert done.decision.challenger_score > done.decision.champion_score
        assert (done.decision.reason_code, done.outcome.champion, done.outcome.judged) == (reason_code, 1, 2)
        assert session.stages() == {1: "production", 2: "none"}

    freed, _ = session.train(tree(2))
    assert (freed.decision.reason_code, freed.outcome.champion) == ("better", 2), "a policy that lets it in"
    assert session.stages() == {1: "archived", 2: "production"}, "the same challenger keeps its number"
    assert version_history(session.client, session.name).champion.record.reason_code == "better"
    other = tree(2, split={"salt": "another", "min_overlap": 1})
    assert session.train(other)[0].outcome.judged == 1, "another holdout, which judged nobody yet"


def test_no_promote_changes_nothing_and_says_what_it_would_do(session: Session) -> None:
    would, _ = session.train(tree(1), promote=False)
    assert (would.outcome.action, would.outcome.champion) == ("would_promote", None)
    assert session.stages() == {}
    assert not (session.root / "models" / session.name).exists()

    session.train(tree(1))
    before = session.manifest()
    assert session.train(tree(2), promote=False)[0].outcome.action == "would_promote"
    assert session.train(tree(0), promote=False)[0].outcome.action == "would_keep"
    assert session.stages() == {1: "production"}
    assert session.manifest() == before

    assert session.train(tree(2))[0].outcome.champion == 2, "the same run may promote afterwards"


def test_a_champion_is_judged_through_its_own_columns_and_without_one_it_is_said_to_be_unjudged(
    session: Session,
) -> None:
    session.train(tree(2))
    done, _ = session.train(tree(2, data={"drop": ["petal_width", "petal_length"]}))
    assert done.decision.reason_code == "worse"
    assert done.evaluation.champion.scores["accuracy"] > 0.9
    assert done.evaluation.rows.judged == done.evaluation.rows.holdout

    table = (session.root / "data/iris.csv").read_text().splitlines()
    session.write("\n".join(",".join([*line.split(",")[:3], line.split(",")[4]]) for line in table) + "\n")
    kept, _ = session.train(tree(2))
    assert (kept.decision.reason_code, kept.outcome.champion) == ("unjudged", 1)
    assert [words for words in ("petal_width", "replace_unjudged") if words not in kept.decision.reason] == []
    replaced, _ = session.train(tree(2, promotion={"replace_unjudged": True}))
    assert (replaced.decision.reason_code, replaced.outcome.replaced) == ("unjudged_replaced", 1)
    assert replaced.evaluation.contract_change is not None
    assert replaced.evaluation.contract_change.dropped == ["petal_width"]
    assert session.manifest()["title"]["former_fields"] == ["petal_width"]
    assert session.stages()[replaced.outcome.champion] == "production"
    assert session.manifest()["model_version"] == replaced.outcome.champion


def test_a_champion_of_other_libraries_is_judged_where_it_answers_and_else_the_run_says_what_moved(
    session: Session, store: Any, tmp_path: Path
) -> None:
    old_package("boosting", session.root, session.name)
    same = {"split": {"salt": "holdout"}}
    done, _ = session.train(tree(1, **same))
    assert any("still set aside by the rule of version 0.1" in note for note in done.notes)
    assert done.evaluation.rows.judged == done.evaluation.rows.holdout
    assert (done.decision.reason_code, done.outcome.champion) == ("worse", 1)
    assert done.evaluation.champion.scores["accuracy"] > 0.9
    (note,) = [note for note in done.notes if "scikit-learn 1.8.0, which is 1.9" in note]
    assert note.startswith("Model version 1 was made with ")
    assert note.endswith("That alone is no fault.")

    other = Session(tmp_path / "other", store)
    other.write(iris_csv())
    old_package("imputing", other.root, other.name)
    kept, _ = other.train(tree(2, **same))
    assert (kept.decision.reason_code, kept.outcome.champion) == ("unjudged", 1)
    assert "scikit-learn 1.7.2, which is 1.9" in kept.decision.reason
    assert "and its model cannot answer: AttributeError: 'SimpleImputer'" in kept.decision.reason
    assert kept.evaluation.contract_change is not None, "what it takes is known all the same"
    (ways,) = [note for note in kept.notes if "uv run --no-project" in note]
    assert [
        words for words in ("replace_unjudged", "--with scikit-learn==1.7.2", "run.py train") if words not in ways
    ] == []

    unknown = skops.io.dumps(make_pipeline(FunctionTransformer(os.path.join)))
    third = Session(tmp_path / "third", store)
    third.write(iris_csv())
    old_package("imputing", third.root, third.name, unknown)
    replaced, _ = third.train(tree(2, promotion={"replace_unjudged": True}, **same))
    assert (replaced.decision.reason_code, replaced.outcome.replaced) == ("unjudged_replaced", 1)
    assert replaced.evaluation.contract_change is not None, "also of a model that cannot be loaded"
    assert "scikit-learn 1.7.2, which is 1.9" in replaced.decision.reason
    assert (
        "its model cannot be loaded: this version's list of trusted types lacks posixpath.join"
        in replaced.decision.reason
    )


def test_the_command_line_tells_the_decision_to_people_and_programs(ready: Checkout) -> None:
    ready.figures = True
    config = ready.write_use_case(tree(1))
    ready.env |= {"ZENML_STORE_URL": "", "ZENML_STORE_API_KEY": ""}  # an empty address is none
    ready.git("add", "--all")
    ready.git("commit", "--quiet", "--message", "use case")
    found = ready.train("--config", config, "--no-promote", "--require-promotion")
    assert found["action"] == "would_promote"
    assert ready.models() == []

    found = ready.train("--require-promotion")
    assert (found["action"], found["champion"], found["store"], found["stack"]) == ("promoted", 1, ".zenml", "default")
    assert found["lineage"]["commit"] == ready.git("rev-parse", "HEAD").strip()
    assert found["lineage"]["dirty"] is False

    refused = ready.run("train", "--require-promotion", expect=3)
    assert "The champion stays" in refused.stdout
    assert "Store: .zenml   Stack: default" in refused.stdout
    assert json.loads(ready.run("train", "--json", "--require-promotion", expect=3).stdout)["action"] == "kept"

    shown = ready.run("models").stdout
    assert [words for words in ("version 1", "production") if words not in shown] == []
    (entry,) = ready.models()
    assert {"number", "stage", "metrics", "data_version", "commit", "created", "reason"} <= entry.keys()
    assert ready.git("status", "--porcelain") == ""
    reports = {path.name for path in (ready.root / "reports/iris").iterdir()}
    assert reports >= {"report.md", "report.html", "metrics.json"}
    assert "<svg" in (ready.root / "reports/iris/report.html").read_text(encoding="utf-8")


def of_0_1_with_moments(session: Session, estimator: str) -> pd.DataFrame:
    """Put a champion in its place that reads a moment as version 0.1 did, hour and weekday by UTC; its table comes back."""
    instants = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(300) * 397, unit="min")
    offsets = [["+09:00", "-08:00", "+00:00"][row % 3] for row in range(300)]
    texts = [instant.tz_convert(offset).isoformat() for instant, offset in zip(instants, offsets, strict=True)]
    table = pd.DataFrame({"when": texts, "n": np.arange(300) * 31 % 97 / 4})
    table["y"] = np.where(instants.hour < 12, "early", "late")
    rule = SplitRule(by="hash", share=0.3, salt="s", columns=("n", "when"))
    assert rule.version == 1
    train, _, profile, plan, _ = prepare_table(table, Data(path="", target="y"), rule)
    features = tuple(feature.model_copy(update={"clock": None}) for feature in plan.features)
    assert {feature.kind for feature in features} == {"datetime", "numeric"}
    pipeline = build_pipeline(Candidate(estimator=estimator), features, seed=0)
    pipeline.fit(model_frame(train, features), (train["y"] == "late").astype(int))
    facts = {
        "signature": features,
        "classes": ("early", "late"),
        "target": "y",
        "split": rule,
        "use_case": session.name,
    }
    made = build(dumps(pipeline), profile, **about(**facts))
    folder.write(made, session.root / "models" / session.name)
    session.write(table.to_csv(index=False), "data/moments.csv")
    return table


@pytest.mark.parametrize(("estimator", "reason_code"), [
    ("sklearn.tree.DecisionTreeClassifier", "worse"), ("sklearn.dummy.DummyClassifier", "better"),
])  # fmt: skip
def test_a_champion_of_0_1_reads_moments_as_it_did_whether_it_stays_or_goes(
    session: Session, estimator: str, reason_code: str
) -> None:
    table = of_0_1_with_moments(session, estimator)
    data = {"path": "data/moments.csv", "target": "y", **({"zone": "UTC"} if reason_code == "better" else {})}
    case = tree(2, data=data, split={"share": 0.3, "salt": "s", "min_overlap": 5}, promotion={"metric": "accuracy"})
    case["candidates"]["tree"]["params"] = {"max_depth": 3, "random_state": 0}
    done, _ = session.train(case)
    champion = done.evaluation.champion
    assert champion is not None
    assert (done.decision.reason_code, done.evaluation.rows.judged >= 5) == (reason_code, True)
    if reason_code == "worse":
        assert champion.scores["accuracy"] > 0.97, "by the hours of UTC it tells early from late"
        assert done.evaluation.challenger.scores["accuracy"] < 0.9, (
            "and by those of each moment's own offset nobody can"
        )
        assert session.manifest()["model_version"] == 1
        package = folder.read(session.root / "models" / session.name, "the champion")
        assert package is not None
        answers = predictor(package, "the champion").predict(table)
        assert (answers.values == (table["y"] == "late")).mean() > 0.97
        return
    signature = {feature["name"]: feature for feature in session.manifest()["signature"]}
    assert (session.manifest()["model_version"], signature["when"]["clock"]) == (2, "UTC")
    again, _ = session.train(case)
    assert again.decision.reason_code in ("same", "tie"), "and it is judged itself"
