"""Every setting that is not a use case's, in one place: names, folders, and the environment of ZenML and DVC, memory."""

import gc
import os
import sys
from pathlib import Path

PROJECT = "champion"
DEFAULT_CONFIG = "configs/iris.yaml"
STORE_FOLDER = ".zenml"
SECRETS = ("ZENML_STORE_API_KEY", "ZENML_STORE_PASSWORD")  # variables whose value nobody may read

LIBRARIES = {
    "numpy": ("numpy",),
    "pandas": ("pandas", "numpy"),
    "pyarrow": ("pyarrow",),
    "scipy": ("scipy", "numpy"),
    "sklearn": ("scikit-learn", "scipy", "numpy"),
    "skops": ("skops",),
    "matplotlib": ("matplotlib",),
    "jinja2": ("jinja2",),
}
"""Import name to the distributions whose version may change what a step makes."""


def root() -> Path:
    """The checkout: the folder that run.py is in."""
    return Path(__file__).resolve().parent.parent


def configurations(folder: Path) -> list[Path]:
    """The files of the use cases of a checkout, those of configs/, by name."""
    return sorted(path for path in (folder / "configs").glob("*.y*ml") if path.suffix in (".yaml", ".yml"))


def results() -> Path:
    """Where models/ and reports/ are: the checkout, or the folder that CHAMPION_RESULTS names where it is there.

    An image names a folder that its user may mount.
    """
    folder = os.environ.get("CHAMPION_RESULTS")
    return Path(folder) if folder and Path(folder).is_dir() else root()


def prepare_environment() -> None:
    """Set what ZenML and DVC read from the environment, before either is imported.

    What the user has set stands. The store is in the checkout, so that another project's ZenML, of another version,
    is neither used nor migrated.
    """
    for name in ("ZENML_STORE_URL", "ZENML_STORE_API_KEY", "ZENML_CONFIG_PATH"):
        if not os.environ.get(name, "").strip():  # a secret that a workflow does not have is an empty text
            os.environ.pop(name, None)
    os.environ.setdefault("ZENML_CONFIG_PATH", str(root() / STORE_FOLDER))
    os.environ.setdefault("ZENML_LOGGING_VERBOSITY", "WARN")
    os.environ.setdefault("DVC_NO_ANALYTICS", "true")
    for name in ("ZENML_ANALYTICS_OPT_IN", "ZENML_ENABLE_RICH_TRACEBACK", "AUTO_OPEN_DASHBOARD"):
        os.environ.setdefault(name, "false")
    binaries = str(Path(sys.executable).parent)
    if binaries not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([binaries, os.environ.get("PATH", "")])


def inside_dvc() -> bool:
    """Whether a DVC stage runs this: its lock is taken, so no dvc may be called."""
    return "DVC_STAGE" in os.environ


def workflow_run() -> str | None:
    """The address of the run of a GitHub workflow that this is part of; None elsewhere."""
    server, repository, run = (os.environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None


def keep_freed_memory() -> None:
    """Keep freed memory for the next table, and collect nothing.

    glibc gives a freed table back to the system at once, and the next one pays for fresh pages: a second in a run over
    a million rows. Collections during the imports cost more than they free in a process that is short-lived.
    """
    import ctypes

    gc.disable()
    trim_threshold, mmap_threshold, most = -1, -3, 2**31 - 1  # as in glibc's malloc.h
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # only glibc has it
    if set_option is not None:
        set_option(mmap_threshold, most)
        set_option(trim_threshold, most)
