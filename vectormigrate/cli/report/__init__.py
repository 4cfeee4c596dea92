"""The report of a migration: what was compared, how, and what that proves; as one HTML file and as JSON.

`document` says what a report holds and in which words, `charts` lays out the histogram, `html` and its template
put them on a page. Whoever has the parts builds a `Report` and calls `render` or `as_json`.
"""

from .document import Report, as_json
from .html import render

__all__ = ["Report", "as_json", "render"]
