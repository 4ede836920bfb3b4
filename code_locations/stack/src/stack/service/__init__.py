"""`stack service`: what `make dev` opens, as a service that outlives logout and reboot.

`parts` are the processes; `running` is what each of them does. `systemd` and `launchd` write the
files from which the machine's own supervisor starts them, and query it; `supervisor` is what the
two have in common, and chooses one. `logfile` is for launchd, which keeps no log. `cli` is the
command.
"""
