"""Nothing that was promised is lost: what kill.py, power.py and flips.py are made of."""
