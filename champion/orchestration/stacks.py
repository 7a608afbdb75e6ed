"""ZenML stacks from the YAML under ``stacks/``: registered idempotently, activated for a run or for good.

What differs from one installation to the next (a bucket, a registry) stands in the file as ``${NAME}`` and comes from
the environment. Secrets never do: ZenML keeps them, as ``{{secret.key}}``.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from champion import settings
from champion.bundle.build import code_of
from champion.errors import ConfigurationError, StoreError
from champion.orchestration import stack_support
from champion.orchestration.docker.extras import needed_by, require_imports
from champion.orchestration.stack_support import StackSupport

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import StackResponse

    from champion.bundle.folder import Package
    from champion.modeling.own.code import OwnCode
    from champion.use_case.whole import UseCase


class Component(BaseModel):
    """One component of a stack; without a flavor it is the store's own, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    flavor: str | None = None
    configuration: dict[str, Any] = Field(default_factory=dict)


class StackFile(BaseModel):
    """A file under ``stacks/``: components by type."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    components: dict[str, Component]


def known() -> list[str]:
    """The names of the stacks that have a file."""
    return sorted(path.stem for path in (settings.root() / "stacks").glob("*.yaml"))


def read(name: str) -> StackFile:
    """The file of a stack; a `ConfigurationError` when there is none, it is wrong, or a variable in it is not set."""
    from champion.workspace.yaml_text import parse

    path = settings.root() / "stacks" / f"{name}.yaml"
    if not path.is_file():
        raise ConfigurationError(f"There is no stack {name!r}; stacks/ has: {', '.join(known()) or 'none'}.")
    content = parse(path.read_text(encoding="utf-8"), f"stacks/{name}.yaml")
    try:
        return StackFile.model_validate(_filled_in(content, name))
    except ValidationError as error:
        raise ConfigurationError(f"stacks/{name}.yaml is wrong: {error}") from None


_VARIABLE = re.compile(r"\$\{(\w+)\}")


def _filled_in(value: Any, stack: str) -> Any:
    """Put the environment's values in the place of ``${NAME}``."""
    if isinstance(value, dict):
        return {key: _filled_in(inner, stack) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled_in(inner, stack) for inner in value]
    if not isinstance(value, str):
        return value
    missing = [name for name in _VARIABLE.findall(value) if not os.environ.get(name)]
    if missing:
        raise ConfigurationError(
            f"stacks/{stack}.yaml needs {', '.join(missing)} in the environment, and found nothing there. Set it "
            f"(`export {missing[0]}=...`); docs/scale.md says what to."
        )
    return _VARIABLE.sub(lambda match: os.environ[match[1]], value)


def secrets() -> set[str]:
    """The variables that files under stacks/ fill in where a key, a secret, a token or a password stands."""
    texts = (file.read_text(encoding="utf-8") for file in (settings.root() / "stacks").glob("*.yaml"))
    return {name for text in texts for name in re.findall(r"(?:key|secret|token|password)\W+\$\{(\w+)\}", text)}


def ensure(client: Client, name: str) -> None:
    """Register a stack and its components where they are missing, and bring them up to date where they differ."""
    from zenml.enums import StackComponentType

    components: dict[Any, Any] = {}
    for kind, component in read(name).components.items():
        _ensure_component(client, StackComponentType(kind), component)
        components[StackComponentType(kind)] = component.name
    try:
        registered = client.get_stack(name, allow_name_prefix_match=False)
    except KeyError:
        registered = _made(
            lambda: client.create_stack(name, components),
            lambda: client.get_stack(name, allow_name_prefix_match=False),
        )
    present = {kind: parts[0].name for kind, parts in registered.components.items()}
    if any(present.get(kind) != component for kind, component in components.items()):
        client.update_stack(name, component_updates={kind: [part] for kind, part in components.items()})


def _ensure_component(client: Client, kind: Any, part: Component) -> None:
    try:
        registered = client.get_stack_component(kind, part.name, allow_name_prefix_match=False)
    except KeyError:
        if part.flavor is None:
            raise ConfigurationError(f"The store has no {kind.value} named {part.name!r}; give it a flavor.") from None
        flavor = part.flavor
        registered = _made(
            lambda: client.create_stack_component(part.name, flavor, kind, part.configuration),
            lambda: client.get_stack_component(kind, part.name, allow_name_prefix_match=False),
        )
    if part.flavor is not None and registered.configuration != part.configuration:
        gone = dict.fromkeys(registered.configuration)  # ZenML keeps what is not named, and drops what is None
        client.update_stack_component(part.name, kind, configuration={**gone, **part.configuration})


def _made(make: Callable[[], Any], look: Callable[[], Any]) -> Any:
    """Make what was missing; where another process has made it at this moment, take that.

    A server answers the second of two by an error of its own, or by one of its database.
    """
    try:
        return make()
    except Exception:  # raised again, unless it was made meanwhile
        with contextlib.suppress(KeyError):
            return look()
        raise


def support_of(client: Client, stack: StackResponse | None = None) -> StackSupport:
    """What a stack needs, as the module of its own name says, or of its orchestrator's flavor; without one, nothing.

    Unless another is given it is the active one.
    """
    from zenml.enums import StackComponentType

    stack = stack or client.active_stack_model
    modules = {module.name for module in pkgutil.iter_modules(stack_support.__path__)}
    for name in (stack.name, stack.components[StackComponentType.ORCHESTRATOR][0].flavor_name):
        if name in modules:
            support: StackSupport = importlib.import_module(f"{stack_support.__name__}.{name}").SUPPORT
            return support
    return StackSupport()


def support_for(client: Client, use_case: UseCase | None, own: OwnCode | None, package: Package | None) -> StackSupport:
    """What the active stack needs for the candidates of a use case, with its `own` code, and for the model of a package.

    Of either there may be none. An image of the stack has what they need besides. Raises ConfigurationError where own code
    imports what is in no image.
    """
    stack = support_of(client).having(needed_by(use_case, own, package))
    if stack.image is None:
        return stack
    for code in (own, code_of(package, f"models/{package.manifest.use_case}/code") if package else None):
        require_imports(code, stack.libraries(), f"the image of the stack {client.active_stack_model.name}")
    return stack


@contextlib.contextmanager
def activated(client: Client, name: str | None) -> Iterator[None]:
    """Have a stack active for a run, as `activate` does; without a name the active one stays."""
    if name is None:
        yield
        return
    former = client.active_stack_model.id
    activate(client, name)
    try:
        yield
    finally:
        client.activate_stack(former)


def activate(client: Client, name: str) -> None:
    """Register a stack where it is missing, and make it the active one; a `StoreError` when another one answers."""
    ensure(client, name)
    client.activate_stack(name)
    active = client.active_stack_model.name
    if active != name:
        raise StoreError(
            f"The stack {name!r} was activated, but {active!r} answers: a .zen folder above this one pins another. "
            "Remove it, or run from the checkout."
        )
