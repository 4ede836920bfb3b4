"""Tools of the repository that `make` calls: generated pages, promotion, images, lint."""
