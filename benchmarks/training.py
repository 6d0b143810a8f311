"""Tokens per second of training, beside Hugging Face's Llama: its Trainer as it comes, and compiled in bf16.

All train the same size (6 layers x 384, vocabulary 8,192, rows of 512, 8,192 tokens a step) on the same random tokens
with their own default optimizer; a step is forward, backward and update. Rounds alternate, so that a busy moment hits
all of them; each figure is the best of its rounds. Processor time hardly notices other programs. The ceiling is this
machine's bf16 matrix product, measured between the rounds. FLOPs are counted by our formula for each model's own shape.
The allocator's setting that we make holds for the whole process, so the rivals have it too.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
import transformers
from record import write_result
from torch import Tensor

from understudy.model.allocator import keep_freed_memory
from understudy.model.config import DecoderConfig, dial, n_parameters, training_flops_per_token
from understudy.model.hugging_face_config import config_from_json
from understudy.model.initial import random_decoder
from understudy.model.throughput import matmul_ceiling
from understudy.model.training_path import TrainingPath
from understudy.train.objectives import next_token_step
from understudy.train.optim import Optimizer, OptimizerSettings
from understudy.train.weights import MasterWeights

CONTEXT, VOCABULARY, ROWS, MICRO_BATCH = 512, 8192, 16, 4
OURS = dial(layers=6, vocabulary=VOCABULARY, context=CONTEXT, hidden=384)

Step = Callable[[], object]
"""One optimizer step on ROWS rows."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    chosen = arguments.parse_args()
    torch.set_num_threads(chosen.threads)
    transformers.logging.set_verbosity_error()
    tokens_bt = torch.randint(0, VOCABULARY, (ROWS, CONTEXT + 1), generator=torch.Generator().manual_seed(0))
    systems: dict[str, tuple[DecoderConfig, Step]] = {
        "hugging face llama, trainer defaults": (llama_shape(), trainer_step(tokens_bt)),
        "hugging face llama, bf16 autocast, compiled": (llama_shape(), compiled_step(tokens_bt)),
        "understudy": (OURS, our_step(tokens_bt)),
    }
    write_result(
        "training", measure(systems, chosen.rounds) | {"threads": chosen.threads}, ("transformers", "accelerate")
    )


def measure(systems: dict[str, tuple[DecoderConfig, Step]], rounds: int) -> dict[str, Any]:
    """Best tokens per second of each system, by the clock and by processor time, and our ratio to it."""
    for _, step in systems.values():
        step()  # compiles, fills caches
    wall, processor, ceiling = dict.fromkeys(systems, 0.0), dict.fromkeys(systems, 0.0), 0.0
    for _ in range(rounds):
        ceiling = max(ceiling, matmul_ceiling(torch.bfloat16))
        for name, (_, step) in systems.items():
            start, start_processor = time.perf_counter(), time.process_time()
            step()
            seconds, processor_seconds = time.perf_counter() - start, time.process_time() - start_processor
            wall[name] = max(wall[name], ROWS * CONTEXT / seconds)
            processor[name] = max(processor[name], ROWS * CONTEXT / processor_seconds)
    rows = {
        name: {
            "tokens_per_second": round(wall[name]),
            "tokens_per_processor_second": round(processor[name]),
            "share_of_bf16_ceiling": round(wall[name] * training_flops_per_token(config) / ceiling, 3),
            "parameters": n_parameters(config).total,
            "ours_is_faster_by": round(wall["understudy"] / wall[name], 2),
            "ours_is_faster_by_processor_time": round(processor["understudy"] / processor[name], 2),
        }
        for name, (config, _) in systems.items()
    }
    return {"ceiling_flops_per_second": float(f"{ceiling:.3g}"), "systems": rows}


def our_step(tokens_bt: Tensor) -> Step:
    """A step as `understudy train` takes it: bf16 with fp32 masters, compiled, Muon."""
    keep_freed_memory()
    decoder = random_decoder(OURS, 0)
    weights = MasterWeights(decoder, torch.bfloat16)
    optimizer = Optimizer(weights, OURS, OptimizerSettings("muon", 0.02, 0.1))
    path = TrainingPath(decoder, compiled=True)
    batch = [(rows, torch.zeros_like(rows)) for rows in tokens_bt.split(MICRO_BATCH)]

    def step() -> None:
        weights.zero_gradients()
        next_token_step(path, batch)
        weights.scale_gradients(min(1.0, 1.0 / weights.gradient_norm()))
        optimizer.step(1.0)

    return step


def llama() -> Any:
    """Hugging Face's Llama of the same width and depth; its heads are 64 wide, as is usual at this size."""
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=384, intermediate_size=1024, num_hidden_layers=6, num_attention_heads=6,
        num_key_value_heads=6, max_position_embeddings=CONTEXT, tie_word_embeddings=OURS.tied,
    )  # fmt: skip
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(config)


def llama_shape() -> DecoderConfig:
    """The same as our record of a shape, to count its FLOPs."""
    return config_from_json(llama().config.to_dict())


def trainer_step(tokens_bt: Tensor) -> Step:
    """A step of `Trainer` with its default arguments, but for the number of tokens: fp32, AdamW."""
    folder = tempfile.TemporaryDirectory()
    rows = [{"input_ids": row[:-1], "labels": row[:-1]} for row in tokens_bt]
    arguments = transformers.TrainingArguments(
        output_dir=folder.name, max_steps=1, gradient_accumulation_steps=ROWS // 8, save_strategy="no",
        report_to=[], disable_tqdm=True, logging_strategy="no", use_cpu=True,
    )  # fmt: skip
    trainer = transformers.Trainer(model=llama(), args=arguments, train_dataset=rows)

    trainer.remove_callback(transformers.PrinterCallback)

    def step() -> None:
        trainer.train()
        folder.name  # noqa: B018  (kept alive as long as the step is)

    return step


def compiled_step(tokens_bt: Tensor) -> Step:
    """A step with what a careful user adds: bf16 autocast, `torch.compile`, fused AdamW."""
    model = llama()
    compiled = torch.compile(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    parts = tokens_bt[:, :-1].split(MICRO_BATCH)

    def step() -> None:
        for rows in parts:
            with torch.autocast("cpu", torch.bfloat16):
                loss = compiled(input_ids=rows, labels=rows).loss / len(parts)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


if __name__ == "__main__":
    main()
