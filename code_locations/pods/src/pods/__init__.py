"""Pods of runs and steps: says why they fail, and leaves none behind.

Used by the daemon's image and, for the executor `k8s-job`, by the code locations' images.
"""
