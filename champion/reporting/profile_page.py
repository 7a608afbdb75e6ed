"""The profile of a train set as a page of its own, for whoever looks at the artifact instead of the report."""

from champion.modeling.profile import ColumnProfile, Profile
from champion.reporting import facts, sentences, tables
from champion.reporting.histogram import profile_figures
from champion.reporting.page import Page, PageBlock, Plot, Section, render, table
from champion.reporting.words import clean, count, counted


def render_profile(profile: Profile) -> str:
    """The profile as a self-contained page; its first 24 used columns are drawn, every column is in the table."""
    drawn = profile_blocks(profile, profile_figures(profile))
    values = [Section("values", "Values", "Values", drawn)] if drawn else []
    title = "Profile of the train set"
    lead = f"{sentences.classes(profile)} {sentences.columns(profile)}"
    columns = Section("columns", "Columns", "Columns", [table(tables.data(profile))])
    return render(Page(title, title, lead, [*values, columns], style="plain"))


def profile_blocks(profile: Profile, figures: dict[str, str]) -> list[PageBlock]:
    """The classes and the drawn columns, as far as there are figures of them."""
    plots = [(f"{clean(profile.target)} (target)", "profile_target", counted(len(profile.classes), "class"))]
    plots += [(clean(column.name), f"profile_{i}", _in_short(column)) for i, column in facts.drawn_columns(profile)]
    small = [Plot(title, figures[key], text) for title, key, text in plots if key in figures]
    if not small:
        return []
    note = "The area over an interval is the share of its rows; rows are taken to lie evenly between the profile's quantiles."
    return [PageBlock("small", small), PageBlock("note", note)]


def _in_short(column: ColumnProfile) -> str:
    if column.kind == "datetime":
        text = "moments"
    elif column.mean is not None and column.edges is not None:
        text = f"mean {tables.plus_minus(column)}"
    else:
        text = counted(column.distinct, "value")
    return f"{text}, {count(column.missing)} missing" if column.missing else text
