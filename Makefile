# make demo         one command: the whole system on loopback, and a fax through it
# make test         all tests, against real servers
# make test-fast    the unit tests: no server, seconds
# make test-sql     the schema and the queries, on a bare PostgreSQL of their own
# make test-random  all tests in random order
# make check        lint, types, layers, catalogues, shell, documentation
# make docs         build the documentation into var/site
# make fmt          format the Python code
# make schema       write sql/schema.sql anew from the migrations
# make messages     bring the catalogues of all languages up to date with the code

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export NO_MKDOCS_2_WARNING := 1

.PHONY: demo test test-fast test-sql test-random check docs fmt messages schema lock install clean

install:
	@./install.sh

demo: install
	@vfax demo

test: install
	@pytest

test-fast: install
	@pytest tests/unit

test-sql: install
	@pytest tests/sql

test-random: install
	@pytest -p randomly

check: install
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	python -m spandsp_bridge.i18n check
	shellcheck install.sh .ci/run
	mkdocs build --quiet --strict

docs: install
	mkdocs build --strict

fmt: install
	ruff format .
	ruff check --fix .

messages: install
	python -m spandsp_bridge.i18n update

schema: install
	python -m tests.support.schema

# Pin again what pyproject.toml asks for.
lock: install
	pip install --quiet uv
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --all-extras pyproject.toml -o requirements.lock

clean:
	rm -rf .venv var build *.egg-info spandsp_bridge/native/_engine.* .*_cache
