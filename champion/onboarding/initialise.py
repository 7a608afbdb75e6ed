"""A use case for a table of one's own: ``run.py init TABLE --target COL``, without its printing.

Everything is read and checked before anything is written. What is written after that, is written whole or not at all:
an error or Ctrl-C on the way takes it back.
"""

import re
import shutil
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from champion import settings
from champion.comparison.doubts import doubt_in_words
from champion.datastore import dvc, index
from champion.errors import ConfigurationError, DataError, NotEnoughDataError, ProjectError, listed
from champion.modeling.cells.ruled import as_ruled
from champion.modeling.checks.wrong_cells import mended
from champion.modeling.columns import Column, infer, is_identifier_name
from champion.modeling.doubts.doubt import Doubt
from champion.modeling.doubts.look import look
from champion.modeling.doubts.repeated import MOSTLY, repeated_rows
from champion.modeling.enough import SALTS, require_enough, salt_of
from champion.modeling.preparation import labelled
from champion.modeling.table import check
from champion.modeling.tasks import TASKS
from champion.modeling.tasks.target import target_of
from champion.onboarding.cell_rules import CellRules, find
from champion.onboarding.stage import with_stage, without_stage
from champion.onboarding.use_case_text import Facts, quoted, use_case_text
from champion.tabular.as_written import as_they_stand, as_written
from champion.tabular.propose import Proposal
from champion.tabular.tables import ending_of, notes_of, open_table, proposal_for, read_table
from champion.tabular.words import count_words
from champion.use_case.dialect import Dialect
from champion.use_case.learning import MISSING_WORDS, Data, Read, Split
from champion.use_case.whole import MOST_LETTERS, NAME_RULE, UseCase, is_name, parse_use_case
from champion.workspace import process
from champion.workspace.files import md5, put_copy, write_text
from champion.workspace.workspace import refuse_two, shown
from champion.workspace.yaml_text import parse

_MAY_BE_VALUES = ("None", "NA", "N/A", "n/a")  # of MISSING_WORDS, those that people write; the others are programs'
_OF_TEXTS = ("categorical", "text", "identifier", "constant", "empty")  # kinds in which a word may be a value
_TWICE = "Its name stands more than once, so nobody can tell which is meant: rename all but one to use it."
_MOST_COLUMNS = 4  # named for a word


@dataclass(frozen=True)
class Initialised:
    """What was made; the paths are relative to the checkout."""

    name: str
    config: Path
    data: Path
    columns: list[Column]
    warnings: list[str]
    tracked: bool
    classes: dict[str, int] = field(default_factory=dict)  # rows of each
    missing: dict[str, float] = field(default_factory=dict)  # share of the rows, by column
    address: str | None = None  # of the table, where it stays in an object store


