"""What people read: the report of a run as a page and as Markdown, the comment of a pull request, and drift in `drift`.

`words`, `sentences` and `tables` write the numbers once; `charts` and `svg` draw. `figures` is the table of the figures, and
`report` finds what depends on the task, in a folder of its name. `page` and `markdown` put all of it down, `html` and `comment`
say in which order. Importing it costs nothing: no pandas, no scikit-learn, no matplotlib, and jinja2 only for a page.
"""
