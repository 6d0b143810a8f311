"""The data report: self-contained, safe whatever files say, bounded whatever the corpus, and written once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from understudy.core.artifact import Artifact, Store
from understudy.core.paths import Project
from understudy.data.inspection.summary import short_names
from understudy.report import write_data_report
from understudy.report.data_page import render_data
from understudy.report.reading import Run

MAX_BYTES = 3_000_000
VOID = {"meta", "col"}
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'</pre></code>\u202e\u2066\u200b\x00 {{ 7 * 7 }}"
)
SHAPES: list[Any] = [None, [], {}, "text", 7, True, [None], [[1]], float("1e308"), -1]


class Page(HTMLParser):
    """Tags and text of a page; checks that what is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def told(word: str = "word", n: int = 2, n_lines: int = 9) -> dict[str, Any]:
    """A summary in which every name and every line is `word`, and every list has about `n` entries."""
    excerpt = {"first_line": 3, "lines": [word] * n_lines, "marked": [4], "n_lines": 40}
    sample = {"repo": word, "path": word, "lang": word, "size_bytes": 9, "licenses": [word], "drop_reason": word,
              "evidence": word, "redactions": 1, "excerpt": excerpt}  # fmt: skip
    step = {"step": word, "n_in": 9, "n_dropped": 4, "n_out": 5, "size_bytes_in": 9, "size_bytes_dropped": 4,
            "reasons": {word: 4}}  # fmt: skip
    group = {"name": word, "n_in": 9, "n_kept": 5, "size_bytes_in": 9, "size_bytes_kept": 5, "dropped": {word: 4}}
    rows = [{"how": "changed", "left": [1, word], "right": None}, {"how": "gap", "left": None, "right": None}]
    cluster = {"cluster": 7, "n_files": 3, "n_kept": 1, "kept_file": word, "copy": word, "similarity": 0.8,
               "comparison": {"rows": rows * n_lines, "n_changed": 9, "is_whole": False}}  # fmt: skip
    place = {"repo": word, "path": word, "line": 4, "side": "train"}
    function = {"name": word, "repo": word, "path": word, "first_line": 4, "tests": [{"path": word, "name": word}]}
    return {
        "totals": {"train": {"n_files": 4, "size_bytes": 9}, "valid": {"n_files": 1, "size_bytes": 9}},
        "funnel": [step] * 3,
        "funnel_by": {
            kind: {"groups": [group] * n, "others": group, "n_groups": n + 9}
            for kind in ("language", "license", "repository")
        },
        "histograms": {"size_bytes": [{"at_least": 2, "below": 4, "n_files": 5}]},
        "passed_over": {word: 3},
        "parse_checked": ["python", word],
        "rules": [{"step": word, "reason": word + "!", "n_files": 4, "size_bytes": 9, "samples": [sample] * 4}] * n,
        "kept": [{"lang": word, "n_files": 4, "samples": [sample] * 4}] * 4,
        "near_duplicates": {"n_clusters": 9, "n_files": 30, "n_kept": 9, "largest": [cluster] * 10},
        "redactions": {"n_redactions": 5, "kinds": [{"kind": word, "n": 5, "n_files": 2, "places": [place] * 8}] * n},
        "licenses": {"by_license": [{"license": word, "n_files": 4, "size_bytes": 9}] * n, "n_repositories": 4},
        "contamination": {"rule": word, "exams": {word: {"n_tasks": 9, "n_tasks_found": 1, "n_files": 1,
                          "examples": [{"path": word, "evidence": word}]}}},
        "held_out": {"n_functions": 90, "functions": [function] * n},
    }  # fmt: skip


def corpus_of(root: Path) -> tuple[Project, Artifact]:
    project = Project(root)
    work = project.work / "corpus-work"
    work.mkdir(parents=True)
    (work / "statistics.json").write_text("{}")
    made_by = {"created": "2026-07-14T10:00:00.000000+00:00", "recipe": "demo", "stage": "data", "seconds": 3.0}
    return project, Store(project).publish("corpus", "corpus-222222222222", work, [], {"summary": "s"}, made_by)


def page_of(root: Path, summary: Any) -> str:
    project, corpus = corpus_of(root)
    return render_data(Run(project, None, {"corpus": corpus}), summary)


def leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every value inside."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from leaves(value[key])


def test_the_page_is_well_formed_and_fetches_nothing(tmp_path: Path) -> None:
    page = Page(page_of(tmp_path, told()))
    assert page.open == []
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object"} == set()
    fetched = [value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")]
    assert all(value and value.startswith("#") for value in fetched)


def test_hostile_names_and_contents_become_text(tmp_path: Path) -> None:
    html = page_of(tmp_path, told(HOSTILE))
    page = Page(html)
    assert page.open == []
    assert {tag for tag, _ in page.tags} & {"script", "img"} == set()
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert not {"\u202e", "\u2066", "\u200b", "\x00"} & set(html)
    assert "U+202E" in html
    assert "alert(1)" in "".join(page.text)


def test_the_marked_line_is_marked_and_numbered(tmp_path: Path) -> None:
    page = Page(page_of(tmp_path, told(n=1)))
    marked = [attributes for tag, attributes in page.tags if tag == "span" and "marked" in (attributes["class"] or "")]
    assert marked
    assert {attributes["data-n"] for attributes in marked} == {"4"}


@pytest.mark.parametrize("word", ["\u202e\u200b" * 80, "'" * 160, "\U0001f600" * 160])
def test_the_page_is_bounded_and_says_what_it_leaves_out(tmp_path: Path, word: str) -> None:
    code, names = told(word, n=40, n_lines=36), short_names(told(word, n=40, n_lines=36))
    for key in ("rules", "kept", "near_duplicates"):  # names are cut, lines are as long as they come
        names[key] = _with_code(names[key], code[key])
    html = page_of(tmp_path, names)
    assert len(html.encode()) < MAX_BYTES
    assert "pieces of code are left out" in html


def _with_code(names: Any, code: Any) -> Any:
    if isinstance(names, dict):
        return {key: code[key] if key in ("lines", "rows") else _with_code(names[key], code[key]) for key in names}
    return [_with_code(*pair) for pair in zip(names, code, strict=True)] if isinstance(names, list) else names


@pytest.mark.parametrize("odd", SHAPES)
def test_a_summary_of_another_shape_still_gives_a_page(tmp_path: Path, odd: Any) -> None:
    project, corpus = corpus_of(tmp_path)
    run = Run(project, None, {"corpus": corpus})
    keys = list(told(n=1, n_lines=1))
    for key in keys:
        assert "</html>" in render_data(run, told(n=1, n_lines=1) | {key: odd})


def test_the_report_is_written_once_and_again_when_it_is_gone(tmp_path: Path) -> None:
    project, corpus = corpus_of(tmp_path)
    asked: list[int] = []

    def summary() -> dict[str, Any]:
        asked.append(1)
        return told()

    first = write_data_report(project, corpus, None, summary)
    assert write_data_report(project, corpus, None, summary) == first
    assert len(asked) == 1
    first.json.unlink()
    write_data_report(project, corpus, None, summary)
    assert len(asked) == 2


def test_the_json_is_what_the_page_is_drawn_from(tmp_path: Path) -> None:
    project, corpus = corpus_of(tmp_path)
    values = json.loads(write_data_report(project, corpus, None, told).json.read_text())
    assert values["corpus"] == corpus.id
    assert values["tokens"] is None
    assert values["rules"] == told()["rules"]
