"""Drops code of others that lies in the repository: it has its own sources, and would drown the people's own code.

Only places say so. `third_party/` and its like are clear wherever they stand. `vendor/` is not: it is also what a shop
calls its suppliers. It counts at the root of a repository, where Go, PHP, Ruby and JavaScript put it, and deeper only
for web files or over a host's name (`vendor/github.com/…`). A package `acme/vendor/models.py` stays.
The folders and libraries are those that GitHub's linguist also leaves out of its statistics, as far as they are clear.
"""

from __future__ import annotations

import re
from typing import ClassVar

import pyarrow as pa

from understudy.data.documents import Verdict, dropped
from understudy.data.steps.measured import open_mask

FOLDER = re.compile(
    r"(?:^|/)((?:third[_-]?party|3rd[_-]?party|node_modules|bower_components|jspm_packages|site-packages|dist-packages|"
    r"godeps/_workspace|_vendor|_vendored|vendored|pods|carthage|\.yarn|\.cargo)/)",
    re.IGNORECASE,
)
ROOT_FOLDER = re.compile(r"^(vendor/)", re.IGNORECASE)  # `vendors/` is an application of a shop's
WEB_FOLDER = re.compile(r"(?:^|/)((?:vendors?|libs?/vendor|dist|bower)/)", re.IGNORECASE)
WEB_FILE = re.compile(r"\.(?:[cm]?jsx?|css|scss|less|html|map)$", re.IGNORECASE)
HOST_FOLDER = re.compile(r"(?:^|/)(vendor/(?:[a-z0-9-]+\.)+[a-z]{2,}/)", re.IGNORECASE)
EDITION = r"[.-](?:v?[0-9][0-9a-z.]*|ui|bundle|all|full|core|slim|custom|pack|production|development|umd|common|dev)"
# Names that people also give to files of their own (`components/Chart.js`, `js/bootstrap.js`) need an edition.
LIBRARY = re.compile(
    r"(?:^|/)((?:(?:jquery|angular|react-dom|backbone|underscore|lodash|require|d3|three|handlebars|mustache|modernizr|"
    r"scriptaculous|mootools|dojo|ext-all|tinymce|ckeditor|codemirror|mathjax|leaflet|highcharts|plotly|select2|popper|"
    r"font-?awesome|normalize|raphael|knockout|swagger-ui|html5shiv|es5-shim|sizzle)"
    rf"(?:{EDITION})*"
    r"|(?:bootstrap|react|vue|ember|moment|prototype|ace|highlight|chart|respond|polyfill)"
    rf"(?:{EDITION})+"
    r")\.(?:js|css)|bootstrap\.css)$",
    re.IGNORECASE,
)
TOOL = re.compile(
    r"(?:^|/)(gradlew(?:\.bat)?|mvnw(?:\.cmd)?|ltmain\.sh|libtool|config\.(?:guess|sub)|install-sh|depcomp|missing|"
    r"ez_setup\.py|get-pip\.py|distribute_setup\.py|versioneer\.py|GoogleTest[^/]*|catch\.hpp|gtest-all\.cc|"
    r"sqlite3\.[ch]|stb_[a-z_]+\.h|miniz\.[ch])$"
)


class Vendored:
    """Drops a file that lies or is named as other people's code."""

    name: ClassVar[str] = "vendored"
    version: ClassVar[str] = "2"

    def setup(self) -> None:
        """Nothing to prepare."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        is_open = open_mask(batch)
        found = {row: vendored(path) for row, path in enumerate(batch.column("path").to_pylist()) if is_open[row]}
        return dropped(batch, self.name, {row: verdict for row, verdict in found.items() if verdict is not None})


def vendored(path: str) -> Verdict | None:
    """Why a file of this name is somebody else's."""
    match = FOLDER.search(path) or ROOT_FOLDER.search(path) or HOST_FOLDER.search(path)
    if match is None and WEB_FILE.search(path):
        match = WEB_FOLDER.search(path) or LIBRARY.search(path)
    match = match or TOOL.search(path)
    if match is None:
        return None
    what = "lies in" if match[1].endswith("/") else "is known as"
    return Verdict("vendored", f"{what} {match[1][:100]}")
