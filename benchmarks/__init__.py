"""Budgets of the design, measured as ratios in one run."""
