"""What is found: means over seeds and how sure they are; the rows of a comparison, its measures and the statements made
from them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy import stats

from fmn.retrieval.protocol import DIRECTIONS

from ..baselines.registry import System

LEVEL = 0.95  # of the intervals
MEMORY = ("FMN", "FMN without memory (beta 0)")  # with and without
FIT, ALL, GALLERY = PARTS = ("fit", "all of train", "all of train, gallery indexed")
"""What a row was fitted on. "fit": the train split less the part on which its setting was chosen; "all of train": that
part too, with the setting and the number of epochs found before; the last: the memory has absorbed the gallery."""


@dataclass(frozen=True)
class Estimate:
    """A mean over n seeds; `std` (n - 1) and the 95 % t-interval `low` to `high` are NaN for a single one."""

    mean: float
    std: float
    low: float
    high: float
    n: int


def estimate(values: Sequence[float]) -> Estimate:
    """Mean, standard deviation and the t-interval mean +- t(0.975, n - 1) std / sqrt(n) of at least one number."""
    n = len(values)
    mean = math.fsum(values) / n
    if n < 2:
        return Estimate(mean, math.nan, math.nan, math.nan, n)
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * std / math.sqrt(n)
    return Estimate(mean, std, mean - half, mean + half, n)


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """ours - theirs, paired seed by seed; a side with one value (no chance in it) is paired with every seed."""
    return estimate([a - b for a, b in _paired(ours, theirs)])


def relative_gain(ours: Sequence[float], theirs: Sequence[float]) -> Estimate | None:
    """ours / theirs - 1, paired as in `difference`; None where a value of theirs is not above 0."""
    pairs = _paired(ours, theirs)
    if any(b <= 0 for _, b in pairs):
        return None
    return estimate([a / b - 1 for a, b in pairs])


def _paired(ours: Sequence[float], theirs: Sequence[float]) -> list[tuple[float, float]]:
    n = max(len(ours), len(theirs))
    ours, theirs = ([*side] * n if len(side) == 1 else side for side in (ours, theirs))
    return list(zip(ours, theirs, strict=True))


@dataclass(frozen=True)
class Measure:
    """A number of one direction: `metric` is "recall" or "hit_rate" with a k, or "mAP" or "MedR" without (0)."""

    metric: str
    direction: str
    k: int = 0

    @property
    def name(self) -> str:
        """Such as "speech->video recall@10"."""
        return f"{self.direction} {self.metric}" + (f"@{self.k}" if self.k else "")

    def of(self, directions: Mapping[str, Mapping[str, Any]], level: str = "") -> float:
        """The value; `level` "_chance" or "_ceiling" gives those. NaN where there is none."""
        found = directions[self.direction].get(self.metric + level, math.nan)
        return float(found[str(self.k)] if isinstance(found, Mapping) else found)


@dataclass(frozen=True)
class Row:
    """A system: `results` are the contents of its runs' result.json, in the order of seeds; none with an `error`.
    `part`: what it was fitted on and ranked in, one of PARTS."""

    system: System
    encoders: Mapping[str, str]
    results: Sequence[Mapping[str, Any]] = ()
    error: str = ""
    note: str = ""
    part: str = FIT

    @property
    def name(self) -> str:
        """The system's, and the part where it is not the usual one."""
        return self.system.name + ("" if self.part == FIT else f", {self.part}")

    def on(self, part: str) -> "Row | None":
        """The same runs' systems on another of PARTS; None where they were not judged there."""
        if not self.results or not all(part in result.get("parts", {}) for result in self.results):
            return None
        return replace(self, part=part, results=[{**each, **each["parts"][part]} for each in self.results])

    def values(self, measure: Measure) -> list[float]:
        """One value a seed."""
        return [measure.of(result["directions"]) for result in self.results]

    def mean(self, measure: Measure) -> Estimate:
        """Over the seeds. The row has results."""
        return estimate(self.values(measure))

    def both(self, metric: str, k: int = 0) -> list[float]:
        """Mean of both directions, one value a seed."""
        each = [self.values(Measure(metric, direction, k)) for direction in DIRECTIONS]
        return [sum(pair) / 2 for pair in zip(*each, strict=True)]

    def ceiling(self, metric: str, k: int) -> float:
        """Mean of both directions of what a perfect order would reach on the row's items."""
        found = [Measure(metric, name, k).of(self.results[0]["directions"], "_ceiling") for name in DIRECTIONS]
        return sum(found) / 2

    def of_the_fitting(self, key: str) -> Estimate:
        """Over the seeds, of "seconds" or "validation_mAP"."""
        return estimate([float(result[key]) for result in self.results])


