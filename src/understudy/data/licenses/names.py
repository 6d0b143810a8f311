"""What people write for a licence, in classifiers and free words, as SPDX expressions."""

from __future__ import annotations

import re

from understudy.data.licenses.expressions import canonical

CLASSIFIER = re.compile(r"License :: (?:(?:OSI|DFSG) Approved(?: :: )?)?(.*)")
# Of words that leave the version open, SPDX's name for "whichever". BSD alone is read as its stricter common form.
NAMES = {
    "MIT": r"(the )?(mit|expat)([ /-](x11|expat))?( licen[sc]e)?( \((mit|expat)\))?",
    "MIT-0": r"mit no attribution( license)?( \(mit-0\))?",
    "BSD-3-Clause": r"(the )?(bsd([ -]like|[ -]style)?|(new|modified|revised) bsd|3[ -]clause bsd|"
    r"bsd[ -]?3([ -]clause)?|"
    r"bsd[ -](new|derived)|bsd \(?3[ -]clauses?\)?|bsd license \(3[ -]clause\)|bsd 3-clause \W?(new|revised).*|"
    r"bsd three clauses?)( licen[sc]e)?( \((bsd|3-clause|bsd-3-clause)\))?",
    "BSD-2-Clause": r"(the )?(simplified bsd|freebsd|2[ -]clause bsd|bsd[ -]?2([ -]clause)?|bsd \(?2[ -]clauses?\)?|"
    r"bsd two clauses?)( licen[sc]e)?( \(bsd-2-clause\))?",
    "0BSD": r"(zero[ -]clause bsd|bsd zero clause|0-clause bsd)( licen[sc]e)?( \(0bsd\))?",
    "Apache-2.0": r"(the )?(asl|apache)( software)?( licen[sc]e)?[, -]*(v|version)?[ .]?(2(\.0)?)?( licen[sc]e)?"
    r"( \(apache-?2?(\.0)?\))?",
    "ISC": r"(the )?isc( licen[sc]e)?( \(iscl?\))?",
    "PSF-2.0": r"(the )?(psf|python software foundation)( licen[sc]e)?( \(psf\))?",
    "Python-2.0": r"python licen[sc]e( \(cnri python license\))?",
    "Zlib": r"zlib(/libpng)?( licen[sc]e)?( \(zlib\))?",
    "ZPL-2.1": r"(zpl|zope public licen[sc]e)([ ,v]*2\.1)?",
    "Unlicense": r"(the )?unlicense( \(unlicense\))?",
    "CC0-1.0": r"cc0( 1\.0)?( universal)?( \(cc0 1\.0\) public domain dedication)?",
    "BSL-1.0": r"boost software license( 1\.0)?( \(bsl-1\.0\))?",
    "HPND": r"historical permission notice and disclaimer( \(hpnd\))?",
    "MPL-1.1": r"mozilla public license 1\.1( \(mpl 1\.1\))?",
    "MPL-2.0": r"(mpl|mozilla public licen[sc]e)[ ,v-]*(version )?2(\.0)?( \(mpl 2\.0\))?",
    "EPL-1.0": r"eclipse public license 1\.0( \(epl-1\.0\))?",
    "EPL-2.0": r"eclipse public license (v |- v ?)?2\.0( \(epl-2\.0\))?",
    "EUPL-1.2": r"european union public licen[cs]e 1\.2( \(eupl 1\.2\))?",
    "Artistic-2.0": r"artistic license 2(\.0)?",
    "Artistic-1.0": r"artistic license",
    "WTFPL": r"wtfpl|do what the f.{1,4} you want to public license",
    "NCSA": r"university of illinois(/ncsa open source license)?",
    "UPL-1.0": r"universal permissive license( \(upl\))?",
    "PostgreSQL": r"postgresql license",
    "MirOS": r"miros license( \(miros\))?",
    "AFL-3.0": r"academic free license( \(afl\))?",
    "CDDL-1.0": r"common development and distribution license( 1\.0)?( \(cddl-1\.0\))?",
}  # fmt: skip
PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in NAMES.items()}
GPL = re.compile(
    r"(?:the )?(?:gnu )?(?P<kind>affero|library or lesser|lesser|library|a|l)?[ -]*(?:general public licen[cs]e|gpl)"
    r"[ ,-]*(?:version )?(?:\((?P<short>[al]?gpl)?[ -]?v?(?P<in_brackets>\d(?:\.\d)?)?(?P<plus_in_brackets>\+)?\))?"
    r"[ ,-]*v?(?:ersion )?(?P<version>\d(?:\.\d)?)?(?:\.0)?(?P<plus>\+)?"
    r"[ ,]*(?P<later>or[ -](?:\(?at your option\)? )?(?:any )?later(?: version)?)?"
    r"(?P<only>[ -]only)?(?: licen[cs]e)?(?: \([al]?gpl ?v?(?P<at_end>\d(?:\.\d)?)(?P<plus_at_end>\+)?\))?",
    re.IGNORECASE,
)
KINDS = {"affero": "AGPL", "a": "AGPL", "lesser": "LGPL", "library": "LGPL", "library or lesser": "LGPL", "l": "LGPL"}
VAGUE = ("GPL-1.0-or-later", "LGPL-2.0-or-later")  # what a name without a version is read as
FIRST_VERSIONS = {"GPL": "1.0", "LGPL": "2.0", "AGPL": "3.0"}
SEPARATED = re.compile(r"\s+(or|and)\s+|\s*(/|,|&)\s*", re.IGNORECASE)
LONGEST_NAME = 300


def expression_of(words: str) -> str | None:
    """The SPDX expression that a licence field means, or None. Longer texts are no names."""
    text = " ".join(words.strip().strip("\"'").split()).rstrip(".")
    if not text or len(text) > LONGEST_NAME:
        return None
    return canonical(text) or _named(text) or _combined(text)


def expression_of_classifier(classifier: str) -> str | None:
    """The expression of a trove classifier, `License :: OSI Approved :: MIT License`."""
    match = CLASSIFIER.fullmatch(classifier.strip())
    return _named(match[1]) if match and match[1] else None


def _named(text: str) -> str | None:
    for name, pattern in PATTERNS.items():
        if pattern.fullmatch(text):
            return name
    match = GPL.fullmatch(text)
    return _gpl(match) if match else None


def _gpl(match: re.Match[str]) -> str:
    short = (match["short"] or "").upper()
    name = KINDS.get((match["kind"] or "").lower(), short or "GPL")
    version = match["version"] or match["in_brackets"] or match["at_end"]
    later = match["later"] or match["plus"] or match["plus_in_brackets"] or match["plus_at_end"]
    if version is None:
        return f"{name}-{FIRST_VERSIONS[name]}-or-later"
    return f"{name}-{version if '.' in version else version + '.0'}-{'or-later' if later else 'only'}"


def _combined(text: str) -> str | None:
    """`MIT or Apache 2`, `MIT/Apache-2.0` (how Rust's crates said it): a choice; with `and` in it, all apply."""
    parts = [part for part in SEPARATED.split(text) if part and part.lower() not in ("or", "and", "/", ",", "&")]
    if len(parts) < 2:
        return None
    named = [canonical(part) or _named(part.removesuffix(" licenses")) for part in parts]
    if None in named:
        return None
    joint = " AND " if re.search(r"\band\b|&", text, re.IGNORECASE) else " OR "
    return canonical(joint.join(f"({name})" for name in named))
