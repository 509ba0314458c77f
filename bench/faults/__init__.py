"""
The crash harness: what a rotation survives, whatever it rotates.

A rotator (an `Arena` and a strategy) is put through every entry of `FAULTS`, at every call it
makes to the outside; then Secrets Manager's retry is played and the invariants are checked.
"""
