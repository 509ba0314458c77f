"""What exists in AWS: one stack per file, and beside them the constructs they are made of."""
