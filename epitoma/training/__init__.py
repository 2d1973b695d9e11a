"""Training without Ray: schedule, batches, loop, checkpoints."""
