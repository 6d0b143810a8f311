"""Bad input and broken machines: a clear error with the next step and the right exit code, or a row set aside."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_project import command, environment, write_project


def test_a_typo_in_the_recipe_names_line_and_nearest_key(tmp_path: Path, understudy) -> None:
    (tmp_path / "recipe.yaml").write_text("name: x\ntokeniser: {train: {vocabulary: 600}}\n")
    done = understudy("up", "recipe.yaml", code=3)
    assert "line 2" in done.stderr
    assert "did you mean 'tokenizer'" in done.stderr
    assert "Traceback" not in done.stderr
    error = json.loads(understudy("up", "recipe.yaml", "--json", code=3).stdout)["error"]
    assert error["exit_code"] == 3


@pytest.mark.parametrize(("setting", "word"), [("missing", "missing"), ("empty", "empty"), ("unusable", "unusable")])
def test_a_folder_without_code_is_named(tmp_path: Path, understudy, setting: str, word: str) -> None:
    if setting != "missing":
        (tmp_path / setting).mkdir()
    if setting == "unusable":
        (tmp_path / setting / "picture.bin").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "recipe.yaml").write_text(f"name: x\ndata: {{sources: [{{dir: {setting}}}]}}\n")
    done = understudy("up", "recipe.yaml", code=4)
    assert word in done.stderr
    assert "hint:" in done.stderr


def test_a_corpus_smaller_than_a_batch_still_trains_or_says_what_to_do(tmp_path: Path, understudy) -> None:
    recipe = write_project(tmp_path, ["keyword", "bisect", "sched"])
    done = subprocess.run(
        command("up", recipe, "--set", "train.0.batch_tokens=1M", "--set", "data.split.valid=0.3"),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 3, 4, 5), done.stderr
    assert done.returncode == 0 or "hint:" in done.stderr


@pytest.mark.parametrize("kind", ["corpus", "tokens", "model", "scores"])
def test_a_damaged_artifact_is_set_aside_and_made_again(project: Path, understudy, kind: str) -> None:
    folder = next((project / ".understudy" / "store" / kind).iterdir())
    name, largest = max(
        (
            (name, entry["size_bytes"])
            for name, entry in json.loads((folder / "artifact.json").read_text())["files"].items()
        ),
        key=lambda item: item[1],
    )
    raw = bytearray((folder / name).read_bytes())
    raw[largest // 2] ^= 1
    (folder / name).write_bytes(raw)
    done = understudy("up", "recipe.yaml")
    assert "does not have the content it was published with" in done.stderr
    assert "making it again" in done.stderr
    assert list((project / ".understudy" / "aside").iterdir())
    assert "everything was there already" in understudy("up", "recipe.yaml").stdout


def test_a_store_of_a_newer_version_asks_for_an_upgrade(project: Path, understudy) -> None:
    manifest = next((project / ".understudy" / "store" / "corpus").glob("*/artifact.json"))
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 99'))
    assert "pip install --upgrade" in understudy("up", "recipe.yaml", code=4).stderr


def test_two_runs_at_once_are_refused(project: Path, understudy) -> None:
    with (project / ".understudy" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another run is working" in understudy("up", "recipe.yaml", code=5).stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of forty megabytes."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("stage", ["data", "train"])
def test_a_disk_that_fills_up_is_said_and_the_same_command_continues_with_space(
    tmp_path: Path, small_disk: Path, understudy, stage: str
) -> None:
    recipe = write_project(tmp_path)
    before = {"data": "plan", "train": "tokens"}[stage]
    understudy("up", recipe, "--project", small_disk, "--until", before, "--quiet")
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 120_000))
    done = understudy("up", recipe, "--project", small_disk, code=5)
    assert "the disk is full" in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr
    filler.unlink()
    assert "report:" in understudy("up", recipe, "--project", small_disk).stdout


def test_too_little_disk_is_said_before_anything_is_made(tmp_path: Path, small_disk: Path, understudy) -> None:
    (small_disk / "filler").write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 1_000_000))
    done = understudy("up", write_project(tmp_path), "--project", small_disk, code=5)
    assert "are free" in done.stderr
    assert "hint:" in done.stderr


def test_a_port_in_use_is_said_at_once(project: Path, understudy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = understudy("serve", "recipe.yaml", "--port", port, code=5)
    assert str(port) in done.stderr
    assert "--port" in done.stderr


def test_unknown_options_and_verbs_are_usage_errors(tmp_path: Path, understudy) -> None:
    assert "upp" in understudy("upp", code=2).stderr
    understudy("up", code=2)
    understudy("up", "x.yaml", "--unitl", "data", code=2)
    assert "no recipe at" in understudy("up", "x.yaml", code=3).stderr
    assert "understudy up" in understudy("complete", "x", code=2).stderr


def test_hostile_files_are_set_aside_with_a_reason_and_nothing_is_lost(tmp_path: Path, understudy) -> None:
    write_project(tmp_path, ["abc", "ast", "bisect", "cmd", "copy", "csv", "shlex", "heapq", "queue"])
    code = tmp_path / "code"
    n_good = len(list(code.glob("*.py")))
    (code / "nul.py").write_bytes(b"x = 1\n\x00\n" * 20)
    (code / "latin.py").write_bytes("# caf\xe9\nx = 1\n".encode("latin-1") * 20)
    (code / "binary.py").write_bytes(b"\x7fELF" + bytes(range(256)) * 8)
    (code / "broken.py").write_text("def broken(:\n" * 20)
    (code / "deep.py").write_text("x = " + "(" * 5000 + ")" * 5000 + "\n")
    with (code / "huge.py").open("wb") as file:
        file.truncate(1_000_000_000)  # sparse: a gigabyte that takes no disk
    (code / "loop").symlink_to(code, target_is_directory=True)
    os.mkfifo(code / "pipe.py")
    done = understudy("data", "recipe.yaml", "--json")
    metrics = json.loads(done.stdout)["metrics"]
    folder = Path(json.loads(done.stdout)["path"])
    funnel = json.loads((folder / "funnel.json").read_text())
    assert funnel[0]["n_in"] - sum(step["n_dropped"] for step in funnel) == funnel[-1]["n_out"]
    import pyarrow.parquet as parquet

    rows = [row for file in (folder / "rejected").glob("*.parquet") for row in parquet.read_table(file).to_pylist()]
    reasons = {row["path"].rsplit("/", 1)[-1]: row["drop_reason"] for row in rows}
    assert {"nul.py", "latin.py", "binary.py", "broken.py", "deep.py", "huge.py"} <= reasons.keys()
    assert all(reasons.values())
    assert metrics["n_train"] + metrics["n_valid"] == n_good
    assert shutil.disk_usage(tmp_path).free > 0


def piped(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What a shell line around the command leaves; `$U` is the command."""
    return subprocess.run(
        ["bash", "-c", f'U() {{ {shlex.join(command())} "$@"; }}; {script}'],
        cwd=folder,
        env=environment() | variables,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: x\nseed: 2026-13-45\n", "line 2"),
        (f"name: x\nseed: {'9' * 5000}\n", "line 2"),
        ("name: x\nseed: !!int abc\n", "line 2"),
        ("name: x\nbudget: {minutes: yes}\n", "minutes is true"),
        ("name: x\ndata:\n", "has no keys; give it one or remove the line"),
        ("name: x\ntrain: []\n", "at least 1 entry"),
        ("name: x\ntokenizer: {train: {vocabulary: many}}\n", "like 4096, 32k, 1.3B or 1e9"),
        ("name: x\nmodel: {scratch: {layers: 2, parameters: 1B}}\n", "give parameters, or layers, but not both"),
        ("name: [x\n", "not valid YAML"),
        ("# " + "x" * 1_000_001, "larger than a recipe can be"),
    ],
)
def test_a_wrong_recipe_is_answered_with_its_place_and_what_to_do(
    tmp_path: Path, understudy, text: str, words: str
) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    done = understudy("recipe", "check", "recipe.yaml", code=3)
    assert words in done.stderr
    assert "hint:" in done.stderr
    assert "internal error" not in done.stderr


