"""A service whose imports take long."""

import sys
import time

sys.stdout.write("importing\n")
sys.stdout.flush()
time.sleep(60)
