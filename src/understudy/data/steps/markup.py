"""Drops data in the clothes of code: XML under another name, pages without text, source files that are one table.

XML: `<?xml version=` in the first 100 characters, at the start of a line, in a language that is none of XML's (The
Stack; without "at the start of a line" it also drops tests that quote a document). HTML: StarCoder keeps a page whose
visible text is over 20 % of it and over 100 characters. Tables: nearly all of a large file stands in lines that start
and end as literals do (ours).
"""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2

from understudy.data.documents import Verdict, dropped
from understudy.data.measures import Measures, share
from understudy.data.steps.measured import Limits, MeasuredStep, Rule, open_mask

XML_HEAD = re.compile(r"^[ \t\ufeff]*<\?xml version=", re.MULTILINE)
XML_CHARACTERS = 100
XML_LANGUAGES = frozenset(
    """
    xml xslt html svg xaml xquery vue svelte java-server-pages markdown restructuredtext maven-pom ant-build-system
    html+django html+erb html+php html+jinja text
    """.split()
)
HTML_LANGUAGES = frozenset(("html",))
TABLE_BYTES, TABLE_LINES = 20_000, 50  # below this a list of constants is something people write
DATA_LANGUAGES = frozenset(
    """
    json jsonl json-with-comments json5 jsonld yaml toml ini csv tsv xml svg html markdown restructuredtext text css tex
    sql geojson topojson gettext-catalog properties java-properties
    """.split()
)
NOT_SHOWN = rb"(?is)<script\b.*?</script\s*>|<style\b.*?</style\s*>|<!--.*?-->|<[a-z/!?][^>]*>|\{[%#].*?[%#]\}"
LEAST_VISIBLE = 100  # characters


def _table_share(measures: Measures) -> np.ndarray:
    is_table = (measures.bytes >= TABLE_BYTES) & (measures.lines >= TABLE_LINES)
    shares: np.ndarray = np.where(is_table, share(measures.data_bytes, measures.text_bytes), 0.0)
    return shares


class Markup(MeasuredStep):
    """Drops XML, pages and tables by the limits above."""

    name: ClassVar[str] = "markup"
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "data_fraction", "data-table", _table_share, True,
            "{value:.1%} of the file in lines of literals > {limit:.1%}",
        ),
    )  # fmt: skip

    def __init__(self, limits: Limits, by_language: dict[str, Limits] | None = None) -> None:
        off: Limits = {"data_fraction": None}
        super().__init__(limits, {**dict.fromkeys(DATA_LANGUAGES, off), **(by_language or {})})

    def setup(self) -> None:
        super().setup()
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        self._not_shown = re2.compile(NOT_SHOWN, options)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return dropped(batch, self.name, {**self.verdicts(batch), **self._pages(batch), **_xml(batch)})

    def _pages(self, batch: pa.RecordBatch) -> dict[int, Verdict]:
        languages = batch.column("lang").to_pylist()
        limits = self._limits_of("visible_text_fraction", languages)
        is_page = open_mask(batch) & ~np.isnan(limits) & np.array([name in HTML_LANGUAGES for name in languages], bool)
        verdicts = {}
        for row in np.flatnonzero(is_page).tolist():
            text = batch.column("content")[row].as_py()
            n_visible = self.visible_characters(text)
            if n_visible <= LEAST_VISIBLE or n_visible <= limits[row] * len(text):
                told = f"{n_visible:,} visible characters, {n_visible / max(1, len(text)):.1%} of the page"
                verdicts[row] = Verdict("little-text", f"{told}; kept over {LEAST_VISIBLE} and {limits[row]:.1%}")
        return verdicts

    def visible_characters(self, page: str) -> int:
        """Characters of a page outside of tags, scripts, styles, comments and template code, white space once."""
        return len(b" ".join(self._not_shown.sub(b" ", page.encode()).split()).decode(errors="ignore"))


def _xml(batch: pa.RecordBatch) -> dict[int, Verdict]:
    """XML in files of another language."""
    heads = pc.utf8_slice_codeunits(batch.column("content"), 0, XML_CHARACTERS).to_pylist()
    is_open, languages = open_mask(batch), batch.column("lang").to_pylist()
    return {
        row: Verdict("xml", f"<?xml version= at the start of a file named as {languages[row]}")
        for row, head in enumerate(heads)
        if head and "<?xml" in head and is_open[row] and languages[row] not in XML_LANGUAGES and XML_HEAD.search(head)
    }
