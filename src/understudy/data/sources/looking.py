"""One look at one source: what the readers of sources need, and what makes collections of the files they find."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from understudy.core.errors import Interrupted
from understudy.core.paths import Project
from understudy.core.recipe import Recipe, Source
from understudy.core.tracking import Events
from understudy.data.listing import Collection, Entries, Entry, Found, Kind
from understudy.data.sources.archive import Limits
from understudy.data.sources.columns import Wants
from understudy.data.sources.hash_cache import HashCache
from understudy.data.sources.license_files import VERSION, FoundLicenses, LicenseFiles
from understudy.data.sources.reading import EXCLUDED, is_excluded, printable
from understudy.formats.languages import KEPT_BY_DEFAULT, claimants, language_of, may_be_code

FILES_BETWEEN_SIGNS = 256


@dataclass(frozen=True, slots=True)
class Look:
    """A source of the recipe while it is being listed."""

    recipe: Recipe
    source: Source
    project: Project
    events: Events
    passed_over: Counter[str]

    @property
    def limits(self) -> Limits:
        """How much is read of one file, and of one archive."""
        return Limits(self.recipe.data.filters.max_file_bytes, self.recipe.data.filters.max_archive_bytes)

    @property
    def wants(self) -> Wants:
        """Tells whether a file is of a language that the recipe keeps."""
        languages = self.languages
        if self.recipe.data.detect == "names":
            return Wants(lambda path: language_of(path) in languages, lambda lang: lang in languages)
        return Wants(lambda path: language_of(path) in languages or self._is_open(path), lambda lang: lang in languages)

    @property
    def languages(self) -> frozenset[str]:
        """The languages that the recipe keeps."""
        named = self.recipe.data.languages
        return KEPT_BY_DEFAULT if named is None else frozenset(named)

    def collection(
        self,
        kind: Kind,
        root: str,
        files: Iterable[Found],
        revision: str | None = None,
        licenses: tuple[str, ...] = (),
        texts: Mapping[str, bytes] | None = None,
    ) -> Collection:
        """The files as a collection; what the recipe says of the source stands in it.

        `texts` are licence files that are at hand already, by path.
        """
        declared = (self.source.license,) if self.source.license else licenses
        license_files = LicenseFiles(kind, root, texts)
        entries = Entries(self._entries(license_files.watch(files)))
        found = {} if licenses else self._licenses(license_files, kind, root)
        return Collection(str(self.source), kind, root, entries, revision, declared, self.source.weight, found)

    def _licenses(self, files: LicenseFiles, kind: Kind, root: str) -> FoundLicenses:
        if kind != "archive":
            return files.licenses()
        settings = ["licenses", VERSION, root, self.source.name, self.source.exclude]
        return files.remembered(HashCache(self.project, json.dumps(settings)))

    def not_excluded(self, files: Iterable[Found]) -> Iterator[Found]:
        """The files that no pattern of the source leaves out; the others are counted."""
        for item in files:
            if is_excluded(item.path, self.source.exclude):
                self.passed_over[EXCLUDED] += 1
            else:
                yield item

    def _entries(self, files: Iterable[Found]) -> Iterator[Entry]:
        n_bytes = 0
        for n, item in enumerate(files):
            yield self._entry(item)
            n_bytes += item.size_bytes if item.raw_id else 0
            if n % FILES_BETWEEN_SIGNS == 0:
                self.sign_of_life(n, n_bytes)

    def sign_of_life(self, n_files: int, n_bytes: int) -> None:
        """Report progress, and stop where that is asked for."""
        self.events.progress("looking at the sources", n_files, None, "files", read_bytes=n_bytes)
        self.stop_if_asked()

    def stop_if_asked(self) -> None:
        """Raise Interrupted where the person asked the run to stop."""
        if self.events.should_stop:
            raise Interrupted("stopped while looking at the sources", "run the same command to continue")

    def _entry(self, item: Found) -> Entry:
        lang = language_of(item.path) or item.lang or None
        reason, evidence = item.reason, item.evidence
        if reason or (self.recipe.data.detect == "content" and self._is_open(item.path)):
            pass  # it cannot be read, or the step `language` looks into it
        elif lang is None:
            reason, evidence = "unknown-language", PurePosixPath(item.path).suffix[:80]
        elif lang not in self.languages:
            reason, evidence = "language-not-wanted", lang
        told = (reason, printable(evidence), item.commit_time, item.revision, item.licenses)
        return Entry(item.repo, item.path, lang, item.size_bytes, item.location, item.raw_id, *told)

    def _is_open(self, path: str) -> bool:
        """True for a name that does not settle the language: its content may be of one that is wanted."""
        shared = claimants(path)
        return not self.languages.isdisjoint(shared) if shared else language_of(path) is None and may_be_code(path)
