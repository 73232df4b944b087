# The commands of the course. `make` alone lists them.
# PYTHON names the Python that .venv is made from; OPTIONS is handed on to JupyterLab.

PYTHON ?= python3
ifndef HOME
# A user id without a name, as in a container, may have no home directory; JupyterLab does not start without one.
export HOME := $(patsubst ~,$(or $(COURSE_HOME),$(CURDIR)/.course),$(shell $(PYTHON) -c 'import os; print(os.path.expanduser("~"))'))
endif
UV := $(shell uv --version >/dev/null 2>&1 && echo uv)
NEW_ENVIRONMENT = $(if $(UV),uv venv --quiet --seed --python $(PYTHON),$(PYTHON) -m venv) .venv
INSTALL = $(if $(UV),uv pip install --python .venv/bin/python,.venv/bin/python -m pip install --disable-pip-version-check)
COMPILE = .venv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url $(if $(UPGRADE),--upgrade)
LAB = .venv/bin/python -m course.lab $(OPTIONS)
PYTEST = .venv/bin/python -m pytest -p tests.fast_start --durations=10 --durations-min=0.5
TESTED = $(if $(COVERAGE),$(subst -m pytest,-m coverage run --parallel-mode -m pytest,$(PYTEST)),$(PYTEST))
NBVAL = $(PYTEST) -p tests.nbval_gate -p no:schemathesis --nbval-current-env --nbval-cell-timeout=120 \
	--nbval-sanitize-with=tests/nbval_sanitize.cfg

.PHONY: help lab test test-external test-busy test-pauses test-lock site slides new build format bench class class-load lock update clean
.NOTPARALLEL:

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile

lab: .venv/.ready  ## install what is missing and open JupyterLab where you stopped, at first lesson 00
	@$(LAB)

test: export PYTHONDONTWRITEBYTECODE :=
test: export COURSE_TEST_BEGAN := $(or $(COURSE_TEST_BEGAN),$(shell date +%s))
test: .venv/.ready  ## every gate; with LESSON=04b, those of one lesson; with COVERAGE=1, which lines of `course/` no test reaches
ifdef LESSON
	@.venv/bin/python -m tests.one_lesson $(LESSON)
else
	.venv/bin/python -m ruff check course tests
	.venv/bin/python -m ruff format --check course tests
	@.venv/bin/python -m tests.side_by_side ".venv/bin/python -m mypy" ".venv/bin/python -m course.build --check"
	$(if $(COVERAGE),@.venv/bin/python -m coverage erase)
	@.venv/bin/python -m tests.side_by_side \
		"$(TESTED) tests --ignore=tests/checks --ignore=tests/test_browser.py --ignore-glob=tests/test_[l-z]*" \
		"$(NBVAL) --nbval solutions" \
		"$(TESTED) tests/checks" \
		"$(NBVAL) --nbval-lax lessons" \
		"$(TESTED) tests --ignore=tests/checks --ignore=tests/contract --ignore=tests/test_site.py --ignore-glob=tests/test_[!l-z]*" \
		"$(TESTED) tests/test_browser.py" \
		"$(TESTED) tests/test_site.py"
	$(if $(COVERAGE),@.venv/bin/python -m coverage combine --quiet)
	$(if $(COVERAGE),@.venv/bin/python -m coverage report)
	@echo "All gates passed in $$(($$(date +%s) - COURSE_TEST_BEGAN)) s."
endif

new: .venv/.ready  ## a new lesson, ready to build: make new LESSON=16 NAME=change_the_model
	@.venv/bin/python -m course.new "$(LESSON)" $(NAME)

test-external: .venv/.ready  ## every lesson twice on servers that were started apart from them; takes several minutes
	COURSE_TEST_EXTERNAL=1 $(PYTEST) tests/test_external.py

test-pauses: .venv/.ready  ## lessons whose reader takes a minute before each cell; all take 50 minutes; with LESSON="05 13", these alone
	.venv/bin/python -m tests.pauses $(LESSON)

