"""Names every document by its content, and throws the die that will decide whether it is held out."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
import xxhash

from understudy.data.documents import text_bytes, with_columns


class Identify:
    """Sets `id` (xxh3-128 of the content as it is now) and `split_point` (0..1, from the seed and the file's name).

    The point depends on nothing but seed and name, so adding files moves no other file to the other side.
    """

    name: ClassVar[str] = "identify"
    version: ClassVar[str] = "1"

    def __init__(self, seed: int, by: str) -> None:
        self._seed, self._by_file = seed, by == "file"

    def setup(self) -> None:
        """Nothing to prepare."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        ids = batch.column("id").to_pylist()
        for row, data in enumerate(text_bytes(batch)):
            if data is not None:
                ids[row] = xxhash.xxh3_128_hexdigest(data)
        names = zip(batch.column("repo").to_pylist(), batch.column("path").to_pylist(), strict=True)
        points = [self.point(repo, path) for repo, path in names]
        return with_columns(batch, {"id": ids, "split_point": points})

    def point(self, repo: str, path: str) -> float:
        """The document's place between 0 and 1."""
        name = f"{self._seed}\0{repo}\0{path}" if self._by_file else f"{self._seed}\0{repo}"
        return xxhash.xxh3_64_intdigest(name.encode()) / 2**64
