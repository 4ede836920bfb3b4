"""What is wrong, derived from facts: incidents open, change and close.

`model` has the shapes. `found` judges facts: `of_runs` pipelines, schedules and daemons, `of_data`
tables, checks and files, `of_stores` stores and disks, `of_safety` the queue, backups and
certificates; `all_of_it` combines them and finds what follows from what. `ledger` compares the
findings with what is known. All are pure functions; `observability.messages` stores and sends the
outcome.
"""
