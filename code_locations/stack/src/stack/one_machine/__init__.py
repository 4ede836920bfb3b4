"""What only the one-machine stack needs: `make run` and `make dev`."""
