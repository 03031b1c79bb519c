"""Texts that share most of their runs of characters."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..schemas.text_parameters import TextParameters
from .job import Job
from .results import FileMade, Notice, Outcome, Table
from .source import Source
from .text_corpus import Corpus, excerpt

Hashes = npt.NDArray[np.uint64]

SIGNATURE = 128
# Bands of two find nearly all pairs from 0.3 on, bands of four those from 0.6 on with fewer false candidates.
FINE_BELOW = 0.6
CANDIDATES_AT_MOST = 200_000
BUCKET_AT_MOST = 200
PAIRS_AT_MOST = 1000
PAIR_COLUMNS = ("row1", "row2", "similarity", "text1", "text2")
GROUPS = FileMade("duplicates.csv", "text/csv")


def find_duplicates(_source: Source, corpus: Corpus, parameters: TextParameters, job: Job) -> Outcome:
    """Pairs whose Jaccard similarity of runs of characters is at least the threshold; exact for each pair listed.

    Upper and lower case, and the width of white space, make no difference. Candidates share a band of their MinHash
    signature (Broder 1997; Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4), which misses a
    pair just at the threshold with a probability below 2 %. Texts that repeat another one exactly are pairs with the
    first of them only. `duplicates.csv` has the group of each row that has one: rows linked by pairs.
    """
    normal = [" ".join(text.casefold().split()) for text in corpus.texts]
    firsts: dict[str, int] = {}
    pairs = [(firsts[text], i, 1.0) for i, text in enumerate(normal) if firsts.setdefault(text, i) != i]
    exact = len(pairs)
    near, cut = similar_pairs([*firsts], parameters.threshold, parameters.shingle)
    distinct = [*firsts.values()]
    pairs += [(distinct[a], distinct[b], score) for a, b, score in near]
    pairs.sort(key=lambda pair: (-pair[2], pair[0], pair[1]))
    groups = _write_groups(corpus, pairs, job)
    summary: dict[str, object] = {
        "pairs": len(pairs),
        "exact_pairs": exact,
        "groups": groups,
        "threshold": parameters.threshold,
    }
    rows = [
        [int(corpus.rows[a]), int(corpus.rows[b]), score, excerpt(corpus.texts[a]), excerpt(corpus.texts[b])]
        for a, b, score in pairs[:PAIRS_AT_MOST]
    ]
    notices = []
    if cut:
        text = "So many texts are alike that not all candidates were compared; raise `threshold` to see the nearest."
        notices.append(Notice("candidates_cut", text))
    if len(pairs) > PAIRS_AT_MOST:
        text = f"The table holds the {PAIRS_AT_MOST} most similar of {len(pairs)} pairs."
        notices.append(Notice("table_cut", text))
    return Outcome(summary, [Table("pairs", PAIR_COLUMNS, rows)], [], notices, [GROUPS])


def similar_pairs(texts: list[str], threshold: float, width: int) -> tuple[list[tuple[int, int, float]], bool]:
    """Pairs of positions with their similarity, and whether some candidates were left out."""
    sets = [shingles(text, width) for text in texts]
    candidates, cut = _candidates(np.array([_signature(found) for found in sets]), threshold)
    scored = ((a, b, jaccard(sets[a], sets[b])) for a, b in candidates)
    return [(a, b, score) for a, b, score in scored if score >= threshold], cut


def shingles(text: str, width: int) -> Hashes:
    """Sorted 64-bit hashes of the distinct runs of `width` bytes; a shorter text is one run."""
    data = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8).astype(np.uint64)
    if len(data) < width:
        data = np.pad(data, (0, width - len(data)))
    hashes = np.zeros(len(data) - width + 1, dtype=np.uint64)
    for offset in range(width):
        hashes = _mixed(hashes * np.uint64(0x9E3779B97F4A7C15) + data[offset : offset + len(hashes)] + np.uint64(1))
    return np.unique(hashes)


def _mixed(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit of the input moves every bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _signature(hashes: Hashes) -> Hashes:
    salts = _mixed(np.arange(1, SIGNATURE + 1, dtype=np.uint64))
    return np.array([_mixed(hashes ^ salt).min() for salt in salts], dtype=np.uint64)


def _candidates(signatures: Hashes, threshold: float) -> tuple[list[tuple[int, int]], bool]:
    rows = 2 if threshold < FINE_BELOW else 4
    found: set[tuple[int, int]] = set()
    cut = False
    for start in range(0, SIGNATURE, rows):
        buckets: defaultdict[bytes, list[int]] = defaultdict(list)
        for position, band in enumerate(np.ascontiguousarray(signatures[:, start : start + rows])):
            buckets[band.tobytes()].append(position)
        for members in buckets.values():
            cut |= len(members) > BUCKET_AT_MOST
            found.update(combinations(members[:BUCKET_AT_MOST], 2))
        if len(found) > CANDIDATES_AT_MOST:
            return sorted(found)[:CANDIDATES_AT_MOST], True
    return sorted(found), cut


def jaccard(one: Hashes, other: Hashes) -> float:
    """The share of the distinct values of both that both have."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)


def _write_groups(corpus: Corpus, pairs: list[tuple[int, int, float]], job: Job) -> int:
    n = len(corpus.texts)
    first, second = (np.array([pair[side] for pair in pairs], dtype=np.intp) for side in (0, 1))
    graph = coo_array((np.ones(len(pairs)), (first, second)), shape=(n, n))
    _, labels = connected_components(graph, directed=False)
    sizes = np.bincount(labels)
    numbers = {int(label): number for number, label in enumerate(np.flatnonzero(sizes > 1))}
    lines = [
        f"{row},{numbers[label]}" for row, label in zip(corpus.rows, labels.tolist(), strict=True) if label in numbers
    ]
    (job.output / GROUPS.name).write_text("\n".join(["row,group", *lines]) + "\n", encoding="utf-8")
    return len(numbers)
