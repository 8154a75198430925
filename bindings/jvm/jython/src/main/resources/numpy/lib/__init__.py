"""numpy.lib"""
from __future__ import absolute_import

from numpy.lib import stride_tricks
