"""Pairs that a model writes: an instruction from a function of the corpus, then a solution from the instruction.

    seed function ─▶ engine: the task ─▶ engine: a function for the task ─▶ the seed's own tests, in the sandbox

Where the seed brings usable tests the solution must pass them; where it brings none the pair says so. After
OSS-Instruct (Wei et al. 2023, "Magicoder") and StarCoder2-Instruct's execution filter; we keep the seed's name and
arguments, so that its tests apply.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import xxhash

from understudy.core.engine import Engine, Prompt, Sampling
from understudy.core.errors import Interrupted
from understudy.core.tracking import Events
from understudy.data.pairs.asking import Origin, conversation, fenced
from understudy.data.pairs.functions import Function
from understudy.data.pairs.own_tests import Assertion, usable_tests
from understudy.formats.chat import Conversation
from understudy.sandbox import Sandbox

SEEDS_AT_ONCE = 16
INSTRUCTION_TOKENS, SOLUTION_TOKENS = 96, 384
LEAST_INSTRUCTION_WORDS = 5
TEMPERATURE = 0.7
INSTRUCTION = """\
A programmer was given a task in one or two sentences, and wrote this function.

```python
{code}
```

The task was: """
SOLUTION = """\
# Task: {task}

{header}
"""


@dataclass(frozen=True, slots=True)
class Seed:
    """A function to start from, the imports of its module, and what the repository's tests say about it."""

    function: Function
    origin: Origin
    module: str
    assertions: tuple[Assertion, ...] = ()


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: an engine, what its model is called, and the seed of its draws."""

    engine: Engine
    model: str
    seed: int


def synthetic_pairs(
    writer: Writer, seeds: Sequence[Seed], sandbox: Sandbox, left_out: Counter[str], events: Events
) -> Iterator[Conversation]:
    """The pairs that come of the seeds; why the others do not is counted."""
    for start in range(0, len(seeds), SEEDS_AT_ONCE):
        if events.should_stop:
            raise Interrupted("stopped while writing pairs", "run the same command again")
        events.progress("writing pairs", start, len(seeds), "seeds")
        batch = seeds[start : start + SEEDS_AT_ONCE]
        asked = [INSTRUCTION.format(code=seed.function.whole) for seed in batch]
        tasks = _texts(writer, asked, INSTRUCTION_TOKENS, ("\n", "```"), start)
        prompts = [_solution_prompt(seed, task) for seed, task in zip(batch, tasks, strict=True)]
        stops = ("\ndef ", "\nclass ", "\n@", "\n#", "\nif __name__", "\n```", "\nprint(")
        bodies = _texts(writer, prompts, SOLUTION_TOKENS, stops, start)
        for seed, task, body, *both in zip(batch, tasks, bodies, asked, prompts, strict=True):
            made = _pair(writer, seed, task, body, both, sandbox)
            if isinstance(made, str):
                left_out[made] += 1
            else:
                yield made


def _texts(writer: Writer, prompts: Sequence[str], max_tokens: int, stop: tuple[str, ...], place: int) -> list[str]:
    sampling = Sampling(max_tokens, temperature=TEMPERATURE, top_p=0.95, seed=writer.seed + place, stop=stop)
    return [completion.text for completion in writer.engine.complete([Prompt(text) for text in prompts], sampling)]


def _solution_prompt(seed: Seed, task: str) -> str:
    return SOLUTION.format(task=" ".join(task.split()), header=header(seed.function.whole))


def header(code: str) -> str:
    """The lines of a function above its docstring."""
    node = ast.parse(code).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return "\n".join(code.split("\n")[: node.body[0].lineno - 1])


def _pair(
    writer: Writer, seed: Seed, task: str, body: str, prompts: Sequence[str], sandbox: Sandbox
) -> Conversation | str:
    """The pair, or why there is none."""
    task = " ".join(task.split())
    if len(re.findall(r"[^\W\d_]{2,}", task)) < LEAST_INSTRUCTION_WORDS:
        return "instruction-too-short"
    code = solution(header(seed.function.whole), body)
    if code is None:
        return "solution-unparsable"
    if _is_same_code(code, seed.function.whole):
        return "copy-of-its-seed"
    function = seed.function
    tests = usable_tests(sandbox, seed.module, function.whole, function.documentation, seed.assertions)
    if tests is not None and not tests.passes(sandbox, code):
        return "failed-its-tests"
    more = {
        "engine": writer.engine.capabilities().name,
        "model": writer.model,
        "prompt": xxhash.xxh3_128_hexdigest("\0".join(prompts).encode("utf-8", "surrogatepass")),
        "seed": writer.seed,
        "verdict": "passed" if tests is not None else "untested",
        "n_tests": 0 if tests is None else len(tests),
        "sandbox": sandbox.level,
    }
    asked = f"{task}\n\n{fenced(header(function.whole), 'python')}"
    return conversation("synthetic", asked, fenced(code, "python"), seed.origin, function.lines, more)


def solution(head: str, body: str) -> str | None:
    """The function that a completion of its head makes: up to the first line outside; None if that is no function."""
    lines = []
    for line in body.split("\n"):
        if line.strip() and not line[0].isspace():
            break
        lines.append(line)
    code = f"{head}\n" + "\n".join(lines).rstrip()
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    statements = tree.body[0].body if len(tree.body) == 1 and hasattr(tree.body[0], "body") else []
    is_doing = any(not isinstance(node, (ast.Pass, ast.Expr)) for node in statements)
    return code if is_doing else None


def _is_same_code(one: str, other: str) -> bool:
    return _without_docstring(one) == _without_docstring(other)


def _without_docstring(code: str) -> str:
    tree = ast.parse(code)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
