"""The benchmarks: every workload checked against an independent decoding first, then timed with its peers, interleaved.

Run them with `scripts/bench`. `corpus` makes the input, `peers` is what others do with it, `timing` is the clock,
`report` the table; every other module is a group of workloads.
"""
