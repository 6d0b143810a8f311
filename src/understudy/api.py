"""What the faces call: `plan`, `run`, `engine`, and the few look-ups behind `runs`, `show` and `complete`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy import pipeline
from understudy.core.artifact import Artifact, Store
from understudy.core.engine import Engine
from understudy.core.errors import UsageError
from understudy.core.network import go_offline, go_online
from understudy.core.paths import Project, expanded, read_json
from understudy.core.recipe_file import ResolvedRecipe, load_recipe
from understudy.core.tracking import Events, Table, silent
from understudy.pipeline import Step, collect_garbage

if TYPE_CHECKING:
    from understudy.data.inspection.sql import Answer
    from understudy.report import DataReport

__all__ = [
    "Step",
    "check",
    "collect_garbage",
    "data_pairs",
    "data_report",
    "engine",
    "inspect_data",
    "load",
    "look",
    "matmul_ceilings",
    "model_folder",
    "opted_out",
    "plan",
    "plan_tables",
    "preview_data",
    "query_data",
    "recipe_rows",
    "report_of",
    "run",
    "score_tables",
    "serve",
    "write_report",
]


def load(recipe: Path | str, overrides: Sequence[str] = ()) -> ResolvedRecipe:
    """The resolved recipe, and the network closed if it says `offline`."""
    resolved = load_recipe(Path(recipe), overrides)
    if resolved.recipe.offline:
        go_offline()
    else:
        go_online()
    return resolved


def plan(
    recipe: Path | str,
    *,
    overrides: Sequence[str] = (),
    project: Project | None = None,
    events: Events | None = None,
) -> dict[str, Any]:
    """What a recipe would cost and give, as in plan.json. Raises ResourceError when it cannot fit."""
    steps = run(recipe, target="plan", overrides=overrides, project=project, events=events)
    assert steps[-1].artifact is not None
    values: dict[str, Any] = read_json(steps[-1].artifact.path / "plan.json")
    return values


def run(
    recipe: Path | str,
    *,
    until: str | None = None,
    start: str | None = None,
    target: str | None = None,
    overrides: Sequence[str] = (),
    project: Project | None = None,
    events: Events | None = None,
) -> list[Step]:
    """Make everything of a recipe that is missing, in order, and return one step for each stage."""
    resolved = load(recipe, overrides)
    with resolved.with_lines():
        return pipeline.run(
            resolved, project or Project.find(), events or silent(), until=until, start=start, target=target
        )


def look(
    recipe: Path | str,
    *,
    until: str | None = None,
    overrides: Sequence[str] = (),
    project: Project | None = None,
    events: Events | None = None,
) -> list[Step]:
    """What `run` would find done and what it would make; makes nothing."""
    resolved = load(recipe, overrides)
    with resolved.with_lines():
        return pipeline.look(resolved, project or Project.find(), events or silent(), until)


def check(recipe: Path | str, *, overrides: Sequence[str] = (), project: Project | None = None) -> ResolvedRecipe:
    """The resolved recipe, after a look at every name in it and at the files it names besides its sources."""
    from understudy.data.inventory import check_recipe

    resolved = load(recipe, overrides)
    with resolved.with_lines():
        check_recipe(resolved.recipe, project or Project.find())
    return resolved


def preview_data(
    recipe: Path | str,
    *,
    n_files: int | None = None,
    overrides: Sequence[str] = (),
    project: Project | None = None,
    events: Events | None = None,
) -> dict[str, Any]:
    """What each of a recipe's filters and redactions would do to a sample of its sources, and those that are off."""
    from understudy.data.preview import N_FILES, preview

    resolved = load(recipe, overrides)
    with resolved.with_lines():
        found = preview(resolved.recipe, project or Project.find(), events or silent(), n_files or N_FILES)
    return found.as_json()


def data_pairs(
    recipe: Path | str,
    *,
    kinds: Sequence[str] | None = None,
    limit: int | None = None,
    output: Path | None = None,
    writer: str | None = None,
    overrides: Sequence[str] = (),
    project: Project | None = None,
    events: Events | None = None,
) -> dict[str, Any]:
    """Make instruction pairs of a recipe's corpus, which is made first if it is missing; returns their counts.

    `writer` names the model that writes synthetic pairs; `output` is where the JSON lines go.
    """
    from understudy.data.pairs import USUAL_KINDS, Writer, check_kinds, make_pairs

    project, events = project or Project.find(), events or silent()
    chosen = tuple(kinds) if kinds else (*USUAL_KINDS, *(("synthetic",) if writer else ()))
    check_kinds(chosen, writer is not None)
    steps = run(recipe, target="data", overrides=overrides, project=project, events=events)
    corpus = steps[-1].artifact
    assert corpus is not None
    resolved = load(recipe, overrides).recipe
    target = (output or project.home / "pairs" / corpus.id / "pairs.jsonl").resolve()
    opened = engine(writer, project=project, offline=resolved.offline) if writer else None
    try:
        summary = make_pairs(
            corpus.path,
            resolved,
            project,
            events.for_stage("pairs"),
            output=target,
            kinds=chosen,
            limit=limit,
            writer=Writer(opened, model_folder(writer, project).name, resolved.seed) if opened and writer else None,
        )
    finally:
        if opened:
            opened.close()
    return {"corpus": corpus.id, "path": str(target), **summary}


def opted_out(opt_out: Path | str, *, project: Project | None = None, events: Events | None = None) -> dict[str, Any]:
    """Which artifacts of the project were built from files on an opt-out list, or on the one that a recipe names."""
    from understudy.data.opt_out import opt_outs_in
    from understudy.data.opt_out.built_from import built_from

    return built_from(project or Project.find(), opt_outs_in(Path(opt_out)), events or silent())


