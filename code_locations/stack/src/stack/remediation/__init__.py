"""Remediation of data that an alert reports as wrong: what starts it, what it covers, how it ended.

`inbox` is the folder of alerts, `policy` decides which alerts are remedied, `handling` reports the
outcome of the runs they started, and `tick` and `sensor` put these together. `scope`, `isolation`
and `handover` serve the stages of `data_quality_remediation_pipeline`.
"""
