"""The fast path: the inputs of a usual :predict request, read in a few passes at C speed.

Everything here either gives the same inputs as the exact rules or gives up (None); then the exact rules decide, and
word the error. So the exact rules stay readable and the usual request stays fast.

One difference is known: a number that lies within the last bit of a double of the middle between two float32 may become
the other one, since RapidJSON does not always find the nearest double; and a zero with a huge exponent is not an error.
"""
