"""MIME types of outputs that are told apart by name."""

WIDGET = "application/vnd.jupyter.widget-view+json"
"""An ipywidget, which lives as long as its kernel."""
