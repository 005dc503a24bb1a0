"""`cartwheel bench`: what a request costs here, beside other ways to write the same service.

A bench is a set of variants (how to start a server), a workload (the requests to send) and checks
(requests that every variant must answer alike). `rounds` measures the variants in shuffled order;
`report` turns the samples into tables, JSON and a chart.
"""
