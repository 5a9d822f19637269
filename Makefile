# The two commands of this project are `make run` and `make test`; both work in a fresh clone.
# This file only names them: CMake and Ninja build, the scripts in tools/setup/ do the rest.
.PHONY: help run test deps build clean
.DEFAULT_GOAL := help

export ARGS BUILD JOBS YES

help:
	@echo 'make run     install what is missing (asks first), build, run `aisp bench run`'
	@echo 'make test    the same set-up, then every test'
	@echo 'make deps    only install what is missing'
	@echo 'make build   only build, in build/'
	@echo 'make clean   remove build/ (records in artifacts/ stay)'
	@echo
	@echo 'ARGS="..."   goes to aisp bench run, or to ctest     JOBS=N   build and test jobs'
	@echo 'BUILD=DIR    another build folder                     YES=1    root: do not ask'

run:
	@tools/setup/run.sh

test:
	@tools/setup/test.sh

deps:
	@tools/setup/deps.sh

build:
	@tools/setup/deps.sh
	@tools/setup/build.sh

clean:
	@cmake -E rm -rf $(or $(BUILD),build)
