"""How the site is built; `docs/build.sh` builds it."""

import os
import re
import sys
import warnings
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.pop("MPLBACKEND", None)  # notebooks draw inline
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
os.environ["BAYESJOINT_REPOSITORY"] = str(HERE.parent)  # where notebooks and gallery find the case studies' data
warnings.filterwarnings("ignore", message="\nArviZ is undergoing", category=FutureWarning)

import arviz  # noqa: E402, F401  # its notice of once a day comes here, and not in a notebook
import latex2mathml.converter  # noqa: E402
import matplotlib.font_manager  # noqa: E402, F401  # builds its cache, likewise
from docutils.nodes import SkipNode  # noqa: E402

import bayesjoint  # noqa: E402

project, author = "bayesjoint", "The bayesjoint developers"
copyright = author
version = release = bayesjoint.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc",
              "sphinx_gallery.gen_gallery", "myst_nb"]
exclude_patterns = ["_build", "_templates", "gallery_src", "sg_execution_times.rst",
                    *(f"gallery/{name}" for name in ("*.ipynb", "*.md5", "*.py", "*.json", "sg_execution_times.rst"))]
templates_path = ["_templates"]
nitpicky = True

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_output_stderr = "remove-warn"
nb_mime_priority_overrides = [("html", "text/html", 30)]  # plain text of surveys and datasets is shorter
nb_execution_timeout = 300

sphinx_gallery_conf = {
    "examples_dirs": "gallery_src",
    "gallery_dirs": "gallery",
    "filename_pattern": "/plot_",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "capture_repr": (),
    "abort_on_example_error": True,
    "default_thumb_file": str(HERE / "kalgoorlie_window.png"),
    "copyfile_regex": r"(?!)",
}

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "bayesjoint"
html_static_path, html_css_files = ["_static"], ["site.css"]
html_theme_options = {"show_prev_next": False, "navigation_with_keys": False, "secondary_sidebar_items": ["page-toc"],
                      "header_links_before_dropdown": 8}
html_show_sourcelink = False
html_show_copyright = False

LONE_STAR = re.compile(r"(?<![\w*\\])(\*{1,2})(?=\w)(?![^*]*\w\*)")


def plain_signs(app, what, name, obj, options, lines):
    """Keep |m| and *names* of docstrings text, where reStructuredText sees substitutions and emphasis."""
    doctest = literal = False
    for i, line in enumerate(lines):
        bare = line.strip()
        doctest = bare.startswith(">>>") or (doctest and bool(bare))
        literal = bare.startswith(".. math::") or (literal and (not bare or line[:1] == " "))
        if doctest or literal:
            continue
        spans = re.split(r"(``.*?``|:\w+:`.*?`|`.*?`_*)", line)
        spans[::2] = [LONE_STAR.sub(lambda star: star[1].replace("*", r"\*"), re.sub(r"(?<!\\)\|", r"\\|", span))
                      for span in spans[::2]]
        lines[i] = "".join(spans)


def shown_math(display):
    """Visitor that writes a formula as MathML, which browsers draw by themselves: no script, no network."""
    def visit(self, node):
        self.body.append(latex2mathml.converter.convert(node.astext(), display=display))
        raise SkipNode
    return visit, None


def setup(app):
    """Connect what is written above; after numpydoc, whose priority is 500."""
    app.add_html_math_renderer("mathml", shown_math("inline"), shown_math("block"))
    app.connect("autodoc-process-docstring", plain_signs, priority=600)
