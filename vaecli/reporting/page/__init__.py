"""The page of an experiment: one HTML file with tables, charts and sentences that opens from disk, without a network.

The charts are drawn by Vega-Lite, which is written into the page from the package vl-convert-python. Compared with what
else a Python package brings, whole (2026-11, uncompressed): Vega with Vega-Lite and Vega-Embed 0.90 MB; Bokeh 1.27 MB
and 0.3 MB for its tables; Plotly 4.8 MB. Vega draws SVG, whose text is text and whose marks bear a role and a label for
screen readers, and which takes its colours from the page's style sheet, so that dark mode and print need no redrawing;
Bokeh draws on a canvas, of which a screen reader sees nothing. The tables are HTML, written by Jinja2 with
autoescape, and sorted by a few lines after the W3C's pattern of a sortable table.
"""
