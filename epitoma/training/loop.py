"""The training loop: epochs of steps, validated, with the best model kept and checkpoints to go on from."""

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from epitoma.models.videoepitoma import VideoEpitoma
from epitoma.training.batch import Batch
from epitoma.training.calibrator import Calibrator
from epitoma.training.checkpoint import Progress, State, load_training, save_training, state_of
from epitoma.training.context import TrainContext
from epitoma.training.events import Collapsed, EpochDone, PatienceSpent, Resumed, StartValidated, StepDone
from epitoma.training.loop_config import Clock, LoopConfig
from epitoma.training.sums import Sums
from epitoma.training.trainer import Trainer
from epitoma.training.validator import Validator

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


class _StoppedError(Exception):
    """Training ends before its last epoch, with a checkpoint kept."""


class TrainingLoop:
    """Trains one model on one worker; workers meet in the context.

    Args:
        model: The model as it begins.
        config: How to train it.
        context: Whose worker this is.
        source: Its batches.
    """

    def __init__(
        self, model: VideoEpitoma, config: LoopConfig, context: TrainContext, source: BatchSource
    ) -> None:
        self.module = model.to(context.device)
        self.config = config
        self.context = context
        self.source = source
        self.clock = Clock(epochs=config.optimisation.epochs, steps_per_epoch=source.steps_per_epoch)
        self.trainer = Trainer(self.module, config, context, self.clock)
        self.validator = Validator(self.module, config, context)
        self.calibrator = Calibrator(self.module.selector.gating, config)
        self.progress = Progress()
        self.best: State = {}

    def run(self) -> None:
        """Train to the last epoch, from the newest checkpoint if there is one, unless asked to stop before.

        Raises:
            DivergedError: Gradients are no longer finite.
        """
        self._resume()
        with suppress(_StoppedError):
            self._train()

    def _train(self) -> None:
        if self.config.keep_start and (self.progress.epoch, self.progress.step) == (0, 0):
            self.context.emit(StartValidated(metrics=self._validate(BEFORE_THE_FIRST)))
        for epoch in range(self.progress.epoch, self.clock.epochs):
            if self._has_waited_enough():
                self.context.emit(PatienceSpent(epoch=epoch))
                break
            metrics = self._train_epoch(epoch)
            if self._is_due(epoch, self.config.optimisation.validate_every):
                metrics |= self._validate(epoch)
            self._end_epoch(epoch, metrics)

    def _end_epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        self.progress.epoch, self.progress.step, self.progress.totals = epoch + 1, 0, []
        self.progress.history.append({"epoch": epoch, **metrics})
        self.context.emit(EpochDone(epoch=epoch, metrics=metrics))
        if self._is_due(epoch, self.config.optimisation.checkpoint_epochs) or self._has_waited_enough():
            self.context.save({"epoch": epoch, **metrics}, (epoch + 1, 0), self._write)

    def _has_waited_enough(self) -> bool:
        """Whether validation has found nothing better for as long as the run has patience."""
        patience = self.config.optimisation.patience
        scored = [row for row in self.progress.history if "validation/score" in row]
        scores = [row["validation/score"] for row in scored if self._is_settled(int(row["epoch"]))]
        return patience is not None and bool(scores) and len(scores) - scores.index(max(scores)) > patience

    def _train_epoch(self, epoch: int) -> dict[str, float]:
        """The rest of an epoch, and what all of it came to."""
        self.trainer.model.train()
        started, sums, done = time.perf_counter(), self._sums_before(), self.progress.step
        videos_before = self._over_workers(sums).videos.item()
        for batch in self.source.training(epoch, first_step=done):
            sums += self.trainer.step(epoch, done, batch.to(self.context.device)).cpu()
            done += 1
            self.context.emit(StepDone(epoch=epoch, step=done, steps=self.clock.steps_per_epoch))
            self._keep_within(epoch, done, sums, is_last=self.context.is_to_stop())
        if done != self.clock.steps_per_epoch:
            raise RuntimeError(
                f"epoch {epoch} had {done} steps where {self.clock.steps_per_epoch} were scheduled"
            )
        means = self._over_workers(sums).means()
        seconds = time.perf_counter() - started
        return {
            **{f"train/{name}": value for name, value in means.items()},
            "train/target_ratio": self.trainer.sparsity.current_target(self.clock.share_done(epoch + 1, 0)),
            "train/videos_per_second": (means["videos"] - videos_before) / seconds,
        }

    def _sums_before(self) -> Sums:
        return Sums.resumed(self.progress.totals, rank=self.context.rank, world_size=self.context.world_size)

    def _over_workers(self, sums: Sums) -> Sums:
        return Sums.from_tensor(self.context.sum(sums.tensor().to(self.context.device)))

    def _keep_within(self, epoch: int, step: int, sums: Sums, *, is_last: bool) -> None:
        """Keep a checkpoint in the middle of an epoch if one is due, or if training stops here."""
        if not is_last and not self._is_due_within(epoch, step):
            return
        self.progress.step, self.progress.totals = step, self.context.gather(sums.tensor().tolist())
        self.context.save({}, (epoch, step), self._write)
        if is_last:
            raise _StoppedError

    def _is_due_within(self, epoch: int, step: int) -> bool:
        every, number = self.config.checkpoint_steps, self.clock.number(epoch, step)
        return every is not None and number % every == 0 and step < self.clock.steps_per_epoch

    def _validate(self, epoch: int) -> dict[str, float]:
        """Score the validation split with the average of the weights; the best model is kept."""
        with self.trainer.average.applied():
            seen = self.validator.validate(self.source.validation())
            score = self.validator.score(seen)
            # While the sparsity is still being turned up, a model may keep more timesteps than it will have to.
            if epoch == BEFORE_THE_FIRST or self._is_settled(epoch):
                reason = self.validator.collapse(seen)
                if reason is not None:
                    self.context.emit(Collapsed(reason=reason))
                if self.progress.best_score is None or score >= self.progress.best_score:
                    self.progress.best_score, self.progress.best_epoch = score, epoch
                    self.calibrator.calibrate(seen)
                    self.best = state_of(self.module)
        return {"validation/score": score, "validation/timesteps": seen.kept}

    def _is_settled(self, epoch: int) -> bool:
        return self.clock.share_done(epoch + 1, 0) >= self.trainer.sparsity.sparse_from

    def _is_due(self, epoch: int, every: int) -> bool:
        return (epoch + 1) % every == 0 or epoch + 1 == self.clock.epochs

    def _write(self, folder: Path) -> None:
        self.progress.multiplier = self.trainer.sparsity.multiplier
        save_training(
            folder,
            model=state_of(self.module),
            average=self.trainer.average.average,
            best=self.best or state_of(self.module),
            optimizers=self.trainer.optimizers,
            progress=self.progress,
        )

    def _resume(self) -> None:
        folder = self.context.saved()
        if folder is None:
            return
        model, average, best, self.progress = load_training(folder, optimizers=self.trainer.optimizers)
        self.module.load_state_dict(model)
        self.trainer.average.load(average)
        self.best = best if self.progress.best_score is not None else {}
        self.trainer.sparsity.multiplier = self.progress.multiplier
        progress = self.progress
        # A copy, since whoever watches in this process would else see the history grow.
        history = list(progress.history)
        self.context.emit(Resumed(epoch=progress.epoch, step=progress.step, history=history))
