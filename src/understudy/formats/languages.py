"""Which language a file is written in, by its name alone: free, and right for nearly all source code.

Language names are The Stack's, in lower case, with the few it lacks in the same spirit. An extension that several
languages share goes to the one that most files on GitHub with it are (`.m` to Objective-C, `.v` to Verilog).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its extensions (lower case, with the dot), its whole file names, its comment markers."""

    name: str
    extensions: tuple[str, ...]
    filenames: tuple[str, ...] = ()
    line_comments: tuple[str, ...] = ()
    block_comment: tuple[str, str] | None = None


def _language(
    name: str, extensions: str, filenames: str = "", line: str = "", block: tuple[str, str] | None = None
) -> Language:
    return Language(name, tuple(extensions.split()), tuple(filenames.split()), tuple(line.split()), block)


C_BLOCK = ("/*", "*/")
XML_BLOCK = ("<!--", "-->")
ML_BLOCK = ("(*", "*)")

LANGUAGES: tuple[Language, ...] = (
    _language("ada", ".adb .ads", line="--"),
    _language("agda", ".agda", line="--", block=("{-", "-}")),
    _language("assembly", ".asm .s .nasm", line="; #"),
    _language("awk", ".awk .gawk", line="#"),
    _language("batchfile", ".bat .cmd", line="REM ::"),
    _language("c", ".c .h .idc", line="//", block=C_BLOCK),
    _language("c++", ".cpp .cc .cxx .c++ .hpp .hh .hxx .h++ .inl .ipp .tpp", line="//", block=C_BLOCK),
    _language("c-sharp", ".cs .csx", line="//", block=C_BLOCK),
    _language("clojure", ".clj .cljs .cljc .edn", line=";"),
    _language("cmake", ".cmake", "CMakeLists.txt", line="#"),
    _language("coffeescript", ".coffee", "Cakefile", line="#"),
    _language("common-lisp", ".lisp .lsp .asd", line=";"),
    _language("crystal", ".cr", line="#"),
    _language("css", ".css", block=C_BLOCK),
    _language("cuda", ".cu .cuh", line="//", block=C_BLOCK),
    _language("cython", ".pyx .pxd .pxi", line="#"),
    _language("d", ".d .di", line="//", block=C_BLOCK),
    _language("dart", ".dart", line="//", block=C_BLOCK),
    _language("dockerfile", ".dockerfile", "Dockerfile Containerfile", line="#"),
    _language("elixir", ".ex .exs", line="#"),
    _language("elm", ".elm", line="--", block=("{-", "-}")),
    _language("emacs-lisp", ".el", line=";"),
    _language("erlang", ".erl .hrl", "rebar.config", line="%"),
    _language("f-sharp", ".fs .fsi .fsx", line="//", block=ML_BLOCK),
    _language("fortran", ".f .for .f77 .f90 .f95 .f03 .f08", line="!"),
    _language("gdscript", ".gd", line="#"),
    _language("glsl", ".glsl .vert .frag .geom .comp", line="//", block=C_BLOCK),
    _language("go", ".go", line="//", block=C_BLOCK),
    _language("graphql", ".graphql .gql", line="#"),
    _language("groovy", ".groovy .gradle .gvy", "Jenkinsfile", line="//", block=C_BLOCK),
    _language("haskell", ".hs .hsc", line="--", block=("{-", "-}")),
    _language("html", ".html .htm .xhtml", block=XML_BLOCK),
    _language("idris", ".idr", line="--", block=("{-", "-}")),
    _language("java", ".java", line="//", block=C_BLOCK),
    _language("java-server-pages", ".jsp .jspx", block=("<%--", "--%>")),
    _language("javascript", ".js .mjs .cjs .jsx", "Jakefile", line="//", block=C_BLOCK),
    _language("json", ".json .jsonl .geojson .webmanifest"),
    _language("jsonnet", ".jsonnet .libsonnet", line="//", block=C_BLOCK),
    _language("julia", ".jl", line="#", block=("#=", "=#")),
    _language("kotlin", ".kt .kts", line="//", block=C_BLOCK),
    _language("lean", ".lean", line="--", block=("/-", "-/")),
    _language("less", ".less", line="//", block=C_BLOCK),
    _language("lua", ".lua", line="--", block=("--[[", "]]")),
    _language("makefile", ".mk .mak .make", "Makefile makefile GNUmakefile", line="#"),
    _language("markdown", ".md .markdown .mdx", block=XML_BLOCK),
    _language("matlab", ".matlab", line="%"),
    _language("meson", "", "meson.build meson_options.txt", line="#"),
    _language("nim", ".nim .nims", line="#"),
    _language("nix", ".nix", line="#", block=C_BLOCK),
    _language("objective-c", ".m .mm", line="//", block=C_BLOCK),
    _language("ocaml", ".ml .mli", block=ML_BLOCK),
    _language("pascal", ".pas .dpr .lpr", line="//", block=("{", "}")),
    _language("perl", ".pl .pm .t", line="#"),
    _language("php", ".php .phtml .php5", line="// #", block=C_BLOCK),
    _language("powershell", ".ps1 .psm1 .psd1", line="#", block=("<#", "#>")),
    _language("prolog", ".pro .prolog", line="%", block=C_BLOCK),
    _language("protocol-buffer", ".proto", line="//", block=C_BLOCK),
    _language("python", ".py .pyi .pyw", "SConstruct SConscript wscript", line="#"),
    _language("r", ".r", ".Rprofile", line="#"),
    _language("racket", ".rkt", line=";"),
    _language("restructuredtext", ".rst"),
    _language("ruby", ".rb .rake .gemspec .ru", "Rakefile Gemfile Vagrantfile Podfile", line="#"),
    _language("rust", ".rs", line="//", block=C_BLOCK),
    _language("sas", ".sas", line="*", block=C_BLOCK),
    _language("scala", ".scala .sbt .sc", line="//", block=C_BLOCK),
    _language("scheme", ".scm .ss .sld", line=";"),
    _language("scss", ".scss .sass", line="//", block=C_BLOCK),
    _language("shell", ".sh .bash .zsh .ksh .bats", ".bashrc .zshrc .profile .bash_profile", line="#"),
    _language("smalltalk", ".st", block=('"', '"')),
    _language("solidity", ".sol", line="//", block=C_BLOCK),
    _language("sparql", ".rq .sparql", line="#"),
    _language("sql", ".sql .ddl .dml", line="--", block=C_BLOCK),
    _language("stan", ".stan", line="//", block=C_BLOCK),
    _language("standard-ml", ".sml .sig", block=ML_BLOCK),
    _language("starlark", ".bzl .star", "BUILD BUILD.bazel WORKSPACE", line="#"),
    _language("svelte", ".svelte", block=XML_BLOCK),
    _language("swift", ".swift", line="//", block=C_BLOCK),
    _language("systemverilog", ".sv .svh", line="//", block=C_BLOCK),
    _language("tcl", ".tcl", line="#"),
    _language("terraform", ".tf .tfvars .hcl", line="# //", block=C_BLOCK),
    _language("tex", ".tex .sty .cls", line="%"),
    _language("thrift", ".thrift", line="# //", block=C_BLOCK),
    _language("toml", ".toml", line="#"),
    _language("typescript", ".ts .tsx .mts .cts", line="//", block=C_BLOCK),
    _language("verilog", ".v .vh", line="//", block=C_BLOCK),
    _language("vhdl", ".vhd .vhdl", line="--"),
    _language("viml", ".vim", ".vimrc", line='"'),
    _language("visual-basic", ".vb .vbs .bas", line="'"),
    _language("vue", ".vue", line="//", block=XML_BLOCK),
    _language("xml", ".xml .xsd .svg .plist", block=XML_BLOCK),
    _language("xslt", ".xsl .xslt", block=XML_BLOCK),
    _language("yacc", ".y .yacc", line="//", block=C_BLOCK),
    _language("yaml", ".yaml .yml", line="#"),
    _language("zig", ".zig", line="//"),
)

BY_NAME: dict[str, Language] = {language.name: language for language in LANGUAGES}
EXTENSIONS: dict[str, str] = {extension: item.name for item in LANGUAGES for extension in item.extensions}
FILENAMES: dict[str, str] = {filename: item.name for item in LANGUAGES for filename in item.filenames}


def language_of(path: str) -> str | None:
    """The language of a file by its name (whole name first, then the last extension), or None if it is not known."""
    name = PurePosixPath(path.replace("\\", "/")).name
    if name in FILENAMES:
        return FILENAMES[name]
    stem, dot, extension = name.rpartition(".")
    if dot and stem:
        return EXTENSIONS.get(f".{extension.lower()}")
    # `Dockerfile.dev` has its meaning in front; `.gitignore` has none that we know.
    return None


def line_comments(language: str) -> tuple[str, ...]:
    """The markers that start a comment to the end of the line, the usual one first; empty when there is none."""
    return BY_NAME[language].line_comments if language in BY_NAME else ()
