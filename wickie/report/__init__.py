"""What people and programs read after a run: one record, and its renderings."""

from __future__ import annotations

from wickie.report.document import render_json
from wickie.report.page import render_html
from wickie.report.record import Report
from wickie.report.sarif import render_sarif

__all__ = ["Report", "render_html", "render_json", "render_sarif"]
