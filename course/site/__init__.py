"""The whole course as static pages, to read before installing: `python -m course.site`, or `make site`.

`notebooks.py` turns a solved notebook into a page, `pictures.py` draws what JupyterLab would draw in the browser, `ways.py`
knows where the course can be tried, `build.py` lays all pages out and lets Sphinx write them. How the pages look stands in
`docs/site/`.
"""