def test_an_endless_recipe_is_refused(tmp_path: Path, understudy) -> None:
    assert "larger than a recipe can be" in understudy("recipe", "check", "/dev/zero", code=3).stderr


@pytest.mark.parametrize(
    "make",
    [
        lambda home: home.touch(),
        lambda home: home.symlink_to("nowhere"),
        lambda home: (home / "lock").mkdir(parents=True),
        lambda home: home.mkdir() or (home / "work").touch(),
    ],
    ids=["a file", "a dangling link", "a folder for the lock", "a file for the work"],
)
def test_a_project_folder_that_cannot_be_used_is_named(tmp_path: Path, understudy, make) -> None:
    (tmp_path / "recipe.yaml").write_text("name: x\ndata: {sources: [{dir: code}]}\n")
    write_project(tmp_path, ["abc", "bisect", "cmd"])
    make(tmp_path / ".understudy")
    done = understudy("data", "recipe.yaml", code=5)
    assert str(tmp_path / ".understudy") in done.stderr
    assert "hint:" in done.stderr


def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    tmp_path.chmod(0o555)
    powers = "-dac_override,-dac_read_search"
    drop = f"setpriv --bounding-set {powers} --inh-caps {powers}" if os.geteuid() == 0 else ""
    try:
        done = piped(f"{drop} {shlex.join(command('up', 'recipe.yaml'))}", tmp_path)
    finally:
        tmp_path.chmod(0o755)
    assert done.returncode == 5, done.stderr
    assert ".understudy" in done.stderr
    assert "--project DIR" in done.stderr


