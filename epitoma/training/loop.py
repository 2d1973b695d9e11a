"""The training loop: epochs of steps, validation, the best model, checkpoints and resuming."""

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from epitoma.core.errors import DivergedError
from epitoma.models.parts import Annealed
from epitoma.models.videoepitoma import VideoEpitoma
from epitoma.training.batch import Batch
from epitoma.training.best_epoch import better
from epitoma.training.calibrator import Calibrator
from epitoma.training.checkpoint import Progress, State, load_training, save_training, state_of
from epitoma.training.context import TrainContext
from epitoma.training.events import Collapsed, EpochDone, PatienceSpent, Resumed, StartValidated, StepDone
from epitoma.training.history import BEST, SCORE, START_EPOCH, TIMESTEPS, validations_without_progress
from epitoma.training.loop_config import Clock, LoopConfig
from epitoma.training.sums import Sums
from epitoma.training.trainer import Trainer
from epitoma.training.validator import Validation, Validator


class BatchSource(Protocol):
    """Source of one worker's batches."""

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps per epoch, the same for every worker."""
        ...

    def training(self, epoch: int, *, first_step: int = 0) -> Iterable[Batch]:
        """This worker's batches of an epoch, one per step, from ``first_step`` on."""
        ...

    def validation(self) -> Iterable[Batch]:
        """This worker's batches of the validation split."""
        ...


class _StoppedError(Exception):
    """Raised within an epoch to end training, after a checkpoint is saved."""