def initialise(
    root: Path, table: Path, target: str, name: str | None = None, *, force: bool = False, address: str | None = None
) -> Initialised:
    """Write a use case that runs as it stands, named after the table's file where `name` is left out.

    A table of an object store, which was fetched from `address`, stays there: the use case names its address, and dvc.yaml gets
    no stage. Another is copied to data/NAME if it lies elsewhere, and put under DVC; the stage `train` of dvc.yaml gets an
    entry for it. Raises ConfigurationError when the name is no name or is taken, or dvc.yaml is not YAML. Raises
    DataError when the table cannot be read or learned from, or another file is in its place, NotEnoughDataError when its split
    would leave nothing to learn or to judge. Raises ProjectError when a file cannot be written, or DVC fails. Nothing is left
    behind.
    """
    suffix = ending_of(table.name)
    stem = slug(table.name[: len(table.name) - len(suffix)])
    name = _checked(name if name is not None else stem, table, given=name is not None)
    config = root / "configs" / f"{name}.yaml"
    config_path, table_name = shown(config, root), address or shown(table, root)
    if config.exists() and not force:
        raise ConfigurationError(f"{config_path} exists already. Give another --name, or --force to write it anew.")
    refuse_two(root, config, name)
    target = unicodedata.normalize("NFC", target).strip()
    proposal = _proposal(table, table_name, target)
    unused = [column for column in _repeated_columns(table, proposal.how) if column != target]
    read, said, cells = _how_cells_are_read(table, table_name, target, unused, proposal.how)
    cells = replace(cells, asked=[*proposal.asked, *cells.asked])
    frame = as_written(read_table(table, table_name, unused, read.words, read), table, read)
    frame, wrong = mended(frame, Data(path="", target=target, read=read))
    frame = as_ruled(frame, read.columns)
    data = table if address else _under_data(root, table, f"{name}{suffix}")
    data_path = address or shown(data, root)
    columns = [
        replace(column, used=False, why=_TWICE) if column.name in unused else column
        for column in cells.with_codes(infer(frame, exclude=[target], kinds={}, rules=read.columns), frame)
    ]
    missing = {str(name): float(share) for name, share in frame.isna().mean().items() if share}
    unlabelled = "drop" if missing.get(target) else "refuse"
    frame, without = labelled(frame, Data(path="", target=target, unlabelled=unlabelled))
    drop = [column.name for column in columns if not column.used]
    about = {"path": data_path, "target": target, "drop": drop, "read": read, "unlabelled": unlabelled}
    bare, warnings = _learnable(frame, {"name": name, "data": about})
    bare, comments, doubts = _doubtful(frame, bare, columns)
    bare, salted = _salted(frame, bare, config)
    comments, doubts = [*comments, *salted], [*doubts, *salted]
    _require_enough(frame, bare)
    numbers = set(frame.select_dtypes("number", exclude="timedelta").columns)
    values = target_of(bare.task).canonical_labels(frame[target]).tolist()
    counts = Counter(map(str, values))
    facts = Facts(missing, counts, cells)
    text = use_case_text(bare, columns, values, numbers, comments, facts)
    parse_use_case(parse(text, config_path), config_path)  # what is written can be read
    stages, no_stage = (without_stage(root, name), None) if address else with_stage(root, name, data_path)
    del frame
    with _all_or_nothing(root, data, config):
        if not data.exists():
            put_copy(table, data)
        untracked = None if address else _track(root, data)
        if stages is not None:
            write_text(root / "dvc.yaml", stages)
        write_text(config, text)
    warnings += [*proposal.said, *notes_of(table, read), *doubts, *said, *cells.in_sentences(), *without, *wrong]
    warnings += filter(None, (no_stage, untracked))
    files = config.relative_to(root), data.relative_to(root)
    tracked = untracked is None and address is None
    return Initialised(name, *files, columns, warnings, tracked, dict(counts.most_common()), missing, address)


def _proposal(table: Path, display_name: str, target: str) -> Proposal:
    """How the table is to be read, which has the target as a column."""
    if not table.exists():
        raise DataError(f"The table {display_name} does not exist. Put it there, or correct the path.")
    try:
        proposal = proposal_for(table, display_name, [target])
    except OSError as error:
        raise DataError(f"The table {display_name} cannot be read ({error.strerror or error}).") from None
    if proposal.like_a_row and target not in proposal.like_a_row:
        raise DataError(
            f"The table {display_name} has no column {target!r}, and its first line looks like a row: "
            f"{listed(proposal.like_a_row, most=6)}. Where it is one, the columns are called c1 to "
            f"c{len(proposal.like_a_row)}: say which one is the target, such as --target c1."
        )
    return proposal


def _repeated_columns(table: Path, how: Dialect) -> tuple[str, ...]:
    """The names of columns that stand more than once; none of a table that cannot be read, which is said where it is read."""
    with suppress(OSError, DataError):
        return open_table(table, how).repeated
    return ()


