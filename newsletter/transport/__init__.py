"""The ways out: what a transport promises, and the two that keep it."""
