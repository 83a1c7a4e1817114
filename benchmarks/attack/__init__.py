"""What the attack programs share: hostile updates and frames, honest sessions, and how one is tried on a room."""
