"""Rotation of AWS-held secrets, scanning for the ones that leaked, and the loop that joins them."""
