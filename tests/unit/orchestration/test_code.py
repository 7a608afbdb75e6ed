"""What a step is made of: computed from the imports, so that no list has to be kept."""

import re
from pathlib import Path

import pytest
import yaml

from champion import settings
from champion.orchestration import code
from champion.orchestration.docker import image
from tests.conftest import ROOT, copy_project


@pytest.mark.parametrize(
    ("module", "reaches", "leaves_out"),
    [
        ("steps.prepare", "split preparation tasks.classification.target", "training tasks.classification.learning"),
        ("steps.train_candidate", "training features tasks.classification.learning",
         "equivalence tasks.classification.judging tasks.classification.evidence tasks.classification.answer"),
        ("steps.evaluate", "tasks.classification.judging split", "preparation tasks.classification.start"),
    ],
)  # fmt: skip
def test_a_step_is_made_of_what_its_imports_reach(module: str, reaches: str, leaves_out: str) -> None:
    own, _ = code.reached(module)
    assert {module, "champion.modeling"} <= own
    assert {f"champion.modeling.{name}" for name in reaches.split()} <= own
    assert not {f"champion.modeling.{name}" for name in leaves_out.split()} & own
    assert not {f"champion.reporting.{name}" for name in ("markdown", "figures", "sentences")} & own


def test_modules_that_are_found_by_the_name_of_a_task_are_reached_as_if_they_were_imported() -> None:
    drawn, told = (f"champion.reporting.classification.{part}" for part in ("charts", "report"))
    assert {drawn, told} & code.reached("steps.evaluate")[0] == {drawn}, "another sentence draws nothing anew"
    assert {drawn, told} <= code.reached("steps.report")[0] & code.reached_in_an_image()
    assert "champion.drift.classification.labels" in code.reached("champion.drift.rows")[0]


def test_a_step_depends_on_the_libraries_it_imports_and_on_the_distribution_of_a_foreign_estimator() -> None:
    prepare, train = (code.libraries(code.reached(f"steps.{step}")[1]) for step in ("prepare", "train_candidate"))
    assert "scikit-learn" not in prepare
    assert {"pandas", "numpy"} <= prepare.keys()
    assert {"scikit-learn", "scipy", "skops"} <= train.keys()
    assert "skops" in code.libraries(set(), ("skops.card.Card",))
    assert "click" in code.libraries(set(), ("click.Command",))
    assert code.libraries(set(), ("sklearn.tree.DecisionTreeClassifier",)).keys() == {"scikit-learn", "scipy", "numpy"}


def test_templates_that_a_module_names_count_as_its_source() -> None:
    names = {path.name for path in code.files({"champion.reporting.html", "champion.reporting.page"})}
    assert names == {"html.py", "page.py", "page.html.j2", "page.css"}


def test_the_fingerprint_follows_facts_and_versions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    facts, tree = {"data_version": "a"}, ("sklearn.tree.DecisionTreeClassifier",)
    one, versions = code.fingerprint(facts, tree)
    assert code.fingerprint(facts, tree) == (one, versions)
    assert code.fingerprint({"data_version": "b"}, tree)[0] != one
    version = code.metadata.version
    monkeypatch.setattr(code.metadata, "version", lambda name: "0" if name == "scikit-learn" else version(name))
    assert code.fingerprint(facts, tree)[0] != one


def test_every_room_that_a_step_may_reach_is_in_the_graph() -> None:
    packages = {path.parent.name for path in settings.root().glob("*/__init__.py")}
    assert packages - {"cli", "devtools", "features", "tests"} == set(code.ROOMS)


def test_what_trains_reaches_no_policy_no_words_and_no_page() -> None:
    own, _ = code.reached(*code.MAKING)
    rooms = {".".join(name.split(".")[:2]) for name in own} | own
    assert not rooms & {
        "champion.comparison", "champion.drift", "champion.registry", "champion.reporting", "champion.use_case.policy",
        "champion.use_case.whole", "champion.datastore", "champion.workspace", "champion.bundle.folder", "champion.ci",
        "champion.onboarding", "champion.serving",
    }  # fmt: skip


def test_the_check_of_a_table_depends_on_nothing_but_reading_and_modeling() -> None:
    own, _ = code.reached("pipelines.table_check")
    rooms = {".".join(name.split(".")[:2]) for name in own}
    assert rooms == {
        "champion", "champion.errors", "champion.modeling", "champion.patching", "champion.scratch", "champion.tabular",
        "champion.use_case", "pipelines", "pipelines.table_check",
    }  # fmt: skip


