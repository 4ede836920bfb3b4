"""Remediation of data that an alert says is wrong: which alerts start it, on what, how it ended.

`inbox` is the folder of alerts, `policy` what is done with an alert, `handling` what became of
the runs it started, `tick` and `sensor` put these together; `scope`, `isolation` and `handover`
are for the stages of `data_quality_remediation_pipeline`.
"""