def inspect_data(
    target: Path | str,
    question: str,
    value: Any = None,
    *,
    limit: int = 20,
    overrides: Sequence[str] = (),
    project: Project | None = None,
) -> dict[str, Any]:
    """The answer to a question about a corpus, with the corpus's id.

    `target` is a recipe whose corpus was made, or an id; `question` one of file, cluster, clusters, rule, redactions,
    license, funnel, held-out.
    """
    from understudy.data.inspection.asking import answer
    from understudy.data.inspection.which import corpus_meant

    corpus = corpus_meant(target, project or Project.find(), overrides)
    return {"corpus": corpus.id, **answer(corpus.path, question, value, limit)}


@contextmanager
def query_data(
    target: Path | str, query: str, *, overrides: Sequence[str] = (), project: Project | None = None
) -> Iterator[Answer]:
    """The answer to one SELECT over a corpus, whose rows are read while they are asked for."""
    from understudy.data.inspection import sql
    from understudy.data.inspection.opened import opened
    from understudy.data.inspection.which import corpus_meant

    with opened(corpus_meant(target, project or Project.find(), overrides).path) as corpus:
        yield sql.query(corpus, query)


def data_report(target: Path | str, *, overrides: Sequence[str] = (), project: Project | None = None) -> DataReport:
    """The HTML page to dive into a corpus with, and the JSON it is drawn from; written where they are missing."""
    from understudy.data.inspection.asking import summary_of
    from understudy.data.inspection.which import corpus_meant, tokens_of
    from understudy.report import write_data_report

    project = project or Project.find()
    corpus = corpus_meant(target, project, overrides)
    return write_data_report(project, corpus, tokens_of(corpus, project), lambda: summary_of(corpus.path))


def engine(model: str = "latest", *, project: Project | None = None, offline: bool = True) -> Engine:
    """An engine over a model: an artifact id, a unique prefix, `latest`, or any folder that holds one."""
    if offline:
        go_offline()
    from understudy.engines import open_engine

    return open_engine(model_folder(model, project or Project.find()))


def model_folder(model: str, project: Project) -> Path:
    """The folder of the model meant by an id, a prefix, `latest` or a path. Raises UsageError."""
    folder = expanded(model)
    if (folder / "config.json").exists():
        return folder
    artifact = Store(project).open(model, "model")
    if artifact.kind != "model":
        raise UsageError(f"{artifact.id} is a {artifact.kind}, not a model", "understudy runs   (lists the models)")
    return artifact.path


def write_report(resolved: ResolvedRecipe, steps: Sequence[Step], project: Project) -> Path:
    """The HTML report of a run."""
    from understudy.report import write_report as write

    return write(project, resolved, {step.kind: step.artifact for step in steps if step.artifact})


def plan_tables(values: Mapping[str, Any]) -> list[Table]:
    """A plan, as in plan.json, as tables for people."""
    from understudy.plan.tables import tables

    return tables(values)


def score_tables(scores: Artifact) -> list[Table]:
    """Scores as tables for people."""
    from understudy.eval.tables import tables

    return tables(read_json(scores.path / "scores.json"))


def report_of(artifact: Artifact, project: Project) -> Path:
    """The HTML report of one artifact and all it was made from; of a corpus, the page to dive into it with."""
    if artifact.kind == "corpus":
        return data_report(artifact.path, project=project).page
    from understudy.report import write_report as write

    store = Store(project)
    artifacts = {artifact.kind: artifact}
    waiting = list(artifact.inputs)
    while waiting:
        identifier = waiting.pop()
        found = store.find(identifier.rsplit("-", 1)[0], identifier)
        if found:
            artifacts.setdefault(found.kind, found)
            waiting.extend(found.inputs)
    return write(project, None, artifacts)


def recipe_rows(recipe: Path | str, overrides: Sequence[str], project: Project) -> list[tuple[str, str, str]]:
    """(key, value, origin) of a recipe; what is `auto` shows what the newest plan of this recipe made of it."""
    resolved = load(recipe, overrides)
    chosen = _chosen(resolved, project)
    rows = []
    for key, value, origin in resolved.rows():
        name = key.rsplit(".", 1)[-1]
        if value == "auto" and key.startswith("train.") and name in chosen[0]:
            rows.append((key, str(chosen[0][name]), f"derived: {chosen[1]}"))
        else:
            rows.append((key, value, origin))
    return rows


def _chosen(resolved: ResolvedRecipe, project: Project) -> tuple[dict[str, Any], str]:
    """What the plan of exactly this recipe decided, and the plan's id; nothing where there is none yet."""
    section = resolved.recipe.section(pipeline.load_stage("plan").reads)
    for artifact in reversed(Store(project).all("plan")):
        if artifact.made_by.get("section") == section:
            return read_json(artifact.path / "plan.json")["choice"], artifact.id
    return {}, ""


def serve(
    recipe: Path | str,
    model: str | None,
    *,
    overrides: Sequence[str] = (),
    project: Project | None = None,
    events: Events | None = None,
) -> None:
    """Serve a recipe's model, or the one named, until Ctrl-C. Makes what is missing first."""
    from understudy.serve import serve as serve_folder

    resolved, project, events = load(recipe, overrides), project or Project.find(), events or silent()

    def folder() -> Path:
        if model:
            return model_folder(model, project)
        artifact = pipeline.run(resolved, project, events, target="train")[-1].artifact
        assert artifact is not None
        return artifact.path

    serve_folder(folder, resolved.recipe.serve, events)


def matmul_ceilings() -> dict[str, float]:
    """This machine's measured matrix-product speed in FLOP/s, by precision. Takes two seconds."""
    import torch

    from understudy.model.throughput import matmul_ceiling

    return {name: matmul_ceiling(getattr(torch, name), "cpu") for name in ("bfloat16", "float32")}
