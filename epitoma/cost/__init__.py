"""What computing and decoding cost: in GMACs, as the paper counts them, and in milliseconds of this machine."""
