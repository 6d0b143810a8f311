"""Which licence a repository, a folder, a file is under, as SPDX expressions.

words, texts, fingerprints.json   the licence in a LICENSE file, by its text
names, metadata                   what a package declares
headers                           what a source file says itself
repository                        all of it, folder by folder
expressions, permissive.txt       AND, OR, WITH; what a policy takes
"""

from __future__ import annotations

from understudy.data.licenses.repository import License, is_license_file, license_for, repository_licenses

__all__ = ["License", "is_license_file", "license_for", "repository_licenses"]
