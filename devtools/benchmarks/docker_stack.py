"""The docker stack: what a whole run costs, and what a step costs beyond the same step on the local stack."""

import re
import statistics
from dataclasses import dataclass

from devtools.benchmarks.measure import Result, alternate, run
from devtools.benchmarks.sandbox import Sandbox
from devtools.checkout import UnexpectedError

_STEP = re.compile(r"^\s*(\w+)\s+done\s+([\d.]+) s\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Runs:
    """Runs of iris with nothing cached on both stacks: whole seconds, and the mean seconds of a step."""

    docker: tuple[float, ...]
    docker_step: tuple[float, ...]
    local_step: tuple[float, ...]


def measure_both(sandbox: Sandbox, repeats: int) -> Runs:
    """Run iris on both stacks in turn, the image built and the store warm.

    Parameters
    ----------
    sandbox : Sandbox
        Where.
    repeats : int
        Runs of each stack.

    Raises
    ------
    UnexpectedError
        When a run fails, or says nothing of its steps.
    """
    docker = sandbox.train(sandbox.warm_product, "--no-cache", "--stack", "docker")
    local = sandbox.train(sandbox.warm_product, "--no-cache", "--stack", "local")
    run(docker)
    run(local)
    ours, rival = alternate(lambda _: run(docker), lambda _: run(local), repeats)
    return Runs(
        tuple(result.seconds for result in ours),
        tuple(_mean_step(result) for result in ours),
        tuple(_mean_step(result) for result in rival),
    )


def _mean_step(result: Result) -> float:
    seconds = [float(took) for _, took in _STEP.findall(result.output)]
    if not seconds:
        raise UnexpectedError(f"No step told how long it took. The run said:\n{result.output[-2000:]}")
    return statistics.fmean(seconds)