def test_dvc_repro_depends_on_what_a_run_reaches() -> None:
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["train"]["do"]
    deps = [Path(dep) for dep in stage["deps"] if not dep.startswith("${")]
    own, _ = code.reached("pipelines.training")
    files = [path.relative_to(settings.root()) for path in code.files(own) if path.stat().st_size]
    inits = {Path(room, "__init__.py") for room in ("champion", "steps", "pipelines")}  # their docstring alone
    assert not [path for path in files if path not in inits and not any(path.is_relative_to(dep) for dep in deps)]
    named = (Path("run.py"), Path("features"))  # the second by the code of a use case alone
    unreached = [dep for dep in deps if dep not in named and not any(path.is_relative_to(dep) for path in files)]
    assert not unreached


def test_the_pages_that_a_materializer_imports_by_name_are_in_the_image() -> None:
    from champion.orchestration.materializers.files import PAGES

    pages = {f"champion.reporting.{module}" for module, _, _ in PAGES.values()}
    assert pages <= set(code.IN_AN_IMAGE) <= code.reached_in_an_image()


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project, whose files count instead of the checkout's."""
    copy_project(tmp_path)
    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    return tmp_path


def edit(root: Path, name: str) -> None:
    with (root / name).open("a", encoding="utf-8") as file:
        file.write("\n# edited\n")


@pytest.mark.parametrize(
    ("names", "same"),
    [
        ("champion/ci/environment.py champion/orchestration/docker/containers.py champion/reporting/comment.py "
         "champion/reporting/drift/issue.py champion/serving/log.py cli/train.py configs/iris.yaml "
         "pipelines/training.py README.md run.py", True),
        ("champion/comparison/decision.py", False),
        ("champion/reporting/page.html.j2", False),
        ("Dockerfile", False),
        ("requirements/image.txt", False),
    ],
)  # fmt: skip
def test_what_a_step_is_made_of_builds_a_new_image_and_nothing_else_does(copy: Path, names: str, same: bool) -> None:
    before = image.PIPELINE.content_hash()
    for name in names.split():
        edit(copy, name)
    assert (image.PIPELINE.content_hash() == before) is same


def test_an_estimator_of_our_own_that_a_use_case_names_is_in_the_image(copy: Path) -> None:
    assert "champion.serving.log" not in code.reached_in_an_image()
    (copy / "configs/own.yaml").write_text("candidates:\n  own: {estimator: champion.serving.log.Own}\n")
    assert "champion.serving.log" in code.reached_in_an_image()


@pytest.mark.parametrize(
    ("name", "same"),
    [(f"champion/{name}.py", True)
     for name in ("comparison/decision", "errors", "orchestration/materializers/table", "use_case/policy")]
    + [("champion/modeling/training.py", False), ("champion/use_case/learning.py", False)],
)  # fmt: skip
def test_a_fingerprint_follows_what_makes_a_model_and_no_words(copy: Path, name: str, same: bool) -> None:
    before, _ = code.fingerprint({}, ())
    edit(copy, name)
    assert (code.fingerprint({}, ())[0] == before) is same


def test_modules_of_ours_that_own_code_imports_count_in_cache_key_and_fingerprint(copy: Path) -> None:
    named = ("champion.terminal.echo",)
    before = code.fingerprint({}, named)[0], code.step_version("steps.train_candidate", named)
    edit(copy, "champion/terminal.py")
    assert code.fingerprint({}, named)[0] != before[0]
    assert code.step_version("steps.train_candidate", named) != before[1]
    assert "champion.terminal" not in code.reached(*code.MAKING)[0]


def test_the_serving_image_has_every_module_that_the_service_reaches() -> None:
    text = image.stages((settings.root() / "Dockerfile").read_text(encoding="utf-8"), "serving")
    copied = [name for line in re.findall(r"(?m)^COPY (champion.*) \S+$", text) for name in line.split()]
    missing = [
        name
        for path in code.files(code.reached("champion.serving.__main__")[0])
        if not (name := path.relative_to(settings.root()).as_posix()).startswith(tuple(copied))
    ]
    assert missing == []
