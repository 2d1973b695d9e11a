"""Report on a prepared dataset as lines of text: counts, comparison with publication, rejects."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from epitoma.datasets.manifest import Manifest
from epitoma.datasets.rejects import Reject
from epitoma.datasets.schema import SPLITS

SHOWN_CLASSES = 20
SHOWN_REASONS = 10
SHOWN_NAMES = 10
_NO_LABEL = "(no label)"


def report_lines(
    manifest: Manifest, rejects: Sequence[Reject], *, published: Mapping[str, int], shorten: bool
) -> list[str]:
    """Report counts by split and class, their comparison with published counts, and rejects.

    Args:
        manifest: Usable videos.
        rejects: Unusable videos.
        published: Published number of videos of train and test; empty if there is no publication.
        shorten: Whether to shorten long lists to their beginning and the number of further lines.
    """
    return [
        *_counts(manifest, shorten=shorten),
        *_classes_without(manifest, shorten=shorten),
        *_compared(manifest, published),
        *_left_out(rejects, shorten=shorten),
    ]


def _counts(manifest: Manifest, *, shorten: bool) -> list[str]:
    """Table of the number of videos of each class in each split; a video with two labels counts in two rows."""
    counts = {split: _class_counts(manifest, split) for split in SPLITS}
    names = [*manifest.classes, *([_NO_LABEL] if any(count[-1] for count in counts.values()) else [])]
    shown = names[:SHOWN_CLASSES] if shorten else names
    width = max(len(name) for name in ("class", *shown))
    lines = [f"{'class':<{width}}" + "".join(f"{split:>12}" for split in SPLITS)]
    for place, name in enumerate(shown):
        lines.append(f"{name:<{width}}" + "".join(f"{counts[split][place]:>12}" for split in SPLITS))
    if len(shown) < len(names):
        lines.append(f"and {len(names) - len(shown)} more classes")
    totals = Counter(manifest.table["split"].to_pylist())
    return [*lines, f"{'videos':<{width}}" + "".join(f"{totals[split]:>12}" for split in SPLITS)]


def _class_counts(manifest: Manifest, split: str) -> np.ndarray:
    """Number of videos of each class and, last, of videos without label, int (L + 1,)."""
    if split not in manifest.splits:
        return np.zeros(len(manifest.classes) + 1, dtype=int)
    labels_VL = manifest.split(split).label_matrix()
    return np.append(labels_VL.sum(axis=0), (labels_VL.sum(axis=1) == 0).sum()).astype(int)


def _classes_without(manifest: Manifest, *, shorten: bool) -> list[str]:
    """Classes without videos, for each split that has videos: they cannot be learnt or measured there."""
    lines = []
    for split in manifest.splits:
        counts = _class_counts(manifest, split)[:-1]
        missing = [name for name, count in zip(manifest.classes, counts, strict=True) if not count]
        if missing:
            lines.append(
                f"{split} has no video of {_some(missing, SHOWN_NAMES if shorten else len(missing))}"
            )
    return lines


def _compared(manifest: Manifest, published: Mapping[str, int]) -> list[str]:
    """Compare with published counts, in which validation is part of train."""
    counts = Counter(manifest.table["split"].to_pylist())
    lines = []
    for split, expected in published.items():
        is_divided = split == "train" and counts["validation"]
        found = counts[split] + (counts["validation"] if is_divided else 0)
        name = "train and validation" if is_divided else split
        difference = f"{abs(expected - found)} {'fewer' if found < expected else 'more'}"
        lines.append(
            f"{name}: {found} videos, "
            + (
                "as published"
                if found == expected
                else f"which differs from the {expected} published: {difference}"
            )
        )
    return lines


def _left_out(rejects: Sequence[Reject], *, shorten: bool) -> list[str]:
    """Number of rejects for each reason, the most frequent first."""
    if not rejects:
        return []
    paths: dict[str, list[str]] = defaultdict(list)
    for reject in rejects:
        paths[reject.reason].append(reject.path or reject.video_id)
    reasons = sorted(paths, key=lambda reason: -len(paths[reason]))
    shown = reasons[:SHOWN_REASONS] if shorten else reasons
    lines = [f"left out: {len(rejects)} (each with its reason in rejects.parquet)"]
    for reason in shown:
        names = paths[reason]
        lines.append(f"{len(names):>6}  {reason}: {_some(names, 1 if shorten else len(names))}")
    if len(shown) < len(reasons):
        lines.append(f"        and {len(reasons) - len(shown)} more reasons")
    return lines


def _some(names: Sequence[str], count: int) -> str:
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
