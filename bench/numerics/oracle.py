"""The oracle's helpers, which lie beside the repository."""
import os
import sys

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), *['..'] * 3, 'shared', 'oracle', 'peer')
sys.path.insert(0, os.path.normpath(folder))
import common  # noqa: E402,F401
