"""The same text gets the same stand-in within a file; lines are those of the text before anything was replaced."""

from __future__ import annotations

import ast
import random
import string
import sysconfig
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from understudy.core.errors import InputDataError
from understudy.core.recipe import Recipe
from understudy.data.documents import WORKING_SCHEMA
from understudy.data.figures.redactions import refuse_findings, step_of_kind
from understudy.data.steps.contract import RedactingStep, Span, with_stand_ins
from understudy.data.steps.emails import Emails
from understudy.data.steps.ip_addresses import IpAddresses
from understudy.data.steps.secrets import Secrets


def made_up(n: int, seed: int = 5) -> str:
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=n))


def batch_of(*texts: str) -> pa.RecordBatch:
    lists = {"spdx", "redacted", "redacted_lines", "lines_lost", "contaminated"}
    rows: list[dict[str, Any]] = [
        {"content": text, "path": f"{number}.py", "repo": "r", "lang": "python", "redactions": 0}
        | {name: [] for name in lists}
        for number, text in enumerate(texts)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=WORKING_SCHEMA)


def redacted(*texts: str, handling: str = "redact") -> list[dict[str, Any]]:
    batch = batch_of(*texts)
    steps: list[RedactingStep] = [Secrets(handling), Emails(handling), IpAddresses(handling)]
    for step in steps:
        step.setup()
        batch = step(batch)
    return batch.to_pylist()  # type: ignore[no-any-return]


def test_the_same_secret_has_one_stand_in_and_another_has_another() -> None:
    one, two = "ghp_" + made_up(36, 1), "ghp_" + made_up(36, 2)
    (row,) = redacted(f'A = "{one}"\nB = "{two}"\nC = "{one}"\n')
    assert row["content"] == 'A = "<KEY>"\nB = "<KEY_2>"\nC = "<KEY>"\n'


def test_addresses_are_the_same_in_any_case_and_spelling() -> None:
    (row,) = redacted(
        "# Ann@Firm.com, bob@firm.com, ann@firm.com\n# 2a00:1450:4001:80b::200e 2A00:1450:4001:080B::200E\n"
    )
    assert row["content"] == "# <EMAIL>, <EMAIL_2>, <EMAIL>\n# <IP_ADDRESS> <IP_ADDRESS>\n"


def test_counting_starts_anew_in_each_file() -> None:
    rows = redacted("# ann@firm.com\n", "# bob@firm.com\n")
    assert [row["content"] for row in rows] == ["# <EMAIL>\n", "# <EMAIL>\n"]


def test_counting_goes_on_after_stand_ins_that_are_there_already() -> None:
    (row,) = redacted("# <EMAIL_4> wrote to ann@firm.com\n")
    assert row["content"] == "# <EMAIL_4> wrote to <EMAIL_5>\n"


def test_redacting_twice_changes_nothing_more() -> None:
    (once,) = redacted(f'K = "ghp_{made_up(36)}"  # ann@firm.com at 93.184.216.34\n')
    (twice,) = redacted(once["content"])
    assert twice["content"] == once["content"] and twice["redactions"] == 0


def test_bytes_around_a_span_stay_as_they_are() -> None:
    data = "é".encode() + b"secret" + "ü".encode()
    assert with_stand_ins(data, [Span(2, 8, "k", b"<KEY>")]) == "é<KEY>ü".encode()


def test_lines_are_those_of_the_original_text_below_a_key_of_many_lines_too() -> None:
    body = "\n".join(made_up(64, seed) for seed in range(6))
    key = "-----BEGIN PRIVATE" + f" KEY-----\n{body}\n-----END PRIVATE" + " KEY-----"
    text = f"# ann@firm.com\nK = '''{key}'''\n# bob@firm.com\n"
    (row,) = redacted(text)
    expected = {"private-key": [2], "email": [1, text.split("\n").index("# bob@firm.com") + 1]}
    lines: dict[str, list[int]] = {}
    for kind, line in zip(row["redacted"], row["redacted_lines"], strict=True):
        lines.setdefault(kind, []).append(line)
    assert lines == expected and row["redactions"] == 3
    assert row["content"] == "# <EMAIL>\nK = '''<KEY>'''\n# <EMAIL_2>\n"


def test_nothing_but_kind_and_line_is_told_of_a_secret() -> None:
    value = "ghp_" + made_up(36)
    (row,) = redacted(f'A = "{value}"\n', handling="drop")
    assert row["drop_reason"] == "secret" and row["evidence"] == "line 1: github-token, 1 in all"
    assert value not in str(row)


def catalog_of(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=WORKING_SCHEMA)


def recipe(**redact: str) -> Recipe:
    return Recipe.model_validate({"name": "t", "data": {"redact": redact}})


def test_fail_stops_with_every_place_and_the_next_command() -> None:
    rows = redacted(f'\nA = "ghp_{made_up(36)}"\n', "x = 1\n", "# ann@firm.com\n", handling="fail")
    with pytest.raises(InputDataError) as caught:
        refuse_findings(catalog_of(rows), recipe(secrets="fail", emails="fail"))
    assert "r/0.py:2: github-token" in caught.value.message and "r/2.py:1: email" in caught.value.message
    assert "r/1.py" not in caught.value.message and "--set data.redact.secrets=redact" in str(caught.value.hint)
    assert caught.value.exit_code == 4


def test_fail_for_one_kind_leaves_the_others_alone() -> None:
    rows = redacted("# ann@firm.com\n")
    refuse_findings(catalog_of(rows), recipe(secrets="fail"))


def test_a_long_list_is_cut_at_twenty_places_and_says_how_many_files_there_are() -> None:
    rows = redacted(*(f"# person{number}@firm.com\n" for number in range(30)), handling="fail")
    with pytest.raises(InputDataError, match="30 files in all") as caught:
        refuse_findings(catalog_of(rows), recipe(emails="fail"))
    assert caught.value.message.count(": email") == 20


@pytest.mark.parametrize(
    ("kind", "step"),
    [("email", "emails"), ("ip-address", "ip-addresses"), ("model-name", "names"), ("github-token", "secrets")],
)
def test_every_kind_belongs_to_a_step(kind: str, step: str) -> None:
    assert step_of_kind(kind) == step


def test_real_code_still_parses_after_redaction() -> None:
    library = Path(sysconfig.get_paths()["stdlib"])
    folders = ("email", "http", "asyncio", "xml", "json", "unittest", "ensurepip", "venv")
    paths = [*(path for name in folders for path in library.joinpath(name).rglob("*.py")), *library.glob("*.py")]
    rows = redacted(*(path.read_text(encoding="utf-8") for path in paths))
    changed = [row for row in rows if row["redactions"]]
    assert len(changed) > 20
    for row in changed:
        ast.parse(row["content"])