@dataclass(frozen=True)
class Comparison:
    """All rows on one split. `chance` holds the metrics of equal scores on the main encoders' items; `facts` say how
    the numbers came about: cache, relevant, items, encoders, seeds, candidates."""

    rows: Sequence[Row]
    chance: Mapping[str, Mapping[str, Any]]
    ks: Sequence[int]
    facts: Mapping[str, Any]
    warnings: Sequence[str]

    @property
    def shown(self) -> list[Row]:
        """The rows with results."""
        return [row for row in self.rows if row.results]

    @property
    def failed(self) -> list[Row]:
        """The rows without."""
        return [row for row in self.rows if row.error]

    @property
    def best(self) -> Row | None:
        """The row with the highest mAP, mean of both directions and all seeds.

        Of those fitted on all of train, where each row may enter, and without an indexed gallery.
        """
        rows = [row for row in self.shown if row.part == ALL] or self.shown
        return max(rows, key=lambda row: estimate(row.both("mAP")).mean, default=None)

    def measures(self, metric: str) -> list[Measure]:
        """recall or hit_rate at every k, both directions."""
        return [Measure(metric, direction, k) for direction in DIRECTIONS for k in self.ks]

    def all_measures(self) -> list[Measure]:
        """What the files hold."""
        single = [Measure(metric, direction) for metric in ("mAP", "MedR") for direction in DIRECTIONS]
        return [*self.measures("recall"), *self.measures("hit_rate"), *single]

    def level(self, measure: Measure, name: str) -> float:
        """ "chance" or "ceiling" of a measure; MedR has no ceiling (NaN), and its chance is that of equal scores."""
        return measure.of(self.chance, "" if (measure.metric, name) == ("MedR", "chance") else f"_{name}")

    def statements(self) -> list[str]:
        """The FMN against the best other system, its share of the ceiling, and what the memory adds, one a line."""
        return [line for part in (FIT, ALL) for line in self._statements_of(part)]

    def _statements_of(self, part: str) -> list[str]:
        rows = {row.system.name: row for row in self.shown if row.part == part}
        ours = rows.get(MEMORY[0])
        if ours is None:
            return []
        others = [row for row in rows.values() if not row.system.ours]
        lines = []
        for k in self.ks:
            mine, ceiling = estimate(ours.both("recall", k)).mean, ours.ceiling("recall", k)
            share = f", {100 * mine / ceiling:.1f} % of the ceiling" if ceiling > 0 else ""
            line = f"{ours.name}, R@{k} (mean of both directions) {100 * mine:.2f} %{share}"
            best = _best(others, k)
            if best is not None:
                line += f"; against {best.system.name}, the best other row at {k}: {_gain(ours, best, k)}"
            if best is not None and best.system.ingredient:
                peer = _best([row for row in others if not row.system.ingredient], k)
                if peer is not None:
                    line += (
                        f"; against {peer.system.name}, the best row of another making at {k}: {_gain(ours, peer, k)}"
                    )
            lines.append(line + ".")
        without = rows.get(MEMORY[1])
        if without is not None:
            changes = [("mAP", difference(ours.both("mAP"), without.both("mAP")))]
            changes += [(f"R@{k}", difference(ours.both("recall", k), without.both("recall", k))) for k in self.ks]
            told = "; ".join(f"{name} {signed(change, 'points')}" for name, change in changes)
            lines.append(
                f"{ours.name}: with memory minus without, paired over seeds (mean of both directions): {told}."
            )
        return lines


def _best(rows: Sequence[Row], k: int) -> Row | None:
    """The row with the highest recall at k, mean of both directions and all seeds."""
    return max(rows, key=lambda row: estimate(row.both("recall", k)).mean, default=None)


def _gain(ours: Row, theirs: Row, k: int) -> str:
    gain = relative_gain(ours.both("recall", k), theirs.both("recall", k))
    return signed(gain, "% relative") if gain else "no relative gain, as that row has seeds at 0"


def signed(change: Estimate, unit: str) -> str:
    """A difference of shares in percent with its interval."""
    sure = f"95 % t-interval {100 * change.low:+.2f} to {100 * change.high:+.2f}" if change.n > 1 else "one seed"
    return f"{100 * change.mean:+.2f} {unit} ({sure})"


def protocol_lines(comparison: Comparison) -> list[str]:
    """How the numbers came about, a sentence each."""
    facts = comparison.facts
    items, encoders, seeds = facts["items"], facts["encoders"], facts["seeds"]
    failed = f" ({facts['failed']} more failed extraction and count as misses)" if facts["failed"] else ""
    spread = "mean and standard deviation; a row without one has no chance in its fitting and is fitted once."
    parts = facts["parts"]
    chosen_on = (
        "the validation part of the train split" if parts == 1 else f"{parts} validation parts of the train split"
    )
    return [
        f"Test split of {facts['cache']}: {items['video']} clips, {items['audio']} recordings{failed}; relevant = same "
        f"{facts['relevant']}.",
        "R@k is recall, relevant items in the top k / all relevant items (eq. 5); the hit rate counts queries with at "
        "least one. Ties count as a random order.",
        f"Each system's setting is the best of {facts['candidates']} on {chosen_on} (mAP, seed 0). "
        f"Then {f'{seeds} seeds: {spread}' if seeds > 1 else 'one seed.'}",
        f"Features: video {encoders['video']}, audio {encoders['audio']} unless a row says otherwise.",
    ]
