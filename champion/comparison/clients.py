"""What a promotion changes for clients: the champion's contract beside the challenger's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from champion.errors import listed
from champion.modeling.evaluation import Frozen, Label

if TYPE_CHECKING:
    from champion.modeling.contract import Contract
    from champion.modeling.features import Feature

_KINDS = {"numeric": "a number", "categorical": "a text", "boolean": "true or false", "datetime": "a date or time"}


class ChangedField(Frozen):
    """A field that both take, in another way; what stands in `before` and `now` is for a reader."""

    name: str
    before: str
    now: str
    refuses: bool  # whether a value that the champion takes is refused


class ContractChange(Frozen):
    """How the contract of the challenger differs from that of the champion, in the challenger's order, then the champion's.

    `asked` are fields that must be sent and are unknown today, `offered` those that may be left out; `dropped` are no longer
    taken. Classes that are lost are answered by the champion alone, new ones by the challenger.
    """

    asked: list[str] = Field(default_factory=list)
    offered: list[str] = Field(default_factory=list)
    dropped: list[str] = Field(default_factory=list)
    changed: list[ChangedField] = Field(default_factory=list)
    classes_lost: list[Label] = Field(default_factory=list)
    classes_new: list[Label] = Field(default_factory=list)

    @property
    def refused(self) -> list[str]:
        """The fields for which a request that the champion answers would be refused."""
        return [*self.asked, *(each.name for each in self.changed if each.refuses)]

    @property
    def other_fields(self) -> list[str]:
        """The fields that a client may not send as before, or need not."""
        return [*self.refused, *self.offered, *self.dropped]

    def in_words(self, would: bool = False) -> str:
        """What clients have to know, as clauses; empty where nothing changes for them. `would`: it is not done."""
        verbs = ("would", "would no longer take", "would be") if would else ("will", "no longer takes", "is")
        parts = []
        if self.asked:
            parts.append(f"the service {verbs[0]} ask for {listed(self.asked)}")
        if self.offered:
            parts.append(f"the service {verbs[0]} take {listed(self.offered)}, which may be left out")
        if self.dropped:
            parts.append(f"{'and ' if parts else 'the service '}{verbs[1]} {listed(self.dropped)}")
        parts += [f"{each.name!r} {verbs[2]} {each.now}, where it is {each.before} today" for each in self.changed[:5]]
        if len(self.changed) > 5:
            parts.append(f"{len(self.changed) - 5} more fields change")
        return ", ".join(parts)


def contract_change(champion: Contract, challenger: Contract) -> ContractChange:
    """Hold the contract of a challenger against that of the champion."""
    from champion.modeling.cells.writing import takes_writing
    from champion.modeling.features import takes_numbers

    before = {feature.name: feature for feature in champion.features}
    now = {feature.name: feature for feature in challenger.features}
    new = [feature for name, feature in now.items() if name not in before]
    both = [(before[name], feature) for name, feature in now.items() if name in before]
    return ContractChange(
        asked=[feature.name for feature in new if not feature.nullable],
        offered=[feature.name for feature in new if feature.nullable],
        dropped=[name for name in before if name not in now],
        changed=[
            ChangedField(
                name=ours.name,
                before=_taken(theirs),
                now=_taken(ours),
                refuses=ours.kind != theirs.kind
                or (theirs.nullable and not ours.nullable)
                or (takes_numbers(theirs) and not takes_numbers(ours))
                or not takes_writing(ours.rule, theirs.rule),
            )
            for theirs, ours in both
            if _taken(theirs) != _taken(ours)
        ],
        classes_lost=_without(champion.classes, challenger.classes),
        classes_new=_without(challenger.classes, champion.classes),
    )


def _taken(feature: Feature) -> str:
    from champion.modeling.cells.writing import in_words
    from champion.modeling.features import takes_numbers

    kind = "a text or a number" if takes_numbers(feature) else _KINDS[feature.kind]
    if feature.rule is not None and feature.rule.kind:
        kind += f", also {in_words(feature.rule)}"
    return f"{kind} or nothing" if feature.nullable else kind


def _without(some: Sequence[Label], others: Iterable[Label]) -> list[Label]:
    known = {(type(label), label) for label in others}
    return [label for label in some if (type(label), label) not in known]