class TrainingLoop:
    """Trains one model on one worker; the context connects it with the other workers.

    Args:
        model: The model to train.
        config: How to train it.
        context: Context of this worker.
        source: Batches of this worker.
    """

    def __init__(
        self, model: VideoEpitoma, config: LoopConfig, context: TrainContext, source: BatchSource
    ) -> None:
        self.module = model.to(context.device)
        self.config = config
        self.context = context
        self.source = source
        self.clock = Clock(epochs=config.optimisation.epochs, steps_per_epoch=source.steps_per_epoch)
        self.trainer = Trainer(self.module, config, context)
        self.validator = Validator(self.module, config, context)
        self.calibrator = Calibrator(self.module.gating, config)
        # With several labels a video, its best class says little.
        self._told = {"loss", "timesteps", "videos"} | (set() if config.multi_label else {"accuracy"})
        self.progress = Progress()
        self.best: State = {}

    def run(self) -> None:
        """Train to the last epoch, from the newest checkpoint if there is one, until asked to stop.

        Raises:
            DivergedError: Scores or gradients are no longer finite.
        """
        self._resume()
        rates = self.config.optimisation
        try:
            with suppress(_StoppedError):
                self._train()
        except DivergedError as error:
            raise DivergedError(
                f"training diverged, {error}: lower optimisation.learning_rate ({rates.learning_rate:g}) or "
                f"network_learning_rate ({rates.network_learning_rate:g})"
            ) from error

    def _train(self) -> None:
        if self.config.keep_start and (self.progress.epoch, self.progress.step) == (0, 0):
            self.context.emit(StartValidated(metrics=self._validate(START_EPOCH)))
        for epoch in range(self.progress.epoch, self.clock.epochs):
            if self._is_patience_spent():
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
        is_validated = self._is_due(epoch, self.config.optimisation.validate_every)
        if is_validated or self._is_due_by_steps(epoch, self.clock.steps_per_epoch):
            self.context.save({"epoch": epoch, **metrics}, (epoch + 1, 0), self._write)

    def _is_patience_spent(self) -> bool:
        """Whether at least ``patience`` validations have passed since the last that was progress."""
        patience = self.config.optimisation.patience
        since = validations_without_progress(self.progress.history, prefers_sparse=self._prefers_sparse)
        return patience is not None and since >= patience

    @property
    def _prefers_sparse(self) -> bool:
        """Where the loss sets how many timesteps are kept, their number is a reason to keep an epoch."""
        return self.config.sparsity.mode == "l0_weight"

    def _train_epoch(self, epoch: int) -> dict[str, float]:
        """Train the remaining steps of an epoch; returns the metrics of the whole epoch."""
        self.trainer.parallel_model.train()
        started, sums, done = time.perf_counter(), self._sums_before(), self.progress.step
        # For the speed: videos of a resumed epoch that were counted before the checkpoint took no time now.
        videos_before = self._over_workers(sums).videos.item()
        annealed = [part for part in self.module.modules() if isinstance(part, Annealed)]
        for batch in self.source.training(epoch, first_step=done):
            for part in annealed:
                part.anneal(self.clock.number(epoch, done) / self.clock.steps)
            sums += self.trainer.step(epoch, done, batch.to(self.context.device)).cpu()
            done += 1
            self.context.emit(StepDone(epoch=epoch, step=done, steps=self.clock.steps_per_epoch))
            self._keep_within(epoch, done, sums, is_last=self.context.should_stop())
        if done != self.clock.steps_per_epoch:
            raise RuntimeError(
                f"epoch {epoch} had {done} steps where {self.clock.steps_per_epoch} were scheduled"
            )
        means = self._over_workers(sums).means()
        seconds = time.perf_counter() - started
        return {
            **{f"train/{name}": value for name, value in means.items() if name in self._told},
            "train/videos_per_second": (means["videos"] - videos_before) / seconds,
        }

    def _sums_before(self) -> Sums:
        return Sums.resumed(self.progress.totals, rank=self.context.rank, world_size=self.context.world_size)

    def _over_workers(self, sums: Sums) -> Sums:
        return Sums.from_tensor(self.context.sum(sums.tensor().to(self.context.device)))

    def _keep_within(self, epoch: int, step: int, sums: Sums, *, is_last: bool) -> None:
        """Save a checkpoint in the middle of an epoch if one is due, or if training stops here."""
        is_due = step < self.clock.steps_per_epoch and self._is_due_by_steps(epoch, step)
        if not is_last and not is_due:
            return
        self.progress.step, self.progress.totals = step, self.context.gather(sums.tensor().tolist())
        self.context.save({}, (epoch, step), self._write)
        if is_last:
            raise _StoppedError

    def _is_due_by_steps(self, epoch: int, step: int) -> bool:
        every = self.config.checkpoint_steps
        return every is not None and self.clock.number(epoch, step) % every == 0

    def _validate(self, epoch: int) -> dict[str, float]:
        """Validate, and keep the best model."""
        seen = self.validator.validate(self.source.validation())
        score = self.validator.score(seen)
        if (reason := self.validator.collapse(seen)) is not None:
            self.context.emit(Collapsed(reason=reason))
        best = self._keep_if_better(epoch, score, seen)
        return {SCORE: score, TIMESTEPS: seen.kept, BEST: best}

    def _keep_if_better(self, epoch: int, score: float, seen: Validation) -> int:
        """Keep this model if it is better than what is kept; returns the number of the epoch that is kept."""
        self.progress.best = better(
            self.progress.best,
            epoch=epoch,
            score=score,
            timesteps=seen.kept,
            videos=len(seen.kept_V),
            prefers_sparse=self._prefers_sparse,
        )
        if self.progress.best.epoch == epoch:
            self.calibrator.calibrate(seen)
            self.best = state_of(self.module)
        return self.progress.best.epoch

    def _is_due(self, epoch: int, every: int) -> bool:
        return (epoch + 1) % every == 0 or epoch + 1 == self.clock.epochs

    def _write(self, folder: Path) -> None:
        self.progress.multiplier = self.trainer.sparsity.multiplier
        save_training(
            folder,
            model=state_of(self.module),
            best=self.best or state_of(self.module),
            optimizer=self.trainer.optimizer,
            progress=self.progress,
        )

    def _resume(self) -> None:
        folder = self.context.saved()
        if folder is None:
            return
        model, best, self.progress = load_training(folder, optimizer=self.trainer.optimizer)
        self.module.load_state_dict(model)
        self.best = best if self.progress.best is not None else {}
        self.trainer.sparsity.multiplier = self.progress.multiplier
        progress = self.progress
        # A copy: a watcher in this process would otherwise see the list grow.
        history = list(progress.history)
        self.context.emit(Resumed(epoch=progress.epoch, step=progress.step, history=history))
