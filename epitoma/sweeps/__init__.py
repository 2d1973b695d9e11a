"""What the trials of a sweep come to: results, the Pareto front, and what chance adds to the best of many."""
