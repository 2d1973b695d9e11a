"""Files: atomic writes, allowed folders and addresses, ownership checks, JSON and Parquet."""
