"""The training loop: end to end through gates and classifier, from features or from pixels alike."""

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from epitoma.core.errors import DivergedError
from epitoma.core.sampling import stable_seed
from epitoma.core.selection import Recognition
from epitoma.models.gating import lead
from epitoma.models.videoepitoma import VideoEpitoma
from epitoma.training.averaging import WeightAverage
from epitoma.training.batch import Batch, SelectionName
from epitoma.training.checkpoint import Progress, State, load_training, save_training, state_of
from epitoma.training.collapse import find_collapse
from epitoma.training.context import TrainContext
from epitoma.training.losses import classification_loss
from epitoma.training.metrics import score
from epitoma.training.optimisation import OptimisationConfig, make_optimizers, set_learning_rate
from epitoma.training.sparsity import Sparsity, SparsityConfig, calibrated_threshold, expected_open_ratio

COUNTS, VIDEOS = 4, 3
"""How many sums an epoch has (loss, hits, kept timesteps, videos), and the place of the videos."""

BEFORE_THE_FIRST = -1
"""Number of the epoch that a run starts from."""


class BatchSource(Protocol):
    """Where one worker's batches come from."""

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch, the same for every worker."""
        ...

    def training(self, epoch: int, *, first_step: int = 0) -> Iterable[Batch]:
        """This worker's share of an epoch from a step on, a batch a step."""
        ...

    def validation(self) -> Iterable[Batch]:
        """This worker's share of the validation split."""
        ...


@dataclass(kw_only=True)
class LoopConfig:
    """What the loop needs to know beside the model.

    Attributes:
        optimisation: How weights are moved.
        sparsity: How many timesteps gates should leave open.
        selection: Whose choice of timesteps trains (see :class:`TrainConfig`).
        timesteps: Candidate timesteps at inference, T.
        multi_label: Whether videos may have several labels.
        seed: Seed of everything random.
        checkpoint_steps: Optimiser steps between checkpoints within an epoch; None keeps none there.
        keep_start: The model as it is before the first epoch is validated too, and kept if nothing after it is
            better: for a run that goes on with another run's model.
    """

    optimisation: OptimisationConfig
    sparsity: SparsityConfig
    selection: SelectionName
    timesteps: int
    multi_label: bool
    seed: int
    checkpoint_steps: int | None = None
    keep_start: bool = False


@dataclass(frozen=True, kw_only=True)
class Validation:
    """The validation split seen by the model, over all workers."""

    logits_VL: Tensor
    labels_VL: Tensor
    worth_VT: Tensor
    open_probability_VT: Tensor
    valid_VT: Tensor
    kept: float


class _StoppedError(Exception):
    """Training ends before its last epoch, with a checkpoint kept."""


