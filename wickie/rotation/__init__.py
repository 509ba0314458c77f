"""Rotation: the steps Secrets Manager asks for, and what wickie does around them."""
