# Two commands on a fresh machine with Python 3.11 or newer: `make book` and `make test`.
# They wrap the plain commands that README.md shows; use those where there is no make.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: book site test browser pdf seeds check bench clean

book: site
	@echo "The site is built. Open: file://$(CURDIR)/_build/html/index.html"

# pip runs again only if what it installs has changed.
$(INSTALLED): requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

site: $(INSTALLED)
	$(BIN)/jupyter-book build book --toc "$(CURDIR)/_toc.yml" -W --keep-going -n --all

test: site
	$(BIN)/pytest

# The built site in a real browser: needs Chromium or Chrome on the PATH.
browser: site
	$(BIN)/pytest -n 2 -m browser tests/site

# The whole course as one PDF, which the site then offers. Needs Chromium or Chrome; without one it says so.
pdf: site
	$(BIN)/python tools/make_pdf.py
	$(MAKE) site

# Every chapter with other seeds: its claims must hold for them too. Takes about ten minutes.
seeds: $(INSTALLED)
	$(BIN)/python tools/run_seeds.py --seeds 0 1 2 3 4

# Rules for notebooks and code style, in seconds.
check: $(INSTALLED)
	$(BIN)/python tools/check_notebooks.py
	$(BIN)/ruff check .

bench: $(INSTALLED)
	$(BIN)/python benchmarks/universes.py
	$(BIN)/python benchmarks/ebgan.py
	$(BIN)/python benchmarks/contrastive.py
	$(BIN)/python benchmarks/lighthouse.py

clean:
	rm -rf _build
