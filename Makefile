# Two commands on a fresh machine with Python 3.11 or newer: `make book` and `make test`.
# They wrap the plain commands that README.md shows; use those where there is no make.
#   JOBS=4     four chapters at once (default: one for each core, tests likewise)
#   TORCH=cpu  PyTorch without CUDA, when .venv is made; TORCH_INDEX= names another index for it
#   V=1        all that pip, Sphinx and the chapters say
PYTHON ?= python3
BIN := .venv/bin
export JOBS TORCH TORCH_INDEX V

.PHONY: book installed test browser pdf seeds register report check bench address bundle korean matrix processors clean

book: installed
	@$(BIN)/python tools/build.py

# Does nothing unless what it installs has changed.
installed:
	@$(PYTHON) tools/install.py

# One thread for each test: as many tests as cores run at a time.
test: book
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(or $(JOBS),logical) --dist loadfile --no-loadscope-reorder $(if $(V),-v,-q)

# The built site in a real browser: needs Chromium or Chrome on the PATH.
browser: book
	$(BIN)/pytest -n 2 -m browser tests/site

# The whole course as one PDF, which the site then offers. Needs Chromium or Chrome; without one it says so.
pdf: book
	$(BIN)/python tools/make_pdf.py
	@$(BIN)/python tools/build.py

# Every chapter with other seeds: its claims must hold for them too. Takes most of an hour.
seeds: installed
	$(BIN)/python tools/run_seeds.py --seeds 0 1 2 3 4

# The register of claims: every chapter on 20 seeds; only what is missing, or was recorded before an edit, is run.
register: installed
	$(BIN)/python -m helpers.studies register

# Does it hold on this machine? A report of all claims with versions, ready to be pasted into an issue.
report: installed
	$(BIN)/python tools/run_seeds.py --seeds 0 --budget-warns --report _build/report.md

# Rules for notebooks, words, spelling and code style, in seconds.
check: installed
	$(BIN)/python tools/check_notebooks.py
	$(BIN)/python tools/check_words.py
	$(BIN)/codespell
	$(BIN)/ruff check .

bench: installed
	$(BIN)/python benchmarks/parallel_runs.py
	$(BIN)/python benchmarks/ebgan.py
	$(BIN)/python benchmarks/contrastive.py
	$(BIN)/python benchmarks/lighthouse.py

# The Korean edition's catalogues: bring them up to the English text, and name what is not translated. Needs the site.
korean: installed
	$(BIN)/python tools/korean.py update
	$(BIN)/python tools/korean.py check

# Where the course lives, for good: make address REPO=OWNER/NAME
address: installed
	$(BIN)/python tools/address.py "$(REPO)"

# Site, notebooks, helpers (and the PDF, if it was made) in one file that needs no network.
bundle: book
	$(BIN)/python tools/bundle.py

# The helpers with Python 3.11, 3.12 and 3.13, as far as they are there, and the oldest and newest packages: half an hour.
matrix: installed
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python tools/matrix.py

# Tests and chapters as on other processors: more than an hour.
processors: installed
	$(BIN)/python tools/processors.py

clean:
	rm -rf _build
