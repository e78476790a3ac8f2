"""The database of everything that was measured: runs, calls, loads and the hashes of model files.

`store.py` is what the rest of llmpick uses; `location.py` says where the database lies, `schema.py` what is in it,
`migrations/` how an older one is brought up to date, `alive.py` how two processes keep out of each other's run, and
`plain_errors.py` what a user reads when the disk is full.
"""
