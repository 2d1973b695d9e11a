"""Ray Train around the training loop: workers, their batches, and events for the person watching."""
