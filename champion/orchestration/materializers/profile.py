"""A profile in the store: JSON, with its page."""

from typing import Any, ClassVar

from champion.modeling.profile import Profile
from champion.orchestration.materializers.files import PageMaterializer


class ProfileMaterializer(PageMaterializer):
    """A profile as JSON, with a table of it for the dashboard."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Profile,)
    PAGE: ClassVar[tuple[str, str, str]] = ("profile_page", "render_profile", "profile.html")
