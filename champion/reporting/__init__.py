"""What people read: the report of a run as a page and as Markdown, the comment of a pull request, and drift in `drift`.

`facts` holds the numbers; `words`, `sentences` and `tables` write them once; `charts` and `svg` draw. `figures` is the
table of a report's figures. `page` and `markdown` put all of it down, `html` and `comment` say in which order. Importing it
costs nothing: no pandas, no scikit-learn, no matplotlib, and jinja2 only when a page is rendered.
"""
