"""Whether surveys agree: tests with their null distributions, and what each could have seen."""
