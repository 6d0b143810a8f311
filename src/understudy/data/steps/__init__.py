"""The row-wise steps that every file goes through, in order: one file each, and one table.

read ─▶ opted-out ─▶ decode ─▶ notebook ─▶ language ─▶ license-header       what the file is
─▶ vendored ─▶ generated ─▶ minified ─▶ markup ─▶ encoded ─▶ hidden          whether anybody wrote it
─▶ length ─▶ alphanumeric ─▶ comments ─▶ repeated                            whether it teaches anything
─▶ secrets ─▶ emails ─▶ ip-addresses ─▶ names                                what must not stay in it
─▶ contaminated ─▶ identify ─▶ sketch                                        what the decisions need to know
   unparsable                                                                late: only what is about to be kept

A new step is one file and one row of `STEPS`; the funnel, the statistics and every engine follow.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from understudy.data.steps.alphanumeric import Alphanumeric
from understudy.data.steps.comments import Comments
from understudy.data.steps.contaminated import Contaminated
from understudy.data.steps.contract import Step
from understudy.data.steps.decode import Decode
from understudy.data.steps.emails import Emails
from understudy.data.steps.encoded import Encoded
from understudy.data.steps.generated import Generated
from understudy.data.steps.hidden import Hidden
from understudy.data.steps.identify import Identify
from understudy.data.steps.ip_addresses import IpAddresses
from understudy.data.steps.language import DetectLanguage
from understudy.data.steps.length import Length
from understudy.data.steps.license_header import LicenseHeader
from understudy.data.steps.magika_model import magika_edition
from understudy.data.steps.markup import Markup
from understudy.data.steps.minified import Minified
from understudy.data.steps.name_model import model_id
from understudy.data.steps.names import Names
from understudy.data.steps.notebook import Notebook
from understudy.data.steps.opted_out import OptedOut
from understudy.data.steps.parsers import installed_parsers
from understudy.data.steps.read import ReadFiles
from understudy.data.steps.repeated import Repeated
from understudy.data.steps.secret_rules import edition, rules_in
from understudy.data.steps.secrets import Secrets
from understudy.data.steps.sketch import Sketch
from understudy.data.steps.unparsable import Unparsable
from understudy.data.steps.vendored import Vendored

if TYPE_CHECKING:
    from understudy.core.paths import Project
    from understudy.core.recipe import Recipe  # workers import this package and must not pay for pydantic

Settings = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step's class and the settings a recipe gives it; None where the recipe leaves it out."""

    make: type[Step]
    settings: Callable[[Recipe], Settings | None]
    prepare: Callable[[Recipe, Project], Settings | None] | None = None  # instead, where a file has to be made first


@dataclass(frozen=True, slots=True)
class StepSetting:
    """A step by name, with settings that are plain JSON values: what is sent to a worker."""

    name: str
    settings: Settings = field(default_factory=dict)


def _if_dropped(kind: str) -> Callable[[Recipe], Settings | None]:
    return lambda recipe: {} if kind in recipe.data.drop else None


def _redaction(field_name: str) -> Callable[[Recipe], Settings | None]:
    def settings(recipe: Recipe) -> Settings | None:
        handling = getattr(recipe.data.redact, field_name)
        return None if handling == "keep" else {"handling": handling}

    return settings


def _secrets(recipe: Recipe) -> Settings | None:
    redact = recipe.data.redact
    if redact.secrets == "keep":
        return None
    rules = rules_in(recipe.resolve(redact.rules)) if redact.rules else ()
    return {"handling": redact.secrets, "extra": [list(rule) for rule in rules], "edition": edition()}


def _names(recipe: Recipe) -> Settings | None:
    redact = recipe.data.redact
    if redact.names == "keep" or redact.model is None:
        return None
    folder = recipe.resolve(redact.model)
    return {"handling": redact.names, "model": str(folder), "model_id": model_id(folder)}


def _near_duplicates(recipe: Recipe) -> Settings | None:
    near = recipe.data.near_duplicates
    if near is None:
        return None
    return {"threshold": near.threshold, "permutations": near.permutations, "ngram": near.ngram}


LENGTH = ("min_file_bytes", "max_characters", "max_line_length", "mean_line_length")
ALPHANUMERIC = ("alphanumeric_fraction", "alphabetic_fraction", "digit_fraction")
COMMENTS = ("min_comment_fraction", "max_comment_fraction")
REPEATED = ("repeated_lines", "repeated_phrases")
ENCODED = ("encoded_fraction", "encoded_run")
MARKUP = ("data_fraction", "visible_text_fraction")


def _language(recipe: Recipe) -> Settings:
    wanted = recipe.data.languages
    by_content = recipe.data.detect == "content"
    return {"wanted": None if wanted is None else list(wanted), "magika": magika_edition() if by_content else None}


def _unparsable(recipe: Recipe) -> Settings | None:
    if "unparsable" not in recipe.data.drop:
        return None
    filters, name = recipe.data.filters, "parse_error_fraction"
    return {
        "python2": recipe.data.python2,
        "error_fraction": filters.parse_error_fraction,
        "error_fractions": {lang: limits[name] for lang, limits in filters.by_language.items() if name in limits},
        "parsers": installed_parsers(),
    }


