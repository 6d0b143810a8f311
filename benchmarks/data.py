"""MB/s of the whole data stage, from source archives to the published corpus, on real packages.

    python benchmarks/corpus.py FOLDER        # fetches them once: 0.5 GB packed
    python benchmarks/data.py --sdists FOLDER

Three runs on one project: from nothing; after one package was replaced by its next version, where all but its files is
taken from the cache; and with nothing new. MB are of the files that are of a wanted language, as they were read.
On a machine that others use too the wall clock says little: `load_average` stands beside it, and CPU-seconds count the
time of all threads and processes by phase.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from corpus import archives_in
from observe import Seen, observed
from record import write_result

from understudy.core.hardware import n_cores

REPLACED, NEXT = "networkx-3.3.tar.gz", "networkx-3.4.2.tar.gz"
RECIPE = "name: data\ndata:\n  sources:\n    - archive: {folder}/*.tar.gz\n"


def measure(archives: list[Path], folder: Path) -> dict[str, Any]:
    """All three runs. Compiled loops are in the user's cache before, as they are on every run but the first."""
    recipe, project, sources = folder / "recipe.yaml", folder / "project", folder / "sources"
    sources.mkdir()
    recipe.write_text(RECIPE.format(folder=sources))
    for path in archives:
        if path.name != NEXT:
            (sources / path.name).symlink_to(path.resolve())
    cold = observed(recipe, project)
    (sources / REPLACED).unlink()
    (sources / NEXT).symlink_to(next(path for path in archives if path.name == NEXT).resolve())
    changed = observed(recipe, project)
    again = observed(recipe, project)
    return {
        "archives": len(archives) - 1,
        "cores": n_cores(),
        "usable_mb": round(_usable(cold) / 1e6, 1),
        "from_nothing": cold.as_json(_usable(cold)),
        "after_one_package_changed": changed.as_json(_usable(changed)),
        "with_nothing_new": {"seconds": round(again.seconds, 2), "cpu_seconds": round(again.cpu, 2)},
    }


def _usable(seen: Seen) -> int:
    return int(seen.told["usable_bytes"])


def main() -> None:
    """Measure, and write benchmarks/results/data.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sdists", type=Path, required=True)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(archives_in(parser.parse_args().sdists), Path(folder))
    write_result("data", figures, ("pyarrow", "duckdb", "google-re2", "numba"))


if __name__ == "__main__":
    main()
