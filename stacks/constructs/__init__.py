"""What the stacks are made of; each construct holds one capability."""
