"""A local AWS account as people leave theirs: made by a seed, with leaks among look-alikes."""
