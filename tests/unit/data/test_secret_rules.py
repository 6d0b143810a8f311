"""Rules are data: every row is whole, a recipe may bring its own, and a wrong one is named."""

from __future__ import annotations

import random
import string
import time
from pathlib import Path

import pytest

from understudy.core.errors import RecipeError
from understudy.core.recipe import Recipe
from understudy.data.steps import make_step, steps_of
from understudy.data.steps.randomness import naturalness_bits
from understudy.data.steps.secret_checks import CHECKS, is_filler, is_random
from understudy.data.steps.secret_rules import Rule, compiled, own_rules, rules_in
from understudy.data.steps.secrets import Secrets

PROVIDERS = """
aws google azure github gitlab slack stripe twilio sendgrid mailgun mailchimp npm pypi rubygems docker heroku
digitalocean cloudflare datadog newrelic sentry square paypal braintree shopify telegram discord openai
anthropic huggingface databricks linear notion bitbucket okta auth0 vault terraform grafana postman age
facebook twitter linkedin alibaba tencent yandex private web-token connection-password authorization
assigned-key assigned-password
""".split()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_there_is_a_rule_for(provider: str) -> None:
    assert any(rule.kind.startswith(provider) for rule in own_rules())


@pytest.mark.parametrize("rule", own_rules(), ids=lambda rule: rule.kind)
def test_a_rule_is_whole(rule: Rule) -> None:
    assert rule.check in CHECKS and rule.placeholder in ("KEY", "PASSWORD") and rule.trigger
    pattern = compiled(rule.pattern)
    assert pattern.search(b"") is None and pattern.groups >= 1
    assert rule.unless == "" or compiled(rule.unless)


def rules_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_recipe_adds_rules_of_its_own(tmp_path: Path) -> None:
    path = rules_file(tmp_path, "- kind: acme-ticket\n  pattern: '\\b(ACME-[0-9]{6}-[a-z]{8})\\b'\n  check: any\n")
    recipe = Recipe.model_validate({"name": "t", "data": {"redact": {"rules": str(path)}}})
    (setting,) = [setting for setting in steps_of(recipe) if setting.name == "secrets"]
    step = make_step(setting)
    assert isinstance(step, Secrets)
    assert [span.kind for span in step.find(b"see ACME-123456-abcdwxyz")] == ["acme-ticket"]


def test_rules_of_ones_own_may_use_the_words_of_the_package(tmp_path: Path) -> None:
    path = rules_file(tmp_path, "- {kind: mine, pattern: '(?i)@keys@ is (?P<secret>\\w{10,})', check: random}\n")
    assert "secret" in rules_in(path)[0].pattern and "@keys@" not in rules_in(path)[0].pattern


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {kind: a, pattern: '(unclosed'}", "rule 1 \\(a\\): pattern is no RE2 expression"),
        ("- {kind: a, pattern: '(x)\\1'}", "no RE2 expression"),
        ("- {kind: a, pattern: 'x{1,5000}'}", "no RE2 expression"),
        ("- {kind: a, pattern: 'x*'}", "matches the empty text"),
        ("- {kind: a, pattern: 'xyz', chek: token}", "unknown field chek"),
        ("- {kind: a, pattern: 'xyz', check: tokens}", "unknown check tokens"),
        ("- {kind: a, pattern: 'xyz', placeholder: NAME}", "unknown placeholder NAME"),
        ("- {kind: a}", "pattern is missing"),
        ("- {kind: a, pattern: 5}", "mapping of texts"),
        ("- {kind: a, pattern: '@nothing@x'}", "no word is called @nothing@"),
        ("kind: a", "a list of at most"),
        ("- {kind: a, pattern: 'x", "rules.yaml:1"),
    ],
)
def test_a_wrong_rule_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        rules_in(rules_file(tmp_path, text))


def test_a_rules_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"cannot read .*missing\.yaml"):
        rules_in(tmp_path / "missing.yaml")


def test_bait_for_backtracking_costs_no_more_than_other_text(tmp_path: Path) -> None:
    rule = rules_in(rules_file(tmp_path, "- {kind: bait, pattern: '((?:a+)+b)', check: any}"))
    step = Secrets("redact", [list(item) for item in rule])
    step.setup()
    started = time.process_time()
    assert list(step.find(b"a" * 30_000 + b"!")) == []
    assert time.process_time() - started < 30  # a backtracking engine would not come back at all


def test_random_letters_and_written_ones_are_told_apart() -> None:
    draw = random.Random(3)
    drawn = ["".join(draw.choices(string.ascii_letters + string.digits, k=20)).encode() for _ in range(500)]
    written = b"retrieve_user_by_id2 ConnectionPoolTimeout30 projects/acme/v2/items test_widget_renders_4".split()
    assert sum(naturalness_bits(value) < -10 for value in drawn) >= 495
    assert [value for value in written if naturalness_bits(value) < 0] == []


@pytest.mark.parametrize(
    "value", [b"aaaaaaaabbbbbbbb", b"0123456789", b"k9Zk9Zk9Zk9Zk9Z", b"my-fake-token-42", b"sk_live_xxxx"]
)
def test_fillers_are_recognised(value: bytes) -> None:
    assert is_filler(value) and not is_random(value)
