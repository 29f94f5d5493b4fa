"""The routing core: facts in, a decision with its explanation out."""
