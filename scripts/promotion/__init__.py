"""Promotes images from one environment to the next, given proof that they work.

- `cli`: the commands. `settings`: variables.
- `promoting`: what is promoted or rolled back, why not, and what is said about it.
- `images`: the file `images.yaml` of each environment.
- `proof`: what an environment shows about its images, and what that doesn't prove. `looking` reads
  it from the run storage, `cluster` from Kubernetes.
- `contracts`: what locations of different commits need from each other.
- `rendering`: the difference in Kubernetes objects. `marts`: the difference in data, which
  `marts_told` puts into words.
- `watching`: whether an environment got its images, and works with them.
- `proposing`, `message`: the branch, its commit and its pull request. `repository` is git,
  `forge` GitHub or gitea.
"""
