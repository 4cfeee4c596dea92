"""WordNet 3.0's own files, and the names that Unicode CLDR gives to emoji, read into plain values.

What a synset record holds is in the manual page `wndb(5WN)`; the pointer symbols are spelled out in `wninput(5WN)`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

PARTS = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}

POINTERS = {
    "!": "antonym",
    "@": "hypernym",
    "@i": "instance_hypernym",
    "~": "hyponym",
    "~i": "instance_hyponym",
    "#m": "member_holonym",
    "#s": "substance_holonym",
    "#p": "part_holonym",
    "%m": "member_meronym",
    "%s": "substance_meronym",
    "%p": "part_meronym",
    "=": "attribute",
    "+": "derivation",
    ";c": "domain_topic",
    "-c": "member_of_topic",
    ";r": "domain_region",
    "-r": "member_of_region",
    ";u": "domain_usage",
    "-u": "member_of_usage",
    "*": "entailment",
    ">": "cause",
    "^": "also",
    "$": "verb_group",
    "&": "similar",
    "<": "participle",
    "\\": "pertainym",
}

_QUOTED = re.compile(r'"([^"]+)"')


@dataclass
class Synset:
    """One set of synonyms: a sense shared by some words."""

    id: str
    """As `00001740-n`: offset in the data file and part of speech."""
    part: str
    file: int
    """Number of the lexicographer's file."""
    lemmas: list[str]
    gloss: str
    examples: list[str]
    pointers: dict[str, list[str]]
    modified: datetime
    """When the data file it stands in was last changed."""
    tagged: int = 0
    """Times that its senses were tagged in the semantic concordances."""
    sense: int = 0
    """Which sense of its first lemma this is, 1 being the most frequent."""
    names: dict[str, str] = field(default_factory=dict)
    """Language to CLDR's short name of the emoji that stands for it."""
    emoji: str | None = None


def read_synsets(folder: Path) -> list[Synset]:
    """All synsets of the four data files, with the tag counts and sense numbers of `cntlist.rev` and the indexes."""
    synsets: list[Synset] = []
    for part in PARTS.values():
        path = folder / f"data.{part}"
        modified = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
        senses = _senses(folder / f"index.{part}")
        lines = path.read_text("ascii").splitlines()
        synsets += [_synset(line, modified, senses) for line in lines if not line.startswith("  ")]
    tagged = _tag_counts(folder / "cntlist.rev")
    for synset in synsets:
        kind = {"n": 1, "v": 2, "a": 3, "r": 4}[synset.id[-1]]
        keys = ((lemma.lower(), kind, synset.file) for lemma in synset.lemmas)
        synset.tagged = sum(tagged.get(key, 0) for key in keys)
    return synsets


def _synset(line: str, modified: datetime, senses: dict[tuple[str, str], int]) -> Synset:
    data, _, text = line.partition(" | ")
    words = data.split()
    offset, file, part = words[0], int(words[1]), words[2].replace("s", "a")
    count = int(words[3], 16)
    lemmas = [re.sub(r"\((?:a|p|ip)\)$", "", word) for word in words[4 : 4 + 2 * count : 2]]
    pointers: dict[str, list[str]] = {}
    at = 4 + 2 * count
    for number in range(int(words[at])):
        symbol, to, to_part, _ = words[at + 1 + 4 * number : at + 5 + 4 * number]
        pointers.setdefault(POINTERS[symbol], []).append(f"{to}-{to_part.replace('s', 'a')}")
    gloss = text.strip()
    return Synset(
        f"{offset}-{part}",
        PARTS[part],
        file,
        [lemma.replace("_", " ") for lemma in lemmas],
        _QUOTED.split(gloss)[0].rstrip(" ;:,-") or gloss,
        _QUOTED.findall(gloss),
        pointers,
        modified,
        sense=senses[lemmas[0].lower(), offset],
    )


def _senses(index: Path) -> dict[tuple[str, str], int]:
    senses: dict[tuple[str, str], int] = {}
    for line in index.read_text("ascii").splitlines():
        if not line.startswith("  "):
            lemma, *rest = line.split()
            offsets = rest[-int(rest[1]) :]
            senses |= {(lemma, offset): number for number, offset in enumerate(offsets, 1)}
    return senses


def _tag_counts(path: Path) -> dict[tuple[str, int, int], int]:
    # A sense key is lemma%type:file:...; type 5 is an adjective satellite. Two senses of a lemma in one
    # lexicographer's file share a count here: these are uses of the word in that field of meaning.
    counts: dict[tuple[str, int, int], int] = {}
    for line in path.read_text("ascii").splitlines():
        key, _, count = line.split()
        lemma, _, rest = key.partition("%")
        kind, file, *_ = rest.split(":")
        spelled = (lemma.replace("_", " "), 3 if kind == "5" else int(kind), int(file))
        counts[spelled] = counts.get(spelled, 0) + int(count)
    return counts


def read_emoji(folder: Path, languages: list[str]) -> dict[str, tuple[str, dict[str, str]]]:
    """English short name to (emoji, language to short name there)."""
    tables = {language: _short_names(folder / f"{language}.xml") for language in ["en", *languages]}
    named: dict[str, tuple[str, dict[str, str]]] = {}
    for emoji, english in tables["en"].items():
        names = {language: tables[language][emoji] for language in languages if emoji in tables[language]}
        named.setdefault(english.lower(), (emoji, names))
    return named


def _short_names(path: Path) -> dict[str, str]:
    root = ET.parse(path).getroot()
    return {
        node.get("cp", ""): node.text or "" for node in root.iter("annotation") if node.get("type") == "tts"
    }
