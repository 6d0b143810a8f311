"""Pairs from a real corpus: of its training split alone, with provenance that leads back to the lines."""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from understudy.core.engine import Capabilities, Chunk, Completion, Prompt, Request, Sampling
from understudy.core.errors import UsageError
from understudy.core.paths import read_json
from understudy.core.recipe import Recipe
from understudy.core.tracking import Events, silent
from understudy.data.pairs import Writer, make_pairs
from understudy.formats.chat import Conversation, read_conversations

MakeCorpus = Callable[..., Any]  # the fixture `make_corpus`, which returns a Corpus
IDENTITY = {
    "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
}  # fmt: skip
MODULE = '''\
import math


def area(radius):
    """Give the area of a circle with this radius.

    >>> area(0)
    0.0
    >>> round(area(2), 2)
    12.57
    """
    squared = radius * radius
    result = math.pi * squared
    return result


def total(values):
    """Give the sum of all the values, and zero if there are none."""
    result = 0
    for value in values:
        result += value
    return result


def unproved(values):
    """Give the largest of all the values that are there."""
    best = values[0]
    for value in values:
        best = max(best, value)
    return best
'''
TESTS = "from shapes import total\n\n\ndef test_total():\n    assert total([1, 2, 3]) == 6\n    assert total([]) == 0\n"


def git(folder: Path, *arguments: str, author: str = "a") -> None:
    environment = {**os.environ, **IDENTITY, "GIT_AUTHOR_NAME": author}
    subprocess.run(["git", "-C", str(folder), *arguments], env=environment, check=True, capture_output=True)