def _limits(*names: str, drop: str | None = None, always: bool = False) -> Callable[[Recipe], Settings | None]:
    """The settings of a step that compares with these limits; None where the recipe does not ask for it."""

    def settings(recipe: Recipe) -> Settings | None:
        filters = recipe.data.filters
        usual = {name: getattr(filters, name) for name in names}
        others = {
            language: {name: limit for name, limit in limits.items() if name in names}
            for language, limits in filters.by_language.items()
        }
        others = {language: limits for language, limits in others.items() if limits}
        given = [*usual.values(), *(limit for limits in others.values() for limit in limits.values())]
        is_on = always or (drop in recipe.data.drop if drop else any(limit is not None for limit in given))
        return {"limits": usual, "by_language": others} if is_on else None

    return settings


def _opted_out(recipe: Recipe) -> Settings | None:
    """Only contents named by SHA-256 need a look at the bytes; decisions/opt_out.py does the rest."""
    if recipe.data.opt_out is None:
        return None
    from understudy.data.opt_out import opt_outs_of

    sha256 = opt_outs_of(recipe).sha256
    return {"sha256": list(sha256)} if sha256 else None


def _contaminated(recipe: Recipe, project: Project) -> Settings | None:
    """Makes the index of the exams' texts, or finds the one that is kept."""
    from understudy.data.contamination.wanted import index_file

    path = index_file(recipe, project)
    return None if path is None else {"index": str(path), "digest": path.stem}


STEPS: dict[str, StepRow] = {
    "read": StepRow(ReadFiles, lambda recipe: {"limit": recipe.data.filters.max_file_bytes}),
    "opted-out": StepRow(OptedOut, _opted_out),
    "decode": StepRow(Decode, lambda recipe: {}),
    "notebook": StepRow(Notebook, lambda recipe: {}),
    "language": StepRow(DetectLanguage, _language),
    "license-header": StepRow(LicenseHeader, lambda recipe: {}),
    "vendored": StepRow(Vendored, _if_dropped("vendored")),
    "generated": StepRow(Generated, _if_dropped("generated")),
    "minified": StepRow(Minified, _if_dropped("minified")),
    "markup": StepRow(Markup, _limits(*MARKUP, drop="markup")),
    "encoded": StepRow(Encoded, _limits(*ENCODED, drop="encoded")),
    "hidden": StepRow(Hidden, _if_dropped("hidden")),
    "length": StepRow(Length, _limits(*LENGTH, always=True)),
    "alphanumeric": StepRow(Alphanumeric, _limits(*ALPHANUMERIC)),
    "comments": StepRow(Comments, _limits(*COMMENTS)),
    "repeated": StepRow(Repeated, _limits(*REPEATED, drop="repeated")),
    "unparsable": StepRow(Unparsable, _unparsable),
    "secrets": StepRow(Secrets, _secrets),
    "emails": StepRow(Emails, _redaction("emails")),
    "ip-addresses": StepRow(IpAddresses, _redaction("ip_addresses")),
    "names": StepRow(Names, _names),
    "contaminated": StepRow(Contaminated, lambda recipe: None, _contaminated),
    "identify": StepRow(Identify, lambda recipe: {"seed": recipe.seed, "by": recipe.data.split.by}),
    "sketch": StepRow(Sketch, _near_duplicates),
}


# Run by the decision that keeps files, on what it is about to keep: see decisions/parsing.py.
LATE = ("unparsable",)


def steps_of(recipe: Recipe, project: Project | None = None) -> list[StepSetting]:
    """The steps of a recipe that every file goes through, in the table's order.

    Without a project the steps that need a file made first are left out.
    """
    return _settings(recipe, [name for name in STEPS if name not in LATE], project)


def parsed_languages(recipe: Recipe) -> list[str]:
    """The languages whose files the parse check looks into; the files of all others stay unchecked."""
    settings = _unparsable(recipe)
    return [] if settings is None else ["python", *settings["parsers"]]


def late_steps_of(recipe: Recipe) -> list[StepSetting]:
    """The steps for files that are about to be kept; empty where the recipe asks for none."""
    late = _settings(recipe, LATE)
    return [StepSetting("decode"), *late] if late else []


def _settings(recipe: Recipe, names: Sequence[str], project: Project | None = None) -> list[StepSetting]:
    found = []
    for name in names:
        row = STEPS[name]
        settings = row.prepare(recipe, project) if row.prepare and project else row.settings(recipe)
        if settings is not None:
            found.append(StepSetting(name, settings))
    return found


def settings_key(steps: Sequence[StepSetting]) -> str:
    """A text that changes whenever these steps would give other results."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"  # which files parse depends on it
    told = [(step.name, STEPS[step.name].make.version, step.settings) for step in steps]
    return json.dumps([python, told], sort_keys=True)


def make_step(setting: StepSetting) -> Step:
    """The step itself, set up and ready for batches."""
    step = STEPS[setting.name].make(**setting.settings)
    step.setup()
    return step


__all__ = ["STEPS", "Step", "StepSetting", "late_steps_of", "make_step", "parsed_languages", "settings_key", "steps_of"]
