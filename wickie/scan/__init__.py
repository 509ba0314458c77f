"""Looks for credentials where they should not be: sources, detectors, and what joins them."""
