"""Cost of computation and decoding, in GMACs as in the paper and in milliseconds of this machine."""
