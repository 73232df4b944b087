"""How Sphinx writes the web site. What the pages hold stands in `course/site/`."""

import re

project = "From three databases to one"
html_title = project
copyright = "its authors: code under the MIT licence, text and data under CC BY 4.0"
language = "en"

extensions = ["myst_nb"]
myst_heading_anchors = 4
myst_heading_slug_func = "course.pipeline.glossary.anchor"
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "gfm"
exclude_patterns = ["_static"]

html_theme = "furo"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_js_files = [("course.js", {"defer": "defer"})]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
pygments_style = "a11y-light"
pygments_dark_style = "a11y-dark"


def say_what_is_what(app, page, template, context, doctree):
    """Toggles are called what they say, where MyST-NB names each "Toggle hidden content", and a menu's captions get a level."""
    if "body" in context:
        context["body"] = re.sub(r"<summary aria-label=[^>]*>", "<summary>", context["body"])
    menu = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = menu.replace('role="heading"', 'role="heading" aria-level="2"')


def setup(app):
    """Called by Sphinx."""
    app.connect("html-page-context", say_what_is_what, priority=900)  # after the theme
