"""The model that every part of a use case is."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A frozen model that accepts no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