def _how_cells_are_read(
    table: Path, display_name: str, target: str, unused: Sequence[str], how: Dialect
) -> tuple[Read, list[str], CellRules]:
    """Which texts of a table stand for no value, what is to be said of it, and the rules of its columns.

    A word such as NA or None is a value where it stands in the target, or among texts alone. Where it stands among numbers,
    dates or truth values too, it is how this table writes a missing value.
    """
    frame = read_table(table, display_name, unused, how=how)  # what is wrong with the table is said here
    held = count_words(table, _MAY_BE_VALUES, how=how)
    once = frame.drop(columns=[*unused])
    cells = find(once, target, lambda names: as_they_stand(table, names, Read(**how.model_dump())))
    known = infer(as_ruled(frame[list(held)], cells.rules), exclude=[], kinds={}, rules=cells.rules)
    texts = {column.name for column in known if column.kind in _OF_TEXTS}
    values, said, asked = [], [], list[str]()
    for word in _MAY_BE_VALUES:
        rows = {name: counts[word] for name, counts in held.items() if counts[word]}
        if not rows:
            continue
        where = ", ".join(f"{name!r} ({count:,} rows)" for name, count in list(rows.items())[:_MOST_COLUMNS])
        where += f" and {len(rows) - _MOST_COLUMNS} more columns" if len(rows) > _MOST_COLUMNS else ""
        if target in rows or texts.issuperset(rows):
            values.append(word)
            if target in rows:
                asked.append(
                    f"{word!r} is a class of {target!r}. If it is no label: add it to missing, and say unlabelled: drop"
                )
            said.append(f"{word!r} is a value, in {where}. Where it means missing, add it to data.read.missing.")
        elif not texts.isdisjoint(rows):
            said.append(
                f"{word!r} is read as missing, in {where}. Where it is a value, take it out of data.read.missing."
            )
    missing = tuple(word for word in MISSING_WORDS if word not in values)
    return (
        Read(**how.model_dump(), missing=missing, columns=cells.rules),
        said,
        replace(cells, asked=[*cells.asked, *asked]),
    )


def _learnable(frame: pd.DataFrame, given: dict[str, object]) -> tuple[UseCase, list[str]]:
    """A use case of the first task that takes the table, and what is doubtful about it; the first one's error if none does."""
    refusals = []
    for task in TASKS:
        bare = {**given, "task": task, "candidates": {"any": {"estimator": "any"}}}
        try:
            return (use_case := parse_use_case(bare, "The new use case")), check(frame, use_case)
        except DataError as error:
            refusals.append(error)
    raise refusals[0]


def _doubtful(frame: pd.DataFrame, bare: UseCase, columns: list[Column]) -> tuple[UseCase, list[str], list[str]]:
    """The use case with the split that the table asks for, the reasons as comments, and all that is to be said."""
    target, split, comments, said = bare.data.target, Split(), [], []
    classes = target_of(bare.task).classes_to_learn(frame[target], "init")
    for doubt in look(frame, target, classes, columns):
        words = doubt_in_words(doubt, target)
        if doubt.what == "group":
            name = doubt.columns[0]
            comments.append(words)
            if _names_things(doubt, columns) and frame[name].notna().all():
                split = Split(by="group", column=name)
                words += f" So the use case says by: group, column: {name}."
            elif len(doubt.columns) == 1:
                comments.append(f"by: group, column: {quoted(name)}")
        said.append(words)
    features = [column.name for column in columns if column.used]
    repeated = repeated_rows(frame, features, target)
    if split.by == "hash" and repeated.share > MOSTLY:
        beside = f"{repeated.share:.0%} of the rows have an equal one beside them, in all features"
        if repeated.are_observations:
            split = Split(repeats="observations")
            comments.append(f"{beside}: each is taken for an observation of its own.")
            said.append(f"{beside}. Each is taken for an observation of its own (split.repeats: observations).")
        else:
            said.append(f"{beside}, and with one {target!r} each: they are taken for copies, and stay on one side.")
    return bare.model_copy(update={"split": split}), comments, said


def _salted(frame: pd.DataFrame, bare: UseCase, config: Path) -> tuple[UseCase, list[str]]:
    """The use case with a salt that splits the table well, and why it is not its name where it is not.

    A file that is written anew keeps its salt, so that no row moves.
    """
    with suppress(OSError, ConfigurationError):
        former = parse_use_case(parse(config.read_text(encoding="utf-8"), config.name), config.name).split.salt
        return bare.model_copy(update={"split": bare.split.model_copy(update={"salt": former})}), []
    salt, wrong = salt_of(frame, bare, (bare.name, *(f"{bare.name}-{number}" for number in range(2, SALTS + 1))))
    said = [f"Rows are set aside by the salt {salt!r}: by {bare.name!r} {wrong}."] if wrong else []
    return bare.model_copy(update={"split": bare.split.model_copy(update={"salt": salt})}), said


