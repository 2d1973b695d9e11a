"""Parts of `benchmarks/scale.py`: what is measured, what follows, and the page that says it."""
