"""Stays, so that others can look for this micro-VM."""
import time

time.sleep(300)