class TrainingLoop:
    """Trains one model on one worker; workers meet in the context."""

    def __init__(
        self, model: VideoEpitoma, config: LoopConfig, context: TrainContext, source: BatchSource
    ) -> None:
        self.module = model.to(context.device)
        self.config = config
        self.context = context
        self.source = source
        self.steps_per_epoch = source.steps_per_epoch
        networks = list(model.networks.parameters()) if model.networks else []
        self.optimizers = make_optimizers(model.head_parameters(), networks, config.optimisation)
        self.sparsity = Sparsity(config.sparsity, candidates=config.timesteps)
        self.progress = Progress()
        self.best: State = {}

    def run(self) -> None:
        """Train to the last epoch, from the newest checkpoint if there is one, unless told to stop before."""
        self.average = WeightAverage(self.module, decay=self.config.optimisation.average)
        self._resume()
        self.model = self.context.wrap(self.module)
        with suppress(_StoppedError):
            self._train()

    def _train(self) -> None:
        if self.config.keep_start and (self.progress.epoch, self.progress.step) == (0, 0):
            self.context.emit({"kind": "start", "metrics": self._validate(BEFORE_THE_FIRST)})
        for epoch in range(self.progress.epoch, self.config.optimisation.epochs):
            if self._has_waited_enough():
                self.context.emit({"kind": "no_better", "epoch": epoch})
                break
            metrics = self._epoch(epoch)
            if self._is_due(epoch, self.config.optimisation.validate_every):
                metrics |= self._validate(epoch)
            self.progress.epoch, self.progress.step, self.progress.totals = epoch + 1, 0, []
            self.progress.history.append({"epoch": epoch, **metrics})
            self.context.emit({"kind": "epoch", "epoch": epoch, "metrics": metrics})
            if self._is_due(epoch, self.config.optimisation.checkpoint_epochs) or self._has_waited_enough():
                self.context.save({"epoch": epoch, **metrics}, (epoch + 1, 0), self._write)

    def _has_waited_enough(self) -> bool:
        """Whether validation has found nothing better for as long as the run has patience."""
        patience = self.config.optimisation.patience
        scored = [row for row in self.progress.history if "validation/score" in row]
        scores = [row["validation/score"] for row in scored if self._is_settled(int(row["epoch"]))]
        return patience is not None and bool(scores) and len(scores) - scores.index(max(scores)) > patience

    def _epoch(self, epoch: int) -> dict[str, float]:
        """The rest of an epoch, and what all of it came to."""
        self.model.train()
        started, totals, done = time.perf_counter(), self._counted_before(), self.progress.step
        before = self.context.sum(totals.to(self.context.device))[VIDEOS].item()
        for batch in self.source.training(epoch, first_step=done):
            totals += self._step(epoch, done, batch.to(self.context.device)).cpu()
            done += 1
            self.context.emit({"kind": "step", "epoch": epoch, "step": done, "steps": self.steps_per_epoch})
            self._keep_within(epoch, done, totals, is_last=self.context.is_to_stop())
        if done != self.steps_per_epoch:
            raise RuntimeError(f"epoch {epoch} had {done} steps where {self.steps_per_epoch} were scheduled")
        loss, hits, kept, videos = self.context.sum(totals.to(self.context.device)).tolist()
        return {
            "train/loss": loss / max(videos, 1),
            "train/accuracy": hits / max(videos, 1),
            "train/timesteps": kept / max(videos, 1),
            "train/target_ratio": self.sparsity.current_target(self._share_done(epoch + 1, 0)),
            "train/videos": videos,
            "train/videos_per_second": (videos - before) / (time.perf_counter() - started),
        }

    def _counted_before(self) -> Tensor:
        """What this worker had counted of an epoch that is gone on with.

        Where there are other workers now, the first has it all: only the sum matters.
        """
        counted = torch.tensor(self.progress.totals, dtype=torch.float64).reshape(-1, COUNTS)
        if len(counted) == self.context.world_size:
            return counted[self.context.rank]
        return counted.sum(dim=0) if self.context.rank == 0 else torch.zeros(COUNTS, dtype=torch.float64)

    def _keep_within(self, epoch: int, step: int, totals: Tensor, *, is_last: bool) -> None:
        """Keep a checkpoint in the middle of an epoch if one is due, or if training stops here."""
        if not is_last and not self._is_due_within(epoch, step):
            return
        self.progress.step, self.progress.totals = step, self.context.gather(totals.tolist())
        self.context.save({}, (epoch, step), self._write)
        if is_last:
            raise _StoppedError

    def _is_due_within(self, epoch: int, step: int) -> bool:
        every, number = self.config.checkpoint_steps, epoch * self.steps_per_epoch + step
        return every is not None and number % every == 0 and step < self.steps_per_epoch

    def _step(self, epoch: int, step: int, batch: Batch) -> Tensor:
        """One optimiser step; returns the sums of loss, hits, kept timesteps and videos of this worker."""
        torch.manual_seed(stable_seed(self.config.seed, "dropout", epoch, step, self.context.rank))
        done = self._share_done(epoch, step)
        set_learning_rate(self.optimizers, self.config.optimisation, progress=done)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        videos = self.context.sum(batch.weight_B.sum()).clamp_min(1)
        parts = batch.parts(self.config.optimisation.accumulate)
        totals, mean_ratio = torch.zeros(COUNTS, dtype=torch.float64, device=self.context.device), 0.0
        for number, part in enumerate(parts, start=1):
            seen, ratio = self._learn(
                part, epoch, step, videos, parts=len(parts), is_last=number == len(parts)
            )
            totals, mean_ratio = totals + seen, mean_ratio + ratio / len(parts)
        self._descend()
        self.average.update(steps=epoch * self.steps_per_epoch + step + 1)
        self.sparsity.update(mean_ratio, progress=done)
        return totals

    def _learn(
        self, batch: Batch, epoch: int, step: int, videos: Tensor, *, parts: int, is_last: bool
    ) -> tuple[Tensor, float]:
        """Add one part's gradients to its step's; returns what it counted and the ratio of open gates."""
        with self._gradients_meeting(is_last):
            with self._precision():
                recognition = self.model(batch.candidates, **self._gating(batch, epoch, step))
            logits_BL = recognition.logits_BL.float()
            loss_B = self._loss(logits_BL, batch.labels_BL)
            with_light_B = loss_B + self._light_loss(recognition, batch.labels_BL)
            loss = (with_light_B * batch.weight_B).sum() * self.context.world_size / videos
            ratio = expected_open_ratio(recognition.selection, batch.weight_B)
            mean_ratio = self.context.sum(ratio) / self.context.world_size
            if batch.noise_BT is not None:
                everywhere = ratio + (mean_ratio - ratio).detach()
                penalty = self.sparsity.penalty(everywhere, progress=self._share_done(epoch, step))
                loss = loss + penalty / parts
            loss.backward()
        hit_B = logits_BL.argmax(dim=1) == batch.labels_BL.argmax(dim=1)
        counted = (loss_B.detach(), hit_B, recognition.selection.count_B, torch.ones_like(loss_B))
        totals = torch.stack([value.double() for value in counted]).mul(batch.weight_B).sum(dim=1)
        return totals, float(mean_ratio)

    def _gradients_meeting(self, meeting: bool) -> AbstractContextManager:
        """Workers need to exchange gradients only when a step's last part is done."""
        if meeting or not isinstance(self.model, DistributedDataParallel):
            return nullcontext()
        return self.model.no_sync()

    def _gating(self, batch: Batch, epoch: int, step: int) -> dict[str, Any]:
        """What opens the gates of a step: noise and perhaps a budget, or a choice that was made without them."""
        if batch.noise_BT is None:
            return {"open_BT": batch.open_BT}
        done, number = self._share_done(epoch, step), epoch * self.steps_per_epoch + step
        seed = stable_seed(self.config.seed, "budget", epoch, step)
        budget = self.sparsity.budget(batch.noise_BT.shape[1], progress=done, step=number, seed=seed)
        return {"noise_BT": batch.noise_BT, "budget": budget}

    def _light_loss(self, recognition: Recognition, labels_BL: Tensor) -> Tensor:
        """What LightNet's own guess costs, ``(B,)``: against the labels, and against HeavyNet's guess."""
        loss_B = torch.zeros_like(recognition.selection.alpha_BT[:, 0], dtype=torch.float32)
        if recognition.light_logits_BL is not None:
            loss_B = loss_B + self._loss(recognition.light_logits_BL.float(), labels_BL)
        if recognition.imitation_B is not None:
            loss_B = loss_B + self.config.optimisation.imitation_weight * recognition.imitation_B.float()
        return loss_B

    def _loss(self, logits_BL: Tensor, labels_BL: Tensor) -> Tensor:
        return classification_loss(logits_BL, labels_BL, multi_label=self.config.multi_label)

    def _descend(self) -> None:
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), self.config.optimisation.gradient_norm)
        if not norm.isfinite():
            raise DivergedError(
                "training diverged, its gradients are no longer finite: lower optimisation.learning_rate "
                f"({self.config.optimisation.learning_rate:g}) or optimisation.matrix_learning_rate "
                f"({self.config.optimisation.matrix_learning_rate:g})"
            )
        for optimizer in self.optimizers:
            optimizer.step()

    def _validate(self, epoch: int) -> dict[str, float]:
        """Score the validation split; past the settling of the sparsity, the best model is kept."""
        settled = epoch == BEFORE_THE_FIRST or self._is_settled(epoch)
        with self.average.applied():
            seen = self._see(self.source.validation())
            value = score(seen.logits_VL, seen.labels_VL, multi_label=self.config.multi_label)
            if settled:
                self._tell_collapse(seen)
            if settled and (self.progress.best_score is None or value >= self.progress.best_score):
                self.progress.best_score, self.progress.best_epoch = value, epoch
                self._calibrate(seen)
                self.best = state_of(self.module)
        return {"validation/score": value, "validation/timesteps": seen.kept}

    def _is_settled(self, epoch: int) -> bool:
        return self._share_done(epoch + 1, 0) >= self.sparsity.settled_after

    def _calibrate(self, seen: Validation) -> None:
        """Say what gates leave open by themselves: as much as is asked for, or whatever scores above 0."""
        if self.config.sparsity.has_target and self.config.selection == "learnt":
            target = self.config.sparsity.target_timesteps
            lead_VT = lead(seen.worth_VT, seen.valid_VT)
            threshold = calibrated_threshold(lead_VT, seen.valid_VT, target_timesteps=target)
            self.module.selector.gating.open_above(threshold)
        else:
            self.module.selector.gating.open_above_zero()

    @torch.no_grad()
    def _see(self, batches: Iterable[Batch]) -> Validation:
        self.model.eval()
        parts = []
        for batch in batches:
            batch = batch.to(self.context.device)
            with self._precision():
                seen = self.module(batch.candidates, budget=self._budget(), open_BT=batch.open_BT)
            kept_B = batch.weight_B > 0
            chosen = seen.selection
            gates = (chosen.worth_BT, chosen.open_probability_BT, chosen.valid_BT, chosen.count_B)
            rows = (seen.logits_BL.float(), batch.labels_BL, *gates)
            parts.append([row[kept_B].cpu() for row in rows])
        gathered = [part for worker in self.context.gather(parts) for part in worker]
        *known, count_V = (torch.cat(column) for column in zip(*gathered, strict=True))
        names = ("logits_VL", "labels_VL", "worth_VT", "open_probability_VT", "valid_VT")
        return Validation(**dict(zip(names, known, strict=True)), kept=float(count_V.double().mean()))

    def _tell_collapse(self, seen: Validation) -> None:
        """Say so where the gates no longer choose: the score alone would not tell."""
        if self.config.selection != "learnt" or self.config.sparsity.mode == "none":
            return
        what = find_collapse(seen.open_probability_VT, seen.worth_VT, seen.valid_VT, self.config.sparsity)
        if what is not None:
            self.context.emit({"kind": "collapsed", "what": what})

    def _budget(self) -> int | None:
        """Validation keeps exactly the target, so that the score does not depend on a threshold."""
        if not self.config.sparsity.has_target:
            return None
        return max(1, round(self.config.sparsity.target_timesteps))

    def _is_due(self, epoch: int, every: int) -> bool:
        return (epoch + 1) % every == 0 or epoch + 1 == self.config.optimisation.epochs

    def _share_done(self, epoch: int, step: int) -> float:
        return (epoch + step / self.steps_per_epoch) / self.config.optimisation.epochs

    def _precision(self):
        if self.context.device.type == "cuda" and self.config.optimisation.mixed_precision:
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return nullcontext()

    def _write(self, folder: Path) -> None:
        self.progress.multiplier = self.sparsity.multiplier
        save_training(
            folder,
            model=state_of(self.module),
            average=self.average.average,
            best=self.best or state_of(self.module),
            optimizers=self.optimizers,
            progress=self.progress,
        )

    def _resume(self) -> None:
        folder = self.context.saved()
        if folder is None:
            return
        model, average, best, self.progress = load_training(folder, optimizers=self.optimizers)
        self.module.load_state_dict(model)
        self.average.go_on_from(average)
        self.best = best if self.progress.best_score is not None else {}
        self.sparsity.multiplier = self.progress.multiplier
        self.context.emit({"kind": "resumed", **asdict(self.progress)})
