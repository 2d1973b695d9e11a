"""Feature extraction with a progress bar and messages, for the jobs that need stored features."""

from pathlib import Path

from epitoma.core.gpu import Gpu
from epitoma.datasets.manifest import Manifest
from epitoma.models.videoepitoma import Networks
from epitoma.on_ray.predict.features import Extracted, extract_features
from epitoma.reporting.console import phase, say
from epitoma.training.feature_store import Stored, read_features


def extract_with(
    manifest: Manifest,
    networks: Networks,
    *,
    timesteps: int,
    root: Path,
    max_reject_share: float,
    gpu: Gpu = "auto",
) -> Extracted:
    """Extract the features that are not stored yet; prints progress, and which videos are rejected or damaged."""
    with phase(f"extract features ({timesteps} timesteps)") as advance:
        extracted = extract_features(
            manifest,
            networks,
            timesteps=timesteps,
            root=root,
            watch=advance,
            gpu=gpu,
            max_reject_share=max_reject_share,
            wait=lambda line: say(f"  {line}"),
        )
    for reject in extracted.rejects:
        say(f"  rejected {reject.path}: {reject.reason}")
    for video in extracted.damaged:
        say(f"  {video.line}")
    if extracted.computed == 0 and len(extracted.rejects) < len(manifest):
        say(f"  features are there already: {extracted.folder}")
    return extracted


def stored_features(
    manifest: Manifest,
    networks: Networks,
    *,
    timesteps: int,
    root: Path,
    max_reject_share: float,
    gpu: Gpu = "auto",
) -> Stored:
    """Extract the features that are not stored yet, and read those of all videos of a manifest."""
    extracted = extract_with(
        manifest, networks, timesteps=timesteps, root=root, max_reject_share=max_reject_share, gpu=gpu
    )
    return read_features(extracted.folder, manifest)