test-busy: .venv/.ready  ## lessons on one core that is busy otherwise too; with LESSON="05 13", these alone
	.venv/bin/python -m tests.busy $(LESSON)

site: .venv/.site  ## the whole course as static pages, into _site/html
	.venv/bin/python -m course.site

test-lock: .venv/.ready  ## the locks hold for Python 3.11 to 3.14 on Linux and macOS; asks the package index
	COURSE_TEST_LOCK=1 $(PYTEST) tests/test_lock.py

build: .venv/.ready  ## execute solutions/*.md and derive the lessons
	.venv/bin/python -m course.build

format: .venv/.ready  ## format the package, the tests and the code in solutions/*.md
	.venv/bin/python -m ruff format course tests
	.venv/bin/python -m course.build --format

slides: .venv/.slides  ## a deck of slides for each lesson, and the handout to print, into build/slides; with LESSON="04 05", these
	@.venv/bin/python -m course.slides $(LESSON)

bench: .venv/.ready  ## how fast servers start, how long people wait, both applications side by side; BENCH=1m: a million documents
	$(if $(filter-out 1m,$(BENCH))$(word 2,$(BENCH)),$(error BENCH may be 1m: `make bench BENCH=1m`. For another number, see tests/million.py))
	.venv/bin/python -m tests.scoreboard
	$(if $(BENCH),.venv/bin/python -m tests.million $(BENCH))
	.venv/bin/python -m tests.waits
	.venv/bin/python -m tests.bench

class: .venv/.class  ## a class on this machine, as root: see docs/teaching/server.md; OPTIONS are those of `course.classroom start`
	@.venv/bin/python -m compileall -q -j 0 .venv/lib course  # learners may not: each start of theirs would do it anew
	@.venv/bin/python -m course.classroom start $(OPTIONS)

class-load: .venv/.class  ## LEARNERS=12 at once run lesson 04 in a class: what it takes; as root, some minutes
	.venv/bin/python -m tests.class_load $(LEARNERS)

lock:  ## make requirements.txt, and those of the extras, from pyproject.toml; keeps the versions they have, unless UPGRADE=1
	@test -x .venv/bin/uv || $(MAKE) .venv/.ready
	echo "-e ." | $(COMPILE) --output-file requirements.txt -
	@grep -v "^-e" requirements.txt > .venv/.locked
	echo "-e .[site]" | $(COMPILE) --constraint .venv/.locked --output-file requirements-site.txt -
	echo "-e .[slides]" | $(COMPILE) --constraint .venv/.locked --output-file requirements-slides.txt -
	echo "-e .[class]" | $(COMPILE) --constraint .venv/.locked --output-file requirements-class.txt -

update: .venv/.ready  ## get the newest course; your notebooks are kept beside the new ones
	.venv/bin/python -m course.update

clean:  ## remove what the servers keep, here and on external ones, and caches; your notebooks, progress and .venv stay
	@$(or $(wildcard .venv/bin/python),$(PYTHON)) -m course.clean

# An environment that does not run, or that was installed for a checkout at another place, is made or installed anew.
ifneq ($(shell .venv/bin/python -c 'print(open(".venv/.ready").read())' 2>/dev/null),$(CURDIR))
.PHONY: .venv/.ready
endif
.venv/.ready: requirements.txt pyproject.toml
	@.venv/bin/python -c '' 2>/dev/null || $(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v < (3, 11) and \
		"Python 3.11 or newer is needed, found %d.%d. Nothing was installed. Install a newer one and name it, as in: make lab PYTHON=python3.12" % v)'
	@.venv/bin/python -c '' 2>/dev/null || { rm -rf .venv && $(NEW_ENVIRONMENT); }
	@echo "Installing what the course needs into .venv: once, with pip some minutes."
	@$(INSTALL) -r requirements.txt
	@pwd -P > $@
# What an extra takes besides: the web site, slides, a class.
.venv/.site .venv/.slides .venv/.class: .venv/.%: requirements-%.txt .venv/.ready
	@echo "Installing what the extra '$*' takes."
	@$(INSTALL) -r requirements-$*.txt
	@touch $@
