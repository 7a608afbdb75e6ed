"""The report of drift: as a page, as Markdown, over time, and as an issue."""
