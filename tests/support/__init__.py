"""What tests of several layers share.

Processes: `stack_process`, `dev`, `daemon`, `webserver`, `servers`, `http_server`, `holder`,
`fake_connector`. Data and results: `books`, `incoming`, `contents`, `dbt`, `reports`. `how_to`
follows the pages of docs/how-to.
"""
