from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from understudy.data.pairs.choosing import Candidate, choose, even_shares, sketch

TEXTS = [
    " ".join(random.Random(seed).choices("alpha beta gamma delta f ( ) = + 1 2 x y".split(), k=60))
    for seed in range(40)
]


def candidates(texts: list[str], repo: str = "r", kind: str = "body") -> list[Candidate]:
    return [Candidate(n, f"{hash_of(text)}", kind, repo, sketch(text)) for n, text in enumerate(texts)]


def hash_of(text: str) -> str:
    return format(random.Random(text).getrandbits(64), "016x")


def test_of_nearly_identical_answers_one_stays() -> None:
    changed = TEXTS[0].replace("alpha", "alpha", 1) + " y"
    choice = choose(candidates([TEXTS[0], changed, *TEXTS[1:]]), None)
    assert len(choice.numbers) == len(TEXTS)
    assert choice.left_out == {"nearly-identical": 1}


def test_the_same_answer_of_another_kind_stays() -> None:
    one, (other,) = candidates(TEXTS[:1]), candidates(TEXTS[:1], kind="docstring")
    assert len(choose([*one, Candidate(1, "ff", other.kind, "r", other.sketch)], None).numbers) == 2


def test_the_order_of_the_candidates_does_not_matter() -> None:
    listed = candidates(TEXTS)
    shuffled = random.Random(1).sample(listed, len(listed))
    assert choose(listed, 7).numbers == choose(shuffled, 7).numbers


def test_a_smaller_sample_is_part_of_a_larger_one() -> None:
    listed = candidates(TEXTS)
    assert choose(listed, 5).numbers < choose(listed, 20).numbers < choose(listed, None).numbers


def test_a_limit_is_shared_evenly_between_repositories_and_counts_add_up() -> None:
    many, few = candidates(TEXTS[:30], "large"), candidates(TEXTS[30:34], "small")
    few = [Candidate(item.number + 30, item.id, item.kind, item.repo, item.sketch) for item in few]
    choice = choose([*many, *few], 10)
    assert sorted(number >= 30 for number in choice.numbers) == [False] * 6 + [True] * 4
    assert len(choice.numbers) + choice.left_out.total() == 34


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 50), max_size=8), st.integers(0, 100))
def test_even_shares_use_all_there_is_and_never_more(sizes: dict[str, int], total: int) -> None:
    shares = even_shares(sizes, total)
    assert sum(shares.values()) == min(total, sum(sizes.values()))
    assert all(shares[name] <= size for name, size in sizes.items())
    full = [shares[name] for name in sizes if shares[name] < sizes[name]]
    assert not full or max(shares.values()) - min(full) <= 1
