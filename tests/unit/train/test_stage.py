"""The train stage on a tiny corpus: what it writes, and that stopping it anywhere changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from understudy.core.errors import InputDataError, Interrupted, UnderstudyError
from understudy.core.tracking import Events, silent
from understudy.formats.tokenizer import Tokenizer
from understudy.formats.usage import ModelUsage
from understudy.model.hugging_face import read_folder

Make = Callable[..., Any]


def stop_at(step: int) -> Events:
    """Events that ask the run to stop once this step is reported."""
    events = silent()

    def watch(record: dict[str, Any]) -> None:
        if record["event"] == "metrics" and record["step"] == step:
            events.stop.set()

    events.sinks = (watch,)
    return events


def test_training_lowers_the_loss_and_leaves_a_usable_model(world: Make) -> None:
    made = world()
    metrics = made.run()
    steps = [line for line in made.log() if "loss" in line]
    assert steps[-1]["loss"] < 0.8 * steps[0]["loss"]
    assert [line["step"] for line in steps] == list(range(1, 13))
    assert metrics["valid_bits_per_byte"] == pytest.approx(
        [line for line in made.log() if "valid_bits_per_byte" in line][-1]["valid_bits_per_byte"], abs=1e-4
    )
    decoder = read_folder(made.work())
    assert decoder.config.vocabulary == 320  # 263 rounded up to a multiple of 64
    assert ModelUsage.read(made.work()).context == made.context
    assert Tokenizer.load(made.work()).vocabulary == 263


def test_the_summary_sets_the_outcome_beside_the_plan(world: Make) -> None:
    made = world()
    metrics = made.run()
    summary = made.summary()
    assert summary["planned"]["seconds"] == 2.0
    assert summary["off_by"]["seconds"] == pytest.approx(summary["actual"]["seconds"] / 2.0 - 1, abs=1e-3)
    assert summary["actual"]["tokens"] == 12 * 4 * made.context
    assert "planned 2.0 s" in metrics["summary"]


@pytest.mark.parametrize("phase", [{}, {"optimizer": "adamw", "learning_rate": 1e-3}, {"precision": "bf16"}])
@pytest.mark.parametrize("stop", [1, 5, 12])
def test_a_stopped_and_continued_run_ends_bit_for_bit_where_an_undisturbed_one_does(
    world: Make, stop: int, phase: dict[str, Any]
) -> None:
    made = world(precision=phase.get("precision", "fp32"))
    made.run(work="whole", **phase)
    with pytest.raises(Interrupted):
        made.run(stop_at(stop), work="stopped", **phase)
    made.run(work="stopped", **phase)
    assert made.weights("whole") == made.weights("stopped")
    losses = [[(line["step"], line.get("loss"), line.get("valid_bits_per_byte")) for line in made.log(name)]
              for name in ("whole", "stopped")]  # fmt: skip
    assert losses[0] == losses[1]
    assert made.summary("stopped")["actual"]["n_resumed"] == 1


def test_a_run_killed_behind_its_checkpoint_repeats_those_steps_and_logs_each_once(world: Make) -> None:
    made = world()
    made.run(work="whole")
    with pytest.raises(Interrupted):
        made.run(stop_at(5), work="killed")
    with (made.work("killed") / "training.jsonl").open("a") as file:  # what a SIGKILL at step 7 leaves
        file.write('{"step": 6, "loss": 9.9}\n{"step": 7, "lo')
    made.run(work="killed")
    assert [line["step"] for line in made.log("killed") if "loss" in line] == list(range(1, 13))
    assert made.weights("whole") == made.weights("killed")


def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_it_used(world: Make) -> None:
    made = world()
    made.run(work="whole")
    for stop in (4, 8):
        with pytest.raises(Interrupted):
            made.run(stop_at(stop), work="damaged")
    newest = max((made.work("damaged") / "scratch" / "checkpoints").iterdir()) / "tensors.safetensors"
    flipped = bytearray(newest.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    newest.write_bytes(bytes(flipped))
    events = silent()
    made.run(events, work="damaged")
    texts = [record["text"] for record in events.records if record["event"] in ("warning", "note")]
    assert any("step-00000008 is damaged" in text for text in texts)
    assert any("going on from step 4" in text for text in texts)
    assert made.weights("whole") == made.weights("damaged")


def test_a_checkpoint_of_other_settings_is_refused_by_name(world: Make) -> None:
    made = world()
    with pytest.raises(Interrupted):
        made.run(stop_at(3))
    made.plan(learning_rate=0.01)
    with pytest.raises(InputDataError, match=r"learning_rate: 0\.02 → 0\.01"):
        made.run()


def test_a_corpus_smaller_than_a_step_trains_with_a_smaller_one_and_says_so(world: Make) -> None:
    made, events = world(n_rows=3, batch_tokens=16 * 32, tokens=9 * 32), silent()
    made.run(events)
    warnings = [record["text"] for record in events.records if record["event"] == "warning"]
    assert warnings == ["the corpus fills 3 rows of 32 tokens, less than one step of 16; training with 3 rows a step"]
    assert made.log()[-1]["tokens"] == 9 * made.context


def test_an_empty_corpus_is_refused(world: Make) -> None:
    made = world(n_rows=0)
    with pytest.raises(InputDataError, match="hold no training row"):
        made.run()


def test_nothing_held_out_is_warned_of_and_trains(world: Make) -> None:
    made = world(n_valid=0)
    assert made.run()["valid_bits_per_byte"] is None


def test_shards_of_another_tokenizer_or_context_are_refused(world: Make) -> None:
    made = world(context=64)
    with pytest.raises(InputDataError, match="rows of 32 tokens, the plan says 64"):
        made.run()
    made = world()
    manifest = made.root / "tokens" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"vocabulary": 263', '"vocabulary": 300'))
    with pytest.raises(InputDataError, match="a vocabulary of 300, the tokenizer has 263"):
        made.run()


def test_the_gradient_does_not_depend_on_the_micro_batch(world: Make) -> None:
    made = world(micro_batch=1, tokens=4 * 32)
    made.run(work="one")
    made = world(micro_batch=4, tokens=4 * 32)
    made.run(work="four")
    one, four = made.log("one")[0], made.log("four")[0]
    assert one["loss"] == pytest.approx(four["loss"], rel=1e-5)
    assert one["gradient_norm"] == pytest.approx(four["gradient_norm"], rel=1e-4)


def test_a_run_without_a_finite_loss_stops_with_advice(world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made, events = world(), silent()
    monkeypatch.setattr("understudy.train.loop.next_token_step", lambda path, batch: float("nan"))
    with pytest.raises(UnderstudyError, match="8 steps in a row") as caught:
        made.run(events)
    assert "learning_rate" in str(caught.value.hint)


def test_one_step_without_a_finite_loss_is_skipped(world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from understudy.train.objectives import next_token_step

    losses = iter([float("inf")])
    monkeypatch.setattr(
        "understudy.train.loop.next_token_step", lambda path, batch: next(losses, None) or next_token_step(path, batch)
    )
    made = world()
    made.run()
    assert made.summary()["actual"]["n_skipped_steps"] == 1


def test_two_runs_give_the_same_bytes(world: Make) -> None:
    made = world()
    for name in ("first", "second"):
        torch.manual_seed(len(name))  # the state of the process must not matter
        made.run(work=name)
    assert made.weights("first") == made.weights("second")
