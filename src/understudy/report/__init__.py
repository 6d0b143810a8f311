"""The HTML report of a run: one file that opens anywhere, asks the network for nothing, and prints.

artifacts' files ──reading──▶ sections (blocks: data) ──page.html.jinja──▶ .understudy/reports/<recipe>.html
"""

from __future__ import annotations

from understudy.report.page import write_report

__all__ = ["write_report"]