def assignments(seed: int, n: int) -> str:
    """Lines of which no two are alike."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnop", k=8)) for _ in range(n)]
    return "".join(f"{word} = '{word[::-1]}'\n" for word in words)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shapes"
    folder.mkdir()
    (folder / "shapes.py").write_text(MODULE)
    (folder / "test_shapes.py").write_text(TESTS)
    for number in range(12):  # one file at least is held out: let it be one of these
        (folder / f"words_{number}.py").write_text(assignments(number, 20))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "Shapes and what can be computed of them")
    return folder


def change(repository: Path, message: str, text: str, author: str = "a", path: str = "shapes.py") -> None:
    with (repository / path).open("a") as file:
        file.write(text)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", message, author=author)


class Pairs:
    """Makes a corpus of sources and pairs of it."""

    def __init__(self, make_corpus: MakeCorpus, tmp_path: Path) -> None:
        self._make_corpus, self._folder = make_corpus, tmp_path
        self.corpus: Any = None
        self.counts: dict[str, Any] = {}
        self.output = tmp_path / "out" / "pairs.jsonl"

    def __call__(
        self, sources: Any, split: float = 0.0001, events: Events | None = None, **options: Any
    ) -> list[Conversation]:
        data = {"split": {"by": "file", "valid": split}}
        self.corpus = self._make_corpus(sources, **data)
        listed = [{"dir": str(sources)}] if isinstance(sources, Path) else sources
        recipe = Recipe.model_validate({"name": "t", "data": {"sources": listed, **data}})
        self.counts = make_pairs(
            self.corpus.folder, recipe, self.corpus.project, events or silent(), output=self.output, **options
        )
        return list(read_conversations(self.output))


@pytest.fixture
def pairs(make_corpus: MakeCorpus, tmp_path: Path) -> Pairs:
    return Pairs(make_corpus, tmp_path)


def test_every_pair_leads_back_to_its_lines_in_the_training_split(pairs: Pairs, code: Path) -> None:
    found = pairs(code, split=0.3)
    assert len(found) > 20
    train = {row["id"]: row for row in pairs.corpus.rows("train")}
    held_out = {row["path"] for row in pairs.corpus.rows("valid")}
    assert held_out
    for item in found:
        source = item.provenance
        assert source is not None
        row = train[source.more["document"]]
        assert (source.repo, source.path, source.lang) == (row["repo"], row["path"], row["lang"])
        assert source.path not in held_out
        assert source.lines is not None
        first, last = source.lines
        lines = {line.strip() for line in row["content"].split("\n")[first - 1 : last]}
        answer = item.messages[1].content.split("\n")[1:-1]
        assert {line.strip() for line in answer} <= lines


def test_a_whole_function_parses_and_carries_the_name_that_was_asked_for(pairs: Pairs, code: Path) -> None:
    for item in pairs(code, kinds=("docstring",)):
        asked, answered = item.messages
        (node,) = ast.parse(answered.content.removeprefix("```python\n").removesuffix("\n```")).body
        assert f"`{node.name}`" in asked.content  # type: ignore[attr-defined]


def test_counts_add_up_and_stand_beside_the_pairs(pairs: Pairs, code: Path) -> None:
    found = pairs(code, limit=20)
    counts = read_json(pairs.output.with_suffix(".json"))
    assert counts == pairs.counts
    assert len(found) == counts["n_pairs"] == sum(counts["by_kind"].values()) == 20
    assert counts["n_found"] == counts["n_pairs"] + sum(counts["left_out_at_the_choice"].values())
    n_good = counts["n_functions"] - sum(counts["left_out"]["function"].values())
    assert counts["n_found"] - n_good == len([item for item in pairs(code) if item.provenance.kind == "docstring"])  # type: ignore[union-attr]


def test_the_same_corpus_gives_the_same_bytes(pairs: Pairs, code: Path) -> None:
    pairs(code, limit=15)
    first = pairs.output.read_bytes()
    pairs(code, limit=15)
    assert pairs.output.read_bytes() == first


def test_commits_become_pairs_with_redaction_and_the_others_are_counted(pairs: Pairs, repository: Path) -> None:
    change(
        repository,
        "Add the perimeter of a circle\n\nSigned-off-by: A <a@b.org>",
        "\n\nPERIMETER = 2 * math.pi\nHALF = math.pi\n",
    )
    change(repository, "Add whom to ask about shapes: jane.roe@gmail.com", "\n\nASK = 'jane.roe@gmail.com'\nB = 1\n")
    change(
        repository,
        "Add the key of the service",
        "\n\nKEY = 'ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ2bC4dF6hJ8" + "'\nD = 1\n",
    )
    git(repository, "commit", "--quiet", "--allow-empty", "-m", "Nothing at all is changed here")
    change(repository, "Remove the key of the service again", "\nE = 5\nF = 6\n")
    (repository / "shapes.py").write_text((repository / "shapes.py").read_text().replace("ghp_", "x"))
    change(repository, "Bump the version of everything here", "\nG = 1\nH = 2\n")
    change(repository, "Update one dependency to the newest", "\nI = 1\nJ = 2\n", author="dependabot[bot]")
    change(repository, "fix", "\nK = 1\nL = 2\n")
    change(repository, "Add a list of numbers that is long", "\n" + assignments(1, 300))
    change(
        repository,
        "Test the total of a list",
        "\n\ndef test_more():\n    assert total([1]) == 1\n",
        path="test_shapes.py",
    )
    change(repository, "Add notes that are no code", "hello\n" * 4, path="notes.bin")
    found = pairs([{"git": str(repository)}], kinds=("commit",))
    messages = [item.messages[0].content for item in found]
    assert any("Add the perimeter of a circle\n\nFiles:\n- shapes.py" in text for text in messages)
    asked = next(item for item in found if "ask about shapes: <EMAIL>" in item.messages[0].content)
    assert "+ASK = '<EMAIL>'" in asked.messages[1].content
    assert all("gmail" not in item.messages[1].content and "ghp_" not in item.messages[1].content for item in found)
    perimeter = next(item for item in found if "perimeter" in item.messages[0].content)
    assert "+PERIMETER = 2 * math.pi" in perimeter.messages[1].content
    assert "Signed-off" not in perimeter.messages[0].content
    assert perimeter.provenance is not None
    assert len(str(perimeter.provenance.revision)) == 40
    left_out = pairs.counts["left_out"]["commit"]
    for reason in ("first-commit", "secret", "chore", "bot", "message-too-short", "diff-too-large", "only-tests"):
        assert left_out.get(reason), (reason, left_out)
    assert left_out["touches-files-outside-the-train-split"] == 1


def test_merges_are_no_pairs(pairs: Pairs, repository: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "side")
    change(repository, "Add a side that is longer", "\nSIDE = 1\nOTHER = 2\n", path="test_shapes.py")
    git(repository, "checkout", "--quiet", "main")
    change(repository, "Add a corner that is round", "\nCORNER = 1\nOTHER = 2\n")
    git(repository, "merge", "--quiet", "--no-ff", "-m", "Join the side and the corner in one", "side")
    found = pairs([{"git": str(repository)}], kinds=("commit",))
    assert ["corner" in item.messages[0].content for item in found] == [True]


class Scripted:
    """An engine that answers by the function it is asked about; what a model would be at its best and its worst."""

    def __init__(self, bodies: dict[str, str]) -> None:
        self._bodies, self.prompts = bodies, list[str]()

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        self.prompts += [prompt.prefix for prompt in prompts]
        return [Completion(self._text(prompt.prefix), (1,), "stop", 1) for prompt in prompts]

    def _text(self, prompt: str) -> str:
        if prompt.rstrip().endswith("The task was:"):
            return " write a function that computes what its name says"
        return next(body for name, body in self._bodies.items() if f"def {name}(" in prompt)

    def submit(self, request: Request) -> Iterator[Chunk]:
        raise NotImplementedError

    def abort(self, request_id: str) -> None: ...

    def stats(self) -> dict[str, Any]:
        return {}

    def capabilities(self) -> Capabilities:
        return Capabilities("scripted", 4096, 100, fim=False)

    def close(self) -> None: ...


RIGHT = {
    "area": "    return math.pi * radius ** 2\n\nprint(1)",
    "total": "    return sum(values)\n",
    "unproved": "    return max(values)\n",
}
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


@needs_linux
def test_a_models_solutions_are_kept_where_their_tests_pass_and_say_so(pairs: Pairs, repository: Path) -> None:
    writer = Writer(Scripted(RIGHT), "model-1", 17)
    found = pairs(repository, kinds=("synthetic",), writer=writer)
    verdicts = {item.messages[1].content.split("(")[0].split()[-1]: dict(item.provenance.more) for item in found}  # type: ignore[union-attr]
    assert {name: (more["verdict"], more["n_tests"]) for name, more in verdicts.items()} == {
        "area": ("passed", 2),
        "total": ("passed", 2),
        "unproved": ("untested", 0),
    }
    assert {more["model"] for more in verdicts.values()} == {"model-1"}
    assert all(more["engine"] == "scripted" and len(more["prompt"]) == 32 for more in verdicts.values())
    assert "print(1)" not in "".join(item.messages[1].content for item in found)


@needs_linux
def test_wrong_copied_and_broken_solutions_are_left_out_with_their_reason(pairs: Pairs, repository: Path) -> None:
    wrong = {
        "area": "    return math.pi * radius\n",
        "total": "    result = 0\n    for value in values:\n        result += value\n    return result\n",
        "unproved": "    return max(values\n",
    }
    assert pairs(repository, kinds=("synthetic",), writer=Writer(Scripted(wrong), "m", 17)) == []
    assert pairs.counts["left_out"]["synthetic"] == {
        "copy-of-its-seed": 1,
        "failed-its-tests": 1,
        "solution-unparsable": 1,
    }


def test_an_unknown_kind_and_a_missing_model_are_named(pairs: Pairs, code: Path) -> None:
    with pytest.raises(UsageError, match="no kind of pairs 'poem'"):
        pairs(code, kinds=("poem",))
    with pytest.raises(UsageError, match="need a model"):
        pairs(code, kinds=("synthetic",))
