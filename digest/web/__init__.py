"""The pages' application; the readers' own pages come from `subscribers.web`."""