def _require_enough(frame: pd.DataFrame, salted: UseCase) -> None:
    """Refuse what the first run would refuse for too few rows."""
    try:
        require_enough(frame, salted, "Add rows.")
    except NotEnoughDataError as error:
        more = "" if "Add rows" in str(error) else " Add rows."
        raise NotEnoughDataError(f"{error}{more} Nothing was written.") from None


def _names_things(doubt: Doubt, columns: list[Column]) -> bool:
    """Whether one column, and no other, clearly names what the rows are of."""
    kinds = {column.name: column.kind for column in columns}
    name = doubt.columns[0]
    return (
        len(doubt.columns) == 1
        and (is_identifier_name(name) or kinds[name] in ("identifier", "text"))
        and not any(map(is_identifier_name, doubt.others))
    )


def slug(text: str) -> str:
    """Fold a text into a use case's name: lower case, no accents, underscores between words.

    >>> slug("Café Größe (2026)")
    'cafe_grosse_2026'
    """
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9-]+", "_", plain).strip("_-")[:MOST_LETTERS].rstrip("_-")


def _checked(name: str, table: Path, given: bool) -> str:
    """The name of a use case, as `--name` or the file gives it."""
    if not given and not name:
        raise ConfigurationError(f"No name can be made of {table.name!r}. Give one with --name.")
    if not is_name(name):
        hint = f" For example {slug(name)!r}." if slug(name) else ""
        raise ConfigurationError(f"--name: found {name!r}, expected {NAME_RULE}.{hint}")
    return name


def _under_data(root: Path, table: Path, file: str) -> Path:
    """Where the table is to be: `file` under data/, or as it is where it lies directly in data/."""
    if table.parent.resolve() == (root / "data").resolve():
        return root / "data" / table.name
    path = root / "data" / file
    if path.exists() and md5(table) != md5(path):
        raise DataError(
            f"{shown(path, root)} exists already and holds something else than {table.name}. Give another --name, "
            "or move the other file away."
        )
    return path


@contextmanager
def _all_or_nothing(root: Path, data: Path, config: Path) -> Iterator[None]:
    """Bring back what was there before, when the block does not reach its end."""
    pointer = data.with_name(f"{data.name}.dvc")
    written = (config, root / "dvc.yaml", pointer, data.with_name(".gitignore"), *(() if data.exists() else (data,)))
    before = {file: file.read_bytes() if file.exists() else None for file in written}
    folders = [folder for folder in (config.parent, data.parent) if not folder.exists()]
    try:
        yield
    except BaseException as error:  # Ctrl-C is undone too
        for file, content in before.items():  # one in a place that cannot be written does not keep the others
            with suppress(OSError):
                if content is None:
                    shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
                elif not file.exists() or file.read_bytes() != content:
                    file.write_bytes(content)
        for folder in folders:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise ProjectError(
                f"The use case could not be written ({error.strerror or error}); nothing was changed. Make room or "
                "give permission, and run again."
            ) from error
        raise


def _track(root: Path, data: Path) -> str | None:
    """Put the table under DVC; a warning where that cannot be."""
    path = shown(data, root)
    known = index.tracked(root, data)
    if known.stage or (known.md5 is not None and known.names(data, index.data_version(data))):
        return None
    lacking = " and ".join(f"`{tool} init`" for tool in ("git", "dvc") if not (root / f".{tool}").exists())
    if lacking:
        return f"{path} is not under DVC, so nobody else can get it. Run {lacking}, then `dvc add {path}`."
    if settings.inside_dvc():
        return f"{path} is not under DVC, because a DVC stage runs this. Run `dvc add {path}` afterwards."
    adding = process.start([sys.executable, "-m", "dvc", "add", path], root, alone=True)
    try:
        output, _ = adding.communicate()
    except BaseException:  # Ctrl-C waits for dvc: half-way, the table may be in its cache only
        adding.communicate()
        raise
    if adding.returncode:
        reason = dvc.Done(False, output).last_line
        raise ProjectError(f"DVC could not take {path}: {reason}. Nothing was changed; mend that first.")
    return None
