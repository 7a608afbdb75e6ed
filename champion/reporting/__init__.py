"""The report of a run: the evidence as a page, and as Markdown for a pull request.

`facts` holds the numbers, `sentences` and `tables` the words, `html` and `markdown` put them down. Importing it costs
nothing: no pandas, no scikit-learn, no matplotlib, and jinja2 only when a page is rendered.
"""
