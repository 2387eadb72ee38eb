"""The ways out: what a transport promises, and the three that keep it (wire, relay, folder)."""
