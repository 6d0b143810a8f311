"""HTML reports: one file each that opens anywhere, asks the network for nothing, and prints.

artifacts' files ──reading──▶ sections (blocks: data) ──page.html.jinja──▶ .understudy/reports/<recipe>.html
a corpus ──data.inspection──▶ JSON ──data_page──▶ .understudy/reports/<corpus>.html
"""

from __future__ import annotations

from understudy.report.data_page import DataReport, write_data_report
from understudy.report.page import write_report

__all__ = ["DataReport", "write_data_report", "write_report"]
