"""Training with Ray Train: workers that run the training loop, their batches, and the events they emit."""