def test_a_home_folder_of_nobody_and_a_name_too_long_are_no_internal_errors(tmp_path: Path, understudy) -> None:
    source = "data.sources=[{dir: ~nobody-of-that-name/x}]"
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    assert "does not exist" in understudy("data", "recipe.yaml", "--set", source, code=4).stderr
    understudy("complete", "x", "--model", "~nobody-of-that-name/x", code=2)
    understudy("complete", "x", "--model", "x" * 5000, code=5)


def test_closed_and_full_streams_end_in_an_exit_code_and_not_in_a_traceback(tmp_path: Path) -> None:
    recipe = write_project(tmp_path, ["abc", "bisect", "cmd", "copy", "csv", "heapq"])
    assert piped("U runs >&-", tmp_path).returncode == 0
    assert piped("U runs <&- 2>&-", tmp_path).returncode == 0
    assert piped(f"U data {recipe} 2>/dev/full", tmp_path).returncode == 0
    assert piped(f"U data {recipe} --set seed=3 2>&-", tmp_path).returncode == 0
    done = piped("U runs | head -1; exit ${PIPESTATUS[0]}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    done = piped("U runs >/dev/full", tmp_path)
    assert done.returncode == 5
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert "understudy up" in piped("U complete - <&-", tmp_path).stderr


def test_every_answer_can_be_printed_in_a_plain_locale(project: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = piped("U up recipe.yaml && U complete 'é = 1' --json", project, **plain)
    assert done.returncode == 0, done.stderr
    assert "next:" in done.stdout


def test_names_that_are_no_text_do_not_stop_a_run(project: Path) -> None:
    done = piped("cp recipe.yaml $'r\\xff.yaml' && U up $'r\\xff.yaml' && U runs", project)
    assert done.returncode == 0, done.stderr
    assert "everything was there already" in done.stdout
    assert "\x1b" not in piped("U data $'a\\x1b[31m.yaml'", project).stderr


def test_the_next_commands_can_be_pasted_from_where_one_is(tmp_path: Path, understudy) -> None:
    folder = tmp_path / "my project"
    folder.mkdir()
    recipe = write_project(folder, ["abc", "bisect", "cmd"])
    out = understudy("up", recipe, "--project", folder, "--until", "plan").stdout
    assert f"next: understudy up '{recipe}' --project '{folder}'" in out


def test_stdin_that_is_no_text_is_said(project: Path) -> None:
    done = piped("printf 'x = \\xff' | U complete -", project, LC_ALL="C.UTF-8")
    assert done.returncode == 4
    assert "stdin is not UTF-8 text (byte 4)" in done.stderr


def test_a_plan_for_a_gpu_that_is_not_here_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    recipe = write_project(tmp_path, ["abc", "bisect", "cmd"])
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    there = "--set budget.gpu=h100 --set budget.minutes=5"
    assert piped(f"U plan {recipe} {there}", tmp_path, **hidden).returncode == 0
    done = piped(f"U up {recipe} {there}", tmp_path, **hidden)
    assert done.returncode == 5
    assert "torch finds no CUDA GPU here" in done.stderr
    assert "hint:" in done.stderr
    assert not (tmp_path / ".understudy" / "store" / "corpus").exists()


def test_one_file_goes_through_and_says_what_was_not_measured(tmp_path: Path, understudy) -> None:
    write_project(tmp_path, ["ast"])
    done = understudy("up", "recipe.yaml", "--set", "train.0.tokens=2048")
    assert "nothing is held out" in done.stderr
    assert "not measured" in done.stdout
