"""What a step is made of: computed from the imports, so that no list has to be kept."""

import pytest

from champion import settings
from champion.orchestration import code

STEPS = ("steps.prepare", "steps.train_candidate", "steps.evaluate", "steps.promote", "steps.report")


@pytest.mark.parametrize(
    ("module", "reaches", "leaves_out"),
    [
        (
            "steps.prepare",
            {"champion.modeling.split", "champion.modeling.preparation", "champion.modeling.columns"},
            {
                "champion.modeling.training",
                "champion.modeling.tasks.classification.learning",
                "champion.reporting.charts",
                "champion.reporting",
            },
        ),
        (
            "steps.train_candidate",
            {"champion.modeling.training", "champion.modeling.features", "champion.bundle.model"},
            {"champion.reporting.charts", "champion.comparison.compare", "champion.reporting"},
        ),
        (
            "steps.evaluate",
            {
                "champion.comparison.compare",
                "champion.modeling.tasks.classification.learning",
                "champion.reporting.charts",
                "champion.modeling.split",
            },
            {"champion.reporting.markdown"},
        ),
    ],
)
def test_a_step_is_made_of_what_its_imports_reach(module: str, reaches: set[str], leaves_out: set[str]) -> None:
    own, _ = code.reached(module)
    assert {module, "champion.modeling"} <= own
    assert reaches <= own
    assert not leaves_out & own


def test_prepare_does_not_depend_on_scikit_learn_and_training_does() -> None:
    assert "scikit-learn" not in code.libraries(code.reached("steps.prepare")[1])
    assert {"pandas", "numpy"} <= code.libraries(code.reached("steps.prepare")[1]).keys()
    assert {"scikit-learn", "scipy", "skops"} <= code.libraries(code.reached("steps.train_candidate")[1]).keys()


def test_a_foreign_estimator_counts_with_the_version_of_its_own_distribution() -> None:
    assert "skops" in code.libraries(set(), ("skops.card.Card",))
    assert "click" in code.libraries(set(), ("click.Command",))
    assert code.libraries(set(), ("sklearn.tree.DecisionTreeClassifier",)).keys() == {"scikit-learn", "scipy", "numpy"}


def test_templates_beside_a_module_count_as_its_source() -> None:
    assert {path.suffix for path in code.files({"champion.reporting", "champion.reporting.html"})} == {
        ".py",
        ".j2",
        ".css",
    }
    assert all(path.is_file() for module in STEPS for path in code.files(code.reached(module)[0]))


def test_the_fingerprint_follows_facts_and_versions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    one, versions = code.fingerprint({"data_version": "a"}, ("sklearn.tree.DecisionTreeClassifier",))
    assert code.fingerprint({"data_version": "a"}, ("sklearn.tree.DecisionTreeClassifier",)) == (one, versions)
    assert code.fingerprint({"data_version": "b"}, ("sklearn.tree.DecisionTreeClassifier",))[0] != one
    found = code.metadata.version
    monkeypatch.setattr(code.metadata, "version", lambda name: "0" if name == "scikit-learn" else found(name))
    assert code.fingerprint({"data_version": "a"}, ("sklearn.tree.DecisionTreeClassifier",))[0] != one


def test_every_room_that_a_step_may_reach_is_in_the_graph() -> None:
    packages = {path.parent.name for path in settings.root().glob("*/__init__.py")}
    assert packages - {"cli", "devtools", "tests"} == set(code.ROOMS)
