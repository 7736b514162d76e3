"""Progress bars: one way to show them, and none where nobody asked."""


def progress_bar(shown, *things, **options):
    """A tqdm bar over `things`, a notebook's own in notebooks; silent where it is not to be shown."""
    if shown:
        from tqdm.auto import tqdm
    else:
        from tqdm import tqdm  # tqdm.auto warns in notebooks without widgets
    return tqdm(*things, disable=not shown, **options)
