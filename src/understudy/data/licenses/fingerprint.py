"""Makes `fingerprints.json` from SPDX's own description of each licence. Run by hand when their list has grown:

python -m understudy.data.licenses.fingerprint LICENSE_LIST_XML_FOLDER COMMIT > fingerprints.json

Their XML says which words of a licence may be left out or differ. `grams` are the triples that every copy has, `usual`
those that most have. No text is kept, only hashes of word triples, and of long licences a fixed sample of them.
"""

from __future__ import annotations

import base64
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from understudy.data.licenses.words import grams_of, words_of

SPACE = "{http://www.spdx.org/license}"
VARIABLE = frozenset(f"{SPACE}{name}" for name in ("copyrightText", "titleText", "optional", "bullet", "alt"))
NOT_THE_LICENSE = f"{SPACE}standardLicenseHeader"
LEAST_GRAMS = 16  # shorter texts ("You may do what you like") are found in too many others
SAMPLE = (
    512  # of a long licence this many triples at least are kept: CC-BY-4.0 and CC-BY-NC-4.0 differ in one in a hundred
)
LONG_GRAMS = 1_000  # the words that may differ tell short licences apart; long ones differ enough in the others
# Same text as their family's: what sets them apart is said elsewhere.
SAME_TEXT = ("-or-later", "-invariants-only", "-RFN", "-no-copyleft-exception")


def fingerprints(folder: Path, commit: str) -> dict[str, object]:
    """The content of `fingerprints.json`."""
    found = {}
    for path in sorted(folder.glob("**/*.xml")):
        root = ET.parse(path).getroot()[0]
        name = root.get("licenseId", "")
        if root.get("isDeprecated") == "true" or root.get("deprecatedVersion") or name.endswith(SAME_TEXT):
            continue
        entry = _fingerprint(root)
        if entry is not None:
            found[name] = entry | {"exception": root.tag == f"{SPACE}exception"}
    return {"source": "github.com/spdx/license-list-XML", "commit": commit, "licenses": found}


def _fingerprint(license_: ET.Element) -> dict[str, object] | None:
    text = license_.find(f"{SPACE}text")
    if text is None:
        return None
    runs = [words_of(run) for run in _runs(text, VARIABLE)]
    grams = _triples(runs)
    if len(grams) < LEAST_GRAMS:
        return None
    one_in = max(1, len(grams) // SAMPLE)
    usual = _triples([words_of(run) for run in _runs(text, frozenset())]) if len(grams) < LONG_GRAMS else grams
    return {
        "n_words": sum(map(len, runs)),
        "n_grams": len(grams),
        "grams": _packed(grams[grams < (1 << 32) // one_in]),
        "usual": _packed(np.setdiff1d(usual, grams)),
    }


def _triples(runs: list[list[str]]) -> np.ndarray:
    return np.unique(np.concatenate([grams_of(run) for run in runs]))


def _packed(grams: np.ndarray) -> str:
    return base64.b64encode(grams.astype("<u4").tobytes()).decode()


def _runs(element: ET.Element, variable: frozenset[str]) -> list[str]:
    """The text, cut wherever something else may stand."""
    runs: list[list[str]] = [[]]

    def walk(node: ET.Element) -> None:
        if node.tag in variable or node.tag == NOT_THE_LICENSE:
            runs.append([])
            return
        runs[-1].append(node.text or "")
        for child in node:
            walk(child)
            runs[-1].append(child.tail or "")

    walk(element)
    return [" ".join(run) for run in runs]


if __name__ == "__main__":
    json.dump(fingerprints(Path(sys.argv[1]), sys.argv[2]), sys.stdout, indent=0, sort_keys=True)
    sys.stdout.write("\n")
